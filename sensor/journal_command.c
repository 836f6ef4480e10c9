#include "journal_command.h"
#include "cursor.h"
#include "journal_reader.h"
#include "journal_segment.h"
#include "log.h"
#include "run.h"
#include "sinks.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
	"  thingwarden journal status [-c CONFIG] | PATH      segments, entries, and how far each output is\n"
	"  thingwarden journal replay -c CONFIG [--since TIME] [--output TYPE]\n"
	"                                        sends what is in the journal again, to the outputs beyond this machine,\n"
	"                                        or to those of this type; TIME: 2h (ago), 2026-01-31, 2026-01-31T12:00:00Z\n";

struct asked {
	const char *config, *since, *output, *path;
	uint64_t since_ns;
	bool help;
};

static int misused(void)
{
	fputs(usage, stderr);
	return EXIT_USAGE;
}

/* --- the command line ------------------------------------------------------------------------------------------- */

static bool parse_since(const char *text, uint64_t *out)
{
	static const struct { char unit; unsigned seconds; } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	static const char *const shapes[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};
	char *end;
	unsigned long number = strtoul(text, &end, 10);
	for (unsigned i = 0; *text >= '0' && *text <= '9' && i < sizeof units / sizeof *units; i++)
		if (end[0] == units[i].unit && !end[1]) {
			time_t ago = time(NULL) - (time_t)(number * units[i].seconds);
			*out = ago > 0 ? (uint64_t)ago * TW_SECOND : 0;
			return true;
		}
	for (unsigned i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		struct tm tm = {0};
		const char *rest = strptime(text, shapes[i], &tm);
		time_t at = rest && !*rest ? timegm(&tm) : -1;
		if (at >= 0) {
			*out = (uint64_t)at * TW_SECOND;
			return true;
		}
	}
	log_error("--since %s: valid is a time such as 30m, 2h, 7d, 2026-01-31 or 2026-01-31T12:00:00Z", text);
	return false;
}

