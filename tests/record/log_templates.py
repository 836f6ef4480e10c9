#!/usr/bin/python3
"""Logs of brokers and servers made from the documented forms of their messages: pcaps/log/. Usage: log_templates.py [NAME...]
What a broker would write of clients that do what the rules are about; names, addresses and times are made up."""
import datetime
import json
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUT = os.path.join(TOP, "pcaps", "log")
BEGIN = datetime.datetime(2026, 11, 23, 14, 50, 0, tzinfo=datetime.timezone.utc)
BAD, HERE = "198.51.100.7", "192.0.2.1:1883"


class Log:
    """Lines in order of time; each is as its format writes it."""

    def __init__(self, form):
        self.form, self.at, self.lines, self.number = form, 0.0, [], 700

    def wait(self, seconds):
        self.at += seconds

    def say(self, *arguments, **named):
        self.at += 0.001
        self.lines.append(self.form(BEGIN + datetime.timedelta(seconds=self.at), *arguments, **named))

    def process(self):
        self.number += 4
        return f"<0.{self.number}.0>"

    def text(self):
        return "".join(line + "\n" for line in self.lines)


def iso(t, zone="+00:00"):
    return t.strftime("%Y-%m-%d %H:%M:%S.%f") + zone


# --- RabbitMQ ---------------------------------------------------------------------------------------------------------


def rabbit_text(t, level, process, message):
    return "\n".join(f"{iso(t)} [{level}] {process} {line}" for line in message.split("\n"))


def rabbit_json(t, level, process, message):
    return json.dumps({"time": iso(t), "level": level, "msg": message, "domain": "rabbitmq.connection", "pid": process})


def rabbit_renamed(t, level, process, message):
    return json.dumps({"severity": level[:4], "message": message, "@timestamp": iso(t).replace(" ", "T"), "process": process})


def rabbit_begin(log, old=True):
    log.say("info", "<0.689.0>", f"started MQTT TCP listener on {HERE}")


def rabbit_in(log, client, end, old):
    p, pair = log.process(), f"{end} -> {HERE}"
    if old:
        log.say("info", p, f"accepting MQTT connection {p} ({pair}, client id: {client})")
    else:
        log.say("info", p, f"Accepted MQTT connection {pair} for client ID {client}")
    return p, pair


def rabbit_refuse(log, user, end, old):
    p, pair = log.process(), f"{end} -> {HERE}"
    if old:
        log.say("error", p, f"MQTT login failed for user '{user}', authentication failed: Refused")
        log.say("error", p, f"MQTT connection {pair} is closing due to an authentication failure")
    else:
        log.say("error", p, f"MQTT connection failed: access refused for user '{user}':user '{user}' - invalid credentials")
        log.say("error", p, f"Rejected MQTT connection {pair} with Connect Reason Code 134")


def rabbit_bye(log, p, pair):
    log.say("info", p, f"closing MQTT connection {p} ({pair})")


def rabbit_guess(form, old):
    log = Log(form)
    rabbit_begin(log)
    for n in range(8):
        rabbit_refuse(log, "alice", f"{BAD}:{40000 + n}", old)
        log.wait(2)
    p = log.process()
    pair = f"{BAD}:41000 -> {HERE}"
    log.say("error", p, f"MQTT cannot parse a frame on connection '{pair}', unparseable payload: <<16,33,0,\n"
            "4,77,81,84,84,5,194,0,60,0,0,3,100,101,118,0,5,97,108,105,99,101,0,6,115,101,99,114,101,116>>")
    return log


def rabbit_healthy(form, old):
    log = Log(form)
    rabbit_begin(log)
    up = [rabbit_in(log, f"meter{n}", f"192.0.2.{10 + n}:{50000 + n}", old) for n in range(12)]
    for n, session in enumerate(up):
        log.wait(20)
        rabbit_bye(log, *session)
        up[n] = rabbit_in(log, f"meter{n}", f"192.0.2.{10 + n}:{51000 + n}", old)
    rabbit_refuse(log, "meter3", "192.0.2.13:52000", old)
    p, pair = up[5]
    log.say("error", p, f'closing MQTT connection "{pair}" (keepalive timeout)')
    for n, session in enumerate(up):
        if n != 5:
            rabbit_bye(log, *session)
    return log


