/* Rule files: any text is refused in words or becomes rules that can be asked. */
#include "tests/support/rig.h"
#include "sensor/log.h"
#include <stdio.h>
#include <stdlib.h>

static void on_found(void *context, struct rule *rule, const struct event *event)
{
	(void)context;
	(void)rules_admit(rule, event);
}

static void ask(struct rules *rules)
{
	static const struct ends ends = {.client_port = 40000, .server_port = 1883};
	static struct session session;
	struct slice resource = slice_text("plant/line1/temp");
	struct event event = {.time_ns = 1, .ends = &ends, .session = &session, .resource = {&resource, 1}, .reason = slice_text("reset"),
			      .app_proto = "mqtt", .transport = TRANSPORT_TCP};
	name_set(&session.user, slice_text("anna"));
	for (unsigned protocol = 0; protocol < PROTOCOL_COUNT; protocol++)
		for (unsigned action = 0; action < ACTION_COUNT; action++) {
			event.protocol = (uint8_t)protocol;
			event.action = (uint8_t)action;
			rules_match(rules, &event, on_found, NULL);
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const values[] = {"a", "10.0.0.0/8", "admin:admin", NULL};
	static const struct rule_list lists[] = {{"known_clients", values}, {"home_net", values}};
	static FILE *nowhere;
	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	struct memory_file file = memory_open(data, size);
	const char *const paths[] = {file.path, NULL};
	const struct rule_options options = {.paths = paths, .lists = lists, .list_count = 2, .faults = nowhere};
	struct rules *rules = rules_open(&options);
	memory_close(&file);
	if (!rules)
		return 0;
	ask(rules);
	for (uint32_t i = 0; i < rules_count(rules); i++)
		rules_print(nowhere, rules_at(rules, i));
	rules_close(rules);
	return 0;
}
