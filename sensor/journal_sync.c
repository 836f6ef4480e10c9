#include "journal_sync.h"
#include "log.h"
#include "threads.h"
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct journal_syncer {
	const char *folder;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int file, before; /* descriptors of its own; -1: none */
	bool stop, fresh; /* a file is new in the folder */
	atomic_bool dirty;
	bool failed;
};

static void sync_file(struct journal_syncer *s, int file)
{
	if (file < 0)
		return;
	if (fdatasync(file) != 0 && !s->failed) {
		log_error("journal %s: the disk does not take it: %s", s->folder, strerror(errno));
		s->failed = true;
	}
	close(file);
}

static void sync_folder(const struct journal_syncer *s)
{
	int folder = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return;
	fsync(folder);
	close(folder);
}

static void *run(void *context)
{
	struct journal_syncer *s = context;
	bool stop = false;
	while (!stop) {
		pthread_mutex_lock(&s->lock);
		if (!s->stop)
			thread_wait(&s->wake, &s->lock, 1000);
		stop = s->stop;
		bool dirty = atomic_exchange(&s->dirty, false), fresh = s->fresh;
		int before = s->before, file = dirty && s->file >= 0 ? dup(s->file) : -1;
		s->before = -1;
		s->fresh = false;
		pthread_mutex_unlock(&s->lock);
		sync_file(s, before);
		sync_file(s, file);
		if (fresh)
			sync_folder(s);
	}
	return NULL;
}

struct journal_syncer *journal_syncer_open(const char *folder)
{
	struct journal_syncer *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->folder = folder;
	s->file = s->before = -1;
	pthread_mutex_init(&s->lock, NULL);
	thread_condition(&s->wake);
	if (thread_start(&s->thread, run, s))
		return s;
	free(s);
	return NULL;
}

void journal_syncer_close(struct journal_syncer *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	if (s->file >= 0)
		close(s->file);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void journal_syncer_use(struct journal_syncer *s, int file)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	if (s->before >= 0)
		close(s->before);
	s->before = s->file;
	s->file = dup(file);
	s->fresh = true;
	atomic_store(&s->dirty, true);
	pthread_mutex_unlock(&s->lock);
}

void journal_syncer_dirty(struct journal_syncer *s)
{
	if (s)
		atomic_store_explicit(&s->dirty, true, memory_order_relaxed);
}
