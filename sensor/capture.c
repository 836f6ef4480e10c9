#include "capture.h"
#include "decode.h"
#include "inputs.h"
#include "log.h"
#include "pcapng.h"
#include "record_file.h"
#include "standard_input.h"
#include <errno.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

/* So many files are open at once; of the others the time of the first frame is known and they are opened when its turn
 * comes. */
enum { OPEN_MAX = 256, LIVE_WAIT_MS = 100, SNAPLEN = 262144, FILES_MAX = UINT16_MAX };

struct source {
	const char *name;
	FILE *file;            /* NULL when closed, or live */
	pcap_t *pcap;          /* the file's reader, or the interface; of these two kinds there are own ones: */
	struct pcapng *pcapng;
	struct record_file *records;
	gzFile gzip;
	struct packet packet;  /* the next one, when `ready` */
	uint64_t total_bytes;
	uint32_t frame;
	uint16_t link_type;
	bool ready, done, warned;
	char fault[120];       /* the first one, without the name; "" for none */
};

struct capture {
	struct source *sources;
	unsigned count, faults, open;
	struct inputs *inputs;
	uint32_t *heap;        /* sources with a packet ready, the earliest first */
	unsigned heap_count;
	struct source *last;   /* whose packet was handed out */
	volatile bool stopped;
	bool live;
	struct pollfd *poll;
	unsigned turn;
};

/* Where the reader of an open file stands, before compression. */
static long long source_at(const struct source *source)
{
	if (source->records)
		return (long long)record_file_at(source->records);
	return source->gzip ? (long long)gztell(source->gzip) : (long long)ftell(source->file);
}

__attribute__((format(printf, 3, 4)))
static void fault(struct capture *c, struct source *source, const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	c->faults++;
	log_error("%s: %s", source->name, text);
	if (!*source->fault)
		snprintf(source->fault, sizeof source->fault, "%.*s", (int)sizeof source->fault - 1, text);
}

static bool is_standard_input(const struct source *source)
{
	return strcmp(source->name, "-") == 0;
}

/* What is wrong with the packed stream that a capture is in; NULL: nothing. */
static const char *packed_fault(const struct source *source)
{
	int number = 0;
	const char *what = source->gzip ? gzerror(source->gzip, &number) : NULL;
	if (is_standard_input(source))
		return standard_input_fault();
	return number == Z_BUF_ERROR ? "truncated gzip" : number < 0 ? what : NULL;
}

static void damaged(struct capture *c, struct source *source, const char *what)
{
	const char *packed = packed_fault(source);
	what = packed ? packed : what;
	if (source->file)
		fault(c, source, "%s at byte %lld; the %u frames before it were analysed", what, source_at(source), source->frame);
	else
		fault(c, source, "%s", what);
}

/* --- files -------------------------------------------------------------------------------------------------- */

static ssize_t gzip_read(void *cookie, char *buffer, size_t size)
{
	int n = gzread(cookie, buffer, (unsigned)(size < 1 << 20 ? size : 1 << 20)), number = 0;
	if (n == 0)
		(void)gzerror(cookie, &number); /* where the file is truncated gzread() says that it ends */
	if (n < 0 || number == Z_BUF_ERROR)
		errno = EIO;
	return n < 0 || number == Z_BUF_ERROR ? -1 : n;
}

static int gzip_close(void *cookie)
{
	return gzclose(cookie) == Z_OK ? 0 : -1;
}

static FILE *file_open(struct source *source)
{
	if (is_standard_input(source))
		return standard_input();
	FILE *file = fopen(source->name, "rb");
	if (!file)
		return NULL;
	int first = getc(file), second = getc(file);
	rewind(file);
	if (first != 0x1f || second != 0x8b)
		return file;
	fclose(file);
	source->gzip = gzopen(source->name, "rb");
	if (!source->gzip)
		return NULL;
	gzbuffer(source->gzip, 1 << 17);
	const cookie_io_functions_t functions = {.read = gzip_read, .close = gzip_close};
	return fopencookie(source->gzip, "rb", functions);
}

enum { FILE_HEADER = 24 }; /* of a pcap file */

static void link_unknown(struct capture *c, struct source *source, uint16_t link_type)
{
	const char *name = pcap_datalink_val_to_name(link_type);
	source->warned = true;
	fault(c, source, "link type %u (%s) is not decoded", link_type, name ? name : "unknown");
}

