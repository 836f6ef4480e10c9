/* groups.h - the states of the detectors: one group per rule and group-by value, in a fixed table, aged by event time. */
#ifndef TW_GROUPS_H
#define TW_GROUPS_H

#include "counters.h"
#include "../detectors/detector.h"

#define GROUP_NONE UINT32_MAX

struct group {
	uint64_t key;            /* hash of rule and group-by values */
	uint32_t next;           /* chain of the bucket */
	uint32_t wheel_next, wheel_prev;
	uint32_t rule;           /* index; GROUP_NONE: free */
	uint32_t episode;        /* detect.c: the alert that is going on; GROUP_NONE */
	uint32_t origin;         /* detect.c: the event that began it; GROUP_NONE */
	uint64_t last_ns;        /* of its last event */
	uint64_t due_ns;         /* place in the wheel */
	uint64_t deadline_ns;    /* the detector's timer; 0 none */
	uint64_t state[DETECTOR_STATE_MAX / 8];
};
_Static_assert(sizeof(struct group) <= 104, "a group is small: there may be millions");

struct groups;

/* `forget` is called for a group that is evicted. */
struct groups *groups_open(uint32_t capacity, struct counters *counters, void (*forget)(void *context, struct group *group),
			   void *context);
void groups_close(struct groups *groups);

/* The memory that groups_find() will want, in two steps: where the group would be, and then the group. */
void groups_prefetch_bucket(const struct groups *groups, uint64_t key);
void groups_prefetch(const struct groups *groups, uint64_t key);
struct group *groups_find(struct groups *groups, uint64_t key, uint32_t rule); /* NULL when there is none */
struct group *groups_add(struct groups *groups, uint64_t key, uint32_t rule, uint64_t now_ns);
void groups_remove(struct groups *groups, struct group *group);
/* Puts the group where groups_time() finds it at `due_ns`. A later time than before needs no call: due() is asked again. */
void groups_schedule(struct groups *groups, struct group *group, uint64_t due_ns);
/* Calls `due` for groups whose time has come; it answers when to look again, or 0 when it has removed the group. */
void groups_time(struct groups *groups, uint64_t now_ns, uint64_t (*due)(void *context, struct group *group, uint64_t now_ns),
		 void *context);
/* Walks all groups that are there, in order of their places. */
void groups_each(struct groups *groups, void (*visit)(void *context, struct group *group), void *context);

#endif
