/* send CONFIG: opens the first output of a configuration and does what standard input says, a line each:
 *
 *    send FROM COUNT [PAD]   offers the alerts FROM, FROM + 1, ...: JSON with PAD bytes of padding
 *    text FROM COUNT         the same as CEF-like text
 *    events FROM COUNT       as events, not alerts
 *    reopen                  as at SIGHUP
 *
 * and says on standard output what came of it: an answer for each record (o: OK, r: RETRY, x: REFUSED), retry_after_ms, and how many
 * milliseconds it took. Ends with standard input. */
#include "outputs/output.h"
#include "sensor/config.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { RECORDS = 1000, RECORD_BYTES = 200000 };

static const struct output *output;
static void *self;
static char *bytes[RECORDS];

static unsigned long long now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned long long)now.tv_sec * 1000 + (unsigned long long)now.tv_nsec / 1000000;
}

static struct record record_of(char *at, unsigned n, unsigned pad, bool json, bool alert)
{
	struct record record = {.id = n, .time_ns = (1764000000ull + n) * TW_SECOND + 123456789, .is_alert = alert, .level = LEVEL_HIGH,
				.client_port = 40000, .server_port = 1883};
	char text[64];
	int size = json ? snprintf(at, RECORD_BYTES, "{\"n\":%u,\"word\":\"a \\\"quoted\\\" \\u00e9 word\",\"pad\":\"%*s\"}", n, (int)pad, "")
			: snprintf(at, RECORD_BYTES, "CEF:0|thingwarden|n=%u|\"quoted\" \\back\ttab", n);
	record.bytes = slice_of(at, (uint32_t)size);
	snprintf(text, sizeof text, "10.0.0.%u", n % 200 + 1);
	address_parse(text, &record.client);
	address_parse("10.0.1.1", &record.server);
	snprintf(text, sizeof text, "client-%u", n % 7);
	name_set(&record.client_id, slice_text(text));
	if (alert)
		snprintf(record.rule, sizeof record.rule, "rule_%u", n % 3);
	return record;
}

static void offer(unsigned from, unsigned count, unsigned pad, bool json, bool alert)
{
	static struct record records[RECORDS];
	static enum sent answers[RECORDS];
	struct sending sending = {.records = records, .count = count, .answers = answers};
	for (unsigned i = 0; i < count; i++) {
		records[i] = record_of(bytes[i], from + i, pad, json, alert);
		answers[i] = SENT_RETRY;
	}
	unsigned long long began = now_ms();
	output->send(self, &sending);
	for (unsigned i = 0; i < count; i++)
		putchar("orx"[answers[i]]);
	printf(" %u %llu\n", sending.retry_after_ms, now_ms() - began);
}

static void obey(const char *line)
{
	unsigned from, count, pad = 0;
	char word[16];
	int n = sscanf(line, "%15s %u %u %u", word, &from, &count, &pad);
	if (n == 1 && strcmp(word, "reopen") == 0)
		puts(output->reopen(self) ? "reopened" : "not reopened");
	else if (n >= 3 && count && count <= output->batch && count <= RECORDS && pad < RECORD_BYTES - 200)
		offer(from, count, pad, strcmp(word, "text") != 0, strcmp(word, "events") != 0);
	else
		puts("what?");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct config *config = argc > 1 ? config_load(argv[1]) : NULL;
	char line[256];
	if (!config || !config->output_count)
		return 2;
	for (unsigned i = 0; i < RECORDS; i++)
		if (!(bytes[i] = malloc(RECORD_BYTES)))
			return 1;
	output = output_find(config->outputs[0].type);
	self = output->open(&config->outputs[0]);
	if (!self)
		return 1;
	puts("open");
	fflush(stdout);
	while (fgets(line, sizeof line, stdin))
		obey(line);
	bool good = output->flush(self);
	good = output->close(self) && good;
	config_free(config);
	for (unsigned i = 0; i < RECORDS; i++)
		free(bytes[i]);
	return !good;
}
