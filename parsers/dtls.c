/* DTLS 1.0, 1.2 and 1.3: records in datagrams, and handshake messages in fragments that come in any order, twice or not at all.
 *
 *   ContentType 1 | version 2 | epoch 2 | sequence 6 | length 2 | fragment                     RFC 6347, 4.1
 *   ContentType 25 | version 2 | epoch 2 | sequence 6 | connection id | length 2 | ...         RFC 9146, 4
 *   001CSLEE | [connection id] | sequence 1 or 2 | [length 2] | encrypted                      RFC 9147, 4 (DTLS 1.3)
 *   HandshakeType 1 | length 3 | message_seq 2 | fragment_offset 3 | fragment_length 3 | body  RFC 6347, 4.2.2
 *
 * Only epoch 0 is in the clear. The flow of a device lives on while it starts anew from the same port, so the parser is never
 * done: an encrypted datagram costs a look at its first bytes. Fragments wait in the memos, keyed by where they begin. */
#include "tls.h"

enum { CONTENT_CHANGE_CIPHER_SPEC = 20, CONTENT_ALERT = 21, CONTENT_HANDSHAKE = 22, CONTENT_APPLICATION = 23, CONTENT_HEARTBEAT = 24,
	CONTENT_CONNECTION_ID = 25, CONTENT_ACK = 26 };
enum { HEADER = 13, MESSAGE_HEADER = 12, SEQUENCES = 32, MEMO_FRAGMENT = 32 };

struct record {
	uint8_t type;
	uint16_t epoch;
	struct slice body;
};

struct fragment {
	uint8_t type;
	uint16_t sequence;
	uint32_t length, offset;
	struct slice bytes;
};

static bool is_version(uint16_t version)
{
	return version == VERSION_DTLS10 || version == VERSION_DTLS12 || version == VERSION_DTLS_OLD;
}

/* False when the datagram has no (further) record with a known length: it ends, or its rest is encrypted in a way that hides it. */
static bool record_read(struct reader *r, struct record *out, bool *good)
{
	if (!reader_left(r))
		return false;
	out->type = read_u8(r);
	uint16_t version = read_be16(r);
	out->epoch = read_be16(r);
	read_skip(r, 6);
	out->body = read_be16_slice(r);
	*good = !r->failed && is_version(version) && out->type >= CONTENT_CHANGE_CIPHER_SPEC && out->type <= CONTENT_ACK;
	return *good && out->type != CONTENT_CONNECTION_ID;
}

static bool fragment_read(struct reader *r, struct fragment *out)
{
	out->type = read_u8(r);
	out->length = read_be24(r);
	out->sequence = read_be16(r);
	out->offset = read_be24(r);
	out->bytes = read_slice(r, read_be24(r));
	return !r->failed && out->offset + out->bytes.size <= out->length;
}

/* --- is it DTLS? -------------------------------------------------------------------------------------------- */

/* WebRTC finds its way by STUN before DTLS begins on the same ports (RFC 8489, 5: the magic cookie). */
static bool is_stun(struct slice first)
{
	return first.size >= 20 && first.at[0] < 4 && load_be32(first.at + 4) == 0x2112a442;
}

static enum probe dtls_probe(struct slice first, uint8_t direction, uint16_t client_port, uint16_t server_port)
{
	struct reader r = reader_of(first);
	struct record record;
	struct fragment fragment;
	bool good = false;
	(void)direction, (void)client_port, (void)server_port;
	if (is_stun(first))
		return PROBE_MAYBE;
	if (!record_read(&r, &record, &good))
		return PROBE_NO;
	if (record.type == CONTENT_HANDSHAKE && record.epoch == 0) {
		struct reader body = reader_of(record.body);
		if (!fragment_read(&body, &fragment))
			return PROBE_NO;
		if (fragment.type == HANDSHAKE_CLIENT_HELLO)
			return PROBE_CLIENT;
		return fragment.type == HANDSHAKE_SERVER_HELLO || fragment.type == HANDSHAKE_HELLO_VERIFY_REQUEST ? PROBE_SERVER : PROBE_YES;
	}
	while (record_read(&r, &record, &good))
		;
	return good ? PROBE_YES : PROBE_NO;
}

/* --- handshake messages ------------------------------------------------------------------------------------- */

static uint64_t chunk_key(const struct parse *parse, uint16_t sequence, uint32_t offset)
{
	return memo_key(parse->flow_id, MEMO_FRAGMENT + parse->direction, (uint64_t)sequence << 32 | offset);
}

static void chunks_put(struct parse *parse, const struct fragment *f)
{
	for (uint32_t at = 0; at < f->bytes.size; at += MEMO_VALUE_MAX) {
		struct slice rest = slice_of(f->bytes.at + at, f->bytes.size - at);
		memo_put(parse->memos, chunk_key(parse, f->sequence, f->offset + at), slice_head(rest, MEMO_VALUE_MAX));
	}
}

/* Follows what is there from `at` on; copies it when there is `room`. Returns how far it goes. */
static uint32_t chunks_follow(struct parse *parse, const struct fragment *f, uint32_t at, uint8_t *room)
{
	struct slice chunk;
	while (at < f->length && memo_get(parse->memos, chunk_key(parse, f->sequence, at), &chunk) && chunk.size &&
	       chunk.size <= f->length - at) {
		if (room)
			memcpy(room + at, chunk.at, chunk.size);
		at += chunk.size;
	}
	return at;
}

