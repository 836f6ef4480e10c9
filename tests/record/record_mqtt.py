#!/usr/bin/python3
"""Records pcaps/mqtt: for each rule of rules/mqtt what raises it and a lookalike that must not; and a home in pcaps/benign.

    tests/record/record_mqtt.py [PATTERN]      PATTERN is part of a capture's name; needs root

The brokers are real Mosquittos (password file, acl_file, dynamic security plugin) except where one would never answer so:
then mqtt.Server plays the broker, and the capture is called generated. The clients are mosquitto_pub and mosquitto_sub,
and mqtt.Client for what they would refuse to do."""
import contextlib
import json
import os
import sys
import threading
import time

import mqtt
from net import Net

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PCAPS = os.path.join(TOP, "pcaps")
BROKER, CLOUD = "10.20.0.1", "203.0.113.10"
OPEN = "listener 1883\nallow_anonymous true"
LOCKED = "listener 1883\nallow_anonymous false"
USERS = {"meter": "k9-Rotbuche", "panel": "Zaun!koenig77", "pump": "m4x-Brunnen", "admin": "Feld%haubitze3"}
DYNSEC = "/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so"

captures = {}


def capture(name, shows, origin="recorded"):
    def take(function):
        captures[name if "/" in name else "mqtt/" + name] = (function, origin, shows)
        return function
    return take


class Scene:
    """One recording: hosts, a broker, and how clients reach it."""

    def __init__(self, net):
        self.net = net

    def client(self, host, to=BROKER, port=1883, **more):
        with self.net.inside(host):
            return mqtt.Client(to, port, **more)

    def server(self, host="broker", port=1883):
        with self.net.inside(host):
            return mqtt.Server(self.net.address(host), port)

    @contextlib.contextmanager
    def broker(self, config=OPEN, host="broker", **more):
        b = self.net.mosquitto(host, config, **more)
        try:
            yield b
        finally:
            b.stop()

    def pub(self, host, topic, message, *more, to=BROKER, check=True):
        return self.net.run(host, "mosquitto_pub", "-h", to, "-t", topic, "-m", message, *more, check=check)

    def sub(self, host, *more, to=BROKER, seconds=2):
        return self.net.run(host, "mosquitto_sub", "-h", to, "-W", str(seconds), *more, check=False)

    @contextlib.contextmanager
    def dynamic_security(self):
        """A broker where `meter` may use plant/meter/# and nobody else anything."""
        path = os.path.join(self.net.dir, "dynsec.json")
        self.net.run("broker", "mosquitto_ctrl", "dynsec", "init", path, "root", "Ober!aufsicht1")
        with self.broker(f"listener 1883\nallow_anonymous false\nplugin {DYNSEC}\nplugin_opt_config_file {path}") as b:
            acls = [{"acltype": t, "topic": "plant/meter/#", "allow": True, "priority": 0}
                    for t in ("publishClientSend", "subscribePattern")]
            commands = [{"command": "createRole", "rolename": "meters", "acls": acls},
                        {"command": "createClient", "username": "meter", "password": USERS["meter"],
                         "roles": [{"rolename": "meters"}]},
                        {"command": "createClient", "username": "visitor", "password": "nur-mal-schauen"}]
            self.pub("broker", "$CONTROL/dynamic-security/v1", json.dumps({"commands": commands}), "-u", "root", "-P",
                     "Ober!aufsicht1", "-q", "1")
            yield b


# --- who may listen -----------------------------------------------------------------------------------------------------

@capture("mqtt_wildcard_subscribe-fires", "mosquitto_sub asks an open Mosquitto for # and $SYS/#")
def wildcard(s, tap):
    with s.broker(), tap():
        s.pub("meter", "plant/meter/7", '{"w":4}', "-i", "meter-7")
        s.sub("attacker", "-t", "#", "-t", "$SYS/#", "-i", "listener")


@capture("mqtt_wildcard_subscribe-fires-shared", "MQTT 5: # through a shared subscription, and +/+/#")
def wildcard_shared(s, tap):
    with s.broker(), tap(), s.client("attacker") as c:
        c.login("worker-3", v=5)
        c.subscribe("$share/crew/#")
        c.subscribe("plant/meter/7", "+/+/#")
        c.bye()


@capture("mqtt_wildcard_subscribe-quiet", "a dashboard on the list wildcard_clients reads #; others use wildcards below "
         "their own tree, thirty filters in one SUBSCRIBE, one value of $SYS")
def wildcard_quiet(s, tap):
    with s.broker(), tap():
        s.sub("panel", "-t", "#", "-i", "dashboard-hall")
        s.sub("meter", "-t", "plant/meter/#", "-t", "plant/+/limits", "-t", "$SYS/broker/uptime", "-i", "meter-7")
        with s.client("pump") as c:
            c.login("pump-1")
            c.subscribe(*(f"plant/pump/1/valve/{n}" for n in range(30)))
            c.bye()


@capture("mqtt_subscribe_refused-fires", "dynamic security refuses eight filters of one client, one after the other")
def refused(s, tap):
    with s.dynamic_security(), tap(), s.client("attacker") as c:
        c.login("visitor-1", "visitor", "nur-mal-schauen")
        for topic in ("plant/#", "plant/pump/1/set", "plant/meter/7", "office/door", "home/+", "cfg", "alarm", "log/#"):
            c.subscribe(topic)
            time.sleep(0.2)
        c.bye()


@capture("mqtt_subscribe_refused-fires-one", "MQTT 5: dynamic security refuses twelve filters of one SUBSCRIBE (0x87)")
def refused_one(s, tap):
    with s.dynamic_security(), tap(), s.client("attacker") as c:
        c.login("visitor-1", "visitor", "nur-mal-schauen", v=5)
        c.subscribe(*(f"plant/pump/{n}/state" for n in range(12)))
        c.bye()


