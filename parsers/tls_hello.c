/* ClientHello and ServerHello (RFC 8446, 4.1.2 and 4.1.3; the same layout since SSL 3):
 *
 *   legacy_version 2 | random 32 | session_id <0..32> | [DTLS, client: cookie <0..255>]
 *   client: cipher_suites <2..65534> | compression_methods <1..255> | [extensions <0..65535>]
 *   server: cipher_suite 2 | compression_method 1 | [extensions <0..65535>]
 *
 * and their fingerprints: JA3 and JA3S (github.com/salesforce/ja3), JA4 (github.com/FoxIO-LLC/ja4, technical_details). */
#include "tls.h"
#include "../sensor/digest.h"
#include <stdio.h>
#include <stdlib.h>

enum extension {
	EXTENSION_SERVER_NAME = 0, EXTENSION_GROUPS = 10, EXTENSION_POINT_FORMATS = 11, EXTENSION_ALGORITHMS = 13,
	EXTENSION_ALPN = 16, EXTENSION_CLIENT_CERTIFICATE_TYPE = 19, EXTENSION_SERVER_CERTIFICATE_TYPE = 20,
	EXTENSION_TICKET = 35, EXTENSION_PRE_SHARED_KEY = 41, EXTENSION_EARLY_DATA = 42, EXTENSION_VERSIONS = 43,
	EXTENSION_COOKIE = 44, EXTENSION_PSK_MODES = 45, EXTENSION_KEY_SHARE = 51, EXTENSION_CONNECTION_ID_DRAFT = 53, EXTENSION_CONNECTION_ID = 54
};

enum { NUMBERS_MAX = 512, SERVER_NAME_HOST = 0, RAW_PUBLIC_KEY = 2 };

bool tls_grease(uint16_t number)
{
	return (number & 0x0f0f) == 0x0a0a && number >> 8 == (number & 0xff);
}

static struct slice read_u8_slice(struct reader *r)
{
	uint8_t n = read_u8(r);
	return read_slice(r, n);
}

/* --- reading ------------------------------------------------------------------------------------------------ */

static void client_extension(struct tls_hello *hello, uint16_t type, struct reader r)
{
	switch (type) {
	case EXTENSION_SERVER_NAME: {
		struct reader names = reader_of(read_be16_slice(&r));
		if (read_u8(&names) == SERVER_NAME_HOST)
			hello->sni = read_be16_slice(&names);
		if (names.failed)
			hello->sni = (struct slice){NULL, 0};
		break;
	}
	case EXTENSION_GROUPS:
		hello->groups = read_be16_slice(&r);
		break;
	case EXTENSION_POINT_FORMATS:
		hello->points = read_u8_slice(&r);
		break;
	case EXTENSION_ALGORITHMS:
		hello->algorithms = read_be16_slice(&r);
		break;
	case EXTENSION_ALPN:
		hello->alpn = read_be16_slice(&r);
		break;
	case EXTENSION_VERSIONS:
		hello->versions = read_u8_slice(&r);
		break;
	case EXTENSION_COOKIE: /* of a HelloRetryRequest: RFC 8446, 4.2.2 */
		if (!hello->cookie.size)
			hello->cookie = read_be16_slice(&r);
		break;
	case EXTENSION_PSK_MODES:
		hello->psk_modes = read_u8_slice(&r);
		break;
	default:
		break;
	}
}

static void server_extension(struct tls_hello *hello, uint16_t type, struct reader r)
{
	switch (type) {
	case EXTENSION_ALPN:
		hello->alpn = read_be16_slice(&r);
		break;
	case EXTENSION_VERSIONS:
		hello->chosen = read_be16(&r);
		break;
	case EXTENSION_KEY_SHARE:
		hello->group = read_be16(&r);
		break;
	case EXTENSION_CLIENT_CERTIFICATE_TYPE:
		hello->raw_key[TO_SERVER] = read_u8(&r) == RAW_PUBLIC_KEY;
		break;
	case EXTENSION_SERVER_CERTIFICATE_TYPE:
		hello->raw_key[TO_CLIENT] = read_u8(&r) == RAW_PUBLIC_KEY;
		break;
	default:
		break;
	}
}

