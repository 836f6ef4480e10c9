/* temporal: all the rules matched within the window, in any order; temporal_ordered: in the order in which they are written,
 * the whole row within the window. */
#include "detector.h"

/* Of each rule the newest few matches are kept: the newest decides, the others are evidence. */
enum { ROLES = 8, KEPT = 4, TICK_NS = 10000000 };

static const char *check(const struct rule *rule)
{
	return rule->roles < 2 || rule->roles > ROLES ? "needs 2 to 8 rules" : NULL;
}

static void forget_past(struct judgement *j)
{
	marks_before(j->marks, j->state, j->now_ns > j->rule->window_ns ? j->now_ns - j->rule->window_ns : 0);
}

/* The newest match of a role within the window, NULL for none; `*count`: how many of it are kept, `*oldest` the first of them. */
static const struct mark *newest(struct judgement *j, unsigned role, unsigned *count, uint32_t *oldest)
{
	const struct mark_list *list = j->state;
	const struct mark *found = NULL;
	*count = 0;
	for (uint32_t i = list->count ? list->head : MARK_NONE; i != MARK_NONE; i = mark_at(j->marks, i)->next) {
		if (mark_at(j->marks, i)->owner != role)
			continue;
		found = mark_at(j->marks, i);
		if (!(*count)++)
			*oldest = i;
	}
	return found;
}

/* `value` of a mark: when the row that it is part of began, in ticks (the circle of 32 bits is 497 days long). */
static void remember(struct judgement *j, uint32_t row_began)
{
	struct mark_list *list = j->state;
	char room[NOTE_MAX];
	unsigned count;
	uint32_t oldest;
	if (newest(j, j->role, &count, &oldest) && count >= KEPT)
		marks_remove(j->marks, list, oldest);
	struct mark *mark = marks_append(j->marks, list, j->event, event_note(j->event, room));
	if (mark) {
		mark->owner = j->role;
		mark->value = row_began;
	}
	j->count = j->rule->roles;
}

static uint32_t tick(uint64_t time_ns)
{
	return (uint32_t)(time_ns / TICK_NS);
}

static bool judge(struct judgement *j)
{
	unsigned count;
	uint32_t oldest;
	forget_past(j);
	remember(j, tick(j->now_ns));
	j->first_seen_ns = j->now_ns;
	for (unsigned r = 0; r < j->rule->roles; r++) {
		const struct mark *mark = newest(j, r, &count, &oldest);
		if (!mark)
			return false;
		j->first_seen_ns = mark->time_ns < j->first_seen_ns ? mark->time_ns : j->first_seen_ns;
	}
	return true;
}

static bool judge_ordered(struct judgement *j)
{
	unsigned count;
	uint32_t oldest, began = tick(j->now_ns);
	forget_past(j);
	if (j->role > 0) {
		const struct mark *before = newest(j, j->role - 1, &count, &oldest);
		if (!before || began - before->value > j->rule->window_ns / TICK_NS)
			return false; /* what must come before it has not, or the row began too long ago */
		began = before->value;
	}
	remember(j, began);
	j->first_seen_ns = j->now_ns - (uint64_t)(tick(j->now_ns) - began) * TICK_NS;
	return j->role + 1 == j->rule->roles;
}

static struct mark_list *marks(const struct rule *rule, void *state)
{
	(void)rule;
	return state;
}

const struct detector detector_temporal = {
	.type = "temporal", .state_bytes = sizeof(struct mark_list), .check = check, .judge = judge, .marks = marks};

const struct detector detector_temporal_ordered = {
	.type = "temporal_ordered", .state_bytes = sizeof(struct mark_list), .first_role_begins = true, .check = check,
	.judge = judge_ordered, .marks = marks};
