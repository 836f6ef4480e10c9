/* What earlier messages say about this one: which request a response answers, which message an ACK or RST means, whether a
 * message is a retransmission. Kept in memos under the endpoints, not under the flow: an observation outlives the silence
 * after which a UDP flow is forgotten. */
#include "coap.h"
#include "../sensor/hash.h"
#include <stddef.h>

/* RFC 7252 section 4.8.2. */
enum { EXCHANGE_LIFETIME_S = 247, NON_LIFETIME_S = 145 };

enum {
	ANSWERED = 1,
	OBSERVING = 2,   /* asked to be notified, and not told otherwise since */
	REGISTERED = 4,  /* the server has agreed */
	CANCELLED = 8,   /* was observing: a late notification is no surprise */
	MULTICAST = 16,
	RETRIED = 32,    /* the request came again: so may the answer, anew */
	MANY = 64,       /* Q-Block: several responses to one request */
	PROVEN = 128     /* the request could only be made by who had received an earlier response */
};

/* A request in memory, by the client's endpoint and the token. */
struct exchange {
	uint64_t time_ns;
	uint64_t server;      /* hash of the endpoint */
	uint64_t answer;      /* hash of the newest response */
	uint32_t bytes;
	uint16_t message_id;
	uint8_t code, flags;
	uint8_t path_size;
	char path[MEMO_VALUE_MAX - 40];
};
enum { EXCHANGE_HEAD = offsetof(struct exchange, path) };
_Static_assert(sizeof(struct exchange) <= MEMO_VALUE_MAX, "an exchange fits a memo");

/* A confirmable or non-confirmable message in memory, by sender, receiver and message id: a note of 64 bits. */
struct sent {
	uint32_t time_s;
	uint32_t content;     /* 24 bits of the hash */
	uint8_t message;      /* enum coap_message */
	bool confirmable;
	bool known;           /* a response: its request was */
	bool notification;
	bool server_sent;
};

static uint64_t sent_pack(const struct sent *sent)
{
	return (uint64_t)sent->time_s << 32 | (uint64_t)(sent->content & 0xffffff) << 8 | (uint64_t)(sent->message & 15) << 4 |
	       (uint64_t)sent->confirmable << 3 | (uint64_t)sent->known << 2 | (uint64_t)sent->notification << 1 | sent->server_sent;
}

static struct sent sent_unpack(uint64_t note)
{
	return (struct sent){(uint32_t)(note >> 32), note >> 8 & 0xffffff, note >> 4 & 15, note >> 3 & 1, note >> 2 & 1, note >> 1 & 1,
			     note & 1};
}

bool coap_knows_all(const struct coap_reading *r)
{
	const struct coap_state *state = r->state;
	return state->begun[r->asker] == COAP_FROM_START && memos_whole(r->parse->memos, state->begun_at[r->asker]);
}

/* --- exchanges ---------------------------------------------------------------------------------------------- */

/* A message between two endpoints, whose hashes these are. */
static uint64_t sent_key(uint64_t from, uint64_t to, unsigned type, uint16_t message_id)
{
	return memo_key(type >= COAP_TYPE_ACK ? hash_join(to, from) : hash_join(from, to), COAP_MEMO_MID, message_id);
}

static uint64_t token_key(uint64_t from, uint64_t to, uint8_t code, struct slice token)
{
	return memo_key(code >> 5 == 0 ? from : to, COAP_MEMO_TOKEN, hash_slice(token, 0));
}

/* Which side a message comes from is plain; who asks depends on what it says. */
void coap_memory_begin(struct coap_reading *r)
{
	bool from_client = r->parse->direction == TO_SERVER;
	uint64_t from = from_client ? r->client : r->server, to = from_client ? r->server : r->client;
	if (!r->reliable)
		r->sent_key = sent_key(from, to, r->coap->type, r->coap->message_id);
	if (!r->coap->code)
		return;
	r->token_key = token_key(from, to, r->coap->code, r->coap->token_raw);
	memo_prefetch_value(r->parse->memos, r->token_key);
}

void coap_memory_prepare(const struct coap_state *state, const struct memos *memos, unsigned direction, const struct coap_head *head)
{
	uint64_t from = state->endpoint[direction], to = state->endpoint[!direction];
	memo_prefetch_note(memos, sent_key(from, to, head->type, head->message_id));
	if (head->code)
		memo_prefetch(memos, token_key(from, to, head->code, head->token));
}

/* A client may use one token with several servers at once: all but the first have the server in their key. */
static uint64_t token_key_at(const struct coap_reading *r)
{
	return memo_key(hash_join(r->client, r->server), COAP_MEMO_TOKEN_AT, hash_slice(r->coap->token_raw, 0));
}

