/* ECS: Elastic Common Schema, nested objects. What it has no field for stands under `thingwarden`, as in EVE. */
#include "attack.h"
#include "put.h"
#include "../sensor/digest.h"
#include <ctype.h>
#include <stdio.h>

#define ECS_VERSION "9.0.0"

enum { TECHNIQUES_MAX = 8 };

/* Elastic's `date` takes "Z"; it does not take the "+0000" of text_time() in all of its versions. */
static void put_date(struct json *json, const char *key, uint64_t time_ns)
{
	char text[40];
	uint32_t size = text_time(time_ns, text) - (uint32_t)strlen("+0000");
	text[size] = 'Z';
	put_text(json, key, slice_of(text, size + 1));
}

/* --- event.* -------------------------------------------------------------------------------------------------- */

struct kind {
	const char *category[2], *type;
};

/* The categories and types that ECS allows for each other. */
static struct kind kind_of(const struct event *event)
{
	const char *web = event->protocol == PROTOCOL_HTTP ? "web" : NULL;
	switch (event->action) {
	case ACTION_OPEN:
		return (struct kind){{"network", NULL}, "start"};
	case ACTION_CLOSE:
		return (struct kind){{"network", NULL}, "end"};
	case ACTION_CONNECT:
		return (struct kind){{"network", "session"}, "start"};
	case ACTION_DISCONNECT:
		return (struct kind){{"network", "session"}, "end"};
	case ACTION_AUTHENTICATE:
		return (struct kind){{"authentication", NULL}, "start"};
	case ACTION_REQUEST:
	case ACTION_RESPOND:
	case ACTION_SUBSCRIBE:
	case ACTION_UNSUBSCRIBE:
	case ACTION_PUBLISH:
		return (struct kind){{"network", web}, "access"};
	default:
		return (struct kind){{"network", NULL}, "protocol"};
	}
}

static void put_kind(struct json *json, struct kind kind)
{
	json_key(json, "category");
	json_list(json);
	for (unsigned i = 0; i < 2 && kind.category[i]; i++)
		json_cstring(json, kind.category[i]);
	json_list_end(json);
	put_one(json, "type", kind.type);
}

static struct kind alert_kind_of(const struct event *event)
{
	bool login = event->action == ACTION_AUTHENTICATE;
	return (struct kind){{"intrusion_detection", login ? "authentication" : "network"}, "info"};
}

static void put_what(struct json *json, const struct event *event, bool is_alert)
{
	put_cstring(json, "kind", is_alert ? "alert" : "event");
	if (!json_again(json, PART_ECS_EVENT, 2 * put_event_number(event) + is_alert)) {
		char dataset[64];
		snprintf(dataset, sizeof dataset, "thingwarden.%s", is_alert ? "alert" : protocol_name(event->protocol));
		put_kind(json, is_alert ? alert_kind_of(event) : kind_of(event));
		put_cstring(json, "module", "thingwarden");
		put_cstring(json, "provider", "thingwarden");
		put_cstring(json, "dataset", dataset);
		put_cstring(json, "action", action_name(event->action));
		put_cstring(json, "outcome", outcome_name(event->outcome));
		json_keep(json);
	}
	put_text(json, "reason", event->reason);
}

/* event.severity is Elastic's own scale of its detection rules. */
static void put_alert(struct json *json, const struct alert *alert)
{
	static const unsigned severities[] = {0, 21, 47, 73, 99};
	json_key(json, "event");
	json_open(json);
	put_what(json, alert->event, true);
	put_number(json, "severity", severities[alert->rule->level]);
	put_id(json, "id", alert->id);
	put_date(json, "start", alert->first_seen_ns);
	put_date(json, "end", alert->last_seen_ns);
	json_close(json);
}

/* --- rule.*, threat.* ----------------------------------------------------------------------------------------- */

static void put_rule(struct json *json, const struct rule *rule)
{
	json_key(json, "rule");
	json_open(json);
	put_cstring(json, "id", rule->name ? rule->name : rule->id);
	put_cstring(json, "uuid", rule->id);
	put_cstring(json, "name", rule->title);
	put_cstring(json, "ruleset", "thingwarden");
	put_cstring(json, "category", attack_category(rule));
	put_cstring(json, "description", rule->description);
	if (rule->references && rule->references[0])
		put_cstring(json, "reference", rule->references[0]);
	if (rule->author && *rule->author)
		put_one(json, "author", rule->author);
	json_close(json);
}