def rabbit_scan():
    log = Log(rabbit_text)
    rabbit_begin(log)
    for n in range(8):
        p, pair = rabbit_in(log, "scan", f"{BAD}:{42000 + n}", True)
        log.say("error", "<0.2000.0>", f"Channel error on connection <0.1999.0> ({pair}, vhost: '/', user: 'bob'), channel 1:\n"
                f"operation queue.bind caused a channel exception access_refused: access to topic 'plant.{n}.#' in exchange "
                "'amq.topic' in vhost '/' refused for user 'bob'")
        log.say("error", p, f"MQTT protocol error on connection {pair}: access_refused")
        log.wait(1)
    return log


def rabbit_scan_312():
    log = Log(rabbit_json)
    rabbit_begin(log)
    p, _ = rabbit_in(log, "scan", f"{BAD}:42000", False)
    for n in range(8):
        log.say("error", p, f"MQTT topic access refused: read access to topic 'plant.{n}.#' in exchange 'amq.topic' in vhost '/' "
                "refused for user 'bob'")
        log.wait(1)
    return log


def rabbit_takeover(early=False):
    """Two processes write: the line about the old session may stand before that of the new one."""
    log = Log(rabbit_text)
    rabbit_begin(log)
    p, pair = rabbit_in(log, "pump", "192.0.2.20:50000", True)
    for n in range(8):
        log.wait(2)
        host = BAD if n % 2 == 0 else "192.0.2.20"
        replaced = lambda: log.say("warning", p, f"MQTT disconnecting client \"{pair}\" with duplicate id 'pump'")
        if early:
            replaced()
        q, new = rabbit_in(log, "pump", f"{host}:{50001 + n}", True)
        if not early:
            replaced()
        p, pair = q, new
    rabbit_bye(log, p, pair)
    return log


def rabbit_abnormal():
    log = Log(rabbit_text)
    rabbit_begin(log)
    for n in range(7):
        p, pair = rabbit_in(log, f"dev{n}", f"{BAD}:{43000 + n}", True)
        log.wait(3)
        log.say("info", p, f'MQTT connection "{pair}" will terminate because peer closed TCP connection')
    return log


# --- ejabberd ---------------------------------------------------------------------------------------------------------


def ejabberd_form(t, level, origin, message):
    return f"{iso(t)} [{level}] {origin} {message}"


def ejabberd_open(log, end):
    p = log.process()
    log.say("info", "<0.335.0>@ejabberd_listener:accept/7:273", f"({p}) Accepted connection {end} -> {HERE}")
    return p


def ejabberd_in(log, identity, end):
    p, ip = ejabberd_open(log, end), end.rsplit(":", 1)[0]
    log.say("info", f"{p}@mod_mqtt_session:authenticate/3:1187",
            f"Accepted MQTT authentication for {identity} by mnesia backend from {ip}")
    log.say("info", f"{p}@mod_mqtt_session:register_session/3:494", f"Opened MQTT session for {identity} from {ip}")
    return p, identity, ip


def ejabberd_out(log, p, identity, ip, why):
    log.say("info", f"{p}@mod_mqtt_session:unregister_session/2:535", f"Closing MQTT session for {identity} from {ip}: {why}")


NORMAL = "Peer disconnected with reason: Normal disconnection"


def ejabberd_guess():
    log = Log(ejabberd_form)
    for n in range(8):
        p = ejabberd_open(log, f"{BAD}:{40000 + n}")
        log.say("warning", f"{p}@mod_mqtt_session:log_disconnection/2:1435",
                f"Rejected MQTT connection from {BAD}: Authentication failed: Not authorized")
        log.wait(2)
    return log


