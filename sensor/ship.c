#include "ship.h"
#include "backlog.h"
#include "log.h"
#include "steady.h"
#include "threads.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

enum { BACK_OFF_MS = 100, BACK_OFF_MOST_MS = 60000, HURRY_MS = 300, RETRY_AFTER_MOST_MS = 600000, PATIENCE_MS = 5000 };
enum { CURSOR_EVERY = 256, CURSOR_MS = 250, RECENT_MS = 30000, FLUSH_MS = 1000, ARENA = 1 << 20 };

/* What is being offered: it owns its bytes, so neither queue nor journal need to keep them. */
struct batch {
	unsigned count, most;
	struct record *records;
	enum sent *answers;
	struct origin { uint64_t sequence, queued_ns; bool journaled; } *origins;
	uint32_t used;
	uint8_t arena[ARENA + LIMIT_RECORD];
};

struct ship {
	struct ship_options o;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;  /* for the thread */
	pthread_cond_t moved; /* for who waits for it */

	/* Shared, under the lock. */
	struct backlog *backlog;
	struct journal_reader *reader; /* NULL: no journal; the thread alone reads with it */
	const char *folder;
	uint64_t end;         /* the last sequence in the journal */
	uint64_t floor;       /* entries of the journal below it are gone */
	uint64_t taken;       /* sequence of the journal: everything up to it was taken or passed over */
	uint64_t put, journaled_put, journaled_done, backlog_lost, moved_ms, oldest_ns;
	struct ship_counts counts;
	bool asleep, stop, hurry, reopen, stuck, losing;

	/* The thread's own. */
	struct batch batch;
	struct cursor cursor;
	uint64_t saved, saved_lost, saved_ms, random;
	unsigned attempt, unsaved;
	uint64_t sent_ms;
	bool cursor_failed;
};

/* --- what waits ------------------------------------------------------------------------------------------------- */

static uint64_t waiting(const struct ship *s)
{
	uint64_t gone = s->counts.sent + s->counts.refused + s->counts.lost;
	return s->put > gone ? s->put - gone : 0;
}

static void lose(struct ship *s, uint64_t count, const char *what)
{
	if (!count)
		return;
	s->counts.lost += count;
	if (!s->losing)
		log_error("%s: %s; the oldest that wait are lost until it takes them again", s->o.takes.output, what);
	s->losing = true;
}

static void wake(struct ship *s)
{
	if (s->asleep)
		pthread_cond_signal(&s->wake);
}

/* A replay reads on when there is room, or when the receiver has taken nothing for a while. */
static void wait_for_room(struct ship *s, uint32_t bytes, bool journaled)
{
	if (!s->o.patient)
		return;
	while (!s->stuck && (journaled ? waiting(s) >= LIMIT_WAITING : !backlog_fits(s->backlog, bytes))) {
		uint64_t before = s->moved_ms, until = steady_ms() + PATIENCE_MS;
		while (s->moved_ms == before && steady_ms() < until)
			thread_wait(&s->moved, &s->lock, PATIENCE_MS);
		s->stuck = s->moved_ms == before;
	}
}

void ship_put(struct ship *s, const struct journal_entry *entry, bool journaled)
{
	pthread_mutex_lock(&s->lock);
	s->put++;
	if (entry->record.bytes.size > LIMIT_RECORD) {
		s->counts.refused++;
		pthread_mutex_unlock(&s->lock);
		return;
	}
	wait_for_room(s, entry->record.bytes.size, journaled);
	if (journaled) {
		s->end = entry->sequence;
		s->journaled_put++;
	} else {
		backlog_put(s->backlog, entry);
		lose(s, backlog_lost(s->backlog) - s->backlog_lost, "the memory for what waits is full");
		s->backlog_lost = backlog_lost(s->backlog);
	}
	wake(s);
	pthread_mutex_unlock(&s->lock);
}

void ship_dropping(struct ship *s, struct journal_reader *counter, uint64_t behind)
{
	struct journal_entry entry;
	uint64_t lost = 0;
	pthread_mutex_lock(&s->lock);
	uint64_t from = s->taken;
	bool concerned = s->reader && from + 1 < behind;
	if (concerned)
		s->floor = behind;
	pthread_mutex_unlock(&s->lock);
	if (!concerned)
		return;
	journal_reader_go(counter, from);
	while (journal_reader_next(counter, behind - 1, &entry))
		lost += cursor_takes(&s->o.takes, &entry);
	pthread_mutex_lock(&s->lock);
	lose(s, lost, "the journal is full");
	s->journaled_done += lost;
	pthread_mutex_unlock(&s->lock);
}

