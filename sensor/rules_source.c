/* `rules list --source`: which rules a source of events can show. A rule is followed from its detection to its correlations over every
 * kind of event that the source declares; what the source does not tell is answered in three values: never, always, perhaps. */
#include "rules_source.h"
#include "log.h"
#include "log_formats.h"
#include "sigma.h"
#include "../detectors/detector.h"

enum answer { NEVER, PERHAPS, ALWAYS };
enum { KINDS = 64, DEPTH_MAX = 8, TELLS_DETAIL = 1 << 8, TELLS_ALL = TELLS_DETAIL - 1 };

/* A source, or one that tells more, to find out what is missing. */
struct view {
	const struct log_shows *shows;
	const uint64_t *detail;
	const char *const *tls_fields;
	unsigned also; /* enum log_tells, TELLS_DETAIL: told in every event */
	uint8_t source;
	bool retold; /* by records, which have no secrets, of the wire and of logs */
};

struct kind {
	struct event event;
	const struct view *view;
	unsigned tells;
};

/* --- one event of a kind -------------------------------------------------------------------------------------- */

static unsigned tells_of(const struct field *field)
{
	static const struct { size_t offset; unsigned tells; } ends[] = {
		{offsetof(struct ends, client), TELLS_ADDRESS}, {offsetof(struct ends, client_port), TELLS_PORT},
		{offsetof(struct ends, server_port), TELLS_SERVER_PORT}}, session[] = {
		{offsetof(struct session, client_id), TELLS_CLIENT_ID}, {offsetof(struct session, user), TELLS_USER}};
	for (unsigned i = 0; field->base == BASE_ENDS && i < sizeof ends / sizeof *ends; i++)
		if (field->offset == ends[i].offset)
			return ends[i].tells;
	for (unsigned i = 0; field->base == BASE_SESSION && i < sizeof session / sizeof *session; i++)
		if (field->offset == session[i].offset)
			return session[i].tells;
	if (field->base == BASE_LOG && field->offset == offsetof(struct log_detail, summary))
		return TELLS_SUMMARY;
	return field->base == BASE_EVENT && field->type == FIELD_TEXTS ? TELLS_RESOURCE : 0;
}

static bool is_named(const char *const *names, const char *name)
{
	while (names && *names && strcmp(*names, name) != 0)
		names++;
	return names && *names;
}

static bool is_told(const struct kind *kind, const struct field *field)
{
	unsigned tells = tells_of(field);
	bool log = kind->view->source == SOURCE_LOG;
	if (tells)
		return (kind->tells & tells) || (tells != TELLS_SUMMARY && !log);
	if (field->base == BASE_LOG)
		return log;
	if (kind->view->retold && field->base != BASE_DETAIL)
		return field->type != FIELD_SECRET;
	if (!log || (field->base != BASE_DETAIL && field->type != FIELD_SECRET && field->type != FIELD_ADDRESS))
		return true;
	if (field->base != BASE_DETAIL)
		return false; /* secrets, predecessors; the server's address, which no log tells */
	if (field->protocol != kind->event.protocol)
		return false;
	if (kind->tells & TELLS_DETAIL)
		return true;
	if (field->protocol == PROTOCOL_TLS)
		return is_named(kind->view->tls_fields, field->name);
	return field->bit == FIELD_ALWAYS ? (kind->view->detail[0] | kind->view->detail[1]) != 0
					  : kind->view->detail[field->bit >> 6 & 1] >> (field->bit & 63) & 1;
}

/* Fields of the event that a kind settles. */
static bool is_settled(const struct kind *kind, const struct field *field)
{
	if (field->base == BASE_LOG && field->offset == offsetof(struct log_detail, summary))
		return !(kind->tells & TELLS_SUMMARY);
	return field->base == BASE_EVENT && (field->offset == offsetof(struct event, source) ||
		field->offset == offsetof(struct event, protocol) || field->offset == offsetof(struct event, action) ||
		field->offset == offsetof(struct event, outcome));
}

