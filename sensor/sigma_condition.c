/* The condition of a detection: names of selections, `1 of x*`, `all of them`, not, and, or, parentheses. */
#include "sigma.h"
#include "log.h"
#include <ctype.h>
#include <string.h>

struct condition {
	struct sigma *sigma;
	const struct yaml_node *at;
	const char *text;
	size_t position;
	const struct yaml_node *detection;
	struct expression **selections; /* by position in `detection` */
	char word[128];
	unsigned depth;
	bool failed;
};

static void condition_fault(struct condition *c, const char *what, const char *word)
{
	if (!c->failed) {
		struct yaml_node place = *c->at;
		place.column += (unsigned)(c->position - strlen(c->word)) + (c->at->quoted ? 1 : 0);
		sigma_fault(c->sigma, &place, "condition: %s%s", what, word);
	}
	c->failed = true;
}

/* The next word or parenthesis; empty at the end. */
static void next_word(struct condition *c)
{
	size_t n = 0;
	while (isspace((unsigned char)c->text[c->position]))
		c->position++;
	if (strchr("()", c->text[c->position]) && c->text[c->position])
		c->word[n++] = c->text[c->position++];
	else
		while (c->text[c->position] && !isspace((unsigned char)c->text[c->position]) &&
		       !strchr("()", c->text[c->position]) && n + 1 < sizeof c->word)
			c->word[n++] = c->text[c->position++];
	c->word[n] = 0;
}

static bool name_fits(const char *name, const char *pattern)
{
	size_t size = strlen(pattern);
	if (strcmp(pattern, "them") == 0)
		return name[0] != '_';
	if (size && pattern[size - 1] == '*')
		return strncmp(name, pattern, size - 1) == 0;
	return strcmp(name, pattern) == 0;
}

static struct expression *read_or(struct condition *c);

bool sigma_is_selection(const char *key)
{
	return strcmp(key, "condition") != 0 && strcmp(key, "rules") != 0 && strcmp(key, "timeframe") != 0;
}

static struct expression *read_quantified(struct condition *c, bool all)
{
	next_word(c);
	if (strcmp(c->word, "of") != 0) {
		condition_fault(c, "`of` is awaited, not ", c->word);
		return NULL;
	}
	next_word(c);
	struct expression *e = sigma_node(c->sigma, all ? EXPRESSION_AND : EXPRESSION_OR, c->detection->count);
	for (unsigned i = 0; i < c->detection->count; i++)
		if (sigma_is_selection(c->detection->keys[i]->text) && name_fits(c->detection->keys[i]->text, c->word))
			sigma_join(e, c->selections[i]);
	if (!e->count)
		condition_fault(c, "no selection is called ", c->word);
	next_word(c);
	return e;
}

static struct expression *read_primary(struct condition *c)
{
	if (++c->depth > 64) {
		condition_fault(c, "nested too deep", "");
		return NULL;
	}
	if (strcmp(c->word, "not") == 0) {
		struct expression *not = sigma_node(c->sigma, EXPRESSION_NOT, 1);
		next_word(c);
		sigma_join(not, read_primary(c));
		c->depth--;
		return not->count ? not : NULL;
	}
	struct expression *e = NULL;
	if (strcmp(c->word, "(") == 0) {
		next_word(c);
		e = read_or(c);
		if (strcmp(c->word, ")") != 0)
			condition_fault(c, "`)` is awaited, not ", *c->word ? c->word : "the end");
		next_word(c);
	} else if (strcmp(c->word, "1") == 0 || strcmp(c->word, "any") == 0 || strcmp(c->word, "all") == 0) {
		e = read_quantified(c, c->word[0] == 'a' && c->word[1] == 'l');
	} else {
		const char *names[256];
		unsigned count = 0;
		for (unsigned i = 0; i < c->detection->count && !e; i++) {
			const char *name = c->detection->keys[i]->text;
			if (sigma_is_selection(name) && count < 255)
				names[count++] = name;
			if (sigma_is_selection(name) && strcmp(name, c->word) == 0)
				e = c->selections[i] ? c->selections[i] : sigma_node(c->sigma, EXPRESSION_NEVER, 0);
		}
		names[count] = NULL;
		if (!e) {
			const char *near = log_nearest(c->word, names);
			char what[128];
			snprintf(what, sizeof what, "%s%s", near ? "did you mean " : "a selection is awaited", near ? near : "");
			char text[300];
			snprintf(text, sizeof text, "no selection is called \"%s\"; ", c->word);
			condition_fault(c, text, what);
		}
		next_word(c);
	}
	c->depth--;
	return e;
}

static struct expression *read_and(struct condition *c)
{
	struct expression *e = sigma_node(c->sigma, EXPRESSION_AND, 64);
	sigma_join(e, read_primary(c));
	while (strcmp(c->word, "and") == 0 && e->count < 64) {
		next_word(c);
		sigma_join(e, read_primary(c));
	}
	return e->count ? e : NULL;
}

static struct expression *read_or(struct condition *c)
{
	struct expression *e = sigma_node(c->sigma, EXPRESSION_OR, 64);
	sigma_join(e, read_and(c));
	while (strcmp(c->word, "or") == 0 && e->count < 64) {
		next_word(c);
		sigma_join(e, read_and(c));
	}
	return e->count ? e : NULL;
}

struct expression *sigma_read_condition(struct sigma *s, const struct yaml_node *detection,
					struct expression **selections, const struct yaml_node *at)
{
	struct condition c = {.sigma = s, .at = at, .text = at->text, .detection = detection, .selections = selections};
	next_word(&c);
	struct expression *e = read_or(&c);
	if (*c.word)
		condition_fault(&c, "not understood from here on: ", c.word);
	return c.failed ? NULL : e;
}
