/* transport.h - the events of a flow itself: open, close, and the first words of a protocol that no parser reads. */
#ifndef TW_TRANSPORT_H
#define TW_TRANSPORT_H

#include "flow.h"

/* Numbers of event.message for these events. */
enum transport_message { TRANSPORT_OPEN = 1, TRANSPORT_CLOSE, TRANSPORT_REQUEST };

/* The event's detail: keep it next to the event as long as that lives. */
struct transport_detail {
	uint64_t bytes_toserver, bytes_toclient;
	uint32_t pkts_toserver, pkts_toclient;
	uint32_t age_s;
	const char *end, *ended_by;
};

/* Each turns `event` (ends, session, time, flow already set) into the one that it names. */
void transport_opened(struct event *event, const struct flow *flow);
void transport_failed(struct event *event, const char *reason);
void transport_spoke(struct event *event);
/* how: "fin", "rst" or "timeout". */
void transport_closed(struct event *event, struct transport_detail *detail, const struct flow *flow, const char *how,
		      enum direction by);
/* UDP has no handshake: a probe that was never answered shows only when the flow is given up. A sensor that sees one direction
 * only would take every conversation for such: those have more than a try or two. */
bool transport_unanswered(const struct flow *flow);

#endif
