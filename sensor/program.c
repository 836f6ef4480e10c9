#include "program.h"
#include "arena.h"

enum { SIZE_LIMIT = 65533 };

static unsigned cost(const struct expression *e)
{
	unsigned sum = 0;
	if (e->kind == EXPRESSION_PREDICATE) {
		enum match_op op = e->predicate.op;
		bool number = e->predicate.field->type < FIELD_TEXT || e->predicate.field->type == FIELD_ENUM ||
			      e->predicate.field->type == FIELD_SECRET;
		if (op == MATCH_REGEX || op == MATCH_ANY || op == MATCH_NUMBERS)
			return number ? 3 : 40;
		if (op == MATCH_GLOB || op == MATCH_CONTAINS || op == MATCH_TEXTS || op >= MATCH_SAME)
			return 12;
		return number || op <= MATCH_ABSENT ? 1 : 4;
	}
	for (unsigned i = 0; i < e->count; i++)
		sum += cost(e->parts[i]);
	return sum;
}

/* An instruction for each predicate, and perhaps one before alternatives. */
static unsigned size_of(const struct expression *e)
{
	unsigned sum = e->kind == EXPRESSION_PREDICATE || e->kind == EXPRESSION_OR;
	for (unsigned i = 0; i < e->count; i++)
		sum += size_of(e->parts[i]);
	return sum;
}

struct assembly {
	struct instruction *code;
	uint32_t count;
	bool kind_known;
};

static void place_numbers(struct instruction *i, const struct predicate *p)
{
	bool exact = p->field->type != FIELD_U16 && p->field->type != FIELD_U32 && p->field->type != FIELD_U64;
	for (unsigned n = 0; n < p->count; n++) {
		exact = exact && p->numbers[n] < 64;
		i->low |= 1ull << (p->numbers[n] & 63);
		i->span |= 1ull << (p->numbers[n] >> 6 & 63);
	}
	i->predicate = exact ? NULL : p;
}

/* A number that is in a range, or one of several. What nothing can hold for is left to predicate_holds(). */
static void place_number(struct instruction *i, const struct predicate *p, enum ask width)
{
	uint64_t low = p->op == MATCH_GT ? p->number + 1 : p->op == MATCH_LT || p->op == MATCH_LTE ? 0 : p->number;
	uint64_t high = p->op == MATCH_NUMBER || p->op == MATCH_LTE ? p->number : p->op == MATCH_LT ? p->number - 1 : UINT64_MAX;
	bool zero = p->op == MATCH_NUMBERS ? number_among(p, 0) : !low;
	if (p->field->base == BASE_ENDS && zero) /* a port that is 0 is none: field_get() knows when */
		return;
	if (p->op == MATCH_NUMBERS) {
		place_numbers(i, p);
		i->ask = (uint8_t)(width + ASK_U8_SET - ASK_U8);
		return;
	}
	bool nothing = (p->op == MATCH_GT && !low) || (p->op == MATCH_LT && !p->number);
	if (p->op < MATCH_NUMBER || p->op > MATCH_LTE || nothing)
		return;
	i->ask = (uint8_t)width;
	i->low = low;
	i->span = high - low;
}

/* What holds begins with `text`, or has it somewhere. */
static void place_text(struct instruction *i, const struct predicate *p)
{
	bool begins = p->op == MATCH_TEXT || p->op == MATCH_STARTS || p->op == MATCH_TEMPLATE || p->op == MATCH_FOREIGN;
	i->ask = p->field->type == FIELD_TEXT ? ASK_TEXT : ASK_TEXTS;
	if (p->op == MATCH_TEXTS)
		i->ask = p->field->type == FIELD_TEXT ? ASK_TEXT_SET : ASK_TEXTS_SET;
	if (!p->text.size || !(begins || p->op == MATCH_ENDS || p->op == MATCH_CONTAINS))
		return;
	i->first = begins ? p->text.at[0] : 0;
	i->least = (uint8_t)(p->text.size < UINT8_MAX ? p->text.size : UINT8_MAX);
}

