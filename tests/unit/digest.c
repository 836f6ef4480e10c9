/* Community ID against the values of its specification; secrets by salted hash. */
#include "tests/support/cm.h"
#include "sensor/digest.h"

/* github.com/corelight/community-id-spec, baseline with seed 0 (its test captures' TCP and UDP flows, IPv4 and IPv6). */
static const struct {
	const char *client, *server;
	uint16_t client_port, server_port;
	uint8_t transport;
	const char *id;
} vectors[] = {
	{"128.232.110.120", "66.35.250.204", 34855, 80, TRANSPORT_TCP, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	{"66.35.250.204", "128.232.110.120", 80, 34855, TRANSPORT_TCP, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	{"192.168.1.52", "8.8.8.8", 54585, 53, TRANSPORT_UDP, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
	{"8.8.8.8", "192.168.1.52", 53, 54585, TRANSPORT_UDP, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
};

static void test_community_id(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		struct ends ends = {.client_port = vectors[i].client_port, .server_port = vectors[i].server_port};
		char id[COMMUNITY_ID_MAX];
		assert_true(address_parse(vectors[i].client, &ends.client) && address_parse(vectors[i].server, &ends.server));
		digest_community_id(&ends, vectors[i].transport, id);
		assert_string_equal(id, vectors[i].id);
	}
}

/* Equal addresses: the ports decide, and both directions agree. */
static void test_community_id_order(void **state)
{
	char a[COMMUNITY_ID_MAX], b[COMMUNITY_ID_MAX], c[COMMUNITY_ID_MAX];
	struct ends ends = {.client_port = 1000, .server_port = 2000}, back = {.client_port = 2000, .server_port = 1000};
	(void)state;
	assert_true(address_parse("2001:db8::1", &ends.client));
	ends.server = back.client = back.server = ends.client;
	digest_community_id(&ends, TRANSPORT_TCP, a);
	digest_community_id(&back, TRANSPORT_TCP, b);
	digest_community_id(&ends, TRANSPORT_UDP, c);
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
	assert_int_equal(strlen(a), 30);
}

/* RFC 4231, test cases 1, 2 and 6 (a key that is longer than a block). */
static void test_hmac(void **state)
{
	static const char long_text[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	uint8_t key[131];
	char hex[DIGEST_HEX_MAX];
	(void)state;
	memset(key, 0x0b, 20);
	digest_hmac(slice_of(key, 20), (struct slice[]){slice_text("Hi "), slice_text("There")}, 2, hex);
	assert_string_equal(hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	digest_hmac(slice_text("Jefe"), (struct slice[]){slice_text("what do ya want for nothing?")}, 1, hex);
	assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof key);
	digest_hmac(slice_of(key, sizeof key), (struct slice[]){slice_text(long_text)}, 1, hex);
	assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_secrets(void **state)
{
	(void)state;
	uint64_t a = digest_secret(1, slice_text("secret"));
	assert_true(a == digest_secret(1, slice_text("secret")));
	assert_true(a != digest_secret(2, slice_text("secret")));
	assert_true(a != digest_secret(1, slice_text("secreT")));
	assert_true(digest_secret(1, slice_text("")) != 0);
	assert_true(digest_pair(1, slice_text("a"), slice_text("bc")) != digest_pair(1, slice_text("ab"), slice_text("c")));
	assert_true(digest_pair(1, slice_text("a"), slice_text("b")) != digest_secret(1, slice_text("ab")));
	assert_true(digest_pair(1, slice_text("a"), slice_text("b")) == digest_pair(1, slice_text("a"), slice_text("b")));
	digest_set_salt(77);
	assert_true(digest_salt() == 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_community_id), cmocka_unit_test(test_community_id_order),
					   cmocka_unit_test(test_hmac), cmocka_unit_test(test_secrets)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
