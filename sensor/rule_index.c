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

/* The kinds of events that leave the same open of a rule share what that is compiled to. NULL when it is too large. */
static const struct program *compiled(struct arena *arena, struct expression *open)
{
	static const struct program yes = {NULL, PROGRAM_YES};
	if (open->kind == EXPRESSION_ALWAYS)
		return &yes;
	if (open->program)
		return open->program;
	struct program *program = arena_take(arena, sizeof *program);
	if (!program_compile(arena, open, program))
		return NULL;
	return open->program = program;
}

static bool fill(struct arena *arena, struct bucket *bucket, const struct indexed *open, unsigned count, struct rule **too_large)
{
	if (!count)
		return true;
	struct candidate *items = arena_take(arena, count * sizeof *items);
	for (unsigned i = 0; i < count; i++) {
		const struct program *program = compiled(arena, open[i].expression);
		*too_large = open[i].rule;
		if (!program)
			return false;
		items[i] = (struct candidate){open[i].rule, *program};
	}
	*bucket = (struct bucket){items, count};
	return true;
}

/* All directions and outcomes of one protocol, action and message. */
static bool fill_message(struct arena *arena, struct rule_index *index, const struct indexed *rules, unsigned count,
			 struct known known, struct rule **too_large)
{
	struct indexed left[LIMIT_RULES];
	known.depth = KNOWN_WHOLE;
	for (unsigned direction = 0; count && direction < DIRECTIONS; direction++)
		for (unsigned outcome = 0; outcome < OUTCOMES; outcome++) {
			known.direction = (uint8_t)direction;
			known.outcome = (uint8_t)outcome;
			unsigned m = reduce(arena, rules, count, &known, left);
			if (!fill(arena, &index->buckets[known.protocol][known.action][known.message][direction][outcome], left, m,
				  too_large))
				return false;
		}
	return true;
}

/* What was open for a message. */
struct seen {
	const struct indexed *open;
	unsigned count;
};

static bool same_open(const struct seen *seen, const struct indexed *open, unsigned count)
{
	bool same = seen->count == count;
	for (unsigned i = 0; same && i < count; i++)
		same = seen->open[i].rule == open[i].rule && seen->open[i].expression == open[i].expression;
	return same;
}

/* The first message that has left the same open as `message` does; most leave what has nothing to do with messages. */
static unsigned seen_before(struct arena *arena, struct seen *seen, unsigned message, const struct indexed *open, unsigned count)
{
	unsigned like = 0;
	while (like < message && !same_open(&seen[like], open, count))
		like++;
	if (like < message) {
		seen[message] = seen[like];
		return like;
	}
	struct indexed *kept = arena_take(arena, count * sizeof *kept);
	memcpy(kept, open, count * sizeof *kept);
	seen[message] = (struct seen){kept, count};
	return like;
}

/* All messages of one protocol and action. */
static bool fill_action(struct arena *arena, struct rule_index *index, const struct indexed *rules, unsigned count,
			struct known known, struct rule **too_large)
{
	struct indexed open[LIMIT_RULES], left[LIMIT_RULES];
	struct seen seen[MESSAGES];
	unsigned n = reduce(arena, rules, count, &known, open);
	known.depth = KNOWN_MESSAGE;
	for (unsigned message = 0; n && message < MESSAGES; message++) {
		known.message = (uint8_t)message;
		unsigned m = reduce(arena, open, n, &known, left);
		unsigned like = seen_before(arena, seen, message, left, m);
		if (like < message)
			memcpy(index->buckets[known.protocol][known.action][message], index->buckets[known.protocol][known.action][like],
			       sizeof index->buckets[0][0][0]);
		else if (!fill_message(arena, index, left, m, known, too_large))
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
