#include "detect.h"
#include "group_key.h"
#include "groups.h"
#include "hash.h"
#include "pool.h"
#include <stdlib.h>

enum { EPISODES = 65536, ORIGINS = 262144, MARKS = 8388608, CHAIN_MAX = 8, TEXT_MAX = 64, MATCHES = 64 };

/* An event that is kept: what an alert needs when the event itself is gone. */
struct origin {
	struct event event;
	struct ends ends;
	struct session session;
	struct log_detail log;
	struct slice resource;
	uint16_t resource_size;
	char resource_text[TEXT_MAX];
};

/* What goes on in a group since its alert was raised. */
struct episode {
	struct origin origin;
	uint64_t raised_ns, told_ns, first_ns, last_ns;
	uint64_t source; /* of a group with an end that a log does not tell: the log; 0: no such group */
	uint64_t count, distinct, told_count, order;
	double ratio, value;
	uint32_t updates;
	uint8_t sample_count, evidence_count, group_sizes[RULE_GROUP_MAX], sample_sizes[LIMIT_SAMPLES];
	struct evidence evidence[LIMIT_SAMPLES];
	char samples[LIMIT_SAMPLES][NOTE_MAX];
	char groups[RULE_GROUP_MAX][TEXT_MAX];
};

/* A rule that an event has matched for, and the group that it belongs to. */
struct matched {
	struct rule *rule;
	unsigned role;
	uint64_t key;
};

struct detect {
	struct detect_options options;
	unsigned matched_count;
	struct matched matched[MATCHES];
	struct group_hashes hashes;
	struct groups *groups;
	struct marks *marks;
	struct pool episodes, origins;
	uint64_t *alerts_of;
	uint32_t *groups_of; /* how many groups each rule has now */
	uint64_t raised;
	unsigned depth; /* of correlations of correlations */
};

/* --- kept events -------------------------------------------------------------------------------------------- */

static void origin_keep(struct origin *o, const struct event *event)
{
	o->event = *event;
	o->ends = *event->ends;
	o->session = *event->session;
	o->event.detail = NULL;
	o->event.fields = NULL;
	o->event.present[0] = o->event.present[1] = 0;
	o->resource_size = 0;
	if (event->resource.count) {
		struct slice first = slice_head(event->resource.items[0], TEXT_MAX);
		memcpy(o->resource_text, first.at, first.size);
		o->resource_size = (uint16_t)first.size;
	}
	o->log = event->log ? *event->log : o->log;
}

/* Pointers into itself are set when it is used: it may have been copied. */
static const struct event *origin_event(struct origin *o)
{
	o->event.ends = &o->ends;
	o->event.session = &o->session;
	o->event.log = o->event.log ? &o->log : NULL;
	o->resource = slice_of(o->resource_text, o->resource_size);
	o->event.resource = (struct slices){&o->resource, o->resource_size != 0};
	return &o->event;
}

/* --- alerts ------------------------------------------------------------------------------------------------- */

static void add_sample(struct episode *e, struct slice text)
{
	if (!text.size || e->sample_count == LIMIT_SAMPLES)
		return;
	text = slice_head(text, NOTE_MAX);
	for (unsigned i = 0; i < e->sample_count; i++)
		if (slice_equal(text, slice_of(e->samples[i], e->sample_sizes[i])))
			return;
	memcpy(e->samples[e->sample_count], text.at, text.size);
	e->sample_sizes[e->sample_count++] = (uint8_t)text.size;
}

static void add_evidence(struct episode *e, uint32_t frame, uint16_t file)
{
	for (unsigned i = 0; i < e->evidence_count; i++)
		if (e->evidence[i].frame == frame && e->evidence[i].file == file)
			return;
	if (e->evidence_count < LIMIT_SAMPLES)
		e->evidence[e->evidence_count++] = (struct evidence){frame, file};
}

static void add_event(struct episode *e, const struct event *event)
{
	char room[NOTE_MAX];
	if (event->resource.count > 1 && event->action != ACTION_VIOLATION)
		for (uint32_t i = 0; i < event->resource.count && i < LIMIT_SAMPLES; i++)
			add_sample(e, event->resource.items[i]);
	else
		add_sample(e, event_note(event, room));
	add_evidence(e, event->frame, event->file);
}

static void add_marks(struct detect *d, const struct rule *rule, struct group *group, struct episode *e)
{
	struct mark_list *list = rule->detector->marks ? rule->detector->marks(rule, group->state) : NULL;
	if (!list || !list->count || rule->detector->marks_are_memory)
		return;
	for (uint32_t i = list->head; i != MARK_NONE; i = mark_at(d->marks, i)->next) {
		const struct mark *mark = mark_at(d->marks, i);
		add_sample(e, mark_note(d->marks, mark));
		add_evidence(e, mark->frame, mark->file);
	}
}

