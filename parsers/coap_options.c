/* CoAP options: RFC 7252 section 3.1.
 *
 *     0   1   2   3   4   5   6   7
 *   +---------------+---------------+
 *   |  delta        |  length       |  13: one more byte holds it, less 13; 14: two more hold it, less 269;
 *   +---------------+---------------+  15: reserved, and 0xff as a whole is the payload marker
 *   |  [extended delta], [extended length], value
 */
#include "coap.h"

enum format { EMPTY, UINT, STRING, OPAQUE, BLOCK };

static const struct option {
	uint16_t number, least, most;
	uint8_t format;
	bool repeats;
	struct slice name;
} options[] = {
#define X(number, member, name, least, most, format, repeats) \
	{number, least, most, format, repeats, {(const uint8_t *)(name), sizeof(name) - 1}},
	COAP_OPTIONS(X)
#undef X
};

/* Of the low numbers, by number; one more than the index, 0 for unknown. */
static const uint8_t low[64] = {
	[1] = 1 + COAP_OPTION_if_match, [3] = 1 + COAP_OPTION_uri_host, [4] = 1 + COAP_OPTION_etag,
	[5] = 1 + COAP_OPTION_if_none_match, [6] = 1 + COAP_OPTION_observe, [7] = 1 + COAP_OPTION_uri_port,
	[8] = 1 + COAP_OPTION_location_path, [9] = 1 + COAP_OPTION_oscore, [11] = 1 + COAP_OPTION_uri_path,
	[12] = 1 + COAP_OPTION_content_format, [14] = 1 + COAP_OPTION_max_age, [15] = 1 + COAP_OPTION_uri_query,
	[16] = 1 + COAP_OPTION_hop_limit, [17] = 1 + COAP_OPTION_accept, [19] = 1 + COAP_OPTION_q_block1,
	[20] = 1 + COAP_OPTION_location_query, [21] = 1 + COAP_OPTION_edhoc, [23] = 1 + COAP_OPTION_block2,
	[27] = 1 + COAP_OPTION_block1, [28] = 1 + COAP_OPTION_size2, [31] = 1 + COAP_OPTION_q_block2,
	[35] = 1 + COAP_OPTION_proxy_uri, [39] = 1 + COAP_OPTION_proxy_scheme, [60] = 1 + COAP_OPTION_size1,
};

static unsigned option_index(uint32_t number)
{
	if (number < sizeof low)
		return low[number] ? low[number] - 1u : COAP_OPTION_COUNT;
	for (unsigned i = COAP_OPTION_echo; i < COAP_OPTION_COUNT; i++)
		if (options[i].number == number)
			return i;
	return COAP_OPTION_COUNT;
}

void coap_fault(struct coap_faults *faults, const char *name)
{
	for (unsigned i = 0; i < faults->count; i++)
		if (strcmp(faults->name[i], name) == 0)
			return;
	if (faults->count < COAP_FAULTS_MAX)
		faults->name[faults->count++] = name;
}

