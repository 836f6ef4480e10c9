#include "group_key.h"
#include "hash.h"
#include <stddef.h>

static bool hash_field(const struct field *field, const struct event *event, uint64_t seed, uint64_t *hash)
{
	struct value value;
	*hash = 0;
	if (!field_get(field, event, &value))
		return false;
	if (field->type == FIELD_ADDRESS)
		*hash = hash_bytes(value.address, sizeof *value.address, seed);
	else if (field->type >= FIELD_TEXT && field->type != FIELD_ENUM && field->type != FIELD_TIME && field->type != FIELD_SECRET)
		*hash = hash_slice(value.texts.items[0], seed);
	else
		*hash = value.number;
	return true;
}

static const struct hashed *hashed_field(struct group_hashes *hashes, const struct field *field, const struct event *event)
{
	struct hashed *h = &hashes->hashed[(uintptr_t)field / sizeof *field % GROUP_HASHES];
	if (h->field != field || h->event != hashes->event) {
		h->field = field;
		h->event = hashes->event;
		h->there = hash_field(field, event, hashes->seed, &h->hash);
	}
	return h;
}

static bool is_clients(const struct field *field)
{
	return field->offset == offsetof(struct ends, client) || field->offset == offsetof(struct ends, client_port);
}

/* What an end stands for that a log does not tell. The server is the log's own. A client is nobody: clients that are counted
 * together because none of their addresses is known would be one attacker made of a whole fleet. Where the group has the client's
 * name as well, that says who it is; and a rule that counts nothing tells each by its name. */
static bool untold_end(const struct rule *rule, unsigned role, const struct field *field, const struct event *event, uint64_t *hash)
{
	const struct name *name = &event->session->client_id;
	bool named = name->known && name->size, grouped = rule->role[0] == rule;
	*hash = event->log->source;
	if (!is_clients(field))
		return true;
	for (unsigned i = 0; i < rule->group_count; i++) {
		const struct field *other = rule->group_by[role][i];
		grouped |= named && other && other->base == BASE_SESSION && other->offset == offsetof(struct session, client_id);
	}
	if (named)
		*hash = hash_slice(name_slice(name), *hash);
	return grouped;
}

bool group_key(struct group_hashes *hashes, const struct rule *rule, unsigned role, const struct event *event, uint64_t *key)
{
	uint64_t hash = hash_join(hashes->seed, rule->signature_id), part; /* stays when the rules are loaded anew */
	for (unsigned i = 0; i < rule->group_count; i++) {
		const struct field *field = rule->group_by[role][i];
		const struct hashed *h = field ? hashed_field(hashes, field, event) : NULL;
		if (!h)
			return false;
		part = h->there ? h->hash : event->flow_id;
		if (!h->there && field->base == BASE_SESSION && !event->flow_id && rule->role[0] != rule)
			return false; /* of a log: no conversation either */
		if (!h->there && field->base != BASE_SESSION &&
		    !(event->log && field->base == BASE_ENDS && untold_end(rule, role, field, event, &part)))
			return false;
		hash = hash_join(hash, part);
	}
	*key = hash;
	return true;
}
