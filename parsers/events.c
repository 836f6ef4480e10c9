/* Our own records: what `--events` wrote in EVE's shape (outputs/eve.c), read back into the events that they were.
 *
 *     {"timestamp":"...","flow_id":1,"event_type":"mqtt","src_ip":"...","mqtt":{"connect":{"client_id":"x"}},
 *      "thingwarden":{"source":"wire","protocol":"mqtt","action":"connect","client_id":"x","mqtt":{"version":4}}}
 *
 * A member is found by the name of its field in the tables that wrote it, so that what they gain is read here too. What no record
 * tells is absent: secrets, link addresses, the level of a log's line. What a flow's earlier events tell is found again: whether it
 * was used, and whether a password was shown. Texts stay as they were escaped and cut. */
#include "log_json.h"
#include "log_line.h"
#include "parser.h"
#include "../sensor/hash.h"
#include <stdalign.h>
#include <stddef.h>

enum { KEY_FLOW = 1 };
enum { DETAIL_BYTES = 4096, LISTED = 1024 };

/* Reasons, formats and the like are kept by detectors beyond the event: there are few. */
struct events {
	uint32_t used;
	char words[LIMIT_LOG_STATE - 16];
};
_Static_assert(sizeof(struct events) <= LIMIT_LOG_STATE, "fits the memory of a log");

/* A record that is being read. */
struct retold {
	struct log_parse *parse;
	struct event event;
	const struct field *table, *next; /* of the protocol; where the search goes on, for members come in the order of fields */
	uint32_t slices, codes;
	alignas(16) uint8_t detail[DETAIL_BYTES];
	struct slice slice[LISTED];
	uint8_t code[LISTED];
};

static const struct parser *const parsers[] = {
#define PARSER(name) &parser_##name,
#include "parsers.def"
#undef PARSER
};

static const struct field *table_of(unsigned protocol)
{
	for (unsigned i = 0; i < sizeof parsers / sizeof *parsers; i++)
		if (parsers[i]->protocol == protocol)
			return parsers[i]->fields;
	return transport_fields;
}

static bool named(struct slice text, const char *(*name_of)(unsigned), uint8_t *number)
{
	for (unsigned i = 0; i <= UINT8_MAX; i++) {
		const char *name = name_of(i);
		*number = (uint8_t)i;
		if (name && slice_is(text, name))
			return true;
		if (!name && i)
			break;
	}
	return false;
}

/* --- values ------------------------------------------------------------------------------------------------------ */

/* NULL: there have been too many different ones. */
static const char *word(struct events *events, struct slice text)
{
	const char *end = events->words + events->used;
	for (const char *w = events->words; w < end; w += strlen(w) + 1)
		if (slice_is(text, w))
			return w;
	if (text.size >= sizeof events->words - events->used || memchr(text.at, 0, text.size))
		return NULL;
	char *kept = events->words + events->used;
	memcpy(kept, text.at, text.size);
	kept[text.size] = 0;
	events->used += text.size + 1;
	return kept;
}

static bool number_of(const struct log_json_value *v, uint64_t max, uint64_t *out)
{
	struct slice rest = v->text;
	return v->type == JSON_NUMBER && log_take_number(&rest, max, out) && !rest.size;
}

static bool set_number(uint8_t *at, enum field_type type, const struct log_json_value *v)
{
	uint64_t number;
	if (!number_of(v, type == FIELD_U8 ? UINT8_MAX : type == FIELD_U16 ? UINT16_MAX : type == FIELD_U32 ? UINT32_MAX : UINT64_MAX, &number))
		return false;
	switch (type) {
	case FIELD_U8:
		*at = (uint8_t)number;
		break;
	case FIELD_U16:
		*(uint16_t *)(void *)at = (uint16_t)number;
		break;
	case FIELD_U32:
		*(uint32_t *)(void *)at = (uint32_t)number;
		break;
	default:
		*(uint64_t *)(void *)at = number;
	}
	return true;
}

static bool add_text(struct retold *r, struct slices *list, struct slice text)
{
	if (r->slices == LISTED)
		return false;
	if (!list->count || list->items + list->count != &r->slice[r->slices])
		*list = (struct slices){&r->slice[r->slices], 0};
	r->slice[r->slices++] = text;
	list->count++;
	return true;
}

static bool add_code(struct retold *r, struct slice *list, const struct log_json_value *v)
{
	uint64_t number;
	if (r->codes == LISTED || !number_of(v, UINT8_MAX, &number))
		return false;
	r->code[r->codes] = (uint8_t)number;
	if (!list->size || list->at + list->size != &r->code[r->codes])
		*list = slice_of(&r->code[r->codes], 0);
	r->codes++;
	list->size++;
	return true;
}