static void source_close(struct capture *c, struct source *source)
{
	if (source->file) {
		if ((source->pcapng || source->records) && source->file != stdin)
			fclose(source->file);
		pcapng_close(source->pcapng);
		record_file_close(source->records);
		if (source->pcap)
			pcap_close(source->pcap); /* and its file */
		c->open--;
	}
	source->file = NULL;
	source->pcap = NULL;
	source->pcapng = NULL;
	source->records = NULL;
	source->gzip = NULL;
	source->done = true;
	source->ready = false;
}

/* `there`: bytes of its header; libpcap counts those behind the magic number alone. */
static bool pcap_begin(struct capture *c, struct source *source, size_t there)
{
	char error[PCAP_ERRBUF_SIZE];
	source->pcap = pcap_fopen_offline_with_tstamp_precision(source->file, PCAP_TSTAMP_PRECISION_NANO, error);
	if (!source->pcap) {
		if (packed_fault(source))
			fault(c, source, "%s at byte %zu", packed_fault(source), there);
		else if (strncmp(error, "truncated", 9) == 0)
			fault(c, source, "truncated in the header of the capture, of which %zu bytes are there", there);
		else
			fault(c, source, "not a capture that can be read: %s", error);
		if (source->file != stdin)
			fclose(source->file);
		source_close(c, source);
		return false;
	}
	source->link_type = (uint16_t)pcap_datalink(source->pcap);
	if (decode_knows_link(source->link_type))
		return true;
	link_unknown(c, source, source->link_type);
	source_close(c, source);
	return false;
}

/* Left to libpcap are compressed files, standard input, and what it can tell better why it is not read. */
static bool records_begin(struct source *source)
{
	if (source->gzip || is_standard_input(source))
		return false;
	source->records = record_file_open(source->file);
	if (!source->records)
		return false;
	source->link_type = (uint16_t)record_file_link_type(source->records);
	if (decode_knows_link(source->link_type))
		return true;
	record_file_close(source->records);
	source->records = NULL;
	return false;
}

static bool source_open(struct capture *c, struct source *source)
{
	source->file = file_open(source);
	if (!source->file) {
		fault(c, source, "%s", strerror(errno));
		return false;
	}
	c->open++;
	if (records_begin(source))
		return true;
	uint8_t header[FILE_HEADER];
	uint32_t there = first_bytes(source->file, header, FILE_HEADER);
	if (there < 4 || load_be32(header) != PCAPNG_MAGIC)
		return pcap_begin(c, source, there);
	source->pcapng = pcapng_open(source->file);
	return source->pcapng != NULL;
}

static bool pcapng_frame(struct capture *c, struct source *source)
{
	const char *what;
	enum pcapng_result result = pcapng_next(source->pcapng, &source->packet, &what);
	if (result == PCAPNG_DAMAGED)
		damaged(c, source, what);
	if (result != PCAPNG_FRAME)
		return false;
	if (!source->warned && !decode_knows_link(source->packet.link_type))
		link_unknown(c, source, source->packet.link_type); /* other interfaces may be of use: read on */
	return true;
}

static bool pcap_frame(struct capture *c, struct source *source)
{
	struct pcap_pkthdr *header;
	const u_char *bytes;
	int result = pcap_next_ex(source->pcap, &header, &bytes);
	if (result == PCAP_ERROR)
		damaged(c, source, pcap_geterr(source->pcap));
	if (result != 1)
		return false;
	source->packet = (struct packet){
		.time_ns = (uint64_t)header->ts.tv_sec * 1000000000u + (uint64_t)header->ts.tv_usec,
		.bytes = {bytes, header->caplen},
		.wire_bytes = header->len,
		.link_type = source->link_type,
	};
	return true;
}

static bool records_frame(struct capture *c, struct source *source)
{
	const char *what;
	int result = record_file_next(source->records, &source->packet, &what);
	if (result < 0)
		damaged(c, source, what);
	source->packet.link_type = source->link_type;
	return result > 0;
}

/* Fetches the next frame of a source; false at its end. */
static bool source_next(struct capture *c, struct source *source)
{
	if (!(source->records ? records_frame(c, source) : source->pcapng ? pcapng_frame(c, source) : pcap_frame(c, source)))
		return false;
	source->packet.frame = ++source->frame;
	source->packet.file = (uint16_t)(source - c->sources);
	return true;
}

/* --- the merge ---------------------------------------------------------------------------------------------- */

