#!/usr/bin/python3
"""Records the captures of the session rules: session.py [NAME...] writes pcaps/session/NAME.pcap and its row in ORIGIN.tsv. A real Mosquitto, its client programs and clients made of bytes (mqtt.py), in network namespaces (net.py).
Waits of minutes are not waited for: what comes after them is dated later, and the row says "time stretched"."""
import socket
import ssl
import subprocess
import time

import pcapfile
from captures import BROKER, CLOSED, OPEN, STRETCHED, USERS, addresses, capture, let_in, main, network, turned_away, wire
from mqtt import Client, Server, connack, connect, disconnect, packet, publish, subscribe

# --- connections ----------------------------------------------------------------------------------------------------

@capture("session", "one address opens 70 sessions, each under a new client id, in a few seconds")
def session_connect_flood__fires(path):
    with network(attacker="10.20.0.66") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            for n in range(70):
                let_in(net, "attacker", f"load-{n}").bye()
                tap.skip(0.3)


def restart(tap, broker, sessions):
    """All sessions end with it; nobody comes back before it is there again."""
    tap.skip(30)
    broker.stop()
    for s in sessions:
        s.ended(1).close()
    tap.skip(2)
    broker.start()


@capture("session", "40 devices, each from an address of its own, come back at once after the broker was restarted")
def session_connect_flood__quiet__fleet(path):
    fleet = addresses(40)
    with network(site=fleet) as net:
        broker = net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            sessions = [let_in(net, "site", f"meter-{n}", a) for n, a in enumerate(fleet)]
            for n, s in enumerate(sessions):
                s.publish(f"plant/meter/{n}", b"230.1", qos=1)
            restart(tap, broker, sessions)
            for n, a in enumerate(fleet):
                s = let_in(net, "site", f"meter-{n}", a)
                s.publish(f"plant/meter/{n}", b"229.8", qos=1)
                s.bye()


@capture("session", "25 devices with one user behind a gateway's address come back after the broker was restarted")
def session_reconnect_flapping__quiet__gateway(path):
    with network(gateway="10.20.0.9") as net:
        broker = net.mosquitto("broker", CLOSED, USERS)
        with net.tap(path) as tap:
            def fleet():
                for n in range(25):
                    s = let_in(net, "gateway", f"meter-{n}", user="meter", password="measuring")
                    s.publish(f"plant/meter/{n}", b"230.1", qos=1)
                    yield s
            sessions = list(fleet())
            restart(tap, broker, sessions)
            for s in fleet():
                s.bye()


@capture("session", "one client id connects 18 times in 45 s and drops the connection each time" + STRETCHED)
def session_reconnect_flapping__fires(path):
    with network(valve="10.20.0.13") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            for _ in range(18):
                let_in(net, "valve", "valve-3").close()
                tap.skip(2.5)


@capture("session", "one user's sessions under ever new client ids break 18 times in 45 s" + STRETCHED)
def session_reconnect_flapping__fires__user(path):
    with network(valve="10.20.0.13") as net:
        net.mosquitto("broker", CLOSED, USERS)
        with net.tap(path) as tap:
            for n in range(18):
                let_in(net, "valve", f"boot-{n * 7919 % 997:03d}", user="meter", password="measuring").reset()
                tap.skip(2.5)


def lossy(net, tap, host, client_id, times, every):
    """The link goes, the device comes back on a new connection; the broker then drops the old one."""
    before = None
    for n in range(times):
        now = let_in(net, host, client_id)
        now.publish(f"plant/{client_id}", b"%d" % n)
        tap.skip(every)
        if before:
            before.ended(2).close()
        before = now
    before.bye()


@capture("session", "a device on a bad Wi-Fi link comes back 11 times a minute, from the same address, for two minutes" + STRETCHED)
def session_reconnect_flapping__quiet__wifi(path):
    with network(sensor="10.20.0.21") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            lossy(net, tap, "sensor", "shelly-plug-7", 22, 5.45)


@capture("session", "mosquitto_pub every three seconds under one client id, a fresh connection for each message" + STRETCHED)
def session_reconnect_flapping__quiet__script(path):
    with network(script="10.20.0.22") as net:
        net.mosquitto("broker", CLOSED, USERS)
        with net.tap(path) as tap:
            for n in range(40):
                net.run("script", "mosquitto_pub", "-h", BROKER, "-u", "meter", "-P", "measuring", "-i", "cron-1", "-t", "plant/load",
                        "-m", str(n))
                tap.skip(2.8)


# --- authentication -------------------------------------------------------------------------------------------------