static enum answer ask(const struct kind *kind, const struct predicate *p)
{
	if (is_settled(kind, p->field))
		return predicate_holds(p, &kind->event) ? ALWAYS : NEVER;
	if (is_told(kind, p->field))
		return PERHAPS;
	return p->op == MATCH_ABSENT ? ALWAYS : NEVER;
}

static enum answer answer(const struct kind *kind, const struct expression *e)
{
	if (e->kind == EXPRESSION_PREDICATE)
		return ask(kind, &e->predicate);
	if (e->kind == EXPRESSION_NOT)
		return (enum answer)(ALWAYS - answer(kind, e->parts[0]));
	enum answer all = e->kind == EXPRESSION_NEVER || e->kind == EXPRESSION_OR ? NEVER : ALWAYS;
	for (unsigned i = 0; i < e->count && (e->kind == EXPRESSION_AND || e->kind == EXPRESSION_OR); i++) {
		enum answer one = answer(kind, e->parts[i]);
		all = e->kind == EXPRESSION_AND ? (one < all ? one : all) : one > all ? one : all;
	}
	return all;
}

/* --- rules ------------------------------------------------------------------------------------------------------ */

/* The same as group_key.c does with an event in which an end is not told. */
static bool is_counted(const struct kind *kind, const struct rule *rule, unsigned role)
{
	bool named = false, placed = true;
	for (unsigned i = 0; i < rule->group_count; i++) {
		const struct field *field = rule->group_by[role][i];
		if (!field)
			return false;
		unsigned tells = tells_of(field);
		bool told = is_told(kind, field);
		named |= tells == TELLS_CLIENT_ID && told;
		placed &= told || !(tells & TELLS_ENDS);
		if (!told && !tells && field->base != BASE_ENDS)
			return false;
	}
	const struct field *value = rule->value[role];
	return (placed || named) && (!value || is_told(kind, value));
}

static bool matches(const struct kind *kind, struct rule *rule)
{
	const struct draft *draft = draft_of(rule);
	return (draft->service < 0 || draft->service == kind->event.protocol) && draft->expression && answer(kind, draft->expression) != NEVER;
}

/* Can an event of this kind bring the rule forward? */
static bool feeds(const struct kind *kind, struct rule *rule, unsigned depth)
{
	if (rule->role[0] == rule)
		return matches(kind, rule);
	for (unsigned role = 0; role < rule->roles && depth < DEPTH_MAX; role++)
		if (is_counted(kind, rule, role) && feeds(kind, rule->role[role], depth + 1))
			return true;
	return false;
}

static bool kind_of(const struct view *view, unsigned index, unsigned outcome, struct kind *kind)
{
	static const struct log_detail no_summary = {.format = "", .count = 1};
	static const struct ends ends;
	static const struct session session;
	const struct log_shows *s = &view->shows[index];
	*kind = (struct kind){.view = view, .tells = s->tells | view->also};
	kind->event = (struct event){.ends = &ends, .session = &session, .source = view->source, .protocol = s->protocol, .action = s->action,
				     .outcome = (uint8_t)outcome, .log = view->source == SOURCE_LOG ? &no_summary : NULL};
	return s->outcomes >> outcome & 1;
}

static bool role_shown(const struct view *view, struct rule *rule, unsigned role);

/* Of ways of counting that need one event of each role, all; of the others one. What did not happen need not be seen. */
static bool rule_shown(const struct view *view, struct rule *rule, unsigned depth)
{
	if (depth == DEPTH_MAX)
		return false;
	const char *type = rule->detector->type;
	bool all = strncmp(type, "temporal", 8) == 0;
	bool first = strcmp(type, "absence") == 0 || strcmp(type, "ratio") == 0 || strcmp(type, "overlap") == 0;
	unsigned shown = 0, roles = first ? 1 : rule->roles;
	for (unsigned role = 0; role < roles; role++)
		shown += role_shown(view, rule, role) && (rule->role[role] == rule || rule_shown(view, rule->role[role], depth + 1));
	return all ? shown == roles : shown > 0;
}

