#include "unsure.h"

static void forget(struct unsure *u, unsigned oldest)
{
	uint32_t bytes = oldest < u->count ? u->items[oldest].at : u->used;
	memmove(u->bytes, u->bytes + bytes, u->used - bytes);
	u->used -= bytes;
	u->count -= oldest;
	u->again = u->again > oldest ? u->again - oldest : 0;
	memmove(u->items, u->items + oldest, u->count * sizeof u->items[0]);
	for (unsigned i = 0; i < u->count; i++)
		u->items[i].at -= bytes;
}

void unsure_sent(struct unsure *u, struct slice message, uint64_t now_ms)
{
	if (message.size > UNSURE_BYTES / 2)
		return;
	while (u->count == UNSURE_MESSAGES || message.size > UNSURE_BYTES - u->used)
		forget(u, u->count / 4 + 1); /* several at once: each time moves what stays */
	memcpy(u->bytes + u->used, message.at, message.size);
	u->items[u->count].at = u->used;
	u->items[u->count].size = message.size;
	u->items[u->count++].ms = now_ms;
	u->used += message.size;
	u->again = u->count;
}

void unsure_lost(struct unsure *u, uint64_t now_ms)
{
	unsigned old = 0;
	while (old < u->count && u->items[old].ms + UNSURE_MS < now_ms)
		old++;
	forget(u, old);
	u->again = 0;
}

bool unsure_first(const struct unsure *u, struct slice *message)
{
	if (u->again >= u->count)
		return false;
	*message = slice_of(u->bytes + u->items[u->again].at, u->items[u->again].size);
	return true;
}

void unsure_again(struct unsure *u, uint64_t now_ms)
{
	u->items[u->again++].ms = now_ms;
}
