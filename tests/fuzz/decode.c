/* Frames of any link type, through all of the engine: decode, flows, streams, parsers. */
#include "tests/support/script.h"
#include "tests/support/talk.h"

static void on_event(void *context, const struct event *event)
{
	char text[64];
	(void)context;
	for (const struct field *f = event_fields; f->name; f++)
		(void)field_text(f, event, text, sizeof text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(slice_of(data, (uint32_t)size));
	struct record record;
	struct ear ear;
	uint64_t time_ns = 1600000000 * TW_SECOND;
	ear_open(&ear, NULL);
	ear.heard = on_event;
	while (script_next(&r, true, &record)) {
		bool cut = record.kind & 0x80;
		struct packet packet = {.time_ns = time_ns += record.value * 1000000ull, .bytes = record.bytes,
					.wire_bytes = record.bytes.size + (cut ? 100 : 0), .frame = ++ear.frame,
					.link_type = script_links[(record.kind & 0x7f) % SCRIPT_LINKS]};
		engine_packet(ear.engine, &packet);
	}
	ear_finish(&ear);
	ear_close(&ear);
	return 0;
}
