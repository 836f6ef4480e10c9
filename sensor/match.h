/* match.h - predicates over events, and expressions of them. program.h makes them fast. */
#ifndef TW_MATCH_H
#define TW_MATCH_H

#include "event.h"

struct regex;    /* regex.h */
struct text_set; /* text_match.h */

enum match_op {
	MATCH_EXISTS,     /* the field is there */
	MATCH_ABSENT,     /* it is not (null) */
	MATCH_NUMBER,     /* equal; also BOOL, ENUM, SECRET */
	MATCH_GT, MATCH_GTE, MATCH_LT, MATCH_LTE, MATCH_NEQ,
	MATCH_NUMBERS,    /* one of many of these */
	MATCH_NET,        /* address in net/bits */
	MATCH_NETS,       /* in one of many of these */
	MATCH_TEXT,       /* the whole text; in the order of enum text_op */
	MATCH_STARTS, MATCH_ENDS, MATCH_CONTAINS,
	MATCH_TEXTS,      /* one of many of these */
	MATCH_GLOB,       /* * and ?, escaped by \ */
	MATCH_REGEX,
	MATCH_ANY,        /* one of several predicates on the same field */
	MATCH_SAME,       /* as another field, see predicate.how */
	MATCH_TEMPLATE,   /* `text`, then what another field has as whole levels of a topic or path, then `rest` */
	MATCH_FOREIGN     /* the same, with another level in the place of the field's */
};

/* As it lies in memory. */
struct net {
	uint64_t net[2], mask[2];
};

struct predicate {
	const struct field *field;
	enum match_op op;
	bool cased;
	uint64_t number;
	struct net net;            /* MATCH_NET */
	struct slice text;         /* lower case unless cased */
	const struct regex *regex;
	const struct text_set *texts; /* MATCH_TEXTS */
	const struct field *other; /* MATCH_SAME, MATCH_TEMPLATE, MATCH_FOREIGN */
	enum match_op how;         /* MATCH_SAME: MATCH_TEXT, or that it STARTS, ENDS with or CONTAINS the other's value */
	struct slice rest;         /* MATCH_TEMPLATE, MATCH_FOREIGN: what follows, with wildcards */
	const struct predicate *any; /* MATCH_ANY */
	const uint64_t *numbers;   /* MATCH_NUMBERS */
	const struct net *nets;    /* MATCH_NETS */
	unsigned count;            /* of any, numbers or nets */
};

static inline bool number_among(const struct predicate *p, uint64_t number)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->numbers[i] == number)
			return true;
	return false;
}

static inline bool net_has(const struct net *net, const struct address *address)
{
	uint64_t at[2];
	memcpy(at, address->bytes, sizeof at);
	return (((at[0] ^ net->net[0]) & net->mask[0]) | ((at[1] ^ net->net[1]) & net->mask[1])) == 0;
}

static inline bool net_among(const struct predicate *p, const struct address *address)
{
	for (unsigned i = 0; i < p->count; i++)
		if (net_has(&p->nets[i], address))
			return true;
	return false;
}

bool predicate_holds(const struct predicate *predicate, const struct event *event);
/* The same for a text that is at hand: the event's, of a FIELD_TEXT. */
bool predicate_holds_for(const struct predicate *predicate, struct slice text, const struct event *event);
/* `address/bits`, 128 bits for an address of its own. */
void predicate_set_net(struct predicate *predicate, const struct address *address, unsigned bits);

enum expression_kind { EXPRESSION_NEVER, EXPRESSION_ALWAYS, EXPRESSION_PREDICATE, EXPRESSION_NOT, EXPRESSION_AND, EXPRESSION_OR };

struct program;

/* A tree; everything in it lives as long as the arena that it came from. */
struct expression {
	enum expression_kind kind;
	struct predicate predicate;
	unsigned count;
	struct expression **parts; /* NOT has one */
	const struct program *program; /* rule_index.c: what it was compiled to; NULL: not yet */
};

/* What is known of an event before a rule is asked: an index of rules is built on it, step by step. */
enum knowledge { KNOWN_PROTOCOL, KNOWN_ACTION, KNOWN_MESSAGE, KNOWN_DIRECTION, KNOWN_OUTCOME, KNOWN_REASON /* is there one? */,
	KNOWN_USED /* session.used */, KNOWLEDGE };
struct known {
	unsigned count; /* how many of these, in their order: */
	uint8_t of[KNOWLEDGE];
};

struct arena;

/* The same, with one predicate for all alternatives that ask the same field. */
struct expression *expression_join(struct arena *arena, struct expression *expression);
/* The part of an expression that is still open once `known` is, which is the expression itself when `known` settles nothing of it;
 * NEVER or ALWAYS when nothing is open. */
struct expression *expression_reduce(struct arena *arena, struct expression *expression, const struct known *known);

#endif
