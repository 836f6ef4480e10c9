/* fixture.h - a conversation as text, from tests/laws/streams/PARSER/NAME.txt (or .hex).
 *
 *   # a comment
 *   > 10 2("MQTT") ...      what the client sends; a TCP flow's bytes, one UDP datagram, or one log line
 *   < 20020000              what the server sends
 *     more of the same      a line that begins with white space goes on
 *
 * A token is hex digits (in pairs), "a text" with \r \n \t \\ \" \0 \xNN, or a group whose length is put before it:
 * v( ) MQTT variable byte integer, 1( ) 2( ) 3( ) 4( ) so many bytes, big-endian, h( ) HTTP chunk. TOKEN*N repeats hex or text N times.
 * Directives: `!port N` of the server, `!midstream`, `!open` (ends in the middle of a message: bytes may be left over),
 * `!bad` (a violation after which the parser may give up: only the laws about memory and cuts apply). */
#ifndef TW_TEST_FIXTURE_H
#define TW_TEST_FIXTURE_H

#include "sensor/bytes.h"
#include "sensor/event.h"

enum { FIXTURE_TURNS = 1024, FIXTURE_BYTES = 4 << 20 };

struct turn {
	uint8_t direction;
	uint32_t offset, size; /* in bytes[] */
};

struct fixture {
	char name[128];
	uint16_t client_port, server_port;
	bool midstream, open, bad;
	struct turn turns[FIXTURE_TURNS];
	unsigned count;
	uint32_t size;
	uint8_t *bytes;
};

/* Ends the process with file:line when the text is not understood. */
struct fixture *fixture_load(const char *path);
struct fixture *fixture_parse(const char *name, const char *text);
void fixture_free(struct fixture *fixture);
struct slice fixture_turn(const struct fixture *fixture, unsigned turn);

/* Every fixture of a folder, in order of names; ends at NULL. The caller frees all with fixtures_free(). */
struct fixture **fixtures_load(const char *folder);
void fixtures_free(struct fixture **fixtures);

/* The same numbers on every run. */
struct dice {
	uint64_t state;
};
uint32_t dice_roll(struct dice *dice, uint32_t sides); /* 0 .. sides - 1; 0 when sides is 0 */

#endif
