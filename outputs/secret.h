/* secret.h - a token, a password or a key, from a file or an environment variable. It lives in memory of its own that is kept out
 * of core dumps and of swap, and that is wiped before it is given back. No message shows it: only where it should have been. */
#ifndef TW_SECRET_H
#define TW_SECRET_H

#include "../sensor/config.h"

struct secret {
	char *text; /* ends with a NUL; NULL: there is none */
	uint32_t size;
};

/* More memory of this kind, zeroed; NULL without memory. */
char *secret_room(uint32_t size);
void secret_room_give(char *room, uint32_t size);

bool secret_named(const struct config_secret *from);
/* Can it be read, and is it one? False after having reported `place`, the key (`what` with _file or _env) and why. */
bool secret_check(const struct config_secret *from, const char *place, const char *what);
/* Reads it, now or again. False after having reported why; what was there before stays. */
bool secret_read(struct secret *secret, const struct config_secret *from, const char *who, const char *what);
void secret_close(struct secret *secret);

#endif
