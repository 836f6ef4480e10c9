#include "line.h"
#include "attack.h"
#include "put.h"
#include <stdio.h>

enum { ESCAPE_ROOM = 4 };

static void add(struct line *line, const char *bytes, size_t size)
{
	if (size > LINE_MAX_BYTES - line->size)
		return; /* cannot be: LINE_MAX_BYTES */
	memcpy(line->text + line->size, bytes, size);
	line->size += (uint32_t)size;
}

void line_raw(struct line *line, const char *text)
{
	add(line, text, strlen(text));
}

void line_text(struct line *line, struct slice text, uint32_t max, const char *special)
{
	char safe[LINE_VALUE_MAX + 8], escape[ESCAPE_ROOM + 1];
	uint32_t size = text_escape(text, safe, (max < LINE_VALUE_MAX ? max : LINE_VALUE_MAX) + 1), from = 0;
	bool any = false;
	for (const char *c = special; *c; c++)
		any = any || memchr(safe, *c, size);
	for (uint32_t i = 0; any && i < size; i++) {
		if (!strchr(special, safe[i]))
			continue;
		add(line, safe + from, i - from);
		snprintf(escape, sizeof escape, line->hex ? "\\x%02x" : "\\%c", safe[i]);
		line_raw(line, escape);
		from = i + 1;
	}
	add(line, safe + from, size - from);
}

static void begin(struct line *line, const char *key)
{
	if (line->begun)
		add(line, &line->between, 1);
	line->begun = true;
	line_raw(line, key);
	line_raw(line, "=");
}

void line_pair(struct line *line, const char *key, struct slice value, uint32_t max)
{
	if (!value.size)
		return;
	begin(line, key);
	line_text(line, value, max, line->special);
}

void line_pair_text(struct line *line, const char *key, const char *value, uint32_t max)
{
	if (value)
		line_pair(line, key, slice_text(value), max);
}

void line_pair_number(struct line *line, const char *key, uint64_t value)
{
	char digits[NUMBER_TEXT_MAX];
	struct slice text = text_number(value, digits);
	begin(line, key);
	add(line, (const char *)text.at, text.size);
}

void line_pair_ms(struct line *line, const char *key, uint64_t time_ns)
{
	line_pair_number(line, key, time_ns / 1000000);
}

void line_pair_address(struct line *line, const char *key, const struct address *address)
{
	char text[ADDRESS_TEXT_MAX];
	if (!put_known(address))
		return;
	address_format(address, text);
	begin(line, key);
	line_raw(line, text);
}

/* --- several values as one ------------------------------------------------------------------------------------------ */

static void join(struct line_joined *out, struct slice text)
{
	uint32_t n = LINE_JOINED_MAX - out->size;
	n = text.size < n ? text.size : n;
	if (n)
		memcpy(out->text + out->size, text.at, n);
	out->size += n;
}

static void join_next(struct line_joined *out)
{
	if (out->size)
		join(out, slice_text(", "));
}

static struct slice joined(const struct line_joined *out)
{
	return slice_of(out->text, out->size);
}

struct slice line_join(struct line_joined *out, struct slices texts)
{
	out->size = 0;
	for (uint32_t i = 0; i < texts.count && out->size < LINE_JOINED_MAX; i++) {
		join_next(out);
		join(out, texts.items[i]);
	}
	return joined(out);
}

static void join_named(struct line_joined *out, const char *name, struct slice text)
{
	if (!text.at)
		return;
	join_next(out);
	join(out, slice_text(name));
	join(out, text);
}

struct slice line_about(struct line_joined *out, const struct context_end *end)
{
	char number[16] = "";
	out->size = 0;
	join_named(out, "", end->city);
	join_named(out, "", end->country.at ? end->country : end->country_name);
	if (end->asn)
		snprintf(number, sizeof number, end->as_org.at ? "AS%u " : "AS%u", end->asn);
	if (end->asn || end->as_org.at)
		join_named(out, number, end->as_org.at ? end->as_org : slice_text(""));
	join_named(out, "network ", end->network);
	join_named(out, "vendor ", end->mac_vendor);
	join_named(out, "owner ", end->owner);
	join_named(out, "site ", end->site);
	return joined(out);
}

struct slice line_groups(struct line_joined *out, const struct alert *alert)
{
	out->size = 0;
	for (unsigned i = 0; i < alert->group_count; i++) {
		join_next(out);
		join(out, slice_text(alert->rule->group_name[i]));
		join(out, slice_text("="));
		join(out, alert->group_text[i]);
	}
	return joined(out);
}

struct slice line_frames(struct line_joined *out, const struct alert *alert)
{
	char digits[NUMBER_TEXT_MAX];
	out->size = 0;
	for (unsigned i = 0; i < alert->evidence_count; i++) {
		join_next(out);
		join(out, text_number(alert->evidence[i].frame, digits));
	}
	return joined(out);
}

struct slice line_techniques(struct line_joined *out, const struct rule *rule)
{
	struct attack attack;
	unsigned tag = 0;
	out->size = 0;
	while (attack_next(rule, &tag, &attack)) {
		join_next(out);
		join(out, slice_text(attack.id));
		if (attack.name) {
			join(out, slice_text(" "));
			join(out, slice_text(attack.name));
		}
		if (attack.tactic) {
			join(out, slice_text(" ("));
			join(out, slice_text(attack.tactic->name));
			join(out, slice_text(")"));
		}
	}
	return joined(out);
}
