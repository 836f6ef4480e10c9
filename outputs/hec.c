/* hec: Splunk's HTTP Event Collector. Events are JSON objects one after the other:
 *
 *    {"time":1764000000.123,"host":"gateway","source":"thingwarden","sourcetype":"thingwarden:eve","index":"iot",
 *     "event":{...},"fields":{"alert_id":"...","rule":"...","level":"..."}}
 *
 * With `ack: true` an event counts as taken when the indexer has it: the answer to each request names an acknowledgement, which
 * is asked for until it is there. What is not acknowledged in time is sent again. */
#include "http_batch.h"
#include "json_read.h"
#include "../sensor/log.h"
#include "../sensor/steady.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 256, ACK_FIRST_MS = 50, ACK_MOST_MS = 1000, ACK_GIVE_UP_MS = 300000 };
/* https://docs.splunk.com, "HTTP Event Collector examples", possible error codes. */
enum { HEC_DISABLED = 1, HEC_BAD_INDEX = 7, HEC_NO_CHANNEL = 10, HEC_BAD_CHANNEL = 11, HEC_ACK_OFF = 14 };

struct hec {
	struct http_batch batch;
	const struct config_output *config;
	char host[256], sourcetype[64];
	char channel_header[80], channel[40]; /* a GUID that is this output's */
	char ack_path[1200];
	bool no_ack_said;
	struct {
		uint64_t id, digest, since_ms; /* what was sent and is not acknowledged yet */
		unsigned count;                /* 0: nothing */
	} pending;
};

static void hec_add(void *handle, const struct record *r)
{
	struct hec *self = handle;
	struct body *body = &self->batch.body;
	const struct config_output *config = self->config;
	body_format(body, "{\"time\":%llu.%03llu,\"host\":", (unsigned long long)(r->time_ns / TW_SECOND),
		    (unsigned long long)(r->time_ns / 1000000 % 1000));
	body_string(body, slice_text(self->host));
	body_format(body, ",\"source\":");
	body_string(body, slice_text(config->source ? config->source : "thingwarden"));
	body_format(body, ",\"sourcetype\":");
	body_string(body, slice_text(config->sourcetype ? config->sourcetype : self->sourcetype));
	if (config->index) {
		body_format(body, ",\"index\":");
		body_string(body, slice_text(config->index));
	}
	body_format(body, ",\"event\":");
	body_value(body, r->bytes);
	if (r->is_alert) {
		body_format(body, ",\"fields\":{\"alert_id\":\"%016llx\",\"update\":\"%u\",\"level\":\"%s\",\"rule\":",
			    (unsigned long long)r->id, r->update, level_name(r->level));
		body_string(body, slice_text(r->rule));
		body_format(body, "}");
	}
	body_format(body, "}");
}

/* --- answers -------------------------------------------------------------------------------------------------- */

struct hec_answer {
	bool any_invalid, any_ack, acked;
	unsigned code, invalid;
	uint64_t ack, asked;
	char text[128];
};

static uint64_t number(struct slice value)
{
	char text[24];
	snprintf(text, sizeof text, "%.*s", (int)value.size, (const char *)value.at);
	return strtoull(text, NULL, 10);
}

static void hec_take(void *context, const char *path, uint64_t index, struct slice value)
{
	struct hec_answer *answer = context;
	(void)index;
	if (strcmp(path, "code") == 0) {
		answer->code = (unsigned)number(value);
	} else if (strcmp(path, "text") == 0) {
		snprintf(answer->text, sizeof answer->text, "%.*s", (int)value.size, (const char *)value.at);
	} else if (strcmp(path, "invalid-event-number") == 0) {
		answer->any_invalid = true;
		answer->invalid = (unsigned)number(value);
	} else if (strcmp(path, "ackId") == 0) {
		answer->any_ack = true;
		answer->ack = number(value);
	} else if (strncmp(path, "acks.", 5) == 0 && strtoull(path + 5, NULL, 10) == answer->asked) {
		answer->acked = slice_is(value, "true");
	}
}

/* Codes that name what a person has to put right say so more exactly than the status does. */
static enum http_verdict hec_verdict(const struct http_answer *http, const struct hec_answer *hec)
{
	if (http->status == 400 && (hec->code == HEC_BAD_INDEX || hec->code == HEC_NO_CHANNEL || hec->code == HEC_BAD_CHANNEL ||
				    hec->code == HEC_ACK_OFF))
		return HTTP_DENIED;
	return http_verdict(http);
}

