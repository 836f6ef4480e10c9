#include "log_tls.h"
#include "tls.h"

/* Its words, not its numbers, are the same in OpenSSL 1.1 and 3; Erlang says the name of the alert. The first that occurs counts. */
static const char *const reasons[][2] = {
	{"peer did not return a certificate", "certificate_required"}, {"no required SSL certificate", "certificate_required"},
	{"certificate_required", "certificate_required"}, {"Certificate required", "certificate_required"},
	{"certificate verify failed", "bad_certificate"}, {"binder does not verify", "decrypt_error"},
	{"bad record mac", "decrypt_error"}, {"alert unknown ca", "server_unknown_ca"},
	{"alert bad certificate", "server_bad_certificate"}, {"alert certificate", "server_bad_certificate"},
	{"wrong version number", "not_tls"}, {"http request", "not_tls"}, {"unsupported protocol", "protocol_version"},
	{"unexpected eof", "closed"}, {"no shared cipher", "handshake_failure"},
	{"no suitable signature algorithm", "handshake_failure"}, {NULL, NULL}};

/* Of alerts that an Erlang server sends or gets. */
static const char *const alerts[][3] = {
	{"Bad Certificate", "bad_certificate", "server_bad_certificate"}, {"Unknown CA", "unknown_ca", "server_unknown_ca"},
	{"unknown CA", "unknown_ca", "server_unknown_ca"}, {"bad_certificate", "bad_certificate", "server_bad_certificate"},
	{"Certificate Expired", "certificate_expired", "server_bad_certificate"},
	{"certificate_expired", "certificate_expired", "server_bad_certificate"},
	{"Certificate Revoked", "certificate_revoked", "server_bad_certificate"},
	{"Certificate Unknown", "certificate_unknown", "server_bad_certificate"},
	{"Decrypt Error", "decrypt_error", "decrypt_error_of_client"}, {"Protocol Version", "protocol_version", "protocol_version"},
	{"protocol_version", "protocol_version", "protocol_version"}, {NULL, NULL, NULL}};

const char *log_tls_reason(struct slice text)
{
	for (unsigned i = 0; reasons[i][0]; i++)
		if (log_contains(text, reasons[i][0]))
			return reasons[i][1];
	bool received = log_contains(text, "received CLIENT ALERT");
	for (unsigned i = 0; alerts[i][0]; i++)
		if (log_contains(text, alerts[i][0]))
			return alerts[i][received ? 2 : 1];
	return "handshake_failure";
}

/* The server did not believe who the client is; all other failures say nothing of the kind. */
static bool is_authentication(const char *reason)
{
	static const char *const names[] = {"certificate_required", "bad_certificate", "decrypt_error", "unknown_ca",
		"certificate_expired", "certificate_revoked", "certificate_unknown", NULL};
	for (const char *const *n = names; *n; n++)
		if (strcmp(reason, *n) == 0)
			return true;
	return false;
}

void log_tls_failed(struct log_parse *parse, const char *reason)
{
	bool closed = strcmp(reason, "closed") == 0;
	struct event event = log_event(parse, PROTOCOL_TLS, is_authentication(reason) ? ACTION_AUTHENTICATE : ACTION_HANDSHAKE,
				       closed ? OUTCOME_UNKNOWN : OUTCOME_FAILURE, reason);
	event.direction = strncmp(reason, "server_", 7) == 0 ? TO_SERVER : TO_CLIENT;
	log_emit(parse, &event);
}

const char *const log_tls_fields[] = {"tls.handshake", "tls.version", "tls.cipher_suite", "tls.cipher_tier", NULL};

void log_tls_agreed(struct log_parse *parse, const char *version, struct slice suite)
{
	const struct tls_suite *known = tls_suite_named(suite);
	struct tls_event tls = {.handshake = tls_messages[TLS_SERVER_HELLO], .version = version};
	if (known) {
		tls.suite = known->name;
		tls.tier = tls_tier_name(known->tier);
	}
	struct event event = log_event(parse, PROTOCOL_TLS, ACTION_HANDSHAKE, OUTCOME_SUCCESS, NULL);
	event.direction = TO_CLIENT;
	event.message = TLS_SERVER_HELLO;
	event.detail = &tls;
	event.fields = tls_fields;
	log_emit(parse, &event);
}
