#include "match.h"
#include "arena.h"
#include "regex.h"
#include "text_match.h"
#include <stddef.h>

static bool text_holds(const struct predicate *p, struct slice text)
{
	uint32_t n = p->text.size;
	switch (p->op) {
	case MATCH_TEXT:
		return text.size == n && text_same(text.at, p->text.at, n, p->cased);
	case MATCH_STARTS:
		return text.size >= n && text_same(text.at, p->text.at, n, p->cased);
	case MATCH_ENDS:
		return text.size >= n && text_same(text.at + text.size - n, p->text.at, n, p->cased);
	case MATCH_CONTAINS:
		return text_contains(text, p->text, p->cased);
	case MATCH_GLOB:
		return text_glob(text, p->text, p->cased);
	case MATCH_TEXTS:
		return text_set_holds(p->texts, text);
	case MATCH_REGEX:
		return regex_matches(p->regex, text);
	default:
		return false;
	}
}

/* --- numbers and addresses ---------------------------------------------------------------------------------- */

static bool number_holds(const struct predicate *p, uint64_t number)
{
	switch (p->op) {
	case MATCH_NUMBER:
		return number == p->number;
	case MATCH_NEQ:
		return number != p->number;
	case MATCH_GT:
		return number > p->number;
	case MATCH_GTE:
		return number >= p->number;
	case MATCH_LT:
		return number < p->number;
	case MATCH_LTE:
		return number <= p->number;
	default:
		return false;
	}
}

static bool in_net(const struct address *address, const struct address *net, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	if (memcmp(address->bytes, net->bytes, whole) != 0)
		return false;
	return rest == 0 || (address->bytes[whole] ^ net->bytes[whole]) >> (8 - rest) == 0;
}

static bool codes_hold(const struct predicate *p, struct slice codes)
{
	for (uint32_t i = 0; i < codes.size; i++)
		if (number_holds(p, codes.at[i]))
			return true;
	return false;
}

/* A name that was cut (event.h) is known by its head only. */
static struct slice known_part(const struct predicate *p, struct slice name)
{
	enum { CUT = LIMIT_NAME - 2, HEAD = CUT - 9 };
	bool cut = p->other->type == FIELD_NAME && name.size == CUT && name.at[HEAD] == '~';
	return cut ? slice_head(name, HEAD) : name;
}

/* An empty text is no part of any. */
static bool relates(const struct predicate *p, struct slice text, struct slice other)
{
	struct slice part = known_part(p, other);
	switch (p->how) {
	case MATCH_STARTS:
		return part.size && text.size >= part.size && text_same(text.at, part.at, part.size, true);
	case MATCH_ENDS:
		return other.size && text.size >= other.size && text_same(text.at + text.size - other.size, other.at, other.size, true);
	case MATCH_CONTAINS:
		return part.size && text_contains(text, part, true);
	default:
		return slice_equal(text, other);
	}
}

static struct slice first_level(struct slice text)
{
	const uint8_t *slash = text.size ? memchr(text.at, '/', text.size) : NULL;
	return slash ? slice_head(text, (uint32_t)(slash - text.at)) : text;
}

/* Does `text` fit the template, and does `name` stand in its place? A name with slashes stands there with all its levels or
 * with its first one (a module of a device: "device/module"). */
static bool template_holds(const struct predicate *p, struct slice text, struct slice name)
{
	uint32_t n = p->text.size;
	if (text.size < n || !text_same(text.at, p->text.at, n, p->cased))
		return false;
	text = slice_of(text.at + n, text.size - n);
	struct slice level = first_level(text), own = slice_head(text, name.size);
	struct name cut;
	bool there = name.size && text_equal(own, name, p->cased) && (own.size == text.size || text.at[own.size] == '/');
	if (there) {
		level = own;
	} else if (p->other->type == FIELD_NAME && level.size > sizeof cut.text) {
		name_set(&cut, level);
		there = text_equal(name_slice(&cut), name, p->cased);
	} else {
		there = level.size && text_equal(level, first_level(name), p->cased);
	}
	return there == (p->op == MATCH_TEMPLATE) && text_glob(slice_of(text.at + level.size, text.size - level.size), p->rest, p->cased);
}

