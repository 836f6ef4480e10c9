/* What several messages of a body, or several messages under one key, say together: block-wise transfers (RFC 7959),
 * OSCORE's sequence numbers (RFC 8613). */
#include "coap.h"
#include "../sensor/hash.h"

/* A transfer in memory: where it has come to. */
struct transfer {
	uint64_t time_ns;
	uint64_t last;        /* hash of the newest block */
	uint32_t offset;      /* of the newest block */
	uint32_t next;        /* of the one to follow */
	uint32_t first_size;
	uint16_t size;
	uint8_t more;
	uint8_t run;          /* blocks in order since the last that were missing, UINT8_MAX: so many or more */
	uint8_t unused[4];
};

/* Blocks in a row that a tap may lose: no gap of the client's, where so many before them came in order. */
enum { LOST_MAX = 2, STEADY = 4 };

#define EXCHANGE_LIFETIME_NS (247 * TW_SECOND) /* RFC 7252 section 4.8.2 */

static uint64_t transfer_key(const struct coap_reading *r, unsigned kind)
{
	uint64_t number = r->event.resource.count ? hash_slice(r->event.resource.items[0], 0) : 0;
	if (coap_has(&r->event, COAP_OPTION_request_tag))
		number = hash_join(number, hash_slice(r->coap->text[COAP_OPTION_request_tag], 0));
	return memo_key(hash_join(r->client, r->server), kind, number);
}

static bool transfer_get(const struct coap_reading *r, uint64_t key, struct transfer *out)
{
	struct slice kept;
	if (!memo_get(r->parse->memos, key, &kept) || kept.size != sizeof *out)
		return false;
	memcpy(out, kept.at, sizeof *out);
	return r->parse->time_ns - out->time_ns <= EXCHANGE_LIFETIME_NS;
}

/* Of a message that was captured in part the block's end is not there. */
static uint32_t block_bytes(const struct coap_reading *r, const struct coap_block *block)
{
	return r->faults.cut && r->coap->payload_bytes < block->size ? block->size : r->coap->payload_bytes;
}

static void upload_order(struct coap_reading *r, const struct transfer *old, uint32_t offset, uint64_t content)
{
	const struct coap_block *block = &r->coap->block1;
	uint32_t lost = old->run >= STEADY ? LOST_MAX * block->size : 0;
	if (offset > old->next + lost)
		coap_fault(&r->faults, "block_gap");
	else if (offset == old->offset && content != old->last)
		coap_fault(&r->faults, "block_overlap");
	else if (offset < old->offset)
		coap_fault(&r->faults, "block_back");
	/* The server may ask for smaller blocks in its first answer (section 2.5). */
	if (block->size > old->size || (block->size < old->size && offset > old->first_size))
		coap_fault(&r->faults, "block_size_changed");
}

/* Block1: the body of a request in pieces. */
static void upload_check(struct coap_reading *r)
{
	const struct coap_block *block = &r->coap->block1;
	uint64_t key = transfer_key(r, COAP_MEMO_BLOCK1), content = hash_slice(r->coap->payload, 0);
	uint32_t offset = block->num * block->size;
	struct transfer old, now = {.time_ns = r->parse->time_ns, .last = content, .offset = offset,
				    .next = offset + block_bytes(r, block), .first_size = block->size, .size = block->size,
				    .more = block->more};
	bool known = transfer_get(r, key, &old);
	if (block->num && known) {
		now.first_size = old.first_size;
		now.run = offset <= old.next ? (uint8_t)(old.run + (old.run < UINT8_MAX)) : 0;
		upload_order(r, &old, offset, content);
	} else if (block->num && coap_knows_all(r)) {
		coap_fault(&r->faults, "block_gap");
	} else if (known && old.more && (old.offset || old.last != content)) {
		coap_fault(&r->faults, "block_restarted");
	}
	if (block->more && r->coap->payload_bytes % block->size && !r->faults.cut)
		coap_fault(&r->faults, "block_size_mismatch");
	memo_put(r->parse->memos, key, slice_of(&now, sizeof now));
}