@capture("session", "eight wrong passwords for one user, MQTT 3.1.1 (return code 5)")
def session_auth_bruteforce__fires(path):
    with network(attacker="10.20.0.66") as net:
        net.mosquitto("broker", CLOSED, USERS)
        with net.tap(path):
            for n in range(8):
                turned_away(net, "attacker", f"mqtt-{n}", "admin", f"admin{n}")


@capture("session", "eight wrong passwords for one user, MQTT 5 (reason code 0x87)")
def session_auth_bruteforce__fires__v5(path):
    with network(attacker="10.20.0.66") as net:
        net.mosquitto("broker", CLOSED, USERS)
        with net.tap(path):
            for n in range(8):
                turned_away(net, "attacker", f"mqtt-{n}", "admin", f"admin{n}", v=5)


@capture("session", "six wrong passwords each: a scripted server answers 4 (MQTT 3.1.1), 0x86 and 0x8c (MQTT 5)")
def session_auth_bruteforce__fires__codes(path):
    with network(attacker="10.20.0.66", other="10.20.0.67", third="10.20.0.68") as net:
        with net.inside("broker"):
            server = Server(BROKER)
        with net.tap(path):
            for host, v, code in ("attacker", 4, 4), ("other", 5, 0x86), ("third", 5, 0x8c):
                for n in range(6):
                    with net.inside(host):
                        client = Client(BROKER)
                    seen = server.accept()
                    client.send(connect(f"c-{n}", "admin", f"pw{n}", v=v))
                    seen.receive()
                    seen.send(connack(code, v=v))
                    seen.close()
                    client.ended().close()


@capture("session", "four refused logins within a minute, each refused CONNACK retransmitted three times: four failures, not sixteen")
def session_auth_bruteforce__quiet__retransmitted(path):
    with network(meter="10.20.0.11") as net:
        net.mosquitto("broker", CLOSED, USERS)
        with net.tap(path) as tap:
            for n in range(4):
                turned_away(net, "meter", "meter-7", "meter", "old-password")
                tap.skip(12)
    frames = pcapfile.read(path)
    pcapfile.write(path, pcapfile.repeated(frames, lambda f: f.comes_from(BROKER) and f.payload()[:1] == b"\x20", 3))


@capture("session", "six addresses try a password each for one user, ten minutes apart" + STRETCHED)
def session_auth_distributed__fires(path):
    bots = addresses(6, 9, "203.0.113.")
    with network(bots=bots) as net:
        net.mosquitto("broker", CLOSED, USERS)
        with net.tap(path) as tap:
            for n, bot in enumerate(bots):
                turned_away(net, "bots", f"b{n}", "admin", f"Winter{n}", bot)
                tap.skip(550)


@capture("session", "six addresses try one password for six users" + STRETCHED)
def session_auth_distributed__fires__password(path):
    bots = addresses(6, 9, "203.0.113.")
    with network(bots=bots) as net:
        net.mosquitto("broker", CLOSED, USERS)
        with net.tap(path) as tap:
            for n, bot in enumerate(bots):
                turned_away(net, "bots", f"b{n}", f"user{n}", "xc3511", bot)
                tap.skip(550)


@capture("session", "four devices whose passwords have run out, each with a user and a password of its own")
def session_auth_distributed__quiet(path):
    fleet = addresses(4)
    with network(site=fleet) as net:
        net.mosquitto("broker", CLOSED, USERS)
        with net.tap(path) as tap:
            for turn in range(2):
                for n, a in enumerate(fleet):
                    turned_away(net, "site", f"lock-{n}", f"lock-{n}", f"expired-{n}", a)
                tap.skip(60)


@capture("session", "one address, one try for each of seven users")
def session_password_spray__fires(path):
    with network(attacker="10.20.0.66") as net:
        net.mosquitto("broker", CLOSED, USERS)
        with net.tap(path) as tap:
            for n, user in enumerate(("admin", "root", "operator", "meter", "scada", "guest", "hmi")):
                turned_away(net, "attacker", f"m{n}", user, "Summer2025")
                tap.skip(70)


@capture("session", "one address, four refused logins of two users, minutes apart" + STRETCHED)
def session_password_spray__quiet(path):
    with network(panel="10.20.0.31") as net:
        net.mosquitto("broker", CLOSED, USERS)
        with net.tap(path) as tap:
            for n in range(4):
                turned_away(net, "panel", "panel-1", ("operator", "service")[n % 2], f"typing-error-{n}")
                tap.skip(45)