static void any_extension(struct tls_hello *hello, uint16_t type, struct reader r)
{
	switch (type) {
	case EXTENSION_TICKET:
		hello->ticket = reader_left(&r) != 0;
		break;
	case EXTENSION_PRE_SHARED_KEY:
		hello->psk = true;
		break;
	case EXTENSION_EARLY_DATA:
		hello->early_data = true;
		break;
	case EXTENSION_CONNECTION_ID_DRAFT:
	case EXTENSION_CONNECTION_ID:
		hello->connection_id = true;
		hello->connection_id_bytes = read_u8(&r);
		break;
	default:
		break;
	}
}

static bool extensions_read(struct tls_hello *hello, bool client)
{
	struct reader r = reader_of(hello->extensions);
	while (reader_left(&r)) {
		uint16_t type = read_be16(&r);
		struct slice body = read_be16_slice(&r);
		if (r.failed)
			return false;
		any_extension(hello, type, reader_of(body));
		if (client)
			client_extension(hello, type, reader_of(body));
		else
			server_extension(hello, type, reader_of(body));
	}
	return true;
}

/* SHA-256 of "HelloRetryRequest" (RFC 8446, 4.1.3): the random of a ServerHello that is one. */
static const uint8_t retry_random[32] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
	0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

bool tls_hello_read(struct slice body, bool client, bool datagram, struct tls_hello *out)
{
	struct reader r = reader_of(body);
	*out = (struct tls_hello){.version = read_be16(&r)};
	struct slice random = read_slice(&r, sizeof retry_random);
	out->random = random.size ? load_be32(random.at) : 0;
	/* Drafts of TLS 1.3 up to 21 had neither session_id nor compression in the ServerHello. */
	bool short_form = !client && out->version >> 8 == 0x7f;
	if (!short_form)
		out->session_id = read_u8_slice(&r);
	if (client && datagram)
		out->cookie = read_u8_slice(&r);
	if (client)
		out->suites = read_be16_slice(&r);
	else
		out->suite = read_be16(&r);
	if (client)
		(void)read_u8_slice(&r); /* compression methods */
	else if (!short_form)
		read_skip(&r, 1);
	out->extensions = reader_left(&r) ? read_be16_slice(&r) : read_rest(&r);
	out->chosen = out->version;
	out->retry = !client && random.size && memcmp(random.at, retry_random, sizeof retry_random) == 0;
	if (r.failed || out->suites.size % 2 || (client && !out->suites.size))
		return false;
	return !out->extensions.size || extensions_read(out, client);
}

/* --- lists as texts ----------------------------------------------------------------------------------------- */

/* A number without a name, as "0x1234"; an empty slice when there is no more room. */
static struct slice hex_name(struct tls_room *room, uint32_t number)
{
	if (room->text_used + 8 > TEXT_ROOM)
		return (struct slice){NULL, 0};
	char *at = room->text + room->text_used;
	int n = snprintf(at, 8, "0x%04x", number & 0xffff);
	room->text_used += (uint32_t)n;
	return slice_of(at, (uint32_t)n);
}

static void add(struct slices *list, struct slice *room, unsigned max, struct slice text)
{
	list->items = room;
	if (text.at && list->count < max)
		room[list->count++] = text;
}

/* The names of two-byte numbers, GREASE apart. */
static void add_names(struct slices *list, struct slice *at, unsigned max, struct slice numbers, const char *(*name_of)(uint16_t),
		      struct tls_room *room)
{
	for (uint32_t i = 0; i + 1 < numbers.size && list->count < max; i += 2) {
		uint16_t number = load_be16(numbers.at + i);
		const char *name = name_of(number);
		if (!tls_grease(number))
			add(list, at, max, name ? slice_text(name) : hex_name(room, number));
	}
}