static bool role_shown(const struct view *view, struct rule *rule, unsigned role)
{
	struct kind kind;
	bool plain = rule->role[0] == rule;
	for (unsigned i = 0; view->shows[i].outcomes; i++)
		for (unsigned outcome = 0; outcome <= OUTCOME_FAILURE; outcome++)
			if (kind_of(view, i, outcome, &kind) && (plain || is_counted(&kind, rule, role)) && feeds(&kind, rule->role[role], 0))
				return true;
	return false;
}

/* --- sources ---------------------------------------------------------------------------------------------------- */

static const struct log_shows *everything(void)
{
	static struct log_shows all[PROTOCOL_COUNT * ACTION_COUNT + 1];
	for (unsigned i = 0; i < PROTOCOL_COUNT * ACTION_COUNT; i++)
		all[i] = (struct log_shows){(uint8_t)(i / ACTION_COUNT), (uint8_t)(i % ACTION_COUNT), LOG_UNKNOWN | LOG_SUCCESS | LOG_FAILURE,
					    TELLS_ALL & ~TELLS_SUMMARY};
	return all;
}

static bool view_of(const char *source, struct view *view)
{
	static const uint64_t all[2] = {UINT64_MAX, UINT64_MAX};
	const struct log_format *format = log_format_named(source);
	if (format && format->shows)
		*view = (struct view){.shows = format->shows, .detail = format->detail, .tls_fields = format->tls_fields, .source = SOURCE_LOG};
	else
		*view = (struct view){.shows = everything(), .detail = all, .source = SOURCE_WIRE, .retold = format != NULL};
	return format || strcmp(source, "wire") == 0;
}

/* Records are of the wire or of logs. */
static bool is_shown(const struct view *view, struct rule *rule)
{
	struct view logs = *view;
	logs.source = SOURCE_LOG;
	logs.also = TELLS_ALL;
	return rule_shown(view, rule, 0) || (view->retold && rule_shown(&logs, rule, 0));
}

/* NULL: it can show the rule. */
static const char *why_not(const struct view *view, struct rule *rule)
{
	static const struct { unsigned tells; const char *why; } missing[] = {
		{TELLS_ENDS, "no address"}, {TELLS_SERVER_PORT, "no port"}, {TELLS_CLIENT_ID, "no client id"}, {TELLS_USER, "no user"},
		{TELLS_RESOURCE, "no resource"}, {TELLS_SUMMARY, "no summary"}, {TELLS_DETAIL, "no detail"},
		{TELLS_ALL | TELLS_DETAIL, "no detail"}};
	if (is_shown(view, rule))
		return NULL;
	struct view other = *view;
	other.retold = false;
	if (view->retold && is_shown(&other, rule))
		return "no secret";
	for (unsigned i = 0; view->source == SOURCE_LOG && i < sizeof missing / sizeof *missing; i++) {
		other.also = missing[i].tells;
		if (rule_shown(&other, rule, 0))
			return missing[i].why;
	}
	other.also = TELLS_ALL | TELLS_DETAIL;
	other.source = view->source == SOURCE_LOG ? SOURCE_WIRE : SOURCE_LOG;
	if (rule_shown(&other, rule, 0))
		return view->source == SOURCE_LOG ? "wire only" : "log only";
	other.shows = everything();
	if (rule_shown(&other, rule, 0))
		return "no such event";
	other.source = view->source;
	return rule_shown(&other, rule, 0) ? "no such event" : "no list"; /* what it compares with is not configured */
}

bool rules_print_source(FILE *out, struct rules *rules, const char *source)
{
	struct view view;
	if (!view_of(source, &view)) {
		log_error("--source %s: valid are wire, %s", source, log_format_names());
		return false;
	}
	for (uint32_t i = 0; i < rules_count(rules); i++) {
		struct rule *rule = rules_at(rules, i);
		if (!rule->generate)
			continue;
		const char *why = why_not(&view, rule);
		fprintf(out, "%-14s%-14s%-36s%s\n", why ? why : "yes", level_name(rule->level), rule->name ? rule->name : rule->id, rule->title);
	}
	return true;
}