void ship_attach(struct ship *s, struct journal *journal)
{
	struct journal_entry entry;
	struct cursor cursor = s->o.takes;
	const char *folder = journal_path(journal);
	uint64_t last = journal_last(journal), count = 0;
	cursor.sequence = cursor.lost = 0;
	enum cursor_found found = cursor_load(folder, &cursor);
	if (found == CURSOR_NONE)
		cursor.sequence = last;
	else if (found == CURSOR_DAMAGED)
		log_note("journal %s: how far %s was is not known any more: it gets all again", folder, cursor.output);
	journal_used(journal, cursor.sequence);
	struct journal_reader *reader = journal_reader_open(folder, cursor.sequence);
	if (!reader)
		return;
	while (journal_reader_next(reader, last, &entry))
		count += cursor_takes(&cursor, &entry);
	journal_reader_go(reader, 0);
	journal_reader_go(reader, cursor.sequence);
	if (found != CURSOR_FOUND)
		(void)cursor_save(folder, &cursor);
	pthread_mutex_lock(&s->lock);
	s->cursor = cursor;
	s->saved = s->taken = cursor.sequence;
	s->put += count;
	s->journaled_put += count;
	s->end = last;
	s->folder = folder;
	s->reader = reader;
	wake(s);
	pthread_mutex_unlock(&s->lock);
}

/* --- taking ----------------------------------------------------------------------------------------------------- */

static void batch_add(struct batch *b, const struct journal_entry *entry, bool journaled)
{
	struct record *record = &b->records[b->count];
	*record = entry->record;
	record->bytes.at = b->arena + b->used;
	if (record->bytes.size)
		memcpy(b->arena + b->used, entry->record.bytes.at, record->bytes.size);
	b->used += record->bytes.size;
	b->origins[b->count++] = (struct origin){entry->sequence, entry->written_ns, journaled};
}

/* False when it went meanwhile, and was counted as lost. */
static bool commit(struct ship *s, const struct journal_entry *entry)
{
	pthread_mutex_lock(&s->lock);
	bool there = entry->sequence >= s->floor;
	s->taken = entry->sequence;
	pthread_mutex_unlock(&s->lock);
	return there;
}

/* The next entry up to this sequence that is for this output goes into the batch. */
static bool take_journaled(struct ship *s, struct journal_reader *reader, uint64_t upto)
{
	struct journal_entry entry;
	while (journal_reader_next(reader, upto, &entry))
		if (commit(s, &entry) && cursor_takes(&s->o.takes, &entry)) {
			batch_add(&s->batch, &entry, true);
			return true;
		}
	pthread_mutex_lock(&s->lock);
	s->taken = upto;
	pthread_mutex_unlock(&s->lock);
	return false;
}

/* What has the lower sequence goes first, whether it is in the journal or in memory. False: nothing waits. */
static bool take_one(struct ship *s)
{
	struct journal_entry first;
	pthread_mutex_lock(&s->lock);
	uint64_t in_memory = backlog_first(s->backlog, &first) ? first.sequence : UINT64_MAX, taken = s->taken;
	uint64_t upto = s->end < in_memory ? s->end : in_memory - 1;
	struct journal_reader *reader = s->reader;
	pthread_mutex_unlock(&s->lock);
	if (reader && taken < upto && take_journaled(s, reader, upto))
		return true;
	if (in_memory == UINT64_MAX)
		return false;
	pthread_mutex_lock(&s->lock);
	if (backlog_first(s->backlog, &first) && first.sequence == in_memory) {
		batch_add(&s->batch, &first, false);
		backlog_take(s->backlog);
	}
	pthread_mutex_unlock(&s->lock);
	return true;
}

static void fill_batch(struct ship *s)
{
	struct batch *b = &s->batch;
	b->used = 0;
	while (b->count < b->most && b->used <= ARENA && take_one(s))
		;
	pthread_mutex_lock(&s->lock);
	s->oldest_ns = b->count ? b->origins[0].queued_ns : 0;
	pthread_mutex_unlock(&s->lock);
}

/* --- the cursor ------------------------------------------------------------------------------------------------- */

