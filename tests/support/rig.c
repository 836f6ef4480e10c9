#include "rig.h"
#include "sensor/digest.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { EPOCH_S = 1700000000 };

struct memory_file memory_open(const void *text, size_t size)
{
	struct memory_file file = {memfd_create("test", 0), ""};
	if (file.fd < 0 || write(file.fd, text, size) != (ssize_t)size) {
		perror("memfd");
		abort();
	}
	snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.fd);
	return file;
}

void memory_close(struct memory_file *file)
{
	close(file->fd);
}

/* Takes the path off the front of each line. */
static void strip(char *faults, const char *path)
{
	size_t size = strlen(path);
	for (char *at; (at = strstr(faults, path));)
		memmove(at, at + size + 1, strlen(at + size + 1) + 1);
}

struct rules *rig_rules(const char *text, const struct rule_list *lists, unsigned list_count, const struct rule_override *overrides,
			unsigned override_count, char faults[RIG_FAULTS])
{
	struct memory_file file = memory_open(text, strlen(text));
	const char *const paths[] = {file.path, NULL};
	FILE *out = fmemopen(faults, RIG_FAULTS, "w");
	const struct rule_options options = {.paths = paths, .lists = lists, .list_count = list_count, .overrides = overrides,
					     .override_count = override_count, .secret_salt = digest_salt(), .faults = out};
	faults[0] = 0;
	struct rules *rules = rules_open(&options);
	fclose(out);
	strip(faults, file.path);
	memory_close(&file);
	return rules;
}

static void add(char *to, size_t room, struct slice text)
{
	size_t used = strlen(to);
	snprintf(to + used, room - used, "%s%.*s", used ? "," : "", (int)text.size, (const char *)text.at);
}

static void on_raise(void *context, const struct alert *alert)
{
	struct rig *rig = context;
	if (rig->told_count == RIG_TOLD)
		abort();
	struct told *told = &rig->told[rig->told_count++];
	*told = (struct told){.update = alert->update, .id = alert->id, .count = alert->count, .distinct = alert->distinct,
			      .time_ns = alert->time_ns, .first_ns = alert->first_seen_ns, .last_ns = alert->last_seen_ns,
			      .ratio = alert->ratio, .evidence = alert->evidence_count,
			      .frame = alert->evidence_count ? alert->evidence[0].frame : 0};
	if (!alert->event || !alert->event->ends || !alert->event->session)
		abort();
	snprintf(told->rule, sizeof told->rule, "%s", alert->rule->name ? alert->rule->name : alert->rule->id);
	for (unsigned i = 0; i < alert->group_count; i++)
		add(told->group, sizeof told->group, alert->group_text[i]);
	for (unsigned i = 0; i < alert->sample_count; i++)
		add(told->samples, sizeof told->samples, alert->sample[i]);
}

void rig_open(struct rig *rig, const char *text, uint32_t groups)
{
	char faults[RIG_FAULTS];
	memset(rig, 0, sizeof *rig);
	rig->rules = rig_rules(text, NULL, 0, NULL, 0, faults);
	if (!rig->rules) {
		fprintf(stderr, "%s", faults);
		abort();
	}
	const struct detect_options options = {rig->rules, groups, 1, &rig->counters, on_raise, rig};
	rig->detect = detect_open(&options);
	if (!rig->detect)
		abort();
	address_parse("198.51.100.1", &rig->ends.server);
	rig->ends.server_port = 1883;
	rig->ends.client_port = 40000;
}

void rig_close(struct rig *rig)
{
	detect_close(rig->detect);
	rules_close(rig->rules);
}

static uint64_t at_ns(double second)
{
	return (uint64_t)EPOCH_S * TW_SECOND + (uint64_t)(second * 1e9 + 0.5);
}

void rig_time(struct rig *rig, double second)
{
	detect_time(rig->detect, at_ns(second));
}

void rig_resource(struct rig *rig, const char *resource)
{
	rig->resource = slice_text(resource);
	rig->event.resource = (struct slices){&rig->resource, resource != NULL};
}

void rig_user(struct rig *rig, const char *user)
{
	name_set(&rig->session.user, slice_text(user));
}

void rig_event(struct rig *rig, double second, enum action action, enum outcome outcome, unsigned host)
{
	struct event *event = &rig->event;
	char text[32];
	snprintf(text, sizeof text, "192.0.2.%u", host);
	address_parse(text, &rig->ends.client);
	event->time_ns = at_ns(second);
	event->ends = &rig->ends;
	event->session = &rig->session;
	event->protocol = PROTOCOL_MQTT;
	event->transport = TRANSPORT_TCP;
	event->app_proto = "mqtt";
	event->action = (uint8_t)action;
	event->outcome = (uint8_t)outcome;
	event->frame++;
	detect_time(rig->detect, event->time_ns);
	detect_event(rig->detect, event);
}

void rig_finish(struct rig *rig)
{
	detect_finish(rig->detect);
}

static unsigned count(const struct rig *rig, const char *rule, bool updates)
{
	unsigned n = 0;
	for (unsigned i = 0; i < rig->told_count; i++)
		n += strcmp(rig->told[i].rule, rule) == 0 && (rig->told[i].update != 0) == updates;
	return n;
}

unsigned rig_alerts(const struct rig *rig, const char *rule)
{
	return count(rig, rule, false);
}

unsigned rig_updates(const struct rig *rig, const char *rule)
{
	return count(rig, rule, true);
}
