/* enrich ask CONFIG ADDRESS...           what is known of each: country|name|city|asn|as_org|network|owner|site
 * enrich damage DATABASE SCRATCH COUNT   asks COUNT copies of a database, each damaged in another way, which it writes to SCRATCH
 *
 * The second is for a build with sanitizers: whatever a file holds, asking it ends, and ends well. */
#include "sensor/enrich.h"
#include <stdio.h>
#include <stdlib.h>

static const struct session nobody;

static void show(struct slice text)
{
	printf("%.*s|", (int)text.size, (const char *)text.at);
}

static int ask(const char *path, char **addresses)
{
	struct config *config = config_load(path);
	struct enrich *enrich = config ? enrich_open(&config->enrich) : NULL;
	for (; enrich && *addresses; addresses++) {
		struct ends ends = {.client_port = 1};
		const struct event event = {.ends = &ends, .session = &nobody};
		if (!address_parse(*addresses, &ends.client))
			return 2;
		const struct context *context = enrich_find(enrich, &event);
		static const struct context nothing;
		const struct context_end *end = context ? &context->src : &nothing.src;
		printf("%s ", *addresses);
		show(end->country);
		show(end->country_name);
		show(end->city);
		printf("%u|", end->asn);
		show(end->as_org);
		show(end->network);
		show(end->owner);
		printf("%.*s\n", (int)end->site.size, (const char *)end->site.at);
	}
	enrich_close(enrich);
	config_free(config);
	return enrich ? 0 : 1;
}

/* Bytes changed, a part cut out, the end cut off. */
static size_t damage(uint8_t *bytes, size_t size)
{
	size_t at = (size_t)rand() % size, length = (size_t)rand() % (size - at);
	switch (rand() % 4) {
	case 0:
		return at;
	case 1:
		memmove(bytes + at, bytes + at + length, size - at - length);
		return size - length;
	default:
		for (int i = rand() % 24; i >= 0; i--)
			bytes[(size_t)rand() % size] = (uint8_t)rand();
		return size;
	}
}

static bool write_file(const char *path, const uint8_t *bytes, size_t size)
{
	FILE *file = fopen(path, "wb");
	return file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0;
}

/* Addresses from one end of the tree to the other, and those that tests put into it. */
static unsigned ask_much(struct enrich *enrich)
{
	unsigned known = 0;
	for (unsigned i = 0; i < 192; i++) {
		static const uint8_t heads[3][4] = {{203, 0, 113, 0}, {198, 51, 100, 0}, {127, 0, 3, 0}};
		struct ends ends = {.client_port = 1};
		const struct event event = {.ends = &ends, .session = &nobody};
		address_parse(i < 96 ? "0.0.0.0" : "2001:db8::", &ends.client);
		if (i < 48)
			memcpy(ends.client.bytes + 12, heads[i % 3], 4);
		ends.client.bytes[i < 96 ? 15 : 3 + i % 5] = (uint8_t)rand();
		known += enrich_find(enrich, &event) != NULL;
	}
	return known;
}

static int damaged(const char *database, const char *scratch, unsigned count)
{
	static uint8_t whole[1 << 20], bytes[sizeof whole];
	FILE *file = fopen(database, "rb");
	size_t size = file ? fread(whole, 1, sizeof whole, file) : 0;
	const char *const paths[] = {scratch, NULL};
	const struct config_enrich config = {.databases = paths};
	unsigned known = 0;
	if (file)
		fclose(file);
	for (unsigned i = 0; size && i < count; i++) {
		srand(i);
		memcpy(bytes, whole, size);
		if (!write_file(scratch, bytes, damage(bytes, size)))
			return 1;
		struct enrich *enrich = enrich_open(&config);
		if (!enrich)
			return 1;
		known += ask_much(enrich) != 0;
		enrich_close(enrich);
	}
	printf("%u of %u\n", known, count);
	return size ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc > 3 && strcmp(argv[1], "ask") == 0)
		return ask(argv[2], argv + 3);
	if (argc == 5 && strcmp(argv[1], "damage") == 0)
		return damaged(argv[2], argv[3], (unsigned)atoi(argv[4]));
	return 2;
}
