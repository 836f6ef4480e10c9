/* thingwarden - a passive security sensor for the Internet of Things. */
#include "journal_command.h"
#include "log.h"
#include "log_formats.h"
#include "rules_command.h"
#include "run.h"
#include <stdio.h>
#include <string.h>

static const char usage[] =
	"thingwarden " TW_VERSION " - a passive security sensor for the Internet of Things\n"
	"\n"
	"  thingwarden replay [options] INPUT...   analyse captures and logs: files, folders, - for standard input\n"
	"  thingwarden watch  [options] -i IFACE   watch interfaces until SIGTERM; SIGHUP: reloads rules, reopens files\n"
	"  thingwarden inventory [options] INPUT...   the devices seen in captures and logs; --format table, json or csv\n"
	"  thingwarden rules  check|list|show|test|fields ...   lint Sigma files, explain or try a rule\n"
	"  thingwarden journal status|replay ...   what waits for receivers that are away; sending it again\n"
	"  thingwarden version\n"
	"\n"
	"options of replay, watch and inventory\n"
	"  -c, --config FILE       configuration; works without any\n"
	"  -r, --rules PATH        Sigma file or folder instead of the shipped rules; may be repeated\n"
	"  -i, --interface IFACE   watch: where to listen; may be repeated\n"
	"  -f, --filter BPF        watch: capture filter\n"
	"      --alerts FILE       every alert; - is standard output\n"
	"      --events FILE       every event as a JSON line; - is standard output\n"
	"      --format NAME       eve, ecs, ocsf, cim (JSON lines), cef, leef or text; default: text on a terminal, else eve.\n"
	"                          Events too, where it can show them (all but ocsf and text), else eve\n"
	"      --log FORMAT:FILE   a log, when its content does not tell which; watch: a log to follow, --log FILE too\n"
	"      --decode-as tcp.port==N,mqtt   what a port speaks, when the first bytes do not tell\n"
	"      --stats FILE        the summary as JSON\n"
	"      --report FILE           replay: one HTML page with alerts, evidence, devices, ciphers and blind spots\n"
	"      --fail-on LEVEL     exit status 3 when an alert of this level or above was raised\n"
	"  -q, --quiet             no progress, no summary\n"
	"\n"
	"exit status: 0 done, 1 an input or output failed, 2 wrong usage or configuration, 3 --fail-on level reached\n"
	"\n"
	"formats of logs; `mappers` of the configuration describe others\n";

static void print_usage(void)
{
	const struct log_format *format;
	fputs(usage, stdout);
	for (unsigned i = 0; (format = log_format_builtin(i)); i++)
		printf("  %-14s%s\n", format->name, format->help);
}

static int command_run(int argc, char **argv)
{
	struct options options;
	if (!options_parse(&options, argc, argv))
		return EXIT_USAGE;
	if (options.help) {
		print_usage();
		return EXIT_DONE;
	}
	return run(&options);
}

static int command_version(int argc, char **argv)
{
	(void)argc, (void)argv;
	puts("thingwarden " TW_VERSION);
	return EXIT_DONE;
}

static int command_help(int argc, char **argv)
{
	(void)argc, (void)argv;
	print_usage();
	return EXIT_DONE;
}

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"replay", command_run}, {"watch", command_run}, {"inventory", command_run}, {"rules", rules_command},
	{"journal", journal_command}, {"version", command_version},
	{"help", command_help},  {"--help", command_help}, {"-h", command_help}, {"--version", command_version},
};

int main(int argc, char **argv)
{
	enum { COMMANDS = sizeof commands / sizeof *commands };
	const char *names[COMMANDS + 1] = {NULL};
	if (argc < 2) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	for (unsigned i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, argv[1]) == 0)
			return commands[i].run(argc - 1, argv + 1);
		names[i] = commands[i].name;
	}
	const char *near = log_nearest(argv[1], names);
	log_error("unknown command %s; %s%s", argv[1],
		  near ? "did you mean " : "valid: replay, watch, inventory, rules, journal, version",
		  near ? near : "");
	return EXIT_USAGE;
}
