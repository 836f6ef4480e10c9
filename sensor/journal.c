#include "journal.h"
#include "journal_reader.h"
#include "journal_segment.h"
#include "journal_sync.h"
#include "log.h"
#include "steady.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { AGAIN_S = 5 };

struct journal {
	const struct config_journal *config;
	void (*dropping)(void *context, uint64_t behind);
	void *context;
	struct journal_syncer *syncer; /* NULL: nobody asks for it */
	int lock, file;       /* -1: not open; file: of the last segment */
	uint64_t next, last;  /* sequences: next to be given, of the last entry */
	uint64_t end;         /* of the last segment's file: offset behind the last entry */
	bool failing;         /* said */
	uint64_t again_s;     /* while it fails: not before */
	uint64_t unwritten_before;
	struct journal_counts counts;
	struct segment { uint64_t first, bytes, newest_s, began_s; } segments[LIMIT_JOURNAL_SEGMENTS];
	uint8_t buffer[JOURNAL_ENTRY_MAX];
};

static uint64_t wall_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * TW_SECOND + (uint64_t)now.tv_nsec;
}

/* --- trouble ---------------------------------------------------------------------------------------------------- */

static bool fail(struct journal *j, int error)
{
	j->again_s = steady_ms() / 1000 + AGAIN_S;
	if (!j->failing) {
		log_error("journal %s: %s; records wait in memory only", j->config->path, strerror(error));
		j->unwritten_before = j->counts.unwritten;
	}
	j->failing = true;
	return false;
}

static void recovered(struct journal *j)
{
	if (j->failing)
		log_note("journal %s: is back; %llu records were not written to it", j->config->path,
			 (unsigned long long)(j->counts.unwritten - j->unwritten_before));
	j->failing = false;
}

/* --- segments --------------------------------------------------------------------------------------------------- */

static struct segment *last_segment(struct journal *j)
{
	return j->counts.segments ? &j->segments[j->counts.segments - 1] : NULL;
}

static bool drop_oldest(struct journal *j)
{
	char path[JOURNAL_PATH_MAX];
	journal_segment_path(j->config->path, j->segments[0].first, path);
	j->dropping(j->context, j->segments[1].first);
	if (unlink(path) != 0 && errno != ENOENT)
		return fail(j, errno);
	j->counts.bytes -= j->segments[0].bytes;
	j->counts.dropped++;
	j->counts.segments--;
	memmove(j->segments, j->segments + 1, j->counts.segments * sizeof *j->segments);
	return true;
}

/* Room for so many bytes more, within the limits. The last segment stays. */
static bool keep_limits(struct journal *j, uint64_t bytes)
{
	uint64_t now_s = wall_ns() / TW_SECOND;
	while (j->counts.segments > 1 &&
	       (j->counts.bytes + bytes > j->config->max_bytes || j->counts.segments == LIMIT_JOURNAL_SEGMENTS ||
		j->segments[0].newest_s + j->config->max_age_s < now_s))
		if (!drop_oldest(j))
			return false;
	return true;
}

static bool begin_segment(struct journal *j)
{
	char path[JOURNAL_PATH_MAX];
	uint8_t head[JOURNAL_SEGMENT_HEAD];
	uint64_t first = j->last + 1, now_s = wall_ns() / TW_SECOND;
	if (!keep_limits(j, sizeof head))
		return false;
	journal_segment_path(j->config->path, first, path);
	journal_segment_head(first, head);
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (file < 0)
		return fail(j, errno);
	ssize_t n = pwrite(file, head, sizeof head, 0);
	if (n != sizeof head) {
		int error = n < 0 ? errno : ENOSPC;
		close(file);
		unlink(path);
		return fail(j, error);
	}
	if (j->file >= 0)
		close(j->file);
	j->file = file;
	j->end = sizeof head;
	j->segments[j->counts.segments++] = (struct segment){first, sizeof head, now_s, now_s};
	j->counts.bytes += sizeof head;
	journal_syncer_use(j->syncer, file);
	return true;
}

/* --- life ------------------------------------------------------------------------------------------------------- */

static bool list_segments(struct journal *j)
{
	static uint64_t firsts[LIMIT_JOURNAL_SEGMENTS];
	char path[JOURNAL_PATH_MAX];
	struct stat of;
	unsigned count = journal_segments(j->config->path, firsts);
	for (unsigned i = 0; i < count; i++) {
		journal_segment_path(j->config->path, firsts[i], path);
		if (stat(path, &of) != 0)
			return false;
		if (of.st_size < (off_t)JOURNAL_SEGMENT_HEAD && i + 1 == count) { /* it was just beginning */
			unlink(path);
			continue;
		}
		j->segments[j->counts.segments++] = (struct segment){firsts[i], (uint64_t)of.st_size, (uint64_t)of.st_mtime,
								     (uint64_t)of.st_mtime};
		j->counts.bytes += (uint64_t)of.st_size;
	}
	return true;
}