@capture("mqtt_subscribe_refused-quiet", "thirty filters in one SUBSCRIBE, all granted; then two refused")
def refused_quiet(s, tap):
    with s.dynamic_security(), tap(), s.client("meter") as c:
        c.login("meter-7", "meter", USERS["meter"])
        c.subscribe(*(f"plant/meter/7/channel/{n}" for n in range(30)))
        c.subscribe("plant/limits")
        c.subscribe("plant/time")
        c.bye()


ACL = "user meter\ntopic readwrite plant/meter/#\nuser panel\ntopic readwrite plant/#\nuser pump\ntopic readwrite plant/pump/#\n"


@capture("mqtt_publish_refused-fires", "MQTT 5, acl_file: six messages at QoS 1 and 2 answered with 0x87")
def publish_refused(s, tap):
    with s.broker(LOCKED, users=USERS, acl=ACL), tap(), s.client("meter") as c:
        c.login("meter-7", "meter", USERS["meter"], v=5)
        for n in range(1, 4):
            c.publish(f"plant/pump/{n}/speed", b"3000", 1)
            c.publish(f"plant/pump/{n}/valve", b"open", 2)
        c.bye()


@capture("mqtt_publish_refused-quiet", "MQTT 5: messages without subscriber (0x10), one refused, the others delivered")
def publish_refused_quiet(s, tap):
    with s.broker(LOCKED, users=USERS, acl=ACL), tap(), s.client("panel") as p, s.client("meter") as c:
        p.login("panel-1", "panel", USERS["panel"])
        p.subscribe("plant/meter/7")
        c.login("meter-7", "meter", USERS["meter"], v=5)
        for n in range(12):
            c.publish("plant/meter/7", b"%d" % n, 1)
        for n in range(4):
            c.publish("plant/meter/8", b"%d" % n, 1)
        c.publish("plant/pump/1/speed", b"1", 1)
        c.bye()
        p.bye()


# --- who is let in ------------------------------------------------------------------------------------------------------

@capture("mqtt_anonymous_accepted-fires", "Mosquitto with allow_anonymous")
def anonymous(s, tap):
    with s.broker(), tap():
        s.pub("meter", "plant/meter/7", "4", "-i", "meter-7")
        s.pub("pump", "plant/pump/1", "on", "-i", "pump-1")


@capture("mqtt_anonymous_accepted-quiet", "Mosquitto with a password file: one login, one client without one refused")
def anonymous_quiet(s, tap):
    with s.broker(LOCKED, users=USERS), tap():
        s.pub("meter", "plant/meter/7", "4", "-i", "meter-7", "-u", "meter", "-P", USERS["meter"])
        s.pub("attacker", "plant/meter/7", "4", "-i", "nobody", check=False)


@capture("mqtt_anonymous_accepted-quiet-password", "Mosquitto: MQTT 5, a password (a token) without a user name")
def anonymous_password(s, tap):
    with s.broker(), tap(), s.client("meter") as c:
        c.login("meter-7", None, "eyJhbGciOiJFUzI1NiJ9.meter-7.c2ln", v=5)
        c.publish("plant/meter/7", b"4", qos=1)
        c.bye()


@capture("mqtt_anonymous_accepted-quiet-enhanced", "MQTT 5 enhanced authentication without a user name: CONNECT, AUTH, AUTH, "
         "CONNACK, then AUTH again", "generated")
def anonymous_enhanced(s, tap):
    method = mqtt.prop(0x15, "SCRAM-SHA-256")
    with s.server() as server, tap(), s.client("meter") as c:
        c.v = 5
        c.send(mqtt.connect("meter-7", v=5, props=method + mqtt.prop(0x16, b"n,,n=meter,r=fyko")))
        b = server.accept()
        b.receive()
        b.send(mqtt.auth(0x18, "SCRAM-SHA-256", b"r=fyko3rf,s=QSXC,i=4096"))
        c.receive()
        c.send(mqtt.auth(0x18, "SCRAM-SHA-256", b"c=biws,r=fyko3rf,p=v0X8"))
        b.receive()
        b.send(mqtt.connack(0, v=5, props=method + mqtt.prop(0x16, b"v=rmF9")))
        c.receive()
        c.send(mqtt.publish("plant/meter/7", b"4", v=5))
        c.send(mqtt.auth(0x19, "SCRAM-SHA-256", b"n,,n=meter,r=zz"))
        b.send(mqtt.auth(0x00, "SCRAM-SHA-256"))
        time.sleep(0.2)
        c.bye()
        b.ended().close()


@capture("mqtt_default_credential-fires", "Mosquitto lets admin/admin in")
def default_credential(s, tap):
    with s.broker(LOCKED, users={"admin": "admin"}), tap():
        s.pub("attacker", "plant/pump/1", "off", "-i", "panel-9", "-u", "admin", "-P", "admin")


@capture("mqtt_default_credential-quiet", "admin with another password let in, admin/admin refused")
def default_credential_quiet(s, tap):
    with s.broker(LOCKED, users=USERS), tap():
        s.pub("panel", "plant/pump/1", "off", "-i", "panel-1", "-u", "admin", "-P", USERS["admin"])
        s.pub("attacker", "plant/pump/1", "off", "-i", "panel-9", "-u", "admin", "-P", "admin", check=False)


@capture("mqtt_cleartext_credential-fires", "a login on port 1883")
def cleartext(s, tap):
    with s.broker(LOCKED, users=USERS), tap():
        for n in range(3):
            s.pub("meter", "plant/meter/7", str(n), "-i", "meter-7", "-u", "meter", "-P", USERS["meter"])


