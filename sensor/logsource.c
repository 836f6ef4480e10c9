#include "logs.h"
#include "hash.h"
#include "log.h"
#include "logzone.h"
#include "../parsers/log_json.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

/* --- which files are which log ------------------------------------------------------------------------------- */

static bool same_log(const struct logs *l, const struct part *a, const struct part *b)
{
	const char *f = a->input.format, *g = b->input.format;
	if (l->options.live) /* its rotated files are looked for where it is */
		return false;
	return a->name.base == b->name.base && memcmp(a->input.path, b->input.path, a->name.base) == 0 &&
	       strcmp(a->input.path, "-") != 0 && (f == g || (f && g && strcmp(f, g) == 0));
}

static int by_age(const void *x, const void *y)
{
	const struct part *a = x, *b = y;
	if (a->name.age != b->name.age)
		return a->name.age > b->name.age ? -1 : 1;
	return a->file < b->file ? -1 : a->file > b->file;
}

static uint64_t file_time_ns(const char *path, uint64_t *bytes)
{
	struct stat of;
	struct timespec now;
	if (strcmp(path, "-") != 0 && stat(path, &of) == 0) {
		*bytes = (uint64_t)of.st_size;
		return (uint64_t)of.st_mtim.tv_sec * TW_SECOND;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * TW_SECOND;
}

static bool clock_begin(struct logs *l, struct log *log, const struct log_input *input)
{
	uint64_t bytes;
	const char *zone = input->time_zone ? input->time_zone : l->options.live ? "local" : NULL;
	log->clock = (struct log_clock){.format = input->time_format};
	log->clock.around_ns = log->arrival_ns = file_time_ns(input->path, &bytes);
	if (logzone_set(&log->clock, zone))
		return true;
	log_error("%s: time zone %s: valid are UTC, local, +hh:mm and the names of the system's zones, as Europe/Berlin", input->path, zone);
	return false;
}

static bool log_begin(struct logs *l, struct part *parts, unsigned count)
{
	struct log *log = aligned_alloc(16, sizeof *log);
	if (!log || l->count == LOGS_MAX) {
		log_error("%s: more than %d logs in one run", parts->input.path, LOGS_MAX);
		free(log);
		return false;
	}
	memset(log, 0, sizeof *log);
	log->parts = parts;
	log->part_count = count;
	log->source = hash_bytes(parts[count - 1].input.path, parts[count - 1].name.base, 0);
	l->logs[l->count++] = log;
	const char *format = parts->input.format;
	if (format && !(log->format = log_format_named(format))) {
		log_error("%s: log format %s: valid formats: %s", parts->input.path, format, log_format_names());
		return false;
	}
	return clock_begin(l, log, &parts[count - 1].input);
}

/* Brings the parts of each log together, in the order in which the logs were named first. */
static bool group(struct logs *l)
{
	struct part *sorted = calloc(l->options.count + 1, sizeof *sorted);
	bool *taken = calloc(l->options.count + 1, sizeof *taken);
	unsigned n = 0;
	bool good = sorted && taken;
	for (unsigned i = 0; good && i < l->options.count; i++) {
		unsigned begin = n;
		for (unsigned j = i; j < l->options.count; j++)
			if (!taken[j] && (j == i || same_log(l, &l->parts[i], &l->parts[j]))) {
				taken[j] = true;
				sorted[n++] = l->parts[j];
			}
		if (n == begin)
			continue;
		qsort(sorted + begin, n - begin, sizeof *sorted, by_age);
		good = log_begin(l, sorted + begin, n - begin);
	}
	free(taken);
	free(l->parts);
	l->parts = sorted;
	return good;
}

/* --- records --------------------------------------------------------------------------------------------------- */

void logs_fault(struct logs *l, const char *path, const char *what)
{
	l->faults++;
	log_error("%s: %s", path, what);
}

static bool part_open(struct logs *l, struct log *log)
{
	while (log->part < log->part_count) {
		const char *path = log->parts[log->part].input.path;
		log->file = logfile_open(path);
		if (log->file)
			return true;
		logs_fault(l, path, strerror(errno));
		log->part++;
	}
	return false;
}

/* Some programs write into files as on a terminal. */
static void without_colours(struct slice *line)
{
	if (memchr(line->at, 0x1b, line->size))
		line->size = log_without_colours(*line, (uint8_t *)(uintptr_t)line->at);
}

void logs_record(struct logs *l, struct log *log, struct log_record *record, struct slice line, bool coloured)
{
	l->options.counters->log_lines++;
	l->options.counters->log_cut += record->cut;
	/* A file that was emptied under its writer begins with a hole, which reads as zeros; padding ends with them. */
	while (line.size && (line.at[line.size - 1] == '\r' || line.at[line.size - 1] == '\0'))
		line.size--;
	while (line.size && line.at[0] == '\0')
		line = slice_of(line.at + 1, line.size - 1);
	if (coloured)
		without_colours(&line);
	uint32_t size = line.size;
	log_unwrap(&log->wrapping, l->json[0], &line, &record->outer_ns);
	if (line.size < size) /* what JSON had escaped may be a colour now */
		without_colours(&line);
	record->line = record->text = line;
	record->host = record->app = (struct slice){NULL, 0};
	record->time_ns = 0;
	record->level = 0;
	record->head.size = 0;
	record->file = log->parts[log->follow ? 0 : log->part].file;
}

static bool line_of(struct logs *l, struct log *log, struct log_record *record)
{
	if (log->follow)
		return logs_followed_line(l, log, record);
	while (log->file || part_open(l, log)) {
		struct slice line;
		const struct logfile_place *place = logfile_place(log->file);
		uint64_t before = place->offset;
		record->number = place->number;
		enum line_result result = logfile_next(log->file, true, &line, &record->cut);
		if (result == LINE_TAKEN) {
			l->options.counters->log_bytes += place->offset - before;
			logs_record(l, log, record, line, logfile_coloured(log->file));
			return true;
		}
		if (result == LINE_DAMAGED) {
			logs_fault(l, log->parts[log->part].input.path, logfile_fault(log->file));
			continue;
		}
		logfile_close(log->file);
		log->file = NULL;
		log->part++;
	}
	return false;
}

void logs_time(struct log *log, struct log_record *record)
{
	log->clock.log = log->format;
	log->format->envelope(&log->clock, record);
	if (record->outer_ns)
		record->time_ns = record->outer_ns;
	if (record->time_ns)
		log->last_ns = log->clock.around_ns = record->time_ns;
	else
		record->time_ns = log->last_ns ? log->last_ns : log->arrival_ns;
}

/* Lines that belong to the record before them are joined to it. */
static bool joined_next(struct logs *l, struct log *log)
{
	struct log_record line;
	if (!log->held && !line_of(l, log, &log->next))
		return false;
	log->record = log->next;
	struct slice first = slice_head(log->record.line, JOINED_MAX);
	memcpy(log->joined, first.at, first.size);
	log->joined_size = first.size;
	log->held = false;
	while (line_of(l, log, &line)) {
		struct slice before = slice_of(log->joined, log->joined_size);
		if (!log->format->continues(before, line.line)) {
			memcpy(log->held_text, line.line.at, line.line.size);
			line.line.at = line.text.at = log->held_text;
			log->next = line;
			log->held = true;
			break;
		}
		if (log->joined_size + line.line.size + 1 > JOINED_MAX) {
			log->record.cut = true;
			continue;
		}
		log->joined[log->joined_size++] = '\n';
		memcpy(log->joined + log->joined_size, line.line.at, line.line.size);
		log->joined_size += line.line.size;
	}
	log->record.line = log->record.text = slice_of(log->joined, log->joined_size);
	return true;
}

static bool format_find(struct logs *l, struct log *log)
{
	static uint8_t head[LIMIT_LOG_HEAD + 1];
	if (part_open(l, log)) { /* standard input has no second look: the first part is looked at in its buffer */
		struct slice ahead = slice_head(logfile_ahead(log->file), LIMIT_LOG_HEAD);
		memcpy(head, ahead.at, ahead.size);
		head[ahead.size] = '\n';
		log->format = log_format_of(slice_of(head, ahead.size + 1));
	}
	for (unsigned i = 1; i < log->part_count && !log->format; i++) {
		uint32_t n = logfile_head(log->parts[i].input.path, head, LIMIT_LOG_HEAD);
		head[n] = '\n';
		log->format = log_format_of(slice_of(head, n + 1));
	}
	if (log->format)
		return true;
	char what[1200];
	snprintf(what, sizeof what, "neither a capture nor a log of a known format; name it with --log FORMAT:FILE, FORMAT one of %s",
		 log_format_names());
	logs_fault(l, log->parts->input.path, what);
	return false;
}

bool logs_buffers(struct log *log)
{
	if (!log->format->continues)
		return true;
	log->joined = malloc(JOINED_MAX);
	log->held_text = malloc(LIMIT_LOG_RECORD);
	return log->joined && log->held_text;
}

void logs_next(struct logs *l, struct log *log)
{
	log->ready = log->format->continues ? joined_next(l, log) : line_of(l, log, &log->record);
	if (log->ready)
		logs_time(log, &log->record);
}

/* --- events ---------------------------------------------------------------------------------------------------- */

static void emit(struct log_parse *parse, const struct event *event)
{
	struct logs *l = parse->owner;
	l->options.event(l->options.context, event);
}

/* Nobody knows what a line holds that is not understood: behind a word that announces a secret it is not shown. */
static void hide_secrets(char *text)
{
	static const char *const words[] = {"passw", "pwd", "secret", "token", "authorization", "cookie", "api_key", "apikey"};
	for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
		char *word = strcasestr(text, words[i]);
		if (word)
			word[strlen(words[i])] = '\0';
	}
}

