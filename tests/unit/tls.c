/* TLS: fingerprints against published values, the tables of suites and policies, host names, fragments in any order. */
#include "tests/support/cm.h"
#include "tests/support/feed.h"
#include "parsers/certificate.h"
#include "parsers/tls.h"
#include <stdio.h>

/* --- a ClientHello from its lists --------------------------------------------------------------------------- */

struct built {
	uint8_t at[4096];
	uint32_t size;
};

static void put(struct built *b, unsigned width, uint32_t number)
{
	while (width--)
		b->at[b->size++] = (uint8_t)(number >> (8 * width));
}

static void put_list(struct built *b, const uint16_t *numbers, unsigned count)
{
	put(b, 2, count * 2);
	for (unsigned i = 0; i < count; i++)
		put(b, 2, numbers[i]);
}

static void put_extension(struct built *b, uint16_t type)
{
	static const uint16_t groups[] = {0x1a1a, 4588, 29, 23, 24};
	static const uint16_t algorithms[] = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601};
	struct built body = {.size = 0};
	if (type == 0) {
		put(&body, 2, 7), put(&body, 1, 0), put(&body, 2, 4);
		put(&body, 4, 0x682e6578); /* "h.ex" */
	}
	if (type == 10)
		put_list(&body, groups, 5);
	if (type == 11)
		put(&body, 2, 0x0100);
	if (type == 13)
		put_list(&body, algorithms, 8);
	if (type == 16) {
		put(&body, 2, 12), put(&body, 1, 2), put(&body, 2, 0x6832), put(&body, 1, 8); /* "h2", "http/1.1" */
		put(&body, 4, 0x68747470), put(&body, 4, 0x2f312e31);
	}
	if (type == 43)
		put(&body, 1, 6), put(&body, 2, 0x4a4a), put(&body, 4, 0x03040303);
	put(b, 2, type);
	put(b, 2, body.size);
	memcpy(b->at + b->size, body.at, body.size);
	b->size += body.size;
}

static struct slice build(struct built *b, const uint16_t *suites, unsigned suite_count, const uint16_t *extensions, unsigned extension_count)
{
	struct built list = {.size = 0};
	b->size = 0;
	put(b, 2, 0x0303);
	for (unsigned i = 0; i < 32; i++)
		put(b, 1, i);
	put(b, 1, 0);
	put_list(b, suites, suite_count);
	put(b, 2, 0x0100);
	for (unsigned i = 0; i < extension_count; i++)
		put_extension(&list, extensions[i]);
	put(b, 2, list.size);
	memcpy(b->at + b->size, list.at, list.size);
	b->size += list.size;
	return slice_of(b->at, b->size);
}

static const uint16_t chrome_suites[] = {0x0a0a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
	0x009c, 0x009d, 0x002f, 0x0035};

static void show(const uint16_t *extensions, unsigned count, struct tls_event *event, struct tls_room *room)
{
	struct built b;
	struct tls_hello hello;
	*event = (struct tls_event){.handshake = NULL};
	assert_true(tls_hello_read(build(&b, chrome_suites, 16, extensions, count), true, false, &hello));
	tls_client_hello_show(&hello, false, event, room);
}

