/* report_page.h - the frame of the page (report_page.html, .css, .js, built into the program) and the two ways in which text enters
 * it: as HTML, and as JSON in a script element that the browser does not run. */
#ifndef TW_REPORT_PAGE_H
#define TW_REPORT_PAGE_H

#include "../sensor/bytes.h"
#include <stdio.h>

/* Text into HTML, element or quoted attribute: the one place where that is done. */
void page_text(FILE *out, struct slice text);
/* JSON as it may stand in a script element: what could end the element is escaped; never longer than six times its size. */
uint32_t page_json(struct slice json, char *out);

/* The page up to its data, with a title, and with `plain` for readers without scripts; then, between page_data_begin() and
 * page_data_end(), any number of JSON texts, each with a name; then its end. A strict Content-Security-Policy lets the built-in style
 * and script in by their hashes and nothing else. */
void page_begin(FILE *out, struct slice title, void (*plain)(FILE *out, void *context), void *context);
void page_data_begin(FILE *out, const char *name);
void page_data_end(FILE *out);
void page_end(FILE *out);

#endif
