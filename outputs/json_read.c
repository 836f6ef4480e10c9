#include "json_read.h"
#include <yajl/yajl_parse.h>

enum { DEEPEST = 16, PATH_MAX_BYTES = 512 };

struct reading {
	void (*take)(void *context, const char *path, uint64_t index, struct slice value);
	void *context;
	uint64_t index;     /* of the outermost list */
	unsigned lists;     /* that are open */
	unsigned depth;
	struct {
		uint32_t size;  /* of the path up to this map or list */
		bool list;
	} level[DEEPEST];
	uint32_t size;
	char path[PATH_MAX_BYTES];
};

/* yajl goes on when an answer is not 0. */
static int value_read(struct reading *reading, const void *at, size_t size)
{
	reading->take(reading->context, reading->path, reading->index, slice_of(at, (uint32_t)size));
	if (reading->lists == 1 && reading->level[reading->depth - 1].list)
		reading->index++;
	return 1;
}

static int on_null(void *context)
{
	return value_read(context, "null", 4);
}

static int on_bool(void *context, int value)
{
	return value ? value_read(context, "true", 4) : value_read(context, "false", 5);
}

static int on_number(void *context, const char *at, size_t size)
{
	return value_read(context, at, size);
}

static int on_string(void *context, const unsigned char *at, size_t size)
{
	return value_read(context, at, size);
}

static int enter(struct reading *reading, bool list)
{
	if (reading->depth == DEEPEST || reading->size + 3 > PATH_MAX_BYTES)
		return 0;
	reading->level[reading->depth].size = reading->size;
	reading->level[reading->depth++].list = list;
	if (!list)
		return 1;
	memcpy(reading->path + reading->size, "[]", 3);
	reading->size += 2;
	if (reading->lists++ == 0)
		reading->index = 0;
	return 1;
}

static int leave(void *context)
{
	struct reading *reading = context;
	reading->depth--;
	reading->size = reading->level[reading->depth].size;
	reading->path[reading->size] = 0;
	if (reading->level[reading->depth].list)
		reading->lists--;
	if (reading->lists == 1 && reading->depth && reading->level[reading->depth - 1].list)
		reading->index++;
	return 1;
}

static int on_map(void *context)
{
	return enter(context, false);
}

static int on_list(void *context)
{
	return enter(context, true);
}

/* The path of a value in a map: that of the map, and the key. */
static int on_key(void *context, const unsigned char *at, size_t size)
{
	struct reading *reading = context;
	uint32_t begin = reading->level[reading->depth - 1].size;
	if (size + 2 > PATH_MAX_BYTES - begin)
		return 0;
	if (begin)
		reading->path[begin++] = '.';
	memcpy(reading->path + begin, at, size);
	reading->size = begin + (uint32_t)size;
	reading->path[reading->size] = 0;
	return 1;
}

bool json_read(struct slice text, void (*take)(void *context, const char *path, uint64_t index, struct slice value), void *context)
{
	static const yajl_callbacks callbacks = {
		.yajl_null = on_null, .yajl_boolean = on_bool, .yajl_number = on_number, .yajl_string = on_string,
		.yajl_start_map = on_map, .yajl_map_key = on_key, .yajl_end_map = leave, .yajl_start_array = on_list,
		.yajl_end_array = leave};
	struct reading reading = {.take = take, .context = context};
	yajl_handle handle = yajl_alloc(&callbacks, NULL, &reading);
	bool good = handle && text.size && yajl_parse(handle, text.at, text.size) == yajl_status_ok &&
		    yajl_complete_parse(handle) == yajl_status_ok;
	if (handle)
		yajl_free(handle);
	return good;
}
