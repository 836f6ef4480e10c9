/* CIM: flat JSON with the field names of Splunk's Common Information Model, so that a search finds them without an extraction:
 * data model Intrusion Detection for alerts, Authentication for logins, Network Traffic for the rest. `type` tells which, for the
 * tags. What CIM has no field for stands under `thingwarden`, as in EVE. */
#include "attack.h"
#include "put.h"
#include "../sensor/digest.h"
#include <stdio.h>

/* The names that the asset lookups of Enterprise Security use. */
static void put_about(struct json *json, const char *end, const struct context_end *about)
{
	const struct {
		const char *name;
		struct slice text;
	} fields[] = {{"country", about->country.at ? about->country : about->country_name}, {"city", about->city},
		      {"as_org", about->as_org}, {"zone", about->network}, {"mac_vendor", about->mac_vendor}, {"owner", about->owner},
		      {"site", about->site}};
	char key[32], mac[MAC_TEXT_MAX];
	for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++) {
		snprintf(key, sizeof key, "%s_%s", end, fields[i].name);
		put_text(json, key, fields[i].text);
	}
	if (about->asn) {
		snprintf(key, sizeof key, "%s_asn", end);
		put_number(json, key, about->asn);
	}
	if (about->mac) {
		snprintf(key, sizeof key, "%s_mac", end);
		mac_text(about->mac, mac);
		put_cstring(json, key, mac);
	}
}

static void put_head(struct json *json, const struct record_context *context, const struct event *event, uint64_t time_ns)
{
	put_time(json, "timestamp", time_ns);
	put_cstring(json, "vendor_product", "thingwarden");
	put_cstring(json, "dvc", context->sensor_name);
	if (put_known(&event->ends->client)) {
		put_address(json, "src", &event->ends->client);
		put_address(json, "src_ip", &event->ends->client);
		put_number(json, "src_port", event->ends->client_port);
	}
	if (put_known(&event->ends->server)) {
		put_address(json, "dest", &event->ends->server);
		put_address(json, "dest_ip", &event->ends->server);
		put_number(json, "dest_port", event->ends->server_port);
	}
	if (event->transport) {
		char community_id[COMMUNITY_ID_MAX];
		digest_community_id(event->ends, event->transport, community_id);
		put_cstring(json, "transport", event->transport == TRANSPORT_UDP ? "udp" : "tcp");
		put_cstring(json, "community_id", community_id);
	}
	put_cstring(json, "app", event->app_proto ? event->app_proto : protocol_name(event->protocol));
	put_text(json, "user", name_slice(&event->session->user));
	put_text(json, "reason", event->reason);
	if (context->about) {
		put_about(json, "src", &context->about->src);
		put_about(json, "dest", &context->about->dest);
	}
}

static struct slice cim_alert(const struct record_context *context, const struct alert *alert, bool colour)
{
	const struct rule *rule = alert->rule;
	struct json *json = json_begin();
	(void)colour;
	json_open(json);
	put_cstring(json, "type", "ids");
	put_head(json, context, alert->event, alert->time_ns);
	if (!json_again(json, PART_CIM_ALERT, rule->serial)) {
		put_cstring(json, "action", "allowed");
		put_cstring(json, "ids_type", "network");
		put_cstring(json, "category", attack_category(rule));
		put_cstring(json, "signature", rule->title);
		put_number(json, "signature_id", rule->signature_id);
		put_cstring(json, "severity", level_name(rule->level));
		put_number(json, "severity_id", (unsigned)rule->level + 1u);
		put_cstring(json, "description", rule->description);
		put_techniques(json, "mitre_technique_id", rule);
		json_keep(json);
	}
	put_whole_finding(json, context, alert);
	json_close(json);
	return json_end(json);
}

/* Authentication knows success, failure, pending and error. */
static struct slice cim_event(const struct record_context *context, const struct event *event)
{
	static const char *const outcomes[] = {"pending", "success", "failure"};
	bool login = event->action == ACTION_AUTHENTICATE;
	struct json *json = json_begin();
	json_open(json);
	put_cstring(json, "type", login ? "authentication" : "network");
	put_head(json, context, event, event->time_ns);
	put_cstring(json, "action", login ? outcomes[event->outcome] : "allowed");
	put_cstring(json, "signature", action_name(event->action));
	put_whole_event(json, context, event);
	json_close(json);
	return json_end(json);
}

const struct format format_cim = {.name = "cim", .lines = true, .alert = cim_alert, .event = cim_event};
