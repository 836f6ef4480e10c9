/* absence: the first rule matched, and then none of the others within the window. */
#include "detector.h"

static const char *check(const struct rule *rule)
{
	return rule->roles < 2 ? "needs two rules: what happens, and what is then awaited" : NULL;
}

static bool judge(struct judgement *j)
{
	if (j->role == 0) {
		if (!j->deadline_ns) /* who begins again and again is awaited from the first time on */
			j->deadline_ns = j->now_ns + j->rule->window_ns;
	} else {
		j->deadline_ns = 0;
		j->finished = true;
	}
	return false;
}

static bool expire(struct judgement *j)
{
	j->deadline_ns = 0;
	j->finished = true;
	j->count = 1;
	return true;
}

const struct detector detector_absence = {
	.type = "absence",
	.keeps_origin = true,
	.awaits = true,
	.first_role_begins = true,
	.check = check,
	.judge = judge,
	.expire = expire,
};