static bool exchange_get(const struct coap_reading *r, uint64_t key, struct exchange *out)
{
	struct slice kept;
	if (!memo_get(r->parse->memos, key, &kept) || kept.size < EXCHANGE_HEAD || kept.size > sizeof *out)
		return false;
	memcpy(out, kept.at, kept.size);
	return true;
}

static void exchange_put(const struct coap_reading *r, uint64_t key, const struct exchange *exchange)
{
	memo_put(r->parse->memos, key, slice_of(exchange, (uint32_t)EXCHANGE_HEAD + exchange->path_size));
}

static bool is_fresh(const struct coap_reading *r, const struct exchange *exchange)
{
	return r->parse->time_ns - exchange->time_ns <= EXCHANGE_LIFETIME_S * TW_SECOND;
}

/* --- messages ----------------------------------------------------------------------------------------------- */

static bool sent_get(const struct coap_reading *r, struct sent *out)
{
	uint64_t note = memo_noted(r->parse->memos, r->sent_key);
	*out = sent_unpack(note);
	uint64_t age_s = r->parse->time_ns / TW_SECOND - out->time_s;
	return note && age_s <= (out->confirmable ? EXCHANGE_LIFETIME_S : NON_LIFETIME_S);
}

/* Where the exchange of a notification is kept, should it be rejected. */
static uint64_t token_of_sent(const struct coap_reading *r)
{
	return memo_key(r->sent_key, COAP_MEMO_SENT_TOKEN, 0);
}

/* Was this message seen before? Else it is remembered, with what is told of it in `as`. */
static bool sent_before(struct coap_reading *r, bool by_server, const struct sent *as)
{
	struct sent old, now = *as;
	uint32_t content = (uint32_t)r->content & 0xffffff;
	if (sent_get(r, &old)) {
		if (old.content == content)
			return true;
		coap_fault(&r->faults, "message_id_reused");
	}
	now.time_s = (uint32_t)(r->parse->time_ns / TW_SECOND);
	now.content = content;
	now.message = r->event.message;
	now.confirmable = r->coap->type == COAP_CON;
	now.server_sent = by_server;
	memo_note(r->parse->memos, r->sent_key, sent_pack(&now));
	return false;
}

/* --- requests ----------------------------------------------------------------------------------------------- */

static uint64_t exchange_place(const struct coap_reading *r, struct exchange *old, bool *known)
{
	uint64_t key = r->token_key;
	*known = exchange_get(r, key, old);
	if (*known && old->server != r->server && is_fresh(r, old) && (!(old->flags & ANSWERED) || old->flags & (OBSERVING | MULTICAST))) {
		key = token_key_at(r);
		*known = exchange_get(r, key, old);
	}
	if (*known && old->server != r->server)
		*known = false;
	return key;
}

/* The Echo that this server has given to this client (RFC 9175 section 2.3). */
static bool echo_returned(const struct coap_reading *r)
{
	return coap_has(&r->event, COAP_OPTION_echo) && r->state->echo[r->asker] &&
	       (uint32_t)hash_slice(r->coap->text[COAP_OPTION_echo], 0) == r->state->echo[r->asker];
}

static uint8_t request_flags(const struct coap_reading *r, const struct exchange *old)
{
	const struct event *event = &r->event;
	unsigned flags = r->multicast ? MULTICAST : 0;
	if (r->coap->blocks_continued || echo_returned(r))
		flags |= PROVEN;
	if (coap_has(event, COAP_OPTION_q_block1) || coap_has(event, COAP_OPTION_q_block2) || r->faults.cut)
		flags |= MANY; /* of a request that was captured in part it is not known */
	if (event->action == ACTION_SUBSCRIBE)
		flags |= OBSERVING;
	else if (old && old->flags & OBSERVING && coap_has(event, COAP_OPTION_block2) && !coap_has(event, COAP_OPTION_observe))
		flags |= OBSERVING | REGISTERED | ANSWERED; /* the rest of a large notification */
	else if (old && old->flags & (OBSERVING | CANCELLED))
		flags |= CANCELLED;
	return (uint8_t)flags;
}

void coap_request_seen(struct coap_reading *r)
{
	struct exchange old, now;
	bool known;
	if (r->state->begun[r->asker] == COAP_UNSEEN) {
		r->state->begun[r->asker] = r->reliable && r->parse->midstream ? COAP_HALF_WAY : COAP_FROM_START;
		r->state->begun_at[r->asker] = memos_clock(r->parse->memos);
	}
	uint64_t key = exchange_place(r, &old, &known);
	const struct sent as = {0};
	if (!r->reliable && sent_before(r, false, &as)) {
		r->coap->retransmission = true;
		if (known) {
			old.flags |= RETRIED;
			exchange_put(r, key, &old);
		}
		return;
	}
	coap_blocks_check(r);
	coap_oscore_check(r);
	memset(&now, 0, EXCHANGE_HEAD);
	now.time_ns = r->parse->time_ns;
	now.server = r->server;
	now.bytes = r->coap->bytes;
	now.message_id = r->coap->message_id;
	now.code = r->coap->code;
	now.flags = request_flags(r, known ? &old : NULL);
	if (r->event.resource.count) {
		struct slice path = slice_head(r->event.resource.items[0], sizeof now.path);
		memcpy(now.path, path.at, path.size);
		now.path_size = (uint8_t)path.size;
	}
	exchange_put(r, key, &now);
	r->coap->address_proven = r->coap->address_proven || now.flags & PROVEN;
	if (echo_returned(r))
		r->state->proven[r->asker] = true;
}