static void add_alpns(struct slices *list, struct slice alpn, struct tls_room *room)
{
	if (!alpn.size)
		return;
	struct reader r = reader_of(alpn);
	while (reader_left(&r)) {
		struct slice name = read_u8_slice(&r);
		bool grease = name.size == 2 && tls_grease(load_be16(name.at));
		if (name.size && !grease)
			add(list, room->alpns, LIST_MAX, name);
	}
}

static void show_suites(const struct tls_hello *hello, struct tls_event *event, struct tls_room *room)
{
	unsigned tiers = 0;
	for (uint32_t i = 0; i + 1 < hello->suites.size; i += 2) {
		uint16_t number = load_be16(hello->suites.at + i);
		const struct tls_suite *suite = tls_suite(number);
		if (tls_grease(number) || (suite && suite->tier == TIER_SIGNAL))
			continue;
		event->suite_count++;
		if (event->suites.count < SUITES_MAX)
			add(&event->suites, room->suites, SUITES_MAX, suite ? slice_text(suite->name) : hex_name(room, number));
		if (suite && suite->tier == TIER_BROKEN)
			add(&event->broken, room->broken, LIST_MAX, slice_text(suite->name));
		tiers |= suite ? 1u << suite->tier : 0;
	}
	for (unsigned tier = 0; tier < TIER_SIGNAL; tier++)
		if (tiers >> tier & 1)
			add(&event->tiers, room->tiers, LIST_MAX, slice_text(tls_tier_name(tier)));
}

/* The newest version that the client takes. */
static uint16_t best_version(const struct tls_hello *hello)
{
	uint16_t best = 0;
	for (uint32_t i = 0; i + 1 < hello->versions.size; i += 2) {
		uint16_t version = load_be16(hello->versions.at + i);
		if (!tls_grease(version) && tls_version_name(version) &&
		    tls_version_rank(version) > tls_version_rank(best))
			best = version;
	}
	return best ? best : hello->version;
}

static void show_versions(const struct tls_hello *hello, struct tls_event *event, struct tls_room *room)
{
	uint8_t own[2] = {(uint8_t)(hello->version >> 8), (uint8_t)hello->version};
	event->legacy_version = tls_version_name(hello->version);
	event->client_version = tls_version_name(best_version(hello));
	add_names(&event->versions, room->versions, LIST_MAX, hello->versions.size ? hello->versions : slice_of(own, sizeof own),
		  tls_version_name, room);
}

static void show_psk_modes(const struct tls_hello *hello, struct tls_event *event, struct tls_room *room)
{
	static const char *const names[] = {"psk_ke", "psk_dhe_ke"}; /* RFC 8446, 4.2.9 */
	for (uint32_t i = 0; i < hello->psk_modes.size; i++)
		if (hello->psk_modes.at[i] < sizeof names / sizeof *names)
			add(&event->psk_modes, room->psk_modes, LIST_MAX, slice_text(names[hello->psk_modes.at[i]]));
}

/* --- JA3 ---------------------------------------------------------------------------------------------------- */

/* Text that grows to a limit and remembers when it was reached. */
struct line {
	char *at;
	uint32_t size, room;
	bool full;
};

static void put(struct line *line, const char *digits, uint32_t size)
{
	if (size >= line->room - line->size) {
		line->full = true;
		return;
	}
	memcpy(line->at + line->size, digits, size);
	line->size += size;
	line->at[line->size] = 0;
}

/* By hand: a ClientHello has a hundred numbers, and printf() would be half of what it costs. */
static void put_decimal(struct line *line, const char *before, unsigned number)
{
	char digits[12];
	unsigned at = sizeof digits;
	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	put(line, before, (uint32_t)strlen(before));
	put(line, digits + at, (uint32_t)(sizeof digits - at));
}

static void put_hex(struct line *line, const char *before, unsigned number)
{
	char digits[4];
	for (unsigned i = 0; i < sizeof digits; i++)
		digits[i] = "0123456789abcdef"[number >> (12 - 4 * i) & 15];
	put(line, before, (uint32_t)strlen(before));
	put(line, digits, sizeof digits);
}

