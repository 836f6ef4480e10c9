#include "log_facts.h"

enum { KEY_CLIENT = 1 };

struct log_session *log_facts_session(struct log_parse *parse, struct slice client_id)
{
	return client_id.size ? log_session_find(parse->sessions, log_session_key(parse->source, KEY_CLIENT, client_id)) : NULL;
}

void log_facts_next(struct log_parse *parse, uint64_t time_ns)
{
	parse->about = NULL;
	parse->ends = (struct ends){0};
	parse->session = (struct session){0};
	parse->log.count = 1;
	parse->base.session = &parse->session;
	parse->base.flow_id = 0;
	if (time_ns)
		parse->base.time_ns = time_ns;
}

static void login(struct log_parse *parse, struct mqtt_event *detail, const struct log_facts *f)
{
	struct log_login login = {.client_id = f->client_id, .user = f->user, .version = f->version};
	if (f->outcome == OUTCOME_SUCCESS && f->client_id.size)
		log_client_begin(parse, log_session_key(parse->source, KEY_CLIENT, f->client_id), &login);
	else
		parse->base.flow_id = log_flow_id(parse, &parse->ends.client, parse->ends.client_port);
	log_client_login(parse, detail, &login, f->outcome, f->reason);
}

/* Who it is about: the session of the name, unless the record has another end for it. */
static void about(struct log_parse *parse, const struct log_facts *f, const struct ends *said)
{
	struct log_session *session = log_facts_session(parse, f->client_id);
	bool other = session && address_known(&said->client) &&
		     (!address_equal(&said->client, &session->ends.client) ||
		      (said->client_port && said->client_port != session->ends.client_port));
	if (session && !other) {
		log_about(parse, session);
		return;
	}
	if (f->client_id.at)
		name_set(&parse->session.client_id, f->client_id);
	if (f->user.at)
		name_set(&parse->session.user, f->user);
}

static void set_topics(struct event *event, struct mqtt_event *detail, const struct log_facts *f)
{
	event->resource = (struct slices){f->topics, f->topic_count};
	if (!f->topic_count || f->outcome == OUTCOME_FAILURE || f->direction == TO_CLIENT)
		return;
	if (f->action == ACTION_SUBSCRIBE || f->action == ACTION_UNSUBSCRIBE) {
		detail->topics = event->resource;
		detail->topic_count = f->topic_count;
		event->message = f->action == ACTION_SUBSCRIBE ? MQTT_SUBSCRIBE : MQTT_UNSUBSCRIBE;
		event_set(event, MQTT_BIT_TOPICS);
	} else if (f->action == ACTION_PUBLISH) {
		detail->topic = f->topics[0];
		event->message = MQTT_PUBLISH;
		event_set(event, MQTT_BIT_TOPIC);
	} else {
		return;
	}
	detail->type = event->message;
	event->detail = detail;
	event->fields = mqtt_fields;
}

void log_facts_emit(struct log_parse *parse, struct mqtt_event *detail, const struct log_facts *f)
{
	struct address client;
	uint16_t port;
	if (f->from.at && log_end(f->from, &client, &port)) {
		parse->ends.client = client;
		parse->ends.client_port = port ? port : f->port <= UINT16_MAX ? (uint16_t)f->port : 0;
	}
	parse->log.count = f->count > UINT32_MAX ? UINT32_MAX : f->count ? (uint32_t)f->count : 1;
	if (f->action == ACTION_CONNECT && f->outcome != OUTCOME_UNKNOWN) {
		login(parse, detail, f);
		return;
	}
	struct ends said = parse->ends;
	about(parse, f, &said);
	struct event event = log_event(parse, PROTOCOL_MQTT, f->action, f->outcome, f->reason);
	event.direction = (uint8_t)f->direction;
	set_topics(&event, detail, f);
	log_emit(parse, &event);
	bool end = f->action == ACTION_CLOSE || f->action == ACTION_DISCONNECT;
	if (end && parse->about && !f->keeps_session)
		log_session_end(parse->sessions, parse->about);
}

void log_facts_ended(struct log_facts *f, const struct log_facts_end *ends, struct slice why, bool (*is)(struct slice, const char *))
{
	while (ends->why && !is(why, ends->why))
		ends++;
	f->action = ends->action;
	f->outcome = ends->outcome;
	f->reason = ends->reason;
	f->direction = ends->by;
}
