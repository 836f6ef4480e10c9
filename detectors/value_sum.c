/* value_sum, value_avg, value_percentile: a number of the events within the window, together. Exact over the newest 1024. */
#include "detector.h"
#include <stdlib.h>

enum { VALUES_MAX = 1024 };

static const char *check(const struct rule *rule)
{
	if (rule->compare == COMPARE_NONE || !rule->value_name)
		return "`condition` needs a comparison and a field, e.g. {field: mqtt.publish.payload_bytes, gte: 1000000}";
	for (unsigned r = 0; r < rule->roles; r++)
		if (rule->value[r] && (rule->value[r]->type > FIELD_BOOL))
			return "the field of the condition must be a number";
	return NULL;
}

/* The window's numbers with this event's among them. NULL when it has none. */
static struct mark_list *take(struct judgement *j)
{
	struct mark_list *list = j->state;
	const struct field *field = j->rule->value[j->role];
	struct value value;
	char room[NOTE_MAX];
	if (!field || !field_get(field, j->event, &value))
		return NULL;
	marks_before(j->marks, list, j->now_ns > j->rule->window_ns ? j->now_ns - j->rule->window_ns : 0);
	while (list->count >= VALUES_MAX)
		marks_remove(j->marks, list, list->head);
	struct mark *mark = marks_append(j->marks, list, j->event, event_note(j->event, room));
	if (!mark)
		return NULL;
	mark->value = value.number < UINT32_MAX ? (uint32_t)value.number : UINT32_MAX;
	j->count = list->count;
	j->first_seen_ns = mark_at(j->marks, list->head)->time_ns;
	return list;
}

static double sum(struct judgement *j, const struct mark_list *list)
{
	double total = 0;
	for (uint32_t i = list->count ? list->head : MARK_NONE; i != MARK_NONE; i = mark_at(j->marks, i)->next)
		total += mark_at(j->marks, i)->value;
	return total;
}

static bool compare(struct judgement *j, double value)
{
	j->value = value;
	return detector_compare(j->rule->compare, value, (double)j->rule->threshold);
}

static bool judge_sum(struct judgement *j)
{
	struct mark_list *list = take(j);
	if (!list)
		return false;
	double total = sum(j, list);
	j->count = (uint64_t)total; /* the unit of the threshold */
	j->added = mark_at(j->marks, list->tail)->value;
	return compare(j, total);
}

static bool judge_avg(struct judgement *j)
{
	struct mark_list *list = take(j);
	return list && compare(j, sum(j, list) / (double)list->count);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

/* The specification leaves the percentile to the backend: here it is the 95th. */
static bool judge_percentile(struct judgement *j)
{
	uint32_t values[VALUES_MAX], n = 0;
	struct mark_list *list = take(j);
	if (!list)
		return false;
	for (uint32_t i = list->head; i != MARK_NONE && n < VALUES_MAX; i = mark_at(j->marks, i)->next)
		values[n++] = mark_at(j->marks, i)->value;
	qsort(values, n, sizeof *values, by_value);
	return compare(j, values[(n * 95 + 99) / 100 - 1]);
}

static struct mark_list *marks(const struct rule *rule, void *state)
{
	(void)rule;
	return state;
}

const struct detector detector_value_sum = {
	.type = "value_sum", .measure = "total", .state_bytes = sizeof(struct mark_list), .adds = true,
	.check = check, .judge = judge_sum, .marks = marks};

const struct detector detector_value_avg = {
	.type = "value_avg", .measure = "average", .state_bytes = sizeof(struct mark_list),
	.check = check, .judge = judge_avg, .marks = marks};

const struct detector detector_value_percentile = {
	.type = "value_percentile", .measure = "95th percentile", .state_bytes = sizeof(struct mark_list),
	.check = check, .judge = judge_percentile, .marks = marks};
