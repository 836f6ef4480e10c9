#include "report.h"
#include "inventory.h"
#include "put.h"
#include "report_page.h"
#include "report_row.h"
#include "report_time.h"
#include "../sensor/log.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A browser opens a page of this size in seconds; of more alerts than fit the page shows the first of each rule. */
enum { ROWS_BYTES = 30 << 20, DEVICES_MAX = 4000, PATH_MAX_BYTES = 4096, FILES = UINT16_MAX + 1, BUFFER = 1 << 18, WIDEST = 6 };

/* Where the row of an alert, or of its last update, lies in the temporary file. */
struct row {
	uint64_t key, offset, raised_ns;
	uint32_t size, rank; /* rank: it is this rule's so many-th, from 1 */
	uint32_t next;
	uint16_t rule;
};

struct file_seen {
	uint64_t records, bytes, first_ns, last_ns;
	bool is_log;
};

struct report {
	char path[PATH_MAX_BYTES], part[PATH_MAX_BYTES + 8];
	const struct record_context *context;
	FILE *spool;
	bool failed, device; /* device: `path` is no file that a whole page could take the place of */
	uint64_t spooled, rows_bytes; /* rows_bytes: of rows that no update has replaced */
	struct row *rows;
	uint32_t *buckets;
	uint32_t row_count;
	uint64_t not_kept;
	struct report_rule rules[LIMIT_RULES];
	struct report_time time;
	struct file_seen *files;
	char escaped[WIDEST * BUFFER * 2];
};

static bool fail(struct report *r, const char *path)
{
	if (!r->failed)
		log_error("report %s: %s", path, strerror(errno));
	r->failed = true;
	return false;
}

/* A page takes the place of a file only when it is whole. A device or a pipe is written to as it is: nothing may take its place. */
static bool path_good(struct report *r, const char *path)
{
	struct stat stat_of;
	if (strlen(path) >= PATH_MAX_BYTES - 8)
		errno = ENAMETOOLONG;
	else if (stat(path, &stat_of) != 0)
		return errno == ENOENT;
	else if (S_ISDIR(stat_of.st_mode))
		errno = EISDIR;
	else if (S_ISSOCK(stat_of.st_mode))
		errno = EINVAL;
	else
		return r->device = !S_ISREG(stat_of.st_mode), true;
	return false;
}

static FILE *open_part(struct report *r, const char *ending, const char *mode)
{
	snprintf(r->part, sizeof r->part, "%s.%s", r->path, ending);
	(void)unlink(r->part);
	int file = open(r->part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	FILE *out = file < 0 ? NULL : fdopen(file, mode);
	if (!out && file >= 0)
		close(file);
	return out;
}

struct report *report_open(const char *path, const struct record_context *context)
{
	struct report *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->context = context;
	snprintf(r->path, sizeof r->path, "%s", path);
	r->rows = calloc(LIMIT_REPORT_ALERTS, sizeof *r->rows);
	r->buckets = calloc(LIMIT_REPORT_ALERTS, sizeof *r->buckets);
	r->files = calloc(FILES, sizeof *r->files);
	if (path_good(r, path) && r->rows && r->buckets && r->files)
		r->spool = r->device ? tmpfile() : open_part(r, "rows", "w+");
	if (r->spool) {
		if (!r->device)
			(void)unlink(r->part); /* nobody else needs its name, and it goes with us whatever happens */
		return r;
	}
	(void)fail(r, path);
	(void)report_close(r, NULL);
	return NULL;
}

/* --- while the run goes on ------------------------------------------------------------------------------------ */

void report_seen(struct report *r, uint16_t file, bool is_log, uint64_t time_ns, uint32_t bytes)
{
	struct file_seen *f = &r->files[file];
	f->first_ns = !f->records || time_ns < f->first_ns ? time_ns : f->first_ns;
	f->last_ns = time_ns > f->last_ns ? time_ns : f->last_ns;
	f->records++;
	f->bytes += bytes;
	f->is_log = is_log;
	report_time_seen(&r->time, time_ns, bytes);
}

/* The row that this alert updates, or a new one; NULL when there are too many. */
static struct row *row_of(struct report *r, const struct alert *alert)
{
	uint64_t key = alert->episode;
	uint32_t *bucket = &r->buckets[key % LIMIT_REPORT_ALERTS]; /* numbered from 1 */
	for (uint32_t i = *bucket; alert->update && i; i = r->rows[i - 1].next)
		if (r->rows[i - 1].key == key)
			return &r->rows[i - 1];
	if (r->row_count == LIMIT_REPORT_ALERTS)
		return NULL;
	struct row *row = &r->rows[r->row_count++];
	*row = (struct row){.key = key, .raised_ns = alert->time_ns, .next = *bucket, .rule = (uint16_t)alert->rule->index,
			    .rank = ++r->rules[alert->rule->index].rows};
	*bucket = r->row_count;
	return row;
}

void report_alert(struct report *r, const struct alert *alert)
{
	struct report_rule *rule = &r->rules[alert->rule->index % LIMIT_RULES];
	rule->rule = alert->rule;
	rule->alerts += !alert->update;
	rule->updates += alert->update != 0;
	if (!alert->update)
		report_time_alert(&r->time, alert->time_ns, alert->rule->level);
	struct row *row = r->failed ? NULL : row_of(r, alert);
	if (!row) {
		r->not_kept += !alert->update;
		return;
	}
	struct slice json = report_row(alert, row->raised_ns);
	uint32_t size = page_json(json, r->escaped);
	r->rows_bytes += size;
	r->rows_bytes -= row->size;
	row->offset = r->spooled;
	row->size = size;
	r->spooled += size;
	if (fwrite(r->escaped, 1, size, r->spool) != size)
		(void)fail(r, r->path);
}

/* --- the page ------------------------------------------------------------------------------------------------- */

static uint64_t rows_bytes_below(const struct report *r, uint32_t cap)
{
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < r->row_count; i++)
		bytes += r->rows[i].rank <= cap ? r->rows[i].size + 1u : 0u;
	return bytes;
}

