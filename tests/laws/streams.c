/* The same conversation, however the packets come: the real engine must tell the same events. Fixtures are those of the parsers. */
#include "tests/support/cm.h"
#include "tests/support/talk.h"
#include "tests/support/feed.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DUMP_ROOM = 4 << 20, SMALL = 4096, SEEDS = 12 };

/* What depends on when and in how many packets a thing was said. */
static const char *const without[] = {"timestamp", "frame", "flow_id", "flow.pkts_*", "flow.age", NULL};

static struct dump base, other;
static struct talk *talk;

/* --- what is compared --------------------------------------------------------------------------------------- */

static void hear_base(const struct fixture *f, const struct talk_options *options, void (*wrap)(struct wire *))
{
	struct ear ear;
	talk_build(talk, f, options);
	ear_open(&ear, &base);
	ear_hear(&ear, talk, wrap);
	assert_int_equal(engine_counters(ear.engine)->gaps, 0);
	assert_int_equal(engine_counters(ear.engine)->bad_checksum, 0);
	assert_int_equal(engine_counters(ear.engine)->malformed, 0);
	assert_int_equal(engine_counters(ear.engine)->undecoded, 0);
	ear_close(&ear);
}

static void compare(const struct fixture *f, const char *law, unsigned detail)
{
	if (dump_equal(&base, &other))
		return;
	dump_explain(&base, &other);
	fail_msg("%s: %s (%u): other events than packet by packet", f->name, law, detail);
}

/* Hears `talk` as it now is. */
static struct counters hear(const struct fixture *f, const char *law, unsigned detail, void (*wrap)(struct wire *))
{
	struct ear ear;
	ear_open(&ear, &other);
	ear_hear(&ear, talk, wrap);
	struct counters counters = *engine_counters(ear.engine);
	ear_close(&ear);
	compare(f, law, detail);
	return counters;
}

/* Every good fixture of a TCP parser whose protocol the engine recognises from the wire. */
static void each_fixture(void (*law)(const struct fixture *f), uint32_t most)
{
	unsigned heard = 0;
	for (const struct parser *const *p = all_parsers; *p; p++) {
		char folder[512];
		if ((*p)->transport != TRANSPORT_TCP)
			continue;
		snprintf(folder, sizeof folder, "%s/tests/laws/streams/%s", TW_SOURCE, (*p)->name);
		struct fixture **fixtures = fixtures_load(folder);
		for (struct fixture **f = fixtures; *f; f++) {
			if ((*f)->bad || (*f)->open || (*f)->midstream || (*f)->size > most)
				continue;
			hear_base(*f, &(struct talk_options){0}, NULL);
			char line[64];
			snprintf(line, sizeof line, " app_proto=%s", (*p)->name);
			if (!dump_count(&base, line))
				continue;
			heard++;
			law(*f);
		}
		fixtures_free(fixtures);
	}
	assert_true(heard >= 5);
}

/* --- wrappings ---------------------------------------------------------------------------------------------- */

static void wrapped(const struct fixture *f)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		const struct talk_options options = {.segment = 900, .v6 = v6};
		hear_base(f, &options, NULL);
		for (unsigned i = 0; wire_wrappings[i].name; i++) {
			talk_build(talk, f, &options);
			struct counters counters = hear(f, wire_wrappings[i].name, v6, wire_wrappings[i].wrap);
			assert_int_equal(counters.malformed, 0);
			assert_int_equal(counters.undecoded, 0);
			assert_int_equal(counters.bad_checksum, 0);
		}
	}
}

static void test_wrapped(void **state)
{
	(void)state;
	each_fixture(wrapped, 700000);
}

/* --- cuts --------------------------------------------------------------------------------------------------- */

static void cut(const struct fixture *f)
{
	hear_base(f, &(struct talk_options){0}, NULL);
	for (uint32_t place = 1; place < f->size; place++) {
		talk_build(talk, f, &(struct talk_options){.cut_at = place});
		hear(f, "cut in two", place, NULL);
	}
	for (uint32_t size = 1; size < 40; size++) {
		talk_build(talk, f, &(struct talk_options){.segment = size});
		hear(f, "segments", size, NULL);
	}
}

static void test_cut(void **state)
{
	(void)state;
	each_fixture(cut, SMALL);
}

