/* EVE: Suricata's JSON records (its etc/schema.json), one object `thingwarden` beside what it knows. */
#include "attack.h"
#include "put.h"
#include "../sensor/digest.h"

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

static void put_alert(struct json *json, const struct alert *alert)
{
	const struct rule *rule = alert->rule;
	struct attack attack;
	if (json_again(json, PART_EVE_ALERT, alert->update ? 0 : rule->serial))
		return;
	unsigned tag = 0;
	static const unsigned severities[] = {3, 3, 2, 1, 1};
	json_key(json, "alert");
	json_open(json);
	put_cstring(json, "action", "allowed");
	put_number(json, "gid", 1);
	put_number(json, "signature_id", rule->signature_id);
	put_number(json, "rev", 1);
	put_cstring(json, "signature", rule->title);
	put_cstring(json, "category", attack_category(rule));
	put_number(json, "severity", severities[rule->level]);
	json_key(json, "metadata");
	json_open(json);
	put_one(json, "signature_severity", level_name(rule->level));
	if (attack_next(rule, &tag, &attack)) /* EVE has no empty lists here */
		put_techniques(json, "mitre_technique_id", rule);
	if (alert->update) {
		char number[NUMBER_TEXT_MAX];
		const struct slice update = text_number(alert->update, number);
		put_texts(json, "update", (struct slices){&update, 1});
	}
	json_close(json);
	json_close(json);
	json_keep(json);
}

static struct slice eve_alert(const struct record_context *context, const struct alert *alert, bool colour)
{
	struct json *json = json_begin();
	(void)colour;
	json_open(json);
	put_head(json, context, alert->event, "alert", alert->time_ns);
	put_alert(json, alert);
	if (alert->event->protocol != PROTOCOL_TCP && alert->event->protocol != PROTOCOL_UDP)
		put_fields(json, alert->event, PUT_EVE);
	json_key(json, "thingwarden");
	json_open(json);
	put_finding(json, context, alert);
	put_fields(json, alert->event, PUT_OWN);
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
	if (!put_fields(json, event, PUT_EVE)) { /* EVE wants the object of a record's type */
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
	put_context(json, context->about);
	put_fields(json, event, PUT_OWN);
	json_close(json);
	json_close(json);
	return json_end(json);
}

const struct format format_eve = {.name = "eve", .lines = true, .alert = eve_alert, .event = eve_event};
