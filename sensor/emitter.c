#include "emitter.h"
#include "classify.h"
#include "detect.h"
#include "fusion.h"
#include "identity.h"
#include "stream.h"

/* --- events ------------------------------------------------------------------------------------------------- */

void emitter_event(struct emitter *e, const struct event *event)
{
	e->counters->events++;
	e->events_of[event->protocol]++;
	if (e->fusion) {
		fusion_event(e->fusion, event, e->told_ns);
		return;
	}
	if (e->event)
		e->event(e->context, event);
	if (e->detect)
		detect_event(e->detect, event);
}

void emitter_time(struct emitter *e, uint64_t now_ns)
{
	e->told_ns = now_ns;
	if (e->fusion)
		fusion_time(e->fusion, now_ns);
	else if (e->detect)
		detect_time(e->detect, now_ns);
}

/* The flow whose packets these are: of a flow that another carries, the carrier. */
static struct flow *root_of(const struct emitter *e, struct flow *flow)
{
	return flow->carried ? flow_kin(e->flows, flow) : flow;
}

void emitter_event_begin(const struct emitter *e, struct flow *flow, enum direction direction, struct event *event)
{
	struct flow *root = root_of(e, flow);
	*event = e->blank;
	event->flow_id = flow->flow_id;
	event->ends = &root->ends;
	event->session = &root->session;
	event->app_proto = flow->app_proto;
	event->transport = flow->transport;
	event->direction = (uint8_t)direction;
	event->one_sided = !root->half[TO_SERVER].packets || !root->half[TO_CLIENT].packets;
	if (e->macs)
		flow_macs(root, event->mac);
}

/* --- what parsers call -------------------------------------------------------------------------------------- */

/* Something that a session is there for, as opposed to what begins, keeps and ends it. */
static bool is_use(unsigned action)
{
	return action == ACTION_PUBLISH || action == ACTION_SUBSCRIBE || action == ACTION_UNSUBSCRIBE || action == ACTION_DELIVER ||
	       action == ACTION_REQUEST || action == ACTION_RESPOND;
}

/* Who holds the client identifier after what `parse` has read; where its session is live as well, NULL when nowhere else. */
static const struct address *follow_identity(struct emitter *e, const struct parse *parse, const struct event *event)
{
	const struct flow *root = root_of(e, parse->flow);
	if (event->action == ACTION_CONNECT && parse->session->state == SESSION_ASKED)
		identity_asked(e->identities, e->flows, root);
	else if (event->action == ACTION_AUTHENTICATE && event->outcome == OUTCOME_FAILURE)
		identity_refused(e->identities, e->flows, root);
	else if (event->action == ACTION_AUTHENTICATE && event->outcome == OUTCOME_SUCCESS)
		return identity_begins(e->identities, e->flows, root);
	return NULL;
}

static void emit(struct parse *parse, const struct event *event)
{
	struct emitter *e = parse->owner;
	const struct address *predecessor = NULL;
	if (event->action == ACTION_CONNECT || event->action == ACTION_AUTHENTICATE)
		predecessor = follow_identity(e, parse, event);
	if (predecessor) {
		struct event login = *event;
		login.predecessor = *predecessor;
		emitter_event(e, &login);
	} else {
		emitter_event(e, event);
	}
	if (is_use(event->action))
		parse->session->used = true;
}

static void carry(struct parse *parse, const struct parser *inner, struct slice bytes)
{
	struct emitter *e = parse->owner;
	struct flow *flow = flow_carry(e->flows, parse->flow, e->ended, e->ended_context);
	emitter_show(e, parse->time_ns, parse->base.frame, parse->base.file); /* ended() may have spoken of the past */
	if (!flow)
		return;
	if (inner && !flow->parser_state)
		classify_as(e->classifier, flow, inner);
	stream_carry(e->streams, flow, parse->direction, bytes);
}

/* What is carried carries nothing itself. */
static void carry_nothing(struct parse *parse, const struct parser *inner, struct slice bytes)
{
	(void)parse, (void)inner, (void)bytes;
}

static void carry_lost(struct parse *parse, uint64_t missing)
{
	struct emitter *e = parse->owner;
	struct flow *flow = parse->flow->carried ? NULL : flow_kin(e->flows, parse->flow);
	if (flow)
		stream_carry_lost(e->streams, flow, parse->direction, missing);
}

void emitter_parse_begin(struct emitter *e, struct flow *flow, enum direction direction, struct parse *parse)
{
	struct flow *root = root_of(e, flow);
	const struct half *own = &root->half[direction], *other = &root->half[!direction];
	/* One by one, so that `base` is written once: to clear it all first is dear for so short a call. */
	parse->state = flow->state;
	parse->session = &root->session;
	parse->memos = e->memos;
	parse->flow_id = flow->flow_id;
	parse->time_ns = e->blank.time_ns;
	parse->direction = (uint8_t)direction;
	parse->midstream = flow->midstream;
	parse->cut = false;
	parse->peer_heard = (int32_t)(own->last_ack - other->next_seq) >= 0; /* a FIN takes a number too */
	parse->peer_left = other->fin || other->rst;
	parse->carry = flow->carried ? carry_nothing : carry;
	parse->carry_lost = carry_lost;
	parse->emit = emit;
	parse->owner = e;
	parse->flow = flow;
	parse->counters = e->counters;
	parse->consumed = parse->want = 0;
	parse->skip = 0;
	parse->becomes = NULL;
	parse->becomes_unknown = false;
	emitter_event_begin(e, flow, direction, &parse->base);
	parse->base.protocol = (uint8_t)flow->parser->protocol;
	parse->base.fields = flow->parser->fields;
}

/* A deadline that moved later needs nothing: the wheel looks again when it comes by. */
void emitter_parse_end(struct emitter *e, struct flow *flow)
{
	flow = root_of(e, flow);
	if (flow->session.deadline_ns && flow->session.deadline_ns < flow->expires_ns)
		flow_reschedule(e->flows, flow);
}