static void large_segments(const struct fixture *f)
{
	static const uint32_t sizes[] = {536, 1460, 8960, 32768, 60000};
	hear_base(f, &(struct talk_options){0}, NULL);
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		talk_build(talk, f, &(struct talk_options){.segment = sizes[i]});
		hear(f, "segments", sizes[i], NULL);
	}
}

static void test_large(void **state)
{
	(void)state;
	each_fixture(large_segments, FIXTURE_BYTES);
}

/* --- order, copies, overlaps -------------------------------------------------------------------------------- */

static void reordered(const struct fixture *f)
{
	hear_base(f, &(struct talk_options){0}, NULL);
	for (uint32_t size = 3; size < 30; size += 7) {
		talk_build(talk, f, &(struct talk_options){.segment = size});
		talk_reverse(talk);
		hear(f, "reversed", size, NULL);
		for (unsigned seed = 1; seed <= SEEDS; seed++) {
			struct dice dice = {seed};
			talk_build(talk, f, &(struct talk_options){.segment = size});
			talk_shuffle(talk, &dice);
			struct counters counters = hear(f, "shuffled", seed, NULL);
			assert_int_equal(counters.gaps, 0);
		}
	}
}

static void test_reordered(void **state)
{
	(void)state;
	each_fixture(reordered, SMALL);
}

/* The FIN overtakes the bytes before it. */
static void early_end(const struct fixture *f)
{
	hear_base(f, &(struct talk_options){0}, NULL);
	for (unsigned seed = 0; seed < SEEDS; seed++) {
		struct dice dice = {seed + 1};
		talk_build(talk, f, &(struct talk_options){.segment = 5});
		unsigned fin = 0, turn;
		while (!(talk->pieces[fin].flags & TCP_FIN))
			fin++;
		unsigned last = fin;
		while (last-- && (!talk->pieces[last].bytes.size || talk->pieces[last].direction != TO_SERVER))
			;
		turn = talk->pieces[last].turn;
		if (turn + 3 < talk->pieces[fin].turn) /* the server has spoken in between: the client's FIN stays behind that */
			return;
		struct piece early = talk->pieces[fin];
		talk_remove(talk, fin);
		early.time_ns = talk->pieces[last].time_ns;
		early.ack = talk->pieces[last].ack;
		early.turn = turn;
		talk_insert(talk, last - (seed && last ? dice_roll(&dice, 2) : 0), early);
		hear(f, "FIN before the last bytes", seed, NULL);
	}
}

static void test_early_end(void **state)
{
	(void)state;
	each_fixture(early_end, SMALL);
}

static void doubled(const struct fixture *f)
{
	hear_base(f, &(struct talk_options){0}, NULL);
	for (unsigned distance = 1; distance < 6; distance++) {
		talk_build(talk, f, &(struct talk_options){.segment = 20});
		for (unsigned i = talk->count; i-- > 0;) {
			struct piece again = talk->pieces[i];
			unsigned at = i + distance < talk->count ? i + distance : talk->count;
			again.time_ns = talk->pieces[at - 1].time_ns;
			talk_insert(talk, at, again);
		}
		struct counters counters = hear(f, "again", distance, NULL);
		assert_true(counters.segments_retransmitted > 0);
		assert_int_equal(counters.gaps, 0);
	}
}

static void test_doubled(void **state)
{
	(void)state;
	each_fixture(doubled, SMALL);
}

/* Each segment begins before where the last one ended, with the same bytes. */
static void overlapping(const struct fixture *f)
{
	hear_base(f, &(struct talk_options){0}, NULL);
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct dice dice = {seed};
		talk_build(talk, f, &(struct talk_options){.segment = 11});
		for (unsigned i = 1; i < talk->count; i++) {
			struct piece *p = &talk->pieces[i], *q = &talk->pieces[i - 1];
			if (!p->bytes.size || q->turn != p->turn || q->direction != p->direction)
				continue;
			uint32_t back = dice_roll(&dice, 12); /* never beyond what the first of the turn brought */
			uint32_t room = (uint32_t)(p->bytes.at - (f->bytes + f->turns[0].offset));
			uint32_t in_turn = 0;
			for (unsigned t = 0; t < f->count; t++)
				if (p->bytes.at >= f->bytes + f->turns[t].offset)
					in_turn = (uint32_t)(p->bytes.at - (f->bytes + f->turns[t].offset));
			back = back < in_turn ? back : in_turn;
			back = back < room ? back : room;
			p->bytes = slice_of(p->bytes.at - back, p->bytes.size + back);
			p->seq -= back;
		}
		if (seed % 2)
			talk_shuffle(talk, &dice);
		struct counters counters = hear(f, "overlapping", seed, NULL);
		assert_int_equal(counters.gaps, 0);
		assert_int_equal(counters.segments_overlapping, 0); /* they agree */
	}
}