def ejabberd_healthy():
    log = Log(ejabberd_form)
    up = [ejabberd_in(log, f"meter@example/m/{n}", f"192.0.2.{10 + n}:{50000 + n}") for n in range(12)]
    for n, session in enumerate(up):
        log.wait(20)
        ejabberd_out(log, *session, NORMAL if n != 4 else "Idle connection")
    log.say("debug", "<0.900.0>@mod_mqtt_session:handle_info/2:300",
            "Got MQTT packet:\n#connect{client_id = <<\"m\">>,\n         password = <<\"secret\">>}")
    return log


def ejabberd_takeover():
    log = Log(ejabberd_form)
    for n in range(8):
        last = ejabberd_in(log, "plant@example/pump", f"{BAD if n % 2 else '192.0.2.20'}:{50000 + n}")
        log.wait(2)
    ejabberd_out(log, *last, NORMAL)
    return log


def ejabberd_abnormal():
    log = Log(ejabberd_form)
    for n in range(7):
        session = ejabberd_in(log, f"plant@example/dev{n}", f"{BAD}:{43000 + n}")
        log.wait(3)
        ejabberd_out(log, *session, "Connection failed: connection closed")
    return log


# --- HiveMQ -----------------------------------------------------------------------------------------------------------


def hivemq_form(t, message):
    return f"{t.strftime('%Y-%m-%d %H:%M:%S')},{t.microsecond // 1000:03}  - {message}"


def hivemq_in(log, client, ip):
    log.say(f"Client ID: {client}, IP: {ip}, Clean Start: true, Session Expiry: 0 connected.")


def hivemq_guess():
    log = Log(hivemq_form)
    for n in range(8):
        log.say(f"Client ID: guess{n}, IP: {BAD} was disconnected. reason: Authentication failed.")
        log.wait(2)
    return log


def hivemq_healthy():
    log = Log(hivemq_form)
    for n in range(12):
        hivemq_in(log, f"meter{n}, IP: 198.51.100.99 x", f"192.0.2.{10 + n}")
    for n in range(12):
        log.wait(20)
        log.say(f"Client ID: meter{n}, IP: 198.51.100.99 x, IP: 192.0.2.{10 + n} disconnected gracefully.")
    log.say("Client ID: meter0 session has expired at 2026-11-23 15:00:00. All persistent data for this client has been removed.")
    return log


def hivemq_abnormal():
    log = Log(hivemq_form)
    for n in range(7):
        hivemq_in(log, f"dev{n}", BAD)
        log.wait(3)
        log.say(f"Client ID: dev{n}, IP: {BAD} disconnected ungracefully." if n % 2 else
                f"Client ID: dev{n}, IP: {BAD} was disconnected. reason: The client was idle for too long without sending an MQTT "
                "control packet.")
    return log


def hivemq_scan():
    log = Log(hivemq_form)
    for n in range(8):
        hivemq_in(log, "scan", BAD)
        log.say(f"Client ID: scan, IP: {BAD} was disconnected. reason: Sent a SUBSCRIBE with an unauthorized subscription for topic "
                f"'plant/{n}/#'.")
        log.wait(2)
    return log


def hivemq_undeliverable():
    log = Log(hivemq_form)
    hivemq_in(log, "slow", "192.0.2.30")
    for n in range(60):
        log.say(f"Outgoing publish message was dropped. Receiving client: slow, topic: plant/{n}, qos: 1, reason: The client message queue "
                "is full.")
    return log


# --- Mosquitto 2.1 ------------------------------------------------------------------------------------------------------


def mosquitto_form(t, message):
    return f"{int(t.timestamp())}: {message}"


def mosquitto_tls(*suites, client="cam"):
    """Clients that agree on these suites. The version before it is the oldest that the suite is for: an old one says nothing."""
    log = Log(mosquitto_form)
    log.say("mosquitto version 2.1.2 starting")
    for n, suite in enumerate(suites):
        end = f"192.0.2.{10 + n}:{50000 + n}"
        log.say(f"New connection from {end} on port 18884.")
        log.say(f"New client connected from {end} as {client}{n} (p4, c1, k60, u'cam').")
        log.say(f"Client {client}{n} negotiated TLSv1.0 cipher {suite}")
        log.wait(1)
        log.say(f"Client {client}{n} disconnected.")
    return log


