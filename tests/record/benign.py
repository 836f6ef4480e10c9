#!/usr/bin/python3
"""Records what a healthy site looks like: benign.py [NAME...] writes pcaps/benign/NAME.pcap and its row in ORIGIN.tsv. A real
Mosquitto, its client programs, and clients made of bytes (mqtt.py) for what these cannot do. None of it may raise more than
`low`. Waits of minutes are not waited for: what comes after them is dated later, and the row says "time stretched"."""
import pcapfile
from captures import BROKER, CLOSED, OPEN, STRETCHED, USERS, addresses, capture, let_in, main, network
from mqtt import Client, Server, auth, connack, connect, prop, publish, subscribe


def pub(net, host, *words):
    net.run(host, "mosquitto_pub", "-h", BROKER, *words)


@capture("benign", "three meters publish every ten seconds at QoS 0, 1 and 2, a panel listens: mosquitto_pub and mosquitto_sub" + STRETCHED)
def telemetry(path):
    login = "-u", "meter", "-P", "measuring"
    with network(one="10.20.0.11", two="10.20.0.12", three="10.20.0.13", panel="10.20.0.31") as net:
        net.mosquitto("broker", CLOSED, USERS)
        with net.tap(path) as tap:
            panel = net.spawn("panel", "mosquitto_sub", "-h", BROKER, "-u", "reader", "-P", "reading", "-i", "panel-1", "-t",
                              "plant/meter/+", "-q", "2", "-C", "90")
            tap.skip(1)
            meters = [net.spawn(host, "mosquitto_pub", "-h", BROKER, *login, "-i", f"meter-{host}", "-t", f"plant/meter/{host}",
                                "-q", str(qos), "-l", "-V", ("mqttv311", "mqttv5", "mqttv31")[qos], stdin=-1)
                      for qos, host in enumerate(("one", "two", "three"))]
            for n in range(30):
                for m in meters:
                    m.stdin.write(b'{"w": %d}\n' % (2300 + n))
                    m.stdin.flush()
                tap.skip(9.9)
            for m in meters:
                m.stdin.close()
                m.wait(10)
            panel.wait(10)


@capture("benign", "plugs on a bad Wi-Fi link lose their connection without a word and come back from their own address" + STRETCHED)
def wifi_reconnects(path):
    plugs = addresses(3, 21)
    with network(site=plugs) as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            before = {}
            for n in range(33):
                which = n % 3 if n % 11 else 0
                now = let_in(net, "site", f"shellyplug-{which}", source=plugs[which], keepalive=30)
                now.subscribe(f"shellies/plug-{which}/relay/0/command")
                now.publish(f"shellies/plug-{which}/power", b"12.5", retain=True)
                if which in before:
                    before[which].ended().close()
                before[which] = now
                tap.skip(5.4)
            for s in before.values():
                s.bye()


@capture("benign", "a dashboard on the list of wildcard clients subscribes to everything, beside three devices")
def dashboard_wildcard(path):
    with open(path.replace(".pcap", ".yaml"), "w", encoding="utf-8") as config:
        config.write("lists:\n  - {name: wildcard_clients, values: [dashboard]}\n")
    with network(panel="10.20.0.31", one="10.20.0.11", two="10.20.0.12") as net:
        net.mosquitto("broker", CLOSED, USERS)
        with net.tap(path) as tap:
            panel = net.spawn("panel", "mosquitto_sub", "-h", BROKER, "-u", "reader", "-P", "reading", "-i", "dashboard", "-t", "#",
                              "-t", "$SYS/#", "-W", "6")
            tap.skip(1)
            for n in range(10):
                for host in "one", "two":
                    pub(net, host, "-u", "meter", "-P", "measuring", "-i", f"meter-{host}", "-t", f"plant/{host}", "-m", str(n))
                tap.skip(20)
            panel.wait(15)


@capture("benign", "clients that do not wait for CONNACK: CONNECT, SUBSCRIBE and PUBLISH in one segment")
def pipelined(path):
    with network(sensor="10.20.0.21") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            for n in range(12):
                v = 5 if n % 2 else 4
                with net.inside("sensor"):
                    s = Client(BROKER)
                s.v = v
                s.send(connect(f"eager-{v}", v=v), subscribe("plant/eager/set", mid=1, v=v),
                       publish("plant/eager", b"%d" % n, 1, 2, v=v))
                for _ in range(3):
                    s.receive()
                s.bye()
                tap.skip(20)


@capture("benign", "MQTT 5 enhanced authentication with a scripted server: AUTH before CONNACK, and again later in the session" + STRETCHED)
def enhanced_auth(path):
    with network(sensor="10.20.0.21") as net:
        with net.inside("broker"):
            server = Server(BROKER)
        with net.tap(path) as tap:
            for n in range(6):
                with net.inside("sensor"):
                    s = Client(BROKER)
                seen = server.accept()
                s.v = 5
                s.send(connect("scram-1", "meter", v=5, props=prop(0x15, "SCRAM-SHA-256") + prop(0x16, b"n,,n=meter,r=abc")))
                seen.receive()
                seen.send(auth(0x18, "SCRAM-SHA-256", b"r=abcdef,s=QSXCR,i=4096"))
                s.receive()
                s.send(auth(0x18, "SCRAM-SHA-256", b"c=biws,r=abcdef,p=v0X8"))
                seen.receive()
                seen.send(connack(v=5, props=prop(0x15, "SCRAM-SHA-256") + prop(0x16, b"v=6rri")))
                s.receive()
                s.send(publish("plant/scram", b"1", v=5))
                seen.receive()
                tap.skip(30)
                s.send(auth(0x19, "SCRAM-SHA-256", b"n,,n=meter,r=xyz"))
                seen.receive()
                seen.send(auth(0x18, "SCRAM-SHA-256", b"r=xyz123,s=QSXCR,i=4096"))
                s.receive()
                s.send(auth(0x18, "SCRAM-SHA-256", b"c=biws,r=xyz123,p=v0X9"))
                seen.receive()
                seen.send(auth(0x00, "SCRAM-SHA-256", b"v=6rrj"))
                s.receive()
                s.bye()
                seen.ended().close()
                tap.skip(30)