static void test_overlapping(void **state)
{
	(void)state;
	each_fixture(overlapping, SMALL);
}

/* Copies with other bytes come too late: the first data wins, delivered or held. */
static void contradicting(const struct fixture *f)
{
	static uint8_t lies[64];
	memset(lies, 0x58, sizeof lies);
	hear_base(f, &(struct talk_options){0}, NULL);
	talk_build(talk, f, &(struct talk_options){.segment = 13});
	for (unsigned i = 0; i < talk->count; i++) {
		struct piece lie = talk->pieces[i];
		if (!lie.bytes.size)
			continue;
		lie.bytes.at = lies;
		talk_insert(talk, ++i, lie);
	}
	hear(f, "contradicting copies", 0, NULL);
	talk_build(talk, f, &(struct talk_options){.segment = 13});
	talk_reverse(talk); /* held ahead of a hole when the lie comes */
	bool may_see = false;
	for (unsigned i = 0; i < talk->count; i++) {
		struct piece lie = talk->pieces[i];
		if (!lie.bytes.size)
			continue;
		bool held = i + 1 < talk->count && talk->pieces[i + 1].bytes.size && talk->pieces[i + 1].turn == lie.turn;
		may_see = may_see || (held && lie.bytes.size > 1);
		lie.bytes.at = lies;
		talk_insert(talk, ++i, lie);
	}
	struct counters counters = hear(f, "contradicting copies of held segments", 0, NULL);
	assert_true(!may_see || counters.segments_overlapping > 0);
}

static void test_contradicting(void **state)
{
	(void)state;
	each_fixture(contradicting, SMALL);
}

/* --- sequence numbers --------------------------------------------------------------------------------------- */

static void wrapping(const struct fixture *f)
{
	hear_base(f, &(struct talk_options){0}, NULL);
	for (uint32_t before = 1; before < 300; before += before < 20 ? 1 : 23) {
		struct dice dice = {before};
		const struct talk_options options = {.segment = 9, .first_seq = {(uint32_t)-before, (uint32_t)-(before / 2 + 1)}};
		talk_build(talk, f, &options);
		talk_shuffle(talk, &dice);
		hear(f, "sequence numbers wrap", before, NULL);
		talk_build(talk, f, &(struct talk_options){.segment = 9, .first_seq = {0x7fffffff - before, 0x80000000 - before}});
		talk_shuffle(talk, &dice);
		hear(f, "sequence numbers change sign", before, NULL);
	}
}

static void test_wrapping(void **state)
{
	(void)state;
	each_fixture(wrapping, SMALL);
}

/* --- IP fragments ------------------------------------------------------------------------------------------- */

static void hear_fragments(struct ear *ear, const struct piece *p, uint32_t id, uint32_t size, struct dice *dice)
{
	static struct wire whole, part;
	bool up = p->direction == TO_SERVER;
	const struct address *from = up ? &talk->client : &talk->server, *to = up ? &talk->server : &talk->client;
	const struct fixture *f = talk->fixture;
	uint32_t order[9000], count = 0;
	wire_begin(&whole, p->bytes);
	wire_tcp(&whole, from, to, up ? f->client_port : f->server_port, up ? f->server_port : f->client_port, p->seq, p->ack, p->flags);
	for (uint32_t at = 0; at < whole.size; at += size)
		order[count++] = at;
	for (uint32_t i = count - 1; i > 0 && dice; i--) {
		uint32_t j = dice_roll(dice, i + 1), kept = order[i];
		order[i] = order[j];
		order[j] = kept;
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t n = whole.size - order[i] < size ? whole.size - order[i] : size;
		bool more = order[i] + n < whole.size;
		wire_begin(&part, slice_of(wire_bytes(&whole).at + order[i], n));
		wire_ip_fragment(&part, from, to, TRANSPORT_TCP, id, order[i] | more);
		wire_ethernet(&part);
		ear_packet(ear, &part, p->time_ns);
		if (dice && dice_roll(dice, 8) == 0 && more) /* and once more */
			ear_packet(ear, &part, p->time_ns);
	}
}