/* --- responses ---------------------------------------------------------------------------------------------- */

/* Of what the client has asked and was answered, or was answered without asking; both are halved before they run over. */
static void count(struct coap_state *state, unsigned asker, uint8_t *which)
{
	if (*which == UINT8_MAX) {
		state->answered[asker] /= 2;
		state->unasked[asker] /= 2;
	}
	++*which;
}

static bool is_ack(const struct coap_reading *r)
{
	return !r->reliable && r->coap->type == COAP_TYPE_ACK;
}

/* Was the message seen that this ACK means? */
static bool acknowledges(const struct coap_reading *r)
{
	struct sent sent;
	return sent_get(r, &sent);
}

/* Nothing asked for this answer, or a tap that loses packets has not shown it. The request that an ACK means is known by its id: it
 * had another token. Otherwise what comes seldom may have been lost, and more is forgiven to an ACK, which must hit two numbers. */
static bool is_forged(struct coap_reading *r)
{
	struct coap_state *state = r->state;
	bool ack = is_ack(r);
	if (ack && acknowledges(r))
		return true;
	count(state, r->asker, &state->unasked[r->asker]);
	/* Of each of a gateway's many devices a tap may lose one. */
	return state->unasked[r->asker] > (ack ? 1u + state->answered[r->asker] / 4u : state->answered[r->asker] / 8u);
}

/* A confirmable answer is judged by its receiver: an ACK takes it, a RST does not (RFC 7252 section 4.2). */
static void unknown_answer(struct coap_reading *r, bool elsewhere)
{
	enum { TOKEN_TELLS = 4 }; /* shorter ones come about by counting: each server of a gateway may be asked with the same */
	bool judged_later = !r->reliable && r->coap->type == COAP_CON;
	if (coap_knows_all(r)) {
		if (!judged_later && is_forged(r))
			coap_fault(&r->faults, coap_has(&r->event, COAP_OPTION_observe) ? "notification_unregistered" : "unknown_token");
	} else if (elsewhere && r->coap->token_raw.size >= TOKEN_TELLS) {
		coap_fault(&r->faults, "other_endpoint");
	}
}

/* The request that is answered. `key` is where it is kept. When there is none, the fault that this is, if it is one. */
static bool exchange_find(struct coap_reading *r, struct exchange *out, uint64_t *key)
{
	*key = r->token_key;
	bool some = exchange_get(r, *key, out);
	if (some && (out->server == r->server || out->flags & MULTICAST))
		return true;
	bool elsewhere = some && is_fresh(r, out) && !(out->flags & ANSWERED);
	*key = token_key_at(r);
	if (exchange_get(r, *key, out))
		return true;
	unknown_answer(r, elsewhere);
	return false;
}

static void describe(struct coap_reading *r, struct exchange *exchange)
{
	struct coap_event *coap = r->coap;
	uint64_t ms = (r->parse->time_ns - exchange->time_ns) / 1000000;
	const char *method = coap_code_name(coap_code_index(exchange->code));
	coap->request_bytes = exchange->bytes;
	coap->amplification = exchange->flags & ANSWERED || !exchange->bytes ? coap->bytes : coap->bytes / exchange->bytes;
	coap->request_method = slice_text(method);
	coap->response_time_ms = ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
	coap->separate = !r->reliable && coap->type != COAP_TYPE_ACK;
	coap->multicast = exchange->flags & MULTICAST;
	coap->address_proven = coap->address_proven || exchange->flags & PROVEN;
	event_set(&r->event, COAP_BIT_REQUEST);
	if (exchange->path_size) {
		memcpy(coap->path, exchange->path, exchange->path_size);
		coap->uri_path = slice_of(coap->path, exchange->path_size);
		r->event.resource = (struct slices){&coap->uri_path, 1};
	}
}

