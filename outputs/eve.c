/* EVE: Suricata's JSON records (its etc/schema.json), one object `thingwarden` beside what it knows. */
#include "json.h"
#include "output.h"
#include "../sensor/digest.h"
#include <stdio.h>
#include <ctype.h>

enum { DEPTH_MAX = 8 };

static void put_cstring(struct json *json, const char *key, const char *text)
{
	if (!text || !*text)
		return;
	json_key(json, key);
	json_cstring(json, text);
}

static void put_text(struct json *json, const char *key, struct slice text)
{
	if (!text.at)
		return;
	json_key(json, key);
	json_text(json, text);
}

static void put_number(struct json *json, const char *key, uint64_t number)
{
	json_key(json, key);
	json_number(json, number);
}

static void put_time(struct json *json, const char *key, uint64_t time_ns)
{
	char text[40];
	json_key(json, key);
	json_text(json, slice_of(text, text_time(time_ns, text)));
}

static void put_address(struct json *json, const char *key, const struct address *address)
{
	char text[ADDRESS_TEXT_MAX];
	json_key(json, key);
	json_text(json, slice_of(text, address_format(address, text)));
}

static void put_texts(struct json *json, const char *key, struct slices texts)
{
	json_key(json, key);
	json_list(json);
	for (uint32_t i = 0; i < texts.count; i++)
		json_text(json, texts.items[i]);
	json_list_end(json);
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
static bool put_fields(struct json *json, const struct event *event, bool eve)
{
	bool any = false;
	struct path path = {.depth = 0};
	for (const struct field *f = event->fields; event->detail && f && f->name; f++) {
		struct value value;
		if (f->eve != eve || f->type == FIELD_SECRET || !field_get(f, event, &value))
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
		if (f->eve && strcmp(f->name, "mqtt.subscribe.topics") == 0)
			put_subscriptions(json, event, value.texts);
		else
			put_value(json, f, event, &value);
	}
	path_leave(json, &path, 0);
	return any;
}

/* --- records ------------------------------------------------------------------------------------------------ */

/* What a log does not say is left out. */
static void put_end(struct json *json, const struct event *event, const char *ip, const struct address *address, const char *port,
		    uint16_t number)
{
	if (address_known(address))
		put_address(json, ip, address);
	if (number || !event->log)
		put_number(json, port, number);
}

static void put_head(struct json *json, const struct record_context *context, const struct event *event, const char *type,
		     uint64_t time_ns)
{
	char community_id[COMMUNITY_ID_MAX];
	put_time(json, "timestamp", time_ns);
	put_number(json, "flow_id", event->flow_id);
	put_cstring(json, "event_type", type);
	put_end(json, event, "src_ip", &event->ends->client, "src_port", event->ends->client_port);
	put_end(json, event, "dest_ip", &event->ends->server, "dest_port", event->ends->server_port);
	if (event->transport) {
		put_cstring(json, "proto", event->transport == TRANSPORT_UDP ? "UDP" : "TCP");
		digest_community_id(event->ends, event->transport, community_id);
	}
	put_cstring(json, "app_proto", event->app_proto);
	if (event->transport)
		put_cstring(json, "community_id", community_id);
	put_cstring(json, "direction", direction_name(event->direction));
	if (event->source == SOURCE_WIRE)
		put_number(json, "pcap_cnt", event->frame);
	put_cstring(json, "pcap_filename", context->file_name ? context->file_name(context->owner, event->file) : NULL);
}

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
	if (event->log->cut) {
		json_key(json, "cut");
		json_bool(json, true);
	}
	json_close(json);
}

static void put_event(struct json *json, const struct event *event)
{
	put_cstring(json, "source", source_name(event->source));
	put_cstring(json, "protocol", protocol_name(event->protocol));
	put_cstring(json, "action", action_name(event->action));
	put_cstring(json, "outcome", outcome_name(event->outcome));
	put_text(json, "reason", event->reason);
	put_text(json, "client_id", name_slice(&event->session->client_id));
	put_text(json, "user", name_slice(&event->session->user));
	if (event->resource.count == 1)
		put_text(json, "resource", event->resource.items[0]);
	else if (event->resource.count)
		put_texts(json, "resource", event->resource);
	if (event->one_sided) {
		json_key(json, "one_sided");
		json_bool(json, true);
	}
	put_log(json, event);
}

/* "attack.t1110.001" is a technique; "attack.credential_access" its tactic. */
static bool technique(const char *tag, char out[16])
{
	if (strncmp(tag, "attack.t", 8) != 0 || !isdigit((unsigned char)tag[8]))
		return false;
	snprintf(out, 16, "T%s", tag + 8);
	return true;
}

static bool has_technique(const struct rule *rule)
{
	char id[16];
	const char *const *tag = rule->tags;
	while (*tag && !technique(*tag, id))
		tag++;
	return *tag;
}

static void put_techniques(struct json *json, const char *key, const struct rule *rule)
{
	char id[16];
	json_key(json, key);
	json_list(json);
	for (const char *const *tag = rule->tags; *tag; tag++)
		if (technique(*tag, id))
			json_cstring(json, id);
	json_list_end(json);
}