/* Fields of the same kind: the loader lets no others come together. */
static bool same_as(const struct predicate *p, const struct value *a, const struct event *event)
{
	struct value b;
	if (!field_get(p->other, event, &b))
		return false;
	switch (p->field->type) {
	case FIELD_ADDRESS:
		return address_equal(a->address, b.address);
	case FIELD_TEXT:
	case FIELD_TEXTS:
	case FIELD_CODES:
	case FIELD_NAME:
	case FIELD_CSTRING:
		for (uint32_t i = 0; i < a->texts.count; i++)
			for (uint32_t j = 0; j < b.texts.count; j++)
				if (p->op == MATCH_SAME ? relates(p, a->texts.items[i], b.texts.items[j])
							: template_holds(p, a->texts.items[i], b.texts.items[j]))
					return true;
		return false;
	default:
		return a->number == b.number;
	}
}

static bool texts_hold(const struct predicate *p, const struct slices *texts)
{
	for (uint32_t i = 0; i < texts->count; i++)
		if (text_holds(p, texts->items[i]))
			return true;
	return false;
}

bool predicate_holds(const struct predicate *p, const struct event *event)
{
	struct value value;
	if (!field_get(p->field, event, &value))
		return p->op == MATCH_ABSENT;
	if (p->op <= MATCH_ABSENT)
		return p->op == MATCH_EXISTS;
	if (p->op >= MATCH_SAME)
		return same_as(p, &value, event);
	switch (p->field->type) {
	case FIELD_ADDRESS:
		if (p->op == MATCH_NET)
			return in_net(value.address, &p->net, p->bits);
		char text[ADDRESS_TEXT_MAX];
		unsigned size = address_format(value.address, text);
		return text_holds(p, slice_of(text, size));
	case FIELD_CODES:
		return codes_hold(p, value.text);
	case FIELD_TEXT:
	case FIELD_TEXTS:
	case FIELD_NAME:
	case FIELD_CSTRING:
		return texts_hold(p, &value.texts);
	default:
		return number_holds(p, value.number);
	}
}

/* --- expressions -------------------------------------------------------------------------------------------- */

/* MATCH_TEXT to MATCH_CONTAINS, and a pattern that a set can hold. */
static bool may_gather(const struct expression *e, const struct expression *with)
{
	const struct predicate *p = &e->predicate;
	return e->kind == EXPRESSION_PREDICATE && p->op >= MATCH_TEXT && p->op <= MATCH_CONTAINS && p->text.size &&
	       p->field == with->predicate.field && p->cased == with->predicate.cased && p->field->type != FIELD_ADDRESS;
}

void expression_gather(struct arena *arena, struct expression *any)
{
	enum { FEWEST = 4 };
	unsigned first = 0, count = 0, kept = 0;
	while (first < any->count && !may_gather(any->parts[first], any->parts[first]))
		first++;
	for (unsigned i = first; i < any->count; i++)
		count += may_gather(any->parts[i], any->parts[first]);
	if (any->kind != EXPRESSION_OR || count < FEWEST)
		return;
	struct slice *patterns = arena_take(arena, count * sizeof *patterns);
	enum text_op *ops = arena_take(arena, count * sizeof *ops);
	struct expression *set = any->parts[first];
	count = 0;
	for (unsigned i = 0; i < any->count; i++) {
		struct expression *part = any->parts[i];
		if (i >= first && may_gather(part, set)) {
			patterns[count] = part->predicate.text;
			ops[count++] = (enum text_op)(part->predicate.op - MATCH_TEXT);
		} else {
			any->parts[kept++] = part;
		}
	}
	struct expression *one = arena_take(arena, sizeof *one);
	one->kind = EXPRESSION_PREDICATE;
	one->predicate = (struct predicate){.field = set->predicate.field, .op = MATCH_TEXTS, .cased = set->predicate.cased,
					    .texts = text_set_new(arena, set->predicate.cased, patterns, ops, count)};
	any->parts[kept++] = one;
	any->count = kept;
}

static struct expression never = {.kind = EXPRESSION_NEVER}, always = {.kind = EXPRESSION_ALWAYS};

/* Can an event of this kind have the field at all? */
static bool may_have(const struct known *known, const struct field *field)
{
	if (field->base != BASE_DETAIL)
		return true;
	return field->protocol == known->protocol && (!field->message || field->message == known->message);
}

static struct expression *reduce_predicate(struct expression *e, const struct known *known)
{
	const struct predicate *p = &e->predicate;
	if (!may_have(known, p->field) || (p->other && !may_have(known, p->other)))
		return p->op == MATCH_ABSENT ? &always : &never;
	if (p->field->base != BASE_EVENT || p->op >= MATCH_SAME)
		return e;
	uint64_t number;
	if (p->field->offset == offsetof(struct event, protocol))
		number = known->protocol;
	else if (p->field->offset == offsetof(struct event, action))
		number = known->action;
	else
		return e;
	bool holds = p->op == MATCH_EXISTS || number_holds(p, number);
	return holds ? &always : &never;
}

