#include "report_page.h"
#include "../sensor/digest.h"
#include <report_page_parts.h> /* made of report_page.html, .css and .js: see CMakeLists.txt */

void page_text(FILE *out, struct slice text)
{
	for (uint32_t i = 0; i < text.size; i++)
		switch (text.at[i]) {
		case '&': fputs("&amp;", out); break;
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '"': fputs("&quot;", out); break;
		case '\'': fputs("&#39;", out); break;
		default: fputc(text.at[i], out); break;
		}
}

/* In JSON these can stand in strings only, and there an escape means the same. */
uint32_t page_json(struct slice json, char *out)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t n = 0;
	for (uint32_t i = 0; i < json.size; i++) {
		char c = (char)json.at[i];
		if (c != '<' && c != '>' && c != '&') {
			out[n++] = c;
			continue;
		}
		memcpy(out + n, "\\u00", 4);
		out[n + 4] = digits[c >> 4 & 15];
		out[n + 5] = digits[c & 15];
		n += 6;
	}
	return n;
}

/* CSP Level 3, section 2.3.1: 'sha256-' and base64 of the digest. */
static void write_hash(FILE *out, struct slice part)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	enum { BYTES = 32 };
	char hex[DIGEST_HEX_MAX], base64[48];
	uint8_t bytes[BYTES + 1] = {0};
	digest_hex(DIGEST_SHA256, part, hex);
	for (unsigned i = 0; i < 2 * BYTES; i++)
		bytes[i / 2] = (uint8_t)(bytes[i / 2] << 4 | (hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10));
	unsigned n = 0;
	for (unsigned i = 0; i < BYTES; i += 3) {
		uint32_t three = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | (i + 2 < BYTES ? bytes[i + 2] : 0);
		for (int shift = 18; shift >= 0; shift -= 6)
			base64[n++] = letters[three >> shift & 63];
	}
	fprintf(out, "'sha256-%.43s='", base64);
}

static struct slice style(void)
{
	return slice_of(report_css, sizeof report_css);
}

static struct slice script(void)
{
	return slice_of(report_js, sizeof report_js);
}

static void write_slice(FILE *out, struct slice text)
{
	fwrite(text.at, 1, text.size, out);
}

/* The text up to a mark "@NAME@", which is stepped over. */
static struct slice up_to(struct slice *rest, const char *mark)
{
	struct slice text = *rest;
	const uint8_t *at = memmem(text.at, text.size, mark, strlen(mark));
	if (!at)
		return text;
	text.size = (uint32_t)(at - rest->at);
	*rest = slice_of(at + strlen(mark), rest->size - text.size - (uint32_t)strlen(mark));
	return text;
}

static struct slice frame(void)
{
	return slice_of(report_html, sizeof report_html);
}

void page_begin(FILE *out, struct slice title, void (*plain)(FILE *out, void *context), void *context)
{
	struct slice rest = frame();
	write_slice(out, up_to(&rest, "@STYLE_HASH@"));
	write_hash(out, style());
	write_slice(out, up_to(&rest, "@SCRIPT_HASH@"));
	write_hash(out, script());
	write_slice(out, up_to(&rest, "@TITLE@"));
	page_text(out, title);
	write_slice(out, up_to(&rest, "@STYLE@"));
	write_slice(out, style());
	write_slice(out, up_to(&rest, "@PLAIN@"));
	plain(out, context);
	write_slice(out, up_to(&rest, "@DATA@"));
}

void page_data_begin(FILE *out, const char *name)
{
	fprintf(out, "<script type=\"application/json\" id=\"data-%s\">", name);
}

void page_data_end(FILE *out)
{
	fputs("</script>\n", out);
}

void page_end(FILE *out)
{
	struct slice rest = frame();
	(void)up_to(&rest, "@DATA@");
	write_slice(out, up_to(&rest, "@SCRIPT@"));
	write_slice(out, script());
	write_slice(out, rest);
}