static const char *category(const struct rule *rule)
{
	static const struct { const char *tag, *name; } tactics[] = {
		{"attack.credential_access", "Attempted credential access"}, {"attack.impact", "Denial of service or damage"},
		{"attack.discovery", "Network and resource discovery"}, {"attack.reconnaissance", "Reconnaissance"},
		{"attack.initial_access", "Attempted initial access"}, {"attack.collection", "Attempted collection of data"},
		{"attack.command_and_control", "Command and control"}, {"attack.lateral_movement", "Lateral movement"},
		{"attack.exfiltration", "Exfiltration"}, {"attack.persistence", "Use of valid accounts"},
		{"attack.defense_evasion", "Weakened or evaded defence"}, {"attack.execution", "Unauthorised command"}};
	for (unsigned i = 0; i < sizeof tactics / sizeof *tactics; i++)
		for (const char *const *tag = rule->tags; *tag; tag++)
			if (strcmp(*tag, tactics[i].tag) == 0)
				return tactics[i].name;
	return "IoT misuse";
}

static void put_one(struct json *json, const char *key, const char *text)
{
	json_key(json, key);
	json_list(json);
	json_cstring(json, text);
	json_list_end(json);
}

static void put_alert(struct json *json, const struct alert *alert)
{
	const struct rule *rule = alert->rule;
	static const unsigned severities[] = {3, 3, 2, 1, 1};
	json_key(json, "alert");
	json_open(json);
	put_cstring(json, "action", "allowed");
	put_number(json, "gid", 1);
	put_number(json, "signature_id", rule->signature_id);
	put_number(json, "rev", 1);
	put_cstring(json, "signature", rule->title);
	put_cstring(json, "category", category(rule));
	put_number(json, "severity", severities[rule->level]);
	json_key(json, "metadata");
	json_open(json);
	put_one(json, "signature_severity", level_name(rule->level));
	if (has_technique(rule)) /* EVE has no empty lists here */
		put_techniques(json, "mitre_technique_id", rule);
	if (alert->update) {
		char number[16];
		snprintf(number, sizeof number, "%u", alert->update);
		put_one(json, "update", number);
	}
	json_close(json);
	json_close(json);
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

static void put_awaited(struct json *json, const struct rule *rule)
{
	json_key(json, "awaited");
	json_list(json);
	for (unsigned i = 1; i < rule->roles; i++)
		json_cstring(json, rule->role[i]->title);
	json_list_end(json);
}

static void put_finding(struct json *json, const struct record_context *context, const struct alert *alert)
{
	const struct rule *rule = alert->rule;
	char id[24];
	snprintf(id, sizeof id, "%016llx", (unsigned long long)alert->id);
	put_cstring(json, "id", id);
	put_cstring(json, "rule", rule->name ? rule->name : rule->id);
	put_cstring(json, "title", rule->title);
	put_cstring(json, "level", level_name(rule->level));
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
	if (rule->awaits)
		put_awaited(json, rule);
	put_time(json, "first_seen", alert->first_seen_ns);
	put_time(json, "last_seen", alert->last_seen_ns);
	if (alert->update)
		put_number(json, "update", alert->update);
	put_evidence(json, context, alert);
	put_techniques(json, "mitre", rule);
	put_cstring(json, "description", rule->description);
	put_cstring(json, "sensor", context->sensor_name);
}

static struct slice eve_alert(const struct record_context *context, const struct alert *alert, bool colour)
{
	struct json *json = json_begin();
	(void)colour;
	json_open(json);
	put_head(json, context, alert->event, "alert", alert->time_ns);
	put_alert(json, alert);
	if (alert->event->protocol != PROTOCOL_TCP && alert->event->protocol != PROTOCOL_UDP)
		put_fields(json, alert->event, true);
	json_key(json, "thingwarden");
	json_open(json);
	put_finding(json, context, alert);
	put_fields(json, alert->event, false);
	json_close(json);
	json_close(json);
	return json_end(json);
}

static struct slice eve_event(const struct record_context *context, const struct event *event)
{
	struct json *json = json_begin();
	bool transport = event->protocol == PROTOCOL_TCP || event->protocol == PROTOCOL_UDP;
	json_open(json);
	const char *type = transport ? "flow" : protocol_name(event->protocol);
	put_head(json, context, event, type, event->time_ns);
	if (!put_fields(json, event, true)) { /* EVE wants the object of a record's type */
		json_key(json, type);
		json_open(json);
		if (transport)
			put_cstring(json, "state", event->action == ACTION_OPEN ? "new" : "established");
		json_close(json);
	}
	json_key(json, "thingwarden");
	json_open(json);
	put_event(json, event);
	put_cstring(json, "sensor", context->sensor_name);
	put_fields(json, event, false);
	json_close(json);
	json_close(json);
	return json_end(json);
}

const struct format format_eve = {.name = "eve", .lines = true, .alert = eve_alert, .event = eve_event};
