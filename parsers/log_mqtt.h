/* log_mqtt.h - the MQTT detail of a log's events: what rules about mqtt.* fields see of a log. Only what is set has its
 * presence bit; the rest of the struct is never read, so it need not be zeroed. */
#ifndef TW_LOG_MQTT_H
#define TW_LOG_MQTT_H

#include "log_line.h"
#include "mqtt.h"

/* An event with the detail, of this MQTT packet; the caller sets members and bits. */
static inline struct event log_mqtt_event(const struct log_parse *parse, struct mqtt_event *detail, enum mqtt_type type,
					  enum action action, enum outcome outcome, const char *reason)
{
	struct event event = log_event(parse, PROTOCOL_MQTT, action, outcome, reason);
	event.detail = detail;
	event.fields = mqtt_fields;
	event.message = (uint8_t)type;
	detail->type = (uint8_t)type;
	return event;
}

#endif
