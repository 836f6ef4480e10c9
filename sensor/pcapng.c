#include "pcapng.h"
#include <stdlib.h>

/*  +0 block type  +4 total length  +8 body ... total length again, all in the byte order that the section header tells */
enum { BLOCK_INTERFACE = 1, BLOCK_PACKET_OLD = 2, BLOCK_SIMPLE = 3, BLOCK_ENHANCED = 6 };
enum { OPTION_END = 0, OPTION_TSRESOL = 9, OPTION_TSOFFSET = 14 };
enum { INTERFACES_MAX = 1024, BLOCK_MAX = 16 << 20, FIRST_BUFFER = 1 << 18, ORDER_MAGIC = 0x1a2b3c4d };

struct interface {
	uint16_t link_type;
	uint8_t resolution;   /* as if_tsresol has it: bit 7 says power of two, else of ten */
	uint32_t snap_bytes;  /* 0: no limit */
	int64_t offset_s;
};

struct pcapng {
	FILE *file;
	bool big;
	uint64_t last_ns;
	uint8_t *block;
	uint32_t room;
	uint32_t interface_count;
	struct interface interfaces[INTERFACES_MAX];
};

struct pcapng *pcapng_open(FILE *file)
{
	struct pcapng *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->file = file;
	p->room = FIRST_BUFFER;
	p->block = malloc(p->room);
	if (p->block)
		return p;
	free(p);
	return NULL;
}

void pcapng_close(struct pcapng *p)
{
	if (!p)
		return;
	free(p->block);
	free(p);
}

/* --- numbers ------------------------------------------------------------------------------------------------ */

static uint32_t swapped(const struct pcapng *p, uint32_t value)
{
	return p->big ? value : __builtin_bswap32(value);
}

static uint32_t read_u32(const struct pcapng *p, struct reader *r)
{
	return swapped(p, read_be32(r));
}

static uint16_t read_u16(const struct pcapng *p, struct reader *r)
{
	uint16_t value = read_be16(r);
	return p->big ? value : __builtin_bswap16(value);
}

static uint64_t to_ns(const struct interface *interface, uint64_t units)
{
	unsigned n = interface->resolution & 0x7f;
	unsigned __int128 ns = (unsigned __int128)units * 1000000000u;
	if (interface->resolution & 0x80)
		ns = n < 128 ? ns >> n : 0;
	else
		for (; n; n--)
			ns /= 10;
	return (uint64_t)ns + (uint64_t)interface->offset_s * 1000000000u;
}

/* --- blocks ------------------------------------------------------------------------------------------------- */

static bool read_exactly(struct pcapng *p, uint8_t *at, uint32_t size)
{
	return fread(at, 1, size, p->file) == size;
}

static bool block_room(struct pcapng *p, uint32_t size)
{
	if (size <= p->room)
		return true;
	uint8_t *block = realloc(p->block, size);
	if (!block)
		return false;
	p->block = block;
	p->room = size;
	return true;
}

/* Learns the byte order: the four bytes behind the length are a number that reads 1a2b3c4d. */
static bool section_begin(struct pcapng *p, uint8_t *head)
{
	if (!read_exactly(p, head + 8, 4))
		return false;
	p->big = load_be32(head + 8) == ORDER_MAGIC;
	p->interface_count = 0; /* each section describes its own */
	return p->big || __builtin_bswap32(load_be32(head + 8)) == ORDER_MAGIC;
}

/* The next block: its type and its body. */
static enum pcapng_result block_next(struct pcapng *p, uint32_t *type, struct slice *body, const char **what)
{
	uint8_t head[12];
	uint32_t known = 8;
	size_t n = fread(head, 1, known, p->file);
	if (n == 0 && !ferror(p->file))
		return PCAPNG_END;
	*what = "the file ends inside a block";
	if (n < known)
		return PCAPNG_DAMAGED;
	*type = load_be32(head);
	if (*type == PCAPNG_MAGIC) {
		if (!section_begin(p, head)) {
			*what = "a section without a byte order";
			return PCAPNG_DAMAGED;
		}
		known = 12;
	} else {
		*type = swapped(p, *type);
	}
	uint32_t total = swapped(p, load_be32(head + 4));
	*what = "a block of impossible length";
	if (total < known + 4 || total % 4 || total > BLOCK_MAX || !block_room(p, total - known))
		return PCAPNG_DAMAGED;
	*what = "the file ends inside a block";
	if (!read_exactly(p, p->block, total - known))
		return PCAPNG_DAMAGED;
	*body = slice_of(p->block, total - known - 4);
	*what = "a block whose two lengths differ";
	return swapped(p, load_be32(p->block + body->size)) == total ? PCAPNG_FRAME : PCAPNG_DAMAGED;
}