/* One list of the same member of each technique; NULL ones are left out, and those that came before. */
static void put_list(struct json *json, const char *key, const char *const *texts, unsigned count)
{
	json_key(json, key);
	json_list(json);
	for (unsigned i = 0; i < count; i++) {
		bool seen = !texts[i];
		for (unsigned j = 0; j < i && !seen; j++)
			seen = texts[j] && strcmp(texts[i], texts[j]) == 0;
		if (!seen)
			json_cstring(json, texts[i]);
	}
	json_list_end(json);
}

/* technique.id is the technique, technique.subtechnique.id the sub-technique below it. */
static void put_techniques_of(struct json *json, const struct attack *attacks, unsigned count)
{
	const char *ids[TECHNIQUES_MAX], *names[TECHNIQUES_MAX], *sub_ids[TECHNIQUES_MAX], *sub_names[TECHNIQUES_MAX];
	unsigned subs = 0;
	for (unsigned i = 0; i < count; i++) {
		bool sub = attacks[i].parent_id[0];
		ids[i] = sub ? attacks[i].parent_id : attacks[i].id;
		names[i] = sub ? attacks[i].parent_name : attacks[i].name;
		if (!sub)
			continue;
		sub_ids[subs] = attacks[i].id;
		sub_names[subs++] = attacks[i].name;
	}
	json_key(json, "technique");
	json_open(json);
	put_list(json, "id", ids, count);
	put_list(json, "name", names, count);
	if (subs) {
		json_key(json, "subtechnique");
		json_open(json);
		put_list(json, "id", sub_ids, subs);
		put_list(json, "name", sub_names, subs);
		json_close(json);
	}
	json_close(json);
}

static void put_threat(struct json *json, const struct rule *rule)
{
	struct attack attacks[TECHNIQUES_MAX];
	const char *ids[TECHNIQUES_MAX], *names[TECHNIQUES_MAX];
	unsigned count = 0, tag = 0;
	while (count < TECHNIQUES_MAX && attack_next(rule, &tag, &attacks[count]))
		count++;
	if (!count)
		return;
	for (unsigned i = 0; i < count; i++) {
		ids[i] = attacks[i].tactic ? attacks[i].tactic->id : NULL;
		names[i] = attacks[i].tactic ? attacks[i].tactic->name : NULL;
	}
	json_key(json, "threat");
	json_open(json);
	put_cstring(json, "framework", "MITRE ATT&CK");
	json_key(json, "tactic");
	json_open(json);
	put_list(json, "id", ids, count);
	put_list(json, "name", names, count);
	json_close(json);
	put_techniques_of(json, attacks, count);
	json_close(json);
}

/* --- tls.* ------------------------------------------------------------------------------------------------------ */

enum tls_member { TLS_VERSION, TLS_CIPHER, TLS_SNI, TLS_JA3, TLS_JA3S, TLS_SUBJECT, TLS_ISSUER, TLS_NOT_BEFORE, TLS_NOT_AFTER,
	TLS_FINGERPRINT, TLS_SUITES, TLS_RESUMED, TLS_MEMBERS };

struct tls_values {
	bool known[TLS_MEMBERS];
	struct value value[TLS_MEMBERS];
};

static void tls_collect(const struct event *event, struct tls_values *out)
{
	static const char *const names[TLS_MEMBERS] = {"version", "cipher_suite", "sni", "ja3.hash", "ja3s.hash", "subject", "issuerdn",
		"notbefore", "notafter", "fingerprint", "cipher_suites", "session_resumed"};
	size_t skip = strlen(protocol_name(event->protocol)) + 1;
	for (const struct field *f = event->fields; f && f->name; f++)
		for (unsigned i = 0; i < TLS_MEMBERS; i++)
			if (!out->known[i] && strcmp(f->name + skip, names[i]) == 0)
				out->known[i] = field_get(f, event, &out->value[i]);
}

static void put_tls_text(struct json *json, const char *key, const struct tls_values *tls, enum tls_member member)
{
	if (tls->known[member])
		put_text(json, key, tls->value[member].text);
}

