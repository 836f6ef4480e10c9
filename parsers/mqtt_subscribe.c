#include "mqtt_reading.h"

/* The names of what was asked for wait for the answer, packed into as many memories as they need. */
enum { PARTS_MAX = 64, NAME_MAX_BYTES = MEMO_VALUE_MAX - 1 };

static uint64_t part_key(const struct reading *r, uint32_t part)
{
	return memo_key(r->parse->flow_id, MEMO_FILTERS, (uint64_t)part << 16 | r->mqtt->message_id);
}

static void filters_keep(struct reading *r, const struct filters *filters)
{
	uint8_t packed[MEMO_VALUE_MAX];
	uint32_t used = 0, part = 0, n = filters->count < MQTT_TOPICS_MAX ? filters->count : MQTT_TOPICS_MAX;
	for (uint32_t i = 0; i < n && part < PARTS_MAX; i++) {
		struct slice topic = slice_head(filters->topic[i], NAME_MAX_BYTES);
		if (used + 1 + topic.size > sizeof packed) {
			memo_put(r->parse->memos, part_key(r, part++), slice_of(packed, used));
			used = 0;
		}
		packed[used] = (uint8_t)topic.size;
		memcpy(packed + used + 1, topic.at, topic.size);
		used += topic.size + 1;
	}
	if (part < PARTS_MAX)
		memo_put(r->parse->memos, part_key(r, part), slice_of(packed, used));
}

/* MQTT 5.0 section 3.8.3.1: QoS (2 bits), no local, retain as published, retain handling (2 bits), reserved (2 bits). */
static void filter_options_check(struct reading *r, struct slice filter, uint8_t options)
{
	bool shared = slice_starts(filter, slice_text("$share/"));
	if ((options & 3) == 3)
		mqtt_violate(r, "qos_3");
	if (r->state->version >= 4 && options & (mqtt_is_v5(r) ? 0xc0 : 0xfc))
		mqtt_violate(r, "reserved_bits");
	if (mqtt_is_v5(r) && ((options & 0x30) == 0x30 || (options & 4 && shared))) /* [MQTT-3.8.3-4] */
		mqtt_violate(r, "bad_subscribe_options");
	if (shared && mqtt_refused(r, REFUSES_SHARED))
		mqtt_violate(r, "shared_subscriptions_not_supported");
	if ((memchr(filter.at, '#', filter.size) || memchr(filter.at, '+', filter.size)) && mqtt_refused(r, REFUSES_WILDCARD))
		mqtt_violate(r, "wildcard_subscriptions_not_supported");
}

static void filters_read(struct reading *r, struct reader *b, struct filters *filters)
{
	bool options = r->at.type == MQTT_SUBSCRIBE;
	filters->count = 0;
	while (reader_left(b)) {
		struct slice topic = read_be16_slice(b);
		uint8_t option = options ? read_u8(b) : 0;
		if (b->failed)
			break;
		const char *bad = mqtt_check_text(topic);
		mqtt_violate(r, bad ? bad : mqtt_filter_valid(topic) ? NULL : "bad_filter");
		if (options)
			filter_options_check(r, topic, option);
		if (filters->count < MQTT_TOPICS_MAX) {
			filters->topic[filters->count] = topic;
			filters->qos[filters->count] = option & 3;
		}
		filters->count++;
	}
	if (!filters->count)
		mqtt_violate(r, "empty_subscribe");
}

static bool filters_fit(struct reader r, bool options, bool properties)
{
	if (properties)
		read_skip(&r, read_varint(&r));
	bool any = reader_left(&r);
	while (reader_left(&r)) {
		read_be16_slice(&r);
		read_skip(&r, options);
	}
	return any && !r.failed;
}

/* Joined half-way the version is not known: the list of filters has room for properties before it or it has not. */
static void guess_version(struct reading *r, const struct reader *b)
{
	bool options = r->at.type == MQTT_SUBSCRIBE;
	if (!r->state->version && !filters_fit(*b, options, false) && filters_fit(*b, options, true))
		r->state->version = 5;
}