static void put_numbers(struct line *line, struct slice numbers, unsigned width)
{
	const char *before = "";
	for (uint32_t i = 0; i + width <= numbers.size && !line->full; i += width) {
		uint16_t number = width == 2 ? load_be16(numbers.at + i) : numbers.at[i];
		if (width == 2 && tls_grease(number))
			continue;
		put_decimal(line, before, number);
		before = "-";
	}
}

static void put_extensions(struct line *line, struct slice extensions)
{
	struct reader r = reader_of(extensions);
	const char *before = "";
	while (reader_left(&r) && !line->full) {
		uint16_t type = read_be16(&r);
		(void)read_be16_slice(&r);
		if (r.failed || tls_grease(type))
			continue;
		put_decimal(line, before, type);
		before = "-";
	}
}

static bool ja3_end(const struct line *line, char digest[DIGEST_HEX_MAX])
{
	if (!line->full)
		digest_hex(DIGEST_MD5, slice_of(line->at, line->size), digest);
	return !line->full;
}

static void show_ja3(const struct tls_hello *hello, struct tls_event *event, struct tls_room *room)
{
	struct line line = {room->ja3_text, 0, JA3_MAX, false};
	put_decimal(&line, "", hello->version);
	put(&line, ",", 1);
	put_numbers(&line, hello->suites, 2);
	put(&line, ",", 1);
	put_extensions(&line, hello->extensions);
	put(&line, ",", 1);
	put_numbers(&line, hello->groups, 2);
	put(&line, ",", 1);
	put_numbers(&line, hello->points, 1);
	if (!ja3_end(&line, room->ja3))
		return;
	event->ja3 = room->ja3;
	event->ja3_text = room->ja3_text;
}

static void show_ja3s(const struct tls_hello *hello, struct tls_event *event, struct tls_room *room)
{
	struct line line = {room->ja3_text, 0, JA3_MAX, false};
	put_decimal(&line, "", hello->version);
	put_decimal(&line, ",", hello->suite);
	put(&line, ",", 1);
	put_extensions(&line, hello->extensions);
	if (!ja3_end(&line, room->ja3))
		return;
	event->ja3s = room->ja3;
	event->ja3s_text = room->ja3_text;
}

/* --- JA4 ---------------------------------------------------------------------------------------------------- */

struct numbers {
	uint16_t at[NUMBERS_MAX];
	unsigned count, seen; /* seen: with those that are left out of `at` */
};

static void numbers_add(struct numbers *numbers, uint16_t number, bool keep)
{
	if (tls_grease(number))
		return;
	numbers->seen++;
	if (keep && numbers->count < NUMBERS_MAX)
		numbers->at[numbers->count++] = number;
}

