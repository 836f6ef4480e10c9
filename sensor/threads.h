/* threads.h - what the program's threads have in common: signals are the main thread's, and time that is waited for is steady. */
#ifndef TW_THREADS_H
#define TW_THREADS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

bool thread_start(pthread_t *thread, void *(*run)(void *context), void *context);
void thread_condition(pthread_cond_t *condition);
/* Waits at most so long; may return earlier. */
void thread_wait(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t ms);

#endif
