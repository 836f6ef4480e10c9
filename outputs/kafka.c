/* kafka: one message for each record (only user of librdkafka). The producer is idempotent: what it repeats is there once and in
 * order within its partition. A message has the record as value, the alert's time as timestamp, a key by `message_key`, and the
 * headers id, rule and level. An answer is given when the partition's replicas have the message, or have refused it. */
#include "output.h"
#include "secret.h"
#include "../sensor/log.h"
#include "../sensor/steady.h"
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

/* A message is given up, and later offered again, before the time of a send() is over. */
enum { BATCH = 500, TIMEOUT_S = 10, PURGE_MS = 2000, DENIED_MS = 60000, SAID_MAX = 256 };

struct kafka {
	const struct config_output *config;
	rd_kafka_t *producer;      /* NULL: to be made anew */
	struct sending *sending;   /* while send() runs */
	uintptr_t turn;            /* of what was produced together: what was given up earlier may still report */
	unsigned limit, produced;  /* most that is produced together; how many were */
	bool too_large;            /* what was produced together was */
	bool denied, refused_said;
	bool said, denial_said;    /* until all is well */
	bool away;                 /* something was said, and all is not well since */
};

/* Each broker has words of its own: the first are enough, and the first that a person has to do something about. */
static void complain(struct kafka *self, const char *text, bool denial)
{
	bool *said = denial ? &self->denial_said : &self->said;
	char clean[SAID_MAX];
	self->away = true;
	if (*said)
		return;
	snprintf(clean, sizeof clean, "%s", text);
	for (char *at = clean; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	log_error("kafka %s: %s; what is to be sent waits", self->config->address, clean);
	*said = self->said = true;
}

/* --- what librdkafka reports ----------------------------------------------------------------------------------- */

static bool forever(rd_kafka_resp_err_t error)
{
	return error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || error == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE ||
	       error == RD_KAFKA_RESP_ERR_INVALID_RECORD || error == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE;
}

/* What a person has to put right. */
static bool is_denial(rd_kafka_resp_err_t error)
{
	return error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED || error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
	       error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
	       error == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION || error == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
	       error == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED || error == RD_KAFKA_RESP_ERR__SSL;
}

static enum sent answer_of(struct kafka *self, rd_kafka_resp_err_t error)
{
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		return SENT_OK;
	/* A broker measures what came together: fewer may be taken. */
	if (forever(error) && self->produced > 1) {
		self->too_large = true;
		return SENT_RETRY;
	}
	if (forever(error)) {
		if (!self->refused_said)
			log_error("kafka %s: a record is refused for good: %s (said once)", self->config->address, rd_kafka_err2str(error));
		self->refused_said = true;
		return SENT_REFUSED;
	}
	self->denied |= is_denial(error);
	complain(self, rd_kafka_err2str(error), is_denial(error));
	return SENT_RETRY;
}

/* Of a message: which send() it is of, and which of its records. */
static void *tag_of(uintptr_t turn, unsigned record)
{
	union { uintptr_t number; void *tag; } tag = {turn << 16 | record};
	return tag.tag;
}

static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *handle)
{
	struct kafka *self = handle;
	union { void *tag; uintptr_t number; } tag = {message->_private};
	(void)producer;
	if (!self->sending || tag.number >> 16 != self->turn)
		return;
	self->sending->answers[tag.number & 0xffff] = answer_of(self, message->err);
}

static void on_error(rd_kafka_t *producer, int error, const char *reason, void *handle)
{
	struct kafka *self = handle;
	(void)producer;
	self->denied |= is_denial(error);
	complain(self, reason, is_denial(error));
}

/* --- the producer ---------------------------------------------------------------------------------------------- */

static bool set(rd_kafka_conf_t *conf, const char *key, const char *value, const char *place)
{
	char why[256];
	if (!value || rd_kafka_conf_set(conf, key, value, why, sizeof why) == RD_KAFKA_CONF_OK)
		return true;
	/* librdkafka's words would hold the value: it may be a secret */
	log_error("%s: kafka: librdkafka does not take %s", place, key);
	return false;
}