static int by_number(const void *a, const void *b)
{
	return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

/* Twelve hex digits of the SHA-256 of the sorted numbers as hex, and behind a "_" the algorithms in their own order. */
static void put_ja4_hash(char *out, struct numbers *numbers, struct slice algorithms)
{
	char text[(NUMBERS_MAX * 2 + 1) * 5], digest[DIGEST_HEX_MAX];
	struct line line = {text, 0, sizeof text, false};
	if (!numbers->count) {
		memcpy(out, "000000000000", 12);
		return;
	}
	qsort(numbers->at, numbers->count, sizeof *numbers->at, by_number);
	for (unsigned i = 0; i < numbers->count; i++)
		put_hex(&line, i ? "," : "", numbers->at[i]);
	const char *before = "_";
	for (uint32_t i = 0; i + 1 < algorithms.size && i < NUMBERS_MAX * 2; i += 2) {
		uint16_t algorithm = load_be16(algorithms.at + i);
		if (tls_grease(algorithm))
			continue;
		put_hex(&line, before, algorithm);
		before = ",";
	}
	digest_hex(DIGEST_SHA256, slice_of(text, line.size), digest);
	memcpy(out, digest, 12);
}

static const char *ja4_version(uint16_t version)
{
	static const struct { uint16_t number; const char *text; } versions[] = {
		{VERSION_TLS13, "13"}, {VERSION_TLS12, "12"}, {0x0302, "11"}, {VERSION_TLS10, "10"}, {VERSION_SSL3, "s3"},
		{VERSION_SSL2, "s2"}, {VERSION_DTLS10, "d1"}, {VERSION_DTLS12, "d2"}, {VERSION_DTLS13, "d3"}};
	for (unsigned i = 0; i < sizeof versions / sizeof *versions; i++)
		if (versions[i].number == version)
			return versions[i].text;
	return "00";
}

static bool alphanumeric(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* First and last character of the first protocol; of its hex form when one of them is no letter or digit. */
static void put_ja4_alpn(char out[2], struct slice alpn)
{
	static const char hex[] = "0123456789abcdef";
	memcpy(out, "00", 2);
	if (!alpn.size)
		return;
	struct reader r = reader_of(alpn);
	struct slice name = read_u8_slice(&r);
	if (!name.size)
		return;
	uint8_t first = name.at[0], last = name.at[name.size - 1];
	bool plain = alphanumeric(first) && alphanumeric(last);
	out[0] = plain ? (char)first : hex[first >> 4];
	out[1] = plain ? (char)last : hex[last & 15];
}

static void show_ja4(const struct tls_hello *hello, bool datagram, struct tls_event *event, struct tls_room *room)
{
	struct numbers suites = {.count = 0}, extensions = {.count = 0};
	for (uint32_t i = 0; i + 1 < hello->suites.size; i += 2)
		numbers_add(&suites, load_be16(hello->suites.at + i), true);
	struct reader r = reader_of(hello->extensions);
	while (reader_left(&r)) {
		uint16_t type = read_be16(&r);
		(void)read_be16_slice(&r);
		numbers_add(&extensions, type, type != EXTENSION_SERVER_NAME && type != EXTENSION_ALPN);
	}
	snprintf(room->ja4, sizeof room->ja4, "%c%s%c%02u%02u__", datagram ? 'd' : 't', ja4_version(best_version(hello)),
		 hello->sni.at ? 'd' : 'i', suites.seen < 99 ? suites.seen : 99, extensions.seen < 99 ? extensions.seen : 99);
	put_ja4_alpn(room->ja4 + 8, hello->alpn);
	room->ja4[10] = '_';
	put_ja4_hash(room->ja4 + 11, &suites, (struct slice){NULL, 0});
	room->ja4[23] = '_';
	put_ja4_hash(room->ja4 + 24, &extensions, hello->algorithms);
	room->ja4[36] = 0;
	event->ja4 = room->ja4;
}

/* --- showing ------------------------------------------------------------------------------------------------ */

void tls_client_hello_show(const struct tls_hello *hello, bool datagram, struct tls_event *event, struct tls_room *room)
{
	room->text_used = 0;
	show_versions(hello, event, room);
	show_suites(hello, event, room);
	add_names(&event->groups, room->groups, LIST_MAX, hello->groups, tls_group_name, room);
	add_alpns(&event->client_alpns, hello->alpn, room);
	show_psk_modes(hello, event, room);
	event->sni = hello->sni;
	event->psk_offered = hello->psk;
	event->ticket_offered = hello->ticket;
	event->early_data = hello->early_data;
	event->cookie = hello->cookie.size != 0;
	event->connection_id_bytes = hello->connection_id_bytes;
	show_ja3(hello, event, room);
	show_ja4(hello, datagram, event, room);
}

void tls_server_hello_show(const struct tls_hello *hello, struct tls_event *event, struct tls_room *room)
{
	room->text_used = 0;
	event->legacy_version = tls_version_name(hello->version);
	event->group = hello->group ? tls_group_name(hello->group) : NULL;
	event->connection_id_bytes = hello->connection_id_bytes;
	add_alpns(&event->server_alpns, hello->alpn, room);
	show_ja3s(hello, event, room);
}
