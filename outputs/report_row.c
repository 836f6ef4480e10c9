#include "report_row.h"
#include "attack.h"
#include "put.h"
#include <inttypes.h>
#include <stdio.h>

enum { MS = 1000000 };

static void text_or_null(struct json *json, struct slice text)
{
	if (text.at)
		json_text(json, text);
	else
		json_number(json, 0);
}

static void put_end(struct json *json, const struct address *address, uint16_t port)
{
	char text[ADDRESS_TEXT_MAX];
	unsigned size = put_known(address) ? address_format(address, text) : 0;
	json_text(json, slice_of(text, size));
	json_number(json, port);
}

/* Can the client identifier be named in a display filter? 0: as it is; 1: its head, the rest was not kept; 2: no, it has bytes that
 * were escaped. */
static unsigned client_id_kind(const struct name *name)
{
	enum { MARK = 9 }; /* "~" and eight digits, see name_set() */
	char safe[8 * LIMIT_NAME];
	struct slice text = name_slice(name);
	bool cut = text.size == sizeof name->text && name->text[text.size - MARK] == '~';
	return text_escape(text, safe, sizeof safe) != text.size ? 2 : cut;
}

static void put_happened(struct json *json, const struct event *event)
{
	char text[192];
	snprintf(text, sizeof text, "%s%s%s%s%.*s", action_name(event->action), event->outcome == OUTCOME_UNKNOWN ? "" : " ",
		 event->outcome == OUTCOME_UNKNOWN ? "" : outcome_name(event->outcome), event->reason.size ? ": " : "",
		 (int)event->reason.size, event->reason.size ? (const char *)event->reason.at : "");
	json_cstring(json, text);
}

static void put_optional(struct json *json, double value)
{
	if (value >= 0)
		json_double(json, value);
	else
		json_number(json, 0);
}

/* [[file, frame, frame ...], ...] */
static void put_frames(struct json *json, const struct alert *alert)
{
	json_list(json);
	for (unsigned i = 0; i < alert->evidence_count; i++) {
		if (i == 0 || alert->evidence[i].file != alert->evidence[i - 1].file) {
			if (i)
				json_list_end(json);
			json_list(json);
			json_number(json, alert->evidence[i].file);
		}
		json_number(json, alert->evidence[i].frame);
	}
	if (alert->evidence_count)
		json_list_end(json);
	json_list_end(json);
}

/* [[name, text], ...] */
static void put_shown(struct json *json, const struct alert *alert)
{
	char text[512];
	json_list(json);
	for (unsigned i = 0; i < alert->rule->shown_count; i++) {
		uint32_t size = field_text(alert->rule->shown[i], alert->event, text, sizeof text);
		if (!size)
			continue;
		json_list(json);
		json_cstring(json, alert->rule->shown[i]->name);
		json_text(json, slice_of(text, size));
		json_list_end(json);
	}
	json_list_end(json);
}

struct slice report_row(const struct alert *alert, uint64_t raised_ns)
{
	const struct event *event = alert->event;
	const struct session *session = event->session;
	struct json *json = json_begin();
	json_list(json);
	json_number(json, alert->rule->index);
	json_number(json, raised_ns / MS);
	json_number(json, alert->first_seen_ns / MS);
	json_number(json, alert->last_seen_ns / MS);
	json_number(json, alert->update);
	put_end(json, &event->ends->client, event->ends->client_port);
	put_end(json, &event->ends->server, event->ends->server_port);
	json_cstring(json, event->app_proto ? event->app_proto : protocol_name(event->protocol));
	json_number(json, event->transport);
	json_number(json, event->source == SOURCE_LOG);
	text_or_null(json, name_slice(&session->client_id));
	json_number(json, client_id_kind(&session->client_id));
	text_or_null(json, name_slice(&session->user));
	put_happened(json, event);
	text_or_null(json, event->resource.count ? event->resource.items[0] : (struct slice){NULL, 0});
	json_number(json, alert->count);
	json_number(json, alert->distinct);
	put_optional(json, alert->value);
	put_optional(json, alert->ratio);
	json_list(json);
	for (unsigned i = 0; i < alert->group_count; i++)
		json_text(json, alert->group_text[i]);
	json_list_end(json);
	put_frames(json, alert);
	json_list(json);
	for (unsigned i = 0; i < alert->sample_count; i++)
		json_text(json, alert->sample[i]);
	json_list_end(json);
	put_shown(json, alert);
	json_number(json, event->file);
	json_number(json, event->frame);
	json_list_end(json);
	return json_end(json);
}

/* --- rules ---------------------------------------------------------------------------------------------------- */

static void put_condition(struct json *json, const struct rule *rule)
{
	static const char *const words[] = {"", "more than ", "at least ", "fewer than ", "at most ", "exactly ", "not "};
	char text[96];
	if (!rule->compare)
		return;
	if (rule->ratio > 0)
		snprintf(text, sizeof text, "ratio %s%g", words[rule->compare], rule->ratio);
	else
		snprintf(text, sizeof text, "%s%" PRIu64 "%s", words[rule->compare], rule->threshold,
			 rule->value_name && !rule->measure ? " different" : "");
	put_cstring(json, "condition", text);
}

static void put_names(struct json *json, const char *key, const char *const *names)
{
	json_key(json, key);
	json_list(json);
	for (; names && *names; names++)
		json_cstring(json, *names);
	json_list_end(json);
}

/* [[id, name, tactic], ...] */
static void put_mitre(struct json *json, const struct rule *rule)
{
	struct attack attack;
	unsigned tag = 0;
	json_key(json, "mitre");
	json_list(json);
	while (attack_next(rule, &tag, &attack)) {
		json_list(json);
		json_cstring(json, attack.id);
		json_cstring(json, attack.name ? attack.name : "");
		json_cstring(json, attack.tactic ? attack.tactic->name : "");
		json_list_end(json);
	}
	json_list_end(json);
}

void report_rule_put(struct json *json, const struct report_rule *r, uint64_t shown)
{
	const struct rule *rule = r->rule;
	const char *groups[RULE_GROUP_MAX + 1] = {NULL};
	for (unsigned i = 0; i < rule->group_count; i++)
		groups[i] = rule->group_name[i];
	json_open(json);
	put_number(json, "index", rule->index);
	put_cstring(json, "name", rule->name ? rule->name : rule->id);
	put_cstring(json, "id", rule->id);
	put_cstring(json, "title", rule->title);
	put_number(json, "level", rule->level);
	put_cstring(json, "description", rule->description);
	put_names(json, "falsepositives", rule->falsepositives);
	put_mitre(json, rule);
	put_names(json, "group", groups);
	put_condition(json, rule);
	put_number(json, "window_s", rule->window_ns / TW_SECOND);
	put_cstring(json, "value", rule->value_name);
	put_cstring(json, "measure", rule->measure);
	put_awaited(json, rule);
	put_number(json, "alerts", r->alerts);
	put_number(json, "updates", r->updates);
	put_number(json, "shown", shown);
	json_close(json);
}
