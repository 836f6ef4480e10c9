/* Text for people: a few lines an alert. */
#include "json.h"
#include "output.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { PAGE = 16384 };

struct page {
	char text[PAGE];
	uint32_t size;
};

__attribute__((format(printf, 2, 3)))
static void add(struct page *page, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int n = vsnprintf(page->text + page->size, PAGE - page->size, format, arguments);
	va_end(arguments);
	if (n > 0)
		page->size = page->size + (uint32_t)n < PAGE ? page->size + (uint32_t)n : PAGE - 1;
}

static void add_text(struct page *page, struct slice text)
{
	char safe[256];
	add(page, "%.*s", (int)text_escape(text, safe, sizeof safe), safe);
}

static void add_span(struct page *page, uint64_t ns)
{
	double s = (double)ns / 1e9;
	if (s < 120)
		add(page, s < 10 ? "%.1f s" : "%.0f s", s);
	else if (s < 7200)
		add(page, "%.0f min", s / 60);
	else if (s < 172800)
		add(page, "%.0f h", s / 3600);
	else
		add(page, "%.0f d", s / 86400);
}

static const char *colour_of(enum level level)
{
	static const char *const colours[] = {"\033[2m", "\033[36m", "\033[33m", "\033[31m", "\033[1;31m"};
	return colours[level];
}

static void add_who(struct page *page, const struct event *event)
{
	char from[ADDRESS_TEXT_MAX], to[ADDRESS_TEXT_MAX];
	const struct session *session = event->session;
	address_format(&event->ends->client, from);
	address_format(&event->ends->server, to);
	add(page, "  who    %s -> %s:%u", from, to, event->ends->server_port);
	if (event->app_proto)
		add(page, " (%s)", event->app_proto);
	if (session->client_id.known) {
		add(page, ", client ");
		add_text(page, name_slice(&session->client_id));
	}
	if (session->user.known) {
		add(page, ", user ");
		add_text(page, name_slice(&session->user));
	}
	add(page, "\n");
}

static void add_what(struct page *page, const struct alert *alert)
{
	static const char *const words[] = {"", "more than ", "at least ", "fewer than ", "at most ", "exactly ", "not "};
	const struct rule *rule = alert->rule;
	uint64_t span = alert->last_seen_ns > alert->first_seen_ns ? alert->last_seen_ns - alert->first_seen_ns : 0;
	add(page, "  what   %s", action_name(alert->event->action));
	if (alert->event->outcome != OUTCOME_UNKNOWN)
		add(page, " %s", outcome_name(alert->event->outcome));
	if (alert->event->reason.size) {
		add(page, " (");
		add_text(page, alert->event->reason);
		add(page, ")");
	}
	if (alert->distinct)
		add(page, ", %" PRIu64 " different values of %s", alert->distinct, rule->value_name ? rule->value_name : "it");
	else
		add(page, ", %" PRIu64 " time%s", alert->count, alert->count == 1 ? "" : "s");
	if (span) {
		add(page, " in ");
		add_span(page, span);
	}
	if (alert->ratio >= 0)
		add(page, ", ratio %.2f", alert->ratio);
	if (rule->compare) {
		add(page, "; the rule: %s%" PRIu64 " in ", rule->ratio > 0 ? "at least " : words[rule->compare], rule->threshold);
		add_span(page, rule->window_ns);
	}
	for (unsigned i = 0; i < alert->group_count; i++) {
		add(page, "%s%s ", i ? ", " : " per ", rule->group_name[i]);
		add_text(page, alert->group_text[i]);
	}
	add(page, "\n");
}

static void add_samples(struct page *page, const struct alert *alert)
{
	if (!alert->sample_count)
		return;
	add(page, "  seen   ");
	for (unsigned i = 0; i < alert->sample_count; i++) {
		add(page, i ? ", " : "");
		add_text(page, alert->sample[i]);
	}
	add(page, "\n");
}

static void add_where(struct page *page, const struct record_context *context, const struct alert *alert)
{
	add(page, "  where  ");
	for (unsigned i = 0; i < alert->evidence_count; i++) {
		bool new_file = i == 0 || alert->evidence[i].file != alert->evidence[i - 1].file;
		if (new_file && context->file_name)
			add(page, "%s%s frame ", i ? "; " : "", context->file_name(context->owner, alert->evidence[i].file));
		add(page, "%s%u", new_file ? "" : ", ", alert->evidence[i].frame);
	}
	add(page, "\n");
}

static void add_rule(struct page *page, const struct rule *rule)
{
	add(page, "  rule   %s", rule->name ? rule->name : rule->id);
	for (const char *const *tag = rule->tags; *tag; tag++)
		if (strncmp(*tag, "attack.t", 8) == 0 && isdigit((unsigned char)(*tag)[8]))
			add(page, " T%s", *tag + 8);
	add(page, "\n");
}

static struct slice text_alert(const struct record_context *context, const struct alert *alert, bool colour)
{
	static struct page page;
	char time[40];
	page.size = 0;
	uint32_t n = text_time(alert->time_ns, time);
	add(&page, "%.*s %s%-8s%s %s", (int)(n > 12 ? n - 8 : n), time, colour ? colour_of(alert->rule->level) : "",
	    level_name(alert->rule->level), colour ? "\033[0m" : "", alert->rule->title);
	if (alert->update)
		add(&page, " (goes on, update %u)", alert->update);
	add(&page, "\n");
	add_who(&page, alert->event);
	add_what(&page, alert);
	add_samples(&page, alert);
	add_where(&page, context, alert);
	add_rule(&page, alert->rule);
	return slice_of(page.text, page.size);
}

const struct format format_text = {.name = "text", .lines = true, .alert = text_alert};