@capture("session", "six wrong passwords, then the right one, then a subscription to everything of the plant")
def session_success_after_failures__fires(path):
    with network(attacker="10.20.0.66") as net:
        net.mosquitto("broker", CLOSED, USERS)
        with net.tap(path) as tap:
            for n in range(6):
                turned_away(net, "attacker", f"m{n}", "reader", f"reader{n}")
                tap.skip(5)
            s = let_in(net, "attacker", "m6", user="reader", password="reading")
            s.subscribe("plant/meter/7")
            s.bye()


@capture("session", "a person mistypes a password three times, then gets in")
def session_success_after_failures__quiet(path):
    with network(panel="10.20.0.31") as net:
        net.mosquitto("broker", CLOSED, USERS)
        with net.tap(path) as tap:
            for n in range(3):
                turned_away(net, "panel", "panel-1", "reader", f"redaing{n}")
                tap.skip(8)
            s = let_in(net, "panel", "panel-1", user="reader", password="reading")
            s.subscribe("plant/meter/7")
            s.bye()


@capture("session", "ten client ids of one address, the sixth is refused: return code 2 of a scripted server")
def session_client_id_enumeration__fires(path):
    with network(attacker="10.20.0.66") as net:
        identity_refused(net, path, "attacker", [f"pump-{n:03d}" for n in range(12)])


@capture("session", "a gateway with two client ids that the (scripted) server does not take tries each of them four times")
def session_client_id_enumeration__quiet(path):
    with network(gateway="10.20.0.5") as net:
        identity_refused(net, path, "gateway", ["gateway one", "gateway two"] * 4)


def identity_refused(net, path, host, names):
    with net.inside("broker"):
        server = Server(BROKER)
    with net.tap(path) as tap:
        for n, name in enumerate(names):
            v = 5 if n % 2 else 4
            with net.inside(host):
                client = Client(BROKER)
            seen = server.accept()
            client.send(connect(name, v=v))
            seen.receive()
            seen.send(connack(0x85 if v == 5 else 2, v=v))
            seen.close()
            client.ended().close()
            tap.skip(9)


# --- how sessions end -----------------------------------------------------------------------------------------------

@capture("session", "eight sessions of one address end by RST, each under its own client id")
def session_abnormal_termination__fires(path):
    with network(attacker="10.20.0.66") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            for n in range(8):
                s = let_in(net, "attacker", f"breaking-{n}")
                s.publish("plant/x", b"1", qos=1)
                s.reset()
                tap.skip(20)


@capture("session", "one client falls silent beyond its keepalive six times; the broker closes" + STRETCHED)
def session_abnormal_termination__fires__keepalive(path):
    with network(sensor="10.20.0.21") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            for n in range(6):
                s = let_in(net, "sensor", "float-switch-2", keepalive=1)
                s.publish("plant/level", b"%d" % n)
                s.ended(15).close()
                tap.skip(60)


@capture("session", "sessions that say DISCONNECT and are then reset, and a script on fresh connections: normal ends" + STRETCHED)
def session_abnormal_termination__quiet(path):
    with network(sensor="10.20.0.21", script="10.20.0.22") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            for n in range(8):
                s = let_in(net, "sensor", "esp-4")
                s.publish("plant/esp", b"%d" % n, qos=1)
                s.send(disconnect())
                s.reset()
                net.run("script", "mosquitto_pub", "-h", BROKER, "-t", "plant/load", "-m", str(n), "-q", "1")
                tap.skip(15)


# --- sessions that do nothing -----------------------------------------------------------------------------------------

def pinged(tap, sessions, seconds, every=50):
    """Time passes with nothing but pings."""
    while seconds > 0:
        tap.skip(min(every, seconds))
        for s in sessions:
            s.ping()
        seconds -= every


@capture("session", "a client logs in and then only pings for six minutes" + STRETCHED)
def session_silent_client__fires(path):
    with network(visitor="10.20.0.41") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            s = let_in(net, "visitor", "lurker")
            pinged(tap, [s], 360)
            s.bye()


@capture("session", "two clients: one subscribes, one publishes once; then pings for six minutes" + STRETCHED)
def session_silent_client__quiet(path):
    with network(panel="10.20.0.31", door="10.20.0.32") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            panel, door = let_in(net, "panel", "panel-1"), let_in(net, "door", "door-1")
            panel.subscribe("plant/alarm")
            door.publish("plant/door", b"closed", qos=1)
            pinged(tap, [panel, door], 360)
            panel.bye()
            door.bye()


