/* value_count: so many different values of a field within the window; each counts from when it was last seen. */
#include "detector.h"
#include "../sensor/hash.h"

enum { VALUES_MAX = 4096 };

static const char *check(const struct rule *rule)
{
	if (rule->compare == COMPARE_NONE || !rule->value_name)
		return "`condition` needs a comparison and a field, e.g. {field: user, gte: 5}";
	if (rule->threshold > VALUES_MAX)
		return "at most 4096 different values are kept";
	return NULL;
}

static void add_value(struct judgement *j, struct mark_list *list, struct slice text)
{
	uint32_t value = (uint32_t)hash_slice(text, 0), known = marks_find(j->marks, list, value);
	if (known != MARK_NONE) {
		marks_renew(j->marks, list, known, j->now_ns);
		return;
	}
	if (list->count >= VALUES_MAX)
		marks_remove(j->marks, list, list->head);
	marks_add(j->marks, list, j->event, slice_head(text, NOTE_MAX), value);
}

static bool judge(struct judgement *j)
{
	struct mark_list *list = j->state;
	const struct field *field = j->rule->value[j->role];
	struct value value;
	if (!field || !field_get(field, j->event, &value))
		return false;
	marks_before(j->marks, list, j->now_ns > j->rule->window_ns ? j->now_ns - j->rule->window_ns : 0);
	if (field->type == FIELD_TEXTS) {
		for (uint32_t i = 0; i < value.texts.count; i++)
			add_value(j, list, value.texts.items[i]);
	} else {
		char text[256];
		add_value(j, list, slice_of(text, field_text(field, j->event, text, sizeof text)));
	}
	j->count = j->distinct = list->count;
	j->first_seen_ns = list->count ? mark_at(j->marks, list->head)->time_ns : j->now_ns;
	return detector_compare(j->rule->compare, (double)list->count, (double)j->rule->threshold);
}

static struct mark_list *marks(const struct rule *rule, void *state)
{
	(void)rule;
	return state;
}

const struct detector detector_value_count = {
	.type = "value_count",
	.state_bytes = sizeof(struct mark_list),
	.check = check,
	.judge = judge,
	.marks = marks,
};
