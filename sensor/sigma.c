#include "sigma.h"
#include "digest.h"
#include "log.h"
#include "regex.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

void sigma_fault(struct sigma *s, const struct yaml_node *at, const char *format, ...)
{
	va_list arguments;
	s->faults++;
	fprintf(s->options->faults, "%s:%u:%u: ", s->path, at ? at->line : 1, at ? at->column : 1);
	va_start(arguments, format);
	vfprintf(s->options->faults, format, arguments);
	va_end(arguments);
	fputc('\n', s->options->faults);
}

struct expression *sigma_node(struct sigma *s, enum expression_kind kind, unsigned room)
{
	struct expression *e = arena_take(s->arena, sizeof *e);
	e->kind = kind;
	e->parts = arena_take(s->arena, (room + 1) * sizeof *e->parts);
	return e;
}

void sigma_join(struct expression *e, struct expression *part)
{
	if (part)
		e->parts[e->count++] = part;
}

const struct field *sigma_field(struct sigma *s, const struct yaml_node *at, const char *name)
{
	const struct field *field = rules_field(name);
	if (field)
		return field;
	const char *near = log_nearest(name, rules_field_names());
	if (near)
		sigma_fault(s, at, "unknown field %s; did you mean %s?", name, near);
	else
		sigma_fault(s, at, "unknown field %s; see thingwarden rules fields", name);
	return NULL;
}

bool sigma_timespan(const char *text, uint64_t *out_ns)
{
	static const struct { char unit; uint64_t seconds; } units[] = {
		{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}, {'M', 2592000}, {'y', 31536000}};
	char *end;
	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || errno || number == 0 || number > 1000000 || !end[0] || end[1])
		return false;
	for (unsigned i = 0; i < sizeof units / sizeof *units; i++)
		if (units[i].unit == *end) {
			*out_ns = number * units[i].seconds * TW_SECOND;
			return true;
		}
	return false;
}

/* --- a value and its modifiers ------------------------------------------------------------------------------ */

enum modifier {
	MOD_CONTAINS = 1 << 0, MOD_STARTSWITH = 1 << 1, MOD_ENDSWITH = 1 << 2, MOD_ALL = 1 << 3, MOD_CASED = 1 << 4,
	MOD_EXISTS = 1 << 5, MOD_RE = 1 << 6, MOD_CIDR = 1 << 7, MOD_GT = 1 << 8, MOD_GTE = 1 << 9, MOD_LT = 1 << 10,
	MOD_LTE = 1 << 11, MOD_NEQ = 1 << 12, MOD_FIELDREF = 1 << 13, MOD_BASE64 = 1 << 14, MOD_EXPAND = 1 << 15,
	MOD_I = 1 << 16, MOD_M = 1 << 17, MOD_S = 1 << 18, MOD_BASE64OFFSET = 1 << 19, MOD_FOREIGN = 1 << 20
};

static const char *const modifier_names[] = {"contains", "startswith", "endswith", "all", "cased", "exists", "re", "cidr",
	"gt", "gte", "lt", "lte", "neq", "fieldref", "base64", "expand", "i", "m", "s", "base64offset", "foreign", NULL};

static bool is_number_type(enum field_type type)
{
	return type <= FIELD_U64 || type == FIELD_TIME || type == FIELD_CODES;
}

static bool is_text_type(enum field_type type)
{
	return type == FIELD_TEXT || type == FIELD_TEXTS || type == FIELD_NAME || type == FIELD_CSTRING;
}

struct item {
	struct sigma *sigma;
	const struct field *field;
	unsigned modifiers;
	const struct yaml_node *at; /* the key */
};

static struct expression *leaf(struct item *item, struct predicate predicate)
{
	struct expression *e = sigma_node(item->sigma, EXPRESSION_PREDICATE, 0);
	predicate.field = item->field;
	predicate.cased = item->modifiers & MOD_CASED;
	e->predicate = predicate;
	return e;
}