uint32_t coap_hex(struct slice bytes, char *out, uint32_t size)
{
	uint32_t n = bytes.size < size / 2 ? bytes.size : size / 2;
	for (uint32_t i = 0; i < n; i++) {
		out[2 * i] = "0123456789abcdef"[bytes.at[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[bytes.at[i] & 15];
	}
	return 2 * n;
}

static struct slice hex(struct slice bytes, char *out, uint32_t size)
{
	return slice_of(out, coap_hex(bytes, out, size));
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
static bool utf8(struct slice text)
{
	uint8_t high = 0;
	for (uint32_t i = 0; i < text.size; i++)
		high |= text.at[i];
	if (high < 0x80)
		return true;
	for (uint32_t i = 0; i < text.size;) {
		uint8_t c = text.at[i++];
		if (c < 0x80)
			continue;
		unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		uint32_t point = c & (0x3fu >> more);
		if (c < 0xc2 || c > 0xf4 || text.size - i < more)
			return false;
		for (unsigned j = 0; j < more; j++, i++) {
			if ((text.at[i] & 0xc0) != 0x80)
				return false;
			point = point << 6 | (text.at[i] & 0x3f);
		}
		if (point < (more == 1 ? 0x80u : more == 2 ? 0x800u : 0x10000u) || point > 0x10ffff || (point >> 11) == 0x1b)
			return false;
	}
	return true;
}

static uint32_t uint_of(struct slice value)
{
	uint32_t number = 0;
	for (uint32_t i = 0; i < value.size && i < 4; i++)
		number = number << 8 | value.at[i];
	return number;
}

/* "/a/b"; a slash within a segment shows as %2F, so that two paths never look the same. */
static void path_add(struct slice *path, char *room, struct slice segment)
{
	uint32_t n = path->at ? path->size : 0;
	if (n < COAP_PATH_MAX)
		room[n++] = '/';
	if (segment.size <= COAP_PATH_MAX - n && !memchr(segment.at, '/', segment.size)) {
		memcpy(room + n, segment.at, segment.size);
		n += segment.size;
		segment.size = 0;
	}
	for (uint32_t i = 0; i < segment.size && n < COAP_PATH_MAX; i++) {
		if (segment.at[i] != '/') {
			room[n++] = (char)segment.at[i];
		} else if (n + 3 <= COAP_PATH_MAX) {
			memcpy(room + n, "%2F", 3);
			n += 3;
		}
	}
	*path = slice_of(room, n);
}

static void list_add(struct slices *list, struct slice *room, struct slice value)
{
	list->items = room;
	if (list->count < COAP_LIST_MAX)
		room[list->count++] = value;
}

/* RFC 7252 section 5.10.1: a segment of "." or ".." is not allowed; who sends one wants out of the tree. */
static bool is_dots(struct slice segment)
{
	return slice_is(segment, ".") || slice_is(segment, "..");
}

static void read_string(unsigned index, struct slice value, struct coap_event *coap, struct event *event, struct coap_faults *faults)
{
	if (!utf8(value))
		coap_fault(faults, "invalid_utf8");
	switch (index) {
	case COAP_OPTION_uri_path:
		if (is_dots(value))
			coap_fault(faults, "dot_segment");
		path_add(&coap->uri_path, coap->path, value);
		event_set(event, COAP_BIT_PATH);
		break;
	case COAP_OPTION_location_path:
		path_add(&coap->location_path, coap->location_room, value);
		event_set(event, COAP_BIT_LOCATION);
		break;
	case COAP_OPTION_uri_query:
		list_add(&coap->uri_query, coap->query, value);
		break;
	case COAP_OPTION_location_query:
		list_add(&coap->location_query, coap->location, value);
		break;
	default:
		coap->text[index] = value;
		break;
	}
}

/* RFC 8613 section 6.1: flags 0 0 0 h k n n n, partial IV of n bytes, [length of the context, context], [kid]. */
static void read_oscore(struct slice value, struct coap_event *coap, struct event *event, struct coap_faults *faults)
{
	struct reader r = reader_of(value);
	uint8_t flags = read_u8(&r), n = flags & 7; /* 0 when the option is empty */
	coap->oscore_flags = flags;
	if (!value.size)
		return;
	if (flags & 0xe0 || n > 5) {
		coap_fault(faults, "oscore_reserved_bits");
		return;
	}
	struct slice iv = read_slice(&r, n);
	coap->partial_iv = 0;
	for (uint32_t i = 0; i < iv.size; i++)
		coap->partial_iv = coap->partial_iv << 8 | iv.at[i];
	struct slice context = flags & 0x10 ? read_slice(&r, read_u8(&r)) : slice_text("");
	if (r.failed || (!(flags & 8) && reader_left(&r))) {
		coap_fault(faults, "oscore_malformed");
		return;
	}
	if (n)
		event_set(event, COAP_BIT_PARTIAL_IV);
	if (flags & 0x10) {
		coap->kid_context = hex(context, coap->context_hex, sizeof coap->context_hex);
		event_set(event, COAP_BIT_KID_CONTEXT);
	}
	if (flags & 8) {
		coap->kid = hex(read_rest(&r), coap->kid_hex, sizeof coap->kid_hex);
		event_set(event, COAP_BIT_KID);
	}
}

static void read_opaque(unsigned index, struct slice value, struct coap_event *coap, struct event *event, struct coap_faults *faults)
{
	coap->text[index] = value;
	coap->number[index] = value.size;
	if (index == COAP_OPTION_etag)
		coap->etag = hex(value, coap->etag_hex, sizeof coap->etag_hex);
	else if (index == COAP_OPTION_request_tag)
		coap->request_tag = hex(value, coap->tag_hex, sizeof coap->tag_hex);
	else if (index == COAP_OPTION_oscore)
		read_oscore(value, coap, event, faults);
}

/* RFC 7959 section 2.2: number (0 to 20 bits), more (1), size exponent (3). */
static void read_block(unsigned index, struct slice value, struct coap_event *coap)
{
	struct coap_block *block = index == COAP_OPTION_block1 ? &coap->block1 : index == COAP_OPTION_block2 ? &coap->block2 :
				   index == COAP_OPTION_q_block1 ? &coap->q_block1 : &coap->q_block2;
	uint32_t number = uint_of(value);
	uint8_t szx = number & 7;
	*block = (struct coap_block){number >> 4, (uint16_t)(szx == 7 ? 1024 : 16u << szx), szx, number >> 3 & 1};
}

static void read_value(unsigned index, struct slice value, struct coap_event *coap, struct event *event, struct coap_faults *faults)
{
	switch (options[index].format) {
	case STRING:
		read_string(index, value, coap, event, faults);
		break;
	case OPAQUE:
		read_opaque(index, value, coap, event, faults);
		break;
	case BLOCK:
		read_block(index, value, coap);
		break;
	default:
		coap->number[index] = uint_of(value);
		break;
	}
}

/* Section 5.4.1: an unknown elective option is ignored, an unknown critical one refuses the message. The numbers from 65000
 * on are for experiments. */
static void unknown_option(uint32_t number, struct coap_event *coap, struct event *event, struct coap_faults *faults)
{
	coap->unknown_option = (uint16_t)number;
	event_set(event, COAP_BIT_UNKNOWN_OPTION);
	if (number & 1 && number < 65000)
		coap_fault(faults, "unknown_critical_option");
}

static void take_option(uint32_t number, struct slice value, struct coap_event *coap, struct event *event,
			struct coap_faults *faults)
{
	unsigned index = option_index(number);
	if (index == COAP_OPTION_COUNT) {
		unknown_option(number, coap, event, faults);
		return;
	}
	const struct option *option = &options[index];
	bool again = coap_has(event, (enum coap_option)index);
	if (value.size < option->least || value.size > option->most) {
		coap_fault(faults, "bad_option_length");
		return;
	}
	if (!again) {
		list_add(&coap->options, coap->option_name, option->name);
		event_set(event, COAP_BIT_OPTIONS);
		event_set(event, COAP_BIT_OPTION + index);
	} else if (!option->repeats) {
		coap_fault(faults, "repeated_option");
		return;
	}
	if (!again || option->format == STRING)
		read_value(index, value, coap, event, faults);
}

/* RFC 8323 section 5: options of signalling messages have meanings of their own by code. */
static void take_signal_option(uint8_t code, uint32_t number, struct slice value, struct coap_event *coap, struct event *event,
			       struct coap_faults *faults)
{
	unsigned detail = code & 31;
	if (detail == 1 && number == 2 && value.size <= 4) {
		coap->max_message_size = uint_of(value);
		event_set(event, COAP_BIT_MAX_MESSAGE_SIZE);
	} else if (detail == 1 && number == 4 && !value.size) {
		coap->block_wise = true;
		event_set(event, COAP_BIT_BLOCK_WISE);
	} else if ((detail == 2 || detail == 3) && number == 2 && !value.size) {
		coap->custody = true;
		event_set(event, COAP_BIT_CUSTODY);
	} else if (detail == 4 && number == 2 && value.size) {
		coap->alternative = value;
		event_set(event, COAP_BIT_ALTERNATIVE);
	} else if (detail == 4 && number == 4 && value.size <= 3) {
		coap->hold_off_s = uint_of(value);
		event_set(event, COAP_BIT_HOLD_OFF);
	} else if (detail == 5 && number == 2 && value.size <= 2) {
		coap->bad_csm_option = uint_of(value);
		event_set(event, COAP_BIT_BAD_CSM);
	} else {
		unknown_option(number, coap, event, faults);
	}
}

static uint32_t extended(struct reader *r, uint32_t nibble)
{
	if (nibble == 13)
		return 13u + read_u8(r);
	return nibble == 14 ? 269u + read_be16(r) : nibble;
}

void coap_read_options(struct reader *r, uint8_t signal, struct coap_event *coap, struct event *event, struct coap_faults *faults)
{
	uint32_t number = 0;
	coap->options = coap->uri_query = coap->location_query = (struct slices){NULL, 0};
	coap->uri_path = coap->location_path = (struct slice){NULL, 0};
	coap->payload = slice_of(r->end, 0);
	while (reader_left(r)) {
		uint8_t head = read_u8(r);
		if (head == 0xff) {
			coap->payload = read_rest(r);
			if (!coap->payload.size && !faults->cut)
				coap_fault(faults, "empty_payload");
			return;
		}
		if (head >> 4 == 15 || (head & 15) == 15) {
			coap_fault(faults, "reserved_option_header");
			return;
		}
		number += extended(r, head >> 4);
		uint32_t size = extended(r, head & 15);
		struct slice value = read_slice(r, size);
		if (r->failed || number > UINT16_MAX) {
			if (!faults->cut || number > UINT16_MAX)
				coap_fault(faults, "option_beyond_end");
			return;
		}
		if (signal)
			take_signal_option(signal, number, value, coap, event, faults);
		else
			take_option(number, value, coap, event, faults);
	}
}
