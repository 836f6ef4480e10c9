/* put.h - what the JSON formats share. Each function writes one member of the object that is open; texts and C strings that are
 * absent (NULL, a slice at NULL, an empty C string) write nothing. Borrows for the call only. */
#ifndef TW_PUT_H
#define TW_PUT_H

#include "json.h"
#include "output.h"

/* What json_again() keeps: a place in one of the formats each, of a rule's serial unless something else is said. */
enum put_part { PART_EVENT /* of put_event_number() */, PART_FINDING, PART_FINDING_END, PART_EVE_ALERT, PART_CIM_ALERT, PART_ECS_VERSION /* of 1 */,
	PART_ECS_EVENT /* of put_event_number() */, PART_ECS_RULE, PART_ECS_OBSERVER /* of 1 */, PART_OCSF_CLASS /* of its level and whether it is an update */,
	PART_OCSF_PRODUCT /* of 1 */, PART_OCSF_INFO, PART_OCSF_ANALYTIC, PARTS };
_Static_assert(PARTS <= JSON_KINDS, "each kind has a number");

void put_cstring(struct json *json, const char *key, const char *text);
void put_text(struct json *json, const char *key, struct slice text);
void put_number(struct json *json, const char *key, uint64_t number);
void put_id(struct json *json, const char *key, uint64_t id); /* text_id() */
void put_time(struct json *json, const char *key, uint64_t time_ns); /* text_time() */
void put_address(struct json *json, const char *key, const struct address *address);
void put_texts(struct json *json, const char *key, struct slices texts);
void put_one(struct json *json, const char *key, const char *text);  /* a list of this one text */
void put_techniques(struct json *json, const char *key, const struct rule *rule); /* ["T1110.001"], maybe empty */

/* Titles of what did not happen, as `awaited`; nothing but for type absence. */
void put_awaited(struct json *json, const struct rule *rule);

/* Lines of some broker logs name no address. */
bool put_known(const struct address *address);

/* The fields of the event's protocol as nested objects: those that EVE knows under these very names, the others, or all of them.
 * EVE has its own shape for the filters of a SUBSCRIBE. False: there are none. */
enum put_which { PUT_EVE = 1, PUT_OWN = 2, PUT_ALL = 3 };
bool put_fields(struct json *json, const struct event *event, enum put_which which);

/* "02:42:0a:14:00:02"; `out` holds MAC_TEXT_MAX bytes. */
#define MAC_TEXT_MAX 18
void mac_text(const uint8_t mac[6], char out[MAC_TEXT_MAX]);

/* The member `geo` of `thingwarden`: what is known of the ends beyond the traffic; nothing when nothing is. */
void put_context(struct json *json, const struct context *about);

/* A number for what happened, for json_again(): the same protocol, action and outcome. */
uint64_t put_event_number(const struct event *event);

/* Members of `thingwarden`: what happened; what was found, which begins with what happened. */
void put_event(struct json *json, const struct event *event);
void put_finding(struct json *json, const struct record_context *context, const struct alert *alert);
/* The member `thingwarden` of a record whose format has no place of its own for these: all fields of the protocol, too; of an event
 * also its file, frame or line, and flow. */
void put_whole_finding(struct json *json, const struct record_context *context, const struct alert *alert);
void put_whole_event(struct json *json, const struct record_context *context, const struct event *event);

#endif
