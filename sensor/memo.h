/* memo.h - the one bounded memory that parsers share: "what did message N of this flow ask for?"
 * Fixed slots, the oldest is overwritten and counted. Serves MQTT topic aliases and pending SUBSCRIBEs, CoAP tokens.
 * A key is made with memo_key(); a collision of 64-bit hashes is accepted. Values are copied; longer ones are cut. */
#ifndef TW_MEMO_H
#define TW_MEMO_H

#include "bytes.h"
#include "counters.h"

#define MEMO_VALUE_MAX 232u

struct memos;

struct memos *memos_open(uint32_t slots, struct counters *counters); /* NULL when memory is refused */
void memos_close(struct memos *memos);

uint64_t memo_key(uint64_t flow_id, unsigned kind, uint64_t number);
/* Ahead of a put or get, while there is other work to do, in two steps: where the value would be, and then the value, or the room
 * for it. */
void memo_prefetch(const struct memos *memos, uint64_t key);
void memo_prefetch_value(const struct memos *memos, uint64_t key);
void memo_put(struct memos *memos, uint64_t key, struct slice value);
/* The slice is valid until the next memo_put(). False when it was never put, dropped or overwritten. */
bool memo_get(struct memos *memos, uint64_t key, struct slice *value);
void memo_drop(struct memos *memos, uint64_t key);

/* A note is a memo of 64 bits, which costs a cache line and no more. 0 when there is none, or it was overwritten. */
void memo_note(struct memos *memos, uint64_t key, uint64_t note);
uint64_t memo_noted(const struct memos *memos, uint64_t key);
void memo_prefetch_note(const struct memos *memos, uint64_t key);

/* What is not found was it never put, or overwritten? memos_clock() at some time, and later: is all that was put since then
 * still there, what was dropped apart? */
uint64_t memos_clock(const struct memos *memos);
bool memos_whole(const struct memos *memos, uint64_t since);

#endif