static bool parse(struct asked *a, int argc, char **argv)
{
	static const struct option known[] = {{"config", required_argument, NULL, 'c'}, {"since", required_argument, NULL, 's'},
		{"output", required_argument, NULL, 'o'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	int option;
	*a = (struct asked){0};
	optind = 1;
	while ((option = getopt_long(argc, argv, "c:h", known, NULL)) != -1)
		switch (option) {
		case 'c': a->config = optarg; break;
		case 's': a->since = optarg; break;
		case 'o': a->output = optarg; break;
		case 'h': a->help = true; break;
		default: return false;
		}
	a->path = argv[optind];
	if (a->output && !output_find(a->output)) {
		log_error("--output %s: valid outputs: %s", a->output, output_names());
		return false;
	}
	return argc - optind <= 1 && (!a->since || parse_since(a->since, &a->since_ns));
}

/* NULL after having reported that the configuration has no journal. */
static const char *configured_path(const struct config *config)
{
	if (!config->journal.path)
		log_error("%s has no `journal`", config->path);
	return config->journal.path;
}

/* --- status ----------------------------------------------------------------------------------------------------- */

struct walk {
	uint64_t entries, oldest_ns, newest_ns, last, waiting[CURSORS_MAX];
	uint64_t damaged;
};

static bool walk_all(const char *folder, const struct cursor *cursors, unsigned count, struct walk *w)
{
	struct journal_entry entry;
	struct journal_reader *reader = journal_reader_open(folder, 0);
	*w = (struct walk){0};
	if (!reader)
		return false;
	while (journal_reader_next(reader, UINT64_MAX, &entry)) {
		w->oldest_ns = w->entries++ ? w->oldest_ns : entry.written_ns;
		w->newest_ns = entry.written_ns;
		w->last = entry.sequence;
		for (unsigned i = 0; i < count; i++)
			w->waiting[i] += entry.sequence > cursors[i].sequence && cursor_takes(&cursors[i], &entry);
	}
	w->damaged = journal_reader_damaged(reader);
	journal_reader_close(reader);
	return true;
}

static uint64_t bytes_of(const char *folder, const uint64_t *firsts, unsigned count)
{
	uint64_t bytes = 0;
	for (unsigned i = 0; i < count; i++) {
		char path[JOURNAL_PATH_MAX];
		struct stat of;
		journal_segment_path(folder, firsts[i], path);
		bytes += stat(path, &of) == 0 ? (uint64_t)of.st_size : 0;
	}
	return bytes;
}

static bool in_use(const char *folder)
{
	char path[JOURNAL_PATH_MAX];
	snprintf(path, sizeof path, "%s/lock", folder);
	int file = open(path, O_RDONLY | O_CLOEXEC);
	bool used = file >= 0 && flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	if (file >= 0)
		close(file);
	return used;
}

static void print_time(const char *what, uint64_t ns)
{
	char text[32];
	struct tm tm;
	time_t seconds = (time_t)(ns / TW_SECOND);
	gmtime_r(&seconds, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	printf("%-10s %s\n", what, text);
}

static int status(const char *folder)
{
	static uint64_t firsts[LIMIT_JOURNAL_SEGMENTS];
	static struct cursor cursors[CURSORS_MAX];
	struct walk w;
	if (access(folder, R_OK | X_OK) != 0) {
		log_error("%s: %s", folder, strerror(errno));
		return EXIT_INPUT_OUTPUT;
	}
	unsigned segments = journal_segments(folder, firsts), count = cursor_list(folder, cursors);
	if (!walk_all(folder, cursors, count, &w))
		return EXIT_INPUT_OUTPUT;
	printf("journal    %s%s\n", folder, in_use(folder) ? ", in use" : "");
	printf("segments   %u, %" PRIu64 " bytes\n", segments, bytes_of(folder, firsts, segments));
	printf("entries    %" PRIu64 ", the last is number %" PRIu64 "\n", w.entries, w.last);
	if (w.entries) {
		print_time("oldest", w.oldest_ns);
		print_time("newest", w.newest_ns);
	}
	if (w.damaged)
		printf("damaged    %" PRIu64 " bytes, skipped\n", w.damaged);
	for (unsigned i = 0; i < count; i++)
		printf("output     %s: at %" PRIu64 ", %" PRIu64 " waiting, %" PRIu64 " lost\n", cursors[i].output, cursors[i].sequence,
		       w.waiting[i], cursors[i].lost);
	return EXIT_DONE;
}

static int command_status(const struct asked *a)
{
	if (!a->config == !a->path || a->since || a->output)
		return misused();
	if (a->path)
		return status(a->path);
	struct config *config = run_load_config(a->config);
	const char *path = config ? configured_path(config) : NULL;
	int answer = path ? status(path) : EXIT_USAGE;
	config_free(config);
	return answer;
}

/* --- replay ----------------------------------------------------------------------------------------------------- */

static bool add_outputs(struct sinks *sinks, const struct config *config, const char *type)
{
	for (unsigned i = 0; i < config->output_count; i++) {
		const struct config_output *o = &config->outputs[i];
		const struct output *output = output_find(o->type);
		if (type ? strcmp(type, o->type) != 0 : !output->remote)
			continue;
		if (!sinks_add(sinks, o, SINK_ALERTS | (o->events ? SINK_EVENTS : 0u)))
			return false;
	}
	if (!sinks->count)
		log_error("%s: no output %s%s", config->path, type ? "of type " : "beyond this machine", type ? type : "");
	return sinks->count != 0;
}

static int send_again(const struct config *config, const struct asked *a)
{
	struct sinks sinks = {.count = 0};
	struct journal_entry entry;
	uint64_t count = 0;
	if (!add_outputs(&sinks, config, a->output)) {
		sinks_close(&sinks);
		return EXIT_INPUT_OUTPUT;
	}
	struct journal_reader *reader = journal_reader_open(config->journal.path, 0);
	while (reader && journal_reader_next(reader, UINT64_MAX, &entry))
		if (entry.written_ns >= a->since_ns) {
			sinks_again(&sinks, &entry);
			count++;
		}
	journal_reader_close(reader);
	bool good = sinks_close(&sinks);
	log_note("%llu records of the journal", (unsigned long long)count);
	for (const struct sink *s = sinks.sink; s < sinks.sink + sinks.count; s++)
		log_note("%s: %llu sent again, %llu refused", s->name, (unsigned long long)s->counts.sent,
			 (unsigned long long)s->counts.refused);
	return good ? EXIT_DONE : EXIT_INPUT_OUTPUT;
}

static int command_replay(const struct asked *a)
{
	if (!a->config || a->path)
		return misused();
	signal(SIGPIPE, SIG_IGN);
	struct config *config = run_load_config(a->config);
	int answer = config && configured_path(config) ? send_again(config, a) : EXIT_USAGE;
	config_free(config);
	return answer;
}

int journal_command(int argc, char **argv)
{
	struct asked asked;
	const char *const names[] = {"status", "replay", NULL};
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		fputs(usage, argc < 2 ? stderr : stdout);
		return argc < 2 ? EXIT_USAGE : EXIT_DONE;
	}
	if (strcmp(argv[1], names[0]) != 0 && strcmp(argv[1], names[1]) != 0) {
		const char *near = log_nearest(argv[1], names);
		log_error("journal: unknown command %s; %s%s", argv[1], near ? "did you mean " : "valid: status, replay", near ? near : "");
		return EXIT_USAGE;
	}
	if (!parse(&asked, argc - 1, argv + 1))
		return EXIT_USAGE;
	if (asked.help) {
		fputs(usage, stdout);
		return EXIT_DONE;
	}
	return strcmp(argv[1], names[0]) == 0 ? command_status(&asked) : command_replay(&asked);
}