static void fragmented(const struct fixture *f)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		const struct talk_options options = {.segment = 500, .v6 = v6};
		hear_base(f, &options, NULL);
		for (uint32_t size = 8; size <= 64; size += 8)
			for (unsigned seed = 0; seed < 4; seed++) {
				struct dice dice = {seed};
				struct ear ear;
				talk_build(talk, f, &options);
				ear_open(&ear, &other);
				for (unsigned i = 0; i < talk->count; i++)
					hear_fragments(&ear, &talk->pieces[i], i + 1, size, seed ? &dice : NULL);
				ear_finish(&ear);
				bool any = false;
				for (unsigned i = 0; i < talk->count; i++)
					any = any || talk->pieces[i].bytes.size + 20 > size;
				assert_true(engine_counters(ear.engine)->fragments_joined > 0 || !any);
				assert_int_equal(engine_counters(ear.engine)->bad_checksum, 0);
				ear_close(&ear);
				compare(f, "IP fragments", size);
			}
	}
}

static void test_fragmented(void **state)
{
	(void)state;
	each_fixture(fragmented, SMALL);
}

/* --- what was not seen -------------------------------------------------------------------------------------- */

/* An event in few words, without what one side alone cannot know. */
struct sketch {
	char line[4096][96];
	char reason[64]; /* of the last violation */
	unsigned count, violations;
	bool resources;
	int only; /* a direction, or -1 */
	struct address client;
	bool strangers; /* an event whose client is another */
};

static void on_sketch(void *context, const struct event *event)
{
	struct sketch *s = context;
	s->violations += event->action == ACTION_VIOLATION;
	if (event->action == ACTION_VIOLATION)
		snprintf(s->reason, sizeof s->reason, "%s %.*s", event->app_proto, (int)event->reason.size, (const char *)event->reason.at);
	if (s->count && !address_equal(&s->client, &event->ends->client))
		s->strangers = true;
	s->client = event->ends->client;
	if (event->protocol <= PROTOCOL_UDP || (s->only >= 0 && event->direction != s->only) || s->count == 4096)
		return;
	struct slice resource = s->resources && event->resource.count ? slice_head(event->resource.items[0], 60) : slice_text("");
	snprintf(s->line[s->count++], sizeof *s->line, "%u %u %u %.*s", event->direction, event->message, event->action,
		 (int)resource.size, (const char *)resource.at);
}

static void sketch(struct sketch *s, int only, bool resources)
{
	struct ear ear;
	s->count = s->violations = 0;
	s->only = only;
	s->resources = resources;
	s->strangers = false;
	ear_open(&ear, &other);
	ear.heard = on_sketch;
	ear.context = s;
	ear_hear(&ear, talk, NULL);
	ear_close(&ear);
}

static struct sketch full, part;

static void one_side(const struct fixture *f)
{
	hear_base(f, &(struct talk_options){0}, NULL);
	if (dump_count(&base, " protocol=websocket")) /* an upgrade is what both sides say: one alone does not show it */
		return;
	for (int side = 0; side < 2; side++) {
		const struct talk_options options = {.segment = 17};
		talk_build(talk, f, &options);
		sketch(&full, side, side == TO_SERVER);
		for (unsigned i = talk->count; i-- > 0;)
			if (talk->pieces[i].direction != side)
				talk_remove(talk, i);
		sketch(&part, side, side == TO_SERVER);
		if (part.violations)
			fail_msg("%s: a violation when only %s is heard: %s", f->name, direction_name((unsigned)side), part.reason);
		if (side == TO_SERVER && full.count != part.count)
			fail_msg("%s: %u events of the client with the server's packets, %u without", f->name, full.count, part.count);
		for (unsigned i = 0; i < full.count && side == TO_SERVER; i++)
			assert_string_equal(full.line[i], part.line[i]);
		assert_false(part.strangers);
	}
}

static void test_one_side(void **state)
{
	(void)state;
	each_fixture(one_side, SMALL);
}

/* The server's SYN-ACK is captured before the client's SYN. */
static void answer_first(const struct fixture *f)
{
	hear_base(f, &(struct talk_options){0}, NULL);
	talk_build(talk, f, &(struct talk_options){0});
	struct piece syn = talk->pieces[0];
	talk->pieces[0] = talk->pieces[1];
	talk->pieces[1] = syn;
	hear(f, "SYN-ACK first", 0, NULL);
}