/* Opens the last segment behind its last whole entry, and cuts off what is half written. */
static bool open_last(struct journal *j)
{
	char path[JOURNAL_PATH_MAX];
	uint8_t head[JOURNAL_SEGMENT_HEAD];
	struct journal_entry entry;
	struct segment *last = last_segment(j);
	if (!last)
		return true;
	struct journal_reader *reader = journal_reader_open(j->config->path, last->first - 1);
	if (!reader)
		return false;
	j->last = last->first - 1;
	j->end = JOURNAL_SEGMENT_HEAD;
	while (journal_reader_next(reader, UINT64_MAX, &entry)) {
		j->last = entry.sequence;
		j->end = journal_reader_offset(reader);
	}
	uint64_t damaged = journal_reader_damaged(reader);
	journal_reader_close(reader);
	if (damaged)
		log_note("journal %s: %llu bytes are damaged and are skipped", j->config->path, (unsigned long long)damaged);
	journal_segment_path(j->config->path, last->first, path);
	int file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	journal_segment_head(last->first, head);
	if (pwrite(file, head, sizeof head, 0) != sizeof head) {
		close(file);
		return false;
	}
	if (last->bytes > j->end) {
		log_note("journal %s: the last %llu bytes were half written and are cut off", j->config->path,
			 (unsigned long long)(last->bytes - j->end));
		if (ftruncate(file, (off_t)j->end) != 0) {
			close(file);
			return false;
		}
		j->counts.bytes -= last->bytes - j->end;
		last->bytes = j->end;
	}
	j->file = file;
	journal_syncer_use(j->syncer, file);
	return true;
}

static bool take_lock(struct journal *j)
{
	char path[JOURNAL_PATH_MAX];
	if (mkdir(j->config->path, 0750) != 0 && errno != EEXIST)
		return false;
	snprintf(path, sizeof path, "%s/lock", j->config->path);
	j->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	return j->lock >= 0 && flock(j->lock, LOCK_EX | LOCK_NB) == 0;
}

static bool begin(struct journal *j)
{
	j->counts.segments = 0;
	j->counts.bytes = 0;
	j->last = 0;
	if (take_lock(j) && list_segments(j) && open_last(j)) {
		journal_used(j, j->last);
		if (j->file >= 0 || begin_segment(j))
			return true;
	} else {
		fail(j, errno);
	}
	int error = errno;
	if (j->lock >= 0)
		close(j->lock);
	j->lock = -1;
	errno = error;
	return false;
}

struct journal *journal_open(const struct config_journal *config, void (*dropping)(void *context, uint64_t behind), void *context)
{
	struct journal *j = calloc(1, sizeof *j);
	if (!j)
		return NULL;
	j->config = config;
	j->dropping = dropping;
	j->context = context;
	j->lock = j->file = -1;
	j->next = 1;
	if (config->sync == JOURNAL_SYNC_INTERVAL)
		j->syncer = journal_syncer_open(config->path);
	if (take_lock(j) || errno != EWOULDBLOCK) {
		if (j->lock >= 0)
			close(j->lock);
		j->lock = -1;
		begin(j);
		return j;
	}
	log_error("journal %s: another thingwarden is using it", config->path);
	journal_close(j);
	return NULL;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	journal_syncer_close(j->syncer);
	if (j->file >= 0)
		close(j->file);
	if (j->lock >= 0)
		close(j->lock);
	free(j);
}

bool journal_ready(struct journal *j)
{
	return j->file >= 0 || (steady_ms() / 1000 >= j->again_s && begin(j));
}

const char *journal_path(const struct journal *j)
{
	return j->config->path;
}

uint64_t journal_sequence(struct journal *j)
{
	return j->next++;
}

void journal_used(struct journal *j, uint64_t sequence)
{
	if (j->next <= sequence)
		j->next = sequence + 1;
}

uint64_t journal_last(const struct journal *j)
{
	return j->last;
}

struct journal_counts journal_counts(const struct journal *j)
{
	return j->counts;
}

/* --- appending -------------------------------------------------------------------------------------------------- */

/* A segment ends when it is full, or when it would keep what is too old. */
static bool is_full(struct journal *j, uint32_t size, uint64_t now_s)
{
	const struct segment *last = last_segment(j);
	return j->end > JOURNAL_SEGMENT_HEAD &&
	       (j->end + size > j->config->segment_bytes || now_s > last->began_s + j->config->max_age_s / 4 + 1);
}

static bool write_entry(struct journal *j, struct journal_entry *entry)
{
	uint32_t size = journal_entry_write(entry, j->buffer);
	uint64_t now_s = entry->written_ns / TW_SECOND;
	if (is_full(j, size, now_s) && !begin_segment(j))
		return false;
	if (!keep_limits(j, size))
		return false;
	ssize_t n = pwrite(j->file, j->buffer, size, (off_t)j->end);
	if (n != (ssize_t)size) {
		int error = n < 0 ? errno : ENOSPC;
		if (n > 0 && ftruncate(j->file, (off_t)j->end) != 0)
			error = errno;
		return fail(j, error);
	}
	if (j->config->sync == JOURNAL_SYNC_ALWAYS && fdatasync(j->file) != 0)
		return fail(j, errno);
	j->end += size;
	j->last = entry->sequence;
	j->counts.bytes += size;
	last_segment(j)->bytes += size;
	last_segment(j)->newest_s = now_s;
	journal_syncer_dirty(j->syncer);
	return true;
}

bool journal_append(struct journal *j, struct journal_entry *entry)
{
	entry->written_ns = wall_ns();
	bool resting = j->failing && steady_ms() / 1000 < j->again_s;
	bool fits = entry->record.bytes.size <= LIMIT_RECORD;
	if (!fits || resting || j->file < 0 || entry->sequence <= j->last || !write_entry(j, entry)) {
		j->counts.unwritten++;
		return false;
	}
	recovered(j);
	j->counts.entries++;
	return true;
}

void journal_tick(struct journal *j)
{
	if (j->file >= 0 && !j->failing)
		keep_limits(j, 0);
}