static uint32_t timeout_s(const struct config_output *config)
{
	return config->timeout_s ? config->timeout_s : TIMEOUT_S;
}

static bool set_security(rd_kafka_conf_t *conf, const struct config_output *config, struct secret *password)
{
	const struct config_tls *tls = &config->tls;
	const char *place = config->place;
	bool good = set(conf, "security.protocol", tls->on ? (config->sasl ? "sasl_ssl" : "ssl") :
			config->sasl ? "sasl_plaintext" : "plaintext", place);
	if (tls->on) {
		good = set(conf, "ssl.ca.location", tls->ca, place) && good;
		good = set(conf, "ssl.certificate.location", tls->certificate, place) && good;
		good = set(conf, "ssl.key.location", tls->key, place) && good;
		good = set(conf, "enable.ssl.certificate.verification", tls->verify ? "true" : "false", place) && good;
		good = set(conf, "ssl.endpoint.identification.algorithm", tls->verify ? "https" : "none", place) && good;
	}
	if (!config->sasl)
		return good;
	good = set(conf, "sasl.mechanisms", config->sasl, place) && set(conf, "sasl.username", config->user, place) && good;
	return secret_read(password, &config->password, "kafka", "password") && set(conf, "sasl.password", password->text, place) && good;
}

static bool set_all(rd_kafka_conf_t *conf, const struct config_output *config)
{
	const char *place = config->place;
	char timeout[16];
	snprintf(timeout, sizeof timeout, "%u", timeout_s(config) * 1000);
	bool good = set(conf, "bootstrap.servers", config->address, place);
	good = set(conf, "client.id", "thingwarden", place) && good;
	good = set(conf, "enable.idempotence", "true", place) && good; /* with it acks=all, and retries */
	good = set(conf, "message.timeout.ms", timeout, place) && good;
	good = set(conf, "socket.timeout.ms", timeout, place) && good;
	good = set(conf, "linger.ms", "1", place) && good;
	good = set(conf, "compression.type", config->plain ? "none" : "gzip", place) && good;
	good = set(conf, "partitioner", "murmur2_random", place) && good; /* as Java's */
	good = set(conf, "reconnect.backoff.max.ms", "2000", place) && good;
	good = set(conf, "log.connection.close", "false", place) && good;
	good = set(conf, "topic.metadata.propagation.max.ms", "2000", place) && good;
	return set(conf, "allow.auto.create.topics", "true", place) && good;
}

static bool producer_new(struct kafka *self)
{
	struct secret password = {NULL, 0};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[256] = "";
	bool good = set_all(conf, self->config) && set_security(conf, self->config, &password);
	secret_close(&password);
	rd_kafka_conf_set_opaque(conf, self);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_log_cb(conf, NULL); /* what matters comes as an error */
	self->producer = good ? rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why) : NULL;
	if (self->producer)
		return true;
	if (good)
		log_error("%s: kafka: %s", self->config->place, why);
	rd_kafka_conf_destroy(conf);
	return false;
}

