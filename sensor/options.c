#include "options.h"
#include "log.h"
#include "log_formats.h"
#include "rule.h"
#include "../outputs/inventory.h"
#include "../outputs/output.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum { OPTION_ALERTS = 256, OPTION_EVENTS, OPTION_FORMAT, OPTION_STATS, OPTION_FAIL_ON, OPTION_DECODE_AS, OPTION_LOG,
	OPTION_REPORT };

static const struct option known[] = {
	{"config", required_argument, NULL, 'c'},
	{"rules", required_argument, NULL, 'r'},
	{"interface", required_argument, NULL, 'i'},
	{"filter", required_argument, NULL, 'f'},
	{"alerts", required_argument, NULL, OPTION_ALERTS},
	{"events", required_argument, NULL, OPTION_EVENTS},
	{"format", required_argument, NULL, OPTION_FORMAT},
	{"stats", required_argument, NULL, OPTION_STATS},
	{"fail-on", required_argument, NULL, OPTION_FAIL_ON},
	{"decode-as", required_argument, NULL, OPTION_DECODE_AS},
	{"log", required_argument, NULL, OPTION_LOG},
	{"report", required_argument, NULL, OPTION_REPORT},
	{"quiet", no_argument, NULL, 'q'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static bool add_text(const char **list, unsigned *count, const char *what, const char *value)
{
	if (*count == OPTIONS_MAX) {
		log_error("more than %u times %s", OPTIONS_MAX, what);
		return false;
	}
	list[(*count)++] = value;
	return true;
}

static bool add_decode_as(struct options *o, const char *value)
{
	if (o->decode_as_count == OPTIONS_MAX) {
		log_error("more than %u times --decode-as", OPTIONS_MAX);
		return false;
	}
	if (!classify_decode_as(value, &o->decode_as[o->decode_as_count])) {
		log_error("--decode-as %s: valid is tcp.port==N,PROTOCOL or udp.port==N,PROTOCOL with PROTOCOL one of %s", value,
			  classify_parser_names());
		return false;
	}
	o->decode_as_count++;
	return true;
}

/* FORMAT:FILE, or FILE alone; a file whose name begins like a format is meant when there is no such format. */
static bool add_log(struct options *o, const char *value)
{
	static char names[OPTIONS_MAX][32];
	const char *colon = strchr(value, ':');
	if (o->log_count == OPTIONS_MAX) {
		log_error("more than %u times --log", OPTIONS_MAX);
		return false;
	}
	char *name = names[o->log_count];
	o->logs[o->log_count].path = value;
	if (colon && (size_t)(colon - value) < sizeof names[0] && !memchr(value, '/', (size_t)(colon - value))) {
		snprintf(name, sizeof names[0], "%.*s", (int)(colon - value), value);
		o->logs[o->log_count].format = name;
		o->logs[o->log_count].path = colon + 1;
	}
	o->log_count++;
	return true;
}

static bool level_valid(const char *text)
{
	for (unsigned i = 0; level_name(i); i++)
		if (strcmp(level_name(i), text) == 0)
			return true;
	log_error("--fail-on %s: valid levels: informational, low, medium, high, critical", text);
	return false;
}

static bool format_valid(const char *text)
{
	if (format_find(text))
		return true;
	log_error("--format %s: valid formats: %s", text, format_names());
	return false;
}

static bool inventory_valid(const char *text)
{
	if (inventory_format_valid(text))
		return true;
	log_error("--format %s: valid formats of an inventory: %s", text, inventory_formats());
	return false;
}

static bool unknown_option(char **argv)
{
	const char *names[sizeof known / sizeof *known];
	unsigned n = 0;
	for (const struct option *k = known; k->name; k++)
		names[n++] = k->name;
	names[n] = NULL;
	const char *word = argv[optind - 1];
	if (strncmp(word, "--", 2) != 0) {
		log_error("unknown option -%c; see thingwarden %s --help", optopt, argv[0]);
		return false;
	}
	char bare[64];
	snprintf(bare, sizeof bare, "%.*s", (int)strcspn(word + 2, "="), word + 2);
	const char *near = log_nearest(bare, names);
	if (near)
		log_error("unknown option --%s; did you mean --%s?", bare, near);
	else
		log_error("unknown option --%s; see thingwarden %s --help", bare, argv[0]);
	return false;
}

static bool option_take(struct options *o, int option, char **argv)
{
	switch (option) {
	case 'c': o->config = optarg; return true;
	case 'f': o->filter = optarg; return true;
	case 'r': return add_text(o->rules, &o->rule_count, "-r", optarg);
	case 'i': return add_text(o->interfaces, &o->interface_count, "-i", optarg);
	case 'q': o->quiet = true; return true;
	case 'h': o->help = true; return true;
	case OPTION_ALERTS: o->alerts = optarg; return true;
	case OPTION_EVENTS: o->events = optarg; return true;
	case OPTION_STATS: o->stats = optarg; return true;
	case OPTION_FORMAT: o->format = optarg; return o->inventory ? inventory_valid(optarg) : format_valid(optarg);
	case OPTION_REPORT: o->report = optarg; return true;
	case OPTION_FAIL_ON: o->fail_on = optarg; return level_valid(optarg);
	case OPTION_LOG: return add_log(o, optarg);
	case OPTION_DECODE_AS: return add_decode_as(o, optarg);
	case ':': log_error("option %s needs a value", argv[optind - 1]); return false;
	default: return unknown_option(argv);
	}
}

/* What only makes sense for another command. */
static bool options_fit(const struct options *o, const char *command)
{
	if (!o->live && o->interface_count)
		log_error("%s reads files; for an interface use thingwarden watch -i %s", command, o->interfaces[0]);
	else if (o->live && o->input_count)
		log_error("watch reads interfaces, not %s; for files use thingwarden replay", o->inputs[0]);
	else if (o->report && (o->live || o->inventory))
		log_error("--report is for replay: a report looks back at captures and logs");
	else if (o->report && strcmp(o->report, "-") == 0)
		log_error("--report needs the name of a file, which is written whole or not at all");
	else if (o->inventory && (o->alerts || o->events || o->fail_on))
		log_error("inventory lists devices and raises no alerts: --alerts, --events and --fail-on are for replay");
	else
		return true;
	return false;
}

bool options_parse(struct options *o, int argc, char **argv)
{
	int option;
	*o = (struct options){.live = strcmp(argv[0], "watch") == 0, .inventory = strcmp(argv[0], "inventory") == 0};
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":c:r:i:f:qh", known, NULL)) != -1)
		if (!option_take(o, option, argv))
			return false;
	o->inputs = (const char *const *)&argv[optind];
	o->input_count = (unsigned)(argc - optind);
	if (o->help)
		return true;
	if (!o->live && !o->input_count && !o->log_count) {
		log_error("%s needs an input: a capture, a log, a folder of them, or - for standard input", argv[0]);
		return false;
	}
	return options_fit(o, argv[0]);
}