static void save_cursor(struct ship *s, bool now)
{
	pthread_mutex_lock(&s->lock);
	bool journal = s->reader != NULL;
	uint64_t taken = s->taken, lost = s->counts.lost;
	pthread_mutex_unlock(&s->lock);
	if (!journal)
		return;
	s->cursor.sequence = taken;
	for (unsigned i = 0; i < s->batch.count; i++)
		if (s->batch.origins[i].journaled) {
			s->cursor.sequence = s->batch.origins[i].sequence - 1;
			break;
		}
	bool due = now || s->unsaved >= CURSOR_EVERY || steady_ms() >= s->saved_ms + CURSOR_MS;
	if ((s->cursor.sequence == s->saved && lost == s->saved_lost) || !due)
		return;
	struct cursor cursor = s->cursor;
	cursor.lost += lost;
	bool good = cursor_save(s->folder, &cursor);
	if (!good && !s->cursor_failed)
		log_error("journal %s: %s: how far it is cannot be saved: %s", s->folder, cursor.output, strerror(errno));
	s->cursor_failed = !good;
	s->saved = cursor.sequence;
	s->saved_lost = lost;
	s->saved_ms = steady_ms();
	s->unsaved = 0;
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

static void settle(struct ship *s, unsigned *kept)
{
	struct batch *b = &s->batch;
	unsigned n = 0;
	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < b->count; i++) {
		enum sent answer = b->answers[i];
		if (answer == SENT_RETRY) {
			b->records[n] = b->records[i];
			b->origins[n++] = b->origins[i];
			continue;
		}
		s->counts.sent += answer == SENT_OK;
		s->counts.refused += answer == SENT_REFUSED;
		s->journaled_done += b->origins[i].journaled;
	}
	s->counts.retried += n;
	s->oldest_ns = n ? b->origins[0].queued_ns : 0;
	if (n < b->count) {
		uint64_t now = steady_ms();
		s->moved_ms = now > s->moved_ms ? now : s->moved_ms + 1;
		s->stuck = false;
		s->attempt = 0;
	}
	s->unsaved += b->count - n;
	*kept = n;
	b->count = n;
	pthread_cond_broadcast(&s->moved);
	pthread_mutex_unlock(&s->lock);
}

/* A number below `below`; only when to try again hangs on it. */
static uint64_t chance(struct ship *s, uint64_t below)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random % below;
}

static void rest(struct ship *s, uint32_t retry_after_ms)
{
	uint64_t began = steady_ms(), after = retry_after_ms < RETRY_AFTER_MOST_MS ? retry_after_ms : RETRY_AFTER_MOST_MS;
	uint64_t back_off = s->attempt < 10 ? (uint64_t)BACK_OFF_MS << s->attempt : BACK_OFF_MOST_MS;
	s->attempt += s->attempt < 10;
	back_off = back_off < BACK_OFF_MOST_MS ? back_off : BACK_OFF_MOST_MS;
	back_off -= chance(s, back_off / 2);
	pthread_mutex_lock(&s->lock);
	while (!s->stop && !s->reopen) {
		uint64_t most = s->hurry || s->o.patient ? HURRY_MS : BACK_OFF_MOST_MS;
		uint64_t pause = back_off < most ? back_off : most, now = steady_ms();
		pause = pause > after ? pause : after;
		if (now >= began + pause)
			break;
		thread_wait(&s->wake, &s->lock, began + pause - now);
	}
	pthread_mutex_unlock(&s->lock);
}

static void offer(struct ship *s)
{
	struct batch *b = &s->batch;
	struct sending sending = {.records = b->records, .count = b->count, .answers = b->answers};
	unsigned kept;
	for (unsigned i = 0; i < b->count; i++)
		b->answers[i] = SENT_RETRY;
	s->o.output->send(s->o.self, &sending);
	s->sent_ms = steady_ms();
	settle(s, &kept);
	save_cursor(s, false);
	if (kept)
		rest(s, sending.retry_after_ms);
}

/* --- the thread ------------------------------------------------------------------------------------------------- */

static void flush(struct ship *s)
{
	bool good = s->o.output->flush(s->o.self);
	pthread_mutex_lock(&s->lock);
	s->counts.failed |= !good;
	pthread_mutex_unlock(&s->lock);
}

/* Nothing was found to be sent. What is still missing in the sums was damaged in the journal. */
static void caught_up(struct ship *s)
{
	if (waiting(s)) {
		lose(s, waiting(s), "the journal is damaged");
		s->journaled_done = s->journaled_put;
		pthread_cond_broadcast(&s->moved);
	}
	if (s->losing)
		log_note("%s: takes records again; %llu were lost", s->o.takes.output, (unsigned long long)s->counts.lost);
	s->losing = false;
}

/* For a while after something was sent the output is asked to look after it: a receiver may lose it yet. */
static void sleep_until_needed(struct ship *s)
{
	bool recent = s->sent_ms && steady_ms() < s->sent_ms + RECENT_MS;
	if (recent)
		flush(s);
	save_cursor(s, false);
	pthread_mutex_lock(&s->lock);
	bool unsaved = s->reader && s->cursor.sequence != s->saved;
	bool nothing = (!s->reader || s->taken >= s->end) && !backlog_count(s->backlog);
	if (nothing) {
		caught_up(s);
		s->asleep = true;
		if (s->stop || s->reopen)
			;
		else if (unsaved || recent)
			thread_wait(&s->wake, &s->lock, unsaved ? CURSOR_MS : FLUSH_MS);
		else
			pthread_cond_wait(&s->wake, &s->lock);
		s->asleep = false;
	}
	pthread_mutex_unlock(&s->lock);
}

