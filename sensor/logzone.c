#include "logzone.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static bool fixed_s(const char *zone, int32_t *out)
{
	unsigned hours, minutes;
	char sign;
	if (strlen(zone) > 6 || (sscanf(zone, "%c%2u:%2u", &sign, &hours, &minutes) != 3 &&
				 sscanf(zone, "%c%2u%2u", &sign, &hours, &minutes) != 3))
		return false;
	if ((sign != '+' && sign != '-') || hours > 14 || minutes > 59)
		return false;
	*out = (int32_t)(hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
	return true;
}

static int32_t fixed(const struct log_clock *clock, int64_t local_s)
{
	int32_t offset = 0;
	(void)local_s;
	fixed_s(clock->zone, &offset);
	return offset;
}

static int32_t offset_at(int64_t utc_s)
{
	time_t at = (time_t)utc_s;
	struct tm tm;
	return localtime_r(&at, &tm) ? (int32_t)tm.tm_gmtoff : 0;
}

/* The process has one zone: another is borrowed for the question. It is asked once for each hour of a log. */
static int32_t named(const struct log_clock *clock, int64_t local_s)
{
	const char *own = getenv("TZ");
	char *kept = own ? strdup(own) : NULL;
	if (clock->zone)
		setenv("TZ", clock->zone, 1);
	tzset();
	int32_t offset = offset_at(local_s - offset_at(local_s));
	if (kept)
		setenv("TZ", kept, 1);
	else if (clock->zone)
		unsetenv("TZ");
	free(kept);
	tzset();
	return offset;
}

bool logzone_set(struct log_clock *clock, const char *zone)
{
	int32_t offset;
	char path[256];
	clock->zone = zone;
	if (!zone || strcmp(zone, "UTC") == 0)
		return true;
	if (fixed_s(zone, &offset)) {
		clock->zone_s = fixed;
		return true;
	}
	clock->zone_s = named;
	if (strcmp(zone, "local") == 0) {
		clock->zone = NULL;
		return true;
	}
	if (strstr(zone, "..") || zone[0] == '/')
		return false;
	snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", zone);
	return access(path, R_OK) == 0;
}