static bool earlier(const struct capture *c, uint32_t a, uint32_t b)
{
	uint64_t x = c->sources[a].packet.time_ns, y = c->sources[b].packet.time_ns;
	return x != y ? x < y : a < b;
}

static void heap_down(struct capture *c, unsigned at)
{
	for (;;) {
		unsigned child = 2 * at + 1;
		if (child >= c->heap_count)
			return;
		if (child + 1 < c->heap_count && earlier(c, c->heap[child + 1], c->heap[child]))
			child++;
		if (!earlier(c, c->heap[child], c->heap[at]))
			return;
		uint32_t swap = c->heap[at];
		c->heap[at] = c->heap[child];
		c->heap[child] = swap;
		at = child;
	}
}

/* A file that waits closed keeps the time of its first frame and is read from its start when that time comes. */
static bool source_begin(struct capture *c, struct source *source)
{
	if (!source_open(c, source))
		return false;
	if (!source_next(c, source)) {
		source_close(c, source);
		return false;
	}
	source->ready = true;
	if (c->count > OPEN_MAX && !is_standard_input(source)) {
		source_close(c, source);
		source->done = false;
		source->frame = 0;
		source->ready = true;
	}
	return true;
}

static bool files_begin(struct capture *c)
{
	c->heap = calloc(c->count + 1, sizeof *c->heap);
	if (!c->heap)
		return false;
	for (uint32_t i = 0; i < c->count; i++)
		if (source_begin(c, &c->sources[i]))
			c->heap[c->heap_count++] = i;
	for (unsigned i = c->heap_count / 2; i-- > 0;)
		heap_down(c, i);
	return true;
}

static enum capture_result files_next(struct capture *c, const struct packet **packet)
{
	if (c->last) {
		if (!source_next(c, c->last)) {
			source_close(c, c->last);
			c->heap[0] = c->heap[--c->heap_count];
		}
		if (c->heap_count > 1)
			heap_down(c, 0);
		c->last = NULL;
	}
	while (c->heap_count) {
		struct source *source = &c->sources[c->heap[0]];
		if (source->file || (source_open(c, source) && source_next(c, source))) {
			*packet = &source->packet;
			c->last = source;
			return CAPTURE_PACKET;
		}
		source_close(c, source); /* it was there when it was looked at first */
		c->heap[0] = c->heap[--c->heap_count];
		heap_down(c, 0);
	}
	return CAPTURE_END;
}

/* --- interfaces --------------------------------------------------------------------------------------------- */

static bool live_open(struct capture *c, struct source *source, const char *filter)
{
	char error[PCAP_ERRBUF_SIZE];
	struct bpf_program program;
	source->pcap = pcap_create(source->name, error);
	if (!source->pcap) {
		log_error("%s: %s", source->name, error);
		return false;
	}
	pcap_set_snaplen(source->pcap, SNAPLEN);
	pcap_set_promisc(source->pcap, 1);
	pcap_set_timeout(source->pcap, LIVE_WAIT_MS);
	pcap_set_immediate_mode(source->pcap, 1);
	pcap_set_buffer_size(source->pcap, 32 << 20);
	pcap_set_tstamp_precision(source->pcap, PCAP_TSTAMP_PRECISION_NANO);
	int result = pcap_activate(source->pcap);
	if (result < 0) {
		log_error("%s: %s (%s)", source->name, pcap_statustostr(result), pcap_geterr(source->pcap));
		return false;
	}
	source->link_type = (uint16_t)pcap_datalink(source->pcap);
	if (!decode_knows_link(source->link_type)) {
		log_error("%s: link type %u is not decoded", source->name, source->link_type);
		return false;
	}
	if (filter) {
		if (pcap_compile(source->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN) < 0) {
			log_error("filter \"%s\": %s", filter, pcap_geterr(source->pcap));
			return false;
		}
		result = pcap_setfilter(source->pcap, &program);
		pcap_freecode(&program);
		if (result < 0) {
			log_error("filter \"%s\": %s", filter, pcap_geterr(source->pcap));
			return false;
		}
	}
	if (pcap_setnonblock(source->pcap, 1, error) < 0) {
		log_error("%s: %s", source->name, error);
		return false;
	}
	c->open++;
	c->poll[source - c->sources] = (struct pollfd){pcap_get_selectable_fd(source->pcap), POLLIN, 0};
	return true;
}