void mqtt_subscribe_read(struct reading *r, struct reader *b, struct filters *filters)
{
	struct mqtt_event *mqtt = r->mqtt;
	mqtt_set_action(r, r->at.type == MQTT_SUBSCRIBE ? ACTION_SUBSCRIBE : ACTION_UNSUBSCRIBE, OUTCOME_UNKNOWN);
	mqtt_read_message_id(r, b);
	guess_version(r, b);
	if (mqtt_is_v5(r))
		mqtt_read_own_properties(r, b);
	if (mqtt_has_property(r, MQTT_PROPERTY_subscription_identifier) && mqtt_refused(r, REFUSES_IDENTIFIER))
		mqtt_violate(r, "subscription_identifiers_not_supported");
	filters_read(r, b, filters);
	uint32_t shown = filters->count < MQTT_TOPICS_MAX ? filters->count : MQTT_TOPICS_MAX;
	mqtt->topics = (struct slices){filters->topic, shown};
	mqtt->codes = slice_of(filters->qos, shown);
	mqtt->topic_count = filters->count;
	event_set(&r->event, MQTT_BIT_TOPICS);
	r->event.resource = mqtt->topics;
	filters_keep(r, filters);
}

/* Names the filters that an answer speaks of: the refused ones when there are such, else all. */
static void answered_filters(struct reading *r, struct filters *filters)
{
	uint32_t i = 0, codes = r->mqtt->codes.size;
	bool old_unsuback = r->at.type == MQTT_UNSUBACK && !codes; /* before MQTT 5 it names no codes: all were done */
	struct slice packed;
	filters->count = 0;
	for (uint32_t part = 0; part < PARTS_MAX && memo_get(r->parse->memos, part_key(r, part), &packed); part++) {
		struct reader list = reader_of(packed);
		for (; reader_left(&list) && (old_unsuback || i < codes); i++) {
			struct slice topic = read_slice(&list, read_u8(&list));
			bool meant = !r->mqtt->refused || r->mqtt->codes.at[i] >= 0x80;
			if (!list.failed && meant && filters->count < MQTT_TOPICS_MAX)
				filters->topic[filters->count++] = topic;
		}
		memo_drop(r->parse->memos, part_key(r, part));
	}
	r->event.resource = (struct slices){filters->topic, filters->count};
}

/* Joined half-way: MQTT 3.1.1 has no codes in an UNSUBACK, and few in a SUBACK. */
static void guess_answer_version(struct reading *r, const struct reader *b)
{
	bool v5 = r->at.type == MQTT_UNSUBACK && reader_left(b);
	for (uint32_t i = 0; i < reader_left(b); i++)
		v5 = v5 || (b->at[i] > 2 && b->at[i] != 0x80);
	if (!r->state->version && v5)
		r->state->version = 5;
}

void mqtt_suback_read(struct reading *r, struct reader *b, struct filters *filters)
{
	struct mqtt_event *mqtt = r->mqtt;
	mqtt_read_message_id(r, b);
	guess_answer_version(r, b);
	if (mqtt_is_v5(r))
		mqtt_read_own_properties(r, b);
	mqtt->codes = r->at.type == MQTT_SUBACK || mqtt_is_v5(r) ? read_rest(b) : slice_of(b->at, 0);
	mqtt->refused = 0;
	const char *reason = NULL;
	for (uint32_t i = 0; i < mqtt->codes.size; i++) {
		uint8_t code = mqtt->codes.at[i];
		const char *name = mqtt_reason(r->state->version == 5 ? 5 : 4, r->at.type, code);
		if (!name || (r->state->version && !mqtt_is_v5(r) && code > 2 && code != 0x80))
			mqtt_violate(r, "bad_reason_code");
		mqtt->refused += code >= 0x80;
		if (code >= 0x80 && !reason)
			reason = name ? name : "unspecified_error";
	}
	if (mqtt->codes.size || mqtt_is_v5(r))
		event_set(&r->event, MQTT_BIT_CODES);
	mqtt_set_action(r, r->at.type == MQTT_SUBACK ? ACTION_SUBSCRIBE : ACTION_UNSUBSCRIBE,
		   mqtt->refused ? OUTCOME_FAILURE : OUTCOME_SUCCESS);
	if (reason)
		r->event.reason = slice_text(reason);
	answered_filters(r, filters);
}
