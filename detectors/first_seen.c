/* first_seen: a value that this group has not had before, once the group has learned what is usual. */
#include "detector.h"
#include "../sensor/hash.h"

enum { KNOWN_MAX = 1024 };

struct learned {
	struct mark_list known;
	uint32_t events;
	uint64_t begin_ns;
};

static const char *check(const struct rule *rule)
{
	return rule->value_name ? NULL : "`condition` needs a field, e.g. {field: client_id}";
}

/* Known values are the rule: they are told by a hash, and only a new one is put in words. */
static bool hash_of(const struct judgement *j, const struct field *field, uint32_t *hash)
{
	struct value value;
	if (!field || !field_get(field, j->event, &value))
		return false;
	uint64_t whole = value.number;
	if (field->type == FIELD_ADDRESS) {
		whole = hash_bytes(value.address, sizeof *value.address, 0);
	} else if ((field->type >= FIELD_TEXT && field->type <= FIELD_NAME) || field->type == FIELD_CSTRING) {
		whole = 0;
		if (value.texts.count == 1 && !value.texts.items[0].size)
			return false;
		for (uint32_t i = 0; i < value.texts.count; i++)
			whole = hash_join(whole, hash_slice(value.texts.items[i], 0));
	} else {
		whole = hash_join(0, whole);
	}
	*hash = (uint32_t)whole;
	return true;
}

static bool judge(struct judgement *j)
{
	struct learned *state = j->state;
	const struct field *field = j->rule->value[j->role];
	char text[256];
	uint32_t value;
	if (!hash_of(j, field, &value))
		return false;
	if (!state->events)
		state->begin_ns = j->now_ns;
	bool learning = state->events < (j->rule->learn_count ? j->rule->learn_count : 1) ||
			j->now_ns < state->begin_ns + j->rule->learn_ns;
	state->events += state->events < UINT32_MAX;
	if (marks_find(j->marks, &state->known, value) != MARK_NONE)
		return false;
	if (state->known.count >= KNOWN_MAX)
		marks_remove(j->marks, &state->known, state->known.head);
	uint32_t size = field_text(field, j->event, text, sizeof text);
	marks_add(j->marks, &state->known, j->event, slice_of(text, size), value);
	j->count = 1;
	j->first_seen_ns = j->now_ns;
	j->distinct = state->known.count;
	return !learning;
}

static struct mark_list *marks(const struct rule *rule, void *state)
{
	(void)rule;
	return &((struct learned *)state)->known;
}

const struct detector detector_first_seen = {
	.type = "first_seen",
	.state_bytes = sizeof(struct learned),
	.marks_are_memory = true,
	.check = check,
	.judge = judge,
	.marks = marks,
};
