/* OCSF: Detection Finding, class 2004 of category Findings. What OCSF has no attribute for stands in `unmapped`, as in EVE. */
#include "attack.h"
#include "put.h"
#include "../sensor/digest.h"

#define OCSF_VERSION "1.9.0"

enum { CATEGORY_FINDINGS = 2, CLASS_DETECTION_FINDING = 2004, ACTIVITY_CREATE = 1, ACTIVITY_UPDATE = 2, STATUS_NEW = 1,
	STATUS_IN_PROGRESS = 2, ANALYTIC_RULE = 1, DIRECTION_UNKNOWN = 0, OBSERVABLE_IP = 2, OBSERVABLE_USER = 4,
	HASH_MD5 = 1 };

static void put_ms(struct json *json, const char *key, uint64_t time_ns)
{
	put_number(json, key, time_ns / 1000000);
}

static void put_class(struct json *json, const struct alert *alert)
{
	static const char *const severities[] = {"Informational", "Low", "Medium", "High", "Critical"};
	unsigned activity = alert->update ? ACTIVITY_UPDATE : ACTIVITY_CREATE;
	put_number(json, "category_uid", CATEGORY_FINDINGS);
	if (!json_again(json, PART_OCSF_CLASS, 4 * (alert->rule->level + 1u) + activity)) {
		put_cstring(json, "category_name", "Findings");
		put_number(json, "class_uid", CLASS_DETECTION_FINDING);
		put_cstring(json, "class_name", "Detection Finding");
		put_number(json, "activity_id", activity);
		put_cstring(json, "activity_name", alert->update ? "Update" : "Create");
		put_number(json, "type_uid", CLASS_DETECTION_FINDING * 100 + activity);
		put_number(json, "severity_id", (unsigned)alert->rule->level + 1u);
		put_cstring(json, "severity", severities[alert->rule->level]);
		put_number(json, "status_id", alert->update ? STATUS_IN_PROGRESS : STATUS_NEW);
		put_cstring(json, "status", alert->update ? "In Progress" : "New");
		json_key(json, "is_alert");
		json_bool(json, true);
		json_keep(json);
	}
	put_ms(json, "time", alert->time_ns);
	put_ms(json, "start_time", alert->first_seen_ns);
	put_ms(json, "end_time", alert->last_seen_ns);
	put_number(json, "count", alert->count);
	put_cstring(json, "message", alert->rule->title);
}

static void put_metadata(struct json *json, const struct record_context *context, uint64_t id)
{
	json_key(json, "metadata");
	json_open(json);
	put_cstring(json, "version", OCSF_VERSION);
	put_id(json, "uid", id);
	if (!json_again(json, PART_OCSF_PRODUCT, 1)) {
		json_key(json, "product");
		json_open(json);
		put_cstring(json, "name", "thingwarden");
		put_cstring(json, "vendor_name", "thingwarden");
		put_cstring(json, "version", TW_VERSION);
		json_close(json);
		put_cstring(json, "log_name", "alert");
		json_keep(json);
	}
	put_cstring(json, "log_provider", context->sensor_name);
	json_close(json);
}

/* --- finding_info ------------------------------------------------------------------------------------------------ */

static void put_uid_name(struct json *json, const char *key, const char *uid, const char *name)
{
	json_key(json, key);
	json_open(json);
	put_cstring(json, "uid", uid);
	put_cstring(json, "name", name);
	json_close(json);
}

static void put_attacks(struct json *json, const struct rule *rule)
{
	struct attack attack;
	unsigned tag = 0;
	json_key(json, "attacks");
	json_list(json);
	while (attack_next(rule, &tag, &attack)) {
		bool sub = attack.parent_id[0];
		json_open(json);
		if (attack.tactic)
			put_uid_name(json, "tactic", attack.tactic->id, attack.tactic->name);
		put_uid_name(json, "technique", sub ? attack.parent_id : attack.id, sub ? attack.parent_name : attack.name);
		if (sub)
			put_uid_name(json, "sub_technique", attack.id, attack.name);
		json_close(json);
	}
	json_list_end(json);
}

