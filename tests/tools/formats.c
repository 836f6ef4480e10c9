/* formats [SECONDS]: how many alerts a second each format writes on one core, by processor time. */
#include "outputs/output.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double processor_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static const char *file_name(const void *owner, uint16_t file)
{
	(void)owner, (void)file;
	return "gateway.pcap";
}

static void measure(const char *name, const struct alert *alert, double seconds)
{
	enum { ROUND = 2000 };
	const struct record_context context = {.file_name = file_name, .sensor_name = "sensor-1"};
	const struct format *format = format_find(name);
	double began = processor_seconds(), took;
	uint64_t count = 0, bytes = 0;
	do {
		for (unsigned i = 0; i < ROUND; i++)
			bytes += format->alert(&context, alert, false).size;
		count += ROUND;
		took = processor_seconds() - began;
	} while (took < seconds);
	printf("%-5s %9.0f alerts/s %6.0f bytes each\n", name, (double)count / took, (double)bytes / (double)count);
}

int main(int argc, char **argv)
{
	static const char *const tags[] = {"attack.credential_access", "attack.t1110.001", "attack.t0859", NULL}, *const none[] = {NULL};
	static const char *const names[] = {"eve", "ecs", "ocsf", "cim", "cef", "leef", "text"};
	static struct session session;
	static struct rule rule = {.serial = 1, .id = "5f4a2f0e-6a0b-4c53-9f0c-0d9a6c1f7a11", .name = "session_auth_bruteforce",
		.title = "Password guessing against one server", .tags = tags, .references = none, .level = LEVEL_HIGH, .group_count = 2,
		.description = "One client address fails to log in again and again. Look for a success after the failures, and for the "
			       "same address at other servers. Typical of botnets that try lists of factory passwords.",
		.group_name = {"src_ip", "dest_ip"}, .compare = COMPARE_GTE, .threshold = 5, .window_ns = 600 * TW_SECOND};
	struct ends ends = {.client_port = 49152, .server_port = 1883};
	address_parse("192.0.2.17", &ends.client);
	address_parse("198.51.100.4", &ends.server);
	name_set(&session.client_id, slice_text("meter-0017"));
	name_set(&session.user, slice_text("admin"));
	const struct event event = {.time_ns = 1700000000123456789u, .flow_id = 7319335789610701u, .ends = &ends, .session = &session,
		.reason = slice_text("not_authorized"), .app_proto = "mqtt", .frame = 4711, .protocol = PROTOCOL_MQTT,
		.action = ACTION_AUTHENTICATE, .outcome = OUTCOME_FAILURE, .transport = TRANSPORT_TCP};
	struct alert alert = {.rule = &rule, .id = 0x9debd85182ddc358u, .time_ns = event.time_ns, .event = &event, .group_count = 2,
		.group_text = {slice_text("192.0.2.17"), slice_text("198.51.100.4")}, .count = 12, .value = -1, .ratio = -1,
		.first_seen_ns = event.time_ns - 40 * TW_SECOND, .last_seen_ns = event.time_ns, .sample_count = 3,
		.sample = {slice_text("admin"), slice_text("root"), slice_text("guest")}, .evidence_count = 3,
		.evidence = {{4100, 0}, {4400, 0}, {4711, 0}}};
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		measure(names[i], &alert, argc > 1 ? atof(argv[1]) : 0.3);
	return 0;
}