static uint64_t episode_id(const struct rule *rule, const struct episode *e)
{
	uint64_t id = hash_slice(slice_text(rule->id), 0);
	for (unsigned i = 0; i < rule->group_count; i++)
		id = hash_join(id, hash_bytes(e->groups[i], e->group_sizes[i], i));
	return hash_join(e->source ? hash_join(id, e->source) : id, e->first_ns);
}

static void tell(struct detect *d, const struct rule *rule, struct episode *e, const struct event *event, uint64_t now_ns)
{
	uint64_t episode = episode_id(rule, e);
	struct alert alert = {
		.rule = rule,
		.id = hash_join(episode, e->updates),
		.episode = episode,
		.update = e->updates,
		.time_ns = now_ns,
		.event = event ? event : origin_event(&e->origin),
		.group_count = rule->group_count,
		.count = e->count,
		.distinct = e->distinct,
		.ratio = e->ratio,
		.value = e->value,
		.first_seen_ns = e->first_ns,
		.last_seen_ns = e->last_ns,
		.sample_count = e->sample_count,
		.evidence_count = e->evidence_count,
	};
	for (unsigned i = 0; i < rule->group_count; i++)
		alert.group_text[i] = slice_of(e->groups[i], e->group_sizes[i]);
	for (unsigned i = 0; i < e->sample_count; i++)
		alert.sample[i] = slice_of(e->samples[i], e->sample_sizes[i]);
	memcpy(alert.evidence, e->evidence, sizeof alert.evidence);
	e->told_ns = now_ns;
	e->told_count = e->count;
	if (!e->updates)
		d->alerts_of[rule->index]++;
	e->updates++;
	d->options.raise(d->options.context, &alert);
}

static struct episode *episode_of(struct detect *d, const struct group *group)
{
	return group->episode == GROUP_NONE ? NULL : pool_at(&d->episodes, group->episode);
}

/* An end that a log does not tell is another one in each log. */
static uint8_t group_text(const struct field *field, const struct event *event, char out[TEXT_MAX], uint64_t *source)
{
	uint32_t size = field_text(field, event, out, TEXT_MAX);
	if (size || !event->log || field->base != BASE_ENDS)
		return (uint8_t)size;
	*source = event->log->source;
	return (uint8_t)sprintf(out, "unknown");
}

static void episode_begin(struct detect *d, const struct rule *rule, struct group *group, const struct judgement *j,
			  const struct event *event)
{
	uint32_t index = pool_take(&d->episodes);
	static struct episode spare; /* all are taken: the alert is raised all the same, its updates are lost */
	struct episode *e = index == POOL_NONE ? &spare : pool_at(&d->episodes, index);
	memset(e, 0, sizeof *e);
	origin_keep(&e->origin, event);
	e->raised_ns = e->last_ns = j->now_ns;
	e->first_ns = j->first_seen_ns ? j->first_seen_ns : event->time_ns;
	e->count = j->count;
	e->distinct = j->distinct;
	e->ratio = rule->ratio > 0 ? j->ratio : -1;
	e->value = rule->measure ? j->value : -1;
	e->order = d->raised++;
	for (unsigned i = 0; i < rule->group_count; i++)
		if (rule->group_by[j->role][i])
			e->group_sizes[i] = group_text(rule->group_by[j->role][i], event, e->groups[i], &e->source);
	add_marks(d, rule, group, e);
	add_event(e, event);
	group->episode = index == POOL_NONE ? GROUP_NONE : index;
	tell(d, rule, e, event, j->now_ns);
}

static void episode_end(struct detect *d, const struct rule *rule, struct group *group, uint64_t now_ns)
{
	struct episode *e = episode_of(d, group);
	if (!e)
		return;
	if (e->count > e->told_count)
		tell(d, rule, e, NULL, now_ns);
	pool_give(&d->episodes, group->episode);
	group->episode = GROUP_NONE;
}

/* --- groups ------------------------------------------------------------------------------------------------- */

static void judgement_begin(struct detect *d, const struct rule *rule, struct group *group, const struct event *event,
			    unsigned role, uint64_t now_ns, struct judgement *j)
{
	*j = (struct judgement){.rule = rule, .event = event, .role = role, .now_ns = now_ns, .state = group->state,
				.marks = d->marks, .deadline_ns = group->deadline_ns};
}

