#include "study.h"
#include "census.h"
#include "device.h"
#include "log.h"
#include "../outputs/inventory.h"
#include "../outputs/report.h"
#include <errno.h>
#include <stdlib.h>

struct study {
	struct devices *devices;
	struct census *census;   /* NULL without a report */
	struct report *report;
	struct record_context context;
	bool failed;
};

struct study *study_open(const char *report, const struct record_context *context)
{
	struct study *s = calloc(1, sizeof *s);
	if (s) {
		s->context = *context;
		s->devices = devices_open();
		s->census = report ? census_open() : NULL;
	}
	if (!s || !s->devices || (report && !s->census)) {
		log_error("not enough memory for the inventory");
		study_close(s);
		return NULL;
	}
	if (report)
		s->report = report_open(report, &s->context);
	s->failed = report && !s->report;
	return s;
}

void study_close(struct study *s)
{
	if (!s)
		return;
	(void)report_close(s->report, NULL);
	devices_close(s->devices);
	census_close(s->census);
	free(s);
}

void study_packet(struct study *s, const struct packet *packet)
{
	if (s->report)
		report_seen(s->report, packet->file, false, packet->time_ns, packet->wire_bytes);
}

void study_datagram(struct study *s, const struct packet *packet, const struct datagram *datagram)
{
	devices_datagram(s->devices, packet, datagram);
}

void study_event(struct study *s, const struct event *event)
{
	devices_event(s->devices, event);
	if (!s->report)
		return;
	census_event(s->census, event);
	if (event->source == SOURCE_LOG)
		report_seen(s->report, event->file, true, event->time_ns, 0);
}

void study_conversation(struct study *s, const struct conversation *conversation)
{
	devices_conversation(s->devices, conversation);
	if (s->report)
		census_conversation(s->census, conversation);
}

void study_alert(struct study *s, const struct alert *alert)
{
	devices_alert(s->devices, alert);
	if (s->report)
		report_alert(s->report, alert);
}

static const char *file_fault(const void *capture, uint16_t file)
{
	return capture_file_fault(capture, file);
}

bool study_finish(struct study *s, const struct study_end *end)
{
	const struct report_facts facts = {
		.counters = end->counters,
		.dropped = capture_dropped(end->capture),
		.faults = end->faults,
		.file_fault = file_fault,
		.inputs = end->capture,
		.devices = s->devices,
		.census = s->census,
	};
	bool good = !s->report || report_close(s->report, &facts);
	s->report = NULL;
	return good && !s->failed;
}

bool study_print(struct study *s, const char *format)
{
	if (inventory_write(stdout, format, s->devices))
		return true;
	log_error("standard output: %s", strerror(errno));
	return false;
}
