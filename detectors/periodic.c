/* periodic: so many calls in a row at intervals that hardly vary. Mean and variance of the intervals are kept as they come
 * (Welford), so that a call costs the same however many there were. */
#include "detector.h"

struct rhythm {
	uint64_t last_ns, begin_ns;
	uint32_t calls;
	float mean_s, spread;
	struct mark_list first; /* evidence */
};
_Static_assert(sizeof(struct rhythm) <= DETECTOR_STATE_MAX, "a state is small");

static const char *check(const struct rule *rule)
{
	if (rule->compare == COMPARE_NONE || rule->threshold < 3)
		return "`condition` needs the least number of calls, e.g. {gte: 20}, 3 or more";
	return rule->jitter > 0 ? NULL : "`jitter` is missing: the largest standard deviation over the mean, e.g. 0.1";
}

static bool judge(struct judgement *j)
{
	struct rhythm *r = j->state;
	float interval_s = (float)((double)(j->now_ns - r->last_ns) / 1e9);
	bool breaks = r->calls > 2 && interval_s > 4 * r->mean_s; /* a pause: what comes after it is another series */
	if (!r->calls || breaks) {
		marks_clear(j->marks, &r->first);
		*r = (struct rhythm){.begin_ns = j->now_ns};
	}
	char room[NOTE_MAX];
	if (r->first.count < LIMIT_SAMPLES)
		marks_append(j->marks, &r->first, j->event, event_note(j->event, room));
	r->last_ns = j->now_ns;
	if (r->calls++ == 0)
		return false;
	float n = (float)(r->calls - 1), delta = interval_s - r->mean_s;
	r->mean_s += delta / n;
	r->spread += delta * (interval_s - r->mean_s);
	double limit = j->rule->jitter * (double)r->mean_s;
	j->count = r->calls;
	j->first_seen_ns = r->begin_ns;
	return r->mean_s > 0 && detector_compare(j->rule->compare, r->calls, (double)j->rule->threshold) &&
	       (double)(r->spread / n) <= limit * limit;
}

static struct mark_list *marks(const struct rule *rule, void *state)
{
	(void)rule;
	return &((struct rhythm *)state)->first;
}

const struct detector detector_periodic = {
	.type = "periodic",
	.state_bytes = sizeof(struct rhythm),
	.check = check,
	.judge = judge,
	.marks = marks,
};