/* Observe, RFC 7641: the first answer to a registration answers it, those after it are notifications. */
static void observe_step(struct coap_reading *r, struct exchange *exchange)
{
	bool notifies = coap_has(&r->event, COAP_OPTION_observe) && r->coap->code >> 5 == 2;
	if (exchange->flags & OBSERVING) {
		if (exchange->flags & ANSWERED)
			r->event.action = ACTION_DELIVER;
		if (notifies)
			exchange->flags |= REGISTERED;
		else if (!coap_has(&r->event, COAP_OPTION_block2) || r->coap->code >> 5 != 2)
			exchange->flags = (uint8_t)((exchange->flags & ~(OBSERVING | REGISTERED)) | CANCELLED);
	} else if (notifies && exchange->flags & ANSWERED && !(exchange->flags & CANCELLED)) {
		coap_fault(&r->faults, "notification_unregistered");
	}
}

static void answer(struct coap_reading *r, struct exchange *exchange, uint64_t key)
{
	bool single = !(exchange->flags & (OBSERVING | CANCELLED | MULTICAST | MANY));
	describe(r, exchange);
	if (!r->reliable && exchange->flags & ANSWERED && exchange->answer == r->content && !(exchange->flags & MULTICAST)) {
		r->coap->retransmission = true;
		return;
	}
	if (exchange->flags & ANSWERED && single) {
		if (exchange->flags & RETRIED)
			r->coap->retransmission = true;
		else if (is_fresh(r, exchange) && !coap_has(&r->event, COAP_OPTION_observe) && (!is_ack(r) || acknowledges(r)))
			coap_fault(&r->faults, "second_response");
	}
	observe_step(r, exchange);
	if (coap_has(&r->event, COAP_OPTION_echo))
		r->state->echo[r->asker] = (uint32_t)hash_slice(r->coap->text[COAP_OPTION_echo], 0);
	count(r->state, r->asker, &r->state->answered[r->asker]);
	exchange->flags |= ANSWERED;
	exchange->answer = r->content;
	exchange_put(r, key, exchange);
	coap_blocks_answered(r);
}

void coap_response_seen(struct coap_reading *r)
{
	struct exchange exchange;
	uint64_t key;
	if (r->state->begun[r->asker] == COAP_UNSEEN)
		r->state->begun[r->asker] = COAP_HALF_WAY;
	unsigned faults = r->faults.count;
	bool known = exchange_find(r, &exchange, &key);
	bool told = r->faults.count > faults;
	const struct sent as = {.known = known || told, .notification = coap_has(&r->event, COAP_OPTION_observe)};
	if (!r->reliable && r->coap->type != COAP_TYPE_ACK && sent_before(r, true, &as)) {
		r->coap->retransmission = true;
		r->faults.count = 0; /* told when it came first */
		if (known)
			describe(r, &exchange);
		return;
	}
	if (as.notification && !r->reliable)
		memo_note(r->parse->memos, token_of_sent(r), key);
	if (known)
		answer(r, &exchange, key);
}

/* --- empty messages ----------------------------------------------------------------------------------------- */

/* A rejected notification ends the observation (RFC 7641 section 3.6); of one that was never asked for the peer says so. */
static void rejected(struct coap_reading *r, const struct sent *sent)
{
	struct exchange exchange;
	r->event.reason = slice_text(sent->notification ? "notification_rejected" : sent->server_sent ? "response_rejected"
												      : "request_rejected");
	if (!sent->notification) {
		if (sent->server_sent && !sent->known && coap_knows_all(r))
			coap_fault(&r->faults, "unknown_token");
		return;
	}
	if (!sent->known)
		coap_fault(&r->faults, "notification_unregistered");
	uint64_t key = memo_noted(r->parse->memos, token_of_sent(r));
	if (sent->known && key && exchange_get(r, key, &exchange)) {
		exchange.flags = (uint8_t)((exchange.flags & ~(OBSERVING | REGISTERED)) | CANCELLED);
		exchange_put(r, key, &exchange);
	}
}

void coap_empty_seen(struct coap_reading *r)
{
	struct sent sent;
	bool found;
	if (r->event.message == COAP_PING) {
		if (r->parse->direction == TO_CLIENT)
			coap_turn(r);
		const struct sent as = {0};
		r->coap->retransmission = sent_before(r, false, &as);
		return;
	}
	/* What is answered was sent by the other side, as the client of its exchange or as the server. */
	found = sent_get(r, &sent);
	if (found && sent.server_sent != (r->parse->direction == TO_SERVER))
		coap_turn(r);
	if (!found) {
		if (r->event.message == COAP_RESET)
			r->event.reason = slice_text("reset");
		return;
	}
	if (sent.message == COAP_PING && r->event.message == COAP_RESET) {
		r->event.message = COAP_PONG;
		r->event.action = ACTION_KEEPALIVE;
		r->event.outcome = OUTCOME_SUCCESS;
		return;
	}
	if (sent.server_sent)
		r->state->proven[r->asker] = true;
	if (r->event.message == COAP_RESET)
		rejected(r, &sent);
}
