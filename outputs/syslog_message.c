#include "syslog_message.h"
#include "json.h"
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_MAX = 4096 };

static uint32_t add(char *out, uint32_t n, const char *format, ...) __attribute__((format(printf, 3, 4)));
static uint32_t add(char *out, uint32_t n, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int m = vsnprintf(out + n, HEAD_MAX - n, format, arguments);
	va_end(arguments);
	return m > 0 && (uint32_t)m < HEAD_MAX - n ? n + (uint32_t)m : HEAD_MAX - 1;
}

/* PARAM-VALUE (RFC 5424 section 6.3.3): UTF-8, with a backslash before ", \ and ]. */
static uint32_t add_param(char *out, uint32_t n, const char *name, struct slice value)
{
	char safe[256];
	uint32_t size = text_escape(value, safe, sizeof safe);
	n = add(out, n, " %s=\"", name);
	for (uint32_t i = 0; i < size && n + 8 < HEAD_MAX; i++) {
		if (safe[i] == '"' || safe[i] == '\\' || safe[i] == ']')
			out[n++] = '\\';
		out[n++] = safe[i];
	}
	return add(out, n, "\"");
}

static uint32_t add_address(char *out, uint32_t n, const char *name, const struct address *address)
{
	char text[ADDRESS_TEXT_MAX];
	return add_param(out, n, name, slice_of(text, address_format(address, text)));
}

/* 32473 is the enterprise number that IANA keeps for examples (RFC 5612): this project has none of its own. */
static uint32_t add_structured(char *out, uint32_t n, const struct record *r)
{
	if (!r->is_alert)
		return add(out, n, "-");
	n = add(out, n, "[thingwarden@32473");
	n = add_param(out, n, "rule", slice_text(r->rule));
	n = add_param(out, n, "level", slice_text(level_name(r->level)));
	n = add(out, n, " id=\"%016llx\" update=\"%u\"", (unsigned long long)r->id, r->update);
	n = add_address(out, n, "src_ip", &r->client);
	n = add(out, n, " src_port=\"%u\"", r->client_port);
	n = add_address(out, n, "dest_ip", &r->server);
	n = add(out, n, " dest_port=\"%u\"", r->server_port);
	if (r->client_id.known)
		n = add_param(out, n, "client_id", name_slice(&r->client_id));
	if (r->user.known)
		n = add_param(out, n, "user", name_slice(&r->user));
	return add(out, n, "]");
}

static uint32_t head_write(const struct syslog_style *style, const struct record *r, unsigned priority, char *out)
{
	char stamp[40];
	uint32_t size = text_time(r->time_ns, stamp), n;
	n = add(out, 0, "<%u>1 %.*sZ %s thingwarden %d %s ", priority, (int)(size - 5), stamp, style->host, (int)getpid(),
		r->is_alert ? "alert" : "event");
	n = add_structured(out, n, r);
	return add(out, n, " ");
}

/* RFC 3164 section 4.1: this machine's time, English months, a day below ten behind a space. */
static uint32_t old_head_write(const struct syslog_style *style, const struct record *r, unsigned priority, char *out)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = {0};
	localtime_r(&(time_t){(time_t)(r->time_ns / TW_SECOND)}, &tm);
	return add(out, 0, "<%u>%.3s %2d %02d:%02d:%02d %s%sthingwarden[%d]: ", priority, months + 3 * tm.tm_mon, tm.tm_mday, tm.tm_hour,
		   tm.tm_min, tm.tm_sec, style->local ? "" : style->host, style->local ? "" : " ", (int)getpid());
}

uint32_t syslog_message(const struct syslog_style *style, const struct record *r, char *out)
{
	/* informational, notice, warning, error, critical of RFC 5424 section 6.2.1 */
	static const unsigned severities[] = {6, 5, 4, 3, 2};
	unsigned priority = style->facility * 8 + severities[r->level];
	uint32_t head = style->old ? old_head_write(style, r, priority, out) : head_write(style, r, priority, out);
	if (r->bytes.size > SYSLOG_MESSAGE_MAX - head)
		return 0;
	char *message = out + head;
	if (r->bytes.size)
		memcpy(message, r->bytes.at, r->bytes.size);
	for (char *at = message; (at = memchr(at, '\n', (size_t)(message + r->bytes.size - at)));)
		*at = ' ';
	return head + r->bytes.size;
}

int syslog_facility(const char *name)
{
	static const char *const names[] = {"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
		"authpriv", "ftp", "ntp", "security", "console", "clock", "local0", "local1", "local2", "local3", "local4", "local5",
		"local6", "local7"};
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], name ? name : "local4") == 0)
			return (int)i;
	return -1;
}

/* No spaces, nothing but visible ASCII. */
void syslog_set_host(struct syslog_style *style, const char *name)
{
	if (name)
		snprintf(style->host, sizeof style->host, "%s", name);
	else if (gethostname(style->host, sizeof style->host - 1) != 0)
		strcpy(style->host, "-");
	for (char *at = style->host; *at; at++)
		if (*at <= ' ' || *at > '~')
			*at = '_';
	if (!*style->host)
		strcpy(style->host, "-");
}
