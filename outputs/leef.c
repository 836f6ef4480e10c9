/* LEEF 2.0: QRadar's Log Event Extended Format; keys between tabs, predefined ones first.
 *
 *    LEEF:2.0|thingwarden|thingwarden|VERSION|RULE|x09|key=value<TAB>key=value ...
 *
 * LEEF has no escape: a | of the header becomes \x7c; a tab or line break of a value is \x09, \x0a already, as every control is. */
#include "attack.h"
#include "line.h"
#include "put.h"
#include "../sensor/digest.h"
#include <stdio.h>

enum { ID_MAX = 255, LONG = 1023 };

static struct line *begin(const char *id)
{
	static struct line line;
	line.between = '\t';
	line.special = "";
	line.hex = true;
	line.begun = false;
	line.size = 0;
	line_raw(&line, "LEEF:2.0|thingwarden|thingwarden|" TW_VERSION "|");
	line_text(&line, slice_text(id), ID_MAX, "|");
	line_raw(&line, "|x09|");
	return &line;
}

static void pair_time(struct line *line, uint64_t time_ns)
{
	char text[40];
	uint32_t size = text_time(time_ns, text);
	memmove(text + size - 8, text + size - 5, 5); /* microseconds become milliseconds */
	line_pair(line, "devTime", slice_of(text, size - 3), LONG);
	line_pair_text(line, "devTimeFormat", "yyyy-MM-dd'T'HH:mm:ss.SSSZ", LONG);
}

static void pair_about(struct line *line, const char *end, const struct context_end *about)
{
	const struct {
		const char *name;
		struct slice text;
	} fields[] = {{"Country", about->country.at ? about->country : about->country_name}, {"City", about->city},
		      {"AsOrg", about->as_org}, {"Network", about->network}, {"MacVendor", about->mac_vendor}, {"Owner", about->owner},
		      {"Site", about->site}};
	char key[32], mac[MAC_TEXT_MAX];
	if (about->mac) {
		snprintf(key, sizeof key, "%sMAC", end);
		mac_text(about->mac, mac);
		line_pair_text(line, key, mac, LONG);
	}
	if (about->asn) {
		snprintf(key, sizeof key, "%sAsn", end);
		line_pair_number(line, key, about->asn);
	}
	for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++) {
		snprintf(key, sizeof key, "%s%s", end, fields[i].name);
		line_pair(line, key, fields[i].text, LONG);
	}
}

static void pair_event(struct line *line, const struct record_context *context, const struct event *event)
{
	struct line_joined resource;
	line_pair_address(line, "src", &event->ends->client);
	line_pair_address(line, "dst", &event->ends->server);
	if (event->transport) {
		char community_id[COMMUNITY_ID_MAX];
		digest_community_id(event->ends, event->transport, community_id);
		line_pair_number(line, "srcPort", event->ends->client_port);
		line_pair_number(line, "dstPort", event->ends->server_port);
		line_pair_text(line, "proto", event->transport == TRANSPORT_UDP ? "UDP" : "TCP", LONG);
		line_pair_text(line, "communityId", community_id, LONG);
	}
	line_pair(line, "usrName", name_slice(&event->session->user), LONG);
	line_pair(line, "resource", line_join(&resource, event->resource), LONG);
	line_pair_text(line, "application", event->app_proto, LONG);
	line_pair_text(line, "action", action_name(event->action), LONG);
	line_pair_text(line, "outcome", outcome_name(event->outcome), LONG);
	line_pair(line, "reason", event->reason, LONG);
	line_pair(line, "clientId", name_slice(&event->session->client_id), LONG);
	line_pair_text(line, "sensor", context->sensor_name, LONG);
	if (context->file_name)
		line_pair_text(line, "file", context->file_name(context->owner, event->file), LONG);
	if (context->about) {
		pair_about(line, "src", &context->about->src);
		pair_about(line, "dst", &context->about->dest);
	}
}

static void pair_finding(struct line *line, const struct alert *alert)
{
	const struct rule *rule = alert->rule;
	struct line_joined text;
	line_pair_text(line, "ruleTitle", rule->title, LONG);
	line_pair_text(line, "ruleLevel", level_name(rule->level), LONG);
	line_pair_number(line, "count", alert->count);
	if (alert->distinct)
		line_pair_number(line, "distinct", alert->distinct);
	if (rule->compare)
		line_pair_number(line, "threshold", rule->threshold);
	line_pair_number(line, "windowSeconds", rule->window_ns / TW_SECOND);
	line_pair_ms(line, "firstSeen", alert->first_seen_ns);
	line_pair_ms(line, "lastSeen", alert->last_seen_ns);
	if (alert->update)
		line_pair_number(line, "update", alert->update);
	line_pair(line, "group", line_groups(&text, alert), LONG);
	line_pair(line, "samples", line_join(&text, (struct slices){alert->sample, alert->sample_count}), LONG);
	line_pair(line, alert->event->source == SOURCE_LOG ? "lines" : "frames", line_frames(&text, alert), LONG);
	line_pair(line, "mitre", line_techniques(&text, rule), LONG);
	line_pair_text(line, "description", rule->description, LONG);
}

static struct slice leef_alert(const struct record_context *context, const struct alert *alert, bool colour)
{
	static const unsigned severities[] = {1, 3, 5, 8, 10};
	const struct rule *rule = alert->rule;
	struct line *line = begin(rule->name ? rule->name : rule->id);
	char id[ID_TEXT_MAX];
	(void)colour;
	line_pair_text(line, "cat", attack_category(rule), LONG);
	pair_time(line, alert->time_ns);
	line_pair_number(line, "sev", severities[rule->level]);
	line_pair(line, "alertId", text_id(alert->id, id), LONG);
	pair_event(line, context, alert->event);
	pair_finding(line, alert);
	return slice_of(line->text, line->size);
}

static struct slice leef_event(const struct record_context *context, const struct event *event)
{
	char id[64];
	snprintf(id, sizeof id, "%s_%s", protocol_name(event->protocol), action_name(event->action));
	struct line *line = begin(id);
	line_pair_text(line, "cat", protocol_name(event->protocol), LONG);
	pair_time(line, event->time_ns);
	line_pair_number(line, "sev", 1);
	pair_event(line, context, event);
	line_pair_number(line, event->source == SOURCE_LOG ? "line" : "frame", event->frame);
	return slice_of(line->text, line->size);
}

const struct format format_leef = {.name = "leef", .lines = true, .alert = leef_alert, .event = leef_event};
