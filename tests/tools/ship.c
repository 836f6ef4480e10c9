/* ship journal COUNT FOLDER           appends so many alerts of a kilobyte to a journal; prints entries a second of processor time
 * ship latency RATE COUNT [FOLDER]    raises alerts at this rate, through a journal when there is a folder, to syslog over TCP on
 *                                     loopback; prints how long each took from being raised to being read there, in milliseconds
 * For tests/bench/delivery. */
#include "sensor/ship.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { RECORD = 1024, MOST = 1000000 };

static double latencies[MOST];
static unsigned heard, wanted;

static double seconds(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Each record carries the time at which it was raised. */
static struct journal_entry entry_of(uint64_t sequence, char text[RECORD])
{
	int size = snprintf(text, RECORD, "{\"raised\":%.9f,\"padding\":\"", seconds(CLOCK_MONOTONIC));
	memset(text + size, 'x', RECORD - (size_t)size);
	return (struct journal_entry){.sequence = sequence, .format = slice_text("eve"),
		.record = {.bytes = slice_of(text, RECORD), .id = sequence, .is_alert = true, .rule = "bench", .level = LEVEL_HIGH}};
}

static void dropping(void *context, uint64_t behind)
{
	(void)context, (void)behind;
}

static struct journal *open_journal(const char *folder)
{
	static struct config_journal config;
	config = (struct config_journal){.path = folder, .max_bytes = 256u << 20, .segment_bytes = 8u << 20, .max_age_s = 86400,
					 .sync = JOURNAL_SYNC_INTERVAL};
	struct journal *j = journal_open(&config, dropping, NULL);
	if (!j || !journal_ready(j))
		exit(1);
	return j;
}

static int measure_journal(unsigned count, const char *folder)
{
	char text[RECORD];
	struct journal *j = open_journal(folder);
	double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
	for (unsigned i = 0; i < count; i++) {
		struct journal_entry entry = entry_of(journal_sequence(j), text);
		if (!journal_append(j, &entry))
			return 1;
	}
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	wall = seconds(CLOCK_MONOTONIC) - wall;
	journal_close(j);
	printf("journal    %u entries of %d bytes: %.0f a second of processor time, %.0f a second of wall clock\n", count, RECORD,
	       count / cpu, count / wall);
	return 0;
}

/* Reads frames as they come: the head has no "raised". */
static void *receive(void *context)
{
	static char buffer[1 << 20];
	size_t size = 0;
	int socket = accept(*(int *)context, NULL, NULL);
	for (ssize_t n; heard < wanted && (n = recv(socket, buffer + size, sizeof buffer - 1 - size, 0)) > 0;) {
		double now = seconds(CLOCK_MONOTONIC);
		char *at = buffer, *raised;
		buffer[size += (size_t)n] = 0;
		while ((raised = strstr(at, "{\"raised\":")) && raised + 64 < buffer + size && heard < wanted) {
			latencies[heard++] = (now - strtod(raised + 10, NULL)) * 1e3;
			at = raised + 64;
		}
		size -= (size_t)(at - buffer);
		memmove(buffer, at, size);
		if (size > sizeof buffer / 2)
			size = 0;
	}
	close(socket);
	return NULL;
}

static int ascending(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;
	return (a > b) - (a < b);
}

static int listen_on(char address[32])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof at;
	int socket_ = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(socket_, (struct sockaddr *)&at, size) != 0 || listen(socket_, 1) != 0 ||
	    getsockname(socket_, (struct sockaddr *)&at, &size) != 0)
		exit(1);
	snprintf(address, 32, "127.0.0.1:%u", ntohs(at.sin_port));
	return socket_;
}

static int measure_latency(unsigned rate, unsigned count, const char *folder)
{
	char address[32], text[RECORD];
	pthread_t thread;
	int listener = listen_on(address);
	wanted = count < MOST ? count : MOST;
	pthread_create(&thread, NULL, receive, &listener);
	const struct config_output config = {.type = "syslog", .address = address, .transport = "tcp", .tls.verify = true};
	struct ship_options options = {.output = &output_syslog, .self = output_syslog.open(&config)};
	options.takes = (struct cursor){.output = "bench", .format = "eve", .alerts = true};
	struct ship *ship = ship_open(&options);
	struct journal *j = folder ? open_journal(folder) : NULL;
	if (j)
		ship_attach(ship, j);
	double next = seconds(CLOCK_MONOTONIC);
	for (unsigned i = 0; i < wanted; i++) {
		struct timespec until = {(time_t)next, (long)((next - (double)(time_t)next) * 1e9)};
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		struct journal_entry entry = entry_of(j ? journal_sequence(j) : i + 1, text);
		ship_put(ship, &entry, j && journal_append(j, &entry));
		next += 1.0 / rate;
	}
	ship_hurry(ship);
	ship_drain(ship);
	pthread_join(thread, NULL);
	ship_close(ship);
	if (j)
		journal_close(j);
	qsort(latencies, heard, sizeof *latencies, ascending);
	printf("latency    %u alerts at %u a second, %s: p50 %.3f ms, p99 %.3f ms, most %.3f ms\n", heard, rate,
	       j ? "by the journal" : "from memory", latencies[heard / 2], latencies[heard * 99 / 100], latencies[heard - 1]);
	return heard != wanted;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "journal") == 0)
		return measure_journal((unsigned)atoi(argv[2]), argv[3]);
	if (argc >= 4 && strcmp(argv[1], "latency") == 0)
		return measure_latency((unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]), argv[4]);
	fprintf(stderr, "usage: ship journal COUNT FOLDER | ship latency RATE COUNT [FOLDER]\n");
	return 2;
}