static void put_analytic(struct json *json, const struct rule *rule)
{
	json_key(json, "analytic");
	json_open(json);
	put_cstring(json, "uid", rule->id);
	put_cstring(json, "name", rule->name ? rule->name : rule->title);
	put_number(json, "type_id", ANALYTIC_RULE);
	put_cstring(json, "type", "Rule");
	json_close(json);
}

static void put_info(struct json *json, const struct alert *alert)
{
	const struct rule *rule = alert->rule;
	json_key(json, "finding_info");
	json_open(json);
	put_id(json, "uid", alert->episode); /* an alert and its updates are one finding */
	if (!json_again(json, PART_OCSF_INFO, rule->serial)) {
		put_cstring(json, "title", rule->title);
		put_cstring(json, "desc", rule->description);
		put_one(json, "types", attack_category(rule));
		json_keep(json);
	}
	put_ms(json, "first_seen_time", alert->first_seen_ns);
	put_ms(json, "last_seen_time", alert->last_seen_ns);
	if (!json_again(json, PART_OCSF_ANALYTIC, rule->serial)) {
		put_analytic(json, rule);
		put_attacks(json, rule);
		json_keep(json);
	}
	json_close(json);
}

/* --- evidences ----------------------------------------------------------------------------------------------------- */

static void put_location(struct json *json, const struct context_end *about)
{
	if (!about->country.at && !about->city.at && !about->site.at)
		return;
	json_key(json, "location");
	json_open(json);
	put_text(json, "country", about->country); /* OCSF wants the code, and has no place for the name */
	put_text(json, "city", about->city);
	put_text(json, "desc", about->site);
	json_close(json);
}

static void put_about(struct json *json, const struct context_end *about)
{
	char mac[MAC_TEXT_MAX];
	if (about->mac) {
		mac_text(about->mac, mac);
		put_cstring(json, "mac", mac);
	}
	put_text(json, "mac_vendor", about->mac_vendor);
	put_text(json, "zone", about->network);
	put_location(json, about);
	if (about->asn || about->as_org.at) {
		json_key(json, "autonomous_system");
		json_open(json);
		if (about->asn)
			put_number(json, "number", about->asn);
		put_text(json, "name", about->as_org);
		json_close(json);
	}
	if (about->owner.at) {
		json_key(json, "owner");
		json_open(json);
		put_text(json, "name", about->owner);
		json_close(json);
	}
}

static void put_endpoint(struct json *json, const char *key, const struct address *address, uint16_t port, const char *service,
			 const struct context_end *about)
{
	if (!put_known(address)) /* an endpoint without any name is not valid */
		return;
	json_key(json, key);
	json_open(json);
	put_address(json, "ip", address);
	if (port)
		put_number(json, "port", port);
	put_cstring(json, "svc_name", service);
	if (about)
		put_about(json, about);
	json_close(json);
}

static void put_connection(struct json *json, const struct event *event)
{
	char community_id[COMMUNITY_ID_MAX], flow[NUMBER_TEXT_MAX];
	json_key(json, "connection_info");
	json_open(json);
	put_number(json, "direction_id", DIRECTION_UNKNOWN);
	put_text(json, "uid", text_number(event->flow_id, flow));
	if (event->transport) {
		digest_community_id(event->ends, event->transport, community_id);
		put_number(json, "protocol_num", event->transport);
		put_cstring(json, "protocol_name", event->transport == TRANSPORT_UDP ? "udp" : "tcp");
		put_number(json, "protocol_ver_id", address_is_v4(&event->ends->client) ? 4 : 6);
		put_cstring(json, "community_uid", community_id);
	}
	json_close(json);
}

