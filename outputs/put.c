/* What the JSON formats share: members that are left out when there is nothing to say, fields by their dotted names, and what
 * the object `thingwarden` tells of an event and of a finding. */
#include "put.h"
#include "attack.h"
#include <stdio.h>

enum { DEPTH_MAX = 8 };

void put_cstring(struct json *json, const char *key, const char *text)
{
	if (!text || !*text)
		return;
	json_key(json, key);
	json_cstring(json, text);
}

void put_text(struct json *json, const char *key, struct slice text)
{
	if (!text.at)
		return;
	json_key(json, key);
	json_text(json, text);
}

void put_number(struct json *json, const char *key, uint64_t number)
{
	json_key(json, key);
	json_number(json, number);
}

void put_id(struct json *json, const char *key, uint64_t id)
{
	char text[ID_TEXT_MAX];
	put_text(json, key, text_id(id, text));
}

void put_time(struct json *json, const char *key, uint64_t time_ns)
{
	char text[40];
	json_key(json, key);
	json_text(json, slice_of(text, text_time(time_ns, text)));
}

void put_address(struct json *json, const char *key, const struct address *address)
{
	char text[ADDRESS_TEXT_MAX];
	json_key(json, key);
	json_text(json, slice_of(text, address_format(address, text)));
}

void put_texts(struct json *json, const char *key, struct slices texts)
{
	json_key(json, key);
	json_list(json);
	for (uint32_t i = 0; i < texts.count; i++)
		json_text(json, texts.items[i]);
	json_list_end(json);
}

void put_one(struct json *json, const char *key, const char *text)
{
	json_key(json, key);
	json_list(json);
	json_cstring(json, text);
	json_list_end(json);
}

bool put_known(const struct address *address)
{
	static const struct address none[2] = {{{0}}, {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0}}};
	return !address_equal(address, &none[0]) && !address_equal(address, &none[1]);
}

/* --- fields by their dotted names --------------------------------------------------------------------------- */

static void put_value(struct json *json, const struct field *field, const struct event *event, const struct value *value)
{
	switch (field->type) {
	case FIELD_BOOL:
		json_bool(json, value->number);
		return;
	case FIELD_TEXTS:
		json_list(json);
		for (uint32_t i = 0; i < value->texts.count; i++)
			json_text(json, value->texts.items[i]);
		json_list_end(json);
		return;
	case FIELD_CODES:
		json_list(json);
		for (uint32_t i = 0; i < value->text.size; i++)
			json_number(json, value->text.at[i]);
		json_list_end(json);
		return;
	case FIELD_TEXT:
	case FIELD_NAME:
	case FIELD_CSTRING:
		json_text(json, value->texts.items[0]);
		return;
	case FIELD_ENUM:
	case FIELD_ADDRESS:
	case FIELD_TIME: {
		char text[64];
		json_text(json, slice_of(text, field_text(field, event, text, sizeof text)));
		return;
	}
	default:
		json_number(json, value->number);
		return;
	}
}

/* EVE pairs the filters of a SUBSCRIBE with the QoS asked for. */
static void put_subscriptions(struct json *json, const struct event *event, struct slices topics)
{
	struct slice asked = {NULL, 0};
	struct value value;
	for (const struct field *f = event->fields; f->name; f++)
		if (strcmp(f->name, "mqtt.subscribe.qos_asked") == 0 && field_get(f, event, &value))
			asked = value.text;
	json_list(json);
	for (uint32_t i = 0; i < topics.count; i++) {
		json_open(json);
		put_text(json, "topic", topics.items[i]);
		if (i < asked.size)
			put_number(json, "qos", asked.at[i]);
		json_close(json);
	}
	json_list_end(json);
}

/* A field's name is a path; fields that share the head of their paths share objects. `open` are the names of the objects that are
 * open, `depth` how many. */
struct path {
	struct slice open[DEPTH_MAX];
	unsigned depth;
};

static void path_leave(struct json *json, struct path *path, unsigned depth)
{
	while (path->depth > depth) {
		json_close(json);
		path->depth--;
	}
}

