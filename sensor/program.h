/* program.h - an expression as branch code: what a rule costs an event that it does not match. */
#ifndef TW_PROGRAM_H
#define TW_PROGRAM_H

#include "match.h"
#include "text_match.h"

#define PROGRAM_YES UINT32_MAX
#define PROGRAM_NO (UINT32_MAX - 1)

/* What is asked at once; predicate_holds() answers what is left. */
enum ask {
	ASK_PREDICATE, /* all of it, whether it is there or not */
	ASK_PRESENT,   /* is the field there? Settled, as are: */
	ASK_U8, ASK_U16, ASK_U32, ASK_U64, /* number - low <= span */
	ASK_U8_SET, ASK_U16_SET, ASK_U32_SET, ASK_U64_SET, /* one of several numbers, see instruction_ask_set() */
	ASK_ADDRESS,   /* is an address there? */
	ASK_NETS,      /* and in one of several networks? */
	ASK_TEXT_SET, ASK_TEXTS_SET, /* text_set_holds() of the text, or of one of them */
	ASK_TEXT,      /* a text that may begin with `first` ... */
	ASK_TEXTS,     /* ... one of them does */
	ASK_FIRST,     /* may the one text that there is begin so? See instruction_ask_first() */
	ASK_RULE       /* rule_index.c: nothing; the rule whose number is in `low` has matched */
};

struct instruction {
	const struct predicate *predicate; /* NULL: a set of numbers of which nothing else has the bits */
	uint64_t low, span;
	uint32_t yes, no; /* the next instruction, PROGRAM_YES or PROGRAM_NO */
	uint16_t offset;
	uint8_t ask, base;
	uint8_t word, bit;    /* of asked.present */
	uint8_t first, least; /* of a text: its first character, caseless (0: any), and how long it is at least */
};

struct program {
	const struct instruction *code;
	uint32_t count, entry;
};

/* An event as programs see it: made once for all of them. */
struct asked {
	const struct event *event;
	const uint8_t *base[BASE_LOG + 1];
	uint64_t present[3]; /* event.present, and in PRESENT_BASE: is the base there? */
};

enum { PRESENT_BASE = 2 };

/* Cheap predicates first, nothing asked twice that is settled. `kind_known`: it will be asked only of events of one protocol and
 * message, whose fields it names. False when it is larger than any rule should be. */
bool program_compile(struct arena *arena, struct expression *expression, bool kind_known, struct program *out);

static inline struct asked asked_of(const struct event *event)
{
	return (struct asked){
		.event = event,
		.base = {(const uint8_t *)event, (const uint8_t *)event->ends, (const uint8_t *)event->session, event->detail,
			 (const uint8_t *)event->log},
		.present = {event->present[0], event->present[1],
			    1u << BASE_EVENT | 1u << BASE_ENDS | 1u << BASE_SESSION | (unsigned)(event->detail != NULL) << BASE_DETAIL |
				    (unsigned)(event->log != NULL) << BASE_LOG},
	};
}

static inline bool instruction_begins(const struct instruction *i, struct slice text)
{
	return text.size >= i->least && (!i->first || ((text.at[0] ^ i->first) & 0xdf) == 0);
}

static inline bool instruction_ask_texts(const struct instruction *i, const struct slices *texts, const struct event *event)
{
	if (texts->count == 1 ? !instruction_begins(i, texts->items[0]) : !texts->count)
		return false;
	return predicate_holds(i->predicate, event);
}

/* Before alternatives that all begin with a text of their own: bit `character % 64`, upper case as lower case. */
static inline bool instruction_ask_first(const struct instruction *i, const struct slices *texts)
{
	return texts->count != 1 || (texts->items[0].size && i->span >> ((texts->items[0].at[0] | 0x20) & 63) & 1);
}

static inline bool instruction_ask_range(const struct instruction *i, uint64_t number)
{
	return number - i->low <= i->span;
}

/* Each of the numbers has its bit in `low` and in `span`: few others have both. */
static inline bool instruction_ask_set(const struct instruction *i, uint64_t number)
{
	return i->low >> (number & 63) & i->span >> (number >> 6 & 63) & 1 && (!i->predicate || number_among(i->predicate, number));
}

static inline bool instruction_ask_text_set(const struct instruction *i, struct slices texts)
{
	for (uint32_t n = 0; n < texts.count; n++)
		if (text_set_holds(i->predicate->texts, texts.items[n]))
			return true;
	return false;
}

__attribute__((always_inline)) static inline bool instruction_ask(const struct instruction *i, const struct asked *asked)
{
	if (!(asked->present[i->word] >> (i->bit & 63) & 1))
		return false;
	const void *at = asked->base[i->base] + i->offset;
	switch (i->ask) {
	case ASK_PREDICATE:
		return predicate_holds(i->predicate, asked->event);
	case ASK_U8:
		return instruction_ask_range(i, *(const uint8_t *)at);
	case ASK_U16:
		return instruction_ask_range(i, *(const uint16_t *)at);
	case ASK_U32:
		return instruction_ask_range(i, *(const uint32_t *)at);
	case ASK_U64:
		return instruction_ask_range(i, *(const uint64_t *)at);
	case ASK_U8_SET:
		return instruction_ask_set(i, *(const uint8_t *)at);
	case ASK_U16_SET:
		return instruction_ask_set(i, *(const uint16_t *)at);
	case ASK_U32_SET:
		return instruction_ask_set(i, *(const uint32_t *)at);
	case ASK_U64_SET:
		return instruction_ask_set(i, *(const uint64_t *)at);
	case ASK_TEXT:
		return ((const struct slice *)at)->at && instruction_begins(i, *(const struct slice *)at) &&
		       predicate_holds_for(i->predicate, *(const struct slice *)at, asked->event);
	case ASK_TEXTS:
		return instruction_ask_texts(i, at, asked->event);
	case ASK_FIRST:
		return instruction_ask_first(i, at);
	case ASK_TEXT_SET:
		return instruction_ask_text_set(i, (struct slices){at, ((const struct slice *)at)->at != NULL});
	case ASK_TEXTS_SET:
		return instruction_ask_text_set(i, *(const struct slices *)at);
	case ASK_ADDRESS:
		return field_has_address(i->base, at, asked->event);
	case ASK_NETS:
		return field_has_address(i->base, at, asked->event) && net_among(i->predicate, at);
	default:
		return true;
	}
}

static inline bool program_run(const struct program *program, const struct asked *asked)
{
	uint32_t at = program->entry;
	while (at < PROGRAM_NO)
		at = instruction_ask(&program->code[at], asked) ? program->code[at].yes : program->code[at].no;
	return at == PROGRAM_YES;
}

#endif
