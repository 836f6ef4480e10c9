#include "body.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool body_open(struct body *body, uint32_t room)
{
	*body = (struct body){.at = malloc(room), .room = room};
	return body->at != NULL;
}

void body_close(struct body *body)
{
	free(body->at);
	*body = (struct body){.at = NULL};
}

void body_bytes(struct body *body, struct slice bytes)
{
	if (body->full || bytes.size > body->room - body->size) {
		body->full = true;
		return;
	}
	memcpy(body->at + body->size, bytes.at, bytes.size);
	body->size += bytes.size;
}

void body_format(struct body *body, const char *format, ...)
{
	char text[1024];
	va_list arguments;
	va_start(arguments, format);
	int n = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (n < 0 || n >= (int)sizeof text)
		body->full = true;
	else
		body_bytes(body, slice_of(text, (uint32_t)n));
}

void body_string(struct body *body, struct slice text)
{
	uint32_t from = 0;
	body_bytes(body, slice_of("\"", 1));
	for (uint32_t i = 0; i < text.size; i++) {
		uint8_t byte = text.at[i];
		if (byte >= ' ' && byte != '"' && byte != '\\')
			continue;
		body_bytes(body, slice_of(text.at + from, i - from));
		from = i + 1;
		if (byte < ' ')
			body_format(body, "\\u%04x", byte);
		else
			body_format(body, "\\%c", byte);
	}
	body_bytes(body, slice_of(text.at + from, text.size - from));
	body_bytes(body, slice_of("\"", 1));
}

void body_value(struct body *body, struct slice record)
{
	if (record.size && record.at[0] == '{')
		body_bytes(body, record);
	else
		body_string(body, record);
}

void body_cut(struct body *body, uint32_t size)
{
	body->size = size;
	body->full = false;
}
