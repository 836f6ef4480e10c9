/* log_wrapping.h - what engines of containers put around the lines of a program.
 *
 *     broker-1  | LINE                                               docker compose logs
 *     2026-11-23T14:50:39.607730123Z LINE                            docker logs -t, kubectl logs --timestamps
 *     2026-11-23T14:50:39.607730123Z stdout F LINE                   Kubernetes: containerd, CRI-O
 *     {"log":"LINE\n","stream":"stdout","time":"2026-11-23T..."}     Docker's json-file
 *     {"MESSAGE":"LINE","__REALTIME_TIMESTAMP":"1795444239607730"}   journalctl -o json
 */
#ifndef TW_LOG_WRAPPING_H
#define TW_LOG_WRAPPING_H

#include "../parsers/log_json.h"

/* One for each log, zeroed: the kind shows in the first lines, and then holds for all. A line that is not wrapped so stays as it is. */
struct log_wrapping {
	uint8_t kind;
	uint32_t lines; /* looked at in search of it */
};

/* Sets *line to the line within, which may be rewritten in its place (escapes), and *time_ns to the engine's time, 0 when it tells
 * none. */
void log_unwrap(struct log_wrapping *wrapping, struct log_json *json, struct slice *line, uint64_t *time_ns);

#endif