def mosquitto_proxied():
    """Behind a proxy that tells the version and the suite that it agreed on with the client."""
    log = Log(mosquitto_form)
    log.say("mosquitto version 2.1.2 starting")
    log.say("Connection from 192.0.2.10:50000 negotiated TLSv1.1 cipher ECDHE-RSA-AES128-SHA")
    log.say("New client connected from 192.0.2.10:50000 as cam0 (p4, c1, k60).")
    return log


def mosquitto_2_1_guess():
    """Since 2.1 the end of a connection stands in the line, and the reason behind a colon."""
    log = Log(mosquitto_form)
    log.say("mosquitto version 2.1.2 starting")
    for n in range(8):
        log.say(f"New connection from {BAD}:{40000 + n} on port 1883.")
        log.say(f"New connection from 192.0.2.10:{50000 + n} on port 1883.")
        log.say(f"Client guess{n} [{BAD}:{40000 + n}] disconnected: {'bad username or password' if n % 2 else 'not authorised'}.")
        log.say(f"New client connected from 192.0.2.10:{50000 + n} as meter (p4, c1, k60, u'meter').")
        log.say(f"Client meter [192.0.2.10:{50000 + n}] disconnected.")
        log.wait(2)
    return log


def mosquitto_2_1_takeover():
    log = Log(mosquitto_form)
    log.say("mosquitto version 2.1.2 starting")
    for n in range(7):
        old, new = (f"{BAD if (n + k) % 2 else '192.0.2.10'}:{50000 + n + k}" for k in (0, 1))
        log.say(f"New connection from {new} on port 1883.")
        if n:
            log.say(f"Client pump [{old}] disconnected: session taken over.")
        log.say(f"New client connected from {new} as pump (p5, c1, k60, u'pump').")
        log.wait(2)
    return log


def mosquitto_2_1_abnormal():
    log = Log(mosquitto_form)
    log.say("mosquitto version 2.1.2 starting")
    for n, why in enumerate(("connection closed by client", "exceeded timeout", "protocol error", "malformed packet", "connection closed by client",
                             "exceeded timeout", "Connection reset by peer")):
        log.say(f"New connection from 192.0.2.10:{50000 + n} on port 1883.")
        log.say(f"New client connected from 192.0.2.10:{50000 + n} as cam (p4, c1, k60).")
        log.wait(20)
        log.say(f"Client cam [192.0.2.10:{50000 + n}] disconnected: {why}.")
    return log


def mosquitto_2_1_healthy():
    """A fleet that is probed by its orchestrator, with names that imitate the log; a port scanner's single hit, one TLS fault."""
    log = Log(mosquitto_form)
    log.say("mosquitto version 2.1.2 starting")
    for n in range(20):
        log.say(f"New connection from 10.42.0.1:{40000 + n} on port 1883.")
        log.say(f"Client 10.42.0.1 [10.42.0.1:{40000 + n}] disconnected: connection closed by client.")
        name = f"x{n} [192.0.2.66:1] disconnected: not authorised"
        log.say(f"New connection from [2001:db8::{n + 1:x}]:5000{n % 10} on port 1883.".replace("[", "").replace("]", ""))
        log.say(f"New client connected from 2001:db8::{n + 1:x}:5000{n % 10} as {name} (p4, c1, k60, u'meter').")
        log.wait(10)
        log.say(f"Client {name} [2001:db8::{n + 1:x}:5000{n % 10}] disconnected.")
        log.say(f"Client {name} [2001:db8::{n + 1:x}:5000{n % 10}] disconnected: connection closed by client.")
    log.say("New connection from 192.0.2.77:52787 on port 1883.")
    log.say("Protocol error from 192.0.2.77:52787: First packet not CONNECT (4F).")
    log.say("Client 192.0.2.77 [192.0.2.77:52787] disconnected: protocol error.")
    log.say("New connection from ::1:53523 on port 8883.")
    log.say("OpenSSL Error while trying to get the error[0]: error:0A000126:SSL routines::unexpected eof while reading")
    log.say("Client ::1 [::1:53523] disconnected: protocol error.")
    return log


