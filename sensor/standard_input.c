#include "standard_input.h"
#include <errno.h>
#include <stdbool.h>
#include <zlib.h>

enum { PACKED = 1 << 16, GZIP_WINDOW = 15 + 16 /* inflateInit2(): the largest window, a gzip header */ };

static struct {
	FILE *stream;       /* NULL: not looked at, or closed */
	z_stream z;
	uint64_t unpacked;  /* bytes */
	bool within;        /* a member: the end of the input would be one too early */
	const char *fault;
	uint8_t packed[PACKED];
} input;

/* They are in the buffer, and glibc only steps back over them. */
uint32_t first_bytes(FILE *file, uint8_t *out, uint32_t size)
{
	size_t n = fread(out, 1, size, file);
	for (size_t i = n; i-- > 0;)
		ungetc(out[i], file);
	return (uint32_t)n;
}

static bool broken(const char *what)
{
	input.fault = what;
	return false;
}

/* Unpacks until something came out or there is no more. False when it cannot go on. */
static bool unpack(void)
{
	z_stream *z = &input.z;
	for (uint32_t room = z->avail_out; z->avail_out == room;) {
		if (!z->avail_in) {
			z->next_in = input.packed;
			z->avail_in = (uInt)fread(input.packed, 1, PACKED, stdin);
		}
		if (!z->avail_in)
			return ferror(stdin) ? broken("standard input cannot be read") : !input.within || broken("truncated gzip");
		if (!input.within && *z->next_in != 0x1f)
			return true; /* padding behind the last member, which gzip passes over as well */
		input.within = true;
		int result = inflate(z, Z_NO_FLUSH);
		if (result == Z_STREAM_END) {
			input.within = false;
			inflateReset(z);
		} else if (result != Z_OK) {
			return broken("damaged gzip");
		}
	}
	return true;
}

static ssize_t unpacked_read(void *cookie, char *buffer, size_t size)
{
	(void)cookie;
	input.z.next_out = (Bytef *)buffer;
	input.z.avail_out = (uInt)(size < 1u << 20 ? size : 1u << 20);
	uint32_t room = input.z.avail_out;
	if (input.fault || !unpack()) {
		errno = EIO;
		if (room == input.z.avail_out)
			return -1;
	}
	input.unpacked += room - input.z.avail_out;
	return (ssize_t)(room - input.z.avail_out);
}

/* For ftell() alone. */
static int unpacked_at(void *cookie, off64_t *offset, int whence)
{
	(void)cookie;
	if (whence != SEEK_CUR || *offset != 0)
		return -1;
	*offset = (off64_t)input.unpacked;
	return 0;
}

static int unpacked_close(void *cookie)
{
	(void)cookie;
	inflateEnd(&input.z);
	input.stream = NULL;
	return 0;
}

FILE *standard_input(void)
{
	static const cookie_io_functions_t functions = {.read = unpacked_read, .seek = unpacked_at, .close = unpacked_close};
	uint8_t first[2];
	if (input.stream)
		return input.stream;
	if (first_bytes(stdin, first, sizeof first) < sizeof first || first[0] != 0x1f || first[1] != 0x8b)
		return input.stream = stdin;
	if (inflateInit2(&input.z, GZIP_WINDOW) != Z_OK)
		return NULL;
	return input.stream = fopencookie(NULL, "rb", functions);
}

uint32_t standard_input_peek(uint8_t *out, uint32_t size)
{
	FILE *stream = standard_input();
	return stream ? first_bytes(stream, out, size) : 0;
}

const char *standard_input_fault(void)
{
	return input.fault;
}
