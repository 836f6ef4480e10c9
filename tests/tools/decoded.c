/* What decode.h makes of every frame of a capture, a line each, for comparison with another decoder:
 *   frame|tcp or udp|source|target|source port|target port|payload bytes that IP promises   (refused: what an ICMP error carries) */
#include "sensor/capture.h"
#include "sensor/decode.h"
#include "sensor/limits.h"
#include <stdio.h>

int main(int argc, char **argv)
{
	const struct capture_options options = {.inputs = (const char *const *)&argv[1]};
	static struct counters counters;
	struct decoder *decoder = decoder_open(LIMIT_FRAGMENTS, &counters);
	struct capture *capture = argc > 1 && decoder ? capture_open(&options) : NULL;
	const struct packet *packet;
	struct datagram d;
	if (!capture)
		return 1;
	while (capture_next(capture, &packet) == CAPTURE_PACKET) {
		char source[ADDRESS_TEXT_MAX], target[ADDRESS_TEXT_MAX];
		if (decode(decoder, packet, &d) == DECODED_NOTHING)
			continue;
		address_format(&d.source, source);
		address_format(&d.target, target);
		printf("%u|%s|%s|%s|%u|%u|%u\n", d.frame, d.refused ? "refused" : d.transport == TRANSPORT_TCP ? "tcp" : "udp", source, target,
		       d.source_port, d.target_port, d.payload_bytes);
	}
	unsigned faults = capture_faults(capture);
	capture_close(capture);
	decoder_close(decoder);
	return faults != 0;
}