static void keep_example(struct logs *l, const struct log *log)
{
	struct slice line = slice_head(log->record.line, EXAMPLE_BYTES);
	char *out = l->example;
	if (l->example_line)
		return;
	l->example_line = log->record.number;
	l->example_file = log->record.file;
	for (uint32_t i = 0; i < line.size; i++)
		out += line.at[i] >= 0x20 && line.at[i] < 0x7f && line.at[i] != '\\' ? sprintf(out, "%c", line.at[i])
										      : sprintf(out, "\\x%02x", line.at[i]);
	hide_secrets(l->example);
}

void logs_deliver(struct logs *l, struct log *log)
{
	struct log_parse *p = &l->parse;
	const struct log_record *record = &log->record;
	p->format = log->format;
	p->state = log->state;
	p->record = record;
	p->source = log->source;
	p->about = NULL;
	p->ends = (struct ends){0};
	p->session = (struct session){0};
	p->log = (struct log_detail){.format = log->format->name, .source = log->source, .count = 1, .level = record->level,
				     .cut = record->cut};
	p->base = (struct event){.time_ns = record->time_ns, .ends = &p->ends, .session = &p->session, .log = &p->log,
				 .frame = record->number, .source = SOURCE_LOG, .file = record->file, .app_proto = log->format->app_proto};
	if (log->format->parse(p) == LOG_UNREADABLE) {
		l->options.counters->log_unreadable++;
		keep_example(l, log);
	}
}

