#include "run.h"
#include "digest.h"
#include "enrich.h"
#include "fusion.h"
#include "hash.h"
#include "inputs.h"
#include "log.h"
#include "log_formats.h"
#include "logsource.h"
#include "sinks.h"
#include "study.h"
#include "summary.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

struct job {
	const struct options *options;
	struct config *config;
	struct config *reloaded; /* whose lists and overrides the rules follow since the last SIGHUP; NULL before */
	struct rules *rules;
	struct inputs *inputs;
	struct log_input *log_inputs;
	struct capture *capture;
	struct logs *logs;
	struct logstate *state;
	struct engine *engine;
	struct enrich *enrich;
	struct sinks sinks;
	struct study *study;     /* NULL: nobody asked for an inventory or a report */
	bool level_reached;
	enum level fail_on;
	double started;
	double saved;   /* when the places in the logs were, the last time */
	bool unsaved;   /* there is more since */
	double measured; /* when the numbers for Prometheus were written, the last time */
	bool unmeasured; /* they could not be: said */
};

/* event.file: captures count from 0, logs from here. */
enum { FIRST_LOG_FILE = 49152 };

/* Signals can reach only what is global. */
static struct capture *signalled_capture;
static volatile sig_atomic_t reload_asked, stop_asked;

static void on_stop(int signal)
{
	(void)signal;
	stop_asked = 1;
	capture_stop(signalled_capture);
}

static void on_hangup(int signal)
{
	(void)signal;
	reload_asked = 1;
}

static double wall_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t wall_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * TW_SECOND + (uint64_t)now.tv_nsec;
}

/* --- what a run needs --------------------------------------------------------------------------------------- */

struct config *run_load_config(const char *path)
{
	return path ? config_load(path) : config_default();
}

/* Installed next to the program (PREFIX/sbin, PREFIX/share), else the source tree that it was built from. */
static const char *shipped_rules(void)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 64);
	for (int up = 0; n > 0 && up < 2; up++)
		while (n > 0 && path[--n] != '/')
			;
	if (n > 0) {
		strcpy(path + n, "/share/thingwarden/rules");
		if (access(path, R_OK) == 0)
			return path;
	}
	return TW_SOURCE_RULES;
}

struct rules *run_load_rules(const struct config *config, const char *const *paths)
{
	const char *const shipped[] = {shipped_rules(), NULL};
	bool configured = config->rule_paths && config->rule_paths[0];
	const struct rule_options options = {
		.paths = paths && paths[0] ? paths : configured ? config->rule_paths : shipped,
		.lists = config->lists,
		.list_count = config->list_count,
		.overrides = config->overrides,
		.override_count = config->override_count,
		.secret_salt = digest_salt(),
		.faults = stderr,
	};
	return rules_open(&options);
}

/* Without a salt of its own a live sensor takes a random one; a replay takes a constant, for equal answers. */
static void choose_salt(const struct config *config, bool live)
{
	uint64_t salt = hash_slice(slice_text(config->salt ? config->salt : "thingwarden"), 0);
	if (live && !config->salt && getrandom(&salt, sizeof salt, 0) != sizeof salt)
		log_note("no random numbers from the kernel: secrets are hashed with a constant salt");
	digest_set_salt(salt);
}

static const char *file_name(const void *owner, uint16_t file)
{
	const struct job *job = owner;
	return file < FIRST_LOG_FILE ? capture_file_name(job->capture, file) : logs_file_name(job->logs, file);
}

static bool add_file(struct job *job, const char *path, unsigned takes)
{
	bool screen = strcmp(path, "-") == 0 && isatty(STDOUT_FILENO);
	const char *format = job->options->format;
	if (!format || ((takes & SINK_EVENTS) && !format_find(format)->event)) /* not every format can show events */
		format = screen && !(takes & SINK_EVENTS) ? "text" : "eve";
	const struct config_output output = {.type = "jsonl", .format = format, .path = path,
					     .append = job->state != NULL};
	return sinks_add(&job->sinks, &output, takes | (screen ? SINK_COLOUR : 0u));
}

