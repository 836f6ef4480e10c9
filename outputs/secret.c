#include "secret.h"
#include "../sensor/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_MAX = 4000, ROOM = 4096, REASON_MAX = 128 };

char *secret_room(uint32_t size)
{
	char *room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room == MAP_FAILED)
		return NULL;
	(void)madvise(room, size, MADV_DONTDUMP);
	(void)mlock(room, size); /* limits may forbid it: then it can reach the swap */
	return room;
}

void secret_room_give(char *room, uint32_t size)
{
	if (!room)
		return;
	explicit_bzero(room, size);
	munmap(room, size);
}

bool secret_named(const struct config_secret *from)
{
	return from->file || from->variable;
}

static const char *source_of(const struct config_secret *from)
{
	return from->file ? from->file : from->variable;
}

/* The size, or -1 with `why`. Straight into the room: a stream would keep a copy. */
static int take_file(const char *path, char *room, char why[REASON_MAX])
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = file < 0 ? -1 : read(file, room, SECRET_MAX + 1);
	if (n < 0)
		snprintf(why, REASON_MAX, "%s", strerror(errno));
	if (file >= 0)
		close(file);
	return (int)n;
}

static int take_variable(const char *name, char *room, char why[REASON_MAX])
{
	const char *value = getenv(name);
	size_t size = value ? strlen(value) : 0;
	if (!value) {
		snprintf(why, REASON_MAX, "is not in the environment");
		return -1;
	}
	size = size > SECRET_MAX ? SECRET_MAX + 1 : size;
	memcpy(room, value, size);
	return (int)size;
}

/* A line break at the end is the editor's; one within would end a header. */
static int take(const struct config_secret *from, char *room, char why[REASON_MAX])
{
	int size = from->file ? take_file(from->file, room, why) : take_variable(from->variable, room, why);
	if (size < 0)
		return -1;
	if (size > SECRET_MAX) {
		snprintf(why, REASON_MAX, "holds more than %d bytes", SECRET_MAX);
		return -1;
	}
	while (size && (room[size - 1] == '\n' || room[size - 1] == '\r'))
		size--;
	room[size] = 0;
	if (!size) {
		snprintf(why, REASON_MAX, "is empty");
		return -1;
	}
	for (int i = 0; i < size; i++)
		if ((unsigned char)room[i] < ' ' || room[i] == 127) {
			snprintf(why, REASON_MAX, "must hold one line without control characters");
			return -1;
		}
	return size;
}

static bool read_into(struct secret *out, const struct config_secret *from, char why[REASON_MAX])
{
	struct secret fresh = {secret_room(ROOM), 0};
	int size = -1;
	if (fresh.text)
		size = take(from, fresh.text, why);
	else
		snprintf(why, REASON_MAX, "no memory");
	if (size < 0) {
		secret_close(&fresh);
		return false;
	}
	fresh.size = (uint32_t)size;
	*out = fresh;
	return true;
}

bool secret_check(const struct config_secret *from, const char *place, const char *what)
{
	char why[REASON_MAX] = "";
	struct secret secret;
	struct stat stat_of;
	if (from->file && from->variable) {
		log_error("%s: %s: either %s_file or %s_env, not both", place, what, what, what);
		return false;
	}
	if (!secret_named(from))
		return true;
	if (!read_into(&secret, from, why)) {
		log_error("%s: %s_%s: %s: %s", place, what, from->file ? "file" : "env", source_of(from), why);
		return false;
	}
	secret_close(&secret);
	if (from->file && stat(from->file, &stat_of) == 0 && (stat_of.st_mode & S_IROTH))
		log_note("%s: %s_file: %s can be read by every user of this machine", place, what, from->file);
	return true;
}

bool secret_read(struct secret *secret, const struct config_secret *from, const char *who, const char *what)
{
	char why[REASON_MAX] = "";
	struct secret fresh;
	if (!secret_named(from))
		return true;
	if (!read_into(&fresh, from, why)) {
		log_error("%s: %s_%s: %s: %s%s", who, what, from->file ? "file" : "env", source_of(from), why,
			  secret->text ? "; the one that was read before stays in use" : "");
		return false;
	}
	secret_close(secret);
	*secret = fresh;
	return true;
}

void secret_close(struct secret *secret)
{
	secret_room_give(secret->text, ROOM);
	*secret = (struct secret){NULL, 0};
}