@capture("mqtt_cleartext_credential-quiet", "the same login in TLS 1.3 on 8883; on 1883 a client without a password")
def cleartext_quiet(s, tap):
    d = s.net.dir
    make = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "365", "-subj")
    s.net.run("broker", *make, "/CN=Plant CA", "-keyout", f"{d}/ca.key", "-out", f"{d}/ca.pem")
    s.net.run("broker", "openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=broker.plant.example", "-keyout",
              f"{d}/key.pem", "-out", f"{d}/req.pem")
    s.net.run("broker", "openssl", "x509", "-req", "-in", f"{d}/req.pem", "-CA", f"{d}/ca.pem", "-CAkey", f"{d}/ca.key",
              "-CAcreateserial", "-days", "365", "-out", f"{d}/cert.pem")
    config = f"per_listener_settings true\nlistener 8883\ncertfile {d}/cert.pem\nkeyfile {d}/key.pem\nallow_anonymous true\n{OPEN}"
    with s.broker(config, port=8883), tap():
        s.pub("meter", "plant/meter/7", "4", "-i", "meter-7", "-u", "meter", "-P", USERS["meter"], "-p", "8883", "--cafile",
              f"{d}/ca.pem", "--insecure")
        s.pub("pump", "plant/pump/1", "on", "-i", "pump-1")


# --- what the protocol forbids ------------------------------------------------------------------------------------------

@capture("mqtt_publish_after_refusal-fires", "Mosquitto refuses the password; the client has its answer and publishes")
def after_refusal(s, tap):
    with s.broker(LOCKED, users=USERS), tap(), s.client("attacker") as c:
        c.refused("panel-1", "panel", "panel")
        with contextlib.suppress(OSError):
            c.send(mqtt.publish("plant/pump/1/speed", b"0", v=4))


@capture("mqtt_publish_after_refusal-quiet", "CONNECT, SUBSCRIBE and PUBLISH in one segment before the refusal can be known; "
         "a refused client that says good-bye; a login that works")
def after_refusal_quiet(s, tap):
    with s.broker(LOCKED, users=USERS), tap():
        with s.client("pump") as c:
            c.send(mqtt.connect("pump-1", "pump", "old"), mqtt.subscribe("plant/pump/1"), mqtt.publish("plant/pump/1", b"on"))
            c.ended()
        with s.client("meter") as c:
            c.refused("meter-7", "meter", "old")
            with contextlib.suppress(OSError):
                c.bye()
        with s.client("panel") as c:
            c.send(mqtt.connect("panel-1", "panel", USERS["panel"]), mqtt.subscribe("plant/pump/1"),
                   mqtt.publish("plant/pump/1", b"on"))
            c.await_kind(mqtt.SUBACK)
            c.bye()


FORBIDDEN = (
    mqtt.subscribe("plant/pump/1", flags=0),                    # reserved bits
    mqtt.publish(b"plant/\xc3(/1", b"x"),                       # invalid UTF-8
    mqtt.publish("plant/\0/1", b"x"),                           # U+0000
    mqtt.connect("again"),                                      # second CONNECT
    mqtt.publish("plant/pump/1", b"x", mid=3, flags=6),         # QoS 3
    mqtt.publish("plant/pump/1", b"x", 1, mid=0),               # packet identifier 0
    mqtt.publish("plant/+/1", b"x"),                            # wildcard in a topic
    mqtt.packet(mqtt.SUBSCRIBE, b"\0\7\0\x20plant", 2),         # a filter longer than its packet
)


@capture("mqtt_protocol_violation-fires", "eight forbidden packets, each on a connection of its own, to Mosquitto")
def violation(s, tap):
    with s.broker(), tap():
        for n, bad in enumerate(FORBIDDEN):
            with s.client("attacker") as c:
                c.login(f"fuzz-{n}")
                c.send(bad)
                c.ended(1)


@capture("mqtt_protocol_violation-fires-v5", "MQTT 5: a property twice, one in the wrong packet, an unknown one; to Mosquitto")
def violation_v5(s, tap):
    twice = mqtt.prop(0x01, 0) + mqtt.prop(0x01, 0)
    with s.broker(), tap():
        for n, props in enumerate((twice, mqtt.prop(0x1c, "elsewhere"), b"\x7f\x00")):
            with s.client("attacker") as c:
                c.login(f"fuzz-{n}", v=5)
                c.send(mqtt.publish("plant/pump/1", b"x", v=5, props=props))
                c.ended(1)


@capture("mqtt_protocol_violation-quiet", "odd but legal: MQTT 3.1, a bridge's CONNECT, every MQTT 5 property of a PUBLISH, "
         "packets cut over segments; and one faulty packet")
def violation_quiet(s, tap):
    every = mqtt.prop(0x01, 1) + mqtt.prop(0x02, 60) + mqtt.prop(0x03, "text/plain") + mqtt.prop(0x08, "plant/answer") + \
        mqtt.prop(0x09, b"\1\2") + mqtt.prop(0x26, ("site", "hall-3")) + mqtt.prop(0x26, ("site", "hall-4"))
    with s.broker(), tap():
        with s.client("pump") as c:
            c.login("pump-1", v=3)
            c.publish("plant/pump/1", b"on", 1)
            c.bye()
        with s.client("panel") as c:
            c.login("bridge", v=4, level=0x84)
            c.publish("plant/pump/1", b"on", 2)
            c.bye()
        with s.client("meter") as c:
            c.login("meter-7", v=5)
            c.send_cut(mqtt.publish("plant/meter/7", b"21.5", v=5, props=every), 1, 2, 9, 30)
            c.ping()
            c.send(mqtt.publish("plant/meter/7", b"x", 1, mid=0, v=5))
            c.ended(1)


@capture("mqtt_v5_abuse-fires-alias", "Mosquitto allows ten topic aliases; the client uses 200")
def alias(s, tap):
    with s.broker(), tap(), s.client("attacker") as c:
        c.login("meter-7", v=5)
        c.publish("plant/meter/7", b"4", props=mqtt.prop(0x23, 200))
        c.ended(1)


