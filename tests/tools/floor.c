/* floor - the least that reading a capture can cost: libpcap hands over each packet, every cache line of it is
 * touched, nothing else. What any sensor costs is told as a multiple of this. */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	char error[PCAP_ERRBUF_SIZE] = "no capture given";
	pcap_t *pcap = argc == 2 ? pcap_open_offline(argv[1], error) : NULL;
	if (!pcap) {
		fprintf(stderr, "floor: %s\n", error);
		return 1;
	}
	struct pcap_pkthdr *header;
	const u_char *at;
	uint64_t packets = 0, sum = 0;
	while (pcap_next_ex(pcap, &header, &at) == 1) {
		for (uint32_t i = 0; i < header->caplen; i += 64)
			sum += at[i];
		packets++;
	}
	pcap_close(pcap);
	printf("packets %" PRIu64 "\nsum %" PRIu64 "\n", packets, sum);
	return 0;
}