static bool add_sinks(struct job *job)
{
	const struct options *o = job->options;
	const struct config *config = job->config;
	job->sinks.context = (struct record_context){.file_name = file_name, .owner = job, .sensor_name = config->sensor_name};
	job->sinks.enrich = job->enrich;
	job->sinks.live = o->live;
	if (!sinks_journal(&job->sinks, &config->journal))
		return false;
	if (o->alerts && !add_file(job, o->alerts, SINK_ALERTS))
		return false;
	if (o->events && !add_file(job, o->events, SINK_EVENTS))
		return false;
	for (unsigned i = 0; i < config->output_count; i++)
		if (!sinks_add(&job->sinks, &config->outputs[i],
			       SINK_ALERTS | (config->outputs[i].events ? SINK_EVENTS : 0u)))
			return false;
	return job->sinks.count || add_file(job, "-", SINK_ALERTS);
}

/* An inventory alone has no other way out. */
static bool add_study(struct job *job)
{
	const struct options *o = job->options;
	const struct record_context context = {.file_name = file_name, .owner = job, .sensor_name = job->config->sensor_name};
	if (o->inventory || o->report)
		job->study = study_open(o->report, &context);
	return job->study || !(o->inventory || o->report);
}

static void on_alert(void *context, const struct alert *alert)
{
	struct job *job = context;
	if (job->options->fail_on && alert->rule->level >= job->fail_on)
		job->level_reached = true;
	if (job->study)
		study_alert(job->study, alert);
	sinks_alert(&job->sinks, alert);
}

static void on_log(void *context, const struct event *event)
{
	struct job *job = context;
	engine_log(job->engine, event);
}

static void on_event(void *context, const struct event *event)
{
	struct job *job = context;
	if (job->study)
		study_event(job->study, event);
	sinks_event(&job->sinks, event);
}

static void on_conversation(void *context, const struct conversation *conversation)
{
	struct job *job = context;
	study_conversation(job->study, conversation);
}

static void on_datagram(void *context, const struct packet *packet, const struct datagram *datagram)
{
	struct job *job = context;
	study_datagram(job->study, packet, datagram);
}

/* --- the run ------------------------------------------------------------------------------------------------ */

static void progress(const struct job *job, bool last)
{
	uint64_t done, total;
	if (job->options->quiet || !isatty(STDERR_FILENO))
		return;
	capture_progress(job->capture, &done, &total);
	if (job->logs)
		logs_progress(job->logs, &done, &total);
	if (total)
		fprintf(stderr, "\r%3.0f %%  %llu alerts%s", 100.0 * (double)done / (double)total,
			(unsigned long long)engine_counters(job->engine)->alerts, last ? "\r\033[K" : "");
}

/* Captures and logs, merged by time; at equal times the wire goes first. */
static void replay_loop(struct job *job)
{
	enum { EVERY = 1 << 17 };
	const struct packet *packet;
	uint64_t log_ns;
	bool captured = capture_next(job->capture, &packet) == CAPTURE_PACKET;
	uint64_t told = 0;
	for (uint64_t n = 1; !stop_asked; n++) {
		bool logged = job->logs && logs_peek(job->logs, &log_ns);
		if (captured && (!logged || packet->time_ns <= log_ns)) {
			if (job->study)
				study_packet(job->study, packet);
			engine_packet(job->engine, packet);
			captured = capture_next(job->capture, &packet) == CAPTURE_PACKET;
		} else if (logged) {
			logs_run(job->logs, captured ? packet->time_ns : UINT64_MAX);
			n += 255;
		} else {
			break;
		}
		if (n / EVERY != told)
			progress(job, false);
		told = n / EVERY;
	}
	progress(job, true);
}

/* SIGHUP: the rules as files, lists and overrides are now. Faulty ones change nothing. */
static void reload(struct job *job)
{
	char changed[CONFIG_CHANGES_MAX];
	struct config *config = run_load_config(job->options->config);
	struct rules *rules = config ? run_load_rules(config, job->options->rules) : NULL;
	if (!rules || !engine_exchange(job->engine, rules)) {
		log_error("SIGHUP: the new rules were not taken; the %u old ones go on", rules_count(job->rules));
		rules_close(rules);
		config_free(config);
		enrich_reload(job->enrich, NULL);
		return;
	}
	rules_close(job->rules);
	enrich_reload(job->enrich, &config->enrich);
	engine_macs(job->engine, enrich_wants_macs(job->enrich));
	config_free(job->reloaded);
	job->rules = rules;
	job->reloaded = config;
	log_note("SIGHUP: %u rules loaded", rules_count(rules));
	config_changes(job->config, config, changed);
	if (*changed)
		log_note("SIGHUP: %s: changed in the configuration, taken in at the next start", changed);
}

