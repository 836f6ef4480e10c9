#include "mqtt_reading.h"

static void filters_keep(struct reading *r, const struct filters *filters)
{
	uint8_t packed[MEMO_VALUE_MAX];
	uint32_t used = 0, n = filters->count < MQTT_TOPICS_MAX ? filters->count : MQTT_TOPICS_MAX;
	for (uint32_t i = 0; i < n && used + 2 <= sizeof packed; i++) {
		uint32_t room = (uint32_t)sizeof packed - used - 1;
		uint32_t size = filters->topic[i].size < room ? filters->topic[i].size : room;
		size = size < UINT8_MAX ? size : UINT8_MAX;
		packed[used] = (uint8_t)size;
		memcpy(packed + used + 1, filters->topic[i].at, size);
		used += size + 1;
	}
	memo_put(r->parse->memos, memo_key(r->parse->flow_id, MEMO_FILTERS, r->mqtt->message_id), slice_of(packed, used));
}

static void filter_options_check(struct reading *r, uint8_t options)
{
	if ((options & 3) == 3)
		mqtt_violate(r, "qos_3");
	if (r->state->version && options & (mqtt_is_v5(r) ? 0xc0 : 0xfc))
		mqtt_violate(r, "reserved_bits");
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
			filter_options_check(r, option);
		if (filters->count < MQTT_TOPICS_MAX) {
			filters->topic[filters->count] = topic;
			filters->qos[filters->count] = option & 3;
		}
		filters->count++;
	}
	if (!filters->count)
		mqtt_violate(r, "empty_subscribe");
}

/* Joined half-way the version is not known: an MQTT 5 SUBSCRIBE shows by its empty property list, where 3.1.1 has the high
 * byte of the first filter's length and a plausible length after it. */
static bool looks_like_v5(const struct reader *b)
{
	struct reader r = *b;
	while (reader_left(&r)) {
		read_be16_slice(&r);
		read_u8(&r);
	}
	return r.failed;
}

void mqtt_subscribe_read(struct reading *r, struct reader *b, struct filters *filters)
{
	struct mqtt_event *mqtt = r->mqtt;
	mqtt_set_action(r, r->at.type == MQTT_SUBSCRIBE ? ACTION_SUBSCRIBE : ACTION_UNSUBSCRIBE, OUTCOME_UNKNOWN);
	mqtt_read_message_id(r, b);
	if (!r->state->version && r->at.type == MQTT_SUBSCRIBE && looks_like_v5(b))
		r->state->version = 5;
	if (mqtt_is_v5(r))
		mqtt_read_own_properties(r, b);
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
	struct slice packed;
	filters->count = 0;
	if (!memo_get(r->parse->memos, memo_key(r->parse->flow_id, MEMO_FILTERS, r->mqtt->message_id), &packed))
		return;
	struct reader list = reader_of(packed);
	for (uint32_t i = 0; i < r->mqtt->codes.size && reader_left(&list); i++) {
		struct slice topic = read_slice(&list, read_u8(&list));
		if (!list.failed && (!r->mqtt->refused || r->mqtt->codes.at[i] >= 0x80) && filters->count < MQTT_TOPICS_MAX)
			filters->topic[filters->count++] = topic;
	}
	r->event.resource = (struct slices){filters->topic, filters->count};
}

void mqtt_suback_read(struct reading *r, struct reader *b, struct filters *filters)
{
	struct mqtt_event *mqtt = r->mqtt;
	mqtt_read_message_id(r, b);
	if (mqtt_is_v5(r))
		mqtt_read_own_properties(r, b);
	mqtt->codes = read_rest(b);
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
