#include "feed.h"
#include "sensor/digest.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

const struct parser *const all_parsers[] = {
#define PARSER(name) &parser_##name,
#include "parsers/parsers.def"
#undef PARSER
	NULL,
};
const unsigned all_parser_count = sizeof all_parsers / sizeof *all_parsers - 1;

/* The only place that excuses a parser: libhtp allocates for itself, and so does OpenSSL while it reads an X.509 certificate that has
 * not been seen lately; it gives all of it back. */
static const char *const may_allocate[] = {"http", "tls", "dtls", NULL};

enum { PENDING_MAX = LIMIT_MESSAGE + 65536, ROOM = 2 << 20 };

/* --- the heap ----------------------------------------------------------------------------------------------- */

static bool watching;
static uint64_t asked;

void heap_watch(bool on)
{
	watching = on;
}

uint64_t heap_asked(void)
{
	return asked;
}

#if defined(__SANITIZE_ADDRESS__)
#define TW_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TW_ASAN 1
#endif
#endif

#ifdef TW_ASAN
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *at, size_t size),
					      void (*on_free)(const volatile void *at));

static void on_malloc(const volatile void *at, size_t size)
{
	(void)at, (void)size;
	asked += watching;
}

static void on_free(const volatile void *at)
{
	(void)at;
}

__attribute__((constructor)) static void install(void)
{
	__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
}
#else
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *at, size_t size);

void *malloc(size_t size)
{
	asked += watching;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	asked += watching;
	return __libc_calloc(count, size);
}

void *realloc(void *at, size_t size)
{
	asked += watching;
	return __libc_realloc(at, size);
}
#endif

/* --- the guarded input -------------------------------------------------------------------------------------- */

static bool guard_front;

void feed_guard_front(bool front)
{
	guard_front = front;
}

