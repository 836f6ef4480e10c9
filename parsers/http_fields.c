#include "http.h"
#include <stddef.h>

const char *const http_messages[] = {"", "request", "response", NULL};

#define ROW(name, type, member, message, bit, eve, help) \
	{"http." name, type, BASE_DETAIL, offsetof(struct http_event, member), PROTOCOL_HTTP, message, HTTP_BIT_##bit, eve, NULL, help}
#define TEXT(name, member, message, bit, eve, help) ROW(name, FIELD_TEXT, member, message, bit, eve, help)

/* What is of the request stands in its response too, where the request was seen. */
const struct field http_fields[] = {
	TEXT("http_method", method, 0, METHOD, true, "request method"),
	TEXT("hostname", host, 0, HOST, true, "Host header or authority, without the port"),
	TEXT("url", url, 0, URL, true, "request target as sent; values of passwords, keys and tokens are ***"),
	TEXT("protocol", protocol, 0, PROTOCOL, true, "HTTP/1.0 or HTTP/1.1, as this message says"),
	TEXT("version", version, 0, VERSION, true, "2 for HTTP/2"),
	TEXT("http_user_agent", user_agent, 0, USER_AGENT, true, "User-Agent header"),
	TEXT("http_refer", referer, 0, REFERER, true, "Referer header; secrets as in http.url"),
	TEXT("xff", forwarded_for, 0, FORWARDED, true, "X-Forwarded-For header"),
	ROW("status", FIELD_U16, status, HTTP_RESPONSE, STATUS, true, "status code"),
	TEXT("http_content_type", type, HTTP_RESPONSE, TYPE, true, "Content-Type of the response, without parameters"),
	TEXT("redirect", location, HTTP_RESPONSE, LOCATION, true, "Location header; secrets as in http.url"),
	ROW("length", FIELD_U64, response_bytes, HTTP_RESPONSE, RESPONSE, true, "bytes of the response's body that were seen"),
	TEXT("path", path, 0, PATH, false, "path of the target, decoded and normalised"),
	TEXT("request_content_type", request_type, 0, REQUEST_TYPE, false, "Content-Type of the request, without parameters"),
	ROW("content_length", FIELD_U64, content_length, 0, CONTENT_LENGTH, false, "Content-Length that this message announces"),
	ROW("request_bytes", FIELD_U64, request_bytes, HTTP_RESPONSE, REQUEST, false, "bytes of the request's body that were seen"),
	TEXT("server", server, HTTP_RESPONSE, SERVER, false, "Server header"),
	TEXT("auth_scheme", auth_scheme, 0, AUTH, false, "scheme of the Authorization header as sent: Basic, Digest, Bearer ..."),
	TEXT("auth_user", auth_user, 0, AUTH_USER, false, "user of a Basic or Digest Authorization header"),
	TEXT("upgrade", upgrade, 0, UPGRADE, false, "Upgrade header of this message"),
	TEXT("soap_action", soap_action, 0, SOAP_ACTION, false, "SOAPAction header: what is asked of a UPnP or HNAP service"),
	TEXT("shell_function", shell_function, 0, SHELL_FUNCTION, false,
	     "value of the first header of the request that begins as a shell function, () {, whatever its name (CVE-2014-6271)"),
	ROW("credentials", FIELD_BOOL, credentials, 0, REQUEST, false,
	    "the request carries credentials: an Authorization header, or a password, key or token in its query or form"),
	ROW("login", FIELD_BOOL, login, 0, REQUEST, false,
	    "the request looks like a login: a form with a password, or a POST to a path such as /login"),
	ROW("url_secret", FIELD_BOOL, url_secret, 0, REQUEST, false, "a password, key or token stands in the query"),
	ROW("complete", FIELD_BOOL, complete, HTTP_RESPONSE, RESPONSE, false, "the whole response was seen"),
	{0},
};

const char *http_reason(unsigned status)
{
	static const struct { uint16_t status; const char *name; } names[] = {
		{400, "bad_request"}, {401, "unauthorized"}, {403, "forbidden"}, {404, "not_found"}, {405, "method_not_allowed"},
		{407, "proxy_authentication_required"}, {408, "request_timeout"}, {410, "gone"}, {413, "content_too_large"},
		{414, "uri_too_long"}, {429, "too_many_requests"}, {431, "header_fields_too_large"}, {500, "internal_server_error"},
		{501, "not_implemented"}, {502, "bad_gateway"}, {503, "service_unavailable"}, {504, "gateway_timeout"}};
	for (unsigned i = 0; status >= 400 && i < sizeof names / sizeof *names; i++)
		if (names[i].status == status)
			return names[i].name;
	return status < 400 ? NULL : status < 500 ? "client_error" : "server_error";
}