static bool go_on(struct ship *s)
{
	pthread_mutex_lock(&s->lock);
	bool stop = s->stop, reopen = s->reopen;
	s->reopen = false;
	pthread_mutex_unlock(&s->lock);
	if (reopen && s->o.output->reopen && !s->o.output->reopen(s->o.self)) {
		pthread_mutex_lock(&s->lock);
		s->counts.failed = true;
		pthread_mutex_unlock(&s->lock);
	}
	return !stop;
}

/* What is at hand at the end and went from the journal meanwhile is nowhere else. */
static void give_up(struct ship *s)
{
	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->batch.count; i++)
		if (s->batch.origins[i].journaled && s->batch.origins[i].sequence < s->floor) {
			s->counts.lost++;
			s->journaled_done++;
		}
	pthread_mutex_unlock(&s->lock);
}

static void *run(void *context)
{
	struct ship *s = context;
	while (go_on(s)) {
		if (!s->batch.count)
			fill_batch(s);
		if (s->batch.count)
			offer(s);
		else
			sleep_until_needed(s);
	}
	flush(s);
	give_up(s);
	save_cursor(s, true);
	return NULL;
}

/* --- life ------------------------------------------------------------------------------------------------------- */

static void free_all(struct ship *s)
{
	journal_reader_close(s->reader);
	backlog_close(s->backlog);
	free(s->batch.records);
	free(s->batch.answers);
	free(s->batch.origins);
	free(s);
}

struct ship *ship_open(const struct ship_options *options)
{
	struct ship *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	unsigned most = options->output->batch ? options->output->batch : 1;
	s->o = *options;
	s->batch.most = most < LIMIT_BATCH ? most : LIMIT_BATCH;
	s->batch.records = calloc(s->batch.most, sizeof *s->batch.records);
	s->batch.answers = calloc(s->batch.most, sizeof *s->batch.answers);
	s->batch.origins = calloc(s->batch.most, sizeof *s->batch.origins);
	s->backlog = backlog_open(LIMIT_BACKLOG);
	if (getrandom(&s->random, sizeof s->random, GRND_NONBLOCK) != sizeof s->random || !s->random)
		s->random = steady_ms() | 1;
	pthread_mutex_init(&s->lock, NULL);
	thread_condition(&s->wake);
	thread_condition(&s->moved);
	if (s->batch.records && s->batch.answers && s->batch.origins && s->backlog && thread_start(&s->thread, run, s))
		return s;
	free_all(s);
	return NULL;
}

static void tell(struct ship *s, bool *what)
{
	pthread_mutex_lock(&s->lock);
	*what = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
}

void ship_reopen(struct ship *s)
{
	tell(s, &s->reopen);
}

void ship_hurry(struct ship *s)
{
	tell(s, &s->hurry);
	pthread_mutex_lock(&s->lock);
	s->moved_ms = steady_ms();
	pthread_mutex_unlock(&s->lock);
}

void ship_drain(struct ship *s)
{
	pthread_mutex_lock(&s->lock);
	for (uint64_t now; waiting(s) && (now = steady_ms()) < s->moved_ms + PATIENCE_MS;)
		thread_wait(&s->moved, &s->lock, s->moved_ms + PATIENCE_MS - now);
	pthread_mutex_unlock(&s->lock);
}

struct ship_counts ship_counts(struct ship *s)
{
	struct journal_entry first;
	pthread_mutex_lock(&s->lock);
	struct ship_counts counts = s->counts;
	counts.waiting = waiting(s);
	counts.journaled = s->journaled_put > s->journaled_done ? s->journaled_put - s->journaled_done : 0;
	counts.oldest_ns = s->oldest_ns;
	if (!counts.oldest_ns && backlog_first(s->backlog, &first))
		counts.oldest_ns = first.written_ns;
	pthread_mutex_unlock(&s->lock);
	return counts;
}

struct ship_counts ship_close(struct ship *s)
{
	tell(s, &s->stop);
	pthread_join(s->thread, NULL);
	struct ship_counts counts = ship_counts(s);
	counts.failed |= !s->o.output->close(s->o.self);
	pthread_cond_destroy(&s->moved);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	free_all(s);
	return counts;
}