@capture("session", "twelve clients of one address log in and only ping for six minutes" + STRETCHED)
def session_silent_client_many__fires(path):
    with network(attacker="10.20.0.66") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            held = [let_in(net, "attacker", f"idle-{n}") for n in range(12)]
            pinged(tap, held, 360)
            for s in held:
                s.bye()


@capture("session", "a gateway keeps twelve sessions, ten of which subscribe once and two of which never do anything" + STRETCHED)
def session_silent_client_many__quiet(path):
    with network(gateway="10.20.0.5") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            held = [let_in(net, "gateway", f"gw-{n}") for n in range(12)]
            for n, s in enumerate(held[:10]):
                s.subscribe(f"site/{n}/set")
            pinged(tap, held, 360)
            for s in held:
                s.bye()


@capture("session", "twelve connections of one address say nothing for fifteen seconds" + STRETCHED)
def session_never_introduced__fires(path):
    with network(attacker="10.20.0.66") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            held = [wire(net, "attacker") for _ in range(12)]
            tap.skip(15)
            for s in held:
                s.close()


@capture("session", "twelve slow devices take five seconds from the connection to CONNECT; four health checks hold a connection" + STRETCHED)
def session_never_introduced__quiet(path):
    with network(gateway="10.20.0.5", check="10.20.0.6") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            with net.inside("gateway"):
                slow = [Client(BROKER) for _ in range(12)]
            checks = [wire(net, "check") for _ in range(4)]
            tap.skip(5)
            for n, s in enumerate(slow):
                s.login(f"slow-{n}").publish("plant/slow", b"1")
            tap.skip(20)
            for s in slow:
                s.bye()
            for s in checks:
                s.close()


def tls_broker(net):
    """TLS on port 8883, and on 8884 with another suite of TLS 1.3, whose Finished is shorter."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=net.dir, check=True, stderr=subprocess.DEVNULL)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Example Plant Root", "-keyout", "ca.key", "-out", "ca.crt")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=broker.plant.example", "-keyout", "own.key", "-out", "request")
    openssl("x509", "-req", "-days", "800", "-in", "request", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", "own.crt")
    own = f"certfile {net.dir}/own.crt\nkeyfile {net.dir}/own.key\n"
    net.mosquitto("broker", f"listener 1883\nlistener 8883\n{own}listener 8884\n{own}ciphers_tls1.3 TLS_AES_128_GCM_SHA256\n"
                  "allow_anonymous true")


def tls_wire(net, host, version=ssl.TLSVersion.TLSv1_3, port=8883, session=None, context=None):
    """A connection of a host in which nothing follows the handshake yet."""
    if context is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
    return context.wrap_socket(wire(net, host, port=port), session=session)


def tls_wires(net, host, old, new, other):
    """So many in TLS 1.2 and 1.3 and with the other suite of 1.3."""
    wanted = [(ssl.TLSVersion.TLSv1_2, 8883)] * old + [(ssl.TLSVersion.TLSv1_3, 8883)] * new + [(ssl.TLSVersion.TLSv1_3, 8884)] * other
    made = [tls_wire(net, host, version, port) for version, port in wanted]
    time.sleep(0.2)  # session tickets are acknowledged late
    return made


def hang_up(connections):
    """What has come is read first: the kernel answers a close before that with a reset."""
    for s in connections:
        s.setblocking(False)
        try:
            s.recv(1)
        except ssl.SSLWantReadError:
            pass
        s.close()


def leave(sessions):
    """The broker closes first, as it does with a client that takes its time."""
    for s in sessions:
        s.send(disconnect()).ended(2).close()


def speak(over, client_id):
    session = Client(over=over).login(client_id)
    session.publish("plant/meter", b"1", qos=1)
    return session


@capture("session", "twelve TLS connections of one address (1.2 and, with two suites, 1.3) say nothing for fifteen seconds; a meter's speak" + STRETCHED)
def session_never_introduced__fires__tls(path):
    with network(attacker="10.20.0.66", meter="10.20.0.11") as net:
        tls_broker(net)
        with net.tap(path) as tap:
            meters = [speak(tls_wire(net, "meter", port=port), f"meter-{port}") for port in (8883, 8884)]
            held = tls_wires(net, "attacker", 5, 4, 3)
            tap.skip(15)
            for s in meters:
                s.publish("plant/meter", b"2", qos=1)
                s.bye()
            hang_up(held)


@capture("session", "twelve slow devices take five seconds from the TLS handshake to CONNECT, and come again with a resumed session; four health "
         "checks hold a connection; twelve more are silent when the capture ends after eight seconds" + STRETCHED)
def session_never_introduced__quiet__tls(path):
    with network(gateway="10.20.0.5", check="10.20.0.6", other="10.20.0.7") as net:
        tls_broker(net)
        with net.tap(path) as tap:
            slow = tls_wires(net, "gateway", 4, 4, 4)
            checks = tls_wires(net, "check", 2, 1, 1)
            tap.skip(5)
            sessions = [speak(s, f"slow-{n}") for n, s in enumerate(slow)]
            tap.skip(20)
            again = []
            for s in slow:
                port = s.getpeername()[1]
                again.append(tls_wire(net, "gateway", port=port, session=s.session, context=s.context))
            if not all(s.session_reused for s in again):
                raise RuntimeError("no session was resumed")
            leave(sessions)
            hang_up(checks)
            tap.skip(5)
            sessions = [speak(s, f"slow-{n}") for n, s in enumerate(again)]
            tap.skip(20)
            leave(sessions)
            held = tls_wires(net, "other", 4, 4, 4)
            tap.skip(8)
            let_in(net, "other", "phone").bye()
        for s in held:
            s.close()


def twelve_in_tls(path, kept):
    """Twelve sessions and a meter's, whose frames behind the twelve handshakes stay in the capture when kept(frame)."""
    with network(gateway="10.20.0.5", meter="10.20.0.11") as net:
        tls_broker(net)
        with net.tap(path) as tap:
            held = tls_wires(net, "gateway", 4, 4, 4)
            tap.skip(1)
            sessions = [speak(s, f"gw-{n}") for n, s in enumerate(held)]
            meters = [speak(tls_wire(net, "meter", port=port), f"meter-{port}") for port in (8883, 8884)]
            tap.skip(20)
            let_in(net, "gateway", "phone").bye()
            leave(sessions + meters)
    frames = pcapfile.read(path)
    behind = next(n for n, f in enumerate(frames) if n and f.ns - frames[n - 1].ns > 900_000_000)
    pcapfile.write(path, frames[:behind] + [f for f in frames[behind:] if kept(f)])