static void test_answer_first(void **state)
{
	(void)state;
	each_fixture(answer_first, SMALL);
}

/* Of a long session only what comes after the first packets is seen, whoever is heard first: client and server are still who they
 * are, and what is published is known. */
static void test_joined(void **state)
{
	(void)state;
	struct fixture *f = fixture_load(TW_SOURCE "/tests/laws/streams/mqtt/v311_session.txt");
	talk_build(talk, f, &(struct talk_options){0});
	sketch(&full, -1, true);
	for (unsigned drop = 4; drop + 8 < talk->count; drop++) {
		talk_build(talk, f, &(struct talk_options){0});
		for (unsigned i = 0; i < drop; i++)
			talk_remove(talk, 0);
		sketch(&part, -1, true);
		if (part.violations)
			fail_msg("joined after %u packets: a violation", drop);
		assert_false(part.strangers);
		assert_true(address_equal(&part.client, &talk->client));
		assert_true(part.count > 0);
		assert_string_equal(part.line[part.count - 1], full.line[full.count - 1]);
	}
	fixture_free(f);
}

/* Small messages, many in a segment and many over two: after a lost segment all are seen that it did not touch, but for the few
 * that it takes to find a boundary again. */
static void test_gap(void **state)
{
	static char text[65536];
	(void)state;
	int n = snprintf(text, sizeof text, "> 10 v( 2(\"MQTT\") 04 02 003c 2(\"gaps\") )\n< 20020000\n>");
	for (unsigned i = 0; i < 120; i++)
		n += snprintf(text + n, sizeof text - (size_t)n, " 30 v( 2(\"plant/line/%04u\") \"value %u\" )\n\t", i, i * 7);
	snprintf(text + n, sizeof text - (size_t)n, "\n> 30 v( 2(\"plant/last\") \"1\" )\n");
	struct fixture *f = fixture_parse("gaps", text);
	for (uint32_t size = 20; size < 400; size += 19) {
		talk_build(talk, f, &(struct talk_options){.segment = size});
		sketch(&full, TO_SERVER, true);
		unsigned total = talk->count;
		for (unsigned drop = 6; drop + 10 < total; drop += 5) {
			struct ear ear;
			talk_build(talk, f, &(struct talk_options){.segment = size});
			if (talk->pieces[drop].turn != 7) /* the long one */
				continue;
			uint32_t lost = talk->pieces[drop].bytes.size;
			talk_remove(talk, drop);
			part.count = part.violations = 0;
			part.only = TO_SERVER;
			part.resources = true;
			ear_open(&ear, &other);
			ear.heard = on_sketch;
			ear.context = &part;
			ear_hear(&ear, talk, NULL);
			const struct counters *counters = engine_counters(ear.engine);
			unsigned missing = full.count - part.count, touched = lost / 25 + 2;
			/* What belonged to a body that nobody reads is not missed. */
			if (counters->gaps > 1 || counters->gap_bytes > lost || part.violations || (missing && !counters->gaps))
				fail_msg("segments of %u without the %uth: %llu gaps of %llu bytes, %u violations", size, drop,
					 (unsigned long long)counters->gaps, (unsigned long long)counters->gap_bytes, part.violations);
			if (missing > touched + 2)
				fail_msg("segments of %u without the %uth: %u messages are missing, the loss touched at most %u", size,
					 drop, missing, touched);
			ear_close(&ear);
		}
	}
	fixture_free(f);
}

/* Messages larger than a segment, one behind the other without a pause: a boundary never falls on a segment's beginning. */
static void test_gap_large(void **state)
{
	static char text[65536];
	(void)state;
	int n = snprintf(text, sizeof text, "> 10 v( 2(\"MQTT\") 04 02 003c 2(\"gaps\") )\n< 20020000\n>");
	for (unsigned i = 0; i < 40; i++)
		n += snprintf(text + n, sizeof text - (size_t)n, " 30 v( 2(\"cam/%04u\") \"payload-\"*%u )\n\t", i, 250 + i * 3);
	snprintf(text + n, sizeof text - (size_t)n, "\n> 30 v( 2(\"cam/last\") \"1\" )\n");
	struct fixture *f = fixture_parse("large gaps", text);
	talk_build(talk, f, &(struct talk_options){.segment = 536});
	sketch(&full, TO_SERVER, true);
	for (unsigned drop = 8; drop < 60; drop += 3) {
		talk_build(talk, f, &(struct talk_options){.segment = 536});
		talk_remove(talk, drop);
		sketch(&part, TO_SERVER, true);
		assert_int_equal(part.violations, 0);
		if (full.count - part.count > 3)
			fail_msg("without segment %u: %u of %u messages are missing", drop, full.count - part.count, full.count);
		assert_string_equal(part.line[part.count - 1], full.line[full.count - 1]);
	}
	fixture_free(f);
}