/* Chrome 143 as browserleaks.com shows it; the JA4 of an older Chrome as the specification of JA4 has it. */
static void test_fingerprints(void **state)
{
	static const uint16_t of_143[] = {0x7a7a, 0x2d, 0x33, 0x10, 0xfe0d, 0x17, 0x44cd, 0x00, 0x0b, 0x0a, 0x2b, 0xff01, 0x23, 0x12, 0x05,
		0x0d, 0x1b, 0xdada};
	static const uint16_t older[] = {0x1b, 0x00, 0x33, 0x10, 0x4469, 0x17, 0x2d, 0x0d, 0x05, 0x23, 0x12, 0x2b, 0xff01, 0x0b, 0x0a, 0x15};
	struct tls_event event;
	struct tls_room room;
	(void)state;
	show(of_143, sizeof of_143 / sizeof *of_143, &event, &room);
	assert_string_equal(event.ja4, "t13d1516h2_8daaf6152771_d8a2da3f94cd");
	assert_string_equal(event.ja3, "98487aa16281980e7d1120d399efb6a4");
	assert_string_equal(event.client_version, "TLS 1.3");
	assert_int_equal(event.suite_count, 15);
	assert_int_equal(event.client_alpns.count, 2);
	assert_int_equal(event.groups.count, 4);
	show(older, sizeof older / sizeof *older, &event, &room);
	assert_string_equal(event.ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1");
}

static void test_ja4_corners(void **state)
{
	struct built b;
	struct tls_hello hello;
	struct tls_event event = {.handshake = NULL};
	struct tls_room room;
	static const uint16_t grease[] = {0xdada};
	(void)state;
	assert_true(tls_hello_read(build(&b, grease, 1, NULL, 0), true, false, &hello));
	tls_client_hello_show(&hello, false, &event, &room);
	assert_string_equal(event.ja4, "t12i000000_000000000000_000000000000");
	assert_string_equal(event.ja3_text, "771,,,,");
}

/* --- tables ------------------------------------------------------------------------------------------------- */

static void test_suites(void **state)
{
	static const struct { uint16_t number; const char *name, *tier; } known[] = {
		{0x0000, "TLS_NULL_WITH_NULL_NULL", "broken"}, {0x0003, "TLS_RSA_EXPORT_WITH_RC4_40_MD5", "broken"},
		{0x0009, "TLS_RSA_WITH_DES_CBC_SHA", "broken"}, {0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA", "weak"},
		{0x0034, "TLS_DH_anon_WITH_AES_128_CBC_SHA", "broken"}, {0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA", "weak"},
		{0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256", "no_forward_secrecy"}, {0x00a8, "TLS_PSK_WITH_AES_128_GCM_SHA256", "no_forward_secrecy"},
		{0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "good"}, {0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "good"},
		{0xc0a8, "TLS_PSK_WITH_AES_128_CCM_8", "constrained"}, {0xc0ae, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", "constrained"},
		{0x1305, "TLS_AES_128_CCM_8_SHA256", "constrained"}, {0xc0b4, "TLS_SHA256_SHA256", "broken"},
		{0xd002, "TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384", "good"}};
	unsigned found = 0;
	(void)state;
	for (unsigned i = 0; i < sizeof known / sizeof *known; i++) {
		const struct tls_suite *suite = tls_suite(known[i].number);
		assert_non_null(suite);
		assert_string_equal(suite->name, known[i].name);
		assert_string_equal(tls_tier_name(suite->tier), known[i].tier);
	}
	for (uint32_t number = 0; number <= 0xffff; number++) { /* the search finds every row: the table is sorted */
		const struct tls_suite *suite = tls_suite((uint16_t)number);
		found += suite != NULL;
		assert_true(!suite || suite->number == number);
		assert_true(!suite || !tls_grease((uint16_t)number));
	}
	assert_int_equal(found, 362);
}

static void test_suite_names(void **state)
{
	static const struct { const char *name; uint16_t number; } openssl[] = {
		{"NULL-MD5", 0x0001}, {"RC4-MD5", 0x0004}, {"RC4-SHA", 0x0005}, {"DES-CBC-SHA", 0x0009}, {"DES-CBC3-SHA", 0x000a},
		{"EDH-RSA-DES-CBC3-SHA", 0x0016}, {"DHE-RSA-DES-CBC3-SHA", 0x0016}, {"ADH-RC4-MD5", 0x0018}, {"ADH-DES-CBC3-SHA", 0x001b},
		{"PSK-NULL-SHA", 0x002c}, {"AES128-SHA", 0x002f}, {"AES256-SHA256", 0x003d}, {"CAMELLIA128-SHA", 0x0041},
		{"PSK-RC4-SHA", 0x008a}, {"PSK-3DES-EDE-CBC-SHA", 0x008b}, {"PSK-AES128-CBC-SHA", 0x008c}, {"DHE-RSA-SEED-SHA", 0x009a},
		{"AES128-GCM-SHA256", 0x009c}, {"RSA-PSK-AES128-CBC-SHA256", 0x00b6}, {"AECDH-NULL-SHA", 0xc015}, {"ECDHE-RSA-RC4-SHA", 0xc011},
		{"ECDHE-RSA-AES128-SHA", 0xc013}, {"SRP-RSA-AES-128-CBC-SHA", 0xc01e}, {"ECDHE-RSA-AES128-GCM-SHA256", 0xc02f},
		{"ECDHE-PSK-AES128-CBC-SHA", 0xc035}, {"ARIA128-GCM-SHA256", 0xc050}, {"ECDHE-ARIA128-GCM-SHA256", 0xc060},
		{"AES128-CCM8", 0xc0a0}, {"PSK-AES128-CCM8", 0xc0a8}, {"DHE-PSK-AES128-CCM8", 0xc0aa}, {"ECDHE-ECDSA-AES128-CCM8", 0xc0ae},
		{"ECDHE-RSA-CHACHA20-POLY1305", 0xcca8}, {"TLS_AES_128_GCM_SHA256", 0x1301}, {"TLS_CHACHA20_POLY1305_SHA256", 0x1303},
		{"ECDHE_RSA_AES_128_GCM_SHA256", 0xc02f}};
	static const char *const none[] = {"", "-", "TLS_", "AES128", "AES_128_GCM_SHA256 ", "ECDHE-RSA-AES128-GCM-SHA2567", "(NONE)"};
	(void)state;
	for (unsigned i = 0; i < sizeof openssl / sizeof *openssl; i++)
		assert_ptr_equal(tls_suite_named(slice_text(openssl[i].name)), tls_suite(openssl[i].number));
	for (uint32_t number = 0; number <= 0xffff; number++) { /* each is found by its own name: no two are spelled the same */
		const struct tls_suite *suite = tls_suite((uint16_t)number);
		assert_true(!suite || tls_suite_named(slice_text(suite->name)) == suite);
	}
	for (unsigned i = 0; i < sizeof none / sizeof *none; i++)
		assert_null(tls_suite_named(slice_text(none[i])));
}

static void test_policies(void **state)
{
	static const struct { uint16_t version, suite; const char *broken; } cases[] = {
		{0x0303, 0xc030, "constrained"}, {0x0303, 0x009d, "bcp195 constrained"}, {0x0304, 0x1301, "watson_iot constrained"},
		{0x0303, 0xc0a8, "bcp195 watson_iot aws_iot"}, {VERSION_DTLS12, 0xc0ae, "bcp195 watson_iot aws_iot"},
		{0x0301, 0xc014, "bcp195 watson_iot aws_iot constrained"}, {0x0303, 0xc014, "bcp195 watson_iot constrained"},
		{0x0303, 0x009e, "bcp195 watson_iot aws_iot constrained"}, {0x0303, 0xcca8, "watson_iot aws_iot constrained"},
		{VERSION_DTLS10, 0x002f, "bcp195 watson_iot aws_iot constrained"}};
	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct slice names[LIST_MAX];
		char text[128] = "";
		unsigned count = tls_policies_broken(cases[i].version, cases[i].suite, names);
		for (unsigned j = 0; j < count; j++)
			snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.*s", j ? " " : "", (int)names[j].size,
				 (const char *)names[j].at);
		assert_string_equal(text, cases[i].broken);
	}
}

/* --- certificates ------------------------------------------------------------------------------------------- */

static void test_host_names(void **state)
{
	struct certificate c = {.common_name = "only.example"};
	(void)state;
	assert_true(certificate_is_for(&c, slice_text("ONLY.example")));
	assert_true(certificate_is_for(&c, slice_text("only.example.")));
	c.alternative[c.alternative_count++] = slice_text("*.Plant.example");
	c.alternative[c.alternative_count++] = slice_text("10.1.2.3");
	assert_false(certificate_is_for(&c, slice_text("only.example"))); /* with alternative names the common name is no host */
	assert_true(certificate_is_for(&c, slice_text("mqtt.plant.example")));
	assert_false(certificate_is_for(&c, slice_text("a.mqtt.plant.example")));
	assert_false(certificate_is_for(&c, slice_text("plant.example")));
	assert_false(certificate_is_for(&c, slice_text(".plant.example")));
	assert_true(certificate_is_for(&c, slice_text("10.1.2.3")));
}

static void test_no_certificate(void **state)
{
	static const uint8_t junk[] = {0x30, 0x82, 0xff, 0xff, 1, 2, 3};
	(void)state;
	const struct certificate *c = certificate_read(slice_of(junk, sizeof junk));
	assert_false(c->valid);
	assert_int_equal(strlen(c->sha256), 64);
	assert_ptr_equal(c, certificate_read(slice_of(junk, sizeof junk)));
}

/* --- fragments ---------------------------------------------------------------------------------------------- */

struct seen {
	unsigned certificates, hellos, violations;
};

static void count(void *context, const struct event *event)
{
	struct seen *seen = context;
	seen->certificates += event->message == TLS_CERTIFICATE;
	seen->hellos += event->message == TLS_CLIENT_HELLO || event->message == TLS_SERVER_HELLO;
	seen->violations += event->action == ACTION_VIOLATION;
}

/* The datagrams of each side backwards, and every one of them twice: what is read is the same. */
static void test_fragments(void **state)
{
	struct fixture *f = fixture_load(TW_SOURCE "/tests/laws/streams/dtls/certificate_fragments.txt");
	struct feed *feed = feed_open();
	struct seen straight = {0}, backwards = {0};
	(void)state;
	assert_non_null(feed);
	feed_begin(feed, &parser_dtls, f, NULL);
	feed->hook = count;
	feed->context = &straight;
	feed_fixture(feed, f);
	assert_int_equal(straight.certificates, 2);
	assert_int_equal(straight.hellos, 3);
	feed_begin(feed, &parser_dtls, f, NULL);
	feed->hook = count;
	feed->context = &backwards;
	for (unsigned i = 0; i < f->count;) { /* a flight: what one side says before the other answers */
		unsigned end = i;
		while (end < f->count && f->turns[end].direction == f->turns[i].direction)
			end++;
		for (unsigned j = end; j-- > i;) {
			feed_message(feed, f->turns[j].direction, fixture_turn(f, j));
			feed_message(feed, f->turns[j].direction, fixture_turn(f, j));
		}
		i = end;
	}
	assert_int_equal(backwards.certificates, straight.certificates);
	assert_int_equal(backwards.hellos, straight.hellos);
	assert_int_equal(backwards.violations, 0);
	feed_close(feed);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fingerprints), cmocka_unit_test(test_ja4_corners), cmocka_unit_test(test_suites), cmocka_unit_test(test_suite_names),
		cmocka_unit_test(test_policies), cmocka_unit_test(test_host_names), cmocka_unit_test(test_no_certificate),
		cmocka_unit_test(test_fragments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
