#include "event.h"
#include "hash.h"
#include <stddef.h>
#include <stdio.h>

static const char *const source_names[] = {"wire", "log", NULL};
static const char *const protocol_names[] = {"tcp", "udp", "mqtt", "coap", "http", "tls", "dtls", "websocket", NULL};
static const char *const action_names[] = {"open", "close", "connect", "authenticate", "disconnect", "subscribe",
	"unsubscribe", "publish", "deliver", "request", "respond", "handshake", "keepalive", "violation", NULL};
static const char *const outcome_names[] = {"unknown", "success", "failure", NULL};
static const char *const direction_names[] = {"to_server", "to_client", NULL};
static const char *const successor_names[] = {"none", "same_address", "other_address", NULL};

_Static_assert(sizeof protocol_names / sizeof *protocol_names == PROTOCOL_COUNT + 1, "a name for every protocol");
_Static_assert(sizeof action_names / sizeof *action_names == ACTION_COUNT + 1, "a name for every action");

/* NULL behind the end, so that a caller may walk the names. */
static const char *pick(const char *const *names, unsigned number)
{
	unsigned i = 0;
	while (i < number && names[i])
		i++;
	return names[i];
}

const char *source_name(unsigned source)
{
	return pick(source_names, source);
}

const char *protocol_name(unsigned protocol)
{
	return pick(protocol_names, protocol);
}

const char *action_name(unsigned action)
{
	return pick(action_names, action);
}

const char *outcome_name(unsigned outcome)
{
	return pick(outcome_names, outcome);
}

const char *direction_name(unsigned direction)
{
	return pick(direction_names, direction);
}

const char *successor_name(unsigned successor)
{
	return pick(successor_names, successor);
}

void name_set(struct name *name, struct slice value)
{
	enum { MARK = 9 }; /* "~" and eight hex digits */
	name->known = true;
	if (value.size <= sizeof name->text) {
		name->size = (uint8_t)value.size;
		if (value.size)
			memcpy(name->text, value.at, value.size);
		return;
	}
	unsigned head = sizeof name->text - MARK;
	uint32_t digest = (uint32_t)hash_slice(value, 0);
	memcpy(name->text, value.at, head);
	name->text[head] = '~';
	for (unsigned i = 1; i < MARK; i++)
		name->text[head + i] = "0123456789abcdef"[digest >> (32 - 4 * i) & 15];
	name->size = sizeof name->text;
}

static const char *log_level_name(unsigned level)
{
	static const char *const names[] = {"none", "debug", "info", "notice", "warning", "error", NULL};
	return pick(names, level);
}

#define EVENT(name, type, member, names, help) \
	{name, type, BASE_EVENT, offsetof(struct event, member), 0, 0, FIELD_ALWAYS, false, names, help}
#define ENDS(name, type, member, help) \
	{name, type, BASE_ENDS, offsetof(struct ends, member), 0, 0, FIELD_ALWAYS, true, NULL, help}
#define SESSION(name, type, member, names, help) \
	{name, type, BASE_SESSION, offsetof(struct session, member), 0, 0, FIELD_ALWAYS, false, names, help}
#define LOG(name, type, member, names, help) \
	{name, type, BASE_LOG, offsetof(struct log_detail, member), 0, 0, FIELD_ALWAYS, false, names, help}

const struct field event_fields[] = {
	EVENT("timestamp", FIELD_TIME, time_ns, NULL, "when it happened, by the capture's or the log's clock"),
	EVENT("source", FIELD_ENUM, source, source_name, "wire or log"),
	EVENT("protocol", FIELD_ENUM, protocol, protocol_name, "what the event is about: tcp, udp, mqtt, ..."),
	EVENT("app_proto", FIELD_CSTRING, app_proto, NULL, "what the flow carries, as far as known: mqtt, http, dns, ..."),
	EVENT("action", FIELD_ENUM, action, action_name, "what was done"),
	EVENT("outcome", FIELD_ENUM, outcome, outcome_name, "success, failure or unknown (a request has no outcome yet)"),
	EVENT("reason", FIELD_TEXT, reason, NULL, "why, in the words of the protocol: not_authorized, reset, ..."),
	EVENT("direction", FIELD_ENUM, direction, direction_name, "to_server or to_client"),
	EVENT("resource", FIELD_TEXTS, resource, NULL, "topics, topic filters or paths"),
	EVENT("flow_id", FIELD_U64, flow_id, NULL, "the conversation"),
	EVENT("frame", FIELD_U32, frame, NULL, "wire: number of the frame in its capture; log: of the line"),
	EVENT("file", FIELD_U16, file, NULL, "number of the input"),
	EVENT("one_sided", FIELD_BOOL, one_sided, NULL, "only one direction of the flow has been seen so far"),
	EVENT("fused", FIELD_BOOL, fused, NULL, "wire and log both tell it: rules get the wire's event, with what the log adds"),
	EVENT("predecessor_ip", FIELD_ADDRESS, predecessor, NULL,
	      "of an accepted login: the other address from which the same client identifier has a live session"),
	ENDS("src_ip", FIELD_ADDRESS, client, "the client: who opened the conversation"),
	ENDS("src_port", FIELD_U16, client_port, "the client's port"),
	ENDS("dest_ip", FIELD_ADDRESS, server, "the server"),
	ENDS("dest_port", FIELD_U16, server_port, "the server's port"),
	SESSION("client_id", FIELD_NAME, client_id, NULL, "the session's client identifier; longer than 54 bytes: cut and marked"),
	SESSION("user", FIELD_NAME, user, NULL, "the session's user name; longer than 54 bytes: cut and marked"),
	SESSION("credential", FIELD_SECRET, credential, NULL, "the session's user:password; compared by salted hash, never shown"),
	SESSION("password", FIELD_SECRET, password, NULL, "the session's password; compared by salted hash, never shown"),
	SESSION("used", FIELD_BOOL, used, NULL, "messages, subscriptions or requests went over the session before this event"),
	SESSION("successor", FIELD_ENUM, successor, successor_name,
		"none, same_address or other_address: where the same client identifier has come from since"),
	LOG("log.format", FIELD_CSTRING, format, NULL, "which log: mosquitto, rabbitmq, ..."),
	LOG("log.level", FIELD_ENUM, level, log_level_name, "how grave the writer of the log took it: debug to error, none"),
	LOG("log.count", FIELD_U32, count, NULL, "how many of its kind the line stands for: 1, but for summaries"),
	LOG("log.ambiguous", FIELD_BOOL, ambiguous, NULL, "more than one connection could be meant, so no address is given"),
	LOG("log.cut", FIELD_BOOL, cut, NULL, "the line was cut: what stood behind is unknown"),
	LOG("log.summary", FIELD_BOOL, summary, NULL, "the line counts what was not logged, of all clients together"),
	{0},
};

