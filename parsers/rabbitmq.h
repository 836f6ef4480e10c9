/* rabbitmq.h - what rabbitmq.c (records and their envelopes) and rabbitmq_message.c (what the MQTT plug-in says) share. Lines as of
 * RabbitMQ 3.10 and 3.12 to 4.x. */
#ifndef TW_RABBITMQ_H
#define TW_RABBITMQ_H

#include "log_client.h"

struct rabbitmq {
	struct mqtt_event detail;
};
_Static_assert(sizeof(struct rabbitmq) <= LIMIT_LOG_STATE, "fits the memory of a log");

/* `process` is the Erlang process that speaks, "<0.766.0>"; empty when the log does not say. False: not about MQTT. */
bool rabbitmq_message(struct log_parse *parse, struct rabbitmq *r, struct slice process, struct slice text);

#endif
