#include "rule_index.h"
#include "arena.h"
#include "program.h"

enum { MESSAGES = 32, DIRECTIONS = TO_CLIENT + 1, OUTCOMES = OUTCOME_FAILURE + 1 };

struct candidate {
	struct rule *rule;
	struct program program;
};

struct bucket {
	const struct candidate *items;
	unsigned count;
};

/* One message of a protocol with one action. */
struct kind {
	struct bucket buckets[DIRECTIONS][OUTCOMES][2][2];
};

struct rule_index {
	const struct kind *kinds[PROTOCOL_COUNT][ACTION_COUNT][MESSAGES]; /* NULL: nothing to ask */
};

/* What is open of the rules once `known` is; returns how many. */
static unsigned reduce(struct arena *arena, const struct indexed *rules, unsigned count, const struct known *known,
		       struct indexed *open)
{
	unsigned n = 0;
	for (unsigned i = 0; i < count; i++) {
		if (rules[i].service >= 0 && rules[i].service != known->of[KNOWN_PROTOCOL])
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
	if (!program_compile(arena, open, true, program))
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

/* What follows the message in enum knowledge, one after the other, so that what one of them leaves as it is stays the same. */
static bool fill_kind(struct arena *arena, struct kind *kind, const struct indexed *rules, unsigned count, const struct known *known,
		      struct rule **too_large)
{
	static const uint8_t sizes[] = {[KNOWN_DIRECTION] = DIRECTIONS, [KNOWN_OUTCOME] = OUTCOMES, [KNOWN_REASON] = 2, [KNOWN_USED] = 2};
	const uint8_t *of = known->of;
	if (known->count == KNOWLEDGE)
		return fill(arena, &kind->buckets[of[KNOWN_DIRECTION]][of[KNOWN_OUTCOME]][of[KNOWN_REASON]][of[KNOWN_USED]], rules,
			    count, too_large);
	struct indexed open[LIMIT_RULES];
	struct known more = *known;
	more.count++;
	for (uint8_t i = 0; i < sizes[known->count]; i++) {
		more.of[known->count] = i;
		unsigned n = reduce(arena, rules, count, &more, open);
		if (n && !fill_kind(arena, kind, open, n, &more, too_large))
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
			const struct known *known, struct rule **too_large)
{
	struct indexed open[LIMIT_RULES];
	struct seen seen[MESSAGES];
	struct known more = *known;
	const struct kind **kinds = index->kinds[known->of[KNOWN_PROTOCOL]][known->of[KNOWN_ACTION]];
	more.count++;
	for (uint8_t message = 0; message < MESSAGES; message++) {
		more.of[KNOWN_MESSAGE] = message;
		unsigned n = reduce(arena, rules, count, &more, open), like = seen_before(arena, seen, message, open, n);
		if (like < message) {
			kinds[message] = kinds[like];
			continue;
		}
		struct kind *kind = n ? arena_take(arena, sizeof *kind) : NULL;
		if (kind && !fill_kind(arena, kind, open, n, &more, too_large))
			return false;
		kinds[message] = kind;
	}
	return true;
}

struct rule_index *rule_index_build(struct arena *arena, const struct indexed *rules, unsigned count, struct rule **too_large)
{
	struct rule_index *index = arena_take(arena, sizeof *index);
	struct indexed open[LIMIT_RULES], left[LIMIT_RULES];
	for (uint8_t protocol = 0; protocol < PROTOCOL_COUNT; protocol++) {
		struct known known = {.count = KNOWN_PROTOCOL + 1, .of = {protocol}};
		unsigned n = reduce(arena, rules, count, &known, open);
		known.count = KNOWN_ACTION + 1;
		for (uint8_t action = 0; action < ACTION_COUNT; action++) {
			known.of[KNOWN_ACTION] = action;
			unsigned m = reduce(arena, open, n, &known, left);
			if (m && !fill_action(arena, index, left, m, &known, too_large))
				return NULL;
		}
	}
	return index;
}

void rule_index_match(const struct rule_index *index, const struct event *event,
		      void (*found)(void *context, struct rule *rule, const struct event *event), void *context)
{
	const struct kind *kind = index->kinds[event->protocol][event->action][event->message % MESSAGES];
	if (!kind)
		return;
	const struct bucket *bucket = &kind->buckets[event->direction % DIRECTIONS][event->outcome % OUTCOMES]
						    [event->reason.at != NULL][event->session->used];
	const struct asked asked = asked_of(event);
	for (unsigned i = 0; i < bucket->count; i++)
		if (program_run(&bucket->items[i].program, &asked))
			found(context, bucket->items[i].rule, event);
}
