/* hex.h - bytes as a test writes them: two hexadecimal digits each, spaces between, and 'text up to the next space. */
#ifndef TW_TEST_HEX_H
#define TW_TEST_HEX_H

#include "cm.h"
#include <ctype.h>
#include <stdlib.h>

/* The bytes of one line, and *text behind it. */
static inline uint32_t hex_line(const char **text, uint8_t *out, uint32_t room)
{
	const char *at = *text;
	uint32_t size = 0;
	while (*at && *at != '\n') {
		assert_true(size < room);
		if (*at == ' ') {
			at++;
		} else if (*at == '\'') {
			for (at++; *at && *at != ' ' && *at != '\n'; at++) {
				assert_true(size < room);
				out[size++] = (uint8_t)*at;
			}
		} else {
			char two[3] = {at[0], at[1], 0};
			assert_true(isxdigit((unsigned char)two[0]) && isxdigit((unsigned char)two[1]));
			out[size++] = (uint8_t)strtoul(two, NULL, 16);
			at += 2;
		}
	}
	*text = at + (*at == '\n');
	return size;
}

#endif