/* False: there are none. */
bool put_fields(struct json *json, const struct event *event, enum put_which which)
{
	bool any = false;
	struct path path = {.depth = 0};
	for (const struct field *f = event->fields; event->detail && f && f->name; f++) {
		struct value value;
		if (!(which & (f->eve ? PUT_EVE : PUT_OWN)) || f->type == FIELD_SECRET || !field_get(f, event, &value))
			continue;
		any = true;
		const char *name = f->name, *dot;
		unsigned depth = 0;
		bool same = true;
		for (; (dot = strchr(name, '.')) && depth < DEPTH_MAX; name = dot + 1, depth++) {
			struct slice part = slice_of(name, (uint32_t)(dot - name));
			same = same && depth < path.depth && slice_equal(path.open[depth], part);
			if (same)
				continue;
			path_leave(json, &path, depth);
			char key[64];
			snprintf(key, sizeof key, "%.*s", (int)part.size, (const char *)part.at);
			json_key(json, key);
			json_open(json);
			path.open[path.depth++] = part;
		}
		path_leave(json, &path, depth);
		json_key(json, name);
		if (which == PUT_EVE && strcmp(f->name, "mqtt.subscribe.topics") == 0)
			put_subscriptions(json, event, value.texts);
		else
			put_value(json, f, event, &value);
	}
	path_leave(json, &path, 0);
	return any;
}

/* --- the object thingwarden ---------------------------------------------------------------------------------- */

/* Where in which log it stands, and what is peculiar about the line. */
static void put_log(struct json *json, const struct event *event)
{
	if (!event->log)
		return;
	json_key(json, "log");
	json_open(json);
	put_cstring(json, "format", event->log->format);
	put_number(json, "line", event->frame);
	if (event->log->count > 1)
		put_number(json, "count", event->log->count);
	if (event->log->ambiguous) {
		json_key(json, "ambiguous");
		json_bool(json, true);
	}
	if (event->log->summary) {
		json_key(json, "summary");
		json_bool(json, true);
	}
	if (event->log->cut) {
		json_key(json, "cut");
		json_bool(json, true);
	}
	json_close(json);
}

uint64_t put_event_number(const struct event *event)
{
	return 1 + event->outcome + 4u * (event->action + (uint64_t)ACTION_COUNT * event->protocol);
}

void put_event(struct json *json, const struct event *event)
{
	put_cstring(json, "source", source_name(event->source));
	if (!json_again(json, PART_EVENT, put_event_number(event))) {
		put_cstring(json, "protocol", protocol_name(event->protocol));
		put_cstring(json, "action", action_name(event->action));
		put_cstring(json, "outcome", outcome_name(event->outcome));
		json_keep(json);
	}
	put_text(json, "reason", event->reason);
	put_text(json, "client_id", name_slice(&event->session->client_id));
	put_text(json, "user", name_slice(&event->session->user));
	if (event->resource.count == 1)
		put_text(json, "resource", event->resource.items[0]);
	else if (event->resource.count)
		put_texts(json, "resource", event->resource);
	if (put_known(&event->predecessor))
		put_address(json, "predecessor_ip", &event->predecessor);
	if (event->session->successor)
		put_cstring(json, "successor", successor_name(event->session->successor));
	if (event->one_sided) {
		json_key(json, "one_sided");
		json_bool(json, true);
	}
	if (event->fused) {
		json_key(json, "fused");
		json_bool(json, true);
	}
	put_log(json, event);
}