/* --- the merge ------------------------------------------------------------------------------------------------- */

void logs_find_first(struct logs *l)
{
	l->first = NULL;
	l->second_ns = UINT64_MAX;
	for (unsigned i = 0; i < l->count; i++) {
		struct log *log = l->logs[i];
		if (!log->ready)
			continue;
		if (!l->first || log->record.time_ns < l->first->record.time_ns) {
			l->second_ns = l->first ? l->first->record.time_ns : l->second_ns;
			l->first = log;
		} else if (log->record.time_ns < l->second_ns) {
			l->second_ns = log->record.time_ns;
		}
	}
}

bool logs_peek(struct logs *l, uint64_t *time_ns)
{
	if (!l->first)
		return false;
	*time_ns = l->first->record.time_ns;
	return true;
}

void logs_run(struct logs *l, uint64_t until_ns)
{
	for (unsigned n = 0; n < AT_ONCE && l->first && (!n || l->first->record.time_ns < until_ns); n++) {
		struct log *log = l->first;
		logs_deliver(l, log);
		logs_next(l, log);
		if (!log->ready || log->record.time_ns >= l->second_ns)
			logs_find_first(l);
	}
}

/* --- life ------------------------------------------------------------------------------------------------------ */

static void begin_all(struct logs *l)
{
	for (unsigned i = 0; i < l->count; i++) {
		struct log *log = l->logs[i];
		if (l->options.live) {
			const char *path = log->parts->input.path;
			const struct follow_place *from = l->options.state ? logstate_log(l->options.state, path) : NULL;
			log->follow = follow_open(path, from, l->options.state != NULL);
			log->after_known = log->follow && follow_place(log->follow, &log->after);
			if (!log->follow || (log->format && !logs_buffers(log)))
				logs_fault(l, path, "not enough memory");
			continue;
		}
		if (!log->format && !format_find(l, log))
			continue;
		if (!logs_buffers(log))
			logs_fault(l, log->parts->input.path, "not enough memory");
		else
			logs_next(l, log);
	}
	logs_find_first(l);
}

