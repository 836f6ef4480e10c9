#include "transport.h"
#include <stddef.h>

enum { BIT_COUNTS, BIT_END };

#define CLOSE(name, type, member, bit, eve, help) \
	{name, type, BASE_DETAIL, offsetof(struct transport_detail, member), PROTOCOL_TCP, TRANSPORT_CLOSE, bit, eve, NULL, help}

const struct field transport_fields[] = {
	CLOSE("flow.end", FIELD_CSTRING, end, BIT_END, false, "how the connection ended: fin, rst or timeout"),
	CLOSE("flow.ended_by", FIELD_CSTRING, ended_by, BIT_END, false, "who ended it first: client or server"),
	CLOSE("flow.bytes_toserver", FIELD_U64, bytes_toserver, BIT_COUNTS, true, "payload bytes that the client sent"),
	CLOSE("flow.bytes_toclient", FIELD_U64, bytes_toclient, BIT_COUNTS, true, "payload bytes that the server sent"),
	CLOSE("flow.pkts_toserver", FIELD_U32, pkts_toserver, BIT_COUNTS, true, "packets from the client"),
	CLOSE("flow.pkts_toclient", FIELD_U32, pkts_toclient, BIT_COUNTS, true, "packets from the server"),
	CLOSE("flow.age", FIELD_U32, age_s, BIT_COUNTS, true, "seconds from the first packet to the end"),
	{0},
};

static void transport_event(struct event *event, enum action action, enum transport_message message)
{
	event->protocol = event->transport == TRANSPORT_UDP ? PROTOCOL_UDP : PROTOCOL_TCP;
	event->action = (uint8_t)action;
	event->message = (uint8_t)message;
}

void transport_opened(struct event *event, const struct flow *flow)
{
	transport_event(event, ACTION_OPEN, TRANSPORT_OPEN);
	event->direction = TO_SERVER;
	event->outcome = flow->half[TO_SERVER].packets && flow->half[TO_CLIENT].packets ? OUTCOME_SUCCESS
											: OUTCOME_UNKNOWN;
}

void transport_failed(struct event *event, const char *reason)
{
	transport_event(event, ACTION_OPEN, TRANSPORT_OPEN);
	event->direction = TO_SERVER;
	event->outcome = OUTCOME_FAILURE;
	event->reason = slice_text(reason);
}

void transport_spoke(struct event *event)
{
	transport_event(event, ACTION_REQUEST, TRANSPORT_REQUEST);
	event->direction = TO_SERVER;
}

/* A client that ends the connection itself was not given up for its silence, however late that is noticed. */
static const char *abnormal_reason(const struct event *event, const char *how, enum direction by)
{
	const struct session *session = event->session;
	bool left = how[0] != 't' && by == TO_SERVER;
	if (session->successor == SUCCESSOR_OTHER_ADDRESS)
		return "taken_over";
	if (!left && (session->overdue || (session->deadline_ns && session->deadline_ns <= event->time_ns)))
		return "keepalive_timeout";
	if (how[0] == 'f')
		return "no_disconnect";
	return how[0] == 'r' ? "reset" : "timeout";
}

void transport_closed(struct event *event, struct transport_detail *detail, const struct flow *flow, const char *how,
		      enum direction by)
{
	transport_event(event, ACTION_CLOSE, TRANSPORT_CLOSE);
	*detail = (struct transport_detail){
		.bytes_toserver = flow->half[TO_SERVER].bytes,
		.bytes_toclient = flow->half[TO_CLIENT].bytes,
		.pkts_toserver = flow->half[TO_SERVER].packets,
		.pkts_toclient = flow->half[TO_CLIENT].packets,
		.age_s = (uint32_t)((event->time_ns - flow->first_seen_ns) / TW_SECOND),
		.end = how,
		.ended_by = how[0] == 't' ? NULL : by == TO_SERVER ? "client" : "server",
	};
	event->detail = detail;
	event->fields = transport_fields;
	event_set(event, BIT_COUNTS);
	event_set(event, BIT_END);
	event->direction = (uint8_t)by;
	/* A good-bye sent in the direction that we do not see would be missed: one-sided flows are not judged. */
	if (event->one_sided)
		return;
	switch (flow->session.state) {
	case SESSION_UP:
		if (flow->session.successor == SUCCESSOR_SAME_ADDRESS) { /* a device that lost its link and came back */
			event->outcome = OUTCOME_SUCCESS;
			event->reason = slice_text("handed_over");
			break;
		}
		event->outcome = OUTCOME_FAILURE;
		event->reason = slice_text(abnormal_reason(event, how, by));
		break;
	case SESSION_REFUSED:
	case SESSION_ENDED:
		event->outcome = OUTCOME_SUCCESS;
		break;
	case SESSION_ASKED: /* no answer, or one that nobody can read (TLS): a FIN may have followed a good-bye, a reset has not */
		event->outcome = how[0] == 'f' ? OUTCOME_SUCCESS : how[0] == 'r' ? OUTCOME_FAILURE : OUTCOME_UNKNOWN;
		if (how[0] == 'r')
			event->reason = slice_text("reset");
		break;
	default:
		if (how[0] == 'f' && !flow->midstream)
			event->outcome = OUTCOME_SUCCESS;
		break;
	}
}

bool transport_unanswered(const struct flow *flow)
{
	return !flow->half[TO_CLIENT].packets && flow->half[TO_SERVER].packets <= 2 && flow->session.state != SESSION_REFUSED &&
	       !address_is_group(&flow->ends.server);
}
