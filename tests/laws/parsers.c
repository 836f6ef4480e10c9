/* Every parser of parsers.def is held to the laws of parser.h, on the fixtures of tests/laws/streams/PARSER/. A parser without
 * fixtures fails. Nothing here knows a protocol: a new parser is covered by its fixtures alone. */
#include "tests/support/cm.h"
#include "tests/support/feed.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DUMP_ROOM = 8 << 20, SMALL = 8192, SPLITS = 2500, RANDOM_RUNS = 40, MUTATIONS = 400, MUTATED_BYTES = 1 << 20 };

/* The id of a flow differs from run to run. */
static const char *const without[] = {"flow_id", NULL};

struct bench {
	struct feed *feed;
	struct dump whole, part;
	struct fixture **fixtures; /* of the parser at hand; ends at NULL */
};

static struct bench bench;

/* --- feeding ------------------------------------------------------------------------------------------------ */

static bool is_stream(const struct parser *parser)
{
	return parser->transport == TRANSPORT_TCP;
}

static void begin(const struct parser *parser, const struct fixture *f, struct dump *dump)
{
	dump_clear(dump);
	feed_begin(bench.feed, parser, f, dump);
}

static void say(unsigned direction, struct slice bytes)
{
	if (is_stream(bench.feed->parser ? bench.feed->parser : all_parsers[0]))
		feed_bytes(bench.feed, direction, bytes);
	else
		feed_message(bench.feed, direction, bytes);
}

/* The turns one after the other, a second apart, up to byte `end` of the whole, cut where `cut` says: it is asked for the size of
 * the next piece. */
static void feed_turns(const struct fixture *f, uint32_t end, uint32_t (*cut)(void *context, uint32_t at, uint32_t left), void *context)
{
	for (unsigned t = 0; t < f->count; t++) {
		struct slice bytes = fixture_turn(f, t);
		uint32_t at = f->turns[t].offset;
		bench.feed->frame = t + 1;
		bench.feed->time_ns += TW_SECOND;
		while (bytes.size && at < end) {
			uint32_t n = cut ? cut(context, at, bytes.size) : bytes.size;
			n = n < bytes.size ? n : bytes.size;
			n = n < end - at ? n : end - at;
			say(f->turns[t].direction, slice_head(bytes, n));
			bytes = slice_of(bytes.at + n, bytes.size - n);
			at += n;
		}
	}
}

static void run_whole(const struct parser *parser, const struct fixture *f)
{
	begin(parser, f, &bench.whole);
	feed_turns(f, f->size, NULL, NULL);
}

static void run_part(const struct parser *parser, const struct fixture *f)
{
	begin(parser, f, &bench.part);
	feed_turns(f, f->size, NULL, NULL);
}

static void run_to_end(const struct parser *parser, const struct fixture *f)
{
	run_whole(parser, f);
	feed_end(bench.feed);
}

static void check(const struct parser *parser, const struct fixture *f, const char *law, uint32_t detail)
{
	if (bench.feed->broken)
		fail_msg("%s/%s: %s (at %u): %s", parser->name, f->name, law, detail, bench.feed->broken);
	if (bench.feed->any_bad && !f->bad)
		fail_msg("%s/%s: %s (at %u): BAD for a valid stream", parser->name, f->name, law, detail);
}

static void check_same(const struct parser *parser, const struct fixture *f, const char *law, uint32_t detail)
{
	check(parser, f, law, detail);
	if (dump_equal(&bench.whole, &bench.part))
		return;
	dump_explain(&bench.whole, &bench.part);
	fail_msg("%s/%s: %s (at %u): the events differ", parser->name, f->name, law, detail);
}

/* --- the laws ----------------------------------------------------------------------------------------------- */

static void whole(const struct parser *parser, const struct fixture *f)
{
	run_whole(parser, f);
	check(parser, f, "fed whole", 0);
	assert_false(bench.whole.full);
	if (!bench.whole.events)
		fail_msg("%s/%s: no event", parser->name, f->name);
	if (bench.whole.violations && !f->bad) {
		fprintf(stderr, "%s\n", bench.whole.text);
		fail_msg("%s/%s: a violation in a valid stream", parser->name, f->name);
	}
	for (unsigned d = 0; d < 2 && !f->open && !f->bad; d++) {
		const struct feed_side *side = &bench.feed->side[d];
		if (!side->dead && (side->pending_bytes || side->skip))
			fail_msg("%s/%s: %u bytes of a valid stream are left over, %llu to skip", parser->name, f->name,
				 side->pending_bytes, (unsigned long long)side->skip);
	}
	feed_guard_front(true);
	run_part(parser, f);
	feed_guard_front(false);
	check_same(parser, f, "fed whole behind a page", 0);
}