static void hec_complain(struct hec *self, enum http_verdict verdict, const struct http_answer *http, const struct hec_answer *hec)
{
	const char *hint = http->status == 401 || http->status == 403 ? "; check the token" : hec->code == HEC_BAD_INDEX ?
			   "; check index:" : hec->code >= HEC_NO_CHANNEL && hec->code <= HEC_ACK_OFF ? "; check ack: and the token" :
			   verdict == HTTP_DENIED ? "; check url:" : "";
	if (http->status && verdict != HTTP_TOO_LARGE && verdict != HTTP_REFUSED)
		http_complain(self->batch.client, "the receiver answers %d %s%s; what is to be sent waits", http->status, hec->text, hint);
}

/* --- acknowledgement ------------------------------------------------------------------------------------------ */

static uint64_t digest_of(const struct record *const *records, unsigned count)
{
	uint64_t digest = count;
	for (unsigned i = 0; i < count; i++)
		digest = (digest ^ records[i]->id ^ records[i]->time_ns << 1 ^ records[i]->bytes.size) * 0x9e3779b97f4a7c15u + i;
	return digest;
}

/* Asks until the answer is yes or the time of this send() is over. */
static enum http_verdict ack_wait(struct hec *self, struct http_answer *http)
{
	uint32_t pause_ms = ACK_FIRST_MS;
	do {
		char body[64];
		struct hec_answer hec = {.asked = self->pending.id};
		int size = snprintf(body, sizeof body, "{\"acks\":[%llu]}", (unsigned long long)self->pending.id);
		const struct http_request request = {.path = self->ack_path, .content_type = "application/json",
						     .headers = {self->channel_header}, .body = slice_of(body, (uint32_t)size)};
		http_post(self->batch.client, &request, http);
		(void)json_read(http->body, hec_take, &hec);
		enum http_verdict verdict = hec_verdict(http, &hec);
		if (verdict != HTTP_OK) {
			hec_complain(self, verdict, http, &hec);
			return verdict == HTTP_DENIED ? HTTP_DENIED : HTTP_AGAIN;
		}
		if (hec.acked)
			return HTTP_OK;
		const struct timespec pause = {pause_ms / 1000, pause_ms % 1000 * 1000000};
		nanosleep(&pause, NULL);
		pause_ms = pause_ms * 2 < ACK_MOST_MS ? pause_ms * 2 : ACK_MOST_MS;
	} while (http_time_left(self->batch.client, self->batch.began_ms));
	if (steady_ms() - self->pending.since_ms > ACK_GIVE_UP_MS) {
		http_complain(self->batch.client, "no acknowledgement in %d s; sent again", ACK_GIVE_UP_MS / 1000);
		self->pending.count = 0;
	}
	return HTTP_AGAIN;
}

/* --- sending -------------------------------------------------------------------------------------------------- */

/* What is not acknowledged yet is not sent again, but asked after. */
static bool is_pending(const struct hec *self, const struct http_chunk *chunk)
{
	return self->pending.count && self->pending.count == chunk->count &&
	       self->pending.digest == digest_of(chunk->record, chunk->count);
}

static enum http_verdict events_post(struct hec *self, struct http_chunk *chunk, struct http_answer *http)
{
	struct hec_answer hec = {.code = 0};
	const struct http_request request = {.content_type = "application/json", .headers = {self->channel_header},
					     .body = body_slice(&self->batch.body)};
	self->pending.count = 0;
	http_post(self->batch.client, &request, http);
	(void)json_read(http->body, hec_take, &hec);
	enum http_verdict verdict = hec_verdict(http, &hec);
	if (verdict != HTTP_OK)
		hec_complain(self, verdict, http, &hec);
	if (verdict == HTTP_REFUSED && hec.any_invalid && hec.invalid < chunk->count) {
		*chunk->answer[hec.invalid] = SENT_REFUSED;
		http_batch_refused(&self->batch, hec.text);
	}
	if (verdict != HTTP_OK || !self->config->ack)
		return verdict;
	if (hec.any_ack) {
		self->pending.id = hec.ack;
		self->pending.count = chunk->count;
		self->pending.digest = digest_of(chunk->record, chunk->count);
		self->pending.since_ms = steady_ms();
	} else if (!self->no_ack_said) {
		http_remark(self->batch.client, "answers without an acknowledgement: the token has none enabled; taken as it is");
		self->no_ack_said = true;
	}
	return HTTP_OK;
}

