#!/usr/bin/python3
"""Logs of a real Mosquitto whose clients do what the rules are about: pcaps/log/. Usage: logs.py [NAME...]
Each log is of a broker of its own on a free port of loopback. Clients are sockets that speak just enough MQTT 3.1.1 and 5."""
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUT = os.path.join(TOP, "pcaps", "log")


def text(s):
    s = s.encode() if isinstance(s, str) else s
    return struct.pack(">H", len(s)) + s


def packet(kind, body):
    size, n = b"", len(body)
    while True:
        size += bytes([n & 127 | (128 if n > 127 else 0)])
        n >>= 7
        if not n:
            return bytes([kind]) + size + body


class Client:
    def __init__(self, port, source="127.0.0.1"):
        self.s = socket.create_connection(("127.0.0.1", port), 5, (source, 0))
        self.s.settimeout(3)
        self.v5 = False

    def connect(self, client_id, user=None, password=None, keepalive=60, v5=False):
        self.v5 = v5
        flags = 2 | (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
        body = text("MQTT") + bytes([5 if v5 else 4, flags]) + struct.pack(">H", keepalive) + (b"\0" if v5 else b"") + text(client_id)
        body += (text(user) if user is not None else b"") + (text(password) if password is not None else b"")
        self.s.send(packet(0x10, body))
        return self.read()

    def read(self):
        try:
            return self.s.recv(4096)
        except OSError:
            return b""

    def publish(self, topic, payload=b"x", qos=0, mid=1):
        body = text(topic) + (struct.pack(">H", mid) if qos else b"") + (b"\0" if self.v5 else b"") + payload
        self.s.send(packet(0x30 | qos << 1, body))
        if qos:
            self.read()

    def subscribe(self, *filters, mid=1):
        body = struct.pack(">H", mid) + (b"\0" if self.v5 else b"") + b"".join(text(f) + b"\0" for f in filters)
        self.s.send(packet(0x82, body))
        return self.read()

    def bye(self):
        self.s.send(packet(0xe0, b""))
        self.s.close()

    def drop(self):
        self.s.close()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Broker:
    """Mosquitto with the accounts alice and device01, and these lines of configuration."""

    def __init__(self, *lines, dynsec=False, tls=False):
        self.folder = tempfile.TemporaryDirectory()
        os.chmod(self.folder.name, 0o777)
        self.port, self.log = free_port(), self.path("mosquitto.log")
        self.tls_port = free_port() if tls else None
        with open(self.path("password"), "w", encoding="ascii"):
            pass
        for user, password in (("alice", "alicepw"), ("device01", "d01")):
            subprocess.run(["mosquitto_passwd", "-b", self.path("password"), user, password], check=True)
        config = [f"listener {self.port} 127.0.0.1", "log_dest stderr", *lines]
        if dynsec:
            subprocess.run(["mosquitto_ctrl", "dynsec", "init", self.path("dynsec.json"), "admin", "adminpw"], check=True,
                           stdout=subprocess.DEVNULL)
            config += ["plugin /usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so", f"plugin_opt_config_file {self.path('dynsec.json')}"]
        else:
            config += ["allow_anonymous false", f"password_file {self.path('password')}"]
        if tls:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=broker",
                            "-keyout", self.path("key.pem"), "-out", self.path("cert.pem")], check=True, stderr=subprocess.DEVNULL)
            config += [f"listener {self.tls_port} 127.0.0.1", f"certfile {self.path('cert.pem')}", f"keyfile {self.path('key.pem')}"]
        with open(self.path("conf"), "w", encoding="ascii") as f:
            f.write("\n".join(config) + "\n")
        for name in os.listdir(self.folder.name):
            os.chmod(self.path(name), 0o666)
        self.out = open(self.log, "wb")
        self.process = subprocess.Popen(["mosquitto", "-c", self.path("conf")], stderr=self.out)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                time.sleep(0.05)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def ctrl(self, *arguments):
        subprocess.run(["mosquitto_ctrl", "-p", str(self.port), "-u", "admin", "-P", "adminpw", "dynsec", *arguments], check=True,
                       stdout=subprocess.DEVNULL, input=b"bobpw\nbobpw\n")

    def stop(self):
        time.sleep(0.3)
        self.process.terminate()
        self.process.wait()
        self.out.close()
        with open(self.log, "rb") as f:
            return f.read()


def client(broker, source="127.0.0.1"):
    return Client(broker.port, source)


def bruteforce():
    b = Broker()
    for n in range(12):
        client(b, "127.0.0.7").connect(f"guess{n}", "alice", f"word{n}")
        time.sleep(0.1)
    client(b, "127.0.0.7").connect("guess12", "alice", "alicepw")
    return b.stop()


def bruteforce_all():
    b = Broker("log_type all", "log_timestamp_format %Y-%m-%dT%H:%M:%S")
    for n in range(8):
        client(b, "127.0.0.7").connect(f"guess{n}", "alice", f"word{n}", v5=n % 2 == 0)
        time.sleep(0.1)
    return b.stop()


