/* Every parser: the first byte picks it. */
#include "tests/support/feed.h"
#include "tests/support/script.h"
#include <stdio.h>
#include <stdlib.h>

static const struct parser *pick(uint8_t mark)
{
	for (const struct parser *const *p = all_parsers; *p; p++)
		if (script_mark((*p)->name) == mark)
			return *p;
	return all_parsers[mark % all_parser_count];
}

/* Walks every field, as rules and outputs do. */
static void on_event(void *context, const struct event *event)
{
	char text[256];
	unsigned sum = 0;
	(void)context;
	for (const struct field *f = event_fields; f->name; f++)
		sum += field_text(f, event, text, sizeof text);
	for (const struct field *f = event->fields; f && f->name; f++)
		sum += field_text(f, event, text, sizeof text);
	if (sum == UINT32_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct feed *feed;
	struct reader r = reader_of(slice_of(data, (uint32_t)size));
	struct record record;
	if (!feed)
		feed = feed_open();
	const struct parser *parser = pick(read_u8(&r));
	uint8_t flags = read_u8(&r);
	feed_begin(feed, parser, NULL, NULL);
	feed->hook = on_event;
	feed->midstream = flags & SCRIPT_MIDSTREAM;
	feed_guard_front(flags & SCRIPT_FRONT);
	if (parser->probe && reader_left(&r) > 3) {
		uint8_t *exact = malloc(reader_left(&r) - 3);
		memcpy(exact, r.at + 3, reader_left(&r) - 3);
		(void)parser->probe(slice_of(exact, reader_left(&r) - 3), flags & 1, 40000, flags & 4 ? 1883 : 4711);
		free(exact);
	}
	while (script_next(&r, false, &record)) {
		enum direction direction = record.kind & SCRIPT_TO_CLIENT ? TO_CLIENT : TO_SERVER;
		feed->time_ns += TW_SECOND;
		if (record.kind & SCRIPT_GAP)
			feed_gap(feed, direction, record.bytes.size + 1);
		if (record.kind & SCRIPT_EXPIRE)
			feed_expire(feed);
		if (parser->transport == TRANSPORT_TCP)
			feed_bytes(feed, direction, record.bytes);
		else
			feed_message(feed, direction, record.bytes);
	}
	feed_end(feed);
	if (feed->broken) {
		fprintf(stderr, "%s: %s\n", parser->name, feed->broken);
		abort();
	}
	return 0;
}