static uint32_t one_byte(void *context, uint32_t at, uint32_t left)
{
	(void)context, (void)at, (void)left;
	return 1;
}

static uint32_t at_one_place(void *context, uint32_t at, uint32_t left)
{
	uint32_t place = *(uint32_t *)context;
	return place > at && place < at + left ? place - at : left;
}

static uint32_t at_random(void *context, uint32_t at, uint32_t left)
{
	struct dice *dice = context;
	(void)at, (void)left;
	return 1 + (dice_roll(dice, 3) ? dice_roll(dice, 40) : dice_roll(dice, 3000));
}

static void cuts(const struct parser *parser, const struct fixture *f)
{
	struct dice dice = {f->size};
	uint32_t step = f->size / SPLITS + 1;
	run_to_end(parser, f);
	if (f->size <= SMALL) {
		begin(parser, f, &bench.part);
		feed_turns(f, f->size, one_byte, NULL);
		feed_end(bench.feed);
		check_same(parser, f, "byte by byte", 0);
	}
	for (uint32_t place = 1; place < f->size; place += f->size <= SMALL || place < 400 ? 1 : step + dice_roll(&dice, step)) {
		begin(parser, f, &bench.part);
		feed_turns(f, f->size, at_one_place, &place);
		feed_end(bench.feed);
		check_same(parser, f, "in two", place);
	}
	for (unsigned n = 0; n < RANDOM_RUNS; n++) {
		begin(parser, f, &bench.part);
		feed_turns(f, f->size, at_random, &dice);
		feed_end(bench.feed);
		check_same(parser, f, "cut at random", n);
	}
}

static void prefixes(const struct parser *parser, const struct fixture *f)
{
	struct dice dice = {f->size};
	uint32_t step = f->size / SPLITS + 1;
	run_whole(parser, f);
	for (uint32_t end = 0; end < f->size; end += f->size <= SMALL || end < 400 ? 1 : step + dice_roll(&dice, step)) {
		begin(parser, f, &bench.part);
		feed_turns(f, end, NULL, NULL);
		if (!is_stream(parser)) { /* half a datagram is no datagram: only the bounds are law */
			if (bench.feed->broken)
				fail_msg("%s/%s: prefix of %u: %s", parser->name, f->name, end, bench.feed->broken);
			continue;
		}
		check(parser, f, "prefix", end);
		if (dump_begins(&bench.whole, &bench.part))
			continue;
		dump_explain(&bench.whole, &bench.part);
		fail_msg("%s/%s: the prefix of %u bytes says what the whole does not", parser->name, f->name, end);
	}
}

static uint32_t mutate(struct dice *dice, uint8_t *bytes, uint32_t size)
{
	static const uint8_t edges[] = {0x00, 0xff, 0x7f, 0x80, 0x01, 0xfe, 0x3f, 0xc0};
	for (unsigned n = 1 + dice_roll(dice, 4); n > 0 && size; n--) {
		uint32_t at = dice_roll(dice, size), run = 1 + dice_roll(dice, 8);
		run = run < size - at ? run : size - at;
		switch (dice_roll(dice, 6)) {
		case 0:
			bytes[at] ^= (uint8_t)(1u << dice_roll(dice, 8));
			break;
		case 1:
			bytes[at] = edges[dice_roll(dice, sizeof edges)];
			break;
		case 2:
			bytes[at] = (uint8_t)dice_roll(dice, 256);
			break;
		case 3: /* bytes are lost */
			memmove(bytes + at, bytes + at + run, size - at - run);
			size -= run;
			break;
		case 4: /* a run comes from elsewhere */
			memmove(bytes + at, bytes + dice_roll(dice, size - run + 1), run);
			break;
		default:
			memset(bytes + at, edges[dice_roll(dice, sizeof edges)], run);
			break;
		}
	}
	return size;
}

