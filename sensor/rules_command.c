#include "rules_command.h"
#include "log.h"
#include "log_formats.h"
#include "rules_source.h"
#include "run.h"
#include "sinks.h"
#include "engine.h"
#include "digest.h"
#include <stdio.h>
#include <string.h>

static const char usage[] =
	"thingwarden rules check [-c CONFIG] [PATH...]      lint Sigma files; without PATH the shipped rules\n"
	"thingwarden rules list  [-c CONFIG] [PATH...]      name, level and title of each rule\n"
	"thingwarden rules list  --source SOURCE [PATH...]  which rules a source can show, and why not; `wire` or a format of logs\n"
	"thingwarden rules show  [-c CONFIG] NAME...        one rule in words: logic, thresholds, false positives\n"
	"thingwarden rules test  [-c CONFIG] [-r PATH]... NAME CAPTURE...   run one rule on captures\n"
	"thingwarden rules fields [SERVICE]                 every field that a rule may name\n";

struct request {
	const char *config, *source;
	const char *rules[OPTIONS_MAX + 1];
	char **words; /* what is left, NULL-terminated */
	unsigned word_count;
};

static bool request_parse(struct request *request, int argc, char **argv)
{
	unsigned rules = 0;
	*request = (struct request){0};
	int i = 1;
	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i += 2) {
		bool source = strcmp(argv[i], "--source") == 0;
		if (strcmp(argv[i], "-c") != 0 && strcmp(argv[i], "-r") != 0 && !source) {
			log_error("unknown option %s; see thingwarden rules --help", argv[i]);
			return false;
		}
		if (i + 1 >= argc || rules == OPTIONS_MAX) {
			log_error("option %s needs a value, at most %u of them", argv[i], OPTIONS_MAX);
			return false;
		}
		if (source)
			request->source = argv[i + 1];
		else if (argv[i][1] == 'c')
			request->config = argv[i + 1];
		else
			request->rules[rules++] = argv[i + 1];
	}
	request->words = argv + i;
	request->word_count = (unsigned)(argc - i);
	return true;
}

/* --- check, list, show -------------------------------------------------------------------------------------- */

static void list(const struct rule *rule)
{
	const char *name = rule->name ? rule->name : rule->id;
	if (rule->generate)
		printf("%-14s%-36s%s\n", level_name(rule->level), name, rule->title);
	else if (rules_off(rule) && rule->level != LEVEL_INFORMATIONAL)
		printf("%-14s%-36s%s\n", "off", name, rule->title);
}

static int check_or_list(struct rules *rules, bool only_check)
{
	unsigned alerting = 0;
	for (uint32_t i = 0; i < rules_count(rules); i++) {
		alerting += rules_at(rules, i)->generate;
		if (!only_check)
			list(rules_at(rules, i));
	}
	if (only_check)
		printf("%u rule%s, %u raising alerts: no faults\n", rules_count(rules), rules_count(rules) == 1 ? "" : "s", alerting);
	return EXIT_DONE;
}

static const char *const *rule_names(struct rules *rules)
{
	static const char *names[LIMIT_RULES + 1];
	unsigned n = 0;
	for (uint32_t i = 0; i < rules_count(rules) && n < LIMIT_RULES; i++)
		if (rules_at(rules, i)->name)
			names[n++] = rules_at(rules, i)->name;
	names[n] = NULL;
	return names;
}

static bool rule_known(struct rules *rules, const char *name)
{
	if (rules_find(rules, name))
		return true;
	const char *near = log_nearest(name, rule_names(rules));
	log_error("unknown rule %s; %s%s", name, near ? "did you mean " : "see thingwarden rules list", near ? near : "");
	return false;
}

static int show(struct rules *rules, char **names)
{
	int status = EXIT_DONE;
	for (; *names; names++) {
		if (!rule_known(rules, *names)) {
			status = EXIT_USAGE;
			continue;
		}
		for (uint32_t i = 0; i < rules_count(rules); i++) { /* variants share a name */
			const struct rule *rule = rules_at(rules, i);
			if ((rule->name && strcmp(rule->name, *names) == 0) || strcmp(rule->id, *names) == 0)
				rules_print(stdout, rule);
		}
	}
	return status;
}

/* --- test --------------------------------------------------------------------------------------------------- */

struct trial {
	const char *name;
	struct capture *capture;
	struct sinks sinks;
	unsigned alerts, updates;
};

static const char *trial_file(const void *owner, uint16_t file)
{
	const struct trial *trial = owner;
	return capture_file_name(trial->capture, file);
}

