/* elasticsearch: the bulk API of Elasticsearch and OpenSearch. Two lines for each record:
 *
 *    {"create":{"_index":"logs-thingwarden.alerts-default","_id":"3f9c...-0"}}
 *    {"@timestamp":...}
 *
 * The _id is the alert's, so what is sent twice is there once: "conflict" (409) is the answer of a receiver that has it already.
 * `create` is what data streams take; `index` overwrites. The index name may hold %Y, %m and %d: the day of the record, in UTC. */
#include "http_batch.h"
#include "json_read.h"
#include "../sensor/log.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BATCH = 500, INDEX_MAX = 256, REASON_MAX = 200 };

struct elasticsearch {
	struct http_batch batch;
	const char *index, *operation;
};

/* "alerts-%Y.%m.%d" of a day; false when it is too long. */
static bool index_name(const char *pattern, uint64_t time_ns, char out[INDEX_MAX])
{
	time_t seconds = (time_t)(time_ns / TW_SECOND);
	struct tm day;
	gmtime_r(&seconds, &day);
	if (!strchr(pattern, '%'))
		return (unsigned)snprintf(out, INDEX_MAX, "%s", pattern) < INDEX_MAX;
	return strftime(out, INDEX_MAX, pattern, &day) > 0;
}

static void elasticsearch_add(void *handle, const struct record *record)
{
	struct elasticsearch *self = handle;
	struct body *body = &self->batch.body;
	char index[INDEX_MAX], id[HTTP_ID_MAX];
	(void)index_name(self->index, record->time_ns, index);
	http_record_id(record, id);
	body_format(body, "{\"%s\":{\"_index\":\"%s\",\"_id\":\"%s\"}}\n", self->operation, index, id);
	body_bytes(body, record->bytes);
	body_bytes(body, slice_of("\n", 1));
}

/* --- answers -------------------------------------------------------------------------------------------------- */

struct bulk_answer {
	struct http_chunk *chunk;
	unsigned seen;                       /* items with a status */
	unsigned denied;                     /* the status of one that a person has to look at; 0: none */
	unsigned refused;                    /* of the first that will never be taken; 0: none */
	char first[REASON_MAX], denial[REASON_MAX]; /* the receiver's words for these */
};

/* Not there or not allowed: an index that is missing can be made, a right that is missing be given. */
static bool denied(unsigned status)
{
	return status == 401 || status == 403 || status == 404;
}

static void take_status(struct bulk_answer *answer, uint64_t index, unsigned status)
{
	if (index >= answer->chunk->count)
		return;
	enum sent *sent = answer->chunk->answer[index];
	answer->seen++;
	if ((status >= 200 && status < 300) || status == 409) {
		*sent = SENT_OK;
	} else if (denied(status)) {
		answer->denied = status;
	} else if (status >= 400 && status < 500 && status != 429 && status != 408) {
		*sent = SENT_REFUSED;
		answer->refused = answer->refused ? answer->refused : status;
	}
}

static void take_reason(struct bulk_answer *answer, uint64_t index, struct slice value)
{
	char *out = index < answer->chunk->count && *answer->chunk->answer[index] == SENT_REFUSED ? answer->first : answer->denial;
	if (!*out)
		snprintf(out, REASON_MAX, "%.*s", (int)value.size, (const char *)value.at);
}

static bool ends_with(const char *path, const char *end)
{
	size_t size = strlen(path), tail = strlen(end);
	return size >= tail && strcmp(path + size - tail, end) == 0;
}

/* First the statuses, then the reasons: an item's may stand before its status or after it. */
static void take_statuses(void *context, const char *path, uint64_t index, struct slice value)
{
	if (strncmp(path, "items[].", 8) != 0 || !ends_with(path, ".status"))
		return;
	char text[16];
	snprintf(text, sizeof text, "%.*s", (int)value.size, (const char *)value.at);
	take_status(context, index, (unsigned)strtoul(text, NULL, 10));
}

static void take_reasons(void *context, const char *path, uint64_t index, struct slice value)
{
	if (strncmp(path, "items[].", 8) == 0 && ends_with(path, ".error.reason"))
		take_reason(context, index, value);
}

static void take_fault(void *context, const char *path, uint64_t index, struct slice value)
{
	char *reason = context;
	(void)index;
	if (!*reason && (strcmp(path, "error.reason") == 0 || strcmp(path, "error") == 0 || strcmp(path, "message") == 0))
		snprintf(reason, REASON_MAX, "%.*s", (int)value.size, (const char *)value.at);
}

static enum http_verdict bulk_read(struct elasticsearch *self, struct http_chunk *chunk, const struct http_answer *http)
{
	struct bulk_answer answer = {.chunk = chunk};
	struct http_client *client = self->batch.client;
	if (!json_read(http->body, take_statuses, &answer) || answer.seen != chunk->count) {
		http_complain(client, "the answer is not one to a bulk request (%u of %u items); is that Elasticsearch? what has no answer waits",
			      answer.seen, chunk->count);
		return HTTP_AGAIN;
	}
	(void)json_read(http->body, take_reasons, &answer);
	if (answer.refused) {
		char why[REASON_MAX + 16];
		snprintf(why, sizeof why, "%u %s", answer.refused, answer.first);
		http_batch_refused(&self->batch, why);
	}
	if (answer.denied) {
		http_complain(client, "the receiver answers %u %s; check index: and its rights; what is to be sent waits", answer.denied,
			      answer.denial);
		return HTTP_DENIED;
	}
	for (unsigned i = 0; i < chunk->count; i++)
		if (*chunk->answer[i] == SENT_RETRY) {
			http_complain(client, "the receiver is busy; what is to be sent waits");
			return HTTP_AGAIN;
		}
	return HTTP_OK;
}

