/* capture.h - frames from files, standard input or an interface, merged by time (only user of libpcap, and of zlib
 * for compressed captures).
 *
 * Several inputs are read side by side and handed out in order of their timestamps; equal times in order of the
 * inputs. A damaged file gives everything before the damage, then one fault; the others go on. */
#ifndef TW_CAPTURE_H
#define TW_CAPTURE_H

#include "packet.h"

struct capture;

enum capture_result { CAPTURE_PACKET, CAPTURE_IDLE /* live: nothing came in the last 100 ms */, CAPTURE_END };

struct capture_options {
	/* Files, folders (walked recursively in name order; what is no capture there is passed over silently), "-". */
	const char *const *inputs; /* NULL-terminated; NULL when live */
	const char *const *interfaces; /* live: NULL-terminated; NULL when replaying */
	const char *filter;        /* BPF, live only; NULL for all */
};

/* NULL when nothing could be opened; every fault is reported by log_error(), one line each: file, what, at which byte. */
struct capture *capture_open(const struct capture_options *options);
/* `*packet` is the capture's until the next call; its bytes may stay longer: packet->stays. */
enum capture_result capture_next(struct capture *capture, const struct packet **packet);
void capture_close(struct capture *capture);

const char *capture_file_name(const struct capture *capture, uint16_t file); /* as the user would name it */
const char *capture_file_fault(const struct capture *capture, uint16_t file); /* what was wrong with it so far; NULL: nothing */
/* Inputs that could not be opened or were damaged so far: exit status 1 when not 0. */
unsigned capture_faults(const struct capture *capture);
/* For progress: bytes read of bytes known, 0/0 when live. */
void capture_progress(const struct capture *capture, uint64_t *done, uint64_t *total);
/* Live: packets that the kernel dropped. */
uint64_t capture_dropped(const struct capture *capture);
/* Makes a blocked or coming capture_next() answer CAPTURE_END. Async-signal-safe. */
void capture_stop(struct capture *capture);

#endif
