#include "report_time.h"

enum { WIDTH_NS = 1000000 };

static void double_width(struct report_time *t)
{
	unsigned n = 0;
	t->width_ns *= 2;
	for (unsigned i = 0; i < t->count; i++) {
		struct time_span *from = &t->spans[i], *to = &t->spans[n];
		from->number /= 2;
		if (n && t->spans[n - 1].number == from->number) {
			to = &t->spans[n - 1];
			to->seen += from->seen;
			to->bytes += from->bytes;
			for (unsigned level = 0; level < TIME_LEVELS; level++)
				to->alerts[level] += from->alerts[level];
		} else {
			t->spans[n++] = *from;
		}
	}
	t->count = n;
}

/* The interval of a moment, nearly always the last one. */
static struct time_span *span_at(struct report_time *t, uint64_t time_ns)
{
	if (!t->width_ns) {
		t->width_ns = WIDTH_NS;
		t->first_ns = t->last_ns = time_ns;
	}
	t->first_ns = time_ns < t->first_ns ? time_ns : t->first_ns;
	t->last_ns = time_ns > t->last_ns ? time_ns : t->last_ns;
	for (;;) {
		uint64_t number = time_ns / t->width_ns;
		unsigned at = t->count;
		while (at && t->spans[at - 1].number > number)
			at--;
		if (at && t->spans[at - 1].number == number)
			return &t->spans[at - 1];
		if (t->count < TIME_SPANS) {
			memmove(&t->spans[at + 1], &t->spans[at], (t->count - at) * sizeof *t->spans);
			t->spans[at] = (struct time_span){.number = number};
			t->count++;
			return &t->spans[at];
		}
		double_width(t);
	}
}

void report_time_seen(struct report_time *t, uint64_t time_ns, uint32_t bytes)
{
	struct time_span *span = span_at(t, time_ns);
	span->seen++;
	span->bytes += bytes;
}

void report_time_alert(struct report_time *t, uint64_t time_ns, unsigned level)
{
	span_at(t, time_ns)->alerts[level]++;
}

void report_time_put(struct json *json, const struct report_time *t)
{
	enum { MS = 1000000 };
	json_open(json);
	json_key(json, "width_ms");
	json_number(json, t->width_ns / MS);
	json_key(json, "first");
	json_number(json, t->first_ns / MS);
	json_key(json, "last");
	json_number(json, t->last_ns / MS);
	json_key(json, "spans");
	json_list(json);
	for (const struct time_span *span = t->spans; span < t->spans + t->count; span++) {
		json_list(json);
		json_number(json, span->number * (t->width_ns / MS));
		json_number(json, span->seen);
		json_number(json, span->bytes);
		for (unsigned level = 0; level < TIME_LEVELS; level++)
			json_number(json, span->alerts[level]);
		json_list_end(json);
	}
	json_list_end(json);
	json_close(json);
}