static void run_mutated(const struct parser *parser, const struct fixture *f, struct dice *dice)
{
	uint8_t *copy = malloc(f->size + 1);
	assert_non_null(copy);
	begin(parser, f, &bench.part);
	bench.feed->midstream = dice_roll(dice, 4) == 0;
	unsigned victim = dice_roll(dice, f->count);
	for (unsigned t = 0; t < f->count; t++) {
		struct slice bytes = fixture_turn(f, t);
		unsigned direction = f->turns[t].direction ^ (dice_roll(dice, 64) == 0);
		memcpy(copy, bytes.at, bytes.size);
		if (t == victim || dice_roll(dice, 4) == 0)
			bytes.size = mutate(dice, copy, bytes.size);
		bench.feed->time_ns += TW_SECOND;
		for (uint32_t at = 0, piece; at < bytes.size; at += piece) {
			piece = is_stream(parser) ? at_random(dice, at, 0) : bytes.size;
			piece = piece < bytes.size - at ? piece : bytes.size - at;
			say(direction, slice_of(copy + at, piece));
		}
		if (dice_roll(dice, 32) == 0)
			feed_gap(bench.feed, direction, 1 + dice_roll(dice, 100000));
		if (dice_roll(dice, 32) == 0)
			feed_expire(bench.feed);
	}
	free(copy);
}

/* Whatever comes, a parser answers, in bounds. It is fed on after losses and after its deadline as well. */
static void mutations(const struct parser *parser, const struct fixture *f)
{
	struct dice dice = {0x1234567 + f->size};
	unsigned runs = f->size > MUTATED_BYTES / MUTATIONS ? MUTATED_BYTES / f->size + 4 : MUTATIONS;
	for (unsigned n = 0; n < runs; n++) {
		run_mutated(parser, f, &dice);
		if (bench.feed->broken)
			fail_msg("%s/%s: mutation %u: %s", parser->name, f->name, n, bench.feed->broken);
	}
}

/* One flow tells nothing of another: behind whatever was read before, and left as it was, the events are the same. */
static void company(const struct parser *parser, const struct fixture *f)
{
	struct dice dice = {f->size};
	unsigned count = 0;
	run_to_end(parser, f);
	while (bench.fixtures[count])
		count++;
	for (unsigned n = 0; n < RANDOM_RUNS; n++) {
		const struct fixture *other = bench.fixtures[dice_roll(&dice, count)];
		if (n % 4)
			run_mutated(parser, other, &dice);
		else
			run_part(parser, other);
		run_part(parser, f);
		feed_end(bench.feed);
		check_same(parser, f, "behind another", n);
	}
}

/* A stream that is recognised whole is not refused by its beginning: else it would depend on the first segment's size. */
static void probes(const struct parser *parser, const struct fixture *f)
{
	struct dice dice = {99};
	struct slice first = slice_head(fixture_turn(f, 0), 2000);
	uint8_t direction = f->turns[0].direction;
	if (!parser->probe)
		return;
	enum probe answer = parser->probe(first, direction, f->client_port, f->server_port);
	uint8_t *copy = malloc(first.size + 1); /* exactly as large as what is shown: the sanitizer guards its end */
	assert_non_null(copy);
	for (uint32_t n = 1; n < first.size && is_stream(parser); n++) {
		uint8_t *exact = malloc(n);
		memcpy(exact, first.at, n);
		enum probe early = parser->probe(slice_of(exact, n), direction, f->client_port, f->server_port);
		free(exact);
		if (answer != PROBE_NO && early == PROBE_NO && !f->bad && !f->midstream)
			fail_msg("%s/%s: the first %u bytes are refused, all of them are not", parser->name, f->name, n);
	}
	for (unsigned n = 0; n < MUTATIONS; n++) {
		memcpy(copy, first.at, first.size);
		uint32_t size = mutate(&dice, copy, first.size);
		if (size)
			assert_in_range(parser->probe(slice_of(copy, size), direction, (uint16_t)dice_roll(&dice, 65536), f->server_port),
					PROBE_NO, PROBE_SERVER);
	}
	free(copy);
}

/* --- the table ---------------------------------------------------------------------------------------------- */

static const struct law {
	const char *name;
	void (*holds)(const struct parser *parser, const struct fixture *fixture);
	bool streams_only;
} laws[] = {{"whole", whole, false}, {"cuts", cuts, true}, {"prefixes", prefixes, false}, {"mutations", mutations, false},
	    {"company", company, false}, {"probes", probes, false}};

enum { LAWS = sizeof laws / sizeof *laws };

struct subject {
	const struct parser *parser;
	const struct law *law;
	char name[64];
};