static struct expression *number_leaf(struct item *item, const struct yaml_node *at, const char *text)
{
	static const struct { unsigned modifier; enum match_op op; } ops[] = {{MOD_GT, MATCH_GT}, {MOD_GTE, MATCH_GTE},
		{MOD_LT, MATCH_LT}, {MOD_LTE, MATCH_LTE}, {MOD_NEQ, MATCH_NEQ}};
	char *end;
	errno = 0;
	unsigned long long number = strtoull(text, &end, 0);
	if (errno || *end || !isdigit((unsigned char)text[0])) {
		sigma_fault(item->sigma, at, "%s is a number; \"%s\" is none", item->field->name, text);
		return NULL;
	}
	struct predicate p = {.op = MATCH_NUMBER, .number = number};
	for (unsigned i = 0; i < sizeof ops / sizeof *ops; i++)
		if (item->modifiers & ops[i].modifier)
			p.op = ops[i].op;
	return leaf(item, p);
}

static struct expression *bool_leaf(struct item *item, const struct yaml_node *at, const char *text)
{
	bool yes = strcasecmp(text, "true") == 0, no = strcasecmp(text, "false") == 0;
	if (!yes && !no) {
		sigma_fault(item->sigma, at, "%s is true or false, not \"%s\"", item->field->name, text);
		return NULL;
	}
	return leaf(item, (struct predicate){.op = item->modifiers & MOD_NEQ ? MATCH_NEQ : MATCH_NUMBER, .number = yes});
}

static struct expression *enum_leaf(struct item *item, const struct yaml_node *at, const char *text)
{
	const char *names[64];
	unsigned count = 0;
	for (; count < 63 && item->field->enum_name(count); count++)
		names[count] = item->field->enum_name(count);
	names[count] = NULL;
	for (unsigned i = 0; i < count; i++)
		if (strcasecmp(names[i], text) == 0)
			return leaf(item, (struct predicate){
				.op = item->modifiers & MOD_NEQ ? MATCH_NEQ : MATCH_NUMBER, .number = i});
	char valid[512] = "";
	for (unsigned i = 0; i < count; i++)
		snprintf(valid + strlen(valid), sizeof valid - strlen(valid), "%s%s", i ? ", " : "", names[i]);
	sigma_fault(item->sigma, at, "%s is never \"%s\"; valid: %s", item->field->name, text, valid);
	return NULL;
}

static bool read_net(const char *text, struct predicate *p)
{
	struct address net;
	unsigned bits;
	if (!address_parse_network(text, &net, &bits))
		return false;
	predicate_set_net(p, &net, bits);
	return true;
}

static enum match_op part_of(const struct item *item)
{
	return item->modifiers & MOD_CONTAINS ? MATCH_CONTAINS
	       : item->modifiers & MOD_STARTSWITH ? MATCH_STARTS
	       : item->modifiers & MOD_ENDSWITH ? MATCH_ENDS : MATCH_TEXT;
}

/* A text with or without wildcards, and the modifiers that put wildcards around it. */
static struct expression *text_leaf(struct item *item, const char *text)
{
	struct predicate p = {.op = MATCH_TEXT};
	size_t size = strlen(text);
	char *pattern = arena_take(item->sigma->arena, size * 2 + 4), *plain = arena_take(item->sigma->arena, size + 1);
	size_t n = 0, m = 0;
	bool wild = false, head = item->modifiers & (MOD_CONTAINS | MOD_ENDSWITH), tail = item->modifiers & (MOD_CONTAINS | MOD_STARTSWITH);
	if (*text == '*') { /* a star at an end says no more than a modifier would */
		head = true;
		text++;
		size--;
	}
	if (head)
		pattern[n++] = '*';
	for (size_t i = 0; i < size; i++) {
		char c = (item->modifiers & MOD_CASED) ? text[i] : (char)tolower((unsigned char)text[i]);
		bool escaped = text[i] == '\\' && i + 1 < size && strchr("*?\\", text[i + 1]);
		if (c == '*' && i + 1 == size) {
			tail = true;
			break;
		}
		wild = wild || c == '*' || c == '?';
		pattern[n++] = c;
		if (escaped)
			pattern[n++] = c = text[++i];
		plain[m++] = c;
	}
	if (tail)
		pattern[n++] = '*';
	if (wild) {
		p.op = MATCH_GLOB;
		p.text = slice_of(pattern, (uint32_t)n);
	} else {
		p.op = head && tail ? MATCH_CONTAINS : tail ? MATCH_STARTS : head ? MATCH_ENDS : MATCH_TEXT;
		p.text = slice_of(plain, (uint32_t)m);
	}
	return leaf(item, p);
}