/* Records are out before the place in the log is saved: what is not is read again. Events that wait for the wire are not out, so
 * it is saved when none waits; where logs never pause, the waiting is cut short now and then. */
static void save_logs(struct job *job)
{
	enum { AT_LEAST_EVERY_S = 30 };
	struct fusion *fusion = engine_fusion(job->engine);
	job->unsaved = true;
	sinks_flush(&job->sinks);
	if (fusion && fusion_holds_log(fusion)) {
		if (wall_seconds() < job->saved + AT_LEAST_EVERY_S)
			return;
		fusion_flush(fusion);
		sinks_flush(&job->sinks);
	}
	if (job->state)
		logs_save(job->logs, job->state);
	job->saved = wall_seconds();
	job->unsaved = false;
}

static void follow_logs(struct job *job)
{
	while (!stop_asked && logs_follow(job->logs, wall_ns()))
		save_logs(job);
}

/* What a person wants to know of a sensor that has just started: what it will not forget. */
static void tell_start(const struct job *job)
{
	if (job->options->quiet)
		return;
	if (job->config->journal.path)
		log_note("watching; alerts are kept in the journal %s until they are delivered", job->config->journal.path);
	else
		log_note("watching; alerts wait for their receivers in memory only: no journal is configured");
}

static struct summary summary_of(const struct job *job)
{
	return (struct summary){job->engine, job->rules, job->capture, job->logs, &job->sinks, wall_seconds() - job->started};
}

static void write_metrics(struct job *job, bool now)
{
	const struct config_stats *stats = &(job->reloaded ? job->reloaded : job->config)->stats;
	if (!stats->file || (!now && wall_seconds() < job->measured + stats->interval_s))
		return;
	struct summary summary = summary_of(job);
	bool good = summary_metrics(stats->file, &summary);
	if (!good && !job->unmeasured)
		log_error("%s: %s", stats->file, strerror(errno));
	job->unmeasured = !good;
	job->measured = wall_seconds();
}

static void watch_loop(struct job *job)
{
	enum { EVENTS_WAIT = 4096, LOGS_EVERY = 1024, FILES_EVERY = 8192 };
	const struct counters *counters = engine_counters(job->engine);
	const struct packet *packet;
	uint64_t alerts = 0, packets = 0;
	unsigned n = 0;
	for (;;) {
		enum capture_result result = capture_next(job->capture, &packet);
		if (result == CAPTURE_END)
			return;
		if (result == CAPTURE_PACKET)
			engine_packet(job->engine, packet);
		n++;
		if (job->logs && (result == CAPTURE_IDLE || n % LOGS_EVERY == 0))
			follow_logs(job);
		if (result == CAPTURE_IDLE)
			engine_idle(job->engine, wall_ns());
		if (result == CAPTURE_IDLE || n % FILES_EVERY == 0) {
			enrich_look(job->enrich);
			write_metrics(job, false);
		}
		if (result == CAPTURE_IDLE && job->unsaved)
			save_logs(job);
		/* An alert does not wait for a quiet moment that a busy interface may never have. */
		if (result == CAPTURE_IDLE || counters->alerts + counters->updates != alerts ||
		    counters->packets - packets > EVENTS_WAIT) {
			sinks_flush(&job->sinks);
			alerts = counters->alerts + counters->updates;
			packets = counters->packets;
		}
		if (reload_asked) {
			reload_asked = 0;
			reload(job);
			sinks_reopen(&job->sinks);
		}
	}
}

static unsigned input_faults(const struct job *job)
{
	return capture_faults(job->capture) + (job->logs ? logs_faults(job->logs) : 0) + (job->inputs ? inputs_faults(job->inputs) : 0);
}

