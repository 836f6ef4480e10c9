/* Every log format: the first byte picks it, the rest are lines. */
#include "sensor/log_formats.h"
#include "tests/support/logfeed.h"
#include "tests/support/mapper.h"
#include <stdio.h>
#include <stdlib.h>

static void on_event(void *context, const struct event *event)
{
	char text[256];
	unsigned *sum = context;
	for (const struct field *f = event_fields; f->name; f++)
		*sum += field_text(f, event, text, sizeof text);
	for (const struct field *f = event->fields; f && f->name; f++)
		*sum += field_text(f, event, text, sizeof text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct logfeed *feed;
	unsigned sum = 0, formats = 0;
	if (!feed) {
		feed = logfeed_open();
		log_formats_add(mapper_sample(), 1);
	}
	while (log_format_at(formats))
		formats++;
	if (!size)
		return 0;
	const struct log_format *format = log_format_at(data[0] % formats);
	struct slice rest = slice_of(data + 1, (uint32_t)size - 1);
	(void)log_format_of(rest);
	logfeed_begin(feed, format, on_event, &sum);
	while (rest.size) {
		const uint8_t *end = memchr(rest.at, '\n', rest.size);
		uint32_t n = end ? (uint32_t)(end - rest.at) : rest.size;
		logfeed_line(feed, slice_head(rest, n));
		n += end != NULL;
		rest = slice_of(rest.at + n, rest.size - n);
	}
	logfeed_end(feed);
	if (logfeed_broken(feed)) {
		fprintf(stderr, "%s: %s\n", format->name, logfeed_broken(feed));
		abort();
	}
	return 0;
}
