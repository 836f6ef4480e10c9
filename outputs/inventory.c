#include "inventory.h"
#include <inttypes.h>
#include <stdlib.h>

static const char *const formats[] = {"table", "json", "csv", NULL};

const char *inventory_formats(void)
{
	return "table, json, csv";
}

bool inventory_format_valid(const char *name)
{
	for (const char *const *f = formats; *f; f++)
		if (strcmp(*f, name) == 0)
			return true;
	return false;
}

/* --- one cell ------------------------------------------------------------------------------------------------- */

enum { CELL = 8192 };

struct cell {
	uint32_t size;
	char text[CELL];
};

static void cell_add(struct cell *cell, struct slice text)
{
	if (text.size <= CELL - 8 - cell->size)
		cell->size += text_escape(text, cell->text + cell->size, CELL - cell->size);
}

static void cell_text(struct cell *cell, const char *text)
{
	cell_add(cell, slice_text(text));
}

static void cell_number(struct cell *cell, uint64_t number)
{
	char digits[24];
	snprintf(digits, sizeof digits, "%" PRIu64, number);
	cell_text(cell, digits);
}

static void cell_address(struct cell *cell, const struct device *device)
{
	char text[ADDRESS_TEXT_MAX];
	if (memcmp(&device->address, &(struct address){{0}}, sizeof device->address) == 0)
		return;
	address_format(&device->address, text);
	cell_text(cell, text);
}

static void cell_mac(struct cell *cell, const struct device *device)
{
	char text[24];
	const uint8_t *m = device->mac;
	if (!device->mac_known)
		return;
	snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
	cell_text(cell, text);
}

/* At most `most` of its values, then an ellipsis when there are or were others. */
static void cell_facts(struct cell *cell, const struct devices *devices, const struct device *device, enum fact_kind kind, unsigned most,
		       const char *between)
{
	unsigned n = 0;
	for (const struct fact *f = NULL; (f = device_fact(devices, device, kind, f)) && n < most; n++) {
		cell_text(cell, n ? between : "");
		cell_add(cell, name_slice(&f->value));
	}
	if (device->fact_count[kind] > n || device->missed[kind])
		cell_text(cell, " ...");
}

/* --- table ---------------------------------------------------------------------------------------------------- */

static void time_short(uint64_t time_ns, char out[40])
{
	uint32_t size = text_time(time_ns, out);
	out[10] = ' ';
	out[size > 19 ? 19 : size] = 0;
}

/* Columns that a terminal has room for; JSON and CSV have them all. */
static void table_row(const struct devices *devices, const struct device *device, struct cell cells[5])
{
	for (unsigned i = 0; i < 5; i++)
		cells[i].size = 0;
	cell_address(&cells[0], device);
	if (!cells[0].size)
		cell_text(&cells[0], "(not logged)");
	cell_mac(&cells[1], device);
	cell_text(&cells[1], device->mac_varies ? "+" : ""); /* and others */
	cell_facts(&cells[2], devices, device, FACT_CLIENT_ID, 2, ", ");
	if (!cells[2].size)
		cell_facts(&cells[2], devices, device, FACT_NAME, 1, ", ");
	if (!cells[2].size)
		cell_facts(&cells[2], devices, device, FACT_SOFTWARE, 1, ", ");
	cell_facts(&cells[3], devices, device, FACT_PROTOCOL, 4, ", ");
	if (device->fact_count[FACT_APP]) {
		cell_text(&cells[3], cells[3].size ? ", " : "");
		cell_facts(&cells[3], devices, device, FACT_APP, 2, ", ");
	}
	if (device->fact_count[FACT_SERVICE]) {
		cell_text(&cells[4], "serves ");
		cell_facts(&cells[4], devices, device, FACT_SERVICE, 2, ", ");
	}
	if (device->fact_count[FACT_SERVER]) {
		cell_text(&cells[4], cells[4].size ? "; calls " : "calls ");
		cell_facts(&cells[4], devices, device, FACT_SERVER, 2, ", ");
	}
}