static void read_options(const struct pcapng *p, struct reader *r, struct interface *interface)
{
	while (reader_left(r) >= 4) {
		uint16_t code = read_u16(p, r), size = read_u16(p, r);
		struct slice value = read_slice(r, size);
		read_skip(r, -size & 3u);
		struct reader v = reader_of(value);
		if (code == OPTION_END)
			return;
		if (code == OPTION_TSRESOL && value.size == 1) {
			interface->resolution = read_u8(&v);
		} else if (code == OPTION_TSOFFSET && value.size == 8) {
			uint64_t a = read_u32(p, &v), b = read_u32(p, &v);
			interface->offset_s = (int64_t)(p->big ? a << 32 | b : b << 32 | a);
		}
	}
}

static bool read_interface(struct pcapng *p, struct reader *r)
{
	if (p->interface_count == INTERFACES_MAX)
		return false;
	struct interface *interface = &p->interfaces[p->interface_count++];
	*interface = (struct interface){.resolution = 6};
	interface->link_type = read_u16(p, r);
	(void)read_u16(p, r);
	interface->snap_bytes = read_u32(p, r);
	if (r->failed)
		return false;
	read_options(p, r, interface);
	return true;
}

/* Enhanced, simple and the older packet blocks. False when it is none that holds a frame. */
static bool read_frame(struct pcapng *p, uint32_t type, struct reader *r, struct packet *packet)
{
	uint32_t index = 0, kept, high = 0, low = 0;
	if (type == BLOCK_ENHANCED) {
		index = read_u32(p, r);
	} else if (type == BLOCK_PACKET_OLD) {
		index = read_u16(p, r);
		(void)read_u16(p, r); /* drops */
	}
	if (index >= p->interface_count)
		return false;
	const struct interface *interface = &p->interfaces[index];
	if (type == BLOCK_SIMPLE) { /* it has no time: that of the frame before must do */
		packet->wire_bytes = read_u32(p, r);
		kept = interface->snap_bytes && interface->snap_bytes < packet->wire_bytes ? interface->snap_bytes : packet->wire_bytes;
		kept = kept < reader_left(r) ? kept : reader_left(r);
	} else {
		high = read_u32(p, r);
		low = read_u32(p, r);
		kept = read_u32(p, r);
		packet->wire_bytes = read_u32(p, r);
		p->last_ns = to_ns(interface, (uint64_t)high << 32 | low);
	}
	packet->bytes = read_slice(r, kept);
	packet->time_ns = p->last_ns;
	packet->link_type = interface->link_type;
	if (packet->wire_bytes < kept)
		packet->wire_bytes = kept;
	return !r->failed;
}

enum pcapng_result pcapng_next(struct pcapng *p, struct packet *packet, const char **what)
{
	for (;;) {
		uint32_t type;
		struct slice body;
		enum pcapng_result result = block_next(p, &type, &body, what);
		if (result != PCAPNG_FRAME)
			return result;
		struct reader r = reader_of(body);
		switch (type) {
		case BLOCK_INTERFACE:
			*what = "a damaged description of an interface";
			if (!read_interface(p, &r))
				return PCAPNG_DAMAGED;
			break;
		case BLOCK_ENHANCED:
		case BLOCK_PACKET_OLD:
		case BLOCK_SIMPLE:
			*what = "a damaged frame, or one of an interface that nobody described";
			return read_frame(p, type, &r, packet) ? PCAPNG_FRAME : PCAPNG_DAMAGED;
		default: /* names, statistics, comments, secrets */
			break;
		}
	}
}
