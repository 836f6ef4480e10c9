#include "http_batch.h"
#include "../sensor/hash.h"
#include "../sensor/steady.h"
#include <stdio.h>

enum { BODY_ROOM = 1 << 20, DENIED_MS = 60000 };

bool http_batch_open(struct http_batch *batch, const struct config_output *config, const struct http_kind *kind, unsigned most)
{
	batch->most = batch->limit = config->batch ? config->batch : most;
	batch->client = body_open(&batch->body, BODY_ROOM) ? http_open(config, kind, BODY_ROOM) : NULL;
	return batch->client != NULL;
}

void http_batch_close(struct http_batch *batch)
{
	http_close(batch->client);
	body_close(&batch->body);
}

bool http_batch_reopen(struct http_batch *batch)
{
	batch->limit = batch->most;
	batch->refused_said = false;
	return http_reopen(batch->client);
}

void http_chunk_answer(struct http_chunk *chunk, enum sent answer)
{
	for (unsigned i = 0; i < chunk->count; i++)
		*chunk->answer[i] = answer;
}

void http_batch_refused(struct http_batch *batch, const char *why)
{
	if (!batch->refused_said)
		http_remark(batch->client, "a record is refused for good: %s (said once)", why);
	batch->refused_said = true;
}

void http_record_id(const struct record *record, char out[HTTP_ID_MAX])
{
	if (record->is_alert)
		snprintf(out, HTTP_ID_MAX, "%016llx-%u", (unsigned long long)record->id, record->update);
	else
		snprintf(out, HTTP_ID_MAX, "e%016llx", (unsigned long long)hash_slice(record->bytes, record->time_ns));
}

static void put(struct body *body, const char *text)
{
	if (text)
		body_bytes(body, slice_text(text));
}

/* The next records that have no answer yet, as the body. One that fits no body on its own is refused. */
static void collect(struct http_batch *batch, void *self, struct sending *sending, unsigned limit)
{
	struct http_chunk *chunk = &batch->chunk;
	struct body *body = &batch->body;
	uint32_t tail = batch->close ? (uint32_t)strlen(batch->close) : 0;
	chunk->count = 0;
	body_cut(body, 0);
	put(body, batch->open);
	for (unsigned i = 0; i < sending->count && chunk->count < limit; i++) {
		uint32_t before = body->size;
		if (sending->answers[i] != SENT_RETRY)
			continue;
		if (chunk->count)
			put(body, batch->between);
		batch->add(self, &sending->records[i]);
		if (body->full || body->room - body->size < tail) {
			body_cut(body, before);
			if (chunk->count)
				break;
			http_batch_refused(batch, "it is too long");
			sending->answers[i] = SENT_REFUSED;
			continue;
		}
		chunk->record[chunk->count] = &sending->records[i];
		chunk->answer[chunk->count++] = &sending->answers[i];
	}
	put(body, batch->close);
}

static bool waits(const struct http_chunk *chunk)
{
	for (unsigned i = 0; i < chunk->count; i++)
		if (*chunk->answer[i] == SENT_RETRY)
			return true;
	return false;
}

static bool none_answered(const struct http_chunk *chunk)
{
	for (unsigned i = 0; i < chunk->count; i++)
		if (*chunk->answer[i] != SENT_RETRY)
			return false;
	return true;
}

/* What the receiver did not take as it was: smaller. Returns the limit of the next request. */
static unsigned divide(struct http_batch *batch, bool too_large, int status)
{
	struct http_chunk *chunk = &batch->chunk;
	if (chunk->count > 1)
		return chunk->count / 2;
	char why[64];
	snprintf(why, sizeof why, too_large ? "too large for the receiver (%d)" : "the receiver answers %d", status);
	http_batch_refused(batch, why);
	http_chunk_answer(chunk, SENT_REFUSED);
	return 1;
}

void http_batch_send(struct http_batch *batch, void *self, struct sending *sending, unsigned limit)
{
	struct http_answer answer = {.status = 0};
	limit = limit && limit < batch->limit ? limit : batch->limit;
	batch->began_ms = steady_ms();
	do {
		collect(batch, self, sending, limit);
		if (!batch->chunk.count)
			return;
		enum http_verdict verdict = batch->post(self, &batch->chunk, &answer);
		if (verdict == HTTP_OK) {
			http_fine(batch->client);
			if (!waits(&batch->chunk))
				continue;
		} else if (verdict == HTTP_TOO_LARGE) {
			batch->limit = limit = divide(batch, true, answer.status);
			continue;
		} else if (verdict == HTTP_REFUSED) {
			if (none_answered(&batch->chunk))
				limit = divide(batch, false, answer.status);
			continue;
		}
		sending->retry_after_ms = answer.retry_after_ms;
		if (verdict == HTTP_DENIED && answer.retry_after_ms < DENIED_MS)
			sending->retry_after_ms = DENIED_MS;
		return;
	} while (http_time_left(batch->client, batch->began_ms));
}
