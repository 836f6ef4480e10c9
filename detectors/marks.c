#include "marks.h"
#include "../sensor/hash.h"
#include "../sensor/pool.h"
#include <stdlib.h>
#include <sys/mman.h>

enum { NOTES = 1 << 18, FIRST_BUCKETS = 1 << 10, BUCKETS = 1 << 20 };

struct note {
	uint32_t number; /* tells whether it is still the one that a mark means */
	uint8_t size;
	char text[NOTE_MAX];
};

struct marks {
	struct pool pool;
	struct pool notes;   /* used as a ring */
	struct pool buckets; /* index plus 1 of the first keyed mark of a chain; 0: none */
	uint32_t bucket_mask; /* as many as there are keyed marks are in use, a power of two: few stay in the cache */
	uint32_t keyed;
	uint32_t next_note;
};

struct marks *marks_open(uint32_t count)
{
	struct marks *marks = calloc(1, sizeof *marks);
	if (marks && pool_open(&marks->pool, sizeof(struct mark), count) && pool_open(&marks->notes, sizeof(struct note), NOTES) &&
	    pool_open(&marks->buckets, sizeof(uint32_t), BUCKETS)) {
		marks->bucket_mask = FIRST_BUCKETS - 1;
		return marks;
	}
	marks_close(marks);
	return NULL;
}

void marks_close(struct marks *marks)
{
	if (!marks)
		return;
	pool_close(&marks->pool);
	pool_close(&marks->notes);
	pool_close(&marks->buckets);
	free(marks);
}

struct mark *mark_at(struct marks *marks, uint32_t index)
{
	return pool_at(&marks->pool, index);
}

static uint32_t note_put(struct marks *marks, struct slice text)
{
	if (!text.size)
		return 0;
	if (++marks->next_note == 0)
		marks->next_note = 1;
	struct note *note = pool_at(&marks->notes, marks->next_note % NOTES);
	note->number = marks->next_note;
	note->size = (uint8_t)(text.size < NOTE_MAX ? text.size : NOTE_MAX);
	memcpy(note->text, text.at, note->size);
	return marks->next_note;
}

struct slice mark_note(const struct marks *marks, const struct mark *mark)
{
	const struct note *note = pool_at(&marks->notes, mark->note % NOTES);
	if (!mark->note || note->number != mark->note)
		return (struct slice){NULL, 0};
	return slice_of(note->text, note->size);
}

/* --- lists -------------------------------------------------------------------------------------------------- */

static void link_last(struct marks *marks, struct mark_list *list, uint32_t index)
{
	struct mark *mark = mark_at(marks, index);
	mark->next = MARK_NONE;
	mark->previous = list->count ? list->tail : MARK_NONE;
	if (list->count++)
		mark_at(marks, list->tail)->next = index;
	else
		list->head = index;
	list->tail = index;
}

static void unlink_mark(struct marks *marks, struct mark_list *list, const struct mark *mark)
{
	if (mark->previous == MARK_NONE)
		list->head = mark->next;
	else
		mark_at(marks, mark->previous)->next = mark->next;
	if (mark->next == MARK_NONE)
		list->tail = mark->previous;
	else
		mark_at(marks, mark->next)->previous = mark->previous;
	list->count--;
}

static uint32_t take(struct marks *marks, struct mark_list *list, const struct event *event, struct slice note)
{
	uint32_t index = pool_take(&marks->pool);
	if (index == POOL_NONE) {
		if (!list->count)
			return MARK_NONE;
		marks_remove(marks, list, list->head);
		index = pool_take(&marks->pool);
	}
	*mark_at(marks, index) = (struct mark){
		.time_ns = event->time_ns, .note = note_put(marks, note), .frame = event->frame, .file = event->file};
	link_last(marks, list, index);
	return index;
}

struct mark *marks_append(struct marks *marks, struct mark_list *list, const struct event *event, struct slice note)
{
	uint32_t index = take(marks, list, event, note);
	return index == MARK_NONE ? NULL : mark_at(marks, index);
}

/* --- sets --------------------------------------------------------------------------------------------------- */

/* Lists lie in one table of less than 32 GB, eight bytes apart at least: this tells any two of them apart. */
static uint32_t list_tag(const struct mark_list *list)
{
	return (uint32_t)((uintptr_t)list >> 3);
}

static uint32_t *bucket_of(const struct marks *marks, uint32_t tag, uint32_t value)
{
	return pool_at(&marks->buckets, (uint32_t)hash_join(tag, value) & marks->bucket_mask);
}

