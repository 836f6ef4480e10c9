/* Every log format is held to the laws of log_format.h on the recorded logs of pcaps/log/: its own log is its own by content, each
 * line is understood, and no prefix of a line is read beyond its end or makes an event that is none. */
#include "tests/support/cm.h"
#include "tests/support/logfeed.h"
#include "tests/support/mapper.h"
#include "sensor/log_formats.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 1 << 20 };
static uint8_t text[TEXT_MAX];

static struct slice read_log(const char *folder, const char *name)
{
	char path[512];
	snprintf(path, sizeof path, TW_SOURCE "/%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	size_t n = file ? fread(text, 1, sizeof text, file) : 0;
	if (file)
		fclose(file);
	return slice_of(text, (uint32_t)n);
}

static bool take_line(struct slice *rest, struct slice *line)
{
	const uint8_t *end = rest->size ? memchr(rest->at, '\n', rest->size) : NULL;
	if (!end)
		return false;
	*line = slice_of(rest->at, (uint32_t)(end - rest->at));
	*rest = slice_of(end + 1, rest->size - line->size - 1);
	return true;
}

struct count {
	const struct log_format *format;
	unsigned events;
	const char *undeclared; /* what the format did not say that it shows */
};

/* Whether what an event tells of itself is declared by an entry of log_format.shows. */
static bool is_declared(const struct log_shows *shows, const struct event *event)
{
	const struct session *session = event->session;
	unsigned tells = 0;
	tells |= address_known(&event->ends->client) ? TELLS_ADDRESS : 0;
	tells |= event->ends->client_port ? TELLS_PORT : 0;
	tells |= event->ends->server_port ? TELLS_SERVER_PORT : 0;
	tells |= session->client_id.known ? TELLS_CLIENT_ID : 0;
	tells |= session->user.known ? TELLS_USER : 0;
	tells |= event->resource.count ? TELLS_RESOURCE : 0;
	tells |= event->log->summary ? TELLS_SUMMARY : 0;
	return shows->protocol == event->protocol && shows->action == event->action && shows->outcomes >> event->outcome & 1 &&
	       !(tells & ~(unsigned)shows->tells);
}

static const char *undeclared(const struct log_format *format, const struct event *event)
{
	if (!format->shows)
		return NULL;
	if ((event->present[0] & ~format->detail[0]) || (event->present[1] & ~format->detail[1]))
		return "a field of the protocol";
	for (const struct log_shows *s = format->shows; s->outcomes; s++)
		if (is_declared(s, event))
			return NULL;
	return action_name(event->action);
}

static void count(void *context, const struct event *event)
{
	char out[256];
	struct count *c = context;
	for (const struct field *f = event_fields; f->name; f++)
		(void)field_text(f, event, out, sizeof out);
	for (const struct field *f = event->fields; f && f->name; f++)
		(void)field_text(f, event, out, sizeof out);
	c->events++;
	if (!c->undeclared)
		c->undeclared = undeclared(c->format, event);
}

static void hold(struct logfeed *feed, const char *name)
{
	struct slice log = read_log("pcaps/log", name), rest = log, line;
	const struct log_format *format = log_format_of(log);
	struct count whole = {.format = format}, cut = {.format = format};
	if (!format)
		print_error("%s: of no known format\n", name);
	assert_non_null(format);
	logfeed_begin(feed, format, count, &whole);
	while (take_line(&rest, &line))
		logfeed_line(feed, line);
	logfeed_end(feed);
	if (logfeed_unreadable(feed) || logfeed_broken(feed))
		print_error("%s: %s\n", name, format->name);
	assert_int_equal(logfeed_unreadable(feed), 0);
	assert_null(logfeed_broken(feed));
	assert_true(whole.events > 0);
	logfeed_begin(feed, format, count, &cut);
	for (rest = log; take_line(&rest, &line);)
		for (uint32_t n = 0; n <= line.size; n++) {
			logfeed_line(feed, slice_head(line, n));
			logfeed_end(feed); /* or all prefixes of a line would be one record of formats that join */
		}
	logfeed_end(feed);
	assert_null(logfeed_broken(feed));
	assert_true(cut.events >= whole.events);
	/* The head of a line may say what no whole one does. */
	if (whole.undeclared)
		print_error("%s: %s shows what it does not declare: %s\n", name, format->name, whole.undeclared);
	assert_null(whole.undeclared);
}

static void recorded_logs(void **state)
{
	struct dirent **entries;
	unsigned logs = 0;
	struct logfeed *feed = logfeed_open();
	int n = scandir(TW_SOURCE "/pcaps/log", &entries, NULL, alphasort);
	(void)state;
	for (int i = 0; i < n; i++) {
		const char *dot = strrchr(entries[i]->d_name, '.');
		if (dot && strcmp(dot, ".log") == 0) {
			hold(feed, entries[i]->d_name);
			logs++;
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	logfeed_close(feed);
	assert_true(logs > 0);
}

/* A format that the configuration describes, line by line and cut at every byte. */
static void described_log(void **state)
{
	(void)state;
	const struct log_format *format = &mapper_sample()->format;
	struct count whole = {.format = format}, cut = {.format = format};
	struct logfeed *feed = logfeed_open();
	logfeed_begin(feed, format, count, &whole);
	for (unsigned i = 0; mapper_lines[i]; i++) {
		char line[512];
		snprintf(line, sizeof line, "%s\n", mapper_lines[i]);
		assert_int_equal(log_mapper_probe(format, slice_text(line)), 1);
		logfeed_line(feed, slice_text(mapper_lines[i]));
	}
	assert_int_equal(logfeed_unreadable(feed), 0);
	assert_int_equal(whole.events, 3 + 1 + 3 + 1);
	logfeed_begin(feed, format, count, &cut);
	for (unsigned i = 0; mapper_lines[i]; i++)
		for (uint32_t n = 0; n <= strlen(mapper_lines[i]); n++)
			logfeed_line(feed, slice_head(slice_text(mapper_lines[i]), n));
	assert_null(logfeed_broken(feed));
	assert_null(whole.undeclared);
	assert_null(cut.undeclared);
	assert_int_equal(cut.events, whole.events);
	logfeed_close(feed);
}

/* Our own records, line by line and cut at every byte: what is cut is no record. */
static void retold_events(void **state)
{
	static const char *const names[] = {"events-coap", "events-dtls", "events-http", "events-mqtt", "events-tcp", "events-tls",
		"events-udp", "events-websocket"};
	struct logfeed *feed = logfeed_open();
	(void)state;
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		struct slice seed = read_log("tests/fuzz/corpus/log_text", names[i]), line;
		assert_true(seed.size > 1);
		struct slice log = slice_of(seed.at + 1, seed.size - 1), rest = log; /* the fuzz target's own byte is before them */
		const struct log_format *format = log_format_of(log);
		assert_non_null(format);
		assert_string_equal(format->name, "events");
		struct count whole = {.format = format}, cut = {.format = format};
		unsigned lines = 0, pieces = 0;
		logfeed_begin(feed, format, count, &whole);
		for (; take_line(&rest, &line); lines++)
			logfeed_line(feed, line);
		assert_int_equal(logfeed_unreadable(feed), 0);
		assert_int_equal(whole.events, lines);
		logfeed_begin(feed, format, count, &cut);
		for (rest = log; take_line(&rest, &line);)
			for (uint32_t n = 1; n < line.size; n++, pieces++)
				logfeed_line(feed, slice_head(line, n));
		assert_null(logfeed_broken(feed));
		assert_int_equal(logfeed_unreadable(feed), pieces);
		assert_int_equal(cut.events, 0);
	}
	logfeed_close(feed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(recorded_logs), cmocka_unit_test(described_log), cmocka_unit_test(retold_events)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
