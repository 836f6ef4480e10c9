#include "tls_client.h"
#include "../sensor/log.h"
#include "../sensor/steady.h"
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { REFUSAL_MS = 300 };

struct tls_client {
	SSL_CTX *context;
	SSL *session; /* NULL: none */
	const char *name; /* that the certificate must hold */
	bool verify;
	char why[256];
};

/* --- what went wrong -------------------------------------------------------------------------------------------- */

static const char *reason(void)
{
	unsigned long error = ERR_peek_last_error();
	const char *text = error ? ERR_reason_error_string(error) : NULL;
	ERR_clear_error();
	return text ? text : errno ? strerror(errno) : "unknown reason";
}

/* After a call of OpenSSL that returned `result`. */
static const char *explain(struct tls_client *c, int result)
{
	long verified = SSL_get_verify_result(c->session);
	int error = SSL_get_error(c->session, result);
	if (c->verify && verified != X509_V_OK)
		snprintf(c->why, sizeof c->why, "the receiver's certificate is not accepted: %s", X509_verify_cert_error_string(verified));
	else if (error == SSL_ERROR_ZERO_RETURN || (error == SSL_ERROR_SYSCALL && !ERR_peek_last_error() && !errno))
		snprintf(c->why, sizeof c->why, "the receiver closed the connection");
	else
		snprintf(c->why, sizeof c->why, "TLS: %s", reason());
	ERR_clear_error();
	return c->why;
}

/* What poll() must wait for, or 0: it is over. */
static short wanted(const struct tls_client *c, int result)
{
	int error = SSL_get_error(c->session, result);
	return error == SSL_ERROR_WANT_READ ? POLLIN : error == SSL_ERROR_WANT_WRITE ? POLLOUT : 0;
}

/* --- the context ------------------------------------------------------------------------------------------------ */

/* A key with a passphrase would make OpenSSL ask for it on a terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
	(void)buffer, (void)size, (void)writing, (void)context;
	return -1;
}

static bool load_failed(const char *who, const char *path)
{
	log_error("%s: %s: %s", who, path, reason());
	return false;
}

static bool load_files(SSL_CTX *context, const struct config_tls *config, const char *who)
{
	errno = 0;
	SSL_CTX_set_default_passwd_cb(context, no_passphrase);
	if (config->ca ? !SSL_CTX_load_verify_locations(context, config->ca, NULL) : !SSL_CTX_set_default_verify_paths(context))
		return load_failed(who, config->ca ? config->ca : "the machine's certificates");
	if (!config->certificate)
		return true;
	if (SSL_CTX_use_certificate_chain_file(context, config->certificate) != 1)
		return load_failed(who, config->certificate);
	if (SSL_CTX_use_PrivateKey_file(context, config->key, SSL_FILETYPE_PEM) != 1 || !SSL_CTX_check_private_key(context))
		return load_failed(who, config->key);
	return true;
}

struct tls_client *tls_client_open(const struct config_tls *config, const char *host, const char *who)
{
	struct tls_client *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->name = config->server_name ? config->server_name : host;
	c->verify = config->verify;
	c->context = SSL_CTX_new(TLS_client_method());
	if (!c->context || !SSL_CTX_set_min_proto_version(c->context, TLS1_2_VERSION) || !load_files(c->context, config, who)) {
		tls_client_close(c);
		return NULL;
	}
	SSL_CTX_set_verify(c->context, c->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_mode(c->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(c->context, SSL_SESS_CACHE_OFF);
	return c;
}

void tls_client_close(struct tls_client *c)
{
	if (!c)
		return;
	tls_client_end(c);
	SSL_CTX_free(c->context);
	free(c);
}

/* --- the session ------------------------------------------------------------------------------------------------ */

static bool set_name(struct tls_client *c)
{
	struct in6_addr address;
	bool numeric = inet_pton(AF_INET, c->name, &address) == 1 || inet_pton(AF_INET6, c->name, &address) == 1;
	if (numeric)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(c->session), c->name);
	SSL_set_hostflags(c->session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(c->session, c->name) && SSL_set_tlsext_host_name(c->session, c->name);
}

static bool handshake(struct tls_client *c, int socket, int ms)
{
	int64_t until = (int64_t)steady_ms() + ms;
	for (;;) {
		errno = 0;
		int result = SSL_connect(c->session);
		if (result == 1)
			return true;
		struct pollfd poll_for = {socket, wanted(c, result), 0};
		int64_t left = until - (int64_t)steady_ms();
		if (!poll_for.events) {
			explain(c, result);
			return false;
		}
		if (left <= 0 || poll(&poll_for, 1, (int)left) == 0) {
			snprintf(c->why, sizeof c->why, "the receiver does not answer in TLS");
			return false;
		}
	}
}

/* A receiver of TLS 1.3 that does not like our certificate says so when the handshake is over for us: what is sent before that is
 * heard is lost. Those that like it mostly say something, too (a ticket), so this seldom waits long. */
static bool not_refused(struct tls_client *c, int socket, const char **why)
{
	struct pollfd poll_for = {socket, POLLIN, 0};
	return SSL_version(c->session) < TLS1_3_VERSION || poll(&poll_for, 1, REFUSAL_MS) <= 0 || tls_client_alive(c, why);
}

bool tls_client_begin(struct tls_client *c, int socket, int ms, const char **why)
{
	ERR_clear_error();
	*why = c->why;
	c->session = SSL_new(c->context);
	if (!c->session || !set_name(c) || !SSL_set_fd(c->session, socket)) {
		snprintf(c->why, sizeof c->why, "TLS: %s", reason());
		return false;
	}
	return handshake(c, socket, ms) && not_refused(c, socket, why);
}

void tls_client_end(struct tls_client *c)
{
	if (!c->session)
		return;
	if (SSL_is_init_finished(c->session))
		(void)SSL_shutdown(c->session); /* says good-bye, and does not wait for an answer */
	ERR_clear_error();
	SSL_free(c->session);
	c->session = NULL;
}

ssize_t tls_client_write(struct tls_client *c, const char *at, size_t size, short *events, const char **why)
{
	size_t taken;
	errno = 0;
	int result = SSL_write_ex(c->session, at, size, &taken);
	if (result == 1)
		return (ssize_t)taken;
	*events = wanted(c, result);
	if (*events)
		return 0;
	*why = explain(c, result);
	return -1;
}

bool tls_client_alive(struct tls_client *c, const char **why)
{
	char bytes[256];
	size_t taken;
	int result;
	errno = 0;
	do
		result = SSL_read_ex(c->session, bytes, sizeof bytes, &taken);
	while (result == 1);
	if (wanted(c, result))
		return true;
	*why = explain(c, result);
	return false;
}
