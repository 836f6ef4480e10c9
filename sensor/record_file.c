#include "record_file.h"
#include <stdlib.h>
#include <unistd.h>

/* https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/
 *
 *   file    magic(4) major(2) minor(2) reserved(8) snap length(4) link type(4)
 *   record  seconds(4) micro- or nanoseconds(4) captured bytes(4) bytes on the wire(4), then the captured bytes */
enum { FILE_HEADER = 24, RECORD_HEADER = 16, FRAME_MAX = 262144, ROOM = 262144, BUFFER = ROOM + FRAME_MAX + RECORD_HEADER };

#define MAGIC_MICROSECONDS 0xa1b2c3d4u
#define MAGIC_NANOSECONDS 0xa1b23c4du

struct record_file {
	int descriptor;
	uint32_t link_type, snap_length;
	uint32_t tick_ns;
	uint64_t passed;      /* file offset of the buffer's start */
	uint32_t at, end;     /* what is left in the buffer */
	bool ended;
	const char *read_fault;
	uint8_t buffer[BUFFER];
};

static uint32_t load_u32(const uint8_t *at)
{
	uint32_t value;
	memcpy(&value, at, sizeof value);
	return value;
}

/* The descriptor is read from where stdio stands, which is its start. */
struct record_file *record_file_open(FILE *file)
{
	uint8_t header[FILE_HEADER];
	int descriptor = fileno(file);
	if (descriptor < 0 || pread(descriptor, header, sizeof header, 0) != FILE_HEADER)
		return NULL;
	uint32_t magic = load_u32(header), version = load_u32(header + 4), type = load_u32(header + 20);
	if ((magic != MAGIC_MICROSECONDS && magic != MAGIC_NANOSECONDS) || version != (4u << 16 | 2u) || type > UINT16_MAX)
		return NULL;
	struct record_file *records = malloc(sizeof *records);
	if (!records)
		return NULL;
	records->descriptor = descriptor;
	records->link_type = type;
	records->snap_length = load_u32(header + 16);
	if (records->snap_length == 0 || records->snap_length > FRAME_MAX)
		records->snap_length = FRAME_MAX;
	records->tick_ns = magic == MAGIC_NANOSECONDS ? 1 : 1000;
	records->passed = FILE_HEADER;
	records->at = records->end = 0;
	records->ended = false;
	records->read_fault = NULL;
	return records;
}

void record_file_close(struct record_file *records)
{
	free(records);
}

uint32_t record_file_link_type(const struct record_file *records)
{
	return records->link_type;
}

uint64_t record_file_at(const struct record_file *records)
{
	return records->passed + records->at;
}

static bool is_whole(const struct record_file *r)
{
	uint32_t left = r->end - r->at;
	if (left < RECORD_HEADER)
		return false;
	uint32_t captured = load_u32(r->buffer + r->at + 8);
	return captured <= FRAME_MAX && captured <= left - RECORD_HEADER;
}

/* What is left moves to the front, and the file goes on behind it. */
static void fill(struct record_file *r)
{
	memmove(r->buffer, r->buffer + r->at, r->end - r->at);
	r->passed += r->at;
	r->end -= r->at;
	r->at = 0;
	while (!r->ended && r->end < BUFFER && (r->end < ROOM || !is_whole(r))) {
		ssize_t n = pread(r->descriptor, r->buffer + r->end, BUFFER - r->end < ROOM ? BUFFER - r->end : ROOM,
				  (off_t)(r->passed + r->end));
		r->ended = n <= 0;
		if (n < 0)
			r->read_fault = "the file cannot be read";
		else
			r->end += (uint32_t)n;
	}
}

int record_file_next(struct record_file *r, struct packet *packet, const char **fault)
{
	if (!is_whole(r) && !r->ended)
		fill(r);
	uint32_t left = r->end - r->at;
	const uint8_t *header = r->buffer + r->at;
	*fault = r->read_fault;
	if (left == 0)
		return r->read_fault ? -1 : 0;
	*fault = "truncated in the header of a frame";
	if (left < RECORD_HEADER)
		return -1;
	uint32_t captured = load_u32(header + 8);
	*fault = "a frame of an impossible length: the file is damaged";
	if (captured > FRAME_MAX)
		return -1;
	*fault = "truncated in a frame";
	if (left - RECORD_HEADER < captured)
		return -1;
	packet->time_ns = (uint64_t)load_u32(header) * 1000000000u + (uint64_t)load_u32(header + 4) * r->tick_ns;
	packet->bytes = slice_of(header + RECORD_HEADER, captured < r->snap_length ? captured : r->snap_length);
	packet->wire_bytes = load_u32(header + 12);
	r->at += RECORD_HEADER + captured;
	packet->stays = is_whole(r) ? STAYS : STAYS_LAST;
	return 1;
}