/* An interface that went away is told once; the others go on, and the run ends with the last. */
static bool live_take(struct capture *c, struct source *source)
{
	unsigned faults = c->faults;
	if (source->done)
		return false;
	if (source_next(c, source))
		return true;
	if (c->faults != faults) {
		source->done = true;
		c->poll[source - c->sources].fd = -1; /* poll() passes over it */
		c->stopped = --c->open == 0;
	}
	return false;
}

static enum capture_result live_next(struct capture *c, const struct packet **packet)
{
	for (unsigned tried = 0; tried <= c->count && !c->stopped; tried++) {
		if (tried == c->count) {
			if (poll(c->poll, c->count, LIVE_WAIT_MS) <= 0)
				return c->stopped ? CAPTURE_END : CAPTURE_IDLE;
			tried = 0;
		}
		struct source *source = &c->sources[c->turn++ % c->count];
		if (live_take(c, source)) {
			*packet = &source->packet;
			return CAPTURE_PACKET;
		}
	}
	return CAPTURE_END;
}

/* --- life --------------------------------------------------------------------------------------------------- */

static bool live_begin(struct capture *c, const struct capture_options *options)
{
	c->live = true;
	c->poll = calloc(c->count, sizeof *c->poll);
	if (!c->poll)
		return false;
	for (unsigned i = 0; i < c->count; i++) {
		c->sources[i].name = options->interfaces[i];
		if (!live_open(c, &c->sources[i], options->filter)) {
			c->faults++;
			return false;
		}
	}
	return true;
}

struct capture *capture_open(const struct capture_options *options)
{
	struct capture *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	if (options->inputs) {
		c->inputs = inputs_find(options->inputs);
		c->count = c->inputs ? inputs_count(c->inputs) : 0;
		c->faults = c->inputs ? inputs_faults(c->inputs) : 1;
	} else {
		while (options->interfaces[c->count])
			c->count++;
	}
	if (c->count > FILES_MAX) {
		log_error("more than %d captures in one run", FILES_MAX);
		c->count = FILES_MAX;
		c->faults++;
	}
	c->sources = calloc(c->count + 1, sizeof *c->sources);
	for (unsigned i = 0; c->sources && c->inputs && i < c->count; i++) {
		c->sources[i].name = inputs_name(c->inputs, i);
		c->sources[i].total_bytes = inputs_bytes(c->inputs, i);
	}
	if (c->sources && (options->inputs ? files_begin(c) : live_begin(c, options)) && (c->heap_count || !c->faults))
		return c; /* a capture without frames is no fault */
	capture_close(c);
	return NULL;
}

enum capture_result capture_next(struct capture *c, const struct packet **packet)
{
	if (c->stopped)
		return CAPTURE_END;
	return c->live ? live_next(c, packet) : files_next(c, packet);
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	for (unsigned i = 0; c->sources && i < c->count; i++)
		if (c->sources[i].file)
			source_close(c, &c->sources[i]);
		else if (c->sources[i].pcap)
			pcap_close(c->sources[i].pcap);
	inputs_close(c->inputs);
	free(c->sources);
	free(c->heap);
	free(c->poll);
	free(c);
}

const char *capture_file_name(const struct capture *c, uint16_t file)
{
	return file < c->count ? c->sources[file].name : "";
}

const char *capture_file_fault(const struct capture *c, uint16_t file)
{
	return file < c->count && *c->sources[file].fault ? c->sources[file].fault : NULL;
}

unsigned capture_faults(const struct capture *c)
{
	return c->faults;
}

void capture_progress(const struct capture *c, uint64_t *done, uint64_t *total)
{
	*done = *total = 0;
	for (unsigned i = 0; !c->live && i < c->count; i++) {
		const struct source *source = &c->sources[i];
		*total += source->total_bytes;
		if (source->done)
			*done += source->total_bytes;
		else if (source->file && source->gzip)
			*done += (uint64_t)gzoffset(source->gzip);
		else if (source->file)
			*done += (uint64_t)source_at(source);
	}
}

uint64_t capture_dropped(const struct capture *c)
{
	uint64_t dropped = 0;
	struct pcap_stat stat;
	for (unsigned i = 0; c->live && i < c->count; i++)
		if (c->sources[i].pcap && pcap_stats(c->sources[i].pcap, &stat) == 0)
			dropped += stat.ps_drop + stat.ps_ifdrop;
	return dropped;
}

void capture_stop(struct capture *c)
{
	c->stopped = true;
}
