/* body.h - what is sent in one request: bytes gathered in a buffer of fixed size that is taken once. Unlike json.h it may be used by
 * any thread. What does not fit fails the body, and stays failed until it is cut back. */
#ifndef TW_BODY_H
#define TW_BODY_H

#include "../sensor/bytes.h"

struct body {
	uint8_t *at;
	uint32_t size, room;
	bool full; /* something did not fit */
};

bool body_open(struct body *body, uint32_t room); /* false without memory */
void body_close(struct body *body);

void body_bytes(struct body *body, struct slice bytes);
__attribute__((format(printf, 2, 3))) void body_format(struct body *body, const char *format, ...);
/* A JSON string, with its quotes. Records are valid UTF-8 already: see json.h. */
void body_string(struct body *body, struct slice text);
/* A record as a JSON value: as it stands when it is JSON, else as a string. */
void body_value(struct body *body, struct slice record);
/* Back to where it was. */
void body_cut(struct body *body, uint32_t size);

static inline struct slice body_slice(const struct body *body)
{
	return (struct slice){body->at, body->size};
}

#endif
