/* TLS 1.0 to 1.3 and SSL 2 and 3: the records. What they carry is tls_handshake.c's; from the first encrypted record on a
 * direction is of no interest and costs nothing. One thing more is asked of the client: does anything follow its Finished?
 *
 *   ContentType 1 | version 2 | length 2 | fragment      RFC 8446, 5.1
 *   1lllllll llllllll | message                          SSL 2, and ClientHellos for servers that might still speak it (RFC 5246, E.2)
 *
 * A handshake message may span records and a record may hold several. Bytes are left unconsumed until the message that begins
 * with them is whole: no memory but the stream's is needed, and nothing depends on where the bytes were cut. */
#include "tls.h"
#include "../sensor/hash.h"

enum { CONTENT_CHANGE_CIPHER_SPEC = 20, CONTENT_ALERT = 21, CONTENT_HANDSHAKE = 22, CONTENT_APPLICATION = 23, CONTENT_HEARTBEAT = 24 };

/* Of a plain record 2^14; protected ones may be 2048 longer (RFC 5246, 6.2.3). */
enum { HEADER = 5, MESSAGE_HEADER = 4, RECORD_MAX = 16384 + 2048, UNREAD_MAX = 131072, SILENT_S = 10, MEMO_SPOKEN = 48 };

/* --- is it TLS? --------------------------------------------------------------------------------------------- */

static bool is_header(struct slice at)
{
	return at.at[0] >= CONTENT_CHANGE_CIPHER_SPEC && at.at[0] <= CONTENT_HEARTBEAT && (at.size < 2 || at.at[1] == 3) &&
	       (at.size < 3 || at.at[2] <= 4) &&
	       (at.size < HEADER || (load_be16(at.at + 3) != 0 && load_be16(at.at + 3) <= RECORD_MAX));
}

/* The lengths of a whole SSL 2 ClientHello must add up: no accident has that. */
static enum probe probe_ssl2(struct slice first)
{
	enum { FIXED = 11 };
	if (!(first.at[0] & 0x80) || (first.size > 2 && first.at[2] != 1) || (first.size > 3 && first.at[3] != 0 && first.at[3] != 3) ||
	    (first.size > 4 && (first.at[3] == 3 ? first.at[4] > 4 : first.at[4] != 2)))
		return PROBE_NO;
	if (first.size < FIXED)
		return PROBE_MAYBE;
	unsigned whole = (load_be16(first.at) & 0x7fff) + 2u, ciphers = load_be16(first.at + 5);
	unsigned parts = FIXED + ciphers + load_be16(first.at + 7) + load_be16(first.at + 9);
	return ciphers && ciphers % 3 == 0 && parts == whole ? PROBE_CLIENT : PROBE_NO;
}

static enum probe tls_probe(struct slice first, uint8_t direction, uint16_t client_port, uint16_t server_port)
{
	(void)direction, (void)client_port, (void)server_port;
	if (first.at[0] & 0x80)
		return probe_ssl2(first);
	if (!is_header(first))
		return PROBE_NO;
	if (first.size <= HEADER)
		return PROBE_MAYBE;
	uint32_t whole = HEADER + load_be16(first.at + 3);
	if (first.at[0] == CONTENT_HANDSHAKE && first.at[HEADER] == HANDSHAKE_CLIENT_HELLO)
		return PROBE_CLIENT;
	if (first.at[0] == CONTENT_HANDSHAKE && first.at[HEADER] == HANDSHAKE_SERVER_HELLO)
		return PROBE_SERVER;
	/* Joined half-way: the next record must begin where this one ends. */
	if (first.size > whole)
		return is_header(slice_of(first.at + whole, first.size - whole)) ? PROBE_YES : PROBE_NO;
	return first.size == whole || first.at[0] == CONTENT_HANDSHAKE || first.at[0] == CONTENT_APPLICATION ? PROBE_YES : PROBE_NO;
}

/* --- handshake messages ------------------------------------------------------------------------------------- */

