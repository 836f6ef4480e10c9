#include "marks.h"
#include "../sensor/pool.h"
#include <stdlib.h>
#include <sys/mman.h>

enum { NOTES = 1 << 18 };

struct note {
	uint32_t number; /* tells whether it is still the one that a mark means */
	uint8_t size;
	char text[NOTE_MAX];
};

struct marks {
	struct pool pool;
	struct pool notes; /* used as a ring */
	uint32_t next_note;
};

struct marks *marks_open(uint32_t count)
{
	struct marks *marks = calloc(1, sizeof *marks);
	if (marks && pool_open(&marks->pool, sizeof(struct mark), count) && pool_open(&marks->notes, sizeof(struct note), NOTES))
		return marks;
	marks_close(marks);
	return NULL;
}

void marks_close(struct marks *marks)
{
	if (!marks)
		return;
	pool_close(&marks->pool);
	pool_close(&marks->notes);
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

struct mark *marks_append(struct marks *marks, struct mark_list *list, const struct event *event, struct slice note)
{
	uint32_t index = pool_take(&marks->pool);
	if (index == POOL_NONE) {
		if (!list->count)
			return NULL;
		marks_remove(marks, list, MARK_NONE);
		index = pool_take(&marks->pool);
	}
	struct mark *mark = mark_at(marks, index);
	*mark = (struct mark){.time_ns = event->time_ns, .next = MARK_NONE, .note = note_put(marks, note),
			      .frame = event->frame, .file = event->file};
	if (list->count++)
		mark_at(marks, list->tail)->next = index;
	else
		list->head = index;
	list->tail = index;
	return mark;
}

void marks_remove(struct marks *marks, struct mark_list *list, uint32_t previous)
{
	uint32_t *link = previous == MARK_NONE ? &list->head : &mark_at(marks, previous)->next;
	uint32_t index = *link;
	*link = mark_at(marks, index)->next;
	if (list->tail == index)
		list->tail = previous;
	list->count--;
	pool_give(&marks->pool, index);
}

void marks_before(struct marks *marks, struct mark_list *list, uint64_t time_ns)
{
	while (list->count && mark_at(marks, list->head)->time_ns < time_ns)
		marks_remove(marks, list, MARK_NONE);
}

void marks_clear(struct marks *marks, struct mark_list *list)
{
	while (list->count)
		marks_remove(marks, list, MARK_NONE);
}

struct slice event_note(const struct event *event, char out[NOTE_MAX])
{
	if (event->resource.count)
		return slice_head(event->resource.items[0], NOTE_MAX);
	if (event->session->user.known && event->session->user.size)
		return slice_head(name_slice(&event->session->user), NOTE_MAX);
	if (event->session->client_id.known && event->session->client_id.size)
		return slice_head(name_slice(&event->session->client_id), NOTE_MAX);
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