@capture("mqtt_v5_abuse-fires-receive_maximum", "Mosquitto takes 20 messages at once; the client begins 40 at QoS 2")
def receive_maximum(s, tap):
    with s.broker(), tap(), s.client("attacker") as c:
        c.login("meter-7", v=5)
        with contextlib.suppress(OSError):
            for n in range(1, 41):
                c.send(mqtt.publish("plant/meter/7", b"4", 2, mid=n, v=5))
        c.ended(1)


def redirect(s, tap, server_name):
    with s.server() as server, tap():
        for code in (0x9c, 0x9d):
            with s.client("meter") as c:
                c.send(mqtt.connect("meter-7", v=5))
                b = server.accept()
                b.receive()
                b.send(mqtt.connack(code, v=5, props=mqtt.prop(0x1c, server_name)))
                c.receive()
                b.close()


@capture("mqtt_v5_abuse-fires", "a broker sends its clients to a server that nobody knows (0x9C, 0x9D)", "generated")
def redirect_fires(s, tap):
    redirect(s, tap, "collector.example.net:1883")


@capture("mqtt_v5_abuse-quiet", "a broker sends its clients to a server of the list known_servers", "generated")
def redirect_quiet(s, tap):
    redirect(s, tap, "broker-2.plant.example:1883")


@capture("mqtt_v5_abuse-quiet-limits", "topic aliases and messages under way up to what Mosquitto allows")
def limits_quiet(s, tap):
    with s.broker(), tap(), s.client("panel") as p, s.client("meter") as c:
        p.login("panel-1")
        p.subscribe("plant/meter/7/#")
        c.login("meter-7", v=5)
        for n in range(1, 11):
            c.publish(f"plant/meter/7/{n}", b"4", props=mqtt.prop(0x23, n))
            c.publish("", b"5", props=mqtt.prop(0x23, n))
        c.send(*(mqtt.publish("plant/meter/7", b"4", 1, mid=n, v=5) for n in range(1, 21)))
        for _ in range(20):
            c.await_kind(mqtt.PUBACK)
        c.bye()
        p.bye()


# --- too much -----------------------------------------------------------------------------------------------------------

@capture("mqtt_publish_flood-fires", "1500 messages in about five seconds")
def flood(s, tap):
    with s.broker(), tap(), s.client("attacker") as c:
        c.login("meter-7")
        for n in range(50):
            c.send(*(mqtt.publish("plant/meter/7", b"%d" % (n * 30 + i)) for i in range(30)))
            time.sleep(0.1)
        c.bye()


@capture("mqtt_publish_flood-quiet", "a gateway delivers 300 messages that it had kept, then twenty a second")
def flood_quiet(s, tap):
    with s.broker(), tap(), s.client("pump") as c:
        c.login("gateway-1")
        c.send(*(mqtt.publish(f"plant/pump/{n % 40}", b"%d" % n) for n in range(300)))
        for n in range(100):
            c.send(mqtt.publish(f"plant/pump/{n % 40}", b"on"))
            time.sleep(0.05)
        c.bye()


@capture("mqtt_oversize_payload-fires", "one message of 1.1 MB")
def oversize(s, tap):
    with s.broker(), tap(), s.client("attacker") as c:
        c.login("camera-2")
        c.publish("plant/export", bytes(1100000), 1)
        c.bye()


@capture("mqtt_oversize_payload-fires-limit", "MQTT 5: Mosquitto takes packets of 2000 bytes (max_packet_size); the client sends "
         "3000 and is told 0x95")
def oversize_limit(s, tap):
    with s.broker(OPEN + "\nmax_packet_size 2000"), tap(), s.client("attacker") as c:
        c.login("camera-2", v=5)
        c.publish("plant/export", bytes(3000))
        c.ended(1)


@capture("mqtt_oversize_payload-quiet", "a session of 1.2 MB in messages of 64 kB")
def oversize_quiet(s, tap):
    with s.broker(), tap(), s.client("pump") as c:
        c.login("camera-1")
        for n in range(19):
            c.publish("plant/camera/1", bytes(65000), 1)
            time.sleep(0.1)
        c.bye()


@capture("mqtt_stalled_qos2-fires", "twelve QoS 2 messages without PUBREL; pings for 65 s")
def stalled(s, tap):
    with s.broker(), tap(), s.client("attacker") as c:
        c.login("meter-7")
        c.send(*(mqtt.publish("plant/meter/7", b"4", 2, mid=n) for n in range(1, 13)))
        for _ in range(13):
            time.sleep(5)
            c.ping()
        c.bye()


@capture("mqtt_stalled_qos2-quiet", "fifteen QoS 2 messages at once, completed after ten seconds; then as many, one by one")
def stalled_quiet(s, tap):
    with s.broker(), tap(), s.client("pump") as c:
        c.login("pump-1")
        c.send(*(mqtt.publish("plant/pump/1", b"on", 2, mid=n) for n in range(1, 16)))
        time.sleep(10)
        c.send(*(mqtt.answer(mqtt.PUBREL, n) for n in range(1, 16)))
        for _ in range(12):
            time.sleep(5)
            c.publish("plant/pump/1", b"on", 2)
        c.bye()


@capture("mqtt_keepalive_violation-fires", "three sessions with a keepalive of one second, silent for more than five "
         "minutes, that the broker does not end", "generated")
def keepalive(s, tap):
    with s.server() as server, tap() as recording:
        ends = []
        for n in range(3):
            c = s.client("attacker")
            c.send(mqtt.connect(f"idle-{n}", keepalive=1))
            b = server.accept()
            b.receive()
            b.send(mqtt.connack())
            c.receive()
            ends += [c, b]
        time.sleep(2)
        recording.skip(310)
        for c in ends:
            c.close()


@capture("mqtt_keepalive_violation-fires-resumed", "one session with a keepalive of ten seconds that speaks every forty, and a broker that does "
         "not mind; time stretched", "generated")