# --- VerneMQ, NanoMQ, Californium -------------------------------------------------------------------------------------


def verne_form(t, level, message):
    return f"{t.strftime('%Y-%m-%dT%H:%M:%S.%f')}+00:00 [{level}] <0.812.0> vmq_mqtt_fsm:auth_on_register/4:712: {message}"


def verne_1_form(t, level, message):
    return f"{t.strftime('%Y-%m-%d %H:%M:%S.%f')[:-3]} [{level}] <0.812.0>@vmq_mqtt_fsm:check_user:619 {message}"


def verne_console(t, level, message):
    return f"{t.strftime('%H:%M:%S.%f')[:-3]} [{level}] {message}"


def verne_1_guess(form=verne_1_form):
    log = verne_guess(form)
    log.say("warning", 'client {[],<<"meter1">>} with username <<"meter">> stopped due to keepalive expired')
    return log


def verne_1_scan():
    log = Log(verne_1_form)
    for n in range(8):
        log.say("error", f'can\'t auth publish [<<"bob">>,{{[],<<"it\\"s">>}},{n % 3},[<<"plant">>,<<"{n}">>],<<"pass,word]">>,false] '
                "due to no_matching_hook_found")
        log.say("warning", f'can\'t authenticate client {{[],<<"old{n}">>}} due to error')
        log.wait(2)
    return log


def verne_guess(form=verne_form):
    log = Log(form)
    for n in range(8):
        log.say("warning", f'can\'t authenticate client {{[],<<"guess{n}">>}} from {BAD}:{40000 + n} due to invalid_credentials')
        log.wait(2)
    return log


def verne_scan():
    log = Log(verne_form)
    for n in range(8):
        log.say("error", 'can\'t auth publish for client {[],<<"it\\"s">>} (user <<"bob">>) on topic '
                f'[<<"plant">>,<<"{n}">>,<<112,97,116,104>>] due to not_allowed')
        log.say("warning", f'can\'t authorize SUBSCRIBE from v4 client {{[],<<"scan">>}} from {BAD}:42000 due to not_allowed')
        log.wait(2)
    return log


def verne_healthy():
    log = Log(verne_form)
    log.say("info", "Starting vmq_server")
    log.say("warning", 'client {[],<<"meter1">>} with username <<"meter">> stopped due to keepalive expired')
    log.say("warning", 'subscriber {[],<<"meter2">>} dropped 3 messages')
    log.say("warning", 'can\'t authenticate client {[],<<"meter3 with a name\n                            of two lines">>} from '
            '192.0.2.13:50000 due to invalid_credentials')
    return log


def nano_form(t, level, message):
    return f"{t.strftime('%Y-%m-%d %H:%M:%S')} [4711] {level:5} /nanomq/apps/broker.c:1000: {message}"


def nano_old():
    log = Log(lambda t, level, message: f"{t.strftime('%Y-%m-%d %H:%M:%S')} [12] {level:5} /nanomq/{message}")
    for n in range(8):
        log.say("WARN", "nng/src/sp/protocol/mqtt/nmq_mqtt.c:804 nano_pipe_start: Invalid auth info.")
        log.say("WARN", "nanomq/pub_handler.c:1715 handle_pub: acl deny")
        log.say("WARN", "nanomq/sub_handler.c:421 sub_ctx_handle: acl deny")
        log.wait(2)
    return log


def nano_guess():
    log = Log(nano_form)
    for n in range(8):
        log.say("WARN", "Invalid auth info or authentication denied")
        log.wait(2)
    return log


def nano_coloured(t, level, message):
    return f"\033[33m{nano_form(t, level, message)}\033[0m"


def nano_scan(form=nano_form):
    log = Log(form)
    for n in range(8):
        log.say("WARN", f"acl deny subscribe clientid [scan] username [bob] topic [plant/{n}/#]")
        log.wait(1)
    return log


