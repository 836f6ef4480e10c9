/* talk.h - a fixture's conversation as TCP segments, to be cut, shuffled, doubled and dropped, and the engine that hears it. */
#ifndef TW_TEST_TALK_H
#define TW_TEST_TALK_H

#include "dump.h"
#include "fixture.h"
#include "wire.h"
#include "sensor/engine.h"

enum { PIECES_MAX = 1 << 17 };

/* One segment. Bytes are borrowed from the fixture, or from whoever put others in. */
struct piece {
	uint8_t direction, flags;
	unsigned turn;           /* which it is part of; handshake and end have their own */
	uint32_t seq, ack;
	struct slice bytes;
	uint64_t time_ns;
};

struct talk {
	const struct fixture *fixture;
	struct address client, server;
	uint32_t next[2];
	unsigned count, turn;
	struct piece pieces[PIECES_MAX];
};

struct talk_options {
	uint32_t segment;                  /* bytes in one; 0: all of a turn */
	uint32_t cut_at;                   /* and a cut before this byte of the whole; 0: none */
	uint32_t first_seq[2];             /* of the SYNs */
	bool no_handshake, no_end;
	bool v6;
};

struct talk *talk_new(void);
void talk_free(struct talk *talk);
void talk_build(struct talk *talk, const struct fixture *fixture, const struct talk_options *options);
struct piece *talk_insert(struct talk *talk, unsigned at, struct piece piece);
void talk_remove(struct talk *talk, unsigned at);
/* Shuffles within each turn, so that what each side said stays in order of asking and answering. */
void talk_shuffle(struct talk *talk, struct dice *dice);
void talk_reverse(struct talk *talk);

/* An engine without rules, small tables and no nDPI, that writes what it hears to `dump`. */
struct ear {
	struct config *config;
	struct engine *engine;
	struct dump *dump;
	uint32_t frame;
	uint64_t last_ns;
	void (*heard)(void *context, const struct event *event); /* instead of the dump; may be NULL */
	void *context;
};
void ear_open(struct ear *ear, struct dump *dump);
void ear_close(struct ear *ear);
void ear_piece(struct ear *ear, const struct talk *talk, const struct piece *piece, void (*wrap)(struct wire *wire));
/* All of it, then the end of the input. */
void ear_hear(struct ear *ear, const struct talk *talk, void (*wrap)(struct wire *wire));
void ear_packet(struct ear *ear, const struct wire *wire, uint64_t time_ns);
void ear_finish(struct ear *ear);

#endif