/* A message being put together from the records that it spans. */
struct message {
	uint8_t *room;         /* TLS_MESSAGE_MAX bytes, for one that spans records */
	uint32_t left;         /* in: of the record that `input` begins in; out: of the one that the message ends in */
	struct slice bytes;    /* with its header */
	uint32_t used;         /* bytes of input up to its end */
	uint32_t want;         /* PARSE_MORE: so much input is needed at least */
	const char *why;       /* PARSE_BAD */
};

static uint32_t message_size(const uint8_t *at)
{
	return MESSAGE_HEADER + (load_be32(at) & 0xffffff);
}

/* Types that a stream may have in the clear (IANA TLS HandshakeType); anything else is noise. */
static bool is_type(uint8_t type)
{
	return type <= 6 || (type >= 8 && type <= 26) || type == 67;
}

/* The next record must continue the message. */
static enum verdict next_record(struct slice input, uint32_t at, struct message *m)
{
	struct slice header = slice_of(input.at + at, input.size - at);
	m->want = at + HEADER;
	m->why = "interrupted_handshake";
	if (header.size && (header.at[0] != CONTENT_HANDSHAKE || !is_header(header)))
		return PARSE_BAD;
	if (header.size < HEADER)
		return PARSE_MORE;
	m->left = load_be16(header.at + 3);
	return PARSE_DONE;
}

static enum verdict message_gather(struct slice input, struct message *m)
{
	uint32_t at = 0, have = 0, need = MESSAGE_HEADER;
	while (have < need) {
		if (!m->left) {
			enum verdict verdict = next_record(input, at, m);
			if (verdict != PARSE_DONE)
				return verdict;
			at += HEADER;
		}
		uint32_t n = need - have < m->left ? need - have : m->left;
		m->want = at + n;
		if (input.size - at < n)
			return PARSE_MORE;
		memcpy(m->room + have, input.at + at, n);
		at += n, have += n, m->left -= n;
		if (have == MESSAGE_HEADER)
			need = message_size(m->room);
		m->why = "oversized_handshake";
		if (need > TLS_MESSAGE_MAX)
			return PARSE_BAD;
	}
	m->bytes = slice_of(m->room, have);
	m->used = at;
	return PARSE_DONE;
}

/* The message that begins where `input` does. Most lie in one record and are not copied. */
static enum verdict message_take(struct slice input, struct message *m)
{
	m->why = "unknown_handshake_type";
	if (!is_type(input.at[0]))
		return PARSE_BAD;
	if (m->left < MESSAGE_HEADER || (input.size >= MESSAGE_HEADER && message_size(input.at) > m->left))
		return message_gather(input, m);
	m->want = m->used = input.size < MESSAGE_HEADER ? MESSAGE_HEADER : message_size(input.at);
	if (input.size < m->want)
		return PARSE_MORE;
	m->bytes = slice_head(input, m->used);
	m->left -= m->used;
	return PARSE_DONE;
}

static enum verdict message_step(struct parse *parse, struct slice input, uint8_t *room, uint32_t *used)
{
	struct tls_state *state = parse->state;
	struct message m = {.room = room, .left = state->gathered[parse->direction]};
	enum verdict verdict = message_take(input, &m);
	if (verdict == PARSE_MORE && input.size > UNREAD_MAX) { /* records of a few bytes each */
		verdict = PARSE_BAD;
		m.why = "fragmented_handshake";
	}
	if (verdict == PARSE_BAD)
		tls_violation(parse, m.why);
	parse->want = m.want;
	if (verdict != PARSE_DONE)
		return verdict;
	parse->want = 0;
	*used = m.used;
	state->gathered[parse->direction] = m.left;
	if (tls_handshake_wanted(m.bytes.at[0]))
		tls_handshake(parse, m.bytes.at[0], slice_of(m.bytes.at + MESSAGE_HEADER, m.bytes.size - MESSAGE_HEADER));
	/* RFC 8446, 4: everything behind the ServerHello is encrypted. */
	bool over = parse->direction == TO_CLIENT && state->server_hello && tls_version_rank(state->version) >= VERSION_TLS13;
	return over ? PARSE_DONE : PARSE_MORE;
}

