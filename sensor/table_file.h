/* table_file.h - files of rows that a person or a registry wrote, read whole: comma-separated values (RFC 4180), or tabs. */
#ifndef TW_TABLE_FILE_H
#define TW_TABLE_FILE_H

#include "bytes.h"
#include <stddef.h>

#define TABLE_COLUMNS_MAX 32u

struct table {
	char *bytes;       /* owned; the fields of rows point into it, without their quotes */
	char *at, *end;
	char separator;
	unsigned line;     /* where the last row began, from 1 */
	unsigned next_line;
};

/* False after having put into `why` what is wrong: not there, not readable, empty, larger than LIMIT_REGISTRY_FILE. A byte order
 * mark is stepped over. */
bool table_open(struct table *table, const char *path, char separator, char *why, size_t size);
void table_close(struct table *table);
/* The next row that is not blank: how many fields it has; those beyond the most are left out. 0 at the end. Fields are without
 * the white space around them. */
unsigned table_row(struct table *table, struct slice fields[TABLE_COLUMNS_MAX]);

#endif