@capture("session", "twelve sessions in TLS, of which the capture has the handshakes and nothing that follows, as behind a switch that offloads" + STRETCHED)
def session_never_introduced__quiet__tls_cut(path):
    twelve_in_tls(path, lambda f: f.tcp_port(1883))


@capture("session", "twelve sessions in TLS, of which the capture has lost what the client sent behind the handshakes" + STRETCHED)
def session_never_introduced__quiet__tls_lost(path):
    twelve_in_tls(path, lambda f: not (f.comes_from("10.20.0.5") and f.payload()) or f.tcp_port(1883))


@capture("session", "SlowITe: 24 connections send a CONNECT that never becomes whole, a byte now and then, for ninety seconds" + STRETCHED)
def session_slow_dos__fires(path):
    with network(attacker="10.20.0.66") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            held = [wire(net, "attacker") for _ in range(24)]
            data = connect("slow", keepalive=65535)
            for n in range(9):
                for s in held:
                    s.sendall(data[n:n + 1])
                tap.skip(10)
            for s in held:
                s.close()


@capture("session", "SlowTT: 24 sessions with a keepalive of 18 hours do nothing" + STRETCHED)
def session_slow_dos__fires__keepalive(path):
    with network(attacker="10.20.0.66") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            held = [let_in(net, "attacker", f"slow-{n}", keepalive=65535) for n in range(24)]
            tap.skip(120)
            for s in held:
                s.bye()


@capture("session", "a gateway keeps 24 sessions without keepalive, all of which subscribe and then wait" + STRETCHED)
def session_slow_dos__quiet(path):
    with network(gateway="10.20.0.5") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            held = [let_in(net, "gateway", f"gw-{n}", keepalive=0) for n in range(24)]
            for n, s in enumerate(held):
                s.subscribe(f"site/{n}/set")
            tap.skip(120)
            for s in held:
                s.bye()


# --- looking around -----------------------------------------------------------------------------------------------------

@capture("session", "twenty filters asked for one by one, all refused (0x80) by a scripted server: Mosquitto 2.0.11 grants and keeps back")
def session_scan__fires(path):
    with network(attacker="10.20.0.66") as net:
        with net.inside("broker"):
            server = Server(BROKER)
        with net.tap(path):
            scanned(net, server, "attacker", [[f"plant/{n}/valve"] for n in range(20)], 0x80)


@capture("session", "thirty paths of a real web server, none of which exists")
def session_scan__fires__paths(path):
    with network(web="10.20.0.80", attacker="10.20.0.66") as net:
        fetched(net, path, "attacker", [f"/cgi-bin/{n}.cgi" for n in range(30)])


