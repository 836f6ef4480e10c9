#include "options.h"
#include "log.h"
#include "rule.h"
#include "../outputs/output.h"
#include "../parsers/parser.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { OPTION_ALERTS = 256, OPTION_EVENTS, OPTION_FORMAT, OPTION_STATS, OPTION_FAIL_ON, OPTION_DECODE_AS };

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
	{"quiet", no_argument, NULL, 'q'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char *const parser_names[] = {
#define PARSER(name) #name,
#include "../parsers/parsers.def"
#undef PARSER
	NULL,
};

static bool is_parser(const char *name)
{
	for (const char *const *p = parser_names; *p; p++)
		if (strcmp(*p, name) == 0)
			return true;
	return false;
}

bool options_decode_as(char *text, struct decode_as *out)
{
	static const struct { const char *head; uint8_t transport; } heads[] = {
		{"tcp.port==", TRANSPORT_TCP}, {"udp.port==", TRANSPORT_UDP}};
	for (unsigned i = 0; i < sizeof heads / sizeof *heads; i++) {
		size_t n = strlen(heads[i].head);
		if (strncmp(text, heads[i].head, n) != 0)
			continue;
		char *end;
		unsigned long port = strtoul(text + n, &end, 10);
		if (end == text + n || *end != ',' || port == 0 || port > 65535 || !is_parser(end + 1))
			return false;
		*out = (struct decode_as){heads[i].transport, (uint16_t)port, end + 1};
		return true;
	}
	return false;
}

static bool add_text(const char **list, unsigned *count, const char *what, const char *value)
{
	if (*count == OPTIONS_MAX) {
		log_error("more than %u times %s", OPTIONS_MAX, what);
		return false;
	}
	list[(*count)++] = value;
	return true;
}

static bool add_decode_as(struct options *o, char *value)
{
	if (o->decode_as_count == OPTIONS_MAX) {
		log_error("more than %u times --decode-as", OPTIONS_MAX);
		return false;
	}
	if (!options_decode_as(value, &o->decode_as[o->decode_as_count])) {
		fprintf(stderr, "thingwarden: --decode-as %s: valid is tcp.port==N,PROTOCOL or udp.port==N,PROTOCOL with one of:",
			value);
		for (const char *const *p = parser_names; *p; p++)
			fprintf(stderr, " %s", *p);
		fputc('\n', stderr);
		return false;
	}
	o->decode_as_count++;
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
	case OPTION_FORMAT: o->format = optarg; return format_valid(optarg);
	case OPTION_FAIL_ON: o->fail_on = optarg; return level_valid(optarg);
	case OPTION_DECODE_AS: return add_decode_as(o, optarg);
	case ':': log_error("option %s needs a value", argv[optind - 1]); return false;
	default: return unknown_option(argv);
	}
}

bool options_parse(struct options *o, int argc, char **argv)
{
	int option;
	*o = (struct options){.live = strcmp(argv[0], "watch") == 0};
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":c:r:i:f:qh", known, NULL)) != -1)
		if (!option_take(o, option, argv))
			return false;
	o->inputs = (const char *const *)&argv[optind];
	o->input_count = (unsigned)(argc - optind);
	if (o->help)
		return true;
	if (!o->live && !o->input_count) {
		log_error("replay needs an input: a capture, a folder of captures, or - for standard input");
		return false;
	}
	if (!o->live && o->interface_count) {
		log_error("replay reads files; for an interface use thingwarden watch -i %s", o->interfaces[0]);
		return false;
	}
	if (o->live && o->input_count) {
		log_error("watch reads interfaces, not %s; for files use thingwarden replay", o->inputs[0]);
		return false;
	}
	return true;
}