def keepalive_resumed(s, tap):
    with s.server() as server, tap() as recording, s.client("attacker") as c:
        c.send(mqtt.connect("idle-9", keepalive=10))
        b = server.accept()
        b.receive()
        b.send(mqtt.connack())
        c.receive()
        for n in range(4):
            recording.skip(40)
            c.send(mqtt.publish("plant/idle", b"%d" % n))
            b.receive()
        b.close()


@capture("mqtt_keepalive_violation-quiet-late", "three sessions whose broker had said FIN before their clients spoke again, and one that speaks "
         "just in time; time stretched", "generated")
def keepalive_late(s, tap):
    with s.server() as server, tap() as recording:
        for n in range(4):
            with s.client("pump") as c:
                c.send(mqtt.connect(f"pump-{n}", keepalive=10))
                b = server.accept()
                b.receive()
                b.send(mqtt.connack())
                c.receive()
                if n == 3:
                    for _ in range(4):
                        recording.skip(14)
                        c.send(mqtt.publish("plant/pump", b"on"))
                        b.receive()
                else:
                    recording.skip(20)
                    b.socket.shutdown(1)
                    c.ended()
                    c.send(mqtt.publish("plant/pump", b"on"))
                c.close()
                b.close()


@capture("mqtt_keepalive_violation-quiet", "three sessions with a keepalive of two seconds fall silent for good, and Mosquitto "
         "ends them; one keeps pinging; five minutes later a message")
def keepalive_quiet(s, tap):
    with s.broker(), tap() as recording, s.client("meter") as live:
        live.login("meter-7", keepalive=2)
        dead = [s.client("pump").login(f"pump-{n}", keepalive=2) for n in range(3)]
        for _ in range(12):
            live.ping()
            time.sleep(1)
        live.bye()
        recording.skip(310)
        s.pub("panel", "plant/meter/7", "4")
        for c in dead:
            c.close()


@capture("mqtt_broker_ban-fires", "a broker answers 0x8A, 0x9F, and to a message 0x97; then ends a session with 0x96",
         "generated")
def ban(s, tap):
    with s.server() as server, tap():
        for code in (0x8a, 0x9f):
            with s.client("attacker") as c:
                c.send(mqtt.connect("meter-7", v=5))
                b = server.accept()
                b.receive()
                b.send(mqtt.connack(code, v=5, props=mqtt.prop(0x1f, "see the house rules")))
                c.receive()
                b.close()
        with s.client("attacker") as c:
            c.send(mqtt.connect("meter-7", v=5))
            b = server.accept()
            b.receive()
            b.send(mqtt.connack(v=5))
            c.receive()
            c.send(mqtt.publish("plant/meter/7", b"4", 1, mid=1, v=5))
            b.receive()
            b.send(mqtt.answer(mqtt.PUBACK, 1, 0x97, v=5))
            b.send(mqtt.disconnect(0x96, v=5))
            time.sleep(0.2)
            b.close()


@capture("mqtt_broker_ban-quiet", "MQTT 5: Mosquitto shuts down and says so (0x8B)")
def ban_quiet(s, tap):
    with s.broker() as b, tap(), s.client("meter") as c:
        c.login("meter-7", v=5)
        c.publish("plant/meter/7", b"4", 1)
        b.stop()
        c.ended(1)


# --- who may act --------------------------------------------------------------------------------------------------------

@capture("mqtt_retained_poisoning-fires", "the panel keeps limits as retained messages; another host replaces three of them")
def poisoning(s, tap):
    with s.broker(), tap():
        for n in range(4):
            s.pub("panel", f"plant/limits/{n}", "80", "-r", "-i", "panel-1")
        s.sub("pump", "-t", "plant/limits/+", "-i", "pump-1", seconds=1)
        for n in range(3):
            s.pub("attacker", f"plant/limits/{n}", "900", "-r", "-i", f"tool-{n}")


@capture("mqtt_retained_poisoning-quiet", "the panel changes its own retained configuration twice; every device retains its own state; "
         "others only read")
def poisoning_quiet(s, tap):
    with s.broker(), tap():
        for value in ("80", "82"):
            for n in range(3):
                s.pub("panel", f"plant/limits/{n}", value, "-r", "-i", "panel-1")
        for host in ("meter", "pump"):
            for value in ("1", "2"):
                s.pub(host, f"plant/{host}/state", value, "-r", "-i", f"{host}-1")
        s.sub("pump", "-t", "plant/limits/+", "-i", "pump-1", seconds=1)
        s.pub("meter", "plant/limits/0/seen", "82", "-i", "meter-1")


@capture("mqtt_retained_poisoning_sweep-fires", "one host empties fifteen retained topics")
def sweep(s, tap):
    with s.broker() as _:
        with s.client("panel") as c:
            c.login("panel-1")
            for n in range(15):
                c.publish(f"plant/limits/{n}", b"80", 1, retain=True)
            c.bye()
        with tap(), s.client("attacker") as c:
            c.login("tool-1")
            for n in range(15):
                c.publish(f"plant/limits/{n}", b"", 1, retain=True)
            c.bye()


@capture("mqtt_retained_poisoning_sweep-quiet", "the panel removes a device with three retained topics, one of them in twelve tries")
def sweep_quiet(s, tap):
    with s.broker(), tap(), s.client("panel") as c:
        c.login("panel-1")
        for n in range(3):
            c.publish(f"plant/limits/{n}", b"80", 1, retain=True)
        for n in range(14):
            c.publish(f"plant/limits/{min(n, 2)}", b"", 1, retain=True)
        c.bye()


def wills(s, tap, *wills_of, v=4):
    with s.broker(), tap():
        for host, client_id, will in wills_of:
            with s.client(host) as c:
                c.v = v
                c.send(mqtt.connect(client_id, v=v, will=will))
                c.receive()
                with contextlib.suppress(OSError):
                    c.bye()