static const void *field_at(const struct field *field, const struct event *event)
{
	const void *base = NULL;
	switch (field->base) {
	case BASE_EVENT:
		base = event;
		break;
	case BASE_ENDS:
		base = event->ends;
		break;
	case BASE_SESSION:
		base = event->session;
		break;
	case BASE_DETAIL:
		base = event->protocol == field->protocol ? event->detail : NULL;
		break;
	case BASE_LOG:
		base = event->log;
		break;
	}
	if (!base || (field->message && field->message != event->message))
		return NULL;
	if (field->bit != FIELD_ALWAYS && !event_has(event, field->bit))
		return NULL;
	return (const uint8_t *)base + field->offset;
}

bool field_get(const struct field *field, const struct event *event, struct value *out)
{
	const void *at = field_at(field, event);
	if (!at)
		return false;
	switch (field->type) {
	case FIELD_U8:
	case FIELD_ENUM:
		out->number = *(const uint8_t *)at;
		return true;
	case FIELD_BOOL:
		out->number = *(const bool *)at;
		return true;
	case FIELD_U16:
		out->number = *(const uint16_t *)at;
		return out->number || field->base != BASE_ENDS || event->source == SOURCE_WIRE;
	case FIELD_U32:
		out->number = *(const uint32_t *)at;
		return true;
	case FIELD_U64:
	case FIELD_TIME:
		out->number = *(const uint64_t *)at;
		return true;
	case FIELD_SECRET:
		out->number = *(const uint64_t *)at;
		return out->number != 0;
	case FIELD_ADDRESS:
		out->address = at;
		return field_has_address(field->base, at, event);
	case FIELD_TEXT:
	case FIELD_CODES:
		out->text = *(const struct slice *)at;
		break;
	case FIELD_NAME:
		out->text = name_slice(at);
		break;
	case FIELD_CSTRING:
		out->text = slice_text(*(const char *const *)at);
		break;
	case FIELD_TEXTS:
		out->texts = *(const struct slices *)at;
		return out->texts.count != 0;
	}
	out->texts = (struct slices){&out->text, 1};
	return out->text.at != NULL;
}

struct text {
	char *at;
	uint32_t size, room;
};

static void text_add(struct text *t, const void *bytes, uint32_t size)
{
	uint32_t n = size < t->room - t->size ? size : t->room - t->size;
	memcpy(t->at + t->size, bytes, n);
	t->size += n;
}

static void text_add_number(struct text *t, const char *form, uint64_t number)
{
	char digits[24];
	int n = snprintf(digits, sizeof digits, form, (unsigned long long)number);
	text_add(t, digits, (uint32_t)n);
}

static void text_add_list(struct text *t, const struct field *field, const struct value *value)
{
	if (field->type == FIELD_CODES) {
		for (uint32_t i = 0; i < value->text.size; i++)
			text_add_number(t, i ? ", %llu" : "%llu", value->text.at[i]);
		return;
	}
	for (uint32_t i = 0; i < value->texts.count; i++) {
		if (i)
			text_add(t, ", ", 2);
		text_add(t, value->texts.items[i].at, value->texts.items[i].size);
	}
}

uint32_t field_text(const struct field *field, const struct event *event, char *out, uint32_t size)
{
	struct value value;
	struct text t = {out, 0, size};
	if (!field_get(field, event, &value))
		return 0;
	switch (field->type) {
	case FIELD_BOOL:
		text_add(&t, value.number ? "true" : "false", value.number ? 4 : 5);
		break;
	case FIELD_ENUM: {
		const char *name = field->enum_name((unsigned)value.number);
		if (name)
			text_add(&t, name, (uint32_t)strlen(name));
		else
			text_add_number(&t, "%llu", value.number);
		break;
	}
	case FIELD_ADDRESS: {
		char text[ADDRESS_TEXT_MAX];
		text_add(&t, text, address_format(value.address, text));
		break;
	}
	case FIELD_SECRET:
		/* Four digits tell two secrets apart in one alert and give a guesser next to nothing. */
		text_add_number(&t, "%04llx", value.number >> 48);
		break;
	case FIELD_TEXT:
	case FIELD_TEXTS:
	case FIELD_CODES:
	case FIELD_NAME:
	case FIELD_CSTRING:
		text_add_list(&t, field, &value);
		break;
	default:
		text_add_number(&t, "%llu", value.number);
		break;
	}
	return t.size;
}