static bool finish_study(struct job *job)
{
	const struct study_end end = {engine_counters(job->engine), job->capture, input_faults(job)};
	if (!job->study)
		return true;
	bool good = study_finish(job->study, &end);
	if (job->options->inventory)
		good = study_print(job->study, job->options->format ? job->options->format : "table") && good;
	return good;
}

static int finish(struct job *job)
{
	engine_finish(job->engine);
	if (job->unsaved)
		save_logs(job);
	bool good = sinks_close(&job->sinks);
	good = finish_study(job) && good;
	struct summary summary = summary_of(job);
	if (!job->options->inventory)
		write_metrics(job, true);
	if (!job->options->quiet && !job->options->inventory)
		summary_print(stderr, &summary);
	if (job->options->stats && !summary_write(job->options->stats, &summary))
		good = false;
	if (input_faults(job) || !good)
		return EXIT_INPUT_OUTPUT;
	return job->level_reached ? EXIT_LEVEL : EXIT_DONE;
}

static void catch_signals(struct job *job)
{
	signalled_capture = job->capture;
	signal(SIGPIPE, SIG_IGN); /* a receiver that goes away is an error of write(), not our end */
	signal(SIGINT, on_stop);
	signal(SIGTERM, on_stop);
	signal(SIGHUP, job->options->live ? on_hangup : SIG_DFL);
}

static bool any(const char *const *list)
{
	return list && *list;
}

/* Files of records are made as long again as they were when the logs' places were saved: what comes then is read again. What came
 * from an interface or a socket does not come again: with these the files stay, and what logs told last is in them twice, with the
 * same ids. */
static bool resume(struct job *job)
{
	const struct config *config = job->config;
	bool again = !job->options->interface_count && !any(config->interfaces) && !any(config->listen);
	job->state = logstate_open(config->state);
	if (!job->state)
		return false;
	for (unsigned i = 0; i < config->output_count; i++)
		if (config->outputs[i].path && strcmp(config->outputs[i].path, "-") != 0)
			logstate_output(job->state, config->outputs[i].path, again);
	const char *const files[] = {job->options->events, job->options->alerts};
	for (unsigned i = 0; i < 2; i++)
		if (files[i] && strcmp(files[i], "-") != 0)
			logstate_output(job->state, files[i], again);
	return true;
}

/* Files that the command line or a folder has, live those of the config, then those of --log. */
static bool gather_logs(struct job *job)
{
	const struct options *o = job->options;
	unsigned n = 0;
	const struct config *config = job->config;
	const char *const *found = inputs_logs(job->inputs);
	job->log_inputs = calloc(inputs_count(job->inputs) + o->log_count + config->log_count + 1, sizeof *job->log_inputs);
	if (!job->log_inputs || !found)
		return false;
	for (; *found; found++)
		job->log_inputs[n++] = (struct log_input){.path = *found};
	for (unsigned i = 0; o->live && i < config->log_count; i++)
		job->log_inputs[n++] = config->logs[i];
	for (unsigned i = 0; i < o->log_count; i++)
		job->log_inputs[n++] = (struct log_input){.path = o->logs[i].path, .format = o->logs[i].format};
	if (!n && !(o->live && any(config->listen)))
		return true;
	const struct logs_options logs = {
		.inputs = job->log_inputs,
		.count = n,
		.first_file = FIRST_LOG_FILE,
		.live = o->live,
		.listen = o->live ? config->listen : NULL,
		.state = job->state,
		.sessions = LIMIT_LOG_SESSIONS,
		.counters = engine_counters(job->engine),
		.event = on_log,
		.context = job,
	};
	job->logs = logs_open(&logs);
	return job->logs != NULL;
}