struct expression *expression_reduce(struct arena *arena, struct expression *e, const struct known *known)
{
	if (e->kind == EXPRESSION_PREDICATE)
		return reduce_predicate(e, known);
	if (e->kind == EXPRESSION_NEVER || e->kind == EXPRESSION_ALWAYS)
		return e;
	struct expression *parts[256];
	unsigned count = 0;
	enum expression_kind ends = e->kind == EXPRESSION_AND ? EXPRESSION_NEVER : EXPRESSION_ALWAYS;
	for (unsigned i = 0; i < e->count; i++) {
		struct expression *part = expression_reduce(arena, e->parts[i], known);
		if (e->kind == EXPRESSION_NOT && part->kind <= EXPRESSION_ALWAYS)
			return part->kind == EXPRESSION_NEVER ? &always : &never;
		if (e->kind != EXPRESSION_NOT && part->kind == ends)
			return part;
		if (part->kind > EXPRESSION_ALWAYS) {
			if (count == sizeof parts / sizeof *parts)
				return e; /* too wide to reduce: asked in full */
			parts[count++] = part;
		}
	}
	if (e->kind != EXPRESSION_NOT && count <= 1)
		return count ? parts[0] : ends == EXPRESSION_NEVER ? &always : &never;
	struct expression *reduced = arena_take(arena, sizeof *reduced);
	reduced->kind = e->kind;
	reduced->count = count;
	reduced->parts = arena_take(arena, count * sizeof *reduced->parts);
	memcpy(reduced->parts, parts, count * sizeof *parts);
	return reduced;
}

/* --- branch code -------------------------------------------------------------------------------------------- */

static unsigned cost(const struct expression *e)
{
	unsigned sum = 0;
	if (e->kind == EXPRESSION_PREDICATE) {
		enum match_op op = e->predicate.op;
		bool number = e->predicate.field->type < FIELD_TEXT || e->predicate.field->type == FIELD_ENUM ||
			      e->predicate.field->type == FIELD_SECRET;
		if (op == MATCH_REGEX)
			return 40;
		if (op == MATCH_GLOB || op == MATCH_CONTAINS || op >= MATCH_SAME)
			return 12;
		return number || op <= MATCH_ABSENT ? 1 : 4;
	}
	for (unsigned i = 0; i < e->count; i++)
		sum += cost(e->parts[i]);
	return sum;
}

static unsigned size_of(const struct expression *e)
{
	unsigned sum = e->kind == EXPRESSION_PREDICATE;
	for (unsigned i = 0; i < e->count; i++)
		sum += size_of(e->parts[i]);
	return sum;
}

/* Stable: rules keep the order that was written where the cost is equal. */
static void sort_by_cost(struct expression *e)
{
	for (unsigned i = 1; i < e->count; i++) {
		struct expression *part = e->parts[i];
		unsigned j = i, price = cost(part);
		for (; j > 0 && cost(e->parts[j - 1]) > price; j--)
			e->parts[j] = e->parts[j - 1];
		e->parts[j] = part;
	}
}

struct assembly {
	struct instruction *code;
	uint16_t count;
};

/* Written from the end, so that the target of every branch is known. Returns the entry. */
static uint16_t assemble(struct assembly *a, struct expression *e, uint16_t yes, uint16_t no)
{
	switch (e->kind) {
	case EXPRESSION_NEVER:
		return no;
	case EXPRESSION_ALWAYS:
		return yes;
	case EXPRESSION_PREDICATE:
		a->code[a->count] = (struct instruction){&e->predicate, yes, no};
		return a->count++;
	case EXPRESSION_NOT:
		return assemble(a, e->parts[0], no, yes);
	default:
		break;
	}
	bool and = e->kind == EXPRESSION_AND;
	uint16_t entry = and ? yes : no;
	sort_by_cost(e);
	for (unsigned i = e->count; i-- > 0;)
		entry = and ? assemble(a, e->parts[i], entry, no) : assemble(a, e->parts[i], yes, entry);
	return entry;
}

bool program_compile(struct arena *arena, struct expression *expression, struct program *out)
{
	unsigned size = size_of(expression);
	if (size >= PROGRAM_NO)
		return false;
	struct assembly assembly = {arena_take(arena, (size + 1) * sizeof *assembly.code), 0};
	out->entry = assemble(&assembly, expression, PROGRAM_YES, PROGRAM_NO);
	out->code = assembly.code;
	return true;
}