static void chunks_drop(struct parse *parse, const struct fragment *f)
{
	struct slice chunk;
	for (uint32_t at = 0; at < f->length && memo_get(parse->memos, chunk_key(parse, f->sequence, at), &chunk); at += chunk.size)
		memo_drop(parse->memos, chunk_key(parse, f->sequence, at));
}

/* A message in pieces. What is known from its beginning on only grows, and a later message replaces an earlier one for good: pieces
 * of one byte must not buy work without end. */
static void gather(struct parse *parse, struct fragment f)
{
	struct tls_state *state = parse->state;
	uint8_t d = parse->direction;
	uint8_t room[TLS_MESSAGE_MAX];
	if (f.length > TLS_MESSAGE_MAX) {
		parse->counters->messages_cut += f.offset == 0;
		return;
	}
	if (f.sequence < state->gathering[d])
		return;
	if (f.sequence > state->gathering[d]) {
		state->gathering[d] = f.sequence;
		state->gathered[d] = 0;
	}
	uint32_t known = state->gathered[d] > f.offset ? state->gathered[d] - f.offset : 0;
	if (known >= f.bytes.size)
		return;
	f.bytes = slice_of(f.bytes.at + known, f.bytes.size - known);
	f.offset += known;
	chunks_put(parse, &f);
	state->gathered[d] = chunks_follow(parse, &f, state->gathered[d], NULL);
	if (state->gathered[d] < f.length)
		return;
	state->gathered[d] = 0;
	if (chunks_follow(parse, &f, 0, room) < f.length) /* some of it has been overwritten meanwhile: it comes again, or not */
		return;
	state->delivered[d] |= 1u << f.sequence;
	chunks_drop(parse, &f);
	tls_handshake(parse, f.type, slice_of(room, f.length));
}

/* A client that starts anew from the same port begins with number 0 and another random; sent again, it is the same one. */
static void begin_anew(struct parse *parse, const struct fragment *f)
{
	enum { RANDOM_AT = 2, RANDOM_END = 34 };
	struct tls_state *state = parse->state;
	if (f->type != HANDSHAKE_CLIENT_HELLO || parse->direction != TO_SERVER || f->sequence || f->offset ||
	    f->bytes.size < RANDOM_END || !state->client_hello || load_be32(f->bytes.at + RANDOM_AT) == state->random)
		return;
	*state = (struct tls_state){.version = 0};
	parse->session->state = SESSION_NONE;
}

static bool handshake_read(struct parse *parse, struct slice body)
{
	struct tls_state *state = parse->state;
	struct reader r = reader_of(body);
	while (reader_left(&r)) {
		struct fragment f;
		if (!fragment_read(&r, &f))
			return false;
		begin_anew(parse, &f);
		bool known = f.sequence >= SEQUENCES || state->delivered[parse->direction] >> f.sequence & 1;
		if (!tls_handshake_wanted(f.type) || (known && f.type != HANDSHAKE_HELLO_VERIFY_REQUEST))
			continue;
		if (f.bytes.size != f.length) {
			gather(parse, f);
			continue;
		}
		/* A server that has kept nothing so far may number its ServerHello like its HelloVerifyRequest. */
		if (f.type != HANDSHAKE_HELLO_VERIFY_REQUEST)
			state->delivered[parse->direction] |= 1u << f.sequence;
		tls_handshake(parse, f.type, f.bytes);
	}
	return true;
}

/* --- datagrams ---------------------------------------------------------------------------------------------- */

/* RFC 7983 and 9147, 4: what else may share the port, and DTLS 1.3's own encrypted records, are told by the first byte. */
static bool is_foreign(uint8_t first)
{
	return first < CONTENT_CHANGE_CIPHER_SPEC || first > CONTENT_ACK;
}

/* A flight that is sent again is refused again: that is one failure. */
static void alert_read(struct parse *parse, struct slice body)
{
	struct tls_state *state = parse->state;
	uint16_t alert = load_be16(body.at);
	if (state->client_hello && state->alerted[parse->direction] == alert)
		return;
	state->alerted[parse->direction] = alert;
	tls_alert(parse, body.at[0], body.at[1]);
}

static enum verdict dtls_parse(struct parse *parse, struct slice input)
{
	enum { ALERT_BYTES = 2, FATAL = 2 };
	struct reader r = reader_of(input);
	struct record record;
	bool good = true;
	parse->consumed = input.size;
	if (!input.size || is_foreign(input.at[0]) || input.at[0] == CONTENT_APPLICATION || input.at[0] == CONTENT_CONNECTION_ID)
		return PARSE_MORE;
	while (reader_left(&r) && !is_foreign(*r.at) && record_read(&r, &record, &good)) {
		if (record.epoch != 0)
			continue;
		if (record.type == CONTENT_HANDSHAKE)
			good = handshake_read(parse, record.body);
		else if (record.type == CONTENT_ALERT && record.body.size == ALERT_BYTES && record.body.at[0] && record.body.at[0] <= FATAL)
			alert_read(parse, record.body);
		if (!good)
			break;
	}
	if (good)
		return PARSE_MORE;
	tls_violation(parse, "malformed_record");
	return PARSE_BAD;
}

const struct parser parser_dtls = {
	.name = "dtls",
	.protocol = PROTOCOL_DTLS,
	.transport = TRANSPORT_UDP,
	.state_bytes = sizeof(struct tls_state),
	.fields = dtls_fields,
	.messages = tls_messages,
	.probe = dtls_probe,
	.parse = dtls_parse,
};
