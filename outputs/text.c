/* Text for people: a few lines an alert. */
#include "line.h"
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

/* A name; in quotes when one could not see where it begins and ends. */
static void add_text(struct page *page, struct slice text)
{
	char safe[256];
	uint32_t size = text_escape(text, safe, sizeof safe);
	bool quotes = !size || memchr(safe, ' ', size) || memchr(safe, ',', size) || memchr(safe, '"', size);
	if (!quotes) {
		add(page, "%.*s", (int)size, safe);
		return;
	}
	add(page, "\"");
	for (uint32_t i = 0; i < size; i++) /* a name cannot end its own quotes */
		add(page, safe[i] == '"' ? "\\%c" : "%c", safe[i]);
	add(page, "\"");
}

static void add_span(struct page *page, uint64_t ns)
{
	double s = (double)ns / 1e9;
	if (s < 1)
		add(page, "%.0f ms", s * 1000);
	else if (s < 120)
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

static void end_format(const struct address *address, char out[ADDRESS_TEXT_MAX])
{
	if (address_known(address))
		address_format(address, out);
	else
		snprintf(out, ADDRESS_TEXT_MAX, "unknown");
}

/* Many events have many clients: the session of the last is shown as that, unless it is what the rule counts for. */
static void add_who(struct page *page, const struct alert *alert)
{
	char from[ADDRESS_TEXT_MAX], to[ADDRESS_TEXT_MAX];
	const struct event *event = alert->event;
	const struct session *session = event->session;
	end_format(&event->ends->client, from);
	end_format(&event->ends->server, to);
	add(page, "  who    %s -> %s", from, to);
	if (event->ends->server_port || !event->log)
		add(page, ":%u", event->ends->server_port);
	if (event->app_proto)
		add(page, " (%s)", event->app_proto);
	const char *between = alert->count > 1 ? "; at last client " : ", client ";
	if (session->client_id.known) {
		add(page, "%s", between);
		add_text(page, name_slice(&session->client_id));
		between = ", user ";
	} else {
		between = alert->count > 1 ? "; at last user " : ", user ";
	}
	if (session->user.known) {
		add(page, "%s", between);
		add_text(page, name_slice(&session->user));
	}
	add(page, "\n");
}

static void add_about(struct page *page, const char *head, const struct context_end *end)
{
	static struct line_joined text;
	char safe[512];
	uint32_t size = text_escape(line_about(&text, end), safe, sizeof safe);
	if (size)
		add(page, "  %-6s %.*s\n", head, (int)size, safe);
}

static void add_clock(struct page *page, uint64_t time_ns)
{
	char time[40];
	(void)text_time(time_ns, time);
	add(page, "%.8s", time + 11);
}

/* Type absence. */
static void add_awaited(struct page *page, const struct rule *rule)
{
	add(page, "; what did not follow within ");
	add_span(page, rule->window_ns);
	for (unsigned i = 1; i < rule->roles; i++)
		add(page, "%s %s", i == 1 ? ":" : ",", rule->role[i]->title);
}

static void add_what(struct page *page, const struct alert *alert)
{
	const struct rule *rule = alert->rule;
	const struct event *event = alert->event;
	uint64_t span = alert->last_seen_ns > alert->first_seen_ns ? alert->last_seen_ns - alert->first_seen_ns : 0;
	add(page, "  what   %s", action_name(event->action));
	if (event->outcome != OUTCOME_UNKNOWN)
		add(page, " %s", outcome_name(event->outcome));
	if (event->reason.size) {
		add(page, ": ");
		add_text(page, event->reason);
	}
	if (alert->value >= 0)
		add(page, ", %s of %s: %.0f", rule->measure, rule->value_name, alert->value);
	else if (alert->distinct && !rule->compare)
		add(page, ", %s is new, %" PRIu64 " known", rule->value_name ? rule->value_name : "it", alert->distinct - 1);
	else if (alert->distinct)
		add(page, ", %" PRIu64 " different %s", alert->distinct, rule->value_name ? rule->value_name : "values");
	bool total = rule->measure && strcmp(rule->measure, "total") == 0;
	if (total && (double)alert->count > alert->value) /* an attack that goes on takes it further */
		add(page, ", %" PRIu64 " in all", alert->count);
	else if (!total && alert->count > 1)
		add(page, alert->value >= 0 ? ", over %" PRIu64 " events" : ", %" PRIu64 " times", alert->count);
	if (alert->ratio >= 0)
		add(page, ", ratio %.2f", alert->ratio);
	if (span) {
		add(page, " in ");
		add_span(page, span);
		add(page, ", from ");
		add_clock(page, alert->first_seen_ns);
		add(page, " to ");
		add_clock(page, alert->last_seen_ns);
	}
	if (rule->awaits)
		add_awaited(page, rule);
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

static void add_fields(struct page *page, const struct alert *alert)
{
	char text[256];
	bool begun = false;
	for (unsigned i = 0; i < alert->rule->shown_count; i++) {
		const struct field *field = alert->rule->shown[i];
		uint32_t size = field_text(field, alert->event, text, sizeof text);
		if (!size)
			continue;
		add(page, "%s%s ", begun ? ", " : "  with   ", field->name);
		add_text(page, slice_of(text, size));
		begun = true;
	}
	if (begun)
		add(page, "\n");
}

static void add_where(struct page *page, const struct record_context *context, const struct alert *alert)
{
	const char *place = alert->event->source == SOURCE_LOG ? "line" : "frame";
	for (unsigned i = 0; i < alert->evidence_count; i++) {
		bool new_file = i == 0 || alert->evidence[i].file != alert->evidence[i - 1].file;
		bool more = i + 1 < alert->evidence_count && alert->evidence[i + 1].file == alert->evidence[i].file;
		const char *file = context->file_name ? context->file_name(context->owner, alert->evidence[i].file) : "";
		if (new_file)
			add(page, "%s%s%s%s%s ", i ? "; " : "  where  ", file, *file ? ", " : "", place, more ? "s" : "");
		add(page, "%s%u", new_file ? "" : ", ", alert->evidence[i].frame);
	}
	if (alert->count > alert->evidence_count)
		add(page, " and more");
	if (alert->evidence_count)
		add(page, "\n");
}

static void add_rule(struct page *page, const struct alert *alert)
{
	static const char *const words[] = {"", "more than ", "at least ", "fewer than ", "at most ", "exactly ", "not "};
	const struct rule *rule = alert->rule;
	add(page, "  rule   %s", rule->name ? rule->name : rule->id);
	if (rule->ratio > 0)
		add(page, ": ratio %s%g", words[rule->compare], rule->ratio);
	else if (rule->compare)
		add(page, ": %s%" PRIu64, words[rule->compare], rule->threshold);
	if (rule->compare) {
		add(page, " within ");
		add_span(page, rule->window_ns);
	}
	for (unsigned i = 0; i < alert->group_count; i++) {
		add(page, "%s%s ", i ? ", " : ", for ", rule->group_name[i]);
		add_text(page, alert->group_text[i]);
	}
	for (const char *const *tag = rule->tags; *tag; tag++)
		if (strncmp(*tag, "attack.t", 8) == 0 && isdigit((unsigned char)(*tag)[8]))
			add(page, "  T%s", *tag + 8);
	add(page, "\n");
}

/* What the rule's author says of it, in lines of a readable width. */
static void add_description(struct page *page, const char *text)
{
	enum { WIDTH = 104 };
	const char *head = "  check  ";
	while (text && *text) {
		size_t size = strlen(text), line = size;
		if (size > WIDTH)
			for (line = WIDTH; line > WIDTH / 2 && text[line] != ' '; line--)
				;
		line = line == WIDTH / 2 ? WIDTH : line;
		while (line < size && line && ((unsigned char)text[line] & 0xc0) == 0x80) /* within a character */
			line--;
		size_t end = strcspn(text, "\n");
		line = end < line ? end : line;
		add(page, "%s%.*s\n", head, (int)line, text);
		text += line;
		text += strspn(text, " \n");
		head = "         ";
	}
}

static struct slice text_alert(const struct record_context *context, const struct alert *alert, bool colour)
{
	static struct page page;
	const struct rule *rule = alert->rule;
	char time[40];
	page.size = 0;
	(void)text_time(alert->time_ns, time);
	add(&page, "%.10s %.12sZ  %s%-8s%s  %s", time, time + 11, colour ? colour_of(rule->level) : "", level_name(rule->level),
	    colour ? "\033[0m" : "", rule->title);
	if (alert->update)
		add(&page, " (goes on, update %u)", alert->update);
	add(&page, "\n");
	add_who(&page, alert);
	if (context->about && !alert->update) {
		add_about(&page, "from", &context->about->src);
		add_about(&page, "to", &context->about->dest);
	}
	add_what(&page, alert);
	add_rule(&page, alert);
	if (!alert->update) { /* an update says what has changed; the rest stands where the alert was raised */
		add_samples(&page, alert);
		add_fields(&page, alert);
		add_where(&page, context, alert);
		add_description(&page, rule->description);
	}
	return slice_of(page.text, page.size);
}

const struct format format_text = {.name = "text", .lines = true, .alert = text_alert};