@capture("benign", "one session that carries more than a mebibyte: a camera's pictures, then small messages" + STRETCHED)
def session_over_1_mib(path):
    with network(camera="10.20.0.61") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            s = let_in(net, "camera", "camera-1", keepalive=60)
            for n in range(24):
                s.publish("yard/camera/picture", bytes([n]) * 60000, qos=1)
                tap.skip(30)
            for n in range(24):
                s.publish("yard/camera/motion", b"%d" % (n % 2), qos=1)
                tap.skip(30)
            s.bye()


@capture("benign", "a panel with thirty filters in one SUBSCRIBE, retained configuration, and a device that listens to its own topic")
def thirty_filters(path):
    with network(panel="10.20.0.31", door="10.20.0.32") as net:
        net.mosquitto("broker", OPEN)
        with net.tap(path) as tap:
            panel, door = let_in(net, "panel", "panel-1"), let_in(net, "door", "door-1", v=5)
            panel.subscribe(*((f"plant/line{n}/state", 1) for n in range(30)))
            door.subscribe("plant/door/config")
            panel.publish("plant/door/config", b'{"open_s": 5}', qos=1, retain=True)
            for n in range(30):
                door.publish(f"plant/line{n}/state", b"ok", qos=1)
                tap.skip(2)
            panel.bye()
            door.bye()


@capture("benign", "the sensor is switched on in the middle of sessions; some of the clients come back later" + STRETCHED)
def joined_midway(path):
    with network(site=addresses(6)) as net:
        net.mosquitto("broker", OPEN)
        fleet = [let_in(net, "site", f"meter-{n}", a, v=4 + n % 2) for n, a in enumerate(addresses(6))]
        for s in fleet:
            s.subscribe("plant/all")
        with net.tap(path) as tap:
            for n in range(12):
                for m, s in enumerate(fleet):
                    s.publish(f"plant/meter/{m}", b"%d" % n, qos=n % 3)
                    s.ping()
                tap.skip(25)
            for n, s in enumerate(fleet[:3]):
                now = let_in(net, "site", f"meter-{n}", addresses(6)[n], v=4 + n % 2)
                s.ended().close()
                now.publish(f"plant/meter/{n}", b"1", qos=1)
                fleet[n] = now
            for s in fleet:
                s.bye()


def busy(net, path, only):
    """A morning of a small site, of which one direction is kept."""
    with net.tap(path) as tap:
        fleet = [let_in(net, "site", f"meter-{n}", a, v=4 + n % 2) for n, a in enumerate(addresses(12))]
        for s in fleet:
            s.subscribe("plant/all")
        for n in range(12):
            for m, s in enumerate(fleet):
                s.publish(f"plant/meter/{m}", b"%d" % n, qos=n % 3)
                s.ping()
            for m in range(6):
                now = let_in(net, "site", f"meter-{m}", addresses(12)[m], v=4 + m % 2)
                fleet[m].ended().close()
                fleet[m] = now
            tap.skip(25)
        for s in fleet:
            s.bye()
    pcapfile.write(path, [f for f in pcapfile.read(path) if only(f)])


@capture("benign", "a busy site of which only what the clients send was captured" + STRETCHED)
def only_to_server(path):
    with network(site=addresses(12)) as net:
        net.mosquitto("broker", OPEN)
        busy(net, path, lambda f: f.goes_to(BROKER))


@capture("benign", "a busy site of which only what the broker sends was captured" + STRETCHED)
def only_to_client(path):
    with network(site=addresses(12)) as net:
        net.mosquitto("broker", OPEN)
        busy(net, path, lambda f: f.comes_from(BROKER))


@capture("benign", "a gateway with address translation: thirty devices behind one address, measured values and commands" + STRETCHED)
def behind_one_address(path):
    with network(gateway="10.20.0.5", panel="10.20.0.31") as net:
        net.mosquitto("broker", CLOSED, USERS)
        with net.tap(path) as tap:
            panel = let_in(net, "panel", "panel-1", user="reader", password="reading", keepalive=600)
            panel.subscribe("site/+/state")
            fleet = [let_in(net, "gateway", f"thermo-{n}", user="meter", password="measuring", keepalive=300) for n in range(30)]
            for n, s in enumerate(fleet):
                s.subscribe(f"site/{n}/set")
            for n in range(5):
                for m, s in enumerate(fleet):
                    s.publish(f"site/{m}/state", b"%d" % (200 + n), qos=m % 2)
                tap.skip(60)
            for s in fleet:
                s.bye()
            panel.bye()


if __name__ == "__main__":
    main()