/* Columns, not bytes: continuation bytes of UTF-8 take no room. Wide characters are off by one, as everywhere. */
static void table_print(FILE *out, const struct cell *cell, unsigned width)
{
	unsigned columns = 0;
	uint32_t i = 0;
	for (; i < cell->size; i++) {
		bool begins = ((unsigned char)cell->text[i] & 0xc0) != 0x80;
		if (begins && columns == width - 2 && width < 64) {
			fputs("\xe2\x80\xa6", out);
			columns++;
			break;
		}
		columns += begins;
		fputc(cell->text[i], out);
	}
	for (; columns < width && width < 64; columns++)
		fputc(' ', out);
}

static void write_table(FILE *out, struct devices *devices, uint32_t count)
{
	static const unsigned widths[5] = {17, 19, 28, 18, 64};
	static struct cell cells[5];
	char first[40], last[40];
	fprintf(out, "%-17s%-19s%-28s%-18s%-21s%-21s%8s  %s\n", "ADDRESS", "MAC", "NAME", "PROTOCOLS", "FIRST SEEN (UTC)", "LAST SEEN",
		"EVENTS", "SERVES, CALLS");
	for (uint32_t i = 0; i < count; i++) {
		const struct device *device = devices_at(devices, i);
		table_row(devices, device, cells);
		time_short(device->first_ns, first);
		time_short(device->last_ns, last);
		for (unsigned c = 0; c < 4; c++) /* an IPv6 address is longer than its column */
			table_print(out, &cells[c], c == 0 && cells[0].size >= widths[0] ? cells[0].size + 2 : widths[c]);
		fprintf(out, "%-21s%-21s%8" PRIu64 "  ", first, last, device->events);
		table_print(out, &cells[4], widths[4]);
		fputc('\n', out);
	}
	fprintf(out, "%u devices", count);
	if (devices_refused(devices))
		fprintf(out, "; the table is full: %" PRIu64 " mentions of others were not kept", devices_refused(devices));
	fputc('\n', out);
}

/* --- JSON ----------------------------------------------------------------------------------------------------- */

static void put_cell(struct json *json, const char *key, const struct cell *cell)
{
	if (!cell->size)
		return;
	json_key(json, key);
	json_text(json, slice_of(cell->text, cell->size));
}

static void put_count(struct json *json, const char *key, uint64_t number)
{
	json_key(json, key);
	json_number(json, number);
}

static void put_time(struct json *json, const char *key, uint64_t time_ns)
{
	char time[40];
	json_key(json, key);
	json_text(json, slice_of(time, text_time(time_ns, time)));
}

static void put_facts(struct json *json, const struct devices *devices, const struct device *device, enum fact_kind kind)
{
	if (!device->fact_count[kind])
		return;
	json_key(json, fact_name(kind));
	json_list(json);
	for (const struct fact *f = NULL; (f = device_fact(devices, device, kind, f));) {
		json_open(json);
		json_key(json, "value");
		json_text(json, name_slice(&f->value));
		put_count(json, "count", f->count);
		json_close(json);
	}
	json_list_end(json);
}

/* How often there was a value beyond those that are kept. */
static void put_missed(struct json *json, const struct device *device)
{
	bool any = false;
	for (unsigned kind = 0; kind < FACT_KINDS; kind++) {
		if (!device->missed[kind])
			continue;
		if (!any) {
			json_key(json, "not_kept");
			json_open(json);
		}
		any = true;
		put_count(json, fact_name(kind), device->missed[kind]);
	}
	if (any)
		json_close(json);
}