static void forget(void *context, struct group *group)
{
	struct detect *d = context;
	const struct rule *rule = rules_at(d->options.rules, group->rule);
	struct mark_list *list = rule->detector->marks ? rule->detector->marks(rule, group->state) : NULL;
	if (list)
		marks_clear(d->marks, list);
	if (group->origin != GROUP_NONE)
		pool_give(&d->origins, group->origin);
	if (group->episode != GROUP_NONE)
		pool_give(&d->episodes, group->episode);
	d->groups_of[group->rule]--;
	groups_remove(d->groups, group);
}

static void feed(struct detect *d, struct rule *rule, unsigned role, const struct event *event);

static void pass_on(struct detect *d, const struct rule *rule, const struct event *event)
{
	if (d->depth >= CHAIN_MAX)
		return;
	d->depth++;
	for (unsigned i = 0; i < rule->dependents; i++)
		feed(d, rule->dependent[i].rule, rule->dependent[i].role, event);
	d->depth--;
}

static void present(struct detect *d, const struct rule *rule, struct group *group, const struct judgement *j,
		    const struct event *event)
{
	struct episode *e = episode_of(d, group);
	if (!rule->generate)
		return;
	if (!e) {
		episode_begin(d, rule, group, j, event);
		return;
	}
	e->last_ns = j->now_ns > e->last_ns ? j->now_ns : e->last_ns; /* timers of one second come in any order */
	e->count += rule->detector->adds ? j->added : 1;
	e->distinct = j->distinct > e->distinct ? j->distinct : e->distinct;
	if (rule->ratio > 0)
		e->ratio = j->ratio;
	if (rule->measure)
		e->value = j->value > e->value ? j->value : e->value;
	add_event(e, event);
	if (j->now_ns >= e->told_ns + rule->window_ns)
		tell(d, rule, e, event, j->now_ns);
}

static void remember_origin(struct detect *d, struct group *group, const struct event *event)
{
	if (group->origin == GROUP_NONE)
		group->origin = pool_take(&d->origins);
	if (group->origin != GROUP_NONE)
		origin_keep(pool_at(&d->origins, group->origin), event);
}

static void judge(struct detect *d, const struct matched *m, const struct event *event)
{
	const struct rule *rule = m->rule;
	const struct detector *detector = rule->detector;
	struct group *group = groups_find(d->groups, m->key, rule->index);
	if (!group) {
		if (detector->first_role_begins && m->role > 0)
			return;
		group = groups_add(d->groups, m->key, rule->index, event->time_ns);
		d->groups_of[rule->index]++;
		groups_schedule(d->groups, group, event->time_ns + rule->window_ns);
	}
	struct judgement j;
	judgement_begin(d, rule, group, event, m->role, event->time_ns, &j);
	bool there = detector->judge(&j);
	group->last_ns = event->time_ns;
	/* Only a timer asks for the event that began: the one that set it. */
	if (detector->keeps_origin && j.deadline_ns && !group->deadline_ns)
		remember_origin(d, group, event);
	group->deadline_ns = j.deadline_ns;
	if (j.deadline_ns && j.deadline_ns < group->due_ns)
		groups_schedule(d->groups, group, j.deadline_ns);
	if (there)
		present(d, rule, group, &j, event);
	if (j.finished && group->episode == GROUP_NONE)
		forget(d, group);
	if (there && rule->role[0] != rule) /* a plain rule's matches are passed on by found(), whatever group they have */
		pass_on(d, rule, event);
}

/* Has this rule a group, or may it have one when what has matched is judged? What a correlation begins shows only then. */
static bool has_group(const struct detect *d, const struct rule *rule)
{
	bool will = d->groups_of[rule->index] != 0 || rule->role[0]->role[0] != rule->role[0];
	for (unsigned i = 0; i < d->matched_count && !will; i++)
		will = d->matched[i].rule == rule;
	return will;
}

/* False when nobody waits for it (the common case of what ends something), or it is not to be counted. */
static bool matched_begin(struct detect *d, struct rule *rule, unsigned role, const struct event *event, struct matched *m)
{
	*m = (struct matched){rule, role, 0};
	if (rule->detector->first_role_begins && role > 0 && !has_group(d, rule))
		return false;
	return rules_admit(rule, event) && group_key(&d->hashes, rule, role, event, &m->key);
}

static void feed(struct detect *d, struct rule *rule, unsigned role, const struct event *event)
{
	struct matched m;
	if (matched_begin(d, rule, role, event, &m))
		judge(d, &m, event);
}

