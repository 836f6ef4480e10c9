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
	case MATCH_NUMBERS:
		return number_among(p, number);
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

void predicate_set_net(struct predicate *p, const struct address *address, unsigned bits)
{
	struct address mask = {{0}};
	for (unsigned i = 0; i < bits; i++)
		mask.bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
	memcpy(p->net.net, address->bytes, sizeof p->net.net);
	memcpy(p->net.mask, mask.bytes, sizeof p->net.mask);
	p->op = MATCH_NET;
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

static bool value_holds(const struct predicate *p, const struct value *value)
{
	switch (p->field->type) {
	case FIELD_ADDRESS:
		if (p->op == MATCH_NET || p->op == MATCH_NETS)
			return p->op == MATCH_NET ? net_has(&p->net, value->address) : net_among(p, value->address);
		char text[ADDRESS_TEXT_MAX];
		unsigned size = address_format(value->address, text);
		return text_holds(p, slice_of(text, size));
	case FIELD_CODES:
		return codes_hold(p, value->text);
	case FIELD_TEXT:
	case FIELD_TEXTS:
	case FIELD_NAME:
	case FIELD_CSTRING:
		return texts_hold(p, &value->texts);
	default:
		return number_holds(p, value->number);
	}
}

bool predicate_holds(const struct predicate *p, const struct event *event)
{
	struct value value;
	if (!field_get(p->field, event, &value))
		return p->op == MATCH_ABSENT;
	switch (p->op) {
	case MATCH_ABSENT:
		return false;
	case MATCH_EXISTS:
		return true;
	case MATCH_SAME:
	case MATCH_TEMPLATE:
	case MATCH_FOREIGN:
		return same_as(p, &value, event);
	case MATCH_ANY:
		for (unsigned i = 0; i < p->count; i++)
			if (value_holds(&p->any[i], &value))
				return true;
		return false;
	default:
		return value_holds(p, &value);
	}
}

bool predicate_holds_for(const struct predicate *p, struct slice text, const struct event *event)
{
	if (p->op < MATCH_TEXT || p->op > MATCH_ANY)
		return predicate_holds(p, event);
	if (p->op != MATCH_ANY)
		return text_holds(p, text);
	for (unsigned i = 0; i < p->count; i++)
		if (text_holds(&p->any[i], text))
			return true;
	return false;
}

/* --- expressions -------------------------------------------------------------------------------------------- */

static struct expression never = {.kind = EXPRESSION_NEVER}, always = {.kind = EXPRESSION_ALWAYS};

/* Can an event of this kind have the field at all? */
static bool may_have(const struct known *known, const struct field *field)
{
	if (field->base == BASE_EVENT && field->offset == offsetof(struct event, reason))
		return known->count <= KNOWN_REASON || known->of[KNOWN_REASON];
	if (field->base != BASE_DETAIL)
		return true;
	return field->protocol == known->of[KNOWN_PROTOCOL] &&
	       (!field->message || known->count <= KNOWN_MESSAGE || field->message == known->of[KNOWN_MESSAGE]);
}

/* The number of the field in events of this kind, if it is known. */
static bool known_number(const struct known *known, const struct field *field, uint64_t *number)
{
	static const struct { enum knowledge what; enum field_base base; uint16_t offset; } numbers[] = {
		{KNOWN_PROTOCOL, BASE_EVENT, offsetof(struct event, protocol)},
		{KNOWN_ACTION, BASE_EVENT, offsetof(struct event, action)},
		{KNOWN_DIRECTION, BASE_EVENT, offsetof(struct event, direction)},
		{KNOWN_OUTCOME, BASE_EVENT, offsetof(struct event, outcome)},
		{KNOWN_USED, BASE_SESSION, offsetof(struct session, used)}};
	for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (field->base == numbers[i].base && field->offset == numbers[i].offset && known->count > numbers[i].what) {
			*number = known->of[numbers[i].what];
			return true;
		}
	return false;
}

static struct expression *reduce_predicate(struct expression *e, const struct known *known)
{
	const struct predicate *p = &e->predicate;
	uint64_t number;
	if (!may_have(known, p->field) || (p->other && !may_have(known, p->other)))
		return p->op == MATCH_ABSENT ? &always : &never;
	if (p->op >= MATCH_SAME || !known_number(known, p->field, &number))
		return e;
	bool holds = p->op == MATCH_EXISTS || number_holds(p, number);
	for (unsigned i = 0; p->op == MATCH_ANY && i < p->count; i++)
		holds = holds || number_holds(&p->any[i], number);
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
	bool changed = false;
	enum expression_kind ends = e->kind == EXPRESSION_AND ? EXPRESSION_NEVER : EXPRESSION_ALWAYS;
	for (unsigned i = 0; i < e->count; i++) {
		struct expression *part = expression_reduce(arena, e->parts[i], known);
		changed = changed || part != e->parts[i];
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
	if (!changed)
		return e;
	struct expression *reduced = arena_take(arena, sizeof *reduced);
	reduced->kind = e->kind;
	reduced->count = count;
	reduced->parts = arena_take(arena, count * sizeof *reduced->parts);
	memcpy(reduced->parts, parts, count * sizeof *parts);
	return reduced;
}

/* --- alternatives ------------------------------------------------------------------------------------------- */

/* In OR, predicates on one field become one predicate: its value is fetched once, and what is alike is looked for together. */

static bool is_plain_text(const struct predicate *p)
{
	bool text = p->field->type == FIELD_TEXT || p->field->type == FIELD_TEXTS || p->field->type == FIELD_NAME ||
		    p->field->type == FIELD_CSTRING;
	return text && p->text.size && p->op >= MATCH_TEXT && p->op <= MATCH_CONTAINS;
}

static bool may_join(const struct predicate *p)
{
	return p->op > MATCH_ABSENT && p->op < MATCH_ANY;
}

static unsigned or_width(const struct expression *e)
{
	unsigned width = 0;
	for (unsigned i = 0; i < e->count; i++)
		width += e->parts[i]->kind == EXPRESSION_OR ? or_width(e->parts[i]) : 1;
	return width;
}

static unsigned flatten(struct expression *e, struct expression **out, unsigned n)
{
	for (unsigned i = 0; i < e->count; i++)
		if (e->parts[i]->kind == EXPRESSION_OR)
			n = flatten(e->parts[i], out, n);
		else
			out[n++] = e->parts[i];
	return n;
}

static struct expression *predicate_of(struct arena *arena, struct predicate predicate)
{
	struct expression *e = arena_take(arena, sizeof *e);
	*e = (struct expression){.kind = EXPRESSION_PREDICATE, .predicate = predicate};
	return e;
}

/* How many plain texts a predicate has: it may be a set already, of alternatives that were joined before. */
static unsigned texts_of(const struct predicate *p, bool cased)
{
	if (p->op == MATCH_TEXTS)
		return p->texts->cased == cased ? text_set_count(p->texts) : 0;
	return is_plain_text(p) && p->cased == cased;
}

/* Makes the plain texts of `list` one set for either case; what is left of the list stays. */
static unsigned collect_texts(struct arena *arena, struct predicate *list, unsigned count, bool cased)
{
	struct predicate set = {.op = MATCH_TEXTS, .cased = cased, .field = list[0].field};
	unsigned plain = 0, left = 0;
	for (unsigned i = 0; i < count; i++)
		plain += texts_of(&list[i], cased);
	if (plain < 2)
		return count;
	struct slice *patterns = arena_take(arena, plain * sizeof *patterns);
	enum text_op *ops = arena_take(arena, plain * sizeof *ops);
	plain = 0;
	for (unsigned i = 0; i < count; i++) {
		const struct predicate *p = &list[i];
		if (!texts_of(p, cased)) {
			list[left++] = *p;
		} else if (p->op == MATCH_TEXTS) {
			plain += text_set_list(p->texts, patterns + plain, ops + plain);
		} else {
			patterns[plain] = p->text;
			ops[plain++] = (enum text_op)(p->op - MATCH_TEXT);
		}
	}
	set.texts = text_set_new(arena, cased, patterns, ops, plain);
	list[left++] = set;
	return left;
}

/* The same for numbers and networks. */
static unsigned collect_like(struct arena *arena, struct predicate *list, unsigned count, enum match_op one, enum match_op many)
{
	uint64_t *numbers = arena_take(arena, count * sizeof *numbers);
	struct net *nets = arena_take(arena, count * sizeof *nets);
	struct predicate set = {.op = many, .field = list[0].field, .numbers = numbers, .nets = nets};
	unsigned left = 0;
	for (unsigned i = 0; i < count; i++)
		set.count += list[i].op == one;
	if (set.count < 2)
		return count;
	set.count = 0;
	for (unsigned i = 0; i < count; i++) {
		if (list[i].op != one) {
			list[left++] = list[i];
			continue;
		}
		numbers[set.count] = list[i].number;
		nets[set.count++] = list[i].net;
	}
	list[left++] = set;
	return left;
}

/* The predicates of `parts` on the field of the first, taken out of them and made one. */
static struct expression *join_field(struct arena *arena, struct expression **parts, unsigned count)
{
	const struct field *field = parts[0]->predicate.field;
	struct predicate *list = arena_take(arena, count * sizeof *list);
	unsigned n = 0;
	for (unsigned i = 0; i < count; i++)
		if (parts[i] && parts[i]->kind == EXPRESSION_PREDICATE && parts[i]->predicate.field == field &&
		    may_join(&parts[i]->predicate)) {
			list[n++] = parts[i]->predicate;
			parts[i] = NULL;
		}
	n = collect_texts(arena, list, n, false);
	n = collect_texts(arena, list, n, true);
	n = collect_like(arena, list, n, MATCH_NUMBER, MATCH_NUMBERS);
	n = collect_like(arena, list, n, MATCH_NET, MATCH_NETS);
	if (n == 1)
		return predicate_of(arena, list[0]);
	return predicate_of(arena, (struct predicate){.field = field, .op = MATCH_ANY, .any = list, .count = n});
}

struct expression *expression_join(struct arena *arena, struct expression *e)
{
	if (e->kind <= EXPRESSION_PREDICATE)
		return e;
	bool any = e->kind == EXPRESSION_OR;
	unsigned n = any ? or_width(e) : e->count, count = 0;
	struct expression **parts = arena_take(arena, (n + 1) * sizeof *parts);
	struct expression *joined = arena_take(arena, sizeof *joined);
	if (any)
		flatten(e, parts, 0);
	else
		memcpy(parts, e->parts, n * sizeof *parts);
	for (unsigned i = 0; i < n; i++) {
		struct expression *part = parts[i];
		if (!part)
			continue;
		if (any && part->kind == EXPRESSION_PREDICATE && may_join(&part->predicate))
			parts[count++] = join_field(arena, parts + i, n - i);
		else
			parts[count++] = expression_join(arena, part);
	}
	if (any && count == 1)
		return parts[0];
	*joined = (struct expression){.kind = e->kind, .count = count, .parts = parts};
	return joined;
}
