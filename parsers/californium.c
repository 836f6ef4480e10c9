#include "log_line.h"

/* Californium's ban log, which its authors made for fail2ban: "[2026-11-23 14:50:39]\tcoap 2 message format error Ban: 10.0.0.1".
 * What stands before "Ban: " is the fault and may quote the peer; the address is at the end, where the peer has no say. */

static void californium_envelope(struct log_clock *clock, struct log_record *record)
{
	struct slice rest = record->line;
	uint64_t time_ns;
	if (log_take(&rest, "[") && log_take_iso(clock, &rest, &time_ns) && log_take(&rest, "]")) {
		record->time_ns = time_ns;
		while (log_take(&rest, "\t") || log_take(&rest, " "))
			;
		record->text = rest;
	} else {
		log_envelope(clock, record);
	}
}

static const char *reason_of(struct slice what)
{
	static const char *const reasons[][2] = {{"format error", "malformed_packet"}, {"malformed", "malformed_packet"},
		{"illegal", "protocol_error"}, {"response", "unexpected_response"}, {"authoriz", "not_authorized"}, {NULL, NULL}};
	for (unsigned i = 0; reasons[i][0]; i++)
		if (log_contains(what, reasons[i][0]))
			return reasons[i][1];
	return "protocol_error";
}

static bool take_ban(struct slice text, struct slice *what, struct address *address, uint16_t *port)
{
	while (log_take_end(&text, " ") || log_take_end(&text, "\r"))
		;
	if (!log_take_until_last(&text, "Ban: ", what))
		return false;
	log_take(&text, "/"); /* Java's way of an address without a name */
	return log_end(text, address, port);
}

static enum log_verdict californium_parse(struct log_parse *parse)
{
	struct slice what;
	if (!take_ban(parse->record->text, &what, &parse->ends.client, &parse->ends.client_port))
		return parse->record->time_ns && !log_contains(parse->record->text, "Ban: ") ? LOG_TAKEN : LOG_UNREADABLE;
	parse->base.flow_id = log_flow_id(parse, &parse->ends.client, parse->ends.client_port);
	struct event event = log_event(parse, PROTOCOL_COAP, ACTION_VIOLATION, OUTCOME_FAILURE, reason_of(what));
	log_emit(parse, &event);
	return LOG_TAKEN;
}

static unsigned californium_probe(struct slice head)
{
	unsigned lines = 0;
	struct slice line, what;
	struct address address;
	uint16_t port;
	while (log_take_until(&head, "\n", &line))
		lines += take_ban(line, &what, &address, &port);
	return lines;
}

enum { TELLS = TELLS_ADDRESS };
static const struct log_shows californium_shows[] = {
	LOG_SHOWS(COAP, VIOLATION, LOG_FAILURE, TELLS), {0}};

const struct log_format log_format_californium = {
	.name = "californium",
	.help = "Californium's ban log, as it writes it for fail2ban",
	.app_proto = "coap",
	.probe = californium_probe,
	.envelope = californium_envelope,
	.parse = californium_parse,
	.shows = californium_shows,
};