static void test_law(void **state)
{
	const struct subject *subject = *state;
	char folder[512];
	snprintf(folder, sizeof folder, "%s/tests/laws/streams/%s", TW_SOURCE, subject->parser->name);
	struct fixture **fixtures = bench.fixtures = fixtures_load(folder);
	if (!fixtures[0])
		fail_msg("no fixtures in tests/laws/streams/%s: every parser needs valid streams there", subject->parser->name);
	for (struct fixture **f = fixtures; *f; f++) {
		if (!is_stream(subject->parser) && (*f)->count > 1 && !strcmp(subject->law->name, "cuts"))
			continue;
		subject->law->holds(subject->parser, *f);
	}
	fixtures_free(fixtures);
}

/* What the descriptors promise, and names that nobody else has. */
static void test_descriptors(void **state)
{
	(void)state;
	for (const struct parser *const *p = all_parsers; *p; p++) {
		assert_non_null((*p)->name);
		assert_non_null((*p)->parse);
		assert_non_null((*p)->fields);
		assert_true((*p)->state_bytes <= LIMIT_PARSER_STATE);
		assert_true((*p)->transport == 0 || (*p)->transport == TRANSPORT_TCP || (*p)->transport == TRANSPORT_UDP);
		for (const struct parser *const *q = all_parsers; q < p; q++)
			assert_string_not_equal((*p)->name, (*q)->name);
		for (const struct field *field = (*p)->fields; field->name; field++) {
			assert_non_null(field->help);
			assert_true(field->bit == FIELD_ALWAYS || field->bit < 128);
			assert_true(field->type != FIELD_ENUM || field->enum_name);
		}
	}
}

/* The harness must see what a bad parser does: each of its sins is committed once. */
static enum verdict sinner(struct parse *parse, struct slice input)
{
	uint8_t *state = parse->state;
	switch (input.at[0]) {
	case 'm': {
		void *volatile at = malloc(16);
		free(at);
		break;
	}
	case 'c':
		parse->consumed = input.size + 1;
		return PARSE_MORE;
	case 'w':
		parse->want = LIMIT_MESSAGE + 1;
		return PARSE_MORE;
	case 's':
		state[4] = 0;
		break;
	case 'b':
		return PARSE_BAD;
	default:
		break;
	}
	parse->consumed = input.size;
	return PARSE_MORE;
}

static void test_harness_sees(void **state)
{
	static const struct parser bad = {.name = "sinner", .transport = TRANSPORT_TCP, .state_bytes = 4, .fields = event_fields,
					  .parse = sinner};
	(void)state;
	for (const char *sin = "mcws"; *sin; sin++) {
		begin(&bad, NULL, &bench.part);
		feed_bytes(bench.feed, TO_SERVER, slice_of(sin, 1));
		if (!bench.feed->broken)
			fail_msg("the harness does not see sin %c", *sin);
	}
	begin(&bad, NULL, &bench.part);
	feed_bytes(bench.feed, TO_SERVER, slice_of("b", 1));
	assert_true(bench.feed->any_bad);
	begin(&bad, NULL, &bench.part);
	feed_bytes(bench.feed, TO_SERVER, slice_of("ok", 2));
	assert_null(bench.feed->broken);
}

int main(int argc, char **argv)
{
	static struct subject subjects[64 * LAWS];
	static struct CMUnitTest tests[64 * LAWS + 2];
	unsigned n = 0;
	bench.feed = feed_open();
	dump_open(&bench.whole, DUMP_ROOM, without);
	dump_open(&bench.part, DUMP_ROOM, without);
	alarm(110); /* every call returns */
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	tests[n++] = (struct CMUnitTest){"descriptors", test_descriptors, NULL, NULL, NULL};
	tests[n++] = (struct CMUnitTest){"the harness sees a bad parser", test_harness_sees, NULL, NULL, NULL};
	for (unsigned p = 0; p < all_parser_count && p < 64; p++)
		for (unsigned l = 0; l < LAWS; l++) {
			struct subject *s = &subjects[p * LAWS + l];
			if (laws[l].streams_only && !is_stream(all_parsers[p]))
				continue;
			*s = (struct subject){all_parsers[p], &laws[l], ""};
			snprintf(s->name, sizeof s->name, "%s: %s", all_parsers[p]->name, laws[l].name);
			tests[n++] = (struct CMUnitTest){s->name, test_law, NULL, NULL, s};
		}
	int failed = _cmocka_run_group_tests("laws of parsers", tests, n, NULL, NULL);
	feed_close(bench.feed);
	dump_close(&bench.whole);
	dump_close(&bench.part);
	return failed;
}