/* "TLS 1.2" is version 1.2 of the protocol tls. */
static void put_tls_version(struct json *json, struct slice version)
{
	const uint8_t *space = memchr(version.at, ' ', version.size);
	bool datagram = version.size && version.at[0] == 'D';
	uint32_t skip = space ? (uint32_t)(space - version.at) + 1 : 0;
	put_cstring(json, "version_protocol", slice_starts(version, slice_text("SSL")) ? "ssl" : datagram ? "dtls" : "tls");
	put_text(json, "version", space ? slice_of(version.at + skip, version.size - skip) : version);
}

/* SHA-1 in ECS's form: capitals, no colons. */
static void put_tls_hash(struct json *json, struct slice text)
{
	char digits[64];
	uint32_t n = 0;
	for (uint32_t i = 0; i < text.size && n < sizeof digits; i++)
		if (text.at[i] != ':')
			digits[n++] = (char)toupper(text.at[i]);
	json_key(json, "hash");
	json_open(json);
	put_text(json, "sha1", slice_of(digits, n));
	json_close(json);
}

static void put_tls(struct json *json, const struct event *event)
{
	struct tls_values tls = {.known = {false}};
	if ((event->protocol != PROTOCOL_TLS && event->protocol != PROTOCOL_DTLS) || !event->detail)
		return;
	tls_collect(event, &tls);
	json_key(json, "tls");
	json_open(json);
	if (tls.known[TLS_VERSION])
		put_tls_version(json, tls.value[TLS_VERSION].text);
	put_tls_text(json, "cipher", &tls, TLS_CIPHER);
	if (tls.known[TLS_RESUMED]) {
		json_key(json, "resumed");
		json_bool(json, tls.value[TLS_RESUMED].number);
	}
	json_key(json, "client");
	json_open(json);
	put_tls_text(json, "server_name", &tls, TLS_SNI);
	put_tls_text(json, "ja3", &tls, TLS_JA3);
	if (tls.known[TLS_SUITES])
		put_texts(json, "supported_ciphers", tls.value[TLS_SUITES].texts);
	json_close(json);
	json_key(json, "server");
	json_open(json);
	put_tls_text(json, "ja3s", &tls, TLS_JA3S);
	put_tls_text(json, "subject", &tls, TLS_SUBJECT);
	put_tls_text(json, "issuer", &tls, TLS_ISSUER);
	put_tls_text(json, "not_before", &tls, TLS_NOT_BEFORE);
	put_tls_text(json, "not_after", &tls, TLS_NOT_AFTER);
	if (tls.known[TLS_FINGERPRINT])
		put_tls_hash(json, tls.value[TLS_FINGERPRINT].text);
	json_close(json);
	json_close(json);
}

/* --- who and where ------------------------------------------------------------------------------------------------ */

static void put_geo(struct json *json, const struct context_end *about)
{
	if (about->country.at || about->country_name.at || about->city.at || about->site.at) {
		json_key(json, "geo");
		json_open(json);
		put_text(json, "country_iso_code", about->country);
		put_text(json, "country_name", about->country_name);
		put_text(json, "city_name", about->city);
		put_text(json, "name", about->site); /* what those who run the place call it */
		json_close(json);
	}
	if (!about->asn && !about->as_org.at)
		return;
	json_key(json, "as");
	json_open(json);
	if (about->asn)
		put_number(json, "number", about->asn);
	if (about->as_org.at) {
		json_key(json, "organization");
		json_open(json);
		put_text(json, "name", about->as_org);
		json_close(json);
	}
	json_close(json);
}

/* ECS writes them with capitals and hyphens (RFC 7042). */
static void put_mac(struct json *json, const uint8_t *mac)
{
	char text[MAC_TEXT_MAX];
	if (!mac)
		return;
	mac_text(mac, text);
	for (char *c = text; *c; c++)
		*c = *c == ':' ? '-' : (char)toupper((unsigned char)*c);
	put_cstring(json, "mac", text);
}

static void put_end(struct json *json, const char *key, const struct address *address, uint16_t port, const struct name *user,
		    const struct context_end *about)
{
	if (!put_known(address))
		return;
	json_key(json, key);
	json_open(json);
	put_address(json, "address", address);
	put_address(json, "ip", address);
	if (port)
		put_number(json, "port", port);
	if (user && user->known) {
		json_key(json, "user");
		json_open(json);
		put_text(json, "name", name_slice(user));
		json_close(json);
	}
	if (about) {
		put_mac(json, about->mac);
		put_geo(json, about);
	}
	json_close(json);
}