def bruteforce_ambiguous():
    """Two addresses guess while others hold connections that say nothing: no line tells who failed."""
    b = Broker()
    held = [client(b, "127.0.0.20"), client(b, "127.0.0.21")]
    for n in range(4):
        for source in ("127.0.0.7", "127.0.0.8"):
            client(b, source).connect(f"guess{n}", "alice", f"word{n}")
    for h in held:
        h.drop()
    return b.stop()


def wrong_password():
    """A person mistypes three times."""
    b = Broker()
    for n in range(3):
        client(b, "127.0.0.7").connect("phone", "alice", f"alicep{n}")
        time.sleep(0.2)
    c = client(b, "127.0.0.7")
    c.connect("phone", "alice", "alicepw")
    c.bye()
    return b.stop()


def termination():
    b = Broker()
    for n in range(7):
        c = client(b, "127.0.0.9")
        c.connect(f"dev{n}", "device01", "d01")
        c.drop()
        time.sleep(0.1)
    return b.stop()


def flapping():
    b = Broker()
    for _ in range(20):
        c = client(b, "127.0.0.9")
        c.connect("pump", "device01", "d01")
        c.drop()
        time.sleep(0.05)
    return b.stop()


def flood():
    b = Broker()
    for n in range(80):
        c = client(b, "127.0.0.9")
        c.connect(f"c{n}", "device01", "d01")
        c.bye()
    return b.stop()


def fight(b):
    """Two addresses take a client identifier from one another."""
    held = []
    for n in range(8):
        c = client(b, "127.0.0.11" if n % 2 else "127.0.0.10")
        c.connect("pump", "device01", "d01")
        held.append(c)
        time.sleep(0.1)
    held[-1].bye()


def takeover():
    b = Broker()
    fight(b)
    return b.stop()


def scan():
    b = Broker("log_type all", dynsec=True)
    b.ctrl("createClient", "bob")
    c = client(b, "127.0.0.7")
    c.connect("bob1", "bob", "bobpw")
    for n in range(12):
        c.subscribe(f"guess/{n}/#", mid=n + 1)
    c.bye()
    return b.stop()


def fleet():
    """Eight devices, a dashboard, one device that comes back twice, one that loses its link once."""
    b = Broker("log_type all")
    board = client(b, "127.0.0.30")
    board.connect("board", "alice", "alicepw")
    board.subscribe("site/a/+/state")
    devices = []
    for n in range(8):
        c = client(b, f"127.0.0.{40 + n}")
        c.connect(f"meter{n}", "device01", "d01", v5=n % 2 == 0)
        devices.append(c)
        time.sleep(0.05)
    for _ in range(5):
        for n, c in enumerate(devices):
            c.publish(f"site/a/meter{n}/state", b"21.5", 1)
        time.sleep(0.4)
    devices[0].drop()
    for _ in range(2):
        c = client(b, "127.0.0.40")
        c.connect("meter0", "device01", "d01")
        c.bye()
    for c in devices[1:]:
        c.bye()
    board.bye()
    return b.stop()


LOGS = {
    "session_auth_bruteforce-fires-mosquitto": (bruteforce, "twelve wrong passwords of one address, then the right one; default log types"),
    "session_auth_bruteforce-fires-mosquitto-all": (bruteforce_all, "eight wrong passwords, all log types, ISO times"),
    "session_auth_bruteforce-fires-mosquitto-ambiguous": (bruteforce_ambiguous, "guesses of two addresses that no line tells apart"),
    "session_auth_bruteforce-quiet-mosquitto": (wrong_password, "three mistyped passwords"),
    "session_abnormal_termination-fires-mosquitto": (termination, "seven sessions that end without DISCONNECT"),
    "session_reconnect_flapping-fires-mosquitto": (flapping, "one client identifier comes and goes twenty times"),
    "session_connect_flood-fires-mosquitto": (flood, "eighty sessions of one address within seconds"),
    "session_identity_takeover-fires-mosquitto": (takeover, "two addresses throw each other out"),
    "session_scan-fires-mosquitto": (scan, "twelve filters that dynamic security refuses"),
    "benign-mosquitto": (fleet, "a healthy fleet, all log types"),
}


def main():
    os.makedirs(OUT, exist_ok=True)
    wanted = sys.argv[1:] or list(LOGS)
    for name in wanted:
        log = LOGS[name][0]()
        with open(os.path.join(OUT, name + ".log"), "wb") as f:
            f.write(log)
        print(f"{name}.log: {len(log.splitlines())} lines")
    with open(os.path.join(OUT, "ORIGIN.tsv"), "w", encoding="utf-8") as f:
        for name, (_, what) in LOGS.items():
            f.write(f"{name}.log\trecorded\ttests/record/logs.py\t{what}\n")


if __name__ == "__main__":
    main()