/* Doubles the buckets: each old chain is shared out between itself and its image. */
static void buckets_grow(struct marks *marks)
{
	uint32_t old = marks->bucket_mask + 1;
	marks->bucket_mask = old * 2 - 1;
	for (uint32_t i = 0; i < old; i++) {
		uint32_t *low = pool_at(&marks->buckets, i), *high = pool_at(&marks->buckets, i + old), index = *low;
		for (; index; index = mark_at(marks, index - 1)->chain) {
			struct mark *mark = mark_at(marks, index - 1);
			uint32_t **tail = (uint32_t)hash_join(mark->owner, mark->value) & old ? &high : &low;
			**tail = index;
			*tail = &mark->chain;
		}
		*low = 0;
		*high = 0;
	}
}

uint32_t marks_find(struct marks *marks, const struct mark_list *list, uint32_t value)
{
	uint32_t tag = list_tag(list);
	if (list->count && mark_at(marks, list->tail)->value == value) /* most often it is what came last */
		return list->tail;
	for (uint32_t i = *bucket_of(marks, tag, value); i; i = mark_at(marks, i - 1)->chain) {
		const struct mark *mark = mark_at(marks, i - 1);
		if (mark->value == value && mark->owner == tag)
			return i - 1;
	}
	return MARK_NONE;
}

struct mark *marks_add(struct marks *marks, struct mark_list *list, const struct event *event, struct slice note, uint32_t value)
{
	uint32_t index = take(marks, list, event, note);
	if (index == MARK_NONE)
		return NULL;
	struct mark *mark = mark_at(marks, index);
	mark->value = value;
	mark->owner = list_tag(list);
	mark->keyed = true;
	if (marks->keyed++ > marks->bucket_mask && marks->bucket_mask + 1 < BUCKETS)
		buckets_grow(marks);
	uint32_t *bucket = bucket_of(marks, mark->owner, value);
	mark->chain = *bucket;
	*bucket = index + 1;
	return mark;
}

void marks_renew(struct marks *marks, struct mark_list *list, uint32_t index, uint64_t time_ns)
{
	struct mark *mark = mark_at(marks, index);
	mark->time_ns = time_ns;
	if (index == list->tail)
		return;
	unlink_mark(marks, list, mark);
	link_last(marks, list, index);
}

static void unchain(struct marks *marks, const struct mark *mark, uint32_t index)
{
	uint32_t *link = bucket_of(marks, mark->owner, mark->value);
	while (*link != index + 1)
		link = &mark_at(marks, *link - 1)->chain;
	*link = mark->chain;
	marks->keyed--;
}

void marks_remove(struct marks *marks, struct mark_list *list, uint32_t index)
{
	const struct mark *mark = mark_at(marks, index);
	if (mark->keyed)
		unchain(marks, mark, index);
	unlink_mark(marks, list, mark);
	pool_give(&marks->pool, index);
}

void marks_before(struct marks *marks, struct mark_list *list, uint64_t time_ns)
{
	while (list->count && mark_at(marks, list->head)->time_ns < time_ns)
		marks_remove(marks, list, list->head);
}

void marks_clear(struct marks *marks, struct mark_list *list)
{
	while (list->count)
		marks_remove(marks, list, list->head);
}

/* Of a violation what was broken, and where: "wildcard_in_topic: plant/+/1". */
static struct slice violation_note(const struct event *event, char out[NOTE_MAX])
{
	struct slice parts[] = {event->reason, slice_text(": "), event->resource.count ? event->resource.items[0] : slice_text("")};
	uint32_t size = 0;
	for (unsigned i = 0; i < (event->resource.count ? 3u : 1u); i++) {
		struct slice part = slice_head(parts[i], NOTE_MAX - size);
		memcpy(out + size, part.at, part.size);
		size += part.size;
	}
	return slice_of(out, size);
}

struct slice event_note(const struct event *event, char out[NOTE_MAX])
{
	if (event->action == ACTION_VIOLATION && event->reason.size)
		return violation_note(event, out);
	if (event->resource.count)
		return slice_head(event->resource.items[0], NOTE_MAX);
	if (event->session->user.known && event->session->user.size)
		return slice_head(name_slice(&event->session->user), NOTE_MAX);
	if (event->session->client_id.known && event->session->client_id.size)
		return slice_head(name_slice(&event->session->client_id), NOTE_MAX);
	if (!address_known(&event->ends->server)) /* a log does not say at which of its own addresses a broker was reached */
		return slice_of(out, 0);
	char address[ADDRESS_TEXT_MAX];
	unsigned size = address_format(&event->ends->server, address);
	size = size < NOTE_MAX - 6 ? size : NOTE_MAX - 6;
	memcpy(out, address, size);
	out[size++] = ':';
	char port[6];
	unsigned n = 0, number = event->ends->server_port;
	do
		port[n++] = (char)('0' + number % 10);
	while (number /= 10);
	while (n)
		out[size++] = port[--n];
	return slice_of(out, size);
}