/* In a request, before it is remembered. */
void coap_blocks_check(struct coap_reading *r)
{
	struct transfer old;
	const struct event *event = &r->event;
	bool slow = coap_has(event, COAP_OPTION_block1) || coap_has(event, COAP_OPTION_block2);
	if (slow && (coap_has(event, COAP_OPTION_q_block1) || coap_has(event, COAP_OPTION_q_block2)))
		coap_fault(&r->faults, "mixed_block_options"); /* RFC 9177 section 4.1 */
	if (coap_has(event, COAP_OPTION_block1))
		upload_check(r);
	const struct coap_block *block = &r->coap->block2;
	if (coap_has(event, COAP_OPTION_block2) && block->num && transfer_get(r, transfer_key(r, COAP_MEMO_BLOCK2), &old)) {
		uint32_t offset = block->num * block->size;
		r->coap->blocks_continued = offset >= old.next && offset <= old.next + LOST_MAX * block->size;
	}
}

/* Block2 in a response: where the client may go on. */
void coap_blocks_answered(struct coap_reading *r)
{
	const struct coap_block *block = &r->coap->block2;
	if (!coap_has(&r->event, COAP_OPTION_block2))
		return;
	uint32_t offset = block->num * block->size;
	struct transfer now = {.time_ns = r->parse->time_ns, .offset = offset, .next = offset + block_bytes(r, block),
			       .size = block->size, .more = block->more};
	if (block->more && r->coap->payload_bytes % block->size && !r->faults.cut)
		coap_fault(&r->faults, "block_size_mismatch");
	memo_put(r->parse->memos, transfer_key(r, COAP_MEMO_BLOCK2), slice_of(&now, sizeof now));
}

/* --- OSCORE ------------------------------------------------------------------------------------------------- */

enum { WINDOW = 64 }; /* packets may overtake each other on the way: RFC 8613 section 7.4 has 32 by default */

struct sequence {
	uint64_t newest;
	uint64_t seen; /* bit i: newest - i was */
};

static void sequence_check(struct coap_reading *r, uint64_t iv)
{
	struct slice kept;
	uint64_t owner = hash_join(hash_bytes(&r->event.ends->client, sizeof r->event.ends->client, 0), r->server);
	uint64_t kid = hash_join(hash_slice(r->coap->kid, 0),
				 event_has(&r->event, COAP_BIT_KID_CONTEXT) ? hash_slice(r->coap->kid_context, 0) : 0);
	uint64_t key = memo_key(owner, COAP_MEMO_OSCORE, kid);
	struct sequence s = {iv, 1};
	if (memo_get(r->parse->memos, key, &kept) && kept.size == sizeof s) {
		memcpy(&s, kept.at, sizeof s);
		if (iv > s.newest) {
			s.seen = iv - s.newest < WINDOW ? s.seen << (iv - s.newest) | 1 : 1;
			s.newest = iv;
		} else if (s.newest - iv >= WINDOW) {
			coap_fault(&r->faults, "oscore_partial_iv_back");
		} else if (s.seen >> (s.newest - iv) & 1) {
			coap_fault(&r->faults, "oscore_partial_iv_repeated");
		} else {
			s.seen |= 1ull << (s.newest - iv);
		}
	}
	memo_put(r->parse->memos, key, slice_of(&s, sizeof s));
}

/* Of a request that is no retransmission. Discovery and EDHOC are in the clear by design. */
void coap_oscore_check(struct coap_reading *r)
{
	struct coap_state *state = r->state;
	if (!coap_has(&r->event, COAP_OPTION_oscore)) {
		if (state->secured[r->asker] && !slice_starts(r->coap->uri_path, slice_text("/.well-known/")))
			coap_fault(&r->faults, "oscore_downgrade");
		return;
	}
	if (!event_has(&r->event, COAP_BIT_KID) || r->coap->text[COAP_OPTION_oscore].size == 0)
		return;
	uint32_t kid = (uint32_t)hash_slice(r->coap->kid, 0);
	if (state->secured[r->asker] && kid != state->kid[r->asker])
		coap_fault(&r->faults, "oscore_kid_changed");
	state->secured[r->asker] = true;
	state->kid[r->asker] = kid;
	if (event_has(&r->event, COAP_BIT_PARTIAL_IV))
		sequence_check(r, r->coap->partial_iv);
}
