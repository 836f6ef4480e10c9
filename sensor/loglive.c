#include "logs.h"
#include "hash.h"
#include "log.h"
#include "logzone.h"
#include "../parsers/log_line.h"
#include <stdlib.h>

/* --- growing files ---------------------------------------------------------------------------------------------- */

bool logs_followed_line(struct logs *l, struct log *log, struct log_record *record)
{
	struct slice line;
	if (!follow_next(log->follow, &line, &record->cut, &record->number))
		return false;
	l->options.counters->log_bytes += line.size + 1;
	logs_record(l, log, record, line, true);
	return true;
}

/* A log that has just begun may not have shown yet what it is. */
static bool followed_format(struct logs *l, struct log *log)
{
	struct slice ahead = slice_head(follow_ahead(log->follow), LIMIT_LOG_HEAD);
	if (log->format || log->unknown)
		return log->format != NULL;
	log->format = ahead.size ? log_format_of(ahead) : NULL;
	if (!log->format && ahead.size == LIMIT_LOG_HEAD) {
		log->unknown = true;
		logs_fault(l, log->parts->input.path, "not a log of a known format; name it with --log FORMAT:FILE");
	}
	return log->format && logs_buffers(log);
}

/* Behind what was delivered. A line that is held for the next record is read again after a restart. */
static void place_after(struct log *log)
{
	if (!log->held)
		log->after_known = follow_place(log->follow, &log->after);
}

bool logs_follow(struct logs *l, uint64_t now_ns)
{
	bool any = logs_receive(l, now_ns);
	for (unsigned i = 0; i < l->count; i++) {
		struct log *log = l->logs[i];
		follow_look(log->follow);
		log->arrival_ns = now_ns;
		if (followed_format(l, log) && !log->ready)
			logs_next(l, log);
	}
	logs_find_first(l);
	for (unsigned n = 0; n < AT_ONCE && l->first; n++) {
		struct log *log = l->first;
		logs_deliver(l, log);
		place_after(log);
		any = true;
		logs_next(l, log);
		if (!log->ready || log->record.time_ns >= l->second_ns)
			logs_find_first(l);
	}
	return any;
}

void logs_save(const struct logs *l, struct logstate *state)
{
	logstate_begin(state);
	for (unsigned i = 0; i < l->count; i++)
		if (l->logs[i]->after_known)
			logstate_add(state, l->logs[i]->parts->input.path, &l->logs[i]->after);
	logstate_commit(state);
}

/* --- syslog ----------------------------------------------------------------------------------------------------- */

bool logs_listen(struct logs *l)
{
	const char *const *address = l->options.listen;
	for (; address && *address; address++) {
		if (l->receiver_count == RECEIVERS_MAX) {
			log_error("listen: more than %d addresses", RECEIVERS_MAX);
			return false;
		}
		struct receiver *r = &l->receivers[l->receiver_count];
		r->listener = listener_open(*address);
		r->senders = aligned_alloc(16, SENDERS * sizeof *r->senders);
		if (!r->listener || !r->senders)
			return false;
		memset(r->senders, 0, SENDERS * sizeof *r->senders);
		r->part = (struct part){.input = {.path = *address},
					.file = (uint16_t)(l->options.first_file + l->options.count + l->receiver_count)};
		l->receiver_count++;
	}
	return true;
}

void logs_listen_close(struct logs *l)
{
	for (unsigned i = 0; i < RECEIVERS_MAX; i++) {
		listener_close(l->receivers[i].listener);
		free(l->receivers[i].senders);
	}
}

/* Each program of each host has a log, and a memory, of its own; the one that was silent longest makes room. */
static struct log *sender_of(struct receiver *r, struct slice message, uint64_t now_ns)
{
	struct log_record envelope = {.line = message};
	struct log_clock clock = {.around_ns = now_ns};
	struct slice rest = message;
	if (!log_take_syslog(&clock, &rest, &envelope))
		envelope.host = envelope.app = (struct slice){NULL, 0};
	uint64_t source = hash_join(hash_slice(envelope.host, r->part.file), hash_slice(envelope.app, 0));
	struct log *oldest = &r->senders[0];
	for (unsigned i = 0; i < SENDERS; i++) {
		if (r->senders[i].source == source)
			return &r->senders[i];
		if (r->senders[i].arrival_ns < oldest->arrival_ns)
			oldest = &r->senders[i];
	}
	memset(oldest, 0, sizeof *oldest);
	oldest->source = source;
	oldest->parts = &r->part;
	oldest->part_count = 1;
	oldest->clock.around_ns = now_ns;
	logzone_set(&oldest->clock, "local");
	char name[32];
	if (envelope.app.at && envelope.app.size < sizeof name) {
		snprintf(name, sizeof name, "%.*s", (int)envelope.app.size, (const char *)envelope.app.at);
		oldest->format = log_format_named(name);
	}
	return oldest;
}

/* By what its first messages look like, when its name says nothing. */
static bool sender_format(struct log *log, struct slice message)
{
	char line[2048];
	if (log->format)
		return true;
	message = slice_head(message, sizeof line - 1);
	memcpy(line, message.at, message.size);
	line[message.size] = '\n';
	log->format = log_format_of(slice_of(line, message.size + 1));
	return log->format != NULL;
}

bool logs_receive(struct logs *l, uint64_t now_ns)
{
	bool any = false;
	for (unsigned i = 0; i < l->receiver_count; i++) {
		struct receiver *r = &l->receivers[i];
		struct slice message;
		bool cut;
		for (unsigned n = 0; n < AT_ONCE && listener_next(r->listener, &message, &cut); n++) {
			struct log *log = sender_of(r, message, now_ns);
			log->arrival_ns = now_ns + n;
			log->record.number = ++r->messages;
			log->record.cut = cut;
			logs_record(l, log, &log->record, message, true);
			l->options.counters->log_bytes += message.size;
			any = true;
			if (!sender_format(log, log->record.line)) {
				l->options.counters->log_unreadable++;
				continue;
			}
			logs_time(log, &log->record);
			logs_deliver(l, log);
		}
	}
	return any;
}