@capture("mqtt_will_abuse-fires", "a will on a command topic; a retained one on a topic that is nobody's status")
def will_command(s, tap):
    wills(s, tap, ("attacker", "tool-1", mqtt.will("plant/pump/1/set", b'{"speed":0}')),
          ("attacker", "tool-2", mqtt.will("plant/limits/1", b"900", 1, True)))


@capture("mqtt_will_abuse-fires-foreign", "wills in the tree of a known client and in another thing's shadow; one with a wildcard")
def will_foreign(s, tap):
    wills(s, tap, ("attacker", "tool-1", mqtt.will("plant/pump-1/measured", b"0")),
          ("attacker", "tool-2", mqtt.will("$aws/things/pump-1/shadow/update", b"{}")),
          ("attacker", "tool-3", mqtt.will("plant/+/measured", b"0")))


@capture("mqtt_will_abuse-quiet", "what devices do: a retained offline on a status topic, a will in the client's own tree and shadow")
def will_quiet(s, tap):
    wills(s, tap, ("meter", "DVES_4A7F31", mqtt.will("tele/tasmota_4A7F31/LWT", b"Offline", 1, True)),
          ("panel", "zigbee2mqtt_0x7f", mqtt.will("zigbee2mqtt/bridge/state", b'{"state":"offline"}', 1, True)),
          ("pump", "pump-1", mqtt.will("plant/pump-1/measured", b"", 0, True)),
          ("pump", "pump-1", mqtt.will("$aws/things/pump-1/shadow/update", b"{}")))


@capture("mqtt_command_from_stranger-fires", "the panel gives twelve commands; then another host one")
def stranger(s, tap):
    with s.broker(), tap():
        with s.client("panel") as c:
            c.login("panel-1")
            for n in range(12):
                c.publish(f"plant/pump/{n % 3}/set", b'{"speed":%d}' % (n * 100), 1)
                time.sleep(0.1)
            c.bye()
        s.pub("attacker", "plant/pump/1/set", '{"speed":0}', "-i", "tool-1")


@capture("mqtt_command_from_stranger-quiet", "the panel gives fifteen commands on five connections; other hosts report")
def stranger_quiet(s, tap):
    with s.broker(), tap():
        for n in range(5):
            with s.client("panel") as c:
                c.login(f"panel-{n}")
                for i in range(3):
                    c.publish(f"plant/pump/{i}/set", b"1", 1)
                c.bye()
        s.pub("pump", "plant/pump/1/speed", "100", "-i", "pump-1")
        s.pub("meter", "plant/meter/7/offset", "4", "-i", "meter-7")


@capture("mqtt_external_broker-fires", "a meter of the plant publishes to a Mosquitto with a public address")
def external(s, tap):
    with s.broker(host="cloud"), tap():
        for n in range(3):
            s.pub("meter", "a/b", str(n), "-i", "meter-7", to=CLOUD)


@capture("mqtt_external_broker-quiet", "a meter publishes to the plant's broker; a host outside to the one outside")
def external_quiet(s, tap):
    with s.broker(), s.broker(host="cloud"), tap():
        s.pub("meter", "plant/meter/7", "4", "-i", "meter-7")
        s.pub("outside", "a/b", "4", "-i", "weather", to=CLOUD)


@capture("mqtt_odd_port-fires", "Mosquitto on port 4711")
def odd_port(s, tap):
    with s.broker("listener 4711\nallow_anonymous true", port=4711), tap():
        s.pub("meter", "plant/meter/7", "4", "-i", "meter-7", "-p", "4711")