static enum http_verdict hec_post(void *handle, struct http_chunk *chunk, struct http_answer *http)
{
	struct hec *self = handle;
	enum http_verdict verdict = is_pending(self, chunk) ? HTTP_OK : events_post(self, chunk, http);
	if (verdict == HTTP_OK && self->pending.count)
		verdict = ack_wait(self, http);
	if (verdict != HTTP_OK)
		return verdict;
	self->pending.count = 0;
	http_chunk_answer(chunk, SENT_OK);
	return HTTP_OK;
}

static void hec_send(void *handle, struct sending *sending)
{
	struct hec *self = handle;
	http_batch_send(&self->batch, self, sending, self->pending.count);
}

/* --- life ----------------------------------------------------------------------------------------------------- */

static bool hec_check(const struct config_output *config)
{
	if (!http_check(config, "hec"))
		return false;
	if (config->token.file || config->token.variable)
		return true;
	log_error("%s: token_file: or token_env: is needed for hec", config->place);
	return false;
}

/* A random GUID (RFC 4122 section 4.4): acknowledgements are numbered for each channel. */
static void channel_new(struct hec *self)
{
	uint8_t r[16] = {0};
	if (getrandom(r, sizeof r, 0) != sizeof r)
		log_note("hec: no random numbers from the kernel: the channel is made of the process number");
	r[0] ^= (uint8_t)getpid();
	r[6] = (uint8_t)((r[6] & 15) | 0x40);
	r[8] = (uint8_t)((r[8] & 63) | 0x80);
	snprintf(self->channel, sizeof self->channel, "%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X",
		 r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14], r[15]);
	snprintf(self->channel_header, sizeof self->channel_header, "X-Splunk-Request-Channel: %s", self->channel);
}

static void *hec_open(const struct config_output *config)
{
	static const struct http_kind kind = {.name = "hec", .token_scheme = "Splunk", .path = "/services/collector/event", .gzip = true};
	struct hec *self = calloc(1, sizeof *self);
	if (!self)
		return NULL;
	self->config = config;
	self->batch.add = hec_add;
	self->batch.post = hec_post;
	if (config->sensor)
		snprintf(self->host, sizeof self->host, "%s", config->sensor);
	else if (gethostname(self->host, sizeof self->host - 1) != 0)
		strcpy(self->host, "thingwarden");
	snprintf(self->sourcetype, sizeof self->sourcetype, "thingwarden:%s", config->format ? config->format : "eve");
	channel_new(self);
	/* Beside the path of the events, should that not be the usual one. */
	const char *path = strchr(strstr(config->url, "//") + 2, '/'), *collector = path ? strstr(path, "/collector") : NULL;
	snprintf(self->ack_path, sizeof self->ack_path, "%.*s/collector/ack?channel=%s", collector ? (int)(collector - path) : 9,
		 collector ? path : "/services", self->channel);
	if (http_batch_open(&self->batch, config, &kind, BATCH))
		return self;
	http_batch_close(&self->batch);
	free(self);
	return NULL;
}

static bool hec_flush(void *handle)
{
	(void)handle;
	return true;
}

static bool hec_reopen(void *handle)
{
	struct hec *self = handle;
	return http_batch_reopen(&self->batch);
}

static bool hec_close(void *handle)
{
	struct hec *self = handle;
	http_batch_close(&self->batch);
	free(self);
	return true;
}

static const char *const config_keys[] = {OUTPUT_KEYS, OUTPUT_KEYS_HTTP, "index", "source", "sourcetype", "ack", NULL};

const struct output output_hec = {
	.name = "hec",
	.keys = config_keys,
	.batch = LIMIT_BATCH,
	.remote = true,
	.check = hec_check,
	.open = hec_open,
	.send = hec_send,
	.flush = hec_flush,
	.reopen = hec_reopen,
	.close = hec_close,
};