static enum http_verdict elasticsearch_post(void *handle, struct http_chunk *chunk, struct http_answer *http)
{
	struct elasticsearch *self = handle;
	const struct http_request request = {.content_type = "application/x-ndjson", .body = body_slice(&self->batch.body)};
	http_post(self->batch.client, &request, http);
	enum http_verdict verdict = http_verdict(http);
	if (verdict == HTTP_OK)
		return bulk_read(self, chunk, http);
	char reason[REASON_MAX] = "";
	(void)json_read(http->body, take_fault, reason);
	if (verdict == HTTP_DENIED || (verdict == HTTP_AGAIN && http->status))
		http_complain(self->batch.client, "the receiver answers %d %s%s; what is to be sent waits", http->status, reason,
			      http->status == 401 || http->status == 403 ? "; check token_file: or user: and password_file:" :
			      verdict == HTTP_DENIED ? "; check url:" : "");
	return verdict;
}

static void elasticsearch_send(void *handle, struct sending *sending)
{
	struct elasticsearch *self = handle;
	http_batch_send(&self->batch, self, sending, 0);
}

/* --- life ----------------------------------------------------------------------------------------------------- */

/* "Index names" of Elasticsearch's documentation: lower case, none of these, no dot, hyphen, underscore or plus in front. */
static bool index_valid(const char *pattern)
{
	for (const char *at = pattern; *at; at++) {
		if (*at == '%' && !strchr("Ymd", at[1] ? at[1] : '?'))
			return false;
		if (*at == '%')
			at++;
		else if (isupper((unsigned char)*at) || *at <= ' ' || *at > '~' || strchr("\\/*?\"<>|,#:", *at))
			return false;
	}
	return *pattern && !strchr("-_+.%", *pattern) && strlen(pattern) < 200;
}

static bool elasticsearch_check(const struct config_output *config)
{
	static const char *const no_json[] = {"cef", "leef", "text"};
	if (!http_check(config, "elasticsearch"))
		return false;
	for (unsigned i = 0; config->format && i < sizeof no_json / sizeof *no_json; i++)
		if (strcmp(config->format, no_json[i]) == 0) {
			log_error("%s: format: \"%s\" is not valid for elasticsearch; valid: ecs, eve, ocsf, cim", config->place, config->format);
			return false;
		}
	if (config->index && !index_valid(config->index)) {
		log_error("%s: index: \"%s\" is not valid; valid: a name in lower case that may hold %%Y, %%m and %%d, such as "
			  "alerts-%%Y.%%m.%%d", config->place, config->index);
		return false;
	}
	if (config->operation && strcmp(config->operation, "create") != 0 && strcmp(config->operation, "index") != 0) {
		log_error("%s: operation: \"%s\" is not valid; valid: create, index", config->place, config->operation);
		return false;
	}
	return true;
}

static void *elasticsearch_open(const struct config_output *config)
{
	static const struct http_kind kind = {
		.name = "elasticsearch", .token_scheme = "ApiKey", .path = "/_bulk", .below = true, .gzip = true,
		.query = "?filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason"};
	struct elasticsearch *self = calloc(1, sizeof *self);
	if (!self)
		return NULL;
	self->batch.add = elasticsearch_add;
	self->batch.post = elasticsearch_post;
	self->index = config->index ? config->index : "logs-thingwarden.alerts-default";
	self->operation = config->operation ? config->operation : "create";
	if (http_batch_open(&self->batch, config, &kind, BATCH))
		return self;
	http_batch_close(&self->batch);
	free(self);
	return NULL;
}

static bool elasticsearch_flush(void *handle)
{
	(void)handle;
	return true;
}

static bool elasticsearch_reopen(void *handle)
{
	struct elasticsearch *self = handle;
	return http_batch_reopen(&self->batch);
}

static bool elasticsearch_close(void *handle)
{
	struct elasticsearch *self = handle;
	http_batch_close(&self->batch);
	free(self);
	return true;
}

static const char *const config_keys[] = {OUTPUT_KEYS, OUTPUT_KEYS_HTTP, OUTPUT_KEYS_USER, "token_header", "index", "operation", NULL};

const struct output output_elasticsearch = {
	.name = "elasticsearch",
	.keys = config_keys,
	.format = "ecs",
	.batch = LIMIT_BATCH,
	.remote = true,
	.check = elasticsearch_check,
	.open = elasticsearch_open,
	.send = elasticsearch_send,
	.flush = elasticsearch_flush,
	.reopen = elasticsearch_reopen,
	.close = elasticsearch_close,
};