static void producer_close(struct kafka *self)
{
	if (!self->producer)
		return;
	self->sending = NULL;
	rd_kafka_purge(self->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	rd_kafka_destroy(self->producer);
	self->producer = NULL;
}

/* --- sending --------------------------------------------------------------------------------------------------- */

static uint32_t key_of(const struct kafka *self, const struct record *r, char out[80])
{
	const char *by = self->config->message_key ? self->config->message_key : "src_ip";
	if (strcmp(by, "src_ip") == 0)
		return address_format(&r->client, out);
	struct slice text = strcmp(by, "client_id") == 0 ? name_slice(&r->client_id) : strcmp(by, "rule") == 0 ? slice_text(r->rule) :
			    (struct slice){NULL, 0};
	memcpy(out, text.at ? text.at : (const uint8_t *)"", text.size);
	return text.size;
}

/* Given as a whole: librdkafka 2.0 frees headers that it made itself twice when it does not take the message. */
static rd_kafka_headers_t *headers_of(const struct record *r)
{
	char id[32];
	rd_kafka_headers_t *headers = rd_kafka_headers_new(3);
	snprintf(id, sizeof id, "%016llx-%u", (unsigned long long)r->id, r->update);
	rd_kafka_header_add(headers, "id", -1, id, -1);
	rd_kafka_header_add(headers, "rule", -1, r->rule, -1);
	rd_kafka_header_add(headers, "level", -1, level_name(r->level), -1);
	return headers;
}

static rd_kafka_resp_err_t produce(struct kafka *self, const struct record *r, void *tag)
{
	char key[80];
	union { const uint8_t *in; void *at; } value = {r->bytes.at}; /* librdkafka takes no const, and copies */
	uint32_t key_size = key_of(self, r, key);
	rd_kafka_headers_t *headers = r->is_alert ? headers_of(r) : NULL;
	rd_kafka_vu_t unit[8];
	size_t n = 0;
	unit[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = self->config->topic};
	unit[n] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_VALUE};
	unit[n].u.mem.ptr = value.at;
	unit[n++].u.mem.size = r->bytes.size;
	unit[n] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_KEY};
	unit[n].u.mem.ptr = key_size ? key : NULL;
	unit[n++].u.mem.size = key_size;
	unit[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY};
	unit[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = (int64_t)(r->time_ns / 1000000)};
	unit[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = tag};
	if (headers)
		unit[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers};
	rd_kafka_error_t *error = rd_kafka_produceva(self->producer, unit, n);
	rd_kafka_resp_err_t code = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
	if (error && headers)
		rd_kafka_headers_destroy(headers);
	if (error)
		rd_kafka_error_destroy(error);
	return code;
}

/* The next records without an answer, in order; the first that finds no room ends it, so that none overtakes it. */
static void produce_some(struct kafka *self, struct sending *sending)
{
	self->turn = (self->turn + 1) & (UINTPTR_MAX >> 16);
	self->produced = 0;
	self->too_large = false;
	for (unsigned i = 0; i < sending->count && self->produced < self->limit; i++) {
		if (sending->answers[i] != SENT_RETRY)
			continue;
		rd_kafka_resp_err_t error = produce(self, &sending->records[i], tag_of(self->turn, i));
		if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
			self->produced++;
		else if ((sending->answers[i] = answer_of(self, error)) == SENT_RETRY)
			return;
	}
}

