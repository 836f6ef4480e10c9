#include "rule_index.h"
#include "arena.h"

enum { MESSAGES = 32, DIRECTIONS = TO_CLIENT + 1, OUTCOMES = OUTCOME_FAILURE + 1 };

struct candidate {
	struct rule *rule;
	struct program program;
};

struct bucket {
	const struct candidate *items;
	unsigned count;
};

struct rule_index {
	struct bucket buckets[PROTOCOL_COUNT][ACTION_COUNT][MESSAGES][DIRECTIONS][OUTCOMES];
};

/* What is open of the rules once `known` is; returns how many. */
static unsigned reduce(struct arena *arena, const struct indexed *rules, unsigned count, const struct known *known,
		       struct indexed *open)
{
	unsigned n = 0;
	for (unsigned i = 0; i < count; i++) {
		if (rules[i].service >= 0 && rules[i].service != known->protocol)
			continue;
		struct expression *left = expression_reduce(arena, rules[i].expression, known);
		if (left->kind != EXPRESSION_NEVER)
			open[n++] = (struct indexed){rules[i].rule, left, rules[i].service};
	}
	return n;
}

static bool fill(struct arena *arena, struct bucket *bucket, const struct indexed *open, unsigned count, struct rule **too_large)
{
	if (!count)
		return true;
	struct candidate *items = arena_take(arena, count * sizeof *items);
	for (unsigned i = 0; i < count; i++) {
		items[i].rule = open[i].rule;
		*too_large = open[i].rule;
		if (!program_compile(arena, open[i].expression, &items[i].program))
			return false;
	}
	*bucket = (struct bucket){items, count};
	return true;
}

/* All directions and outcomes of one protocol, action and message. */
static bool fill_message(struct arena *arena, struct rule_index *index, const struct indexed *rules, unsigned count,
			 struct known known, struct rule **too_large)
{
	struct indexed open[LIMIT_RULES], left[LIMIT_RULES];
	unsigned n = reduce(arena, rules, count, &known, open);
	known.depth = KNOWN_WHOLE;
	for (unsigned direction = 0; n && direction < DIRECTIONS; direction++)
		for (unsigned outcome = 0; outcome < OUTCOMES; outcome++) {
			known.direction = (uint8_t)direction;
			known.outcome = (uint8_t)outcome;
			unsigned m = reduce(arena, open, n, &known, left);
			if (!fill(arena, &index->buckets[known.protocol][known.action][known.message][direction][outcome], left, m,
				  too_large))
				return false;
		}
	return true;
}

/* All messages of one protocol and action. */
static bool fill_action(struct arena *arena, struct rule_index *index, const struct indexed *rules, unsigned count,
			struct known known, struct rule **too_large)
{
	struct indexed open[LIMIT_RULES];
	unsigned n = reduce(arena, rules, count, &known, open);
	known.depth = KNOWN_MESSAGE;
	for (unsigned message = 0; n && message < MESSAGES; message++) {
		known.message = (uint8_t)message;
		if (!fill_message(arena, index, open, n, known, too_large))
			return false;
	}
	return true;
}

struct rule_index *rule_index_build(struct arena *arena, const struct indexed *rules, unsigned count, struct rule **too_large)
{
	struct rule_index *index = arena_take(arena, sizeof *index);
	struct indexed open[LIMIT_RULES];
	for (unsigned protocol = 0; protocol < PROTOCOL_COUNT; protocol++) {
		struct known known = {.depth = KNOWN_PROTOCOL, .protocol = (uint8_t)protocol};
		unsigned n = reduce(arena, rules, count, &known, open);
		known.depth = KNOWN_ACTION;
		for (unsigned action = 0; action < ACTION_COUNT; action++) {
			known.action = (uint8_t)action;
			if (!fill_action(arena, index, open, n, known, too_large))
				return NULL;
		}
	}
	return index;
}

void rule_index_match(const struct rule_index *index, const struct event *event,
		      void (*found)(void *context, struct rule *rule, const struct event *event), void *context)
{
	const struct bucket *bucket = &index->buckets[event->protocol][event->action][event->message % MESSAGES]
						     [event->direction % DIRECTIONS][event->outcome % OUTCOMES];
	for (unsigned i = 0; i < bucket->count; i++)
		if (program_run(&bucket->items[i].program, event))
			found(context, bucket->items[i].rule, event);
}
