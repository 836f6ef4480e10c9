/* CEF: ArcSight's Common Event Format, version 0 of its header, keys and lengths of its extension dictionary.
 *
 *    CEF:0|thingwarden|thingwarden|VERSION|RULE|TITLE|SEVERITY 0-10|key=value key=value ...
 *
 * A backslash stands before | and \ of the header, = and \ of a value. Addresses of IPv6 have keys of their own. */
#include "attack.h"
#include "line.h"
#include "put.h"
#include "../sensor/digest.h"
#include <stdio.h>

enum { ID_MAX = 128, NAME_MAX_BYTES = 512, SHORT = 31, MEDIUM = 63, HOST = 100, LONG = 1023 };

static struct line *begin(const char *id, const char *name, const char *severity)
{
	static struct line line;
	static const char special[] = "|\\";
	line.between = ' ';
	line.special = "=\\";
	line.begun = false;
	line.size = 0;
	line_raw(&line, "CEF:0|thingwarden|thingwarden|" TW_VERSION "|");
	line_text(&line, slice_text(id), ID_MAX, special);
	line_raw(&line, "|");
	line_text(&line, slice_text(name), NAME_MAX_BYTES, special);
	line_raw(&line, "|");
	line_raw(&line, severity);
	line_raw(&line, "|");
	return &line;
}

/* A key of the dictionary that is free for use, with its label. */
static void pair_labelled(struct line *line, const char *key, const char *label_key, const char *label, struct slice value)
{
	if (!value.size)
		return;
	line_pair_text(line, label_key, label, LONG);
	line_pair(line, key, value, LONG);
}

static void pair_number_labelled(struct line *line, const char *key, const char *label_key, const char *label, uint64_t value)
{
	if (!value)
		return;
	line_pair_text(line, label_key, label, LONG);
	line_pair_number(line, key, value);
}

static void pair_end(struct line *line, const struct address *address, bool source)
{
	if (address_is_v4(address)) {
		line_pair_address(line, source ? "src" : "dst", address);
		return;
	}
	line_pair_text(line, source ? "c6a2Label" : "c6a3Label", source ? "Source IPv6 Address" : "Destination IPv6 Address", LONG);
	line_pair_address(line, source ? "c6a2" : "c6a3", address);
}

/* The dictionary has keys for an Ethernet address; for the rest one that is free for use. */
static void pair_about(struct line *line, const struct context *about)
{
	static struct line_joined whole, part;
	char mac[MAC_TEXT_MAX];
	if (about->src.mac)
		mac_text(about->src.mac, mac), line_pair_text(line, "smac", mac, LONG);
	if (about->dest.mac)
		mac_text(about->dest.mac, mac), line_pair_text(line, "dmac", mac, LONG);
	struct slice src = line_about(&part, &about->src);
	int n = snprintf(whole.text, sizeof whole.text, "%s%.*s", src.size ? "source: " : "", (int)src.size, (const char *)src.at);
	struct slice dest = line_about(&part, &about->dest);
	if (dest.size && n >= 0 && n < LINE_JOINED_MAX)
		n += snprintf(whole.text + n, sizeof whole.text - (size_t)n, "%sdestination: %.*s", n ? "; " : "", (int)dest.size,
			      (const char *)dest.at);
	uint32_t size = n < 0 ? 0 : n < LINE_JOINED_MAX ? (uint32_t)n : LINE_JOINED_MAX - 1;
	pair_labelled(line, "flexString2", "flexString2Label", "Context", slice_of(whole.text, size));
}

static void pair_event(struct line *line, const struct record_context *context, const struct event *event, uint64_t time_ns)
{
	struct line_joined resource;
	char community_id[COMMUNITY_ID_MAX] = "";
	line_pair_ms(line, "rt", time_ns);
	line_pair_text(line, "dvchost", context->sensor_name, HOST);
	line_pair_text(line, "app", event->app_proto, SHORT);
	if (event->transport) {
		line_pair_text(line, "proto", event->transport == TRANSPORT_UDP ? "UDP" : "TCP", SHORT);
		digest_community_id(event->ends, event->transport, community_id);
	}
	pair_end(line, &event->ends->client, true);
	pair_end(line, &event->ends->server, false);
	if (event->transport) {
		line_pair_number(line, "spt", event->ends->client_port);
		line_pair_number(line, "dpt", event->ends->server_port);
	}
	line_pair(line, "suser", name_slice(&event->session->user), LONG);
	line_pair_text(line, "act", action_name(event->action), MEDIUM);
	line_pair_text(line, "outcome", outcome_name(event->outcome), MEDIUM);
	line_pair(line, "reason", event->reason, LONG);
	pair_labelled(line, "cs1", "cs1Label", "Client ID", name_slice(&event->session->client_id));
	pair_labelled(line, "cs2", "cs2Label", "Resource", line_join(&resource, event->resource));
	pair_labelled(line, "cs3", "cs3Label", "Community ID", slice_text(community_id));
	if (context->file_name)
		line_pair_text(line, "fname", context->file_name(context->owner, event->file), LONG);
	if (context->about)
		pair_about(line, context->about);
}

static void pair_finding(struct line *line, const struct alert *alert)
{
	const struct rule *rule = alert->rule;
	struct line_joined text;
	line_pair_ms(line, "start", alert->first_seen_ns);
	line_pair_ms(line, "end", alert->last_seen_ns);
	line_pair_number(line, "cnt", alert->count);
	line_pair_text(line, "cat", attack_category(rule), LONG);
	pair_labelled(line, "cs4", "cs4Label", "Group", line_groups(&text, alert));
	pair_labelled(line, "cs5", "cs5Label", "MITRE ATT&CK", line_techniques(&text, rule));
	pair_labelled(line, "cs6", "cs6Label", "Samples", line_join(&text, (struct slices){alert->sample, alert->sample_count}));
	pair_labelled(line, "flexString1", "flexString1Label", alert->event->source == SOURCE_LOG ? "Lines" : "Frames",
		      line_frames(&text, alert));
	pair_number_labelled(line, "cn1", "cn1Label", "Distinct", alert->distinct);
	pair_number_labelled(line, "cn2", "cn2Label", "Threshold", rule->compare ? rule->threshold : 0);
	pair_number_labelled(line, "cn3", "cn3Label", "Window seconds", rule->window_ns / TW_SECOND);
	pair_number_labelled(line, "flexNumber1", "flexNumber1Label", "Update", alert->update);
	line_pair_text(line, "msg", rule->description, LONG);
}

static struct slice cef_alert(const struct record_context *context, const struct alert *alert, bool colour)
{
	static const char *const severities[] = {"1", "3", "5", "8", "10"};
	const struct rule *rule = alert->rule;
	struct line *line = begin(rule->name ? rule->name : rule->id, rule->title, severities[rule->level]);
	char id[ID_TEXT_MAX];
	(void)colour;
	line_pair(line, "externalId", text_id(alert->id, id), SHORT);
	pair_event(line, context, alert->event, alert->time_ns);
	pair_finding(line, alert);
	return slice_of(line->text, line->size);
}

static struct slice cef_event(const struct record_context *context, const struct event *event)
{
	char id[64];
	snprintf(id, sizeof id, "%s_%s", protocol_name(event->protocol), action_name(event->action));
	struct line *line = begin(id, id, "0");
	pair_event(line, context, event, event->time_ns);
	pair_number_labelled(line, "cn1", "cn1Label", event->source == SOURCE_LOG ? "Line" : "Frame", event->frame);
	return slice_of(line->text, line->size);
}

const struct format format_cef = {.name = "cef", .lines = true, .alert = cef_alert, .event = cef_event};
