#include "prefixes.h"
#include "hash.h"
#include <stdlib.h>

enum { FIRST_SLOTS = 256, LENGTHS = 129 };

struct entry {
	struct address key;
	uint32_t value;
	uint8_t bits;
	bool used;
};

struct prefixes {
	struct entry *entries; /* open addressing, at most half full */
	uint32_t slots, count;
	bool lengths[LENGTHS]; /* that there are */
};

struct prefixes *prefixes_open(void)
{
	struct prefixes *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->slots = FIRST_SLOTS;
	p->entries = calloc(p->slots, sizeof *p->entries);
	if (p->entries)
		return p;
	free(p);
	return NULL;
}

void prefixes_close(struct prefixes *p)
{
	if (p)
		free(p->entries);
	free(p);
}

/* The entry, or the free one where it would stand. */
static struct entry *entry_of(const struct prefixes *p, const struct address *key, unsigned bits)
{
	uint32_t at = (uint32_t)hash_bytes(key, sizeof *key, bits) & (p->slots - 1);
	while (p->entries[at].used && (p->entries[at].bits != bits || !address_equal(&p->entries[at].key, key)))
		at = (at + 1) & (p->slots - 1);
	return &p->entries[at];
}

static bool grow(struct prefixes *p)
{
	struct prefixes more = *p;
	more.slots = p->slots * 2;
	more.entries = calloc(more.slots, sizeof *more.entries);
	if (!more.entries)
		return false;
	for (uint32_t i = 0; i < p->slots; i++)
		if (p->entries[i].used)
			*entry_of(&more, &p->entries[i].key, p->entries[i].bits) = p->entries[i];
	free(p->entries);
	*p = more;
	return true;
}

bool prefixes_put(struct prefixes *p, const struct address *key, unsigned bits, uint32_t value)
{
	struct entry entry = {*key, value, (uint8_t)bits, true};
	if (p->count * 2 >= p->slots && !grow(p))
		return false;
	address_mask(&entry.key, bits);
	struct entry *at = entry_of(p, &entry.key, bits);
	if (at->used)
		return true;
	*at = entry;
	p->count++;
	p->lengths[bits] = true;
	return true;
}

bool prefixes_find(const struct prefixes *p, const struct address *key, unsigned *bits, uint32_t *value)
{
	for (unsigned length = *bits + 1; length-- > 0;) {
		if (!p->lengths[length])
			continue;
		struct address masked = *key;
		address_mask(&masked, length);
		const struct entry *at = entry_of(p, &masked, length);
		if (!at->used)
			continue;
		*bits = length;
		*value = at->value;
		return true;
	}
	return false;
}

uint32_t prefixes_count(const struct prefixes *p)
{
	return p->count;
}

/* --- Ethernet addresses -------------------------------------------------------------------------------------- */

struct address prefixes_mac(const uint8_t mac[6])
{
	struct address key = {{0}};
	memcpy(key.bytes, mac, 6);
	return key;
}

static int digit_of(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

bool prefixes_parse_mac(struct slice text, struct address *key, unsigned *bits)
{
	enum { DIGITS = 12, LEAST = 6 };
	unsigned digits = 0, length = 0;
	uint32_t i = 0;
	memset(key, 0, sizeof *key);
	for (; i < text.size && text.at[i] != '/'; i++) {
		int digit = digit_of(text.at[i]);
		if (digit < 0 && (digits % 2 || !strchr(":-.", text.at[i]) || !text.at[i]))
			return false;
		if (digit < 0)
			continue;
		if (digits == DIGITS)
			return false;
		key->bytes[digits / 2] |= (uint8_t)(digits % 2 ? digit : digit << 4);
		digits++;
	}
	for (uint32_t at = i + 1; at < text.size; at++) {
		if (text.at[at] < '0' || text.at[at] > '9' || length > 48)
			return false;
		length = length * 10 + (unsigned)(text.at[at] - '0');
	}
	*bits = i + 1 < text.size ? length : digits * 4;
	if (digits < LEAST || *bits > digits * 4 || !*bits)
		return false;
	address_mask(key, *bits);
	return true;
}
