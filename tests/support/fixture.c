#include "fixture.h"
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILE_MAX = 1 << 20 };

struct reading_text {
	struct fixture *fixture;
	const char *at;
	unsigned line;
};

__attribute__((noreturn)) static void refuse(const struct reading_text *r, const char *what)
{
	fprintf(stderr, "%s:%u: %s\n", r->fixture->name, r->line, what);
	exit(2);
}

static void put(const struct reading_text *r, uint8_t byte)
{
	struct fixture *f = r->fixture;
	if (f->size == FIXTURE_BYTES)
		refuse(r, "too many bytes");
	f->bytes[f->size++] = byte;
}

static unsigned digit(const struct reading_text *r, char c)
{
	if (!isxdigit((unsigned char)c))
		refuse(r, "hex digits come in pairs");
	return (unsigned)(isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10);
}

static uint8_t pair(struct reading_text *r)
{
	unsigned high = digit(r, r->at[0]), low = digit(r, r->at[1]);
	r->at += 2;
	return (uint8_t)(high << 4 | low);
}

static void escape(struct reading_text *r)
{
	static const char from[] = "rnt0\\\"", to[] = "\r\n\t\0\\\"";
	char c = *r->at++;
	const char *known = c ? strchr(from, c) : NULL;
	if (c == 'x')
		put(r, pair(r));
	else if (known)
		put(r, (uint8_t)to[known - from]);
	else
		refuse(r, "unknown escape");
}

static void text(struct reading_text *r)
{
	for (r->at++; *r->at != '"';) {
		if (!*r->at || *r->at == '\n')
			refuse(r, "the text does not end");
		if (*r->at == '\\') {
			r->at++;
			escape(r);
		} else {
			put(r, (uint8_t)*r->at++);
		}
	}
	r->at++;
}

static void repeat(struct reading_text *r, uint32_t begin)
{
	char *end;
	unsigned long times = strtoul(r->at, &end, 10);
	uint32_t size = r->fixture->size - begin;
	if (end == r->at || !times)
		refuse(r, "a number is awaited behind `*`");
	r->at = end;
	for (unsigned long n = 1; n < times; n++)
		for (uint32_t i = 0; i < size; i++)
			put(r, r->fixture->bytes[begin + i]);
}

/* The length of a group is known when it has been read: what it holds moves up to make room. */
static void close_group(struct reading_text *r, char kind, uint32_t begin)
{
	struct fixture *f = r->fixture;
	uint32_t size = f->size - begin, rest = size;
	uint8_t head[16];
	unsigned n = 0;
	if (kind == 'v') {
		do {
			head[n++] = (uint8_t)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
			rest >>= 7;
		} while (rest);
	} else if (kind == 'h') {
		n = (unsigned)snprintf((char *)head, sizeof head, "%x\r\n", size);
	} else {
		unsigned bytes = (unsigned)(kind - '0');
		for (; n < bytes; n++)
			head[n] = (uint8_t)(size >> 8 * (bytes - 1 - n));
	}
	for (unsigned i = 0; i < n; i++)
		put(r, 0);
	memmove(f->bytes + begin + n, f->bytes + begin, size);
	memcpy(f->bytes + begin, head, n);
	if (kind == 'h') {
		put(r, '\r');
		put(r, '\n');
	}
}

static void tokens(struct reading_text *r, bool in_group);

static void token(struct reading_text *r)
{
	uint32_t begin = r->fixture->size;
	char kind = *r->at;
	if (strchr("v1234h", kind) && r->at[1] == '(') {
		r->at += 2;
		tokens(r, true);
		if (*r->at++ != ')')
			refuse(r, "`)` is awaited");
		close_group(r, kind, begin);
		return;
	}
	if (kind == '"')
		text(r);
	else
		while (isxdigit((unsigned char)*r->at) && r->at[1] != '(')
			put(r, pair(r));
	if (begin == r->fixture->size && kind != '"')
		refuse(r, "neither hex, a text nor a group");
	if (*r->at == '*') {
		r->at++;
		repeat(r, begin);
	}
}