static void trial_alert(void *context, const struct alert *alert)
{
	struct trial *trial = context;
	const struct rule *rule = alert->rule;
	if (strcmp(rule->name ? rule->name : "", trial->name) != 0 && strcmp(rule->id, trial->name) != 0)
		return;
	trial->alerts += alert->update == 0;
	trial->updates += alert->update != 0;
	sinks_alert(&trial->sinks, alert);
}

static int test(struct rules *rules, const struct config *config, char **words)
{
	struct trial trial = {.name = words[0]};
	const struct capture_options inputs = {.inputs = (const char *const *)words + 1};
	const struct config_output text = {.type = "jsonl", .format = "text", .path = "-"};
	const struct engine_options options = {
		.config = config, .rules = rules, .alert = trial_alert, .context = &trial};
	const struct packet *packet;
	int status = EXIT_INPUT_OUTPUT;
	if (!rule_known(rules, trial.name))
		return EXIT_USAGE;
	trial.sinks.context = (struct record_context){.file_name = trial_file, .owner = &trial};
	trial.capture = capture_open(&inputs);
	struct engine *engine = trial.capture ? engine_open(&options) : NULL;
	if (engine && sinks_add(&trial.sinks, &text, SINK_ALERTS)) {
		while (capture_next(trial.capture, &packet) == CAPTURE_PACKET)
			engine_packet(engine, packet);
		engine_finish(engine);
		bool good = sinks_close(&trial.sinks);
		printf("%s: %u alert%s, %u update%s\n", trial.name, trial.alerts, trial.alerts == 1 ? "" : "s", trial.updates,
		       trial.updates == 1 ? "" : "s");
		status = good && !capture_faults(trial.capture) ? EXIT_DONE : EXIT_INPUT_OUTPUT;
	}
	engine_close(engine);
	capture_close(trial.capture);
	return status;
}

/* --- fields ------------------------------------------------------------------------------------------------- */

static int fields(const char *service)
{
	const char *names[PROTOCOL_COUNT + 1];
	unsigned known = PROTOCOL_COUNT;
	for (unsigned i = 0; i < PROTOCOL_COUNT; i++) {
		names[i] = protocol_name(i);
		known = service && strcmp(names[i], service) == 0 ? i : known;
	}
	names[PROTOCOL_COUNT] = NULL;
	if (service && known == PROTOCOL_COUNT) {
		const char *near = log_nearest(service, names);
		log_error("unknown service %s; %s%s", service, near ? "did you mean " : "valid: tcp, udp, mqtt, coap, http, tls, dtls, websocket",
			  near ? near : "");
		return EXIT_USAGE;
	}
	rules_print_fields(stdout, service);
	return EXIT_DONE;
}

/* --- the command -------------------------------------------------------------------------------------------- */

static int with_rules(const char *verb, struct request *request)
{
	int status = EXIT_USAGE;
	bool paths = strcmp(verb, "check") == 0 || strcmp(verb, "list") == 0;
	struct config *config = run_load_config(request->config);
	if (!config)
		return EXIT_USAGE;
	digest_set_salt(1);
	struct rules *rules = run_load_rules(config, paths && request->word_count ? (const char *const *)request->words
										  : request->rules);
	if (rules) {
		log_formats_add(config->mappers, config->mapper_count);
		if (request->source)
			status = rules_print_source(stdout, rules, request->source) ? EXIT_DONE : EXIT_USAGE;
		else if (paths)
			status = check_or_list(rules, verb[0] == 'c');
		else if (strcmp(verb, "show") == 0)
			status = show(rules, request->words);
		else
			status = test(rules, config, request->words);
	}
	rules_close(rules);
	config_free(config);
	return status;
}

int rules_command(int argc, char **argv)
{
	static const struct { const char *verb; unsigned least; } verbs[] = {
		{"check", 0}, {"list", 0}, {"show", 1}, {"test", 2}, {"fields", 0}};
	struct request request;
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(usage, stdout);
		return EXIT_DONE;
	}
	for (unsigned i = 0; argc >= 2 && i < sizeof verbs / sizeof *verbs; i++) {
		if (strcmp(argv[1], verbs[i].verb) != 0)
			continue;
		if (!request_parse(&request, argc - 1, argv + 1))
			return EXIT_USAGE;
		if (request.word_count < verbs[i].least)
			break;
		if (request.source && strcmp(argv[1], "list") != 0)
			break;
		if (strcmp(argv[1], "fields") != 0)
			return with_rules(argv[1], &request);
		return fields(request.words[0]);
	}
	fputs(usage, stderr);
	return EXIT_USAGE;
}
