/* http_batch.h - records into requests, and answers out of them: what the outputs that speak HTTP share. Requests hold as many
 * records as were offered, up to `most` and to the room of a body; one that is too large for the receiver is halved, one that holds
 * a record that the receiver will never take is divided until that is found. */
#ifndef TW_HTTP_BATCH_H
#define TW_HTTP_BATCH_H

#include "http_client.h"
#include "output.h"

struct http_chunk {
	unsigned count;
	const struct record *record[LIMIT_BATCH];
	enum sent *answer[LIMIT_BATCH]; /* all RETRY */
};

struct http_batch {
	struct http_client *client;
	struct body body;
	unsigned most, limit; /* configured; what the receiver takes */
	const char *open, *between, *close; /* "[" "," "]"; NULL: nothing */
	void (*add)(void *self, const struct record *record); /* to the body */
	/* Sends the body. HTTP_OK: the answers are given, those that are RETRY wait. HTTP_REFUSED: something in it will never be taken;
	 * when an answer says which, the others are sent again at once. */
	enum http_verdict (*post)(void *self, struct http_chunk *chunk, struct http_answer *answer);
	bool refused_said;
	uint64_t began_ms;    /* the send() at hand */
	struct http_chunk chunk;
};

/* `most` 0: the default. False after having reported why; close then, too. */
bool http_batch_open(struct http_batch *batch, const struct config_output *config, const struct http_kind *kind, unsigned most);
void http_batch_close(struct http_batch *batch);
bool http_batch_reopen(struct http_batch *batch);

/* `limit` 0: none but the batch's own. */
void http_batch_send(struct http_batch *batch, void *self, struct sending *sending, unsigned limit);

void http_chunk_answer(struct http_chunk *chunk, enum sent answer);
/* The receiver will never take a record, and why: said once. */
void http_batch_refused(struct http_batch *batch, const char *why);
/* An alert's id and update; of an event a hash of its bytes: the same whenever it is sent. */
#define HTTP_ID_MAX 32
void http_record_id(const struct record *record, char out[HTTP_ID_MAX]);

#endif