def nano_hook_form(_t, **members):
    return json.dumps(members, separators=(",", ":"))


def nano_hook():
    log = Log(nano_hook_form)
    for n in range(8):
        log.say(proto_ver=4, keepalive=60, conn_ack="success", username="undefined", clientid=f"meter{n}", action="client_connack")
    log.say(proto_ver=4, keepalive=60, conn_ack="Bad user name or password", username="bob", clientid="b", action="client_connack")
    for n in range(8):
        log.say(reason="normal", username="undefined", clientid=f"meter{n}", action="client_disconnected")
    return log


def californium_form(t, message):
    return f"[{t.strftime('%Y-%m-%d %H:%M:%S')}]\t{message}"


def californium_bans():
    log = Log(californium_form)
    for n in range(6):
        log.say(f"coap 2 message format error Ban: {BAD}")
        log.wait(1)
    return log


# --- web servers ------------------------------------------------------------------------------------------------------


def access_form(t, ip, user, request, status, agent="curl/7.88.1", host=""):
    return f'{host}{ip} - {user} [{t.strftime("%d/%b/%Y:%H:%M:%S")} +0000] "{request}" {status} 179 "-" "{agent}"'


def access_guess():
    log = Log(access_form)
    for n in range(25):
        log.say(BAD, "admin", "GET /st/x?token=secret HTTP/1.1", 401)
        log.wait(1)
    return log


def access_scan():
    log = Log(access_form)
    for n in range(30):
        log.say(BAD, "-", f"GET /cgi-bin/{n}.cgi HTTP/1.1", 404, host="www.example:80 ")
        log.wait(1)
    return log


def access_mqtt():
    log = Log(access_form)
    for n in range(4):
        log.say(BAD, "-", r"\x10\x1B\x00\x04MQTT\x04\xC2\x00<\x00\x03dev\x00\x05alice\x00\x06secret", 400, agent="-")
        log.wait(1)
    return log


def access_healthy():
    log = Log(access_form)
    for n in range(20):
        log.say(f"192.0.2.{10 + n}", "-" if n % 2 else "device01", f"GET /api/v1/state/{n % 4} HTTP/1.1", 200,
                agent=r"it\x22s \"a\" browser")
        log.wait(5)
    log.say("192.0.2.50", "a [b] \"c", "GET / HTTP/1.1", 401)
    log.say("2001:db8::1", "-", "-", 408)
    return log


def nginx_form(t, number, message, level="error"):
    return f"{t.strftime('%Y/%m/%d %H:%M:%S')} [{level}] 77#77: *{number} {message}"


def nginx_tail(ip, request="GET /st/x HTTP/1.1"):
    return f', client: {ip}, server: , request: "{request}", host: "www.example"'


def nginx_guess():
    log = Log(nginx_form)
    for n in range(8):
        log.say(n, f'user "admin": password mismatch{nginx_tail(BAD)}')
        log.wait(2)
    return log


def nginx_healthy():
    log = Log(nginx_form)
    log.say(1, f'user "x, client: 192.0.2.66, server: ": password mismatch{nginx_tail(BAD)}')
    log.say(2, f'access forbidden by rule{nginx_tail("192.0.2.10")}')
    log.say(3, f'client sent invalid method while reading client request line{nginx_tail("192.0.2.11", chr(16) + "MQTT alice secret")}', "info")
    log.say(4, "client 192.0.2.12 closed keepalive connection", "info")
    log.say(5, "SSL_do_handshake() failed (SSL: error:0A0000C1:SSL routines::no shared cipher) while SSL handshaking, client: 192.0.2.13, "
            "server: 0.0.0.0:443", "info")
    return log


def apache_form(t, module, ip, message):
    return f"[{t.strftime('%a %b %d %H:%M:%S.%f %Y')}] [{module}:error] [pid 77:tid 99] [client {ip}] {message}"


