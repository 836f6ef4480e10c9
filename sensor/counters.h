/* counters.h - what the sensor saw, lost and judged. One struct, one X-macro: the summary, --stats and the `stats`
 * record all walk it. Wire errors end here, never in a log line. */
#ifndef TW_COUNTERS_H
#define TW_COUNTERS_H

#include <stdint.h>

#define TW_COUNTERS(X) \
	X(packets, "frames read") \
	X(bytes, "bytes on the wire") \
	X(truncated, "frames cut by the snap length") \
	X(undecoded, "frames of a link, network or transport type that is not decoded") \
	X(malformed, "frames whose headers contradict themselves") \
	X(bad_checksum, "IP, TCP or UDP checksums that were wrong; offloaded ones apart") \
	X(fragments, "IP fragments") \
	X(fragments_joined, "datagrams made whole") \
	X(fragments_overlapping, "fragments that contradicted or overlapped an earlier one") \
	X(fragments_dropped, "datagrams given up: too old, too many, too large") \
	X(flows, "flows seen") \
	X(flows_active, "flows open at the end") \
	X(flows_evicted, "flows evicted because the table was full") \
	X(flows_midstream, "TCP flows joined half-way") \
	X(segments_retransmitted, "TCP segments that brought nothing new") \
	X(segments_overlapping, "TCP segments that overlapped with other data") \
	X(segments_out_of_order, "TCP segments held until a hole was filled") \
	X(segments_evicted, "held TCP segments given up because the pool was full") \
	X(gaps, "holes in TCP streams") \
	X(gap_bytes, "bytes lost in holes") \
	X(messages_bad, "messages that a parser refused") \
	X(messages_cut, "messages parsed from their head only") \
	X(http_evicted, "HTTP connections given up because there were too many") \
	X(log_lines, "lines of logs") \
	X(log_bytes, "bytes of logs") \
	X(log_unreadable, "lines of logs that their format does not know") \
	X(log_cut, "lines of logs that were cut, by whoever wrote them or because they are longer than a record may be") \
	X(log_ambiguous, "lines of logs that fit more than one connection: events without an address") \
	X(log_sessions_evicted, "clients of logs forgotten because the table was full") \
	X(log_fused, "events of logs that tell what the wire had told: counted once") \
	X(fusion_hurried, "events that could not wait for their counterpart in a log or on the wire: too many") \
	X(events, "events") \
	X(alerts, "alerts, updates apart") \
	X(updates, "updates of alerts") \
	X(groups_evicted, "detector states evicted because the table was full") \
	X(memos_evicted, "parser memories overwritten because the table was full")

struct counters {
#define X(name, help) uint64_t name;
	TW_COUNTERS(X)
#undef X
};

#endif
