/* match.h - predicates over events, expressions of them, and the branch code that they become. */
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
	MATCH_NET,        /* address in net/bits */
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

#define PREDICATE_TEXT 16u

struct predicate {
	const struct field *field;
	enum match_op op;
	bool cased;
	bool begins;               /* PREDICATE_TEXT: what holds begins with `text`, which is not empty */
	/* What predicate_ask() settles itself: a number that it finds, or that a text is not there or begins with another byte.
	 * Set by program_compile(). */
	uint8_t width;             /* of a number, bytes; PREDICATE_TEXT; 0: neither */
	uint8_t bit;               /* field->bit */
	uint16_t offset;
	uint64_t numbers;          /* MATCH_ANY of numbers: bit n % 64 for each n */
	uint64_t number;
	uint64_t net[2], mask[2];  /* MATCH_NET, as they lie in memory */
	struct slice text;         /* lower case unless cased */
	const struct regex *regex;
	const struct text_set *texts; /* MATCH_TEXTS */
	const struct field *other; /* MATCH_SAME, MATCH_TEMPLATE, MATCH_FOREIGN */
	enum match_op how;         /* MATCH_SAME: MATCH_TEXT, or that it STARTS, ENDS with or CONTAINS the other's value */
	struct slice rest;         /* MATCH_TEMPLATE, MATCH_FOREIGN: what follows, with wildcards */
	const struct predicate *any; /* MATCH_ANY */
	unsigned count;
};

bool predicate_holds(const struct predicate *predicate, const struct event *event);
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

/* What is known of an event before it is looked at: an index of rules is built on it. */
enum known_depth { KNOWN_PROTOCOL, KNOWN_ACTION, KNOWN_MESSAGE, KNOWN_WHOLE };
struct known {
	enum known_depth depth; /* how many of these, in this order: */
	uint8_t protocol, action, message;
	uint8_t direction, outcome;
};

struct arena;

/* The same, with one predicate for all alternatives that ask the same field. */
struct expression *expression_join(struct arena *arena, struct expression *expression);
/* The part of an expression that is still open once `known` is, which is the expression itself when `known` settles nothing of it;
 * NEVER or ALWAYS when nothing is open. */
struct expression *expression_reduce(struct arena *arena, struct expression *expression, const struct known *known);

#define PROGRAM_YES UINT16_MAX
#define PROGRAM_NO (UINT16_MAX - 1)

struct instruction {
	const struct predicate *predicate;
	uint16_t yes, no; /* the next instruction, PROGRAM_YES or PROGRAM_NO */
};

struct program {
	const struct instruction *code;
	uint16_t entry;
};

/* Cheap predicates first, nothing asked twice that is settled. False when it is too large for branch addresses. */
bool program_compile(struct arena *arena, struct expression *expression, struct program *out);

/* The place of the field in this event; NULL when the event does not have it. */
static inline const uint8_t *predicate_at(const struct predicate *p, const struct event *event)
{
	const struct field *field = p->field;
	const void *const bases[] = {event, event->ends, event->session, event->detail, event->log};
	const uint8_t *at = bases[field->base];
	if (field->base == BASE_DETAIL &&
	    (!at || field->protocol != event->protocol || (field->message && field->message != event->message)))
		return NULL;
	if (field->base == BASE_LOG && !at)
		return NULL; /* on the wire */
	if (p->bit != FIELD_ALWAYS && !event_has(event, p->bit))
		return NULL;
	return at + p->offset;
}

static inline bool predicate_ask_number(const struct predicate *p, const struct event *event)
{
	const uint8_t *at = predicate_at(p, event);
	if (!at)
		return false;
	uint64_t number = p->width == 1 ? *at : p->width == 2 ? *(const uint16_t *)(const void *)at
			: p->width == 4 ? *(const uint32_t *)(const void *)at : *(const uint64_t *)(const void *)at;
	switch (p->op) {
	case MATCH_NUMBER:
		return number == p->number;
	case MATCH_GTE:
		return number >= p->number;
	case MATCH_GT:
		return number > p->number;
	default: /* MATCH_ANY */
		return p->numbers >> (number & 63) & 1 && predicate_holds(p, event);
	}
}

/* Most texts that are asked for are not there, or begin in another way. */
static inline bool predicate_ask_text(const struct predicate *p, const struct event *event)
{
	const uint8_t *at = predicate_at(p, event);
	if (!at)
		return false;
	const struct slices *texts = (const void *)at;
	bool one = p->field->type == FIELD_TEXT;
	if (!one && texts->count != 1)
		return texts->count && predicate_holds(p, event);
	struct slice text = one ? *(const struct slice *)(const void *)at : texts->items[0];
	if (one && !text.at)
		return false;
	if (p->begins && (text.size < p->text.size || ((text.at[0] ^ p->text.at[0]) & 0xdf)))
		return false;
	return predicate_holds(p, event);
}

static inline bool predicate_ask(const struct predicate *p, const struct event *event)
{
	if (p->width == PREDICATE_TEXT)
		return predicate_ask_text(p, event);
	return p->width ? predicate_ask_number(p, event) : predicate_holds(p, event);
}

static inline bool program_run(const struct program *program, const struct event *event)
{
	uint16_t at = program->entry;
	while (at < PROGRAM_NO)
		at = predicate_ask(program->code[at].predicate, event) ? program->code[at].yes : program->code[at].no;
	return at == PROGRAM_YES;
}

#endif