@capture("session", "a panel subscribes thirty filters in one SUBSCRIBE, all granted")
def session_scan__quiet(path):
    with network(panel="10.20.0.31") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path):
            s = let_in(net, "panel", "panel-1")
            s.subscribe(*(f"plant/line{n}/state" for n in range(30)))
            for n in range(30):
                s.publish("plant/panel", b"%d" % n, qos=1)
            s.bye()


@capture("session", "an HTTP poller gets 404 for one path every two seconds" + STRETCHED)
def session_scan__quiet__poller(path):
    with network(web="10.20.0.80", poller="10.20.0.51") as net:
        fetched(net, path, "poller", ["/status.json"] * 40, 2)


def fetched(net, path, host, pages, pause=0.2):
    net.spawn("web", "python3", "-m", "http.server", "80", "--directory", net.dir)
    time.sleep(1)
    with net.tap(path) as tap:
        for page in pages:
            s = wire(net, host, port=80, to="10.20.0.80")
            s.sendall(f"GET {page} HTTP/1.0\r\nHost: 10.20.0.80\r\nUser-Agent: poller/1.2\r\n\r\n".encode())
            while s.recv(4096):
                pass
            s.close()
            tap.skip(pause)


def scanned(net, server, host, rounds, code):
    with net.inside(host):
        client = Client(BROKER)
    seen = server.accept()
    client.send(connect("scanner"))
    seen.receive()
    seen.send(connack())
    client.receive()
    for n, filters in enumerate(rounds, 1):
        client.send(subscribe(*filters, mid=n))
        seen.receive()
        seen.send(packet(9, n.to_bytes(2, "big") + bytes([code] * len(filters))))
        client.receive()
    client.bye()
    seen.ended().close()


@capture("session", "thirty closed TCP ports of the broker tried in a row")
def session_port_scan__fires(path):
    with network(attacker="10.20.0.66") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path):
            for port in range(1870, 1900):
                try:
                    wire(net, "attacker", port=port).close()
                except ConnectionRefusedError:
                    pass


@capture("session", "twenty closed UDP ports: ICMP says unreachable")
def session_port_scan__fires__udp(path):
    with network(attacker="10.20.0.66") as net:
        net.run("broker", "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0")
        with net.tap(path):
            with net.inside("attacker"):
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                for port in range(5670, 5690):
                    s.sendto(b"\x40\x01\x00\x01", (BROKER, port))
                    time.sleep(0.01)


@capture("session", "twenty UDP ports that do not answer (the ICMP answers were taken out of the recording)" + STRETCHED)
def session_port_scan__fires__udp_silent(path):
    with network(attacker="10.20.0.66") as net:
        with net.inside("broker"):
            answers = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            answers.bind((BROKER, 53))
        with net.tap(path) as tap:
            with net.inside("attacker"):
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                for port in range(5670, 5690):
                    s.sendto(b"\x40\x01\x00\x01", (BROKER, port))
                    tap.skip(0.5)
                tap.skip(150)  # a UDP conversation is given up after two minutes
                s.sendto(b"?", (BROKER, 53))
                answers.sendto(b"!", answers.recvfrom(16)[1])
    icmp = 1
    pcapfile.write(path, [f for f in pcapfile.read(path) if f.data[23] != icmp])


@capture("session", "thirty hosts tried on the MQTT port; none has a broker")
def session_port_scan__fires__hosts(path):
    hosts = addresses(30, 150)
    with network(attacker="10.20.0.66", site=hosts) as net:
        with net.tap(path):
            for host in hosts:
                try:
                    wire(net, "attacker", to=host).close()
                except ConnectionRefusedError:
                    pass


@capture("session", "a device tries a broker that is down fifty times, and three other ports" + STRETCHED)
def session_port_scan__quiet(path):
    with network(meter="10.20.0.11") as net:
        with net.tap(path) as tap:
            for port in [1883] * 50 + [8883, 80, 443]:
                try:
                    wire(net, "meter", port=port).close()
                except ConnectionRefusedError:
                    pass
                tap.skip(1.4)


def called(net, tap, host, to, pauses):
    with net.inside("server"):
        server = Server(to, 4443)
    for pause in pauses:
        s = wire(net, host, to=to, port=4443)
        seen = server.accept()
        s.sendall(b"\x01\x00\x00\x2ahello")
        seen.socket.recv(64)
        seen.send(b"\x01\x00\x00\x00")
        s.recv(64)
        s.close()
        seen.close()
        tap.skip(pause)


