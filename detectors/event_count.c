/* event_count: so many events within the window. Small thresholds are counted exactly, mark by mark; large ones in sub-windows
 * that slide together: never more is counted than there was, and at most a sixteenth of the window less. */
#include "detector.h"

enum { EXACT = 64, PARTS = 16 };

struct exact {
	struct mark_list list;
};

struct coarse {
	uint64_t part; /* number of the newest sub-window since 1970 */
	uint16_t count[PARTS];
};

static bool is_exact(const struct rule *rule)
{
	return rule->threshold <= EXACT;
}

static const char *check(const struct rule *rule)
{
	if (rule->compare == COMPARE_NONE)
		return "`condition` is missing, e.g. {gte: 5}";
	if (rule->threshold > 60000)
		return "counts of at most 60000 are kept";
	return NULL;
}

static bool judge_exact(struct judgement *j)
{
	struct mark_list *list = &((struct exact *)j->state)->list;
	char room[NOTE_MAX];
	for (uint32_t n = event_weight(j->event) < EXACT ? event_weight(j->event) : EXACT; n > 0; n--)
		marks_append(j->marks, list, j->event, event_note(j->event, room));
	marks_before(j->marks, list, j->now_ns > j->rule->window_ns ? j->now_ns - j->rule->window_ns : 0);
	while (list->count > EXACT * 2)
		marks_remove(j->marks, list, list->head);
	j->count = list->count;
	j->first_seen_ns = list->count ? mark_at(j->marks, list->head)->time_ns : j->now_ns;
	return detector_compare(j->rule->compare, (double)j->count, (double)j->rule->threshold);
}

static bool judge_coarse(struct judgement *j)
{
	struct coarse *c = j->state;
	uint64_t part = j->now_ns / (j->rule->window_ns / PARTS);
	if (part > c->part) {
		if (part - c->part >= PARTS)
			memset(c->count, 0, sizeof c->count);
		else
			for (uint64_t p = c->part + 1; p <= part; p++)
				c->count[p % PARTS] = 0;
		c->part = part;
	}
	part = c->part;
	uint16_t *now = &c->count[c->part % PARTS];
	uint32_t sum = *now + (event_weight(j->event) < UINT16_MAX ? event_weight(j->event) : UINT16_MAX);
	*now = sum < UINT16_MAX ? (uint16_t)sum : UINT16_MAX;
	uint64_t oldest = part;
	for (unsigned i = 0; i < PARTS; i++) {
		uint64_t at = part - i;
		j->count += c->count[at % PARTS];
		oldest = c->count[at % PARTS] ? at : oldest;
	}
	j->first_seen_ns = oldest * (j->rule->window_ns / PARTS); /* as exact as the sub-windows are */
	return detector_compare(j->rule->compare, (double)j->count, (double)j->rule->threshold);
}

static bool judge(struct judgement *j)
{
	return is_exact(j->rule) ? judge_exact(j) : judge_coarse(j);
}

static struct mark_list *marks(const struct rule *rule, void *state)
{
	return is_exact(rule) ? &((struct exact *)state)->list : NULL;
}

const struct detector detector_event_count = {
	.type = "event_count",
	.state_bytes = sizeof(struct coarse),
	.check = check,
	.judge = judge,
	.marks = marks,
};