struct logs *logs_open(const struct logs_options *options)
{
	struct logs *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	l->options = *options;
	l->parts = calloc(options->count + 1, sizeof *l->parts);
	l->sessions = log_sessions_open(options->sessions, options->counters);
	for (unsigned i = 0; l->parts && i < options->count; i++) {
		struct part *part = &l->parts[i];
		*part = (struct part){.input = options->inputs[i], .file = (uint16_t)(options->first_file + i),
				      .name = logset_name(options->inputs[i].path)};
		file_time_ns(part->input.path, &part->bytes);
	}
	bool good = l->parts && l->sessions && group(l) && logs_listen(l);
	for (unsigned i = 0; good && i < 2; i++)
		good = (l->json[i] = log_json_open()) != NULL;
	if (!good) {
		logs_close(l);
		return NULL;
	}
	l->parse = (struct log_parse){.sessions = l->sessions, .json = {l->json[0], l->json[1]}, .counters = options->counters,
				      .emit = emit, .owner = l};
	begin_all(l);
	return l;
}

void logs_close(struct logs *l)
{
	if (!l)
		return;
	for (unsigned i = 0; i < l->count; i++) {
		logfile_close(l->logs[i]->file);
		follow_close(l->logs[i]->follow);
		free(l->logs[i]->joined);
		free(l->logs[i]->held_text);
		free(l->logs[i]);
	}
	logs_listen_close(l);
	log_json_close(l->json[0]);
	log_json_close(l->json[1]);
	log_sessions_close(l->sessions);
	free(l->parts);
	free(l);
}

const char *logs_file_name(const struct logs *l, uint16_t file)
{
	return file >= l->options.first_file && file - l->options.first_file < (int)l->options.count
		       ? l->options.inputs[file - l->options.first_file].path
	       : file - l->options.first_file - (int)l->options.count < (int)l->receiver_count && file >= l->options.first_file
		       ? l->receivers[file - l->options.first_file - (int)l->options.count].part.input.path : "";
}

unsigned logs_faults(const struct logs *l)
{
	return l->faults;
}

void logs_progress(const struct logs *l, uint64_t *done, uint64_t *total)
{
	for (unsigned i = 0; i < l->count; i++)
		for (unsigned j = 0; j < l->logs[i]->part_count; j++) {
			const struct log *log = l->logs[i];
			*total += log->parts[j].bytes;
			if (j < log->part)
				*done += log->parts[j].bytes;
			else if (j == log->part && log->file && logfile_descriptor(log->file) >= 0)
				*done += logfile_place(log->file)->offset;
		}
}

void logs_print(const struct logs *l, FILE *out)
{
	const struct counters *c = l->options.counters;
	fprintf(out, "logs       %" PRIu64 " lines, %" PRIu64 " bytes", c->log_lines, c->log_bytes);
	const char *between = ";";
	for (unsigned i = 0; i < l->count; i++) {
		const struct log_format *format = l->logs[i]->format;
		unsigned before = 0, all = 0;
		for (unsigned j = 0; j < l->count; j++)
			if (l->logs[j]->format == format) {
				before += j < i;
				all++;
			}
		if (!format || before)
			continue;
		fprintf(out, "%s %u %s", between, all, format->name);
		between = ",";
	}
	fprintf(out, "\n");
	if (l->example_line)
		fprintf(out, "  first line not understood: %s line %u: %s\n", logs_file_name(l, l->example_file), l->example_line,
			l->example);
}