@capture("session", "a camera calls a host on the Internet every 60 s, give or take a second, 25 times" + STRETCHED)
def session_beacon__fires(path):
    with network(camera="10.20.0.61", server="203.0.113.77") as net:
        with net.tap(path) as tap:
            called(net, tap, "camera", "203.0.113.77", [60 + (n * 7 % 5 - 2) / 2 for n in range(25)])


@capture("session", "a camera calls its cloud for two hours, then a new host every 60 s, 25 times" + STRETCHED)
def session_beacon__fires__new_server(path):
    with network(camera="10.20.0.61", server=["203.0.113.77", "198.51.100.20"]) as net:
        with net.tap(path) as tap:
            called(net, tap, "camera", "198.51.100.20", [400 + (n * 37 % 283) for n in range(12)])
            called(net, tap, "camera", "203.0.113.77", [60] * 25)


@capture("session", "a camera calls a host on the Internet at uneven intervals, and one at home every 60 s" + STRETCHED)
def session_beacon__quiet(path):
    with network(camera="10.20.0.61", gadget="10.20.0.62", server=["203.0.113.77", "10.20.0.90"]) as net:
        with net.tap(path) as tap:
            called(net, tap, "camera", "203.0.113.77", [20 + (n * 37 % 83) for n in range(25)])
            called(net, tap, "gadget", "10.20.0.90", [60] * 25)


# --- messages ---------------------------------------------------------------------------------------------------------

@capture("session", "fifteen QoS 1 messages to a topic without subscribers, MQTT 5: PUBACK 0x10 each" + STRETCHED)
def session_undeliverable__fires(path):
    with network(meter="10.20.0.11") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            s = let_in(net, "meter", "meter-7", v=5)
            for n in range(15):
                s.publish("plnat/meter/7", b"%d" % n, qos=1)
                tap.skip(25)
            s.bye()


@capture("session", "twelve QoS 1 messages that the (scripted) server takes and never acknowledges" + STRETCHED)
def session_undeliverable__fires__unacknowledged(path):
    with network(meter="10.20.0.11") as net:
        with net.inside("broker"):
            server = Server(BROKER)
        with net.tap(path) as tap:
            with net.inside("meter"):
                client = Client(BROKER)
            seen = server.accept()
            client.send(connect("meter-7"))
            seen.receive()
            seen.send(connack())
            client.receive()
            for n in range(1, 13):
                client.send(publish("plant/meter/7", b"%d" % n, qos=1, mid=n))
                seen.receive()
                tap.skip(20)
            tap.skip(100)
            client.send(packet(12))
            seen.receive()
            seen.send(packet(13))
            client.receive()
            client.bye()
            seen.close()


@capture("session", "fifteen QoS 1 messages, MQTT 5, with a subscriber; and QoS 0 telemetry nobody subscribes to" + STRETCHED)
def session_undeliverable__quiet(path):
    with network(meter="10.20.0.11", panel="10.20.0.31") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            panel, meter = let_in(net, "panel", "panel-1"), let_in(net, "meter", "meter-7", v=5)
            panel.subscribe("plant/meter/7")
            for n in range(15):
                meter.publish("plant/meter/7", b"%d" % n, qos=1)
                meter.publish("plant/noise", b"%d" % n)
                tap.skip(25)
            meter.bye()
            panel.bye()


@capture("session", "fifteen QoS 1 messages of which only the client's direction was captured" + STRETCHED)
def session_undeliverable__quiet__one_direction(path):
    with network(meter="10.20.0.11") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            s = let_in(net, "meter", "meter-7", v=5)
            for n in range(15):
                s.publish("plant/meter/7", b"%d" % n, qos=1)
                tap.skip(30)
            s.bye()
    pcapfile.write(path, [f for f in pcapfile.read(path) if f.goes_to(BROKER)])


# --- identity ------------------------------------------------------------------------------------------------------------

@capture("session", "a client id that is live comes from another address; MQTT 5")
def session_identity_takeover__fires(path):
    with network(pump="10.20.0.12", attacker="10.20.0.66") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            real = let_in(net, "pump", "pump-1", v=5)
            real.subscribe("plant/pump/1/set")
            tap.skip(20)
            false = let_in(net, "attacker", "pump-1", v=5)
            false.subscribe("plant/pump/1/set")
            real.ended().close()
            tap.skip(5)
            false.bye()