/* How many rows of each rule the page has room for. */
static uint32_t rows_cap(const struct report *r)
{
	uint32_t low = 0, high = r->row_count;
	if (r->rows_bytes + r->row_count <= ROWS_BYTES)
		return UINT32_MAX;
	while (low + 1 < high) {
		uint32_t middle = low + (high - low) / 2;
		if (rows_bytes_below(r, middle) <= ROWS_BYTES)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static void write_json(struct report *r, FILE *out, struct json *json)
{
	fwrite(r->escaped, 1, page_json(json_end(json), r->escaped), out);
}

static bool write_rows(struct report *r, FILE *out, uint32_t cap)
{
	const char *between = "";
	bool good = fflush(r->spool) == 0;
	page_data_begin(out, "alerts");
	fputc('[', out);
	for (uint32_t i = 0; good && i < r->row_count; i++) {
		const struct row *row = &r->rows[i];
		if (row->rank > cap || !row->size)
			continue;
		good = pread(fileno(r->spool), r->escaped, row->size, (off_t)row->offset) == (ssize_t)row->size;
		fputs(between, out);
		fwrite(r->escaped, 1, row->size, out);
		between = ",";
	}
	fputc(']', out);
	page_data_end(out);
	return good;
}

static void write_rules(struct report *r, FILE *out, uint32_t cap)
{
	const char *between = "";
	page_data_begin(out, "rules");
	fputc('[', out);
	for (const struct report_rule *rule = r->rules; rule < r->rules + LIMIT_RULES; rule++) {
		if (!rule->rule)
			continue;
		struct json *json = json_begin();
		report_rule_put(json, rule, rule->rows < cap ? rule->rows : cap);
		fputs(between, out);
		write_json(r, out, json);
		between = ",";
	}
	fputc(']', out);
	page_data_end(out);
}

static bool alerted(const struct device *device)
{
	uint32_t any = 0;
	for (unsigned level = 0; level < DEVICE_LEVELS; level++)
		any |= device->alerts[level];
	return any != 0;
}

/* All devices; when they are too many, those with alerts go first. */
static void write_devices(struct report *r, FILE *out, const struct report_facts *facts)
{
	uint32_t count = devices_sort(facts->devices), written = 0;
	page_data_begin(out, "devices");
	fputc('[', out);
	for (unsigned pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < count && written < DEVICES_MAX; i++) {
			const struct device *device = devices_at(facts->devices, i);
			if (alerted(device) == (pass == 1))
				continue;
			struct json *json = json_begin();
			json_list(json);
			for (unsigned level = 0; level < DEVICE_LEVELS; level++)
				json_number(json, device->alerts[level]);
			inventory_put(json, facts->devices, device);
			json_list_end(json);
			fputs(written++ ? "," : "", out);
			write_json(r, out, json);
		}
	fputc(']', out);
	page_data_end(out);
}

static void put_counters(struct json *json, const struct report_facts *facts)
{
	json_key(json, "counters");
	json_list(json);
#define X(name, help) \
	if (facts->counters->name) { \
		json_list(json); \
		json_cstring(json, #name); \
		json_number(json, facts->counters->name); \
		json_cstring(json, help); \
		json_list_end(json); \
	}
	TW_COUNTERS(X)
#undef X
	json_list_end(json);
}

/* [index, name, is it a log, frames or records, bytes, first, last, what is wrong with it] */
static void put_file(struct json *json, const struct report *r, const struct report_facts *facts, uint16_t file)
{
	enum { MS = 1000000 };
	const struct file_seen *f = &r->files[file];
	const char *fault = facts->file_fault(facts->inputs, file);
	json_list(json);
	json_number(json, file);
	json_text(json, slice_text(r->context->file_name(r->context->owner, file)));
	json_number(json, f->is_log);
	json_number(json, f->records);
	json_number(json, f->bytes);
	json_number(json, f->first_ns / MS);
	json_number(json, f->last_ns / MS);
	json_text(json, slice_text(fault ? fault : ""));
	json_list_end(json);
}

static void write_files(struct report *r, FILE *out, const struct report_facts *facts)
{
	const char *between = "";
	page_data_begin(out, "files");
	fputc('[', out);
	for (unsigned file = 0; file < FILES; file++) {
		if (!r->files[file].records && !facts->file_fault(facts->inputs, (uint16_t)file))
			continue;
		struct json *json = json_begin();
		put_file(json, r, facts, (uint16_t)file);
		fputs(between, out);
		write_json(r, out, json);
		between = ",";
	}
	fputc(']', out);
	page_data_end(out);
}

static void put_census(struct json *json, struct census *census)
{
	static const char *const kinds[] = {"version", "suite", "app"};
	unsigned count = census_sort(census);
	json_key(json, "census");
	json_list(json);
	for (unsigned i = 0; i < count; i++) {
		const struct census_row *row = census_at(census, i);
		json_list(json);
		json_cstring(json, kinds[row->kind]);
		json_text(json, name_slice(&row->name));
		json_cstring(json, row->version);
		json_cstring(json, row->tier);
		json_number(json, row->count);
		json_number(json, row->packets);
		json_number(json, row->bytes);
		json_number(json, row->reading);
		json_list_end(json);
	}
	json_list_end(json);
}

static void write_about(struct report *r, FILE *out, const struct report_facts *facts)
{
	const struct census_flows *flows = census_flows(facts->census);
	struct json *json = json_begin();
	page_data_begin(out, "about");
	json_open(json);
	put_cstring(json, "version", TW_VERSION);
	put_cstring(json, "sensor", r->context->sensor_name);
	put_number(json, "not_kept", r->not_kept);
	put_number(json, "dropped", facts->dropped);
	put_number(json, "faults", facts->faults);
	put_number(json, "devices", devices_sort(facts->devices));
	put_number(json, "devices_refused", devices_refused(facts->devices));
	put_number(json, "flows", flows->flows);
	put_number(json, "one_sided", flows->one_sided);
	put_number(json, "midstream", flows->midstream);
	put_number(json, "encrypted", flows->encrypted);
	put_number(json, "unread", flows->unread);
	put_number(json, "unread_bytes", flows->unread_bytes);
	put_counters(json, facts);
	put_census(json, facts->census);
	json_close(json);
	write_json(r, out, json);
	page_data_end(out);
	page_data_begin(out, "time");
	json = json_begin();
	report_time_put(json, &r->time);
	write_json(r, out, json);
	page_data_end(out);
}

/* For a reader without scripts: which rules raised how much. */
static void write_plain(FILE *out, void *context)
{
	const struct report *r = context;
	fputs("<table><thead><tr><th>Level</th><th>Rule</th><th>What happened</th><th>Alerts</th></tr></thead><tbody>\n", out);
	for (int level = LEVEL_CRITICAL; level >= LEVEL_INFORMATIONAL; level--)
		for (const struct report_rule *rule = r->rules; rule < r->rules + LIMIT_RULES; rule++) {
			if (!rule->rule || rule->rule->level != (enum level)level)
				continue;
			fprintf(out, "<tr><td>%s</td><td>", level_name((unsigned)level));
			page_text(out, slice_text(rule->rule->name ? rule->rule->name : rule->rule->id));
			fputs("</td><td>", out);
			page_text(out, slice_text(rule->rule->title));
			fprintf(out, "</td><td>%" PRIu64 "</td></tr>\n", rule->alerts);
		}
	fputs("</tbody></table>\n", out);
}

static bool write_page(struct report *r, FILE *out, const struct report_facts *facts)
{
	uint32_t cap = rows_cap(r);
	char title[256];
	snprintf(title, sizeof title, "%s%sthingwarden report", r->context->sensor_name ? r->context->sensor_name : "",
		 r->context->sensor_name ? " - " : "");
	page_begin(out, slice_text(title), write_plain, r);
	write_about(r, out, facts);
	write_files(r, out, facts);
	write_rules(r, out, cap);
	write_devices(r, out, facts);
	bool good = write_rows(r, out, cap);
	page_end(out);
	return good;
}

static bool publish(struct report *r, const struct report_facts *facts)
{
	FILE *out = r->device ? fopen(r->path, "we") : open_part(r, "part", "w");
	if (!out)
		return fail(r, r->path);
	bool good = write_page(r, out, facts) && !ferror(out) && fflush(out) == 0 && (r->device || fsync(fileno(out)) == 0);
	good = (fclose(out) == 0) && good;
	if (good && (r->device || rename(r->part, r->path) == 0))
		return true;
	(void)fail(r, r->path);
	if (!r->device)
		(void)unlink(r->part);
	return false;
}

bool report_close(struct report *r, const struct report_facts *facts)
{
	if (!r)
		return true;
	bool good = !r->failed && (!facts || publish(r, facts));
	if (r->spool)
		fclose(r->spool);
	free(r->rows);
	free(r->buckets);
	free(r->files);
	free(r);
	return good;
}