static bool set_text(struct retold *r, const struct field *field, uint8_t *at, const struct log_json_value *v)
{
	bool kept = field->base != BASE_DETAIL;
	const char *cstring = "";
	if (kept || field->type == FIELD_CSTRING)
		cstring = kept ? word(r->parse->state, v->text) : log_json_string(r->parse->json[0], v);
	if (!cstring)
		return false;
	struct slice slice = kept ? slice_text(cstring) : v->text;
	if (field->type == FIELD_CSTRING)
		memcpy(at, &cstring, sizeof cstring);
	else
		memcpy(at, &slice, sizeof slice);
	return true;
}

static bool set_address(struct address *at, struct slice text)
{
	char copy[ADDRESS_TEXT_MAX];
	if (text.size >= sizeof copy)
		return false;
	memcpy(copy, text.at, text.size);
	copy[text.size] = 0;
	return address_parse(copy, at);
}

/* False when it is not of the field's type, or there is no room. */
static bool set(struct retold *r, const struct field *field, uint8_t *at, const struct log_json_value *v)
{
	bool text = v->type == JSON_TEXT;
	switch (field->type) {
	case FIELD_U8:
	case FIELD_U16:
	case FIELD_U32:
	case FIELD_U64:
		return set_number(at, field->type, v);
	case FIELD_BOOL:
		*(bool *)at = v->text.at[0] == 't';
		return v->type == JSON_BOOL;
	case FIELD_TEXT:
	case FIELD_CSTRING:
		return text && set_text(r, field, at, v);
	case FIELD_TEXTS:
		return text && add_text(r, (struct slices *)(void *)at, v->text);
	case FIELD_CODES:
		return add_code(r, (struct slice *)(void *)at, v);
	case FIELD_NAME:
		name_set((struct name *)(void *)at, v->text);
		return text;
	case FIELD_ENUM:
		return text && named(v->text, field->enum_name, at);
	case FIELD_ADDRESS:
		return text && set_address((struct address *)(void *)at, v->text);
	case FIELD_TIME: /* the envelope has it */
		return true;
	case FIELD_SECRET: /* has no place */
		break;
	}
	return false;
}

/* --- members ----------------------------------------------------------------------------------------------------- */

static bool is_named(const struct field *field, struct slice name)
{
	return strncmp(field->name, (const char *)name.at, name.size) == 0 && !field->name[name.size];
}

/* NULL: no field of the protocol, nor of every event, has this name. */
static const struct field *field_named(struct retold *r, struct slice name, bool of_protocol)
{
	const struct field *from = of_protocol ? r->next : event_fields;
	for (const struct field *f = from; f->name; f++)
		if (is_named(f, name)) {
			r->next = of_protocol ? f + 1 : r->next;
			return f;
		}
	for (const struct field *f = r->table; of_protocol && f != from; f++)
		if (is_named(f, name)) {
			r->next = f + 1;
			return f;
		}
	return NULL;
}

/* NULL: no record tells it. */
static uint8_t *place_of(struct retold *r, const struct field *field)
{
	struct log_parse *parse = r->parse;
	if (field->type == FIELD_SECRET)
		return NULL;
	switch (field->base) {
	case BASE_EVENT: /* the number of the input is our own */
		return field->offset == offsetof(struct event, file) ? NULL : (uint8_t *)&r->event + field->offset;
	case BASE_ENDS:
		return (uint8_t *)&parse->ends + field->offset;
	case BASE_SESSION:
		return (uint8_t *)&parse->session + field->offset;
	case BASE_LOG:
		return (uint8_t *)&parse->log + field->offset;
	case BASE_DETAIL:
		break;
	}
	/* The largest value is a struct slices. */
	return field->offset > DETAIL_BYTES - sizeof(struct slices) ? NULL : r->detail + field->offset;
}

/* Do the fields of the protocol stand in this object: "mqtt.", "flow."? */
static bool is_of(const struct field *table, struct slice name)
{
	return slice_starts(name, slice_of(table->name, (uint32_t)(strchr(table->name, '.') + 1 - table->name)));
}

/* What EVE has beside the fields. */
static bool is_other(struct slice name)
{
	static const char *const others[] = {"flow.state", "sensor", "event_type", "proto", "community_id", "pcap_filename"};
	for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
		if (slice_is(name, others[i]))
			return true;
	return slice_starts(name, slice_text("geo."));
}

