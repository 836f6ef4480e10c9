/* kafka_cluster BROKERS: librdkafka's mock cluster. Prints its addresses, then does what standard input says:
 *
 *    topic NAME PARTITIONS       makes a topic
 *    fail N ERROR                the next N produce requests are answered with this error number
 *    down BROKER | up BROKER
 *    read TOPIC COUNT SECONDS    a consumer reads from the beginning; for each message a line of tab-separated
 *                                partition, offset, timestamp, key, id, rule, level, value; then "read N"
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static rd_kafka_mock_cluster_t *cluster;

static void set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
	char why[256];
	if (rd_kafka_conf_set(conf, key, value, why, sizeof why) == RD_KAFKA_CONF_OK)
		return;
	fprintf(stderr, "kafka_cluster: %s\n", why);
	exit(1);
}

static void show_header(const rd_kafka_message_t *message, const char *name)
{
	rd_kafka_headers_t *headers;
	const void *value;
	size_t size;
	if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
	    rd_kafka_header_get_last(headers, name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR)
		printf("\t%.*s", (int)size, (const char *)value);
	else
		printf("\t-");
}

static void show(const rd_kafka_message_t *message)
{
	rd_kafka_timestamp_type_t kind;
	printf("%d\t%lld\t%lld\t%.*s", message->partition, (long long)message->offset,
	       (long long)rd_kafka_message_timestamp(message, &kind), (int)message->key_len, message->key ? (const char *)message->key : "");
	show_header(message, "id");
	show_header(message, "rule");
	show_header(message, "level");
	printf("\t%.*s\n", (int)message->len, (const char *)message->payload);
}

static void read_back(const char *topic, unsigned count, unsigned seconds)
{
	static unsigned group;
	char why[256], name[32];
	unsigned n = 0;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	snprintf(name, sizeof name, "reader-%u", group++);
	set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster));
	set(conf, "group.id", name);
	set(conf, "auto.offset.reset", "earliest");
	set(conf, "isolation.level", "read_uncommitted"); /* the mock keeps no stable offset */
	rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
	if (!consumer) {
		fprintf(stderr, "kafka_cluster: %s\n", why);
		exit(1);
	}
	rd_kafka_poll_set_consumer(consumer);
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
	rd_kafka_subscribe(consumer, topics);
	rd_kafka_topic_partition_list_destroy(topics);
	/* One second more than is awaited: what is there twice is to be seen. */
	time_t until = time(NULL) + (time_t)seconds;
	while (time(NULL) < until) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 200);
		if (message && !message->err) {
			show(message);
			if (++n == count)
				until = time(NULL) + 2;
		}
		if (message)
			rd_kafka_message_destroy(message);
	}
	rd_kafka_consumer_close(consumer);
	rd_kafka_destroy(consumer);
	printf("read %u\n", n);
}

static void obey(const char *line)
{
	enum { PRODUCE = 0, ERRORS_MAX = 32 };
	char word[16], topic[64];
	unsigned a = 0, b = 0;
	if (sscanf(line, "%15s %63s %u %u", word, topic, &a, &b) < 2) {
		puts("what?");
	} else if (strcmp(word, "topic") == 0) {
		rd_kafka_mock_topic_create(cluster, topic, (int)a, 1);
		puts("done");
	} else if (strcmp(word, "read") == 0) {
		read_back(topic, a, b);
	} else if (strcmp(word, "fail") == 0) {
		rd_kafka_resp_err_t errors[ERRORS_MAX];
		unsigned n = (unsigned)atoi(topic) < ERRORS_MAX ? (unsigned)atoi(topic) : ERRORS_MAX;
		for (unsigned i = 0; i < n; i++)
			errors[i] = (rd_kafka_resp_err_t)a;
		rd_kafka_mock_push_request_errors_array(cluster, PRODUCE, n, errors);
		puts("done");
	} else {
		(strcmp(word, "down") == 0 ? rd_kafka_mock_broker_set_down : rd_kafka_mock_broker_set_up)(cluster, atoi(topic));
		puts("done");
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char why[256], line[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_conf_set_log_cb(conf, NULL);
	rd_kafka_t *owner = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
	cluster = owner && argc > 1 ? rd_kafka_mock_cluster_new(owner, atoi(argv[1])) : NULL;
	if (!cluster)
		return 1;
	puts(rd_kafka_mock_cluster_bootstraps(cluster));
	fflush(stdout);
	while (fgets(line, sizeof line, stdin))
		obey(line);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(owner);
	return 0;
}