/* --- records ------------------------------------------------------------------------------------------------ */

static enum verdict alert_step(struct parse *parse, struct slice body)
{
	enum { WARNING = 1, FATAL = 2, SIZE = 2 };
	if (body.size != SIZE || (body.at[0] != WARNING && body.at[0] != FATAL)) /* encrypted */
		return PARSE_DONE;
	tls_alert(parse, body.at[0], body.at[1]);
	return body.at[0] == FATAL ? PARSE_DONE : PARSE_MORE;
}

/* Up to TLS 1.2 what follows is encrypted; in 1.3 it says nothing (RFC 8446, 5). */
static enum verdict change_step(struct parse *parse)
{
	struct tls_state *state = parse->state;
	if (tls_version_rank(state->version) >= VERSION_TLS13)
		return PARSE_MORE;
	state->changed[parse->direction] = true;
	return state->version && parse->direction == TO_CLIENT ? PARSE_DONE : PARSE_MORE;
}

/* Is the client's first encrypted record its Finished? Up to TLS 1.2 the type tells. In 1.3 it looks like data, but none comes before
 * it, and its length is known (RFC 8446, 4.4.4 and 5.2). With a certificate or early data ahead, or padded, it is not recognised. */
static bool is_finished(const struct tls_state *state, uint8_t type, uint32_t size)
{
	if (tls_version_rank(state->version) < VERSION_TLS13)
		return type == CONTENT_HANDSHAKE;
	return state->server_hello && size == tls_finished_size(state->suite);
}

/* The first encrypted record of a direction: the client's time to say something begins behind its Finished. */
static enum verdict sealed_step(struct parse *parse, struct slice input, uint32_t *used)
{
	struct tls_state *state = parse->state;
	uint32_t whole = HEADER + load_be16(input.at + 3);
	if (parse->direction == TO_CLIENT || parse->midstream || !is_finished(state, input.at[0], whole - HEADER))
		return PARSE_DONE;
	parse->want = whole;
	if (input.size < whole)
		return PARSE_MORE;
	parse->want = 0;
	*used = whole;
	state->finished = true;
	parse->session->deadline_ns = parse->time_ns + SILENT_S * TW_SECOND;
	return PARSE_MORE;
}

static enum verdict record_step(struct parse *parse, struct slice input, uint32_t *used)
{
	struct tls_state *state = parse->state;
	bool sealed = state->version && state->changed[parse->direction];
	if (!is_header(input)) {
		if (sealed)
			return PARSE_DONE;
		if (!parse->midstream)
			tls_violation(parse, state->begun[parse->direction] ? "malformed_record" : "not_tls");
		return PARSE_BAD;
	}
	parse->want = HEADER + 1;
	if (input.size <= HEADER)
		return PARSE_MORE;
	state->begun[parse->direction] = true;
	uint32_t size = load_be16(input.at + 3);
	uint8_t type = input.at[0];
	if (type == CONTENT_APPLICATION || (type == CONTENT_HANDSHAKE && state->changed[parse->direction] &&
					    (sealed || input.at[HEADER] != HANDSHAKE_CLIENT_HELLO)))
		return sealed_step(parse, input, used);
	if (type == CONTENT_HANDSHAKE) {
		*used = HEADER;
		parse->want = 0;
		state->gathered[parse->direction] = size;
		return PARSE_MORE;
	}
	parse->want = HEADER + size;
	if (input.size < HEADER + size)
		return PARSE_MORE;
	parse->want = 0;
	*used = HEADER + size;
	if (type == CONTENT_ALERT)
		return alert_step(parse, slice_of(input.at + HEADER, size));
	return type == CONTENT_CHANGE_CIPHER_SPEC ? change_step(parse) : PARSE_MORE;
}

/* --- what follows the handshake ----------------------------------------------------------------------------- */

static uint64_t spoken_key(const struct parse *parse)
{
	const struct ends *ends = parse->base.ends;
	return memo_key(hash_bytes(&ends->server, sizeof ends->server, 0), MEMO_SPOKEN, ends->server_port);
}