static struct slice guarded(struct slice bytes, unsigned depth)
{
	static uint8_t *rooms[2];
	long page = sysconf(_SC_PAGESIZE);
	if (!rooms[depth]) {
		uint8_t *at = mmap(NULL, ROOM + 2 * (size_t)page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (at == MAP_FAILED || mprotect(at + page, ROOM, PROT_READ | PROT_WRITE) != 0)
			abort();
		rooms[depth] = at + page;
	}
	if (bytes.size > ROOM)
		abort();
	uint8_t *at = guard_front ? rooms[depth] : rooms[depth] + ROOM - bytes.size;
	if (bytes.size)
		memcpy(at, bytes.at, bytes.size);
	return slice_of(at, bytes.size);
}

/* --- one parser --------------------------------------------------------------------------------------------- */

struct feed *feed_open(void)
{
	struct feed *f = calloc(1, sizeof *f);
	if (!f)
		abort();
	f->memos = memos_open(4096, &f->counters);
	f->inner = calloc(1, sizeof *f->inner);
	for (unsigned i = 0; f->inner && i < 2; i++) {
		f->side[i].pending = malloc(PENDING_MAX);
		f->inner->side[i].pending = malloc(PENDING_MAX);
	}
	if (!f->memos || !f->inner)
		abort();
	digest_set_salt(1);
	return f;
}

static void end_unheard(struct feed *f)
{
	f->dump = NULL;
	f->hook = NULL;
	feed_end(f);
}

void feed_close(struct feed *f)
{
	end_unheard(f);
	for (unsigned i = 0; i < 2; i++) {
		free(f->side[i].pending);
		free(f->inner->side[i].pending);
	}
	free(f->inner);
	memos_close(f->memos);
	free(f);
}

static void reset(struct feed *f)
{
	struct feed_side sides[2] = {{.pending = f->side[0].pending}, {.pending = f->side[1].pending}};
	struct feed *inner = f->inner;
	struct memos *memos = f->memos;
	*f = (struct feed){.inner = inner, .memos = memos};
	memcpy(f->side, sides, sizeof sides);
	memset(f->state, 0xa5, sizeof f->state);
}

void feed_begin(struct feed *f, const struct parser *parser, const struct fixture *fixture, struct dump *dump)
{
	/* Every flow has an id of its own: what is remembered of one is never another's. In dumps it is left out. */
	static uint64_t flows;
	end_unheard(f);
	reset(f->inner);
	reset(f);
	memos_close(f->memos); /* a parser may remember under the ends, which are the same in every run */
	f->memos = memos_open(4096, &f->counters);
	f->inner->outer = f;
	f->inner->inner = NULL;
	f->parser = parser;
	f->decided = parser != NULL;
	f->midstream = fixture && fixture->midstream;
	f->client_port = fixture ? fixture->client_port : 40000;
	f->server_port = fixture ? fixture->server_port : 1883;
	f->ends.client_port = f->client_port;
	f->ends.server_port = f->server_port;
	f->flow_id = ++flows;
	f->time_ns = 1600000000 * TW_SECOND;
	f->frame = 1;
	f->dump = dump;
	memset(f->state, 0, parser ? parser->state_bytes : LIMIT_PARSER_STATE);
}

static struct feed *root_of(struct feed *f)
{
	return f->outer ? f->outer : f;
}

static void broke(struct feed *f, const char *what)
{
	f = root_of(f);
	if (!f->broken)
		f->broken = what;
}

static bool excused(const struct parser *parser)
{
	for (const char *const *name = may_allocate; *name; name++)
		if (strcmp(*name, parser->name) == 0)
			return true;
	return false;
}

static void on_emit(struct parse *parse, const struct event *event)
{
	struct feed *f = root_of(parse->owner);
	bool watched = watching;
	watching = false; /* what the test does with the event is its own affair */
	f->events++;
	if (!event->session || !event->ends)
		broke(f, "an event without session or ends");
	else if (f->dump)
		dump_event(f->dump, event);
	if (f->hook)
		f->hook(f->context, event);
	watching = watched;
}

static void on_carry(struct parse *parse, const struct parser *inner, struct slice bytes)
{
	struct feed *outer = parse->owner, *f = outer->inner;
	bool watched = watching;
	watching = false;
	if (!f->flow_id) {
		f->flow_id = outer->flow_id + (1ull << 40);
		f->client_port = outer->client_port;
		f->server_port = outer->server_port;
		f->ends = outer->ends;
		f->memos = outer->memos;
		memset(f->state, 0, sizeof f->state);
	}
	if (inner && !f->decided) {
		f->parser = inner;
		f->decided = true;
	}
	f->time_ns = outer->time_ns;
	f->frame = outer->frame;
	f->midstream = outer->midstream;
	uint64_t before = asked;
	feed_bytes(f, parse->direction, bytes);
	asked = before; /* what is carried answers for itself */
	watching = watched;
}

/* What is carried carries nothing itself. */
static void on_carry_nothing(struct parse *parse, const struct parser *inner, struct slice bytes)
{
	(void)parse, (void)inner, (void)bytes;
}

static void on_carry_lost(struct parse *parse, uint64_t missing)
{
	struct feed *outer = parse->owner;
	if (outer->inner && outer->inner->flow_id)
		feed_gap(outer->inner, parse->direction, missing);
}

static void parse_begin(struct feed *f, enum direction direction, struct parse *parse)
{
	struct feed *root = root_of(f);
	*parse = (struct parse){
		.state = f->state,
		.session = &root->session,
		.memos = f->memos,
		.flow_id = f->flow_id,
		.time_ns = f->time_ns,
		.direction = (uint8_t)direction,
		.midstream = f->midstream,
		.peer_heard = true,
		.carry = f->outer ? on_carry_nothing : on_carry,
		.carry_lost = on_carry_lost,
		.emit = on_emit,
		.owner = f,
		.counters = &root->counters,
	};
	parse->base = (struct event){
		.time_ns = f->time_ns, .flow_id = f->flow_id, .ends = &f->ends, .session = &root->session,
		.app_proto = f->parser->name, .frame = f->frame, .protocol = (uint8_t)f->parser->protocol,
		.fields = f->parser->fields, .transport = f->parser->transport, .direction = (uint8_t)direction,
		.source = f->parser->transport ? SOURCE_WIRE : SOURCE_LOG,
	};
}

static enum verdict call(struct feed *f, enum direction direction, struct slice bytes, struct parse *parse)
{
	const struct parser *parser = f->parser;
	uint8_t *end = (uint8_t *)f->state + parser->state_bytes;
	uint8_t mark = *end = 0x5a; /* nobody's byte behind the state */
	parse_begin(f, direction, parse);
	struct slice input = guarded(bytes, f->outer != NULL);
	uint64_t before = asked;
	bool watched = watching;
	watching = true;
	enum verdict verdict = parser->parse(parse, input);
	watching = watched;
	if (asked != before && !excused(parser))
		broke(f, "the parser allocates");
	if (*end != mark)
		broke(f, "the parser writes behind its state");
	if (parse->consumed > bytes.size)
		broke(f, "more is consumed than was given");
	if ((unsigned)verdict > PARSE_BAD)
		broke(f, "an unknown verdict");
	if (verdict == PARSE_MORE && parse->want > LIMIT_MESSAGE)
		broke(f, "more is wanted than is ever kept");
	root_of(f)->any_bad = root_of(f)->any_bad || verdict == PARSE_BAD;
	return verdict;
}

/* As classify.c: parsers of this transport in the order of the table. */
static bool decide(struct feed *f, enum direction direction, struct slice bytes)
{
	bool maybe = false;
	for (const struct parser *const *p = all_parsers; *p; p++) {
		if (!(*p)->probe || (*p)->transport != TRANSPORT_TCP)
			continue;
		enum probe probe = (*p)->probe(guarded(bytes, f->outer != NULL), (uint8_t)direction, f->client_port, f->server_port);
		maybe = maybe || probe == PROBE_MAYBE;
		if (probe == PROBE_NO || probe == PROBE_MAYBE)
			continue;
		f->parser = *p;
		f->decided = true;
		return true;
	}
	f->decided = !maybe || bytes.size > 64;
	return f->decided;
}

static void parser_end(struct feed *f)
{
	struct parse parse;
	if (!f->parser || !f->parser->end)
		return;
	parse_begin(f, TO_SERVER, &parse);
	f->parser->end(&parse);
	memset(f->state, 0, sizeof f->state);
}

void feed_end(struct feed *f)
{
	if (f->inner)
		parser_end(f->inner);
	parser_end(f);
}

static void become(struct feed *f, const struct parser *parser)
{
	parser_end(f);
	f->parser = parser;
	f->decided = parser != NULL;
	memset(f->state, 0, sizeof f->state);
	for (unsigned i = 0; i < 2; i++) {
		f->side[i].dead = false;
		f->side[i].want = 0;
	}
}

/* Hands bytes over until no more of them are wanted; returns what is left. */
static struct slice offer(struct feed *f, enum direction direction, struct slice bytes)
{
	struct feed_side *side = &f->side[direction];
	bool anew = false; /* a parser that a flow becomes is called at once */
	while ((bytes.size || anew) && !side->dead) {
		struct parse parse;
		anew = false;
		if (!f->decided && !decide(f, direction, bytes)) {
			side->want = 0;
			return bytes;
		}
		if (!f->parser) {
			side->dead = true;
			break;
		}
		enum verdict verdict = call(f, direction, bytes, &parse);
		uint32_t used = parse.consumed < bytes.size ? parse.consumed : bytes.size;
		side->want = parse.want;
		side->skip = parse.skip;
		side->dead = verdict != PARSE_MORE;
		bytes = slice_of(bytes.at + used, bytes.size - used);
		if (parse.becomes || parse.becomes_unknown) {
			become(f, parse.becomes);
			anew = parse.becomes != NULL;
			continue;
		}
		uint32_t n = side->skip < bytes.size ? (uint32_t)side->skip : bytes.size;
		side->skip -= n;
		bytes = slice_of(bytes.at + n, bytes.size - n);
		if (!parse.skip)
			break;
	}
	return side->dead ? slice_of(bytes.at, 0) : bytes;
}

void feed_bytes(struct feed *f, enum direction direction, struct slice bytes)
{
	struct feed_side *side = &f->side[direction];
	if (side->dead)
		return;
	uint32_t n = side->skip < bytes.size ? (uint32_t)side->skip : bytes.size;
	side->skip -= n;
	bytes = slice_of(bytes.at + n, bytes.size - n);
	while (bytes.size && !side->dead) {
		uint32_t room = PENDING_MAX - side->pending_bytes;
		uint32_t take = bytes.size < 65536 ? bytes.size : 65536; /* no segment is larger */
		take = take < room ? take : room;
		memcpy(side->pending + side->pending_bytes, bytes.at, take);
		side->pending_bytes += take;
		bytes = slice_of(bytes.at + take, bytes.size - take);
		if (side->pending_bytes < side->want && side->pending_bytes < LIMIT_MESSAGE)
			continue;
		struct slice left = offer(f, direction, slice_of(side->pending, side->pending_bytes));
		if (left.size >= LIMIT_MESSAGE)
			left.size = 0;
		memmove(side->pending, left.at, left.size);
		side->pending_bytes = left.size;
		n = side->skip < bytes.size ? (uint32_t)side->skip : bytes.size;
		side->skip -= n;
		bytes = slice_of(bytes.at + n, bytes.size - n);
	}
}

void feed_gap(struct feed *f, enum direction direction, uint64_t missing)
{
	struct feed_side *side = &f->side[direction];
	struct parse parse;
	side->pending_bytes = side->want = 0;
	side->skip = 0;
	if (side->dead || !f->parser || !f->parser->gap)
		return;
	parse_begin(f, direction, &parse);
	f->parser->gap(&parse, missing);
}

void feed_expire(struct feed *f)
{
	struct feed *speaker = f->inner->parser ? f->inner : f;
	struct parse parse;
	if (!speaker->parser || !speaker->parser->expire)
		return;
	parse_begin(speaker, TO_SERVER, &parse);
	speaker->parser->expire(&parse);
}

void feed_message(struct feed *f, enum direction direction, struct slice bytes)
{
	struct parse parse;
	if (f->parser)
		(void)call(f, direction, bytes, &parse);
}

void feed_fixture(struct feed *f, const struct fixture *fixture)
{
	for (unsigned t = 0; t < fixture->count; t++) {
		f->frame = t + 1;
		f->time_ns += TW_SECOND;
		if (f->parser && f->parser->transport != TRANSPORT_TCP)
			feed_message(f, fixture->turns[t].direction, fixture_turn(fixture, t));
		else
			feed_bytes(f, fixture->turns[t].direction, fixture_turn(fixture, t));
	}
}
