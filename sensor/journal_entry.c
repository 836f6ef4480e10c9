#include "journal_entry.h"
#include <zlib.h>

enum { MAGIC = 0x54574a31, CRC_FROM = 12, IS_ALERT = 1, UNKNOWN = 255 };

static uint8_t *put_number(uint8_t *at, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
	return at + bytes;
}

static uint8_t *put_bytes(uint8_t *at, const void *from, uint32_t size)
{
	if (size)
		memcpy(at, from, size);
	return at + size;
}

static uint8_t name_bytes(const struct name *name)
{
	return name->known ? name->size : (uint8_t)UNKNOWN;
}

uint32_t journal_entry_write(const struct journal_entry *entry, uint8_t *out)
{
	const struct record *r = &entry->record;
	struct slice client_id = name_slice(&r->client_id), user = name_slice(&r->user), rule = slice_text(r->rule);
	struct slice format = slice_head(entry->format, UNKNOWN - 1);
	uint8_t *at = out + CRC_FROM;
	const uint8_t sizes[8] = {r->is_alert ? IS_ALERT : 0, r->level, (uint8_t)format.size, (uint8_t)rule.size,
				  name_bytes(&r->client_id), name_bytes(&r->user)};
	at = put_bytes(at, sizes, sizeof sizes);
	at = put_number(at, entry->sequence, 8);
	at = put_number(at, entry->written_ns, 8);
	at = put_number(at, r->time_ns, 8);
	at = put_number(at, r->id, 8);
	at = put_number(at, r->update, 4);
	at = put_number(at, r->client_port, 2);
	at = put_number(at, r->server_port, 2);
	at = put_bytes(at, r->client.bytes, sizeof r->client.bytes);
	at = put_bytes(at, r->server.bytes, sizeof r->server.bytes);
	at = put_bytes(at, format.at, format.size);
	at = put_bytes(at, rule.at, rule.size);
	at = put_bytes(at, client_id.at, client_id.size);
	at = put_bytes(at, user.at, user.size);
	at = put_bytes(at, r->bytes.at, r->bytes.size);
	uint32_t size = (uint32_t)(at - out);
	put_number(out, MAGIC, 4);
	put_number(out + 4, size, 4);
	put_number(out + 8, crc32(0, out + CRC_FROM, size - CRC_FROM), 4);
	return size;
}

static uint64_t read_be64(struct reader *r)
{
	uint64_t high = read_be32(r);
	return high << 32 | read_be32(r);
}

static void read_address(struct reader *r, struct address *out)
{
	struct slice s = read_slice(r, sizeof out->bytes);
	if (s.size)
		memcpy(out->bytes, s.at, s.size);
}

static void read_name(struct reader *r, uint8_t size, struct name *out)
{
	if (size == UNKNOWN)
		return;
	struct slice s = read_slice(r, size);
	if (size > sizeof out->text) {
		reader_fail(r);
		return;
	}
	out->known = true;
	out->size = (uint8_t)s.size;
	memcpy(out->text, s.at, s.size);
}

static bool read_fields(struct reader *r, struct journal_entry *entry)
{
	*entry = (struct journal_entry){0};
	struct record *record = &entry->record;
	record->is_alert = read_u8(r) & IS_ALERT;
	record->level = read_u8(r);
	uint8_t format = read_u8(r), rule = read_u8(r), client_id = read_u8(r), user = read_u8(r);
	read_skip(r, 2);
	entry->sequence = read_be64(r);
	entry->written_ns = read_be64(r);
	record->time_ns = read_be64(r);
	record->id = read_be64(r);
	record->update = read_be32(r);
	record->client_port = read_be16(r);
	record->server_port = read_be16(r);
	read_address(r, &record->client);
	read_address(r, &record->server);
	entry->format = read_slice(r, format);
	struct slice name = read_slice(r, rule);
	if (record->level > LEVEL_CRITICAL || name.size >= sizeof record->rule)
		return false;
	memcpy(record->rule, name.at, name.size);
	read_name(r, client_id, &record->client_id);
	read_name(r, user, &record->user);
	record->bytes = read_rest(r);
	return !r->failed;
}

enum entry_found journal_entry_read(struct slice bytes, struct journal_entry *entry, uint32_t *size)
{
	struct reader r = reader_of(bytes);
	uint32_t magic = read_be32(&r), whole = read_be32(&r), crc = read_be32(&r);
	if (r.failed)
		return ENTRY_SHORT;
	if (magic != MAGIC || whole < JOURNAL_ENTRY_HEAD || whole > JOURNAL_ENTRY_MAX)
		return ENTRY_BAD;
	if (whole > bytes.size)
		return ENTRY_SHORT;
	r.end = bytes.at + whole;
	if (crc32(0, r.at, whole - CRC_FROM) != crc || !read_fields(&r, entry))
		return ENTRY_BAD;
	*size = whole;
	return ENTRY_WHOLE;
}
