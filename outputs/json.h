/* json.h - JSON records of bounded size, written with yajl (only user) into a buffer of its own: nothing is allocated per
 * record. Texts from the wire are made safe for people and machines: invalid UTF-8, control, bidirectional and tag
 * characters show as visible escapes (\x80, \u202e), long texts end in an ellipsis. */
#ifndef TW_JSON_H
#define TW_JSON_H

#include "../sensor/bytes.h"

struct json;

/* The one writer of the process; begins a new record and makes the last one invalid. */
struct json *json_begin(void);
struct slice json_end(struct json *json);

void json_open(struct json *json);                        /* { */
void json_close(struct json *json);                       /* } */
void json_list(struct json *json);                        /* [ */
void json_list_end(struct json *json);                    /* ] */
void json_key(struct json *json, const char *key);
void json_number(struct json *json, uint64_t number);
void json_double(struct json *json, double number);
void json_bool(struct json *json, bool value);
void json_text(struct json *json, struct slice text);
void json_cstring(struct json *json, const char *text);

/* Members that are the same in every record about the same thing are encoded once and copied from then on:
 *	if (!json_again(json, KIND, rule->serial)) {
 *		... members of the object that is open ...
 *		json_keep(json);
 *	}
 * They are not its first ones (the comma before them is kept, too), and no other part is within. `kind`, below JSON_KINDS, says which
 * members they are; `of` is a number that no other thing of this kind has while the process lives, 0: not to be kept. */
#define JSON_KINDS 16u
bool json_again(struct json *json, unsigned kind, uint64_t of);
void json_keep(struct json *json);

/* As json_text() escapes, into `out`; returns the size. */
uint32_t text_escape(struct slice text, char *out, uint32_t size);
#define NUMBER_TEXT_MAX 20
struct slice text_number(uint64_t number, char out[NUMBER_TEXT_MAX]);
/* An alert's id, "00c0ffee00c0ffee". */
#define ID_TEXT_MAX 16
struct slice text_id(uint64_t id, char out[ID_TEXT_MAX]);
/* "2026-11-24T10:00:00.123456+0000", as Suricata writes it. */
uint32_t text_time(uint64_t time_ns, char out[40]);

#endif
