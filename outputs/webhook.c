/* webhook: records to any HTTP server. One record is the body as its format wrote it; with `batch: N` the body is a JSON array of up
 * to N, each as it stands when it is JSON, else as a string.
 *
 *    Idempotency-Key: ID               the record's; of an array a hash of all its ids: the same when it is sent again
 *    X-Thingwarden-Timestamp: SECONDS  of the sender's clock, since 1970; with a secret only
 *    X-Thingwarden-Signature: v1=HEX   HMAC-SHA256 with the secret as key over the timestamp's digits, a dot and the body
 *                                      (before `gzip: true` packs it)
 *
 * The receiver computes the same, compares in constant time, and refuses timestamps that are more than some minutes old. */
#include "http_batch.h"
#include "secret.h"
#include "../sensor/digest.h"
#include "../sensor/hash.h"
#include "../sensor/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct webhook {
	struct http_batch batch;
	const struct config_output *config;
	struct secret secret;
	const char *content_type;
};

static void webhook_add(void *handle, const struct record *record)
{
	struct webhook *self = handle;
	if (self->config->batch)
		body_value(&self->batch.body, record->bytes);
	else
		body_bytes(&self->batch.body, record->bytes);
}

static void write_key(const struct webhook *self, const struct http_chunk *chunk, char out[HTTP_ID_MAX])
{
	uint64_t joined = 0;
	for (unsigned i = 0; i < chunk->count; i++) {
		http_record_id(chunk->record[i], out);
		joined = hash_join(joined, hash_slice(slice_text(out), 0));
	}
	if (self->config->batch)
		snprintf(out, HTTP_ID_MAX, "b%016llx", (unsigned long long)joined);
}

static void write_signature(const struct webhook *self, char timestamp[64], char signature[128])
{
	char digits[24], hex[DIGEST_HEX_MAX];
	uint32_t size = (uint32_t)snprintf(digits, sizeof digits, "%lld.", (long long)time(NULL));
	const struct slice parts[] = {slice_of(digits, size), body_slice(&self->batch.body)};
	digest_hmac(slice_of(self->secret.text, self->secret.size), parts, 2, hex);
	snprintf(timestamp, 64, "X-Thingwarden-Timestamp: %.*s", (int)size - 1, digits);
	snprintf(signature, 128, "X-Thingwarden-Signature: v1=%s", hex);
}

static enum http_verdict webhook_post(void *handle, struct http_chunk *chunk, struct http_answer *http)
{
	struct webhook *self = handle;
	char key[64] = "Idempotency-Key: ", timestamp[64], signature[128];
	struct http_request request = {.content_type = self->content_type, .headers = {key}, .body = body_slice(&self->batch.body)};
	write_key(self, chunk, key + strlen(key));
	if (self->secret.text) {
		write_signature(self, timestamp, signature);
		request.headers[1] = timestamp;
		request.headers[2] = signature;
	}
	http_post(self->batch.client, &request, http);
	enum http_verdict verdict = http_verdict(http);
	if (verdict == HTTP_OK)
		http_chunk_answer(chunk, SENT_OK);
	else if (verdict == HTTP_DENIED || (verdict == HTTP_AGAIN && http->status))
		http_complain(self->batch.client, "the receiver answers %d%s; what is to be sent waits", http->status,
			      http->status == 401 || http->status == 403 ? "; check the token, user and secret" :
			      verdict == HTTP_DENIED ? "; check url:" : "");
	return verdict;
}

static void webhook_send(void *handle, struct sending *sending)
{
	struct webhook *self = handle;
	http_batch_send(&self->batch, self, sending, 0);
}

/* --- life ----------------------------------------------------------------------------------------------------- */

static bool webhook_check(const struct config_output *config)
{
	return http_check(config, "webhook");
}

static bool webhook_close(void *handle)
{
	struct webhook *self = handle;
	http_batch_close(&self->batch);
	secret_close(&self->secret);
	free(self);
	return true;
}

static void *webhook_open(const struct config_output *config)
{
	struct http_kind kind = {.name = "webhook", .token_scheme = "Bearer", .gzip = config->gzip};
	struct webhook *self = calloc(1, sizeof *self);
	if (!self)
		return NULL;
	const char *format = config->format ? config->format : "eve";
	bool json = strcmp(format, "cef") != 0 && strcmp(format, "leef") != 0 && strcmp(format, "text") != 0;
	self->config = config;
	self->content_type = json || config->batch ? "application/json" : "text/plain; charset=utf-8";
	self->batch.add = webhook_add;
	self->batch.post = webhook_post;
	if (config->batch) {
		self->batch.open = "[";
		self->batch.between = ",";
		self->batch.close = "]";
	}
	if (secret_read(&self->secret, &config->secret, "webhook", "secret") && http_batch_open(&self->batch, config, &kind, 1))
		return self;
	webhook_close(self);
	return NULL;
}

static bool webhook_flush(void *handle)
{
	(void)handle;
	return true;
}

static bool webhook_reopen(void *handle)
{
	struct webhook *self = handle;
	bool good = secret_read(&self->secret, &self->config->secret, "webhook", "secret");
	return http_batch_reopen(&self->batch) && good;
}

static const char *const config_keys[] = {OUTPUT_KEYS, OUTPUT_KEYS_HTTP, OUTPUT_KEYS_USER, "token_header", "secret_file",
	"secret_env", NULL};

const struct output output_webhook = {
	.name = "webhook",
	.keys = config_keys,
	.batch = LIMIT_BATCH,
	.remote = true,
	.check = webhook_check,
	.open = webhook_open,
	.send = webhook_send,
	.flush = webhook_flush,
	.reopen = webhook_reopen,
	.close = webhook_close,
};