/* False when it is of the wrong type. */
static bool member(struct retold *r, const struct log_json_value *v)
{
	struct slice path = v->path, name, list;
	bool own = log_take(&path, "thingwarden.");
	list = path;
	if (!log_take_until(&list, "[]", &name))
		name = path;
	else if (list.size && !slice_is(list, ".topic")) /* the QoS that EVE pairs with a filter stands in a list of its own as well */
		return slice_is(list, ".qos");
	if (slice_is(path, "pcap_cnt") || slice_is(path, "log.line"))
		name = slice_text("frame");
	bool of_protocol = is_of(r->table, name);
	const struct field *field = field_named(r, name, of_protocol);
	uint8_t *at = field ? place_of(r, field) : NULL;
	if (!at) {
		r->parse->log.cut |= (own || of_protocol) && !is_other(name);
		return true;
	}
	if (!set(r, field, at, v))
		return false;
	if (field->base != BASE_DETAIL)
		return true;
	r->event.detail = r->detail;
	r->event.fields = r->table;
	r->event.message = r->event.message ? r->event.message : field->message;
	if (field->bit != FIELD_ALWAYS)
		event_set(&r->event, field->bit);
	return true;
}

/* --- what earlier events tell ------------------------------------------------------------------------------------ */

/* Of a password no record tells more than that its CONNECT had one: here each connection has its own. */
static void tell(struct log_parse *parse, struct event *event, bool password)
{
	uint64_t key = log_session_key(parse->source, KEY_FLOW, slice_of(&event->flow_id, sizeof event->flow_id));
	if (!event->flow_id) { /* a line that does not say whose it was */
		log_emit(parse, event);
		return;
	}
	struct log_session *flow = log_session_find(parse->sessions, key);
	if (!flow)
		flow = log_session_begin(parse->sessions, key, event->time_ns);
	flow->touched_ns = event->time_ns;
	flow->flow_id = event->flow_id;
	flow->ends = parse->ends;
	if (event->action == ACTION_CONNECT)
		flow->session.password = password ? event->flow_id : 0;
	parse->session.used = flow->session.used;
	parse->session.password = flow->session.password;
	parse->about = flow;
	log_emit(parse, event);
	if (event->action == ACTION_CLOSE)
		log_session_end(parse->sessions, flow);
}

/* --- records ----------------------------------------------------------------------------------------------------- */

static bool retell(struct log_parse *parse, const struct log_json *json, uint8_t protocol)
{
	struct retold r;
	struct slice text;
	const struct log_json_value *v;
	r.parse = parse;
	r.event = parse->base;
	r.table = r.next = table_of(protocol);
	r.slices = r.codes = 0;
	memset(r.detail, 0, sizeof r.detail);
	for (uint32_t i = 0; (v = log_json_at(json, i)); i++)
		if (v->type != JSON_NULL && !member(&r, v))
			return false;
	r.event.protocol = protocol; /* whose detail it is, whatever the record says twice */
	if (log_json_text(json, "proto", &text))
		r.event.transport = slice_is(text, "UDP") ? TRANSPORT_UDP : TRANSPORT_TCP;
	if (log_json_text(json, "pcap_filename", &text))
		parse->log.source = hash_slice(text, 0);
	parse->counters->log_cut += parse->log.cut;
	if (r.event.source == SOURCE_WIRE)
		r.event.log = NULL;
	tell(parse, &r.event, r.event.action == ACTION_CONNECT && log_json_is(json, "mqtt.connect.flags.password", "true"));
	return true;
}

static enum log_verdict events_parse(struct log_parse *parse)
{
	const struct log_json *json = parse->json[0];
	struct slice text;
	uint8_t protocol, action;
	if (!parse->record->text.size)
		return LOG_TAKEN;
	if (!log_json_read(parse->json[0], parse->record->text) || !log_json_text(json, "event_type", &text))
		return LOG_UNREADABLE;
	if (slice_is(text, "alert") || slice_is(text, "stats"))
		return LOG_TAKEN;
	bool whole = log_json_text(json, "thingwarden.protocol", &text) && named(text, protocol_name, &protocol) &&
		     log_json_text(json, "thingwarden.action", &text) && named(text, action_name, &action);
	return whole && retell(parse, json, protocol) ? LOG_TAKEN : LOG_UNREADABLE;
}

static void events_envelope(struct log_clock *clock, struct log_record *record)
{
	struct slice raw;
	if (log_json_raw(record->line, "timestamp", &raw) && log_take(&raw, "\""))
		log_take_iso(clock, &raw, &record->time_ns);
}

static unsigned events_probe(struct slice head)
{
	unsigned lines = 0;
	struct slice line;
	while (log_take_until(&head, "\n", &line))
		lines += slice_starts(line, slice_text("{\"timestamp\":\"")) && log_contains(line, "\"thingwarden\":{\"source\":\"");
	return lines;
}

const struct log_format log_format_events = {
	.name = "events",
	.help = "what --events wrote, of captures and logs",
	.state_bytes = sizeof(struct events),
	.probe = events_probe,
	.envelope = events_envelope,
	.parse = events_parse,
	.json = true,
};
