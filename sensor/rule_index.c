#include "rule_index.h"
#include "arena.h"
#include "program.h"

enum { MESSAGES = 32, DIRECTIONS = TO_CLIENT + 1, OUTCOMES = OUTCOME_FAILURE + 1 };

/* The programs of all rules that an event of this kind may match, one behind the other: where one ends the next begins. */
struct bucket {
	const struct instruction *code; /* NULL: there is none */
	uint32_t entry;
};

/* One message of a protocol with one action. */
struct kind {
	struct bucket buckets[DIRECTIONS][OUTCOMES][2][2];
};

struct rule_index {
	struct rule *const *rules; /* by number, see ASK_RULE */
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
			open[n++] = (struct indexed){rules[i].rule, left, rules[i].service, rules[i].number};
	}
	return n;
}

/* The kinds of events that leave the same open of a rule share what that is compiled to. NULL when it is too large. */
static const struct program *program_of(const struct expression *open)
{
	static const struct program yes = {NULL, 0, PROGRAM_YES};
	return open->kind == EXPRESSION_ALWAYS ? &yes : open->program;
}

static const struct program *compiled(struct arena *arena, struct expression *open)
{
	if (program_of(open))
		return program_of(open);
	struct program *program = arena_take(arena, sizeof *program);
	if (!program_compile(arena, open, true, program))
		return NULL;
	return open->program = program;
}

/* The place in the joined code of a target of a program that begins at `base`. */
static uint32_t moved(uint32_t target, uint32_t base, uint32_t found, uint32_t next)
{
	return target == PROGRAM_YES ? found : target == PROGRAM_NO ? next : base + target;
}

/* Written from the last rule to the first: what follows is known. */
static void chain(struct bucket *bucket, struct instruction *code, const struct indexed *open, unsigned count)
{
	uint32_t at = 0, next = PROGRAM_NO;
	for (unsigned n = count; n-- > 0;) {
		const struct program *program = program_of(open[n].expression);
		uint32_t found = at++;
		code[found] = (struct instruction){.ask = ASK_RULE, .low = open[n].number, .yes = next, .no = next};
		for (uint32_t i = 0; i < program->count; i++) {
			code[at + i] = program->code[i];
			code[at + i].yes = moved(program->code[i].yes, at, found, next);
			code[at + i].no = moved(program->code[i].no, at, found, next);
		}
		next = moved(program->entry, at, found, next);
		at += program->count;
	}
	*bucket = (struct bucket){code, next};
}

static bool fill(struct arena *arena, struct bucket *bucket, const struct indexed *open, unsigned count, struct rule **too_large)
{
	size_t size = count;
	for (unsigned i = 0; i < count; i++) {
		const struct program *program = compiled(arena, open[i].expression);
		*too_large = open[i].rule;
		if (!program)
			return false;
		size += program->count;
	}
	if (count)
		chain(bucket, arena_take(arena, size * sizeof(struct instruction)), open, count);
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
	struct indexed all[LIMIT_RULES], open[LIMIT_RULES], left[LIMIT_RULES];
	struct rule **numbered = arena_take(arena, (count + 1) * sizeof *numbered);
	for (unsigned i = 0; i < count; i++) {
		numbered[i] = rules[i].rule;
		all[i] = rules[i];
		all[i].number = i;
	}
	index->rules = numbered;
	for (uint8_t protocol = 0; protocol < PROTOCOL_COUNT; protocol++) {
		struct known known = {.count = KNOWN_PROTOCOL + 1, .of = {protocol}};
		unsigned n = reduce(arena, all, count, &known, open);
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
	if (!bucket->code)
		return;
	const struct asked asked = asked_of(event);
	const struct instruction *code = bucket->code;
	for (uint32_t at = bucket->entry; at != PROGRAM_NO;) {
		const struct instruction *i = &code[at];
		bool yes = false;
		if (i->ask == ASK_RULE)
			found(context, index->rules[i->low], event);
		else
			yes = instruction_ask(i, &asked);
		at = yes ? i->yes : i->no;
	}
}