static void judge_matched(struct detect *d, const struct event *event)
{
	for (unsigned i = 0; i < d->matched_count; i++)
		groups_prefetch(d->groups, d->matched[i].key);
	for (unsigned i = 0; i < d->matched_count; i++)
		judge(d, &d->matched[i], event);
	d->matched_count = 0;
}

/* Groups lie all over the memory: they are fetched together, and judged when all rules have been asked. */
static void add_matched(struct detect *d, struct rule *rule, unsigned role, const struct event *event)
{
	struct matched m;
	if (!matched_begin(d, rule, role, event, &m))
		return;
	groups_prefetch_bucket(d->groups, m.key);
	d->matched[d->matched_count++] = m;
	if (d->matched_count == MATCHES)
		judge_matched(d, event);
}

static void found(void *context, struct rule *rule, const struct event *event)
{
	struct detect *d = context;
	if (rule->generate)
		add_matched(d, rule, 0, event);
	for (unsigned i = 0; i < rule->dependents; i++)
		add_matched(d, rule->dependent[i].rule, rule->dependent[i].role, event);
}

void detect_event(struct detect *d, const struct event *event)
{
	d->hashes.event++;
	rules_match(d->options.rules, event, found, d);
	judge_matched(d, event);
}

/* --- time --------------------------------------------------------------------------------------------------- */

static void expired(struct detect *d, struct rule *rule, struct group *group)
{
	struct judgement j;
	uint64_t at_ns = group->deadline_ns;
	judgement_begin(d, rule, group, NULL, 0, at_ns, &j);
	bool there = rule->detector->expire && rule->detector->expire(&j);
	group->deadline_ns = j.deadline_ns;
	if (!there || group->origin == GROUP_NONE)
		return;
	struct origin kept = *(struct origin *)pool_at(&d->origins, group->origin);
	const struct event *event = origin_event(&kept);
	d->hashes.event++;
	present(d, rule, group, &j, event);
	kept.event.time_ns = at_ns; /* for what is built on it, it is now that this happens */
	pass_on(d, rule, event);
}

static uint64_t due(void *context, struct group *group, uint64_t now_ns)
{
	struct detect *d = context;
	struct rule *rule = rules_at(d->options.rules, group->rule);
	if (group->deadline_ns && group->deadline_ns <= now_ns) {
		group->last_ns = group->last_ns > group->deadline_ns ? group->last_ns : group->deadline_ns;
		uint64_t key = group->key;
		expired(d, rule, group);
		if (group->rule != rule->index || group->key != key)
			return 0; /* what was built on it filled the table, and this group gave way */
	}
	uint64_t end = group->last_ns + rule->window_ns + rule->learn_ns;
	if (group->deadline_ns)
		return group->deadline_ns < end ? group->deadline_ns : end;
	if (end > now_ns)
		return end;
	episode_end(d, rule, group, end);
	forget(d, group);
	return 0;
}

void detect_time(struct detect *d, uint64_t now_ns)
{
	groups_time(d->groups, now_ns, due, d);
}

/* --- the end ------------------------------------------------------------------------------------------------ */

struct gathering {
	struct detect *detect;
	bool (*wanted)(struct detect *d, struct group *group);
	struct group **groups; /* NULL: only counted */
	uint32_t count;
};

static void gather_one(void *context, struct group *group)
{
	struct gathering *g = context;
	if (!g->wanted(g->detect, group))
		return;
	if (g->groups)
		g->groups[g->count] = group;
	g->count++;
}

/* To be freed. */
static struct group **gather(struct detect *d, bool (*wanted)(struct detect *d, struct group *group), uint32_t *count)
{
	struct gathering g = {.detect = d, .wanted = wanted};
	groups_each(d->groups, gather_one, &g);
	g.groups = g.count ? malloc(g.count * sizeof(struct group *)) : NULL;
	g.count = 0;
	if (g.groups)
		groups_each(d->groups, gather_one, &g);
	*count = g.count;
	return g.groups;
}

static bool undecided(struct detect *d, struct group *group)
{
	return group->deadline_ns && rules_at(d->options.rules, group->rule)->detector->judged_at_end;
}

static bool untold(struct detect *d, struct group *group)
{
	const struct episode *e = episode_of(d, group);
	return e && e->count > e->told_count;
}

static int by_time(const void *a, const void *b)
{
	const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;
	if (x->last_ns != y->last_ns)
		return x->last_ns < y->last_ns ? -1 : 1;
	return x->key < y->key ? -1 : x->key > y->key;
}

static struct detect *sorting; /* qsort() has no context */

