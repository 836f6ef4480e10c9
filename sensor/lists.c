#include "lists.h"

#define LIST(...) (const char *const[]) { __VA_ARGS__, NULL }
#define EMPTY (const char *const[]) { NULL }

const struct rule_list built_in_lists[] = {
	/* RFC 1918, loopback, link local, shared (RFC 6598), and their IPv6 kin. */
	{"home_net", LIST("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10",
			  "::1/128", "fe80::/10", "fc00::/7")},
	/* Where brokers listen by default: plain, TLS, WebSocket of Mosquitto, EMQX, HiveMQ, VerneMQ, RabbitMQ, NanoMQ. */
	{"mqtt_ports", LIST("1883", "1884", "8883", "8884", "8885", "8886", "8887", "2883", "443", "8080", "8081", "8000", "8083",
			    "8084", "9001", "15675")},
	/* Where brokers take WebSockets; AWS puts a signature behind the path. */
	{"mqtt_paths", LIST("/", "/mqtt", "/mqtt/", "/mqtt?*", "/ws", "/ws/", "/ws/mqtt", "/wss", "/$iothub/websocket*")},
	{"known_clients", EMPTY},
	{"wildcard_clients", EMPTY},
	{"secure_servers", EMPTY},
	{"known_servers", EMPTY},  /* host or host:port that a broker may send its clients to */
	{"shadow_clients", EMPTY}, /* clients that may act for other devices: applications, gateways */
	/* Topics on which a device says by a retained will that it is gone. */
	{"status_topics", LIST("*/lwt", "*/status", "*/status/*", "*/state", "*/online", "*/offline", "*/availability", "*/available",
			       "*/connected", "*/connection", "*/alive", "*/health", "*/presence", "*/heartbeat", "status/*", "*/$state")},
	{"tls_policies", EMPTY}, /* bcp195, watson_iot, aws_iot, constrained: see tls.policy_violations */
	/* Where TLS and DTLS are expected: HTTPS, MQTT, CoAP, AMQP, LwM2M, syslog, mail, LDAP. */
	{"tls_ports", LIST("443", "8443", "8883", "8884", "8886", "8887", "5684", "5671", "6514", "465", "636", "993", "995")},
	/* Where they are not: HTTP, MQTT, CoAP, AMQP. */
	{"plain_ports", LIST("80", "1883", "1884", "5683", "5672")},
	{"coap_proxy_clients", EMPTY},
	/* Topics that make devices act: Tasmota, Zigbee2MQTT, Home Assistant, ThingsBoard, Azure, Shelly, common habit. */
	{"command_topics", LIST("*/cmd", "*/cmd/*", "cmd/*", "*/command", "*/command/*", "*/commands/*", "*/set", "*/set/*", "cmnd/*",
				"*/control", "*/control/*", "*/rpc/request/*", "$iothub/methods/POST/*", "*/actuator/*", "*/ota",
				"*/ota/*", "*/firmware", "*/firmware/*", "*/reboot", "*/unlock", "*/open")},
	{"default_credentials", LIST("admin:admin", "admin:public", "admin:password", "admin:1234", "admin:12345", "admin:123456",
				     "admin:", "admin:hivemq", "guest:guest", "root:root", "root:admin", "root:password", "root:12345",
				     "root:xc3511", "root:vizxv", "root:888888", "user:user", "user:password", "test:test", "mqtt:mqtt",
				     "mosquitto:mosquitto", "pi:raspberry", "support:support", "service:service", "ubnt:ubnt",
				     "homeassistant:homeassistant", "iot:iot", "device:device", "client:client", "default:default",
				     "DVES_USER:DVES_PASS", "emqx:public", "thingsboard:thingsboard", "system:manager")},
};

const unsigned built_in_list_count = sizeof built_in_lists / sizeof *built_in_lists;
