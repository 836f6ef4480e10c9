#include "held.h"
#include <stdlib.h>

/* Room for the largest event is kept free behind the last one, so that a copy is made where it stays. */
enum { EVENT_MAX = 524288 };

struct held_queue {
	uint8_t *bytes;
	size_t size, head, tail, end; /* oldest, first free byte, where the part behind `head` ends when the ring is wrapped */
	uint32_t count;
	bool wrapped;
};

struct held_queue *held_open(size_t bytes)
{
	struct held_queue *q = calloc(1, sizeof *q);
	if (!q)
		return NULL;
	q->size = bytes > 2 * EVENT_MAX ? bytes : 2 * EVENT_MAX;
	q->bytes = malloc(q->size); /* not touched before it is needed */
	if (q->bytes)
		return q;
	free(q);
	return NULL;
}

void held_close(struct held_queue *q)
{
	if (!q)
		return;
	free(q->bytes);
	free(q);
}

/* --- copying ------------------------------------------------------------------------------------------------- */

struct room {
	uint8_t *at, *end;
	bool full;
};

static void *room_take(struct room *room, size_t size)
{
	void *taken = room->at;
	size = (size + 7) & ~(size_t)7;
	if (room->full || (size_t)(room->end - room->at) < size) {
		room->full = true;
		return NULL;
	}
	room->at += size;
	return taken;
}

static struct slice keep(struct room *room, struct slice s)
{
	uint8_t *copy = s.at ? room_take(room, s.size ? s.size : 1) : NULL;
	if (copy && s.size)
		memcpy(copy, s.at, s.size);
	return slice_of(copy, copy ? s.size : 0);
}

static struct slices keep_all(struct room *room, struct slices all)
{
	struct slice *copy = all.count ? room_take(room, all.count * sizeof *copy) : NULL;
	for (uint32_t i = 0; copy && i < all.count; i++)
		copy[i] = keep(room, all.items[i]);
	return (struct slices){copy, copy ? all.count : 0};
}

static size_t size_of(enum field_type type)
{
	static const uint8_t sizes[] = {[FIELD_U8] = 1, [FIELD_U16] = 2, [FIELD_U32] = 4, [FIELD_U64] = 8, [FIELD_BOOL] = sizeof(bool),
		[FIELD_TEXT] = sizeof(struct slice), [FIELD_TEXTS] = sizeof(struct slices), [FIELD_CODES] = sizeof(struct slice),
		[FIELD_NAME] = sizeof(struct name), [FIELD_ENUM] = 1, [FIELD_ADDRESS] = sizeof(struct address), [FIELD_TIME] = 8,
		[FIELD_CSTRING] = sizeof(char *), [FIELD_SECRET] = 8};
	return sizes[type];
}

static bool is_there(const struct field *field, const struct event *event)
{
	return field->base == BASE_DETAIL && field->protocol == event->protocol &&
	       (!field->message || field->message == event->message) && (field->bit == FIELD_ALWAYS || event_has(event, field->bit));
}

static void keep_field(struct room *room, const struct field *field, const uint8_t *from, uint8_t *to)
{
	struct slice text;
	struct slices texts;
	const char *string;
	switch (field->type) {
	case FIELD_TEXT:
	case FIELD_CODES:
		memcpy(&text, from, sizeof text);
		text = keep(room, text);
		memcpy(to, &text, sizeof text);
		break;
	case FIELD_TEXTS:
		memcpy(&texts, from, sizeof texts);
		texts = keep_all(room, texts);
		memcpy(to, &texts, sizeof texts);
		break;
	case FIELD_CSTRING:
		memcpy(&string, from, sizeof string);
		if (string) /* with its NUL */
			string = (const char *)keep(room, slice_of(string, (uint32_t)strlen(string) + 1)).at;
		memcpy(to, &string, sizeof string);
		break;
	default:
		memcpy(to, from, size_of(field->type));
		break;
	}
}

/* Only the fields know what of the detail is set, and only what is set may be read. What they do not reach nobody can ask for. */
static const void *keep_detail(struct room *room, const struct event *event)
{
	size_t extent = 0;
	for (const struct field *f = event->fields; f && f->name; f++)
		if (is_there(f, event) && f->offset + size_of(f->type) > extent)
			extent = f->offset + size_of(f->type);
	uint8_t *copy = event->detail ? room_take(room, extent ? extent : 1) : NULL;
	for (const struct field *f = event->fields; copy && f && f->name; f++)
		if (is_there(f, event))
			keep_field(room, f, (const uint8_t *)event->detail + f->offset, copy + f->offset);
	return copy;
}

/* --- the ring ------------------------------------------------------------------------------------------------ */

static bool make_room(struct held_queue *q)
{
	if (!q->count) {
		q->head = q->tail = 0;
		q->wrapped = false;
	}
	if (!q->wrapped && q->size - q->tail < EVENT_MAX) {
		q->end = q->tail;
		q->tail = 0;
		q->wrapped = true;
	}
	return !q->wrapped || q->head - q->tail >= EVENT_MAX;
}

struct held *held_put(struct held_queue *q, const struct event *event)
{
	if (!make_room(q))
		return NULL;
	uint8_t *begin = q->bytes + q->tail;
	struct room room = {begin, begin + EVENT_MAX, false};
	struct held *held = room_take(&room, sizeof *held);
	*held = (struct held){.event = *event, .ends = *event->ends, .session = *event->session};
	struct event *copy = &held->event;
	copy->ends = &held->ends;
	copy->session = &held->session;
	if (event->log) {
		held->log = *event->log;
		copy->log = &held->log;
	}
	copy->resource = keep_all(&room, event->resource);
	copy->detail = keep_detail(&room, event);
	if (room.full)
		return NULL;
	held->size = (uint32_t)(room.at - begin);
	q->tail += held->size;
	q->count++;
	return held;
}

void held_drop(struct held_queue *q)
{
	const struct held *first = (const struct held *)(const void *)(q->bytes + q->head);
	q->head += first->size;
	q->count--;
	if (q->wrapped && q->head == q->end) {
		q->head = 0;
		q->wrapped = false;
	}
}
