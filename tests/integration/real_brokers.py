"""Real brokers on free ports of loopback, each with a folder of its own, for tests/integration/brokers. A broker knows how to
start, whether it is up, where its log is, and how a client reaches it; alice may have what lies below plant/meter/."""
import base64
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests/record"))
import mqtt  # noqa: E402

PASSWORD = "right-7731"
HOST = "127.0.0.1"


class Unavailable(Exception):
    """Not here: the reason stands behind "skip"."""


PORTS = iter(random.sample(range(20000, 32768), 2000))


def free_port():
    """Below those that the kernel gives to clients: a broker that starts slowly would find its port taken by one of them."""
    for port in PORTS:
        with socket.socket() as s:
            try:
                s.bind((HOST, port))
                return port
            except OSError:
                pass
    raise RuntimeError("no port is free")


def until(seconds, what, good):
    end = time.monotonic() + seconds
    while not good():
        if time.monotonic() > end:
            raise RuntimeError(f"gave up waiting: {what}")
        time.sleep(0.1)


class WebSocket:
    """As much of a client's WebSocket as mqtt.Client needs of a socket: binary frames of less than 126 bytes."""

    def __init__(self, plain, port):
        self.socket = plain
        plain.sendall(f"GET /mqtt HTTP/1.1\r\nHost: {HOST}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Protocol: mqtt\r\n\r\n".encode())
        said = b""
        while not said.endswith(b"\r\n\r\n"):
            said += self.exactly(1)
        assert b" 101 " in said, said

    def exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise ConnectionResetError
            data += more
        return data

    def sendall(self, data):
        assert len(data) < 126
        mask = os.urandom(4)
        self.socket.sendall(bytes([0x82, 0x80 | len(data)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def recv(self, _):
        first, size = self.exactly(2)
        data = self.exactly(size)
        return data if first & 15 == 2 else b""

    def __getattr__(self, name):
        return getattr(self.socket, name)


class Broker:
    format, folder, port, process = "mosquitto", "", 0, None

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.log = self.path("broker.log")
        open(self.log, "w", encoding="ascii").close()
        os.chmod(folder, 0o777)
        os.chmod(self.log, 0o666)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, *lines):
        with open(self.path(name), "w", encoding="ascii") as f:
            f.writelines(line + "\n" for line in lines)
        return self.path(name)

    def spawn(self, *words, log=None, **more):
        out = open(log or self.path("output"), "ab")
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=open(self.path("errors"), "ab"),
                                        start_new_session=True, **more)

    def is_up(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the broker ended: {self.said()}")
        try:
            socket.create_connection((HOST, self.port), 1).close()
        except OSError:
            return False
        return True

    def said(self):
        text = ""
        for name in ("output", "errors", "broker.log"):
            if os.path.exists(self.path(name)):
                with open(self.path(name), encoding="utf-8", errors="replace") as f:
                    text += f.read()[-1500:]
        return text

    def wait(self):
        until(90, "the broker listens", self.is_up)

    def stop(self):
        """With the helpers that it has started, which are in its session."""
        if self.process:
            for number in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(self.process.pid, number)
                    self.process.wait(10 if number == signal.SIGTERM else None)
                    time.sleep(0.1)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    pass

    # --- clients
    def client(self, source):
        return mqtt.Client(HOST, self.port, source, timeout=20)

    def program(self, name, source, *words):
        """mosquitto_pub, mosquitto_sub."""
        return [name, "-h", HOST, "-A", source, "-p", str(self.port), *words]

    def user(self):
        return ["-u", "alice", "-P", PASSWORD]


class Mosquitto(Broker):
    def start(self):
        subprocess.run(["mosquitto_passwd", "-b", "-c", self.path("passwords"), "alice", PASSWORD], check=True)
        os.chmod(self.path("passwords"), 0o644)
        self.serve(f"password_file {self.path('passwords')}", "allow_anonymous false")

    def serve(self, *lines):
        # Not log_dest file alone: what goes wrong before the log is open stands on standard error.
        conf = self.write("conf", f"listener {self.port} {HOST}", f"log_dest file {self.log}", *lines)
        self.spawn("mosquitto", "-c", conf)


class MosquittoTLS(Mosquitto):
    """Who has no certificate, one of somebody else or one that has expired is not let in."""

    def start(self):
        from tls import Authority
        a = Authority(self.folder)
        a.issue("server", "localhost", ["localhost"])
        a.issue("alice", "alice")
        a.issue("expired", "alice", days=(-400, -3))
        a.issue("selfmade", "alice", self_signed=True)
        os.chmod(self.path("server.key"), 0o644)  # a broker that was root reads it as somebody else
        self.serve(f"cafile {a.path('ca.crt')}", f"certfile {a.path('server.crt')}", f"keyfile {a.path('server.key')}",
                   "require_certificate true", "use_identity_as_username true")

    def certificate(self, name):
        return ["--cert", self.path(name + ".crt"), "--key", self.path(name + ".key")] if name else []

    def program(self, name, source, *words):
        return super().program(name, source, "--cafile", self.path("ca.crt"), "--insecure", *words)

    def user(self):
        return self.certificate("alice")

    def client(self, source):
        context = ssl.create_default_context(cafile=self.path("ca.crt"))
        context.check_hostname = False
        context.load_cert_chain(self.path("alice.crt"), self.path("alice.key"))
        plain = socket.create_connection((HOST, self.port), 20, (source, 0))
        return mqtt.Client(over=context.wrap_socket(plain), timeout=20)


class MosquittoDynsec(Mosquitto):
    """Accounts and rights in the dynamic security plugin, and a log of everything."""

    def start(self):
        plugin = shutil.which("mosquitto_dynamic_security.so", path=":".join(
            folder for folder, _, names in os.walk("/usr/lib") if "mosquitto_dynamic_security.so" in names), mode=os.F_OK)
        if not plugin:
            raise Unavailable("mosquitto has no dynamic security plugin here")
        subprocess.run(["mosquitto_ctrl", "dynsec", "init", self.path("dynsec.json"), "admin", "administering"], check=True,
                       stdout=subprocess.DEVNULL)
        os.chmod(self.path("dynsec.json"), 0o666)
        self.serve("allow_anonymous false", "log_type all", f"plugin {plugin}", f"plugin_opt_config_file {self.path('dynsec.json')}")

    def control(self, *words):
        subprocess.run(["mosquitto_ctrl", "-h", HOST, "-p", str(self.port), "-u", "admin", "-P", "administering", "dynsec", *words],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait(self):
        """What mosquitto_ctrl would say in eight connections."""
        super().wait()
        acls = [("publishClientSend", "plant/meter/#"), ("subscribePattern", "plant/meter/#")]
        commands = [{"command": "createRole", "rolename": "metering",
                     "acls": [{"acltype": kind, "topic": topic, "priority": 0, "allow": True} for kind, topic in acls]}]
        commands += [{"command": "createClient", "username": name, "password": PASSWORD, "roles": [{"rolename": "metering"}]}
                     for name in ("alice", "mallory")]
        admin = self.client(HOST).login("admin", "admin", "administering")
        admin.publish("$CONTROL/dynamic-security/v1", json.dumps({"commands": commands}).encode(), 1)
        admin.bye()


class RabbitMQ(Broker):
    """Debian's, started without its service: node name, ports, data and log are this test's. Slow to start."""
    format = "rabbitmq"
    NODE = "thingwarden-test-{}@localhost"

    def start(self):
        server = "/usr/lib/rabbitmq/bin/rabbitmq-server"
        if not os.path.exists(server):
            raise Unavailable("rabbitmq-server is not installed")
        salt = b"salt"
        secret = base64.b64encode(salt + hashlib.sha256(salt + PASSWORD.encode()).digest()).decode()
        self.write("definitions.json", json.dumps({
            "users": [{"name": "alice", "password_hash": secret, "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": []}],
            "vhosts": [{"name": "/"}],
            "permissions": [{"user": "alice", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}],
            "topic_permissions": [{"user": "alice", "vhost": "/", "exchange": "amq.topic", "write": "^plant\\.meter\\.",
                                   "read": "^plant\\.meter\\."}]}))
        self.write("rabbitmq.conf", "listeners.tcp = none", f"mqtt.listeners.tcp.1 = {HOST}:{self.port}", "mqtt.allow_anonymous = false",
                   f"log.file = {self.log}", "log.console = false", f"load_definitions = {self.path('definitions.json')}")
        self.write("enabled_plugins", "[rabbitmq_mqtt].")
        self.write("rabbitmq-env.conf")
        self.epmd = str(free_port())
        self.spawn(server, cwd=self.folder, env={
            "PATH": os.environ["PATH"], "HOME": self.folder, "LANG": "C.UTF-8", "RABBITMQ_HOME": "/usr/lib/rabbitmq",
            "RABBITMQ_NODENAME": self.NODE.format(self.port), "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONF_ENV_FILE": self.path("rabbitmq-env.conf"), "RABBITMQ_CONFIG_FILE": self.path("rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": self.path("enabled_plugins"), "RABBITMQ_MNESIA_BASE": self.path("mnesia"),
            "RABBITMQ_LOG_BASE": self.path("log"), "RABBITMQ_PID_FILE": self.path("pid"),
            # Erlang's port mapper, which outlives its node: one of this test's own.
            "ERL_EPMD_PORT": self.epmd, "ERL_EPMD_ADDRESS": HOST,
            # One scheduler, as there is little to do.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none"})

    def is_up(self):
        """It listens before it knows its users."""
        with open(self.log, encoding="utf-8") as f:
            return super().is_up() and "Server startup complete" in f.read()

    def stop(self):
        super().stop()
        if self.process:
            subprocess.run(["epmd", "-port", self.epmd, "-kill"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=10)


class Aedes(Broker):
    """Of npm, behind WebSockets; what it needs is pinned in npm_broker/ and installed into build/."""
    format = "pino"

    def start(self):
        if not shutil.which("node") or not shutil.which("npm"):
            raise Unavailable("no node or no npm")
        self.modules = os.path.join(TOP, "build/npm_broker")
        self.install()
        self.environment = {**os.environ, "ALICE": PASSWORD, "NODE_ENV": "production"}
        self.spawn("node", os.path.join(HERE, "npm_broker/broker.mjs"), "broker", str(self.port), log=self.log, cwd=self.modules,
                   env=self.environment)

    def install(self):
        """Once for each lock file."""
        wanted = os.path.join(HERE, "npm_broker/package-lock.json")
        mark = os.path.join(self.modules, "installed.json")
        with open(wanted, "rb") as f:
            text = f.read()
        if os.path.exists(mark):
            with open(mark, "rb") as f:
                if f.read() == text:
                    return
        os.makedirs(self.modules, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(os.path.join(HERE, "npm_broker", name), self.modules)
        try:
            done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts",
                                   "--fetch-retries=1", "--fetch-retry-mintimeout=1000"], cwd=self.modules, capture_output=True,
                                  text=True, timeout=150)
        except subprocess.TimeoutExpired:
            raise Unavailable("the registry of npm does not answer") from None
        if done.returncode:
            raise Unavailable("npm could not install: " + " ".join(done.stderr.split())[-300:])
        with open(mark, "wb") as f:
            f.write(text)

    def client(self, source):
        plain = socket.create_connection((HOST, self.port), 20, (source, 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return mqtt.Client(over=WebSocket(plain, self.port), timeout=20)

    def worker(self, client_id):
        """MQTT.js; a program that runs until it is ended."""
        client = subprocess.Popen(["node", os.path.join(HERE, "npm_broker/broker.mjs"), "client", f"ws://{HOST}:{self.port}/mqtt",
                                   client_id], cwd=self.modules, env=self.environment, stdout=subprocess.PIPE, text=True)
        if client.stdout.readline() != "subscribed\n":
            raise RuntimeError(f"{client_id} was not let in")
        return client