@capture("session", "a (scripted) server says 0x8e on a session whose successor came another way, which was not captured")
def session_identity_takeover__fires__told(path):
    with network(pump="10.20.0.12") as net:
        with net.inside("broker"):
            server = Server(BROKER)
        with net.tap(path):
            with net.inside("pump"):
                real = Client(BROKER)
            seen = server.accept()
            real.send(connect("pump-1", v=5))
            seen.receive()
            seen.send(connack(v=5))
            real.receive()
            seen.send(disconnect(0x8e, v=5))
            seen.close()
            real.ended().close()


def ask(net, server, host, v=4):
    """Somebody asks a scripted server for the client id pump-1: the client's end and the server's."""
    with net.inside(host):
        client = Client(BROKER)
    seen = server.accept()
    client.send(connect("pump-1", v=v))
    seen.receive()
    return client, seen


def admit(client, seen, v=4):
    seen.send(connack(v=v))
    client.receive()


@capture("session", "a (scripted) server throws the old session out before it answers the new one: by FIN, and by 0x8e (MQTT 5)" + STRETCHED)
def session_identity_takeover__fires__kicked(path):
    with network(pump="10.20.0.12", attacker="10.20.0.66") as net:
        with net.inside("broker"):
            server = Server(BROKER)
        with net.tap(path) as tap:
            for v in 4, 5:
                real, seen_real = ask(net, server, "pump", v)
                admit(real, seen_real, v)
                tap.skip(20)
                false, seen_false = ask(net, server, "attacker", v)
                if v == 5:
                    seen_real.send(disconnect(0x8e, v=5))
                seen_real.close()
                real.ended().close()
                admit(false, seen_false, v)
                false.bye()
                seen_false.close()
                tap.skip(4000)


@capture("session", "a device's client id is refused to another address, then the device resets; it comes back from there once it is gone"
         + STRETCHED)
def session_identity_takeover__quiet__refused(path):
    with network(pump="10.20.0.12", spare="10.20.0.13") as net:
        with net.inside("broker"):
            server = Server(BROKER)
        with net.tap(path) as tap:
            real, seen_real = ask(net, server, "pump")
            admit(real, seen_real)
            tap.skip(20)
            other, seen_other = ask(net, server, "spare")
            seen_other.send(connack(5))
            seen_other.close()
            other.ended().close()
            real.reset()
            seen_real.close()
            tap.skip(5)
            other, seen_other = ask(net, server, "spare")
            admit(other, seen_other)
            other.bye()
            seen_other.close()


@capture("session", "clean hand-over: a device comes back from its own address, MQTT 3.1.1 and MQTT 5" + STRETCHED)
def session_identity_takeover__quiet(path):
    with network(pump="10.20.0.12") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            for v in 4, 5:
                before = let_in(net, "pump", f"pump-v{v}", v=v)
                for _ in range(3):
                    tap.skip(15)
                    now = let_in(net, "pump", f"pump-v{v}", v=v)
                    now.publish("plant/pump", b"1", qos=1)
                    before.ended().close()
                    before = now
                before.bye()


@capture("session", "two addresses with one client id throw each other out eight times in 40 s" + STRETCHED)
def session_identity_takeover_war__fires(path):
    with network(one="10.20.0.12", two="10.20.0.13") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            before = None
            for n in range(8):
                now = let_in(net, ("one", "two")[n % 2], "lamp-9")
                now.publish("plant/lamp", b"on", qos=1)
                if before:
                    before.ended().close()
                before = now
                tap.skip(5)
            before.bye()


@capture("session", "a device with two addresses says good-bye on one before it comes from the other, four times" + STRETCHED)
def session_identity_takeover_war__quiet(path):
    with network(roamer=["10.20.0.12", "10.20.0.13"]) as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            for n in range(4):
                s = let_in(net, "roamer", "scanner-9", source=("10.20.0.12", "10.20.0.13")[n % 2])
                s.publish("plant/scan", b"1", qos=1)
                s.bye()
                tap.skip(10)


@capture("session", "three clients, of which one is not on the list of known ones")
def session_unknown_device__fires(path):
    devices(path, "meter-7", "pump-1", "visitor")


@capture("session", "three clients that are all on the list of known ones")
def session_unknown_device__quiet(path):
    devices(path, "meter-7", "meter-8", "pump-1")


def devices(path, *names):
    with open(path.replace(".pcap", ".yaml"), "w", encoding="utf-8") as config:
        config.write("lists:\n  - {name: known_clients, values: [meter-*, pump-1]}\n")
    with network(site=addresses(len(names))) as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path):
            for name, address in zip(names, addresses(len(names))):
                s = let_in(net, "site", name, source=address)
                s.publish(f"plant/{name}", b"1", qos=1)
                s.bye()


if __name__ == "__main__":
    main()