static void keep_regex(struct sigma *s, struct regex *regex)
{
	struct regexes *entry = arena_take(s->arena, sizeof *entry);
	entry->regex = regex;
	entry->next = s->regexes;
	s->regexes = entry;
}

static struct expression *regex_leaf(struct item *item, const struct yaml_node *at, const char *text)
{
	char error[160];
	struct regex *regex = regex_compile(text, item->modifiers & MOD_I, item->modifiers & MOD_M, item->modifiers & MOD_S, error);
	if (!regex) {
		sigma_fault(item->sigma, at, "not a regular expression: %s", error);
		return NULL;
	}
	keep_regex(item->sigma, regex);
	return leaf(item, (struct predicate){.op = MATCH_REGEX, .regex = regex});
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The base64 of `text` as it looks behind `offset` other bytes: the characters that only it decides. */
static char *base64(struct sigma *s, const char *text, unsigned offset)
{
	size_t size = strlen(text), n = 0;
	char *out = arena_take(s->arena, (size + offset) * 4 / 3 + 8);
	uint32_t bits = 0, held = 0;
	for (size_t i = 0; i < size + offset; i++) {
		bits = bits << 8 | (i < offset ? 0 : (uint8_t)text[i - offset]);
		for (held += 8; held >= 6; held -= 6)
			out[n++] = base64_digits[bits >> (held - 6) & 63];
	}
	if (offset == 0 && held)
		out[n++] = base64_digits[bits << (6 - held) & 63];
	out[n] = 0;
	return out + (offset == 0 ? 0 : offset + 1);
}

static struct expression *value_leaf(struct item *item, const struct yaml_node *at, const char *text);

static struct expression *base64_leaf(struct item *item, const struct yaml_node *at, const char *text)
{
	struct item plain = *item;
	plain.modifiers &= ~(unsigned)(MOD_BASE64 | MOD_BASE64OFFSET | MOD_NEQ);
	plain.modifiers |= MOD_CASED;
	if (item->modifiers & MOD_BASE64)
		return value_leaf(&plain, at, base64(item->sigma, text, 0));
	struct expression *any = sigma_node(item->sigma, EXPRESSION_OR, 3);
	plain.modifiers |= MOD_CONTAINS;
	for (unsigned offset = 0; offset < 3; offset++)
		sigma_join(any, value_leaf(&plain, at, base64(item->sigma, text, offset)));
	return any;
}

static struct expression *secret_leaf(struct item *item, const struct yaml_node *at, const char *text)
{
	const char *colon = strchr(text, ':');
	uint64_t salt = item->sigma->options->secret_salt;
	bool pair = strcmp(item->field->name, "credential") == 0;
	if (pair && !colon) {
		sigma_fault(item->sigma, at, "%s is written user:password", item->field->name);
		return NULL;
	}
	uint64_t digest = pair ? digest_pair(salt, slice_of(text, (uint32_t)(colon - text)), slice_text(colon + 1))
			       : digest_secret(salt, slice_text(text));
	return leaf(item, (struct predicate){.op = MATCH_NUMBER, .number = digest});
}

/* Numbers of any kind can be the same, addresses, and texts; one kind is never another. */
static unsigned kind_of(enum field_type type)
{
	return type == FIELD_ADDRESS ? 1 : type == FIELD_SECRET ? 2 : type == FIELD_ENUM ? 3 : is_text_type(type) ? 4
	       : type == FIELD_CODES ? 5 : 6;
}

static struct expression *fieldref_leaf(struct item *item, const struct yaml_node *at, const char *text)
{
	struct predicate p = {.op = MATCH_SAME, .other = sigma_field(item->sigma, at, text), .how = part_of(item)};
	if (!p.other)
		return NULL;
	if (kind_of(p.other->type) != kind_of(item->field->type))
		sigma_fault(item->sigma, at, "%s and %s are of different kinds: they are never the same", item->field->name, text);
	else if (p.how != MATCH_TEXT && !is_text_type(item->field->type))
		sigma_fault(item->sigma, at, "contains, startswith and endswith are for texts; %s is none", item->field->name);
	else
		return leaf(item, p);
	return NULL;
}

static struct expression *plain_leaf(struct item *item, const struct yaml_node *at, const char *text)
{
	struct predicate p = {0};
	enum field_type type = item->field->type;
	if (item->modifiers & (MOD_BASE64 | MOD_BASE64OFFSET))
		return base64_leaf(item, at, text);
	if (item->modifiers & MOD_FIELDREF)
		return fieldref_leaf(item, at, text);
	if (item->modifiers & MOD_RE && (is_text_type(type) || type == FIELD_ADDRESS))
		return regex_leaf(item, at, text);
	if (type == FIELD_SECRET)
		return secret_leaf(item, at, text);
	if (is_number_type(type))
		return number_leaf(item, at, text);
	if (type == FIELD_BOOL)
		return bool_leaf(item, at, text);
	if (type == FIELD_ENUM)
		return enum_leaf(item, at, text);
	if (type == FIELD_ADDRESS && (item->modifiers & MOD_CIDR || (!strpbrk(text, "*?") && !(item->modifiers & (MOD_CONTAINS | MOD_STARTSWITH | MOD_ENDSWITH))))) {
		if (read_net(text, &p))
			return leaf(item, p);
		sigma_fault(item->sigma, at, "\"%s\" is neither an address nor a network such as 10.0.0.0/8", text);
		return NULL;
	}
	return text_leaf(item, text);
}

/* neq is the negation of what the value would mean without it; numbers have their own comparison, which an event without the
 * field does not satisfy. */
static struct expression *negated(struct item *item, struct expression *e)
{
	if (!e || !(item->modifiers & MOD_NEQ) || (e->kind == EXPRESSION_PREDICATE && e->predicate.op == MATCH_NEQ))
		return e;
	struct expression *not = sigma_node(item->sigma, EXPRESSION_NOT, 1);
	sigma_join(not, e);
	return not;
}

static struct expression *value_leaf(struct item *item, const struct yaml_node *at, const char *text)
{
	return negated(item, plain_leaf(item, at, text));
}

static bool is_null(const struct yaml_node *node)
{
	return node->kind == YAML_TEXT && !node->quoted &&
	       (strcmp(node->text, "null") == 0 || strcmp(node->text, "~") == 0 || !*node->text);
}

const struct rule_list *sigma_list(struct sigma *s, const struct yaml_node *at, const char *name, size_t size)
{
	const struct rule_options *options = s->options;
	const char *names[256];
	unsigned count = 0;
	for (unsigned i = 0; i < options->list_count; i++) {
		const struct rule_list *list = &options->lists[i];
		if (strlen(list->name) == size && strncmp(list->name, name, size) == 0)
			return list;
		if (count < 255)
			names[count++] = list->name;
	}
	names[count] = NULL;
	const char *bare = arena_text(s->arena, name, size);
	const char *near = log_nearest(bare, names);
	sigma_fault(s, at, "there is no list %%%s%%%s%s%s", bare, near ? "; did you mean %" : "", near ? near : "", near ? "%?" : "");
	return NULL;
}

/* "devices/%client_id%/rest*": a field's name within a value stands for what the event has there, as whole levels of a topic.
 * With |foreign: what has another level in that place. False when there is no placeholder. */
static bool expand_field(struct item *item, const struct yaml_node *value, struct expression **out)
{
	struct sigma *s = item->sigma;
	const char *begin = strchr(value->text, '%'), *end = begin ? strchr(begin + 1, '%') : NULL;
	if (!end || end == begin + 1)
		return false;
	const char *name = arena_text(s->arena, begin + 1, (size_t)(end - begin - 1));
	struct predicate p = {.op = item->modifiers & MOD_FOREIGN ? MATCH_FOREIGN : MATCH_TEMPLATE, .other = sigma_field(s, value, name)};
	char *text = arena_take(s->arena, strlen(value->text) + 1);
	for (size_t i = 0; value->text[i]; i++)
		text[i] = (item->modifiers & MOD_CASED) ? value->text[i] : (char)tolower((unsigned char)value->text[i]);
	p.text = slice_of(text, (uint32_t)(begin - value->text));
	p.rest = slice_text(text + (end + 1 - value->text));
	*out = NULL;
	if (p.other && (!is_text_type(p.other->type) || !is_text_type(item->field->type)))
		sigma_fault(s, value, "%s and %s must both be texts", item->field->name, name);
	else if (strcspn(value->text, "*?\\") < (size_t)(begin - value->text))
		sigma_fault(s, value, "wildcards may only follow the placeholder");
	else if (p.other)
		*out = negated(item, leaf(item, p));
	return true;
}

/* %list% becomes all the list's values; nothing is in a list without values. */
static bool expand(struct item *item, const struct yaml_node *value, struct expression *any)
{
	size_t size = strlen(value->text);
	if (size < 3 || value->text[0] != '%' || value->text[size - 1] != '%')
		return false;
	const struct rule_list *list = sigma_list(item->sigma, value, value->text + 1, size - 2);
	unsigned values = 0;
	while (list && list->values[values])
		values++;
	bool none_of_them = item->modifiers & MOD_NEQ;
	struct expression *all = sigma_node(item->sigma, none_of_them ? EXPRESSION_AND : EXPRESSION_OR, values);
	for (unsigned j = 0; j < values; j++)
		sigma_join(all, value_leaf(item, value, list->values[j]));
	if (!values)
		all->kind = none_of_them ? EXPRESSION_ALWAYS : EXPRESSION_NEVER;
	sigma_join(any, all);
	return true;
}

static struct expression *one_value(struct item *item, const struct yaml_node *value)
{
	if (value->kind != YAML_TEXT) {
		sigma_fault(item->sigma, value, "a value of %s must be a text or a number", item->field->name);
		return NULL;
	}
	if (item->modifiers & MOD_EXISTS) {
		bool yes = strcmp(value->text, "true") == 0 || strcmp(value->text, "yes") == 0;
		if (!yes && strcmp(value->text, "false") != 0 && strcmp(value->text, "no") != 0)
			sigma_fault(item->sigma, value, "exists is true or false, not \"%s\"", value->text);
		return leaf(item, (struct predicate){.op = yes ? MATCH_EXISTS : MATCH_ABSENT});
	}
	if (is_null(value))
		return leaf(item, (struct predicate){.op = MATCH_ABSENT});
	if (item->modifiers & MOD_EXPAND) {
		struct expression *any = sigma_node(item->sigma, EXPRESSION_OR, 1), *one;
		if (expand(item, value, any))
			return any->count ? any->parts[0] : NULL;
		if (expand_field(item, value, &one))
			return one;
	}
	return value_leaf(item, value, value->text);
}

static bool read_modifiers(struct item *item, const char *text)
{
	while (*text) {
		char name[32];
		size_t size = strcspn(text, "|");
		unsigned i = 0;
		snprintf(name, sizeof name, "%.*s", (int)size, text);
		while (modifier_names[i] && strcmp(modifier_names[i], name) != 0)
			i++;
		if (!modifier_names[i]) {
			const char *near = log_nearest(name, modifier_names);
			sigma_fault(item->sigma, item->at, "unknown modifier %s; %s%s", name, near ? "did you mean " : "valid: contains, "
				    "startswith, endswith, all, cased, exists, re, i, m, s, cidr, gt, gte, lt, lte, neq, fieldref, base64, "
				    "base64offset, expand, foreign", near ? near : "");
			return false;
		}
		item->modifiers |= 1u << i;
		text += size + (text[size] == '|');
	}
	if (item->modifiers & MOD_FOREIGN && !(item->modifiers & MOD_EXPAND)) {
		sigma_fault(item->sigma, item->at, "foreign is for templates: %s|expand|foreign: 'devices/%%client_id%%/*'", item->field->name);
		return false;
	}
	unsigned order = MOD_GT | MOD_GTE | MOD_LT | MOD_LTE;
	if (item->modifiers & order && !is_number_type(item->field->type)) {
		sigma_fault(item->sigma, item->at, "%s is no number: gt, gte, lt and lte do not apply", item->field->name);
		return false;
	}
	return true;
}

/* "field|modifier|modifier": value, or a list of values of which one (with |all: each) must hold. */
static struct expression *read_item(struct sigma *s, const struct yaml_node *key, const struct yaml_node *value)
{
	size_t size = strcspn(key->text, "|");
	const char *name = arena_text(s->arena, key->text, size);
	struct item item = {s, sigma_field(s, key, name), 0, key};
	if (!item.field || !read_modifiers(&item, key->text + size + (key->text[size] == '|')))
		return NULL;
	if (value->kind != YAML_LIST)
		return one_value(&item, value);
	struct expression *e = sigma_node(s, item.modifiers & MOD_ALL ? EXPRESSION_AND : EXPRESSION_OR, value->count);
	if (item.modifiers & MOD_NEQ) /* none of them */
		e->kind = EXPRESSION_AND;
	for (unsigned i = 0; i < value->count; i++)
		sigma_join(e, one_value(&item, value->items[i]));
	if (!value->count)
		sigma_fault(s, value, "%s: the list is empty", name);
	return e;
}

/* A map: all must hold. A list of maps: one must hold. */
static struct expression *read_selection(struct sigma *s, const struct yaml_node *node)
{
	if (node->kind == YAML_TEXT) {
		sigma_fault(s, node, "a selection is a map of fields, or a list of such maps; keywords have no field here");
		return NULL;
	}
	struct expression *e = sigma_node(s, node->kind == YAML_MAP ? EXPRESSION_AND : EXPRESSION_OR, node->count);
	for (unsigned i = 0; i < node->count; i++)
		sigma_join(e, node->kind == YAML_MAP ? read_item(s, node->keys[i], node->items[i])
					       : read_selection(s, node->items[i]));
	if (!node->count)
		sigma_fault(s, node, "the selection is empty");
	return e;
}

/* --- a detection ---------------------------------------------------------------------------------------------------- */

struct expression *sigma_read_detection(struct sigma *s, const struct yaml_node *detection)
{
	const struct yaml_node *condition = yaml_get(detection, "condition");
	if (!detection || detection->kind != YAML_MAP || !condition) {
		sigma_fault(s, detection, "selections and a `condition` are needed here");
		return NULL;
	}
	struct expression **selections = arena_take(s->arena, (detection->count + 1) * sizeof *selections);
	for (unsigned i = 0; i < detection->count; i++)
		if (sigma_is_selection(detection->keys[i]->text))
			selections[i] = read_selection(s, detection->items[i]);
	if (condition->kind == YAML_TEXT)
		return sigma_read_condition(s, detection, selections, condition);
	struct expression *any = sigma_node(s, EXPRESSION_OR, condition->count);
	for (unsigned i = 0; i < condition->count; i++)
		if (condition->items[i]->kind == YAML_TEXT)
			sigma_join(any, sigma_read_condition(s, detection, selections, condition->items[i]));
	return any->count ? any : NULL;
}