/* Messages time out by themselves; giving up is for those that do not. */
static void await_reports(struct kafka *self)
{
	if (rd_kafka_flush(self->producer, (int)(timeout_s(self->config) + 1) * 1000) == RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	rd_kafka_purge(self->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	(void)rd_kafka_flush(self->producer, PURGE_MS);
}

static unsigned waiting(const struct sending *sending)
{
	unsigned n = 0;
	for (unsigned i = 0; i < sending->count; i++)
		n += sending->answers[i] == SENT_RETRY;
	return n;
}

/* Until all have an answer, or nothing moves, or the time is over. */
static void send_all(struct kafka *self, struct sending *sending)
{
	uint64_t until_ms = steady_ms() + (LIMIT_SEND_S - timeout_s(self->config) - 2) * 1000 - PURGE_MS;
	unsigned before;
	do {
		before = waiting(sending);
		produce_some(self, sending);
		await_reports(self);
		if (self->too_large)
			self->limit = self->produced / 2;
	} while (waiting(sending) && (self->too_large || waiting(sending) + self->produced == before) && steady_ms() < until_ms);
}

static void kafka_send(void *handle, struct sending *sending)
{
	struct kafka *self = handle;
	char why[256];
	if (!self->producer && !producer_new(self))
		return;
	self->sending = sending;
	self->denied = false;
	send_all(self, sending);
	self->sending = NULL;
	if (!waiting(sending)) {
		if (self->away)
			log_note("kafka %s: is well again", self->config->address);
		self->away = self->said = self->denial_said = false;
	} else if (self->denied) {
		sending->retry_after_ms = DENIED_MS;
	}
	bool broken = rd_kafka_fatal_error(self->producer, why, sizeof why) != RD_KAFKA_RESP_ERR_NO_ERROR;
	if (broken)
		complain(self, why, false);
	/* One whose idempotence is broken takes nothing more, and one that was refused a right may never send again (librdkafka 2.0
	 * waits for an epoch that nobody gives): where nothing got through, another begins anew. */
	if (broken || waiting(sending) == sending->count)
		producer_close(self);
}

/* --- life ------------------------------------------------------------------------------------------------------ */

static bool kafka_check_sasl(const struct config_output *config)
{
	static const char *const mechanisms[] = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", NULL};
	if (!config_one_of(config->sasl, mechanisms))
		log_error("%s: sasl: \"%s\" is not valid; valid: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512", config->place, config->sasl);
	else if (config->sasl && (!config->user || !secret_named(&config->password)))
		log_error("%s: sasl: needs user: and password_file: or password_env:", config->place);
	else if (!config->sasl && (config->user || secret_named(&config->password)))
		log_error("%s: user: and a password need sasl: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", config->place);
	else
		return secret_check(&config->password, config->place, "password");
	return false;
}

static bool topic_valid(const char *topic)
{
	return *topic && strlen(topic) < 250 && strcmp(topic, ".") != 0 && strcmp(topic, "..") != 0 &&
	       strspn(topic, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(topic);
}

static bool kafka_check(const struct config_output *config)
{
	static const char *const keys[] = {"client_id", "src_ip", "rule", "none", NULL};
	if (!config->address)
		log_error("%s: address: is needed for kafka: HOST:PORT, or several with commas", config->place);
	else if (!config->topic)
		log_error("%s: topic: is needed for kafka", config->place);
	else if (!topic_valid(config->topic))
		log_error("%s: topic: \"%s\" is not valid; valid: letters, digits, dots, hyphens and underscores", config->place, config->topic);
	else if (!config_one_of(config->message_key, keys))
		log_error("%s: message_key: \"%s\" is not valid; valid: client_id, src_ip, rule, none", config->place, config->message_key);
	else if (config->tls.server_name)
		log_error("%s: server_name: is not for kafka: the certificate of each broker is compared with its own name", config->place);
	else
		return kafka_check_sasl(config);
	return false;
}

static void *kafka_open(const struct config_output *config)
{
	struct kafka *self = calloc(1, sizeof *self);
	if (!self)
		return NULL;
	self->config = config;
	self->limit = BATCH;
	if (producer_new(self)) {
		if (config->tls.on && !config->tls.verify)
			log_note("kafka %s: `verify: false`: whoever answers there is believed to be the receiver", config->address);
		return self;
	}
	free(self);
	return NULL;
}

static bool kafka_flush(void *handle)
{
	(void)handle;
	return true;
}

/* Password and certificates anew; when these are faulty, the producer that is there goes on. */
static bool kafka_reopen(void *handle)
{
	struct kafka *self = handle;
	rd_kafka_t *before = self->producer;
	self->refused_said = false;
	self->limit = BATCH;
	self->said = self->denial_said = false;
	if (!producer_new(self)) {
		self->producer = before;
		return false;
	}
	rd_kafka_t *fresh = self->producer;
	self->producer = before;
	producer_close(self);
	self->producer = fresh;
	return true;
}

static bool kafka_close(void *handle)
{
	struct kafka *self = handle;
	producer_close(self);
	free(self);
	return true;
}

static const char *const config_keys[] = {OUTPUT_KEYS, OUTPUT_KEYS_USER, "address", "topic", "message_key", "sasl", "timeout", "gzip", "tls", NULL};

const struct output output_kafka = {
	.name = "kafka",
	.keys = config_keys,
	.batch = BATCH,
	.remote = true,
	.check = kafka_check,
	.open = kafka_open,
	.send = kafka_send,
	.flush = kafka_flush,
	.reopen = kafka_reopen,
	.close = kafka_close,
};
