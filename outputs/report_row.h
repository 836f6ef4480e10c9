/* report_row.h - what the page is told of an alert and of its rule, as JSON. The page's script knows the order. */
#ifndef TW_REPORT_ROW_H
#define TW_REPORT_ROW_H

#include "json.h"
#include "output.h"

/* One alert as a list; borrowed until the next record of json.h. An update tells when the alert was raised. */
struct slice report_row(const struct alert *alert, uint64_t raised_ns);

struct report_rule {
	const struct rule *rule; /* NULL: raised nothing */
	uint64_t alerts, updates;
	uint32_t rows;           /* of the index, see report.c */
};
void report_rule_put(struct json *json, const struct report_rule *rule, uint64_t shown);

#endif
