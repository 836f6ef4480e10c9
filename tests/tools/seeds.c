/* seeds.c - writes the seeds of the fuzzers from the fixtures of the parsers: tool-seeds TOP. Rules and configurations are seeds
 * as they are. */
#include "tests/support/feed.h"
#include "tests/support/script.h"
#include "tests/support/talk.h"
#include <stdio.h>
#include <stdlib.h>

enum { LARGEST = 6000 };

static const char *top;

static FILE *create(const char *target, const char *parser, const char *name)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s/%s%s%.*s", top, target, parser, *parser ? "-" : "",
		 (int)strcspn(name, "."), name);
	FILE *out = fopen(path, "wb");
	if (!out) {
		perror(path);
		exit(1);
	}
	return out;
}

static void put_record(FILE *out, unsigned kind, int value, struct slice bytes)
{
	fputc((int)kind, out);
	if (value >= 0)
		fputc(value, out);
	fputc((int)(bytes.size >> 8), out);
	fputc((int)(bytes.size & 0xff), out);
	fwrite(bytes.at, 1, bytes.size, out);
}

static void seed_parser(const struct parser *parser, const struct fixture *f)
{
	FILE *out = create("parsers", parser->name, f->name);
	fputc(script_mark(parser->name), out);
	fputc(f->midstream ? SCRIPT_MIDSTREAM : 0, out);
	for (unsigned t = 0; t < f->count; t++)
		put_record(out, f->turns[t].direction == TO_CLIENT ? SCRIPT_TO_CLIENT : 0, -1, fixture_turn(f, t));
	fclose(out);
}

/* Each fixture through another wrapping. */
static void seed_decode(const struct parser *parser, const struct fixture *f)
{
	static unsigned turn;
	static struct wire wire;
	struct talk *talk = talk_new();
	unsigned kinds = 0;
	while (wire_wrappings[kinds].name)
		kinds++;
	if (parser->transport != TRANSPORT_TCP) {
		talk_free(talk);
		return;
	}
	talk_build(talk, f, &(struct talk_options){.segment = 700, .v6 = turn % 2});
	FILE *out = create("decode", parser->name, f->name);
	for (unsigned i = 0; i < talk->count; i++) {
		const struct piece *p = &talk->pieces[i];
		bool up = p->direction == TO_SERVER;
		const struct address *from = up ? &talk->client : &talk->server, *to = up ? &talk->server : &talk->client;
		wire_begin(&wire, p->bytes);
		wire_tcp(&wire, from, to, up ? f->client_port : f->server_port, up ? f->server_port : f->client_port, p->seq, p->ack,
			 p->flags);
		wire_ip(&wire, from, to, TRANSPORT_TCP);
		wire_wrappings[turn % kinds].wrap(&wire);
		unsigned link = 0;
		while (script_links[link] != wire.link_type && link + 1 < SCRIPT_LINKS)
			link++;
		put_record(out, link, 10, wire_bytes(&wire));
	}
	fclose(out);
	turn++;
	talk_free(talk);
}

/* In order, ahead and back, overlapping, to the end. */
static void seed_stream(void)
{
	static const uint8_t moves[4][6] = {{0, 0, 90, 1, 0, 40}, {2, 50, 60, 0, 0, 200}, {4, 30, 90, 10, 9, 100}, {6, 2, 7, 1, 0, 9}};
	for (unsigned n = 0; n < 4; n++) {
		char name[16];
		snprintf(name, sizeof name, "moves%u", n);
		FILE *out = create("stream", "", name);
		for (unsigned i = 0; i < 8; i++)
			fputc(n == 3 ? 0xff : (int)(i * 3), out);
		fputc((int)n, out);
		fputc((int)n + 1, out);
		for (unsigned i = 0; i < 20; i++)
			fwrite(moves[(i + n) % 4] + i % 2 * 3, 1, 3, out);
		fwrite("\x10\x00\x05\x11\x00\x05", 1, 6, out);
		fclose(out);
	}
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: tool-seeds TOP\n");
		return 2;
	}
	top = argv[1];
	for (const struct parser *const *p = all_parsers; *p; p++) {
		char folder[4096];
		snprintf(folder, sizeof folder, "%s/tests/laws/streams/%s", top, (*p)->name);
		struct fixture **fixtures = fixtures_load(folder);
		for (struct fixture **f = fixtures; *f; f++) {
			if ((*f)->size > LARGEST)
				continue;
			seed_parser(*p, *f);
			seed_decode(*p, *f);
		}
		fixtures_free(fixtures);
	}
	seed_stream();
	return 0;
}
