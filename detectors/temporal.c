/* temporal: all the rules matched within the window, in any order; temporal_ordered: in the order in which they are written. */
#include "detector.h"

enum { ROLES = 8 };

struct times {
	uint64_t base_ns;
	/* Hundredths of a second since base_ns, plus 1; 0: not seen. Ordered: when the newest row that has come so far began. */
	uint32_t at[ROLES];
};

static const char *check(const struct rule *rule)
{
	return rule->roles < 2 || rule->roles > ROLES ? "needs 2 to 8 rules" : NULL;
}

static uint32_t hundredths(const struct times *times, uint64_t now_ns)
{
	uint64_t passed = (now_ns - times->base_ns) / 10000000u + 1;
	return passed < UINT32_MAX ? (uint32_t)passed : UINT32_MAX;
}

static uint32_t earliest_allowed(const struct judgement *j, uint32_t now)
{
	uint64_t window = j->rule->window_ns / 10000000u;
	return now > window ? (uint32_t)(now - window) : 1;
}

static bool judge(struct judgement *j)
{
	struct times *times = j->state;
	if (!times->base_ns)
		times->base_ns = j->now_ns;
	uint32_t now = hundredths(times, j->now_ns), from = earliest_allowed(j, now), first = now;
	times->at[j->role] = now;
	for (unsigned r = 0; r < j->rule->roles; r++) {
		if (times->at[r] < from)
			return false;
		first = times->at[r] < first ? times->at[r] : first;
	}
	j->count = j->rule->roles;
	j->first_seen_ns = times->base_ns + (uint64_t)(first - 1) * 10000000u;
	return true;
}

static bool judge_ordered(struct judgement *j)
{
	struct times *times = j->state;
	if (!times->base_ns)
		times->base_ns = j->now_ns;
	uint32_t now = hundredths(times, j->now_ns), from = earliest_allowed(j, now);
	if (j->role > 0 && times->at[j->role - 1] < from)
		return false; /* what must come before it has not, or began too long ago */
	times->at[j->role] = j->role ? times->at[j->role - 1] : now;
	j->count = j->rule->roles;
	j->first_seen_ns = times->base_ns + (uint64_t)(times->at[j->role] - 1) * 10000000u;
	return j->role + 1 == j->rule->roles;
}

const struct detector detector_temporal = {
	.type = "temporal", .state_bytes = sizeof(struct times), .check = check, .judge = judge};

const struct detector detector_temporal_ordered = {
	.type = "temporal_ordered", .state_bytes = sizeof(struct times), .check = check, .judge = judge_ordered};