static int run_opened(struct job *job)
{
	const struct options *o = job->options;
	job->inputs = inputs_find(o->inputs);
	if (!job->inputs)
		return EXIT_INPUT_OUTPUT;
	static const char *const none[] = {NULL};
	const struct capture_options capture = {
		.inputs = o->live ? NULL : inputs_captures(job->inputs),
		.interfaces = !o->live ? NULL : o->interface_count ? o->interfaces : job->config->interfaces ? job->config->interfaces : none,
		.filter = o->filter ? o->filter : job->config->filter,
	};
	bool wire = any(o->live ? capture.interfaces : capture.inputs);
	if (o->live && !wire && !o->log_count && !job->config->log_count && !any(job->config->listen)) {
		log_error("watch needs an interface or a log: -i IFACE, --log FILE, or `interfaces`, `logs` or `listen` in the "
			  "configuration");
		return EXIT_USAGE;
	}
	if (o->live && job->config->state && !resume(job))
		return EXIT_INPUT_OUTPUT;
	if (!add_study(job) || (!o->inventory && !add_sinks(job)))
		return EXIT_INPUT_OUTPUT;
	job->capture = capture_open(&capture);
	if (!job->capture)
		return EXIT_INPUT_OUTPUT;
	const struct engine_options engine = {
		.config = job->config,
		.rules = job->rules,
		.live = o->live,
		.alert = on_alert,
		.event = job->study || sinks_want_events(&job->sinks) ? on_event : NULL,
		.conversation = job->study ? on_conversation : NULL,
		.datagram = job->study ? on_datagram : NULL,
		.context = job,
	};
	job->engine = engine_open(&engine);
	if (!job->engine || !gather_logs(job))
		return EXIT_INPUT_OUTPUT;
	engine_macs(job->engine, enrich_wants_macs(job->enrich));
	if (wire && job->logs && !engine_fuse(job->engine)) {
		log_error("not enough memory to see wire and logs as one; `fusion_tolerance_s: 0` does without");
		return EXIT_INPUT_OUTPUT;
	}
	catch_signals(job);
	if (o->live) {
		tell_start(job);
		watch_loop(job);
	} else {
		replay_loop(job);
	}
	return finish(job);
}

/* Ports of the command line go before those of the config. */
static bool join_decode_as(struct job *job)
{
	const struct options *o = job->options;
	struct config *config = job->config;
	unsigned count = o->decode_as_count + config->decode_as_count;
	struct decode_as *all = calloc(count ? count : 1, sizeof *all);
	if (!all)
		return false;
	memcpy(all, o->decode_as, o->decode_as_count * sizeof *all);
	if (config->decode_as_count)
		memcpy(all + o->decode_as_count, config->decode_as, config->decode_as_count * sizeof *all);
	config->decode_as = all; /* the config's own array stays its own: config_free() knows it by its other name */
	config->decode_as_count = count;
	return true;
}

static bool formats_known(const struct options *o)
{
	for (unsigned i = 0; i < o->log_count; i++)
		if (o->logs[i].format && !log_format_named(o->logs[i].format)) {
			log_error("--log %s:%s: valid is FORMAT:FILE, with FORMAT one of %s", o->logs[i].format, o->logs[i].path,
				  log_format_names());
			return false;
		}
	return true;
}

int run(const struct options *options)
{
	struct job job = {.options = options, .started = wall_seconds()};
	int status = EXIT_USAGE;
	while (options->fail_on && strcmp(level_name(job.fail_on), options->fail_on) != 0)
		job.fail_on++;
	job.config = run_load_config(options->config);
	if (!job.config)
		return EXIT_USAGE;
	log_formats_add(job.config->mappers, job.config->mapper_count);
	struct decode_as *configured = job.config->decode_as;
	choose_salt(job.config, options->live);
	bool known = formats_known(options);
	if (known && !options->inventory)
		job.rules = run_load_rules(job.config, options->rules);
	bool ready = known && (job.rules || options->inventory);
	job.enrich = ready ? enrich_open(&job.config->enrich) : NULL;
	if (job.enrich && join_decode_as(&job)) {
		status = run_opened(&job);
		free(job.config->decode_as);
		job.config->decode_as = configured;
	}
	engine_close(job.engine);
	study_close(job.study);
	capture_close(job.capture);
	logs_close(job.logs);
	logstate_close(job.state);
	free(job.log_inputs);
	inputs_close(job.inputs);
	sinks_close(&job.sinks);
	enrich_close(job.enrich);
	rules_close(job.rules);
	config_free(job.reloaded);
	config_free(job.config);
	return status;
}
