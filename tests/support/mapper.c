#include "tests/support/mapper.h"

const char *const mapper_lines[] = {
	"{\"app\":\"acme\",\"at\":1795500000250,\"event\":\"up\",\"peer\":{\"client\":\"pump1\",\"ip\":\"198.51.100.7\",\"port\":4711}}",
	"{\"app\":\"acme\",\"at\":1795500001250,\"event\":\"sub\",\"result\":\"no\",\"why\":\"Not Allowed\",\"peer\":{\"client\":\"pump1\"},"
	"\"topics\":[\"a/b\",\"c/#\"]}",
	"{\"app\":\"acme\",\"at\":1795500002250,\"event\":\"up\",\"result\":\"no\",\"peer\":{\"client\":\"pump2\",\"login\":\"x\"}}",
	"{\"app\":\"acme\",\"at\":1795500003250,\"event\":\"lost\",\"peer\":{\"client\":\"pump1\"}}", NULL};

struct log_mapper *mapper_sample(void)
{
	static const struct log_mapped actions[] = {{"up", NULL, ACTION_CONNECT, OUTCOME_SUCCESS}, {"sub", NULL, ACTION_SUBSCRIBE, OUTCOME_UNKNOWN},
		{"lost", NULL, ACTION_CLOSE, OUTCOME_FAILURE}}, outcomes[] = {{"ok", NULL, 0, OUTCOME_SUCCESS}, {"no", NULL, 0, OUTCOME_FAILURE}};
	static struct log_mapper m;
	m = (struct log_mapper){.format.name = "acme", .matches = 1, .match_key = {"app"}, .match_value = {"acme"}, .time_key = "at",
		.unit_ns = TW_SECOND / 1000, .client_id = "peer.client", .user = "peer.login", .src_ip = "peer.ip", .src_port = "peer.port",
		.resource = "topics", .resources = "topics[]", .action = {"event", actions, 3}, .outcome = {"result", outcomes, 2},
		.reason = {"why", NULL, 0}};
	log_mapper_set(&m);
	return &m;
}
