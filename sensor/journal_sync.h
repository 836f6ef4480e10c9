/* journal_sync.h - asks the disk once a second to have what was written: in a thread of its own, for a disk may take its time and the
 * main thread has packets to read. At risk when the machine loses power: about a second, or the segment before when two ended in it. */
#ifndef TW_JOURNAL_SYNC_H
#define TW_JOURNAL_SYNC_H

struct journal_syncer;

struct journal_syncer *journal_syncer_open(const char *folder); /* NULL without a thread: nobody asks the disk then */
void journal_syncer_close(struct journal_syncer *syncer);       /* after having asked once more; NULL is fine, here and below */
void journal_syncer_use(struct journal_syncer *syncer, int file); /* the file that is written from now on; borrowed for the call */
void journal_syncer_dirty(struct journal_syncer *syncer);

#endif
