#include "mqtt_reading.h"

static void show_inflight(struct reading *r)
{
	r->mqtt->inflight = r->state->inflight[TO_SERVER];
	r->mqtt->qos2_open = r->state->qos2_open[TO_SERVER];
	event_set(&r->event, MQTT_BIT_INFLIGHT);
}

static void count_up(uint16_t *count)
{
	if (*count < UINT16_MAX)
		++*count;
}

static void count_down(uint16_t *count)
{
	if (*count)
		--*count;
}

static void publish_count(struct reading *r)
{
	struct mqtt_state *state = r->state;
	uint8_t d = r->parse->direction;
	if (r->mqtt->qos == 0)
		return;
	/* MQTT 5 sends again only on a new connection, where the message counts anew; before, it may be one that was counted. */
	if (r->mqtt->dup && !mqtt_is_v5(r) && state->inflight[d])
		return;
	count_up(&state->inflight[d]);
	if (r->mqtt->qos == 2)
		count_up(&state->qos2_open[d]);
	if (mqtt_is_v5(r) && !state->careful && r->parse->peer_heard && !r->event.one_sided && state->receive_max[d] &&
	    state->inflight[d] > state->receive_max[d])
		mqtt_violate(r, "receive_maximum_exceeded");
}

static void publish_tally(struct reading *r)
{
	enum { TALLY = 100 };
	if (++r->state->published % TALLY)
		return;
	r->mqtt->counted = TALLY;
	event_set(&r->event, MQTT_BIT_COUNTED);
}

/* An answer of MQTT 5 may refuse a message: the topic is kept until then. */
static void topic_keep(struct reading *r)
{
	const struct mqtt_event *mqtt = r->mqtt;
	if (mqtt->qos && mqtt_is_v5(r) && mqtt->topic.size && !r->event.one_sided)
		memo_put(r->parse->memos, memo_key(r->parse->flow_id, MEMO_MESSAGE, mqtt->message_id), mqtt->topic);
}

static void topic_recall(struct reading *r)
{
	struct mqtt_event *mqtt = r->mqtt;
	uint64_t key = memo_key(r->parse->flow_id, MEMO_MESSAGE, mqtt->message_id);
	if (!mqtt_is_v5(r) || (r->at.type != MQTT_PUBACK && r->at.type != MQTT_PUBREC))
		return;
	if (mqtt->reason_code && memo_get(r->parse->memos, key, &mqtt->topic))
		r->event.resource = (struct slices){&mqtt->topic, 1};
	memo_drop(r->parse->memos, key);
}

static void ack_count(struct reading *r)
{
	struct mqtt_state *state = r->state;
	unsigned d = !r->parse->direction; /* an acknowledgement travels against the message */
	uint8_t type = r->at.type;
	bool ends = type == MQTT_PUBACK || type == MQTT_PUBCOMP || (type == MQTT_PUBREC && r->mqtt->reason_code >= 0x80);
	if (!ends)
		return;
	count_down(&state->inflight[d]);
	if (type != MQTT_PUBACK)
		count_down(&state->qos2_open[d]);
}

/* The memory for aliases is shared and bounded: once it has forgotten something, an unknown alias proves nothing. */
static void resolve_alias(struct reading *r)
{
	struct mqtt_event *mqtt = r->mqtt;
	uint8_t d = r->parse->direction;
	if (!mqtt_has_property(r, MQTT_PROPERTY_topic_alias)) {
		if (!mqtt->topic.size)
			mqtt_violate(r, "empty_topic");
		return;
	}
	uint32_t alias = mqtt->own.number[MQTT_PROPERTY_topic_alias];
	uint64_t key = memo_key(r->parse->flow_id, MEMO_ALIAS, alias << 1 | d);
	bool judged = !r->state->careful && r->state->connected && !r->event.one_sided;
	if (alias == 0 || (judged && alias > r->state->alias_max[d]))
		mqtt_violate(r, "topic_alias_invalid");
	if (mqtt->topic.size)
		memo_put(r->parse->memos, key, mqtt->topic);
	else if (!memo_get(r->parse->memos, key, &mqtt->topic) && !r->state->careful && !r->parse->counters->memos_evicted)
		mqtt_violate(r, "topic_alias_invalid");
}