/* To the end of the line, or of the group, which may stretch over lines. */
static void tokens(struct reading_text *r, bool in_group)
{
	for (;;) {
		if (*r->at == '#')
			r->at += strcspn(r->at, "\n");
		if (*r->at == ' ' || *r->at == '\t' || *r->at == '\r') {
			r->at++;
		} else if (*r->at == '\n' && (in_group || r->at[1] == ' ' || r->at[1] == '\t')) {
			r->at++;
			r->line++;
		} else if (*r->at == '\n' || !*r->at || *r->at == ')') {
			return;
		} else {
			token(r);
		}
	}
}

static void directive(struct reading_text *r)
{
	struct fixture *f = r->fixture;
	if (strncmp(r->at, "!port ", 6) == 0)
		f->server_port = (uint16_t)strtoul(r->at + 6, NULL, 10);
	else if (strncmp(r->at, "!midstream", 10) == 0)
		f->midstream = true;
	else if (strncmp(r->at, "!open", 5) == 0)
		f->open = true;
	else if (strncmp(r->at, "!bad", 4) == 0)
		f->bad = true;
	else
		refuse(r, "unknown directive; valid: !port N, !midstream, !open, !bad");
	r->at += strcspn(r->at, "\n");
}

struct fixture *fixture_parse(const char *name, const char *content)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct reading_text r = {f, content, 1};
	if (!f || !(f->bytes = malloc(FIXTURE_BYTES)))
		abort();
	snprintf(f->name, sizeof f->name, "%s", name);
	f->client_port = 40000;
	f->server_port = 1883;
	for (; *r.at; r.line++) {
		char c = *r.at;
		if (c == '>' || c == '<') {
			if (f->count == FIXTURE_TURNS)
				refuse(&r, "too many turns");
			uint32_t begin = f->size;
			r.at++;
			tokens(&r, false);
			f->turns[f->count++] = (struct turn){c == '>' ? TO_SERVER : TO_CLIENT, begin, f->size - begin};
		} else if (c == '!') {
			directive(&r);
		} else if (c == '#') {
			r.at += strcspn(r.at, "\n");
		} else if (c != '\n' && c != '\r') {
			refuse(&r, "a line begins with >, <, !, # or white space");
		}
		r.at += *r.at == '\r';
		if (*r.at && *r.at != '\n')
			refuse(&r, "not understood from here on");
		r.at += *r.at == '\n';
	}
	if (!f->count)
		refuse(&r, "nothing is said");
	return f;
}

struct fixture *fixture_load(const char *path)
{
	char *content = calloc(1, FILE_MAX + 1);
	FILE *in = fopen(path, "r");
	if (!content || !in) {
		perror(path);
		exit(2);
	}
	size_t size = fread(content, 1, FILE_MAX, in);
	fclose(in);
	content[size] = 0;
	const char *slash = strrchr(path, '/');
	struct fixture *f = fixture_parse(slash ? slash + 1 : path, content);
	free(content);
	return f;
}

void fixture_free(struct fixture *f)
{
	if (f)
		free(f->bytes);
	free(f);
}

struct slice fixture_turn(const struct fixture *f, unsigned turn)
{
	return slice_of(f->bytes + f->turns[turn].offset, f->turns[turn].size);
}

static int is_fixture(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');
	return dot && (strcmp(dot, ".txt") == 0 || strcmp(dot, ".hex") == 0);
}

struct fixture **fixtures_load(const char *folder)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_fixture, alphasort);
	struct fixture **all = calloc((size_t)(count > 0 ? count : 0) + 1, sizeof *all);
	for (int i = 0; all && i < count; i++) {
		char path[4096];
		snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
		all[i] = fixture_load(path);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return all;
}

void fixtures_free(struct fixture **fixtures)
{
	for (struct fixture **f = fixtures; *f; f++)
		fixture_free(*f);
	free(fixtures);
}

/* xorshift64*, never zero. */
uint32_t dice_roll(struct dice *dice, uint32_t sides)
{
	uint64_t x = dice->state ? dice->state : 0x9e3779b97f4a7c15u;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	dice->state = x;
	return sides ? (uint32_t)((x * 0x2545f4914f6cdd1du >> 32) % sides) : 0;
}