/* Whoever captures no more of a connection than its handshake sees this of none. */
static void client_spoke(struct parse *parse)
{
	parse->session->deadline_ns = 0;
	memo_note(parse->memos, spoken_key(parse), 1);
}

/* --- SSL 2 -------------------------------------------------------------------------------------------------- */

/* The first record of a direction, when it is none of TLS. */
static enum verdict ssl2_step(struct parse *parse, struct slice input, uint32_t *used)
{
	enum { SSL2_HEADER = 2, CLIENT_HELLO = 1, SERVER_HELLO = 4 };
	struct tls_state *state = parse->state;
	parse->want = SSL2_HEADER + 1;
	if (input.size <= SSL2_HEADER)
		return PARSE_MORE;
	bool client = parse->direction == TO_SERVER;
	if (input.at[2] != (client ? CLIENT_HELLO : SERVER_HELLO)) {
		if (!parse->midstream)
			tls_violation(parse, "not_tls");
		return PARSE_BAD;
	}
	uint32_t whole = SSL2_HEADER + (load_be16(input.at) & 0x7fff);
	parse->want = whole;
	if (input.size < whole)
		return PARSE_MORE;
	parse->want = 0;
	state->begun[parse->direction] = true;
	*used = whole;
	struct slice body = slice_of(input.at + SSL2_HEADER, whole - SSL2_HEADER);
	if (client)
		tls_ssl2_client_hello(parse, body);
	else
		tls_ssl2_server_hello(parse, body);
	return client ? PARSE_MORE : PARSE_DONE;
}

static enum verdict tls_parse(struct parse *parse, struct slice input)
{
	struct tls_state *state = parse->state;
	uint8_t d = parse->direction;
	uint8_t room[TLS_MESSAGE_MAX];
	if (state->lost[d])
		return PARSE_DONE;
	while (input.size) {
		uint32_t used = 0;
		enum verdict verdict;
		if (state->finished && d == TO_SERVER) {
			client_spoke(parse);
			return PARSE_DONE;
		}
		if (state->gathered[d])
			verdict = message_step(parse, input, room, &used);
		else if (input.at[0] & 0x80)
			verdict = state->begun[d] ? PARSE_DONE : ssl2_step(parse, input, &used);
		else
			verdict = record_step(parse, input, &used);
		parse->consumed += used;
		if (verdict != PARSE_MORE || !used)
			return verdict;
		input = slice_of(input.at + used, input.size - used);
	}
	return PARSE_MORE;
}

/* What was lost may have been the change to encryption: the rest of the direction is not read. */
static void tls_gap(struct parse *parse, uint64_t missing)
{
	struct tls_state *state = parse->state;
	(void)missing;
	state->lost[parse->direction] = true;
	if (parse->direction == TO_SERVER)
		parse->session->deadline_ns = 0;
}

/* Nothing has followed the client's Finished. That it is silent shows only if it knows that the handshake is over (up to TLS 1.2 the
 * server's Finished may come last), and if what follows a handshake with this server is captured at all. */
static void tls_expire(struct parse *parse)
{
	const struct tls_state *state = parse->state;
	struct event event = parse->base;
	bool over = state->changed[TO_CLIENT] || tls_version_rank(state->version) >= VERSION_TLS13;
	parse->session->deadline_ns = 0;
	if (!over || !parse->peer_heard || parse->missed || !memo_noted(parse->memos, spoken_key(parse)))
		return;
	event.action = ACTION_KEEPALIVE;
	event.outcome = OUTCOME_FAILURE;
	event.reason = slice_text("silent_after_handshake");
	parse->emit(parse, &event);
}

const struct parser parser_tls = {
	.name = "tls",
	.protocol = PROTOCOL_TLS,
	.transport = TRANSPORT_TCP,
	.state_bytes = sizeof(struct tls_state),
	.fields = tls_fields,
	.messages = tls_messages,
	.probe = tls_probe,
	.parse = tls_parse,
	.gap = tls_gap,
	.expire = tls_expire,
};