static void topic_check(struct reading *r)
{
	struct slice topic = r->mqtt->topic;
	mqtt_violate(r, mqtt_check_text(topic));
	for (uint32_t i = 0; i < topic.size; i++)
		if (topic.at[i] == '#' || topic.at[i] == '+') {
			mqtt_violate(r, "wildcard_in_topic");
			return;
		}
}

static void publish_check(struct reading *r)
{
	const struct mqtt_event *mqtt = r->mqtt;
	if (mqtt->qos == 3)
		mqtt_violate(r, "qos_3");
	else if (mqtt->qos && mqtt_refused(r, mqtt->qos == 1 ? REFUSES_QOS_1 : REFUSES_QOS_2))
		mqtt_violate(r, "qos_not_supported");
	if (mqtt->dup && mqtt->qos == 0) /* [MQTT-3.3.1-2] */
		mqtt_violate(r, "dup_qos_0");
	if (mqtt->retain && mqtt_refused(r, REFUSES_RETAIN))
		mqtt_violate(r, "retain_not_supported");
}

/* MQTT 3.1.1 section 3.3: topic, [packet identifier], [properties], payload. */
void mqtt_publish_read(struct reading *r, struct reader *b)
{
	struct mqtt_event *mqtt = r->mqtt;
	mqtt_set_action(r, ACTION_PUBLISH, OUTCOME_UNKNOWN);
	publish_check(r);
	uint32_t before = reader_left(b);
	mqtt->topic = read_be16_slice(b);
	if (b->failed)
		return;
	event_set(&r->event, MQTT_BIT_TOPIC);
	topic_check(r);
	if (mqtt->qos)
		mqtt_read_message_id(r, b);
	if (mqtt_is_v5(r)) {
		mqtt_read_own_properties(r, b);
		if (r->parse->direction == TO_SERVER && mqtt_has_property(r, MQTT_PROPERTY_subscription_identifier))
			mqtt_violate(r, "misplaced_property"); /* [MQTT-3.3.4-6]: the server adds it */
		resolve_alias(r);
	} else if (!mqtt->topic.size && r->state->version) {
		mqtt_violate(r, "empty_topic");
	}
	if (!b->failed && !r->body.cut) {
		mqtt->payload_bytes = r->at.length - (before - reader_left(b));
		event_set(&r->event, MQTT_BIT_PAYLOAD);
	}
	if (mqtt->topic.size)
		r->event.resource = (struct slices){&mqtt->topic, 1};
	publish_count(r);
	if (r->parse->direction == TO_SERVER) {
		show_inflight(r);
		publish_tally(r);
		topic_keep(r);
	}
}

void mqtt_ack_read(struct reading *r, struct reader *b)
{
	mqtt_read_message_id(r, b);
	uint8_t code = 0;
	if (reader_left(b) && (mqtt_is_v5(r) || !r->state->version)) {
		r->state->version = 5; /* joined half-way: before MQTT 5 nothing follows */
		code = read_u8(b);
		if (reader_left(b))
			mqtt_read_own_properties(r, b);
	}
	mqtt_set_reason(r, code);
	bool failed = code >= 0x80 || code == 0x10;
	mqtt_set_action(r, ACTION_DELIVER, failed ? OUTCOME_FAILURE
			     : r->at.type == MQTT_PUBREL ? OUTCOME_UNKNOWN : OUTCOME_SUCCESS);
	ack_count(r);
	if (r->parse->direction == TO_CLIENT) {
		show_inflight(r);
		topic_recall(r);
	}
}