static bool find(const struct event *event, const char *name, struct value *out)
{
	size_t skip = strlen(protocol_name(event->protocol)) + 1;
	for (const struct field *f = event->fields; f && f->name; f++)
		if (strcmp(f->name + skip, name) == 0 && field_get(f, event, out))
			return true;
	return false;
}

static void put_hash(struct json *json, const struct event *event, const char *key, const char *name)
{
	struct value value;
	if (!find(event, name, &value))
		return;
	json_key(json, key);
	json_open(json);
	put_number(json, "algorithm_id", HASH_MD5);
	put_cstring(json, "algorithm", "MD5");
	put_text(json, "value", value.text);
	json_close(json);
}

/* OCSF requires the version: before it is agreed on there is nothing to tell. */
static void put_tls(struct json *json, const struct event *event)
{
	struct value value;
	bool is_tls = event->protocol == PROTOCOL_TLS || event->protocol == PROTOCOL_DTLS;
	if (!is_tls || !event->detail || !find(event, "version", &value))
		return;
	json_key(json, "tls");
	json_open(json);
	put_text(json, "version", value.text);
	if (find(event, "cipher_suite", &value))
		put_text(json, "cipher", value.text);
	if (find(event, "sni", &value))
		put_text(json, "sni", value.text);
	put_hash(json, event, "ja3_hash", "ja3.hash");
	put_hash(json, event, "ja3s_hash", "ja3s.hash");
	json_close(json);
}

static void put_evidences(struct json *json, const struct event *event, const struct context *about)
{
	json_key(json, "evidences");
	json_list(json);
	json_open(json);
	put_endpoint(json, "src_endpoint", &event->ends->client, event->ends->client_port, NULL, about ? &about->src : NULL);
	put_endpoint(json, "dst_endpoint", &event->ends->server, event->ends->server_port, event->app_proto,
		     about ? &about->dest : NULL);
	put_connection(json, event);
	if (event->session->user.size) {
		json_key(json, "user");
		json_open(json);
		put_text(json, "name", name_slice(&event->session->user));
		json_close(json);
	}
	put_tls(json, event);
	json_key(json, "data");
	json_open(json);
	put_fields(json, event, PUT_ALL);
	json_close(json);
	json_close(json);
	json_list_end(json);
}

static void put_observable(struct json *json, const char *name, unsigned type, const char *type_name, struct slice value)
{
	json_open(json);
	put_cstring(json, "name", name);
	put_number(json, "type_id", type);
	put_cstring(json, "type", type_name);
	put_text(json, "value", value);
	json_close(json);
}

static void put_observables(struct json *json, const struct event *event)
{
	char text[ADDRESS_TEXT_MAX];
	const struct ends *ends = event->ends;
	json_key(json, "observables");
	json_list(json);
	if (put_known(&ends->client))
		put_observable(json, "evidences[].src_endpoint.ip", OBSERVABLE_IP, "IP Address",
			       slice_of(text, address_format(&ends->client, text)));
	if (put_known(&ends->server))
		put_observable(json, "evidences[].dst_endpoint.ip", OBSERVABLE_IP, "IP Address",
			       slice_of(text, address_format(&ends->server, text)));
	if (event->session->user.size)
		put_observable(json, "evidences[].user.name", OBSERVABLE_USER, "User Name", name_slice(&event->session->user));
	json_list_end(json);
}

static struct slice ocsf_alert(const struct record_context *context, const struct alert *alert, bool colour)
{
	struct json *json = json_begin();
	(void)colour;
	json_open(json);
	put_class(json, alert);
	put_metadata(json, context, alert->id);
	put_info(json, alert);
	put_evidences(json, alert->event, context->about);
	put_observables(json, alert->event);
	json_key(json, "unmapped");
	json_open(json);
	json_key(json, "thingwarden");
	json_open(json);
	put_finding(json, context, alert);
	json_close(json);
	json_close(json);
	json_close(json);
	return json_end(json);
}

const struct format format_ocsf = {.name = "ocsf", .lines = true, .alert = ocsf_alert};