/* ECS has no owner, and no maker of one end: labels are for what it has no field for. */
static void put_labels(struct json *json, const struct context *about)
{
	if (!about->src.owner.at && !about->dest.owner.at && !about->src.mac_vendor.at && !about->dest.mac_vendor.at)
		return;
	json_key(json, "labels");
	json_open(json);
	put_text(json, "source_owner", about->src.owner);
	put_text(json, "source_mac_vendor", about->src.mac_vendor);
	put_text(json, "destination_owner", about->dest.owner);
	put_text(json, "destination_mac_vendor", about->dest.mac_vendor);
	json_close(json);
}

static void put_network(struct json *json, const struct event *event, const struct context *about)
{
	char community_id[COMMUNITY_ID_MAX];
	json_key(json, "network");
	json_open(json);
	if (event->transport) {
		digest_community_id(event->ends, event->transport, community_id);
		put_cstring(json, "transport", event->transport == TRANSPORT_UDP ? "udp" : "tcp");
		put_cstring(json, "community_id", community_id);
	}
	put_cstring(json, "protocol", event->app_proto);
	if (put_known(&event->ends->client))
		put_cstring(json, "type", address_is_v4(&event->ends->client) ? "ipv4" : "ipv6");
	if (about) /* that of the client, who is to be found */
		put_text(json, "name", about->src.network.at ? about->src.network : about->dest.network);
	json_close(json);
}

static void put_related(struct json *json, const struct event *event)
{
	const struct address *addresses[] = {&event->ends->client, &event->ends->server, &event->predecessor};
	json_key(json, "related");
	json_open(json);
	json_key(json, "ip");
	json_list(json);
	for (unsigned i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		char text[ADDRESS_TEXT_MAX];
		if (put_known(addresses[i]))
			json_text(json, slice_of(text, address_format(addresses[i], text)));
	}
	json_list_end(json);
	if (event->session->user.size) {
		json_key(json, "user");
		json_list(json);
		json_text(json, name_slice(&event->session->user));
		json_list_end(json);
	}
	json_close(json);
}

static void put_observer(struct json *json, const char *name)
{
	json_key(json, "observer");
	json_open(json);
	put_cstring(json, "vendor", "thingwarden");
	if (!json_again(json, PART_ECS_OBSERVER, 1)) {
		put_cstring(json, "product", "thingwarden");
		put_cstring(json, "type", "sensor");
		put_cstring(json, "version", TW_VERSION);
		json_keep(json);
	}
	put_cstring(json, "name", name);
	json_close(json);
}

static void put_ends(struct json *json, const struct record_context *context, const struct event *event)
{
	const struct context *about = context->about;
	put_end(json, "source", &event->ends->client, event->ends->client_port, &event->session->user, about ? &about->src : NULL);
	put_end(json, "destination", &event->ends->server, event->ends->server_port, NULL, about ? &about->dest : NULL);
	if (about)
		put_labels(json, about);
	put_network(json, event, about);
	put_tls(json, event);
	put_related(json, event);
	put_observer(json, context->sensor_name);
}

static struct json *begin(uint64_t time_ns)
{
	struct json *json = json_begin();
	json_open(json);
	put_date(json, "@timestamp", time_ns);
	if (!json_again(json, PART_ECS_VERSION, 1)) {
		json_key(json, "ecs");
		json_open(json);
		put_cstring(json, "version", ECS_VERSION);
		json_close(json);
		json_keep(json);
	}
	return json;
}

static struct slice ecs_alert(const struct record_context *context, const struct alert *alert, bool colour)
{
	struct json *json = begin(alert->time_ns);
	(void)colour;
	put_cstring(json, "message", alert->rule->title);
	put_alert(json, alert);
	if (!json_again(json, PART_ECS_RULE, alert->rule->serial)) {
		put_rule(json, alert->rule);
		put_threat(json, alert->rule);
		json_keep(json);
	}
	put_ends(json, context, alert->event);
	put_whole_finding(json, context, alert);
	json_close(json);
	return json_end(json);
}

static struct slice ecs_event(const struct record_context *context, const struct event *event)
{
	struct json *json = begin(event->time_ns);
	json_key(json, "event");
	json_open(json);
	put_what(json, event, false);
	json_close(json);
	put_ends(json, context, event);
	put_whole_event(json, context, event);
	json_close(json);
	return json_end(json);
}

const struct format format_ecs = {.name = "ecs", .lines = true, .alert = ecs_alert, .event = ecs_event};