void mac_text(const uint8_t mac[6], char out[MAC_TEXT_MAX])
{
	snprintf(out, MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void put_context_end(struct json *json, const char *key, const struct context_end *end)
{
	char mac[MAC_TEXT_MAX];
	if (!context_known(end))
		return;
	json_key(json, key);
	json_open(json);
	put_text(json, "country", end->country.at ? end->country : end->country_name);
	put_text(json, "city", end->city);
	if (end->asn)
		put_number(json, "asn", end->asn);
	put_text(json, "as_org", end->as_org);
	put_text(json, "network", end->network);
	if (end->mac) {
		mac_text(end->mac, mac);
		put_cstring(json, "mac", mac);
	}
	put_text(json, "mac_vendor", end->mac_vendor);
	put_text(json, "owner", end->owner);
	put_text(json, "site", end->site);
	json_close(json);
}

void put_context(struct json *json, const struct context *about)
{
	if (!about)
		return;
	json_key(json, "geo");
	json_open(json);
	put_context_end(json, "src", &about->src);
	put_context_end(json, "dest", &about->dest);
	json_close(json);
}

static void put_place(struct json *json, const struct record_context *context, const struct event *event)
{
	put_number(json, "flow_id", event->flow_id);
	put_number(json, event->source == SOURCE_LOG ? "line" : "frame", event->frame);
	put_cstring(json, "file", context->file_name ? context->file_name(context->owner, event->file) : NULL);
	put_cstring(json, "direction", direction_name(event->direction));
}

void put_techniques(struct json *json, const char *key, const struct rule *rule)
{
	struct attack attack;
	unsigned tag = 0;
	json_key(json, key);
	json_list(json);
	while (attack_next(rule, &tag, &attack))
		json_cstring(json, attack.id);
	json_list_end(json);
}

static void put_evidence(struct json *json, const struct record_context *context, const struct alert *alert)
{
	put_texts(json, "samples", (struct slices){alert->sample, alert->sample_count});
	json_key(json, alert->event->source == SOURCE_LOG ? "lines" : "frames");
	json_list(json);
	for (unsigned i = 0; i < alert->evidence_count; i++)
		json_number(json, alert->evidence[i].frame);
	json_list_end(json);
	json_key(json, "files");
	json_list(json);
	for (unsigned i = 0; context->file_name && i < alert->evidence_count; i++)
		if (i == 0 || alert->evidence[i].file != alert->evidence[i - 1].file)
			json_cstring(json, context->file_name(context->owner, alert->evidence[i].file));
	json_list_end(json);
}

void put_awaited(struct json *json, const struct rule *rule)
{
	if (!rule->awaits)
		return;
	json_key(json, "awaited");
	json_list(json);
	for (unsigned i = 1; i < rule->roles; i++)
		json_cstring(json, rule->role[i]->title);
	json_list_end(json);
}

void put_finding(struct json *json, const struct record_context *context, const struct alert *alert)
{
	const struct rule *rule = alert->rule;
	put_id(json, "id", alert->id);
	if (!json_again(json, PART_FINDING, rule->serial)) {
		put_cstring(json, "rule", rule->name ? rule->name : rule->id);
		put_cstring(json, "title", rule->title);
		put_cstring(json, "level", level_name(rule->level));
		json_keep(json);
	}
	put_event(json, alert->event);
	json_key(json, "group_by");
	json_open(json);
	for (unsigned i = 0; i < alert->group_count; i++)
		put_text(json, rule->group_name[i], alert->group_text[i]);
	json_close(json);
	put_number(json, "count", alert->count);
	if (alert->distinct)
		put_number(json, "distinct", alert->distinct);
	if (rule->compare)
		put_number(json, "threshold", rule->threshold);
	put_cstring(json, "value_field", rule->value_name);
	if (alert->value >= 0) {
		json_key(json, "value");
		json_double(json, alert->value);
	}
	if (alert->ratio >= 0) {
		json_key(json, "ratio");
		json_double(json, alert->ratio);
	}
	put_number(json, "window_s", rule->window_ns / TW_SECOND);
	put_awaited(json, rule);
	put_time(json, "first_seen", alert->first_seen_ns);
	put_time(json, "last_seen", alert->last_seen_ns);
	if (alert->update)
		put_number(json, "update", alert->update);
	put_evidence(json, context, alert);
	if (!json_again(json, PART_FINDING_END, rule->serial)) {
		put_techniques(json, "mitre", rule);
		put_cstring(json, "description", rule->description);
		json_keep(json);
	}
	put_cstring(json, "sensor", context->sensor_name);
	put_context(json, context->about);
}

void put_whole_finding(struct json *json, const struct record_context *context, const struct alert *alert)
{
	json_key(json, "thingwarden");
	json_open(json);
	put_finding(json, context, alert);
	put_fields(json, alert->event, PUT_ALL);
	json_close(json);
}

void put_whole_event(struct json *json, const struct record_context *context, const struct event *event)
{
	json_key(json, "thingwarden");
	json_open(json);
	put_place(json, context, event);
	put_event(json, event);
	put_context(json, context->about);
	put_fields(json, event, PUT_ALL);
	json_close(json);
}
