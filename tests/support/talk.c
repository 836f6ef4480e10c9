#include "talk.h"
#include "sensor/digest.h"
#include <stdlib.h>

struct talk *talk_new(void)
{
	struct talk *talk = malloc(sizeof *talk);
	if (!talk)
		abort();
	return talk;
}

void talk_free(struct talk *talk)
{
	free(talk);
}

static void say(struct talk *t, uint8_t direction, uint8_t flags, struct slice bytes)
{
	if (t->count == PIECES_MAX)
		abort();
	t->pieces[t->count] = (struct piece){direction, flags, t->turn, t->next[direction], flags & TCP_ACK ? t->next[!direction] : 0,
					     bytes, 1600000000 * TW_SECOND + t->turn * TW_SECOND + t->count * 1000ull};
	t->count++;
	t->next[direction] += bytes.size + (flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
}

static void say_turn(struct talk *t, const struct turn *turn, const struct talk_options *o)
{
	struct slice left = slice_of(t->fixture->bytes + turn->offset, turn->size);
	uint32_t at = turn->offset;
	while (left.size) {
		uint32_t most = o->segment ? o->segment : 60000, n = left.size < most ? left.size : most;
		if (o->cut_at > at && o->cut_at < at + n)
			n = o->cut_at - at;
		say(t, turn->direction, TCP_ACK | TCP_PSH, slice_head(left, n));
		left = slice_of(left.at + n, left.size - n);
		at += n;
	}
	t->turn++;
	say(t, !turn->direction, TCP_ACK, slice_of(t->fixture->bytes, 0));
}

void talk_build(struct talk *t, const struct fixture *fixture, const struct talk_options *o)
{
	const struct slice nothing = {fixture->bytes, 0};
	t->fixture = fixture;
	t->client = wire_address(o->v6 ? "2001:db8::10" : "192.0.2.10");
	t->server = wire_address(o->v6 ? "2001:db8::1" : "198.51.100.1");
	t->next[0] = o->first_seq[0] ? o->first_seq[0] : 1000;
	t->next[1] = o->first_seq[1] ? o->first_seq[1] : 900000;
	t->count = t->turn = 0;
	if (!o->no_handshake) {
		say(t, TO_SERVER, TCP_SYN, nothing);
		t->turn++;
		say(t, TO_CLIENT, TCP_SYN | TCP_ACK, nothing);
		t->turn++;
		say(t, TO_SERVER, TCP_ACK, nothing);
		t->turn++;
	}
	for (unsigned i = 0; i < fixture->count; i++) {
		say_turn(t, &fixture->turns[i], o);
		t->turn++;
	}
	if (o->no_end)
		return;
	say(t, TO_SERVER, TCP_FIN | TCP_ACK, nothing);
	t->turn++;
	say(t, TO_CLIENT, TCP_FIN | TCP_ACK, nothing);
	t->turn++;
	say(t, TO_SERVER, TCP_ACK, nothing);
}

struct piece *talk_insert(struct talk *t, unsigned at, struct piece piece)
{
	if (t->count == PIECES_MAX)
		abort();
	memmove(&t->pieces[at + 1], &t->pieces[at], (t->count - at) * sizeof *t->pieces);
	t->pieces[at] = piece;
	t->count++;
	return &t->pieces[at];
}

void talk_remove(struct talk *t, unsigned at)
{
	memmove(&t->pieces[at], &t->pieces[at + 1], (t->count - at - 1) * sizeof *t->pieces);
	t->count--;
}

static void swap(struct talk *t, unsigned i, unsigned j)
{
	struct piece kept = t->pieces[i];
	uint64_t time_i = kept.time_ns, time_j = t->pieces[j].time_ns; /* time stays where it is */
	t->pieces[i] = t->pieces[j];
	t->pieces[j] = kept;
	t->pieces[i].time_ns = time_i;
	t->pieces[j].time_ns = time_j;
}

static unsigned turn_end(const struct talk *t, unsigned begin)
{
	unsigned end = begin;
	while (end < t->count && t->pieces[end].turn == t->pieces[begin].turn)
		end++;
	return end;
}

void talk_shuffle(struct talk *t, struct dice *dice)
{
	for (unsigned begin = 0, end; begin < t->count; begin = end) {
		end = turn_end(t, begin);
		for (unsigned i = end - 1; i > begin; i--)
			swap(t, i, begin + dice_roll(dice, i - begin + 1));
	}
}

void talk_reverse(struct talk *t)
{
	for (unsigned begin = 0, end; begin < t->count; begin = end) {
		end = turn_end(t, begin);
		for (unsigned i = begin, j = end - 1; i < j; i++, j--)
			swap(t, i, j);
	}
}

/* --- the engine --------------------------------------------------------------------------------------------- */

static void on_event(void *context, const struct event *event)
{
	struct ear *ear = context;
	if (ear->heard)
		ear->heard(ear->context, event);
	else
		dump_event(ear->dump, event);
}

static void on_alert(void *context, const struct alert *alert)
{
	(void)context, (void)alert;
}

void ear_open(struct ear *ear, struct dump *dump)
{
	*ear = (struct ear){.config = config_default(), .dump = dump};
	ear->config->ndpi = false;
	ear->config->limit_flows = 256;
	ear->config->limit_segments = 4096;
	ear->config->limit_fragments = 64;
	ear->config->limit_memos = 1024;
	digest_set_salt(1);
	if (dump)
		dump_clear(dump);
	const struct engine_options options = {.config = ear->config, .alert = on_alert, .event = on_event, .context = ear};
	ear->engine = engine_open(&options);
	if (!ear->engine)
		abort();
}

void ear_close(struct ear *ear)
{
	engine_close(ear->engine);
	config_free(ear->config);
}

void ear_packet(struct ear *ear, const struct wire *wire, uint64_t time_ns)
{
	struct packet packet = wire_packet(wire, time_ns, ++ear->frame);
	engine_packet(ear->engine, &packet);
}

void ear_piece(struct ear *ear, const struct talk *t, const struct piece *p, void (*wrap)(struct wire *wire))
{
	static struct wire wire;
	bool up = p->direction == TO_SERVER;
	const struct address *from = up ? &t->client : &t->server, *to = up ? &t->server : &t->client;
	wire_begin(&wire, p->bytes);
	wire_tcp(&wire, from, to, up ? t->fixture->client_port : t->fixture->server_port,
		 up ? t->fixture->server_port : t->fixture->client_port, p->seq, p->ack, p->flags);
	wire_ip(&wire, from, to, TRANSPORT_TCP);
	(wrap ? wrap : wire_ethernet)(&wire);
	ear_packet(ear, &wire, p->time_ns);
}

void ear_hear(struct ear *ear, const struct talk *t, void (*wrap)(struct wire *wire))
{
	for (unsigned i = 0; i < t->count; i++)
		ear_piece(ear, t, &t->pieces[i], wrap);
	ear_finish(ear);
}

void ear_finish(struct ear *ear)
{
	engine_finish(ear->engine);
}