class WebSocket:
    """As much of a client's WebSocket as mqtt.Client needs of a socket: whole small frames."""

    def __init__(self, socket, path):
        self.socket = socket
        socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {BROKER}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Protocol: mqtt\r\n\r\n".encode())
        while not socket.recv(4096).endswith(b"\r\n\r\n"):
            pass

    def sendall(self, data):
        mask = b"\x1f\x2e\x3d\x4c"
        self.socket.sendall(bytes([0x82, 0x80 | len(data)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def recv(self, _):
        head = self.socket.recv(2)
        return self.socket.recv(head[1]) if head else b""

    def __getattr__(self, name):
        return getattr(self.socket, name)


def websocket_broker(server):
    """Takes one client, any path; says yes to everything."""
    end = server.accept().socket
    while not end.recv(4096).endswith(b"\r\n\r\n"):
        pass
    end.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n")
    while head := end.recv(6):
        masked = end.recv(head[1] & 0x7f)
        data = bytes(b ^ head[2 + i % 4] for i, b in enumerate(masked))
        said = {mqtt.CONNECT: mqtt.connack(), mqtt.PUBLISH: mqtt.answer(mqtt.PUBACK, 1)}.get(data[0] >> 4)
        if said:
            end.sendall(bytes([0x82, len(said)]) + said)
    end.close()


def in_websocket(s, tap, *paths):
    with s.server(port=9001) as server, tap():
        for path in paths:
            broker = threading.Thread(target=websocket_broker, args=(server,))
            broker.start()
            with s.client("meter", port=9001) as outer, mqtt.Client(over=WebSocket(outer.socket, path)) as c:
                c.login("meter-7")
                c.publish("plant/meter/7", b"4", 1)
                c.bye()
            broker.join()


@contextlib.contextmanager
def let_in(s, port):
    """A session with a scripted broker up to CONNACK: both ends, for a sensor that joins it now."""
    with s.server(port=port) as server, s.client("attacker", port=port) as c:
        c.send(mqtt.connect("tool-1"))
        b = server.accept()
        b.receive()
        b.send(mqtt.connack())
        c.receive()
        yield c, b
        b.close()


@capture("mqtt_wildcard_subscribe-fires-joined", "a session on port 18830 that is joined half-way: a subscription to everything is all that is seen", "generated")
def wildcard_joined(s, tap):
    with let_in(s, 18830) as (c, b), tap():
        c.send(mqtt.subscribe("#", mid=7))
        b.receive()
        b.send(mqtt.suback(7, 0))
        c.receive()


@capture("mqtt_wildcard_subscribe-quiet-joined", "joined half-way, and no MQTT: a SUBSCRIBE whose lengths do not add up, one whose filter is no text, two "
         "short messages", "generated")
def wildcard_no_mqtt(s, tap):
    said = (b"\x82\x06\x00\x07\x00\x02#\x00", b"\x82\x07\x00\x07\x00\x02\x01#\x00", 2 * b"\x31\x05\x00\x03a/0")
    with contextlib.ExitStack() as open_ones:
        ends = [open_ones.enter_context(let_in(s, 18830 + n)) for n in range(len(said))]
        with tap():
            for (c, b), data in zip(ends, said):
                c.socket.sendall(data)
                b.socket.recv(64)
                b.socket.sendall(mqtt.suback(7, 0))
                c.socket.recv(64)


@capture("mqtt_retained_poisoning_sweep-fires-joined", "a session on port 18830 that is joined half-way: fifteen empty retained messages", "generated")
def sweep_joined(s, tap):
    with let_in(s, 18830) as (c, b), tap():
        for n in range(15):
            c.send(mqtt.publish(f"a/{n}", retain=True))
            b.receive()


@capture("mqtt_odd_port-fires-path", "MQTT inside WebSockets on the path /static/img", "generated")
def odd_path(s, tap):
    in_websocket(s, tap, "/static/img")


@capture("mqtt_odd_port-quiet-path", "MQTT inside WebSockets on /mqtt, and with a query behind it", "generated")
def usual_path(s, tap):
    in_websocket(s, tap, "/mqtt", "/mqtt?X-Amz-Algorithm=AWS4-HMAC-SHA256")


@capture("mqtt_odd_port-quiet", "Mosquitto on ports 1883, 1884 and 8883 (plain)")
def odd_port_quiet(s, tap):
    with s.broker(OPEN + "\nlistener 1884\nlistener 8884"), tap():
        for port in ("1883", "1884", "8884"):
            s.pub("meter", "plant/meter/7", "4", "-i", "meter-7", "-p", port)


# --- the clouds' topics -------------------------------------------------------------------------------------------------

@capture("aws_shadow_foreign_thing-fires", "a client updates another thing's shadow, and subscribes to its own and all others in "
         "one SUBSCRIBE; the broker is a Mosquitto")
def shadow(s, tap):
    with s.broker(), tap(), s.client("attacker") as c:
        c.login("meter-7")
        c.publish("$aws/things/pump-1/shadow/update", b'{"state":{"desired":{"on":false}}}', 1)
        c.subscribe("$aws/things/meter-7/shadow/get/accepted", "$aws/things/+/shadow/update/documents")
        c.bye()


@capture("aws_shadow_foreign_thing-quiet", "things use their own shadows (plain, named, with a long name); an application of the list "
         "shadow_clients uses another's")
def shadow_quiet(s, tap):
    with s.broker(), tap():
        for host, thing in (("meter", "meter-7"), ("pump", "pump-with-a-name-that-is-longer-than-the-fifty-four-bytes-kept-of-it")):
            with s.client(host) as c:
                c.login(thing)
                c.subscribe(f"$aws/things/{thing}/shadow/update/delta", f"$aws/things/{thing}/shadow/name/limits/get/+")
                c.publish(f"$aws/things/{thing}/shadow/update", b"{}", 1)
                c.bye()
        with s.client("panel") as c:
            c.login("fleet-console")
            c.publish("$aws/things/meter-7/shadow/update", b"{}", 1)
            c.bye()


def rejections(s, tap, count):
    with s.broker(), tap(), s.client("meter") as c, s.client("panel") as service:
        service.login("fleet-console")
        c.login("meter-7")
        c.subscribe("$aws/things/meter-7/shadow/+/rejected", "$aws/things/meter-7/shadow/+/accepted")
        for n in range(8):
            c.publish("$aws/things/meter-7/shadow/get", b"", 0)
            end = "rejected" if n < count else "accepted"
            service.publish(f"$aws/things/meter-7/shadow/get/{end}", b'{"code":404}' if n < count else b"{}", 1)
            c.await_kind(mqtt.PUBLISH)
        c.bye()
        service.bye()


@capture("aws_shadow_rejected-fires", "eight shadow requests rejected; an application on the list shadow_clients plays the service "
         "behind a Mosquitto")
def rejected(s, tap):
    rejections(s, tap, 8)


@capture("aws_shadow_rejected-quiet", "two shadow requests rejected, six accepted")
def rejected_quiet(s, tap):
    rejections(s, tap, 2)


@capture("azure_foreign_device-fires", "a device publishes as another and asks for the commands to it; the broker is a Mosquitto")
def azure(s, tap):
    with s.broker(), tap(), s.client("attacker") as c:
        c.login("meter-7")
        c.publish("devices/pump-1/messages/events/", b"{}", 1)
        c.subscribe("devices/pump-1/messages/devicebound/#", "$iothub/pump-1/methods/+")
        c.bye()


@capture("azure_foreign_device-quiet", "a device and a module of it use their own topics and $iothub; somebody's own devices/ tree")
def azure_quiet(s, tap):
    with s.broker(), tap():
        with s.client("meter") as c:
            c.login("meter-7")
            c.publish("devices/meter-7/messages/events/$.ct=application%2Fjson", b"{}", 1)
            c.subscribe("devices/meter-7/messages/devicebound/#", "$iothub/methods/POST/#", "$iothub/twin/res/#",
                        "$iothub/twin/PATCH/properties/desired/#")
            c.bye()
        with s.client("meter") as c:
            c.login("meter-7/filter")
            c.publish("devices/meter-7/modules/filter/messages/events/", b"{}", 1)
            c.bye()
        with s.client("panel") as c:
            c.login("panel-1")
            c.publish("devices/lamp-3/brightness", b"30", 1)
            c.bye()


@capture("watson_cleartext_token-fires", "a device with use-token-auth on port 1883; a gateway without; the broker is a Mosquitto")
def watson(s, tap):
    with s.broker(), tap():
        for client_id, user in (("d:k3x9ab:meter:meter-7", "use-token-auth"), ("g:k3x9ab:gateway:gw-1", None)):
            with s.client("meter") as c:
                c.login(client_id, user, "t0ken-Rauchschwalbe" if user else None)
                c.publish("iot-2/evt/status/fmt/json", b"{}", 1)
                c.bye()


@capture("watson_cleartext_token-quiet", "the organisation quickstart, which has no tokens; an application; client ids with colons")
def watson_quiet(s, tap):
    with s.broker(), tap():
        for client_id in ("d:quickstart:meter:aabbccddeeff", "a:k3x9ab:dashboard", "d:shed", "node:7:a:b"):
            with s.client("meter") as c:
                c.login(client_id)
                c.publish("iot-2/evt/status/fmt/json", b"{}", 1)
                c.bye()


# --- nothing wrong ------------------------------------------------------------------------------------------------------

HOME_ACL = "".join(f"user {user}\ntopic readwrite #\n" for user in ("meter", "panel", "pump"))


def plug(s, host, name):
    """A Tasmota plug: retained last will, retained discovery, commands to it and states of it."""
    c = s.client(host).login(f"DVES_{name}", "meter", USERS["meter"], keepalive=30,
                             will=mqtt.will(f"tele/tasmota_{name}/LWT", b"Offline", 1, True))
    c.subscribe(f"cmnd/tasmota_{name}/#", "cmnd/tasmotas/#", f"cmnd/DVES_{name}_fb/#")
    c.publish(f"tele/tasmota_{name}/LWT", b"Online", retain=True)
    for part in ("config", "sensors"):
        c.publish(f"tasmota/discovery/4A7F{name}/{part}", b'{"ip":"10.20.0.11","dn":"plug"}', retain=True)
    return c


@capture("benign/mqtt_home", "a home: hub, Zigbee bridge and two plugs with retained discovery, states and wills, commands by the hub, "
         "a hub that restarts under another client id, a plug that drops off and comes back; the broker is a Mosquitto")
def home(s, tap):
    with s.broker(LOCKED, users=USERS, acl=HOME_ACL), tap():
        hub_will = mqtt.will("homeassistant/status", b"offline", 0, True)
        bridge = s.client("pump").login("mqttjs_6f0c1a2b", "pump", USERS["pump"],
                                        will=mqtt.will("zigbee2mqtt/bridge/state", b'{"state":"offline"}', 1, True))
        bridge.subscribe("zigbee2mqtt/bridge/request/#", "zigbee2mqtt/+/set", "zigbee2mqtt/+/set/+", "homeassistant/status")
        bridge.publish("zigbee2mqtt/bridge/state", b'{"state":"online"}', 1, retain=True)
        for n in range(6):
            bridge.publish(f"homeassistant/light/0x00158d{n}/light/config", b'{"name":"lamp"}', 1, retain=True)
        plugs = [plug(s, "meter", name) for name in ("F31", "F32")]
        for client_id in ("0Xk3homeassistant", "4Qw9homeassistant"):
            hub = s.client("panel").login(client_id, "panel", USERS["panel"], will=hub_will)
            hub.subscribe("homeassistant/#", "zigbee2mqtt/#", "tasmota/discovery/#", "tele/+/LWT", "stat/+/RESULT")
            hub.publish("homeassistant/status", b"online", 0, retain=True)
            for n in range(18):
                lamp = n % 6
                hub.publish(f"zigbee2mqtt/lamp-{lamp}/set", b'{"state":"TOGGLE"}', 0)
                bridge.publish(f"zigbee2mqtt/lamp-{lamp}", b'{"state":"ON","linkquality":102}', 0, retain=n % 3 == 0)
                hub.publish(f"cmnd/tasmota_F3{1 + n % 2}/POWER", b"TOGGLE", 1)
                plugs[n % 2].publish(f"stat/tasmota_F3{1 + n % 2}/RESULT", b'{"POWER":"ON"}')
                time.sleep(0.1)
            bridge.publish("zigbee2mqtt/lamp-5", b"", 1, retain=True)
            plugs[0].reset()
            plugs[0] = plug(s, "meter", "F31")
            hub.bye()
        for c in (*plugs, bridge):
            c.bye()


# --- the run ------------------------------------------------------------------------------------------------------------

def write_origin(folder):
    """Our rows anew; those of other recorders stay."""
    me, path = "tests/record/record_mqtt.py", os.path.join(PCAPS, folder, "ORIGIN.tsv")
    try:
        with open(path, encoding="utf-8") as f:
            others = [line for line in f if f"\t{me}\t" not in line]
    except FileNotFoundError:
        others = []
    rows = [f"{os.path.basename(name)}.pcap\t{origin}\t{me}\t{' '.join(shows.split())}\n"
            for name, (_, origin, shows) in captures.items() if name.startswith(folder + "/")]
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(sorted(others + rows))


def main():
    pattern = sys.argv[1] if len(sys.argv) > 1 else ""
    hosts = {"broker": BROKER, "meter": "10.20.0.11", "panel": "10.20.0.12", "pump": "10.20.0.13", "attacker": "10.20.0.66",
             "cloud": CLOUD, "outside": "198.51.100.20"}
    with Net(**hosts) as net:
        for name, (record, _, _) in captures.items():
            if pattern in name:
                print(name, flush=True)
                record(Scene(net), lambda name=name: net.tap(os.path.join(PCAPS, name + ".pcap")))
    for folder in ("mqtt", "benign"):
        write_origin(folder)


if __name__ == "__main__":
    main()
