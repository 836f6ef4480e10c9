/* feed.h - a parser on its own, fed as engine.c and stream.c feed it: what it leaves is kept and comes again with more,
 * what it skips is not shown, it is not called before what it wants is there, and it may carry or become another.
 * Its input ends at a page that may not be touched (or begins behind one). */
#ifndef TW_TEST_FEED_H
#define TW_TEST_FEED_H

#include "dump.h"
#include "fixture.h"
#include "parsers/parser.h"

extern const struct parser *const all_parsers[]; /* parsers.def, ends at NULL */
extern const unsigned all_parser_count;

struct feed_side {
	uint8_t *pending;
	uint32_t pending_bytes, want;
	uint64_t skip;
	bool dead;
};

struct feed {
	const struct parser *parser;  /* NULL: to be told by first bytes */
	struct feed *outer, *inner;   /* a flow that another carries */
	bool decided, midstream, any_bad;
	uint16_t client_port, server_port;
	uint64_t flow_id, time_ns;
	uint32_t frame;
	struct session session;
	struct ends ends;
	struct counters counters;
	struct memos *memos;
	struct dump *dump;            /* NULL: events are counted, not shown */
	void (*hook)(void *context, const struct event *event); /* as well; may be NULL */
	void *context;
	unsigned events;
	struct feed_side side[2];
	uint64_t state[LIMIT_PARSER_STATE / 8 + 1];
	const char *broken;           /* a law that was broken; NULL for none */
};

struct feed *feed_open(void);
void feed_close(struct feed *feed);
void feed_begin(struct feed *feed, const struct parser *parser, const struct fixture *fixture, struct dump *dump);
/* All turns of a fixture, a second apart. */
void feed_fixture(struct feed *feed, const struct fixture *fixture);
void feed_bytes(struct feed *feed, enum direction direction, struct slice bytes);
/* The flow ends: parsers say what is left and give back what they hold. Done by feed_begin() and feed_close() too, unheard. */
void feed_end(struct feed *feed);
void feed_gap(struct feed *feed, enum direction direction, uint64_t missing);
void feed_expire(struct feed *feed);
/* A datagram or a log line: one call, nothing is kept. */
void feed_message(struct feed *feed, enum direction direction, struct slice bytes);
/* The next inputs begin behind a page that may not be touched, instead of ending before one. */
void feed_guard_front(bool front);

/* Counts what is asked of the allocator from here on; parsers are watched by feed.c itself. */
void heap_watch(bool on);
uint64_t heap_asked(void);

#endif