void inventory_put(struct json *json, const struct devices *devices, const struct device *device)
{
	static struct cell cell;
	json_open(json);
	cell.size = 0;
	cell_address(&cell, device);
	put_cell(json, "address", &cell);
	cell.size = 0;
	if (device->label.known)
		cell_add(&cell, name_slice(&device->label));
	put_cell(json, "label", &cell);
	cell.size = 0;
	cell_mac(&cell, device);
	put_cell(json, "mac", &cell);
	if (device->mac_varies) {
		json_key(json, "mac_varies");
		json_bool(json, true);
	}
	put_time(json, "first_seen", device->first_ns);
	put_time(json, "last_seen", device->last_ns);
	put_count(json, "events", device->events);
	put_count(json, "flows", device->flows);
	put_count(json, "packets_sent", device->packets_sent);
	put_count(json, "packets_received", device->packets_received);
	put_count(json, "bytes_sent", device->bytes_sent);
	put_count(json, "bytes_received", device->bytes_received);
	for (unsigned kind = 0; kind < FACT_KINDS; kind++)
		put_facts(json, devices, device, kind);
	put_missed(json, device);
	json_close(json);
}

static void write_json(FILE *out, struct devices *devices, uint32_t count)
{
	fputs("[", out);
	for (uint32_t i = 0; i < count; i++) {
		struct json *json = json_begin();
		inventory_put(json, devices, devices_at(devices, i));
		struct slice text = json_end(json);
		fputs(i ? ",\n" : "\n", out);
		fwrite(text.at, 1, text.size, out);
	}
	fputs("\n]\n", out);
}

/* --- CSV (RFC 4180) ------------------------------------------------------------------------------------------- */

/* A cell that a spreadsheet would take for a formula begins with an apostrophe: nobody's topic runs in the analyst's Excel. Blanks
 * before it do not save it. */
static void csv_cell(FILE *out, const struct cell *cell, bool last)
{
	uint32_t at = 0;
	while (at < cell->size && cell->text[at] == ' ')
		at++;
	fputc('"', out);
	if (at < cell->size && strchr("=+-@|%", cell->text[at]))
		fputc('\'', out);
	for (uint32_t i = 0; i < cell->size; i++) {
		if (cell->text[i] == '"')
			fputc('"', out);
		fputc(cell->text[i], out);
	}
	fputs(last ? "\"\r\n" : "\",", out);
}

static void write_csv(FILE *out, struct devices *devices, uint32_t count)
{
	static struct cell cell;
	fputs("address,label,mac,first_seen,last_seen,events,flows,packets_sent,packets_received,bytes_sent,bytes_received", out);
	for (unsigned kind = 0; kind < FACT_KINDS; kind++)
		fprintf(out, ",%s", fact_name(kind));
	fputs("\r\n", out);
	for (uint32_t i = 0; i < count; i++) {
		const struct device *device = devices_at(devices, i);
		const uint64_t numbers[] = {device->events, device->flows, device->packets_sent, device->packets_received,
					    device->bytes_sent, device->bytes_received};
		for (unsigned c = 0; c < 11 + FACT_KINDS; c++) {
			cell.size = 0;
			if (c == 0)
				cell_address(&cell, device);
			else if (c == 1)
				cell_add(&cell, device->label.known ? name_slice(&device->label) : slice_text(""));
			else if (c == 2)
				cell_mac(&cell, device);
			else if (c < 5)
				cell.size = text_time(c == 3 ? device->first_ns : device->last_ns, cell.text);
			else if (c < 11)
				cell_number(&cell, numbers[c - 5]);
			else
				cell_facts(&cell, devices, device, c - 11, UINT32_MAX, "; ");
			csv_cell(out, &cell, c + 1 == 11 + FACT_KINDS);
		}
	}
}

bool inventory_write(FILE *out, const char *format, struct devices *devices)
{
	uint32_t count = devices_sort(devices);
	if (strcmp(format, "json") == 0)
		write_json(out, devices, count);
	else if (strcmp(format, "csv") == 0)
		write_csv(out, devices, count);
	else
		write_table(out, devices, count);
	return fflush(out) == 0 && !ferror(out);
}
