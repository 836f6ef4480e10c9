/* ratio: the second rule per the first, once there are enough of the first within the window. A floor (gte, gt) is judged at every
 * event; a ceiling (lte, lt) when the window closes or the input ends, for only then is it known that no more came.
 *
 * With a field in the condition it is not events that are counted but their numbers in that field that are added up, and enough must
 * have come of the second rule, for the effect is what matters then: {field: coap.bytes, gte: 10000} and ratio {gte: 3} is
 * ten thousand bytes in answer to a third of them at most. An event without the field adds nothing. */
#include "detector.h"

struct counts {
	uint64_t begin_ns;
	uint64_t of_a, of_b;
	struct mark_list first; /* evidence: of a floor what there is too much of, of a ceiling what was not followed */
};

static const char *check(const struct rule *rule)
{
	if (rule->roles != 2)
		return "needs two rules: how often the second per the first";
	for (unsigned r = 0; r < rule->roles; r++)
		if (rule->value[r] && rule->value[r]->type > FIELD_U64)
			return "the field of the condition must be a number";
	return rule->compare == COMPARE_NONE || !rule->threshold ? "needs `condition: {gte: N}` and `ratio: {gte: 0.5}`" : NULL;
}

static bool at_end(const struct rule *rule)
{
	return rule->compare == COMPARE_LT || rule->compare == COMPARE_LTE;
}

static bool holds(struct judgement *j, const struct counts *counts)
{
	uint64_t enough = j->rule->value_name ? counts->of_b : counts->of_a;
	if (enough < j->rule->threshold)
		return false;
	j->count = enough;
	j->ratio = (double)counts->of_b / (double)(counts->of_a ? counts->of_a : 1);
	j->first_seen_ns = counts->begin_ns;
	return detector_compare(j->rule->compare, j->ratio, j->rule->ratio);
}

/* One event, or as many as it stands for, or what it says in the field. */
static uint64_t weight(const struct judgement *j)
{
	const struct field *field = j->rule->value[j->role];
	struct value value;
	if (!j->rule->value_name)
		return event_weight(j->event);
	return field && field_get(field, j->event, &value) ? value.number : 0;
}

static bool judge(struct judgement *j)
{
	struct counts *counts = j->state;
	if (!counts->begin_ns || j->now_ns > counts->begin_ns + j->rule->window_ns) {
		marks_clear(j->marks, &counts->first);
		*counts = (struct counts){.begin_ns = j->now_ns};
	}
	char room[NOTE_MAX];
	if (counts->first.count < LIMIT_SAMPLES && (j->role == 0) == at_end(j->rule))
		marks_append(j->marks, &counts->first, j->event, event_note(j->event, room));
	uint64_t more = weight(j);
	if (j->role == 0)
		counts->of_a += more;
	else
		counts->of_b += more;
	j->added = j->role == (j->rule->value_name ? 1u : 0u) ? more : 0;
	j->deadline_ns = at_end(j->rule) ? counts->begin_ns + j->rule->window_ns : 0;
	return !at_end(j->rule) && holds(j, counts);
}

static bool expire(struct judgement *j)
{
	j->deadline_ns = 0;
	j->finished = true;
	return holds(j, j->state);
}

static struct mark_list *marks(const struct rule *rule, void *state)
{
	(void)rule;
	return &((struct counts *)state)->first;
}

const struct detector detector_ratio = {
	.type = "ratio",
	.state_bytes = sizeof(struct counts),
	.keeps_origin = true,
	.first_role_begins = true,
	.judged_at_end = true,
	.check = check,
	.judge = judge,
	.expire = expire,
	.marks = marks,
	.adds = true,
};