/* Bytes that nobody needed to see may be lost without anybody noticing. */
static void test_gap_in_skipped(void **state)
{
	struct ear ear;
	(void)state;
	struct fixture *f = fixture_load(TW_SOURCE "/tests/laws/streams/mqtt/big_publish.txt");
	hear_base(f, &(struct talk_options){.segment = 1460}, NULL);
	talk_build(talk, f, &(struct talk_options){.segment = 1460});
	for (unsigned i = 60; i < 64; i++)
		talk_remove(talk, 60);
	ear_open(&ear, &other);
	ear_hear(&ear, talk, NULL);
	assert_int_equal(engine_counters(ear.engine)->gaps, 0);
	ear_close(&ear);
	char line[] = " mqtt.publish.topic=cam/1/after";
	assert_int_equal(dump_count(&other, line), 1);
	fixture_free(f);
}

/* --- depth -------------------------------------------------------------------------------------------------- */

/* A hundred megabytes on one connection, the sequence numbers wrapping half-way: the last message is seen like the first. */
static void test_no_depth_limit(void **state)
{
	enum { BODY = 50 << 20, CHUNK = 60000 };
	static uint8_t zeros[CHUNK];
	struct ear ear;
	(void)state;
	struct fixture *f = fixture_parse("deep", "> 10 v( 2(\"MQTT\") 04 02 003c 2(\"deep\") )\n< 20020000\n"
					  "> 30 84808019 2(\"aa\")\n> 30 84808019 2(\"bb\")\n> 30 v( 2(\"last\") \"1\" )\n");
	talk_build(talk, f, &(struct talk_options){.no_end = true, .first_seq = {0xffffffff - BODY, 5}});
	ear_open(&ear, &other);
	uint32_t shift = 0;
	for (unsigned i = 0; i < talk->count; i++) {
		struct piece p = talk->pieces[i];
		bool body = p.bytes.size == 9 && p.bytes.at[1] == 0x84;
		*(p.direction == TO_SERVER ? &p.seq : &p.ack) += shift;
		ear_piece(&ear, talk, &p, NULL);
		if (!body)
			continue;
		uint32_t seq = p.seq + 9;
		for (uint32_t left = BODY, m; left; left -= m) {
			m = left < CHUNK ? left : CHUNK;
			struct piece more = p;
			more.seq = seq;
			more.bytes = slice_of(zeros, m);
			ear_piece(&ear, talk, &more, NULL);
			seq += m;
		}
		shift += BODY;
	}
	ear_finish(&ear);
	assert_int_equal(engine_counters(ear.engine)->gaps, 0);
	ear_close(&ear);
	assert_int_equal(dump_count(&other, " mqtt.publish.topic=aa"), 1);
	assert_int_equal(dump_count(&other, " mqtt.publish.topic=bb"), 1);
	assert_int_equal(dump_count(&other, " mqtt.publish.topic=last"), 1);
	assert_int_equal(dump_count(&other, " mqtt.publish.payload_bytes=52428800"), 2);
	fixture_free(f);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrapped), cmocka_unit_test(test_cut), cmocka_unit_test(test_large),
		cmocka_unit_test(test_reordered), cmocka_unit_test(test_early_end), cmocka_unit_test(test_doubled),
		cmocka_unit_test(test_overlapping), cmocka_unit_test(test_contradicting), cmocka_unit_test(test_wrapping),
		cmocka_unit_test(test_fragmented), cmocka_unit_test(test_one_side), cmocka_unit_test(test_answer_first),
		cmocka_unit_test(test_joined), cmocka_unit_test(test_gap), cmocka_unit_test(test_gap_large),
		cmocka_unit_test(test_gap_in_skipped), cmocka_unit_test(test_no_depth_limit),
	};
	alarm(110);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	dump_open(&base, DUMP_ROOM, without);
	dump_open(&other, DUMP_ROOM, without);
	talk = talk_new();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	talk_free(talk);
	dump_close(&base);
	dump_close(&other);
	return failed;
}
