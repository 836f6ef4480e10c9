/* overlap: values whose begin (first rule) has not been followed by its end (second rule, same flow) stand beside each other,
 * e.g. one client id live from two addresses. */
#include "detector.h"
#include "../sensor/hash.h"

/* Few enough that the whole list may be looked through at every begin and end. More at once are no less of an overlap. */
enum { LIVE_MAX = 32 };

static const char *check(const struct rule *rule)
{
	if (rule->roles != 2)
		return "needs two rules: what begins, and what ends it";
	return rule->compare == COMPARE_NONE || !rule->value_name ? "`condition` needs a field and a number, e.g. {field: src_ip, gte: 2}"
								   : NULL;
}

static void end(struct judgement *j, struct mark_list *list, uint32_t owner)
{
	for (uint32_t i = list->count ? list->head : MARK_NONE; i != MARK_NONE;) {
		uint32_t next = mark_at(j->marks, i)->next;
		if (mark_at(j->marks, i)->owner == owner)
			marks_remove(j->marks, list, i);
		i = next;
	}
}

static uint64_t distinct(struct judgement *j, const struct mark_list *list)
{
	uint64_t count = 0;
	for (uint32_t i = list->count ? list->head : MARK_NONE; i != MARK_NONE; i = mark_at(j->marks, i)->next) {
		uint32_t k = list->head;
		while (k != i && mark_at(j->marks, k)->value != mark_at(j->marks, i)->value)
			k = mark_at(j->marks, k)->next;
		count += k == i;
	}
	return count;
}

static bool judge(struct judgement *j)
{
	struct mark_list *list = j->state;
	const struct field *field = j->rule->value[j->role];
	char text[64];
	uint32_t owner = (uint32_t)(j->event->flow_id ^ j->event->flow_id >> 32);
	end(j, list, owner);
	j->finished = !list->count && j->role == 1;
	if (j->role == 1 || !field)
		return false;
	uint32_t size = field_text(field, j->event, text, sizeof text);
	if (list->count >= LIVE_MAX)
		marks_remove(j->marks, list, list->head);
	struct mark *mark = marks_append(j->marks, list, j->event, slice_of(text, size));
	if (!mark)
		return false;
	mark->value = (uint32_t)hash_bytes(text, size, 0);
	mark->owner = owner;
	j->count = list->count;
	j->distinct = distinct(j, list);
	j->first_seen_ns = mark_at(j->marks, list->head)->time_ns;
	return detector_compare(j->rule->compare, (double)j->distinct, (double)j->rule->threshold);
}

static struct mark_list *marks(const struct rule *rule, void *state)
{
	(void)rule;
	return state;
}

const struct detector detector_overlap = {
	.type = "overlap",
	.state_bytes = sizeof(struct mark_list),
	.first_role_begins = true,
	.check = check,
	.judge = judge,
	.marks = marks,
};