static struct instruction place(const struct predicate *p, bool kind_known)
{
	static const uint8_t widths[] = {[FIELD_U8] = ASK_U8, [FIELD_BOOL] = ASK_U8, [FIELD_ENUM] = ASK_U8, [FIELD_U16] = ASK_U16,
					 [FIELD_U32] = ASK_U32, [FIELD_U64] = ASK_U64};
	const struct field *field = p->field;
	/* What is left to predicate_holds() must not fail here: the event itself is always there. */
	struct instruction i = {.predicate = p, .ask = ASK_PREDICATE, .base = BASE_EVENT, .word = PRESENT_BASE, .bit = BASE_EVENT};
	enum ask width = field->type < sizeof widths ? widths[field->type] : ASK_PREDICATE;
	if (field->base == BASE_DETAIL && !kind_known)
		return i;
	if (width && (p->op == MATCH_EXISTS || p->op == MATCH_ABSENT) && field->base != BASE_ENDS)
		i.ask = ASK_PRESENT;
	else if (width)
		place_number(&i, p, width);
	else if (field->type == FIELD_ADDRESS && p->op <= MATCH_ABSENT)
		i.ask = ASK_ADDRESS;
	else if (field->type == FIELD_ADDRESS && p->op == MATCH_NETS)
		i.ask = ASK_NETS;
	else if ((field->type == FIELD_TEXT || field->type == FIELD_TEXTS) && p->op != MATCH_ABSENT)
		place_text(&i, p);
	if (i.ask == ASK_PREDICATE)
		return i;
	i.base = (uint8_t)field->base;
	i.offset = field->offset;
	i.word = field->bit == FIELD_ALWAYS ? PRESENT_BASE : field->bit >> 6;
	i.bit = (uint8_t)(field->bit == FIELD_ALWAYS ? field->base : field->bit & 63u);
	return i;
}

/* Begins every event for which `e` holds with one of a few characters in the text(s) of one field? Adds them to `first`. */
static bool begins(const struct expression *e, const struct predicate **of, uint64_t *first)
{
	bool any = e->kind == EXPRESSION_AND, all = e->kind == EXPRESSION_OR;
	struct instruction i;
	if (e->kind == EXPRESSION_PREDICATE) {
		i = place(&e->predicate, true);
		if (i.ask != ASK_TEXTS || !i.first || (*of && (*of)->field != e->predicate.field))
			return false;
		*of = &e->predicate;
		*first |= 1ull << ((i.first | 0x20) & 63);
		return true;
	}
	for (unsigned n = 0; n < e->count && (any || all); n++) {
		bool one = begins(e->parts[n], of, first);
		if (any && one)
			return true;
		all = all && one;
	}
	return all && e->count;
}

/* What comes before alternatives, see assemble_first(), is cheap and settles nearly all of them. */
static unsigned price_of(const struct expression *e)
{
	const struct predicate *of = NULL;
	uint64_t first = 0;
	return e->kind == EXPRESSION_OR && begins(e, &of, &first) ? 2 : cost(e);
}

/* Stable: rules keep the order that was written where the cost is equal. */
static void sort_by_cost(struct expression *e)
{
	for (unsigned i = 1; i < e->count; i++) {
		struct expression *part = e->parts[i];
		unsigned j = i, price = price_of(part);
		for (; j > 0 && price_of(e->parts[j - 1]) > price; j--)
			e->parts[j] = e->parts[j - 1];
		e->parts[j] = part;
	}
}

/* One question before several that have the same answer. */
static uint32_t assemble_first(struct assembly *a, const struct expression *e, uint32_t entry, uint32_t no)
{
	const struct predicate *of = NULL;
	uint64_t first = 0;
	if (!a->kind_known || e->kind != EXPRESSION_OR || !begins(e, &of, &first))
		return entry;
	struct instruction i = place(of, true);
	i.ask = ASK_FIRST;
	i.span = first;
	i.yes = entry;
	i.no = no;
	a->code[a->count] = i;
	return a->count++;
}

/* Written from the end, so that the target of every branch is known. Returns the entry. */
static uint32_t assemble(struct assembly *a, struct expression *e, uint32_t yes, uint32_t no)
{
	bool absent;
	switch (e->kind) {
	case EXPRESSION_NEVER:
		return no;
	case EXPRESSION_ALWAYS:
		return yes;
	case EXPRESSION_PREDICATE:
		a->code[a->count] = place(&e->predicate, a->kind_known);
		absent = e->predicate.op == MATCH_ABSENT && a->code[a->count].ask != ASK_PREDICATE;
		a->code[a->count].yes = absent ? no : yes;
		a->code[a->count].no = absent ? yes : no;
		return a->count++;
	case EXPRESSION_NOT:
		return assemble(a, e->parts[0], no, yes);
	default:
		break;
	}
	bool and = e->kind == EXPRESSION_AND;
	uint32_t entry = and ? yes : no;
	sort_by_cost(e);
	for (unsigned i = e->count; i-- > 0;)
		entry = and ? assemble(a, e->parts[i], entry, no) : assemble(a, e->parts[i], yes, entry);
	return assemble_first(a, e, entry, no);
}

bool program_compile(struct arena *arena, struct expression *expression, bool kind_known, struct program *out)
{
	expression = expression_join(arena, expression);
	unsigned size = size_of(expression);
	if (size > SIZE_LIMIT)
		return false;
	struct assembly assembly = {arena_take(arena, (size + 1) * sizeof *assembly.code), 0, kind_known};
	out->entry = assemble(&assembly, expression, PROGRAM_YES, PROGRAM_NO);
	out->code = assembly.code;
	out->count = assembly.count;
	return true;
}