static int by_order(const void *a, const void *b)
{
	uint64_t x = episode_of(sorting, *(struct group *const *)a)->order, y = episode_of(sorting, *(struct group *const *)b)->order;
	return x < y ? -1 : x > y;
}

void detect_finish(struct detect *d)
{
	uint32_t count;
	struct group **groups = gather(d, undecided, &count);
	if (count)
		qsort(groups, count, sizeof *groups, by_time);
	for (uint32_t i = 0; i < count; i++)
		if (undecided(d, groups[i])) { /* still: what was built on another may have taken its place */
			groups[i]->deadline_ns = groups[i]->last_ns;
			expired(d, rules_at(d->options.rules, groups[i]->rule), groups[i]);
		}
	free(groups);
	groups = gather(d, untold, &count);
	sorting = d;
	if (count)
		qsort(groups, count, sizeof *groups, by_order);
	for (uint32_t i = 0; i < count; i++)
		episode_end(d, rules_at(d->options.rules, groups[i]->rule), groups[i], episode_of(d, groups[i])->last_ns);
	free(groups);
}

/* --- other rules -------------------------------------------------------------------------------------------- */

/* May what a group has counted under `was` be counted on under `is`? What a selection matches may have changed. */
static bool same_state(const struct rule *was, const struct rule *is)
{
	bool same = was->detector == is->detector && was->generate == is->generate && was->roles == is->roles &&
		    was->group_count == is->group_count && was->window_ns == is->window_ns && was->learn_ns == is->learn_ns;
	for (unsigned i = 0; same && i < was->group_count; i++)
		same = strcmp(was->group_name[i], is->group_name[i]) == 0;
	for (unsigned i = 0; same && i < was->roles; i++)
		same = strcmp(was->role[i]->id, is->role[i]->id) == 0 && was->value[i] == is->value[i];
	return same;
}

struct exchange {
	struct detect *detect;
	struct rules *rules;
	uint32_t *groups_of; /* by index in `rules` */
};

static void exchange_group(void *context, struct group *group)
{
	const struct exchange *exchange = context;
	struct detect *d = exchange->detect;
	struct rule *was = rules_at(d->options.rules, group->rule), *is = rules_find(exchange->rules, was->id);
	if (is && same_state(was, is)) {
		group->rule = is->index;
		exchange->groups_of[is->index]++;
		return;
	}
	episode_end(d, was, group, group->last_ns);
	forget(d, group);
}

bool detect_exchange(struct detect *d, struct rules *rules)
{
	struct exchange exchange = {d, rules, calloc(rules_count(rules) + 1, sizeof(uint32_t))};
	uint64_t *alerts_of = calloc(rules_count(rules) + 1, sizeof *alerts_of);
	if (!alerts_of || !exchange.groups_of) {
		free(alerts_of);
		free(exchange.groups_of);
		return false;
	}
	groups_each(d->groups, exchange_group, &exchange);
	for (uint32_t i = 0; i < rules_count(d->options.rules); i++) {
		const struct rule *is = rules_find(rules, rules_at(d->options.rules, i)->id);
		if (is)
			alerts_of[is->index] = d->alerts_of[i];
	}
	free(d->alerts_of);
	free(d->groups_of);
	d->alerts_of = alerts_of;
	d->groups_of = exchange.groups_of;
	d->options.rules = rules;
	return true;
}

/* --- life --------------------------------------------------------------------------------------------------- */

struct detect *detect_open(const struct detect_options *options)
{
	struct detect *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	d->options = *options;
	d->hashes.seed = options->seed;
	d->groups = groups_open(options->groups, options->counters, forget, d);
	d->marks = marks_open(MARKS);
	d->alerts_of = calloc(rules_count(options->rules) + 1, sizeof *d->alerts_of);
	d->groups_of = calloc(rules_count(options->rules) + 1, sizeof *d->groups_of);
	bool pools = pool_open(&d->episodes, sizeof(struct episode), EPISODES);
	pools = pool_open(&d->origins, sizeof(struct origin), ORIGINS) && pools;
	if (d->groups && d->marks && d->alerts_of && d->groups_of && pools)
		return d;
	detect_close(d);
	return NULL;
}

void detect_close(struct detect *d)
{
	if (!d)
		return;
	pool_close(&d->episodes);
	pool_close(&d->origins);
	groups_close(d->groups);
	marks_close(d->marks);
	free(d->alerts_of);
	free(d->groups_of);
	free(d);
}

uint64_t detect_alerts_of(const struct detect *d, uint32_t rule_index)
{
	return d->alerts_of[rule_index];
}