def apache_guess():
    log = Log(apache_form)
    for n in range(8):
        log.say("auth_basic", f"{BAD}:{40000 + n}", 'AH01617: user admin: authentication failure for "/st/x": Password Mismatch')
        log.wait(2)
    return log


def apache_healthy():
    log = Log(apache_form)
    log.say("auth_basic", "192.0.2.10:50000", "AH01618: user [client 192.0.2.66:1] AH01617 not found: /st/x")
    log.say("authz_core", "192.0.2.11:50000", "AH01630: client denied by server configuration: /srv/www/private")
    log.say("reqtimeout", "192.0.2.12:50000", "AH01382: Request header read timeout")
    return log


ALL = {
    "tls_weak_ciphersuite-fires-mosquitto": (lambda: mosquitto_tls("ECDHE-RSA-AES128-SHA", "DES-CBC3-SHA"), "Mosquitto 2.1: two weak suites"),
    "tls_broken_ciphersuite-fires-mosquitto": (lambda: mosquitto_tls("ECDHE-RSA-RC4-SHA", "AECDH-NULL-SHA"), "Mosquitto 2.1: two broken suites"),
    "tls_no_forward_secrecy-fires-mosquitto": (lambda: mosquitto_tls("AES128-GCM-SHA256"), "Mosquitto 2.1: RSA key exchange"),
    "tls_old_version-fires-mosquitto": (mosquitto_proxied, "Mosquitto 2.1 behind a proxy that speaks TLS 1.1"),
    "benign-mosquitto-tls": (lambda: mosquitto_tls("TLS_AES_256_GCM_SHA384", "ECDHE-RSA-AES128-GCM-SHA256", "GOST2012-GOST8912-GOST8912",
                                                   client="x negotiated TLSv1.0 cipher NULL-MD5"),
                             "Mosquitto 2.1: good suites, and one that no table has; names that imitate the log"),
    "session_auth_bruteforce-fires-mosquitto-2.1": (mosquitto_2_1_guess, "Mosquitto 2.1.2: eight refused logins beside one that is well"),
    "session_identity_takeover-fires-mosquitto-2.1": (mosquitto_2_1_takeover, "Mosquitto 2.1.2: two addresses throw each other out"),
    "session_abnormal_termination-fires-mosquitto-2.1": (mosquitto_2_1_abnormal, "Mosquitto 2.1.2: seven sessions that end without DISCONNECT"),
    "benign-mosquitto-2.1": (mosquitto_2_1_healthy, "Mosquitto 2.1.2: a fleet, the probes of an orchestrator, names that imitate the log"),
    "session_auth_bruteforce-fires-rabbitmq": (lambda: rabbit_guess(rabbit_text, True), "RabbitMQ 3.10: eight wrong passwords"),
    "session_auth_bruteforce-fires-rabbitmq-312": (lambda: rabbit_guess(rabbit_text, False), "RabbitMQ 4: the same"),
    "session_auth_bruteforce-fires-rabbitmq-json": (lambda: rabbit_guess(rabbit_json, False), "RabbitMQ 4, JSON: the same"),
    "session_auth_bruteforce-fires-rabbitmq-renamed": (lambda: rabbit_guess(rabbit_renamed, True), "RabbitMQ 3.10, JSON with other names"),
    "session_scan-fires-rabbitmq": (rabbit_scan, "RabbitMQ 3.10: eight filters refused, each ends the session"),
    "session_scan-fires-rabbitmq-312": (rabbit_scan_312, "RabbitMQ 4, JSON: eight filters refused"),
    "session_identity_takeover-fires-rabbitmq": (rabbit_takeover, "two addresses throw each other out"),
    "session_identity_takeover-fires-rabbitmq-early": (lambda: rabbit_takeover(True), "the same, the old session's line first"),
    "session_abnormal_termination-fires-rabbitmq": (rabbit_abnormal, "seven sessions that end without DISCONNECT"),
    "benign-rabbitmq": (lambda: rabbit_healthy(rabbit_text, True), "RabbitMQ 3.10: a healthy fleet, one mistyped password"),
    "benign-rabbitmq-json": (lambda: rabbit_healthy(rabbit_json, False), "RabbitMQ 4, JSON: the same"),
    "session_auth_bruteforce-fires-ejabberd": (ejabberd_guess, "eight wrong passwords"),
    "session_identity_takeover-fires-ejabberd": (ejabberd_takeover, "two addresses throw each other out; no line says so"),
    "session_abnormal_termination-fires-ejabberd": (ejabberd_abnormal, "seven sessions that end without DISCONNECT"),
    "benign-ejabberd": (ejabberd_healthy, "a healthy fleet, debug lines with a password"),
    "session_auth_bruteforce-fires-hivemq": (hivemq_guess, "eight refused logins"),
    "session_abnormal_termination-fires-hivemq": (hivemq_abnormal, "seven sessions that break or fall silent"),
    "session_scan-fires-hivemq": (hivemq_scan, "eight filters refused"),
    "session_undeliverable-fires-hivemq": (hivemq_undeliverable, "a client's queue is full: what was published is not in the log"),
    "benign-hivemq": (hivemq_healthy, "a healthy fleet whose names imitate the log"),
    "session_auth_bruteforce-fires-vernemq": (verne_guess, "eight wrong passwords"),
    "session_auth_bruteforce-fires-vernemq-1": (verne_1_guess, "VerneMQ 1: the same"),
    "session_auth_bruteforce-fires-vernemq-console": (lambda: verne_1_guess(verne_console),
                                                      "VerneMQ 1: the same on its console: no date"),
    "mqtt_publish_refused-fires-vernemq-1": (verne_1_scan, "VerneMQ 1: publications refused, with payload; logins of nobody knows where"),
    "benign-vernemq": (verne_healthy, "a name of two lines, a silent client, messages dropped"),
    "mqtt_publish_refused-fires-vernemq": (verne_scan, "publications and subscriptions refused; the log does not say which filters"),
    "session_auth_bruteforce-fires-nanomq": (nano_guess, "eight refused logins, of whom the log says nothing"),
    "session_auth_bruteforce-fires-nanomq-0.24": (nano_old, "NanoMQ 0.24: the same, and publications refused of which it says nothing"),
    "session_scan-fires-nanomq": (nano_scan, "eight filters refused"),
    "session_scan-fires-nanomq-coloured": (lambda: nano_scan(nano_coloured), "the same as its console writes it"),
    "benign-nanomq-webhook": (nano_hook, "the webhook's records of a healthy fleet"),
    "benign-californium": (californium_bans, "six bans"),
    "http_login_hammering-fires-access": (access_guess, "25 refused logins; a token in the URL"),
    "http_path_scan-fires-access": (access_scan, "30 paths that are not there, vhost_combined"),
    "http_protocol_violation-fires-access": (access_mqtt, "MQTT on a port for HTTP, with its password"),
    "benign-access": (access_healthy, "devices that fetch their state; names that imitate the log"),
    "session_auth_bruteforce-fires-nginx": (nginx_guess, "eight wrong passwords"),
    "benign-nginx": (nginx_healthy, "a user name that imitates the log, single faults"),
    "session_auth_bruteforce-fires-apache": (apache_guess, "eight wrong passwords"),
    "benign-apache": (apache_healthy, "a user name that imitates the log, single faults"),
}


def main():
    origin = os.path.join(OUT, "ORIGIN.tsv")
    with open(origin, encoding="utf-8") as f:
        rows = [line for line in f if "\ttests/record/log_templates.py\t" not in line]
    for name, (make, what) in ALL.items():
        rows.append(f"{name}.log\tgenerated\ttests/record/log_templates.py\tfrom the documented format: {what}\n")
        if len(sys.argv) < 2 or name in sys.argv[1:]:
            with open(os.path.join(OUT, name + ".log"), "w", encoding="utf-8") as f:
                f.write(make().text())
    with open(origin, "w", encoding="utf-8") as f:
        f.writelines(rows)


if __name__ == "__main__":
    main()
