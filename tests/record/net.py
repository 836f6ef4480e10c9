"""A small network for recorders: hosts in network namespaces of their own on one bridge, real brokers, one tap.

    with Net(broker="10.20.0.1", meter="10.20.0.11", attacker=["10.20.0.66", "203.0.113.66"]) as net:
        net.mosquitto("broker", "listener 1883\nallow_anonymous true")
        with net.tap("pcaps/session/x-fires.pcap"):
            net.run("meter", "mosquitto_pub", "-h", "10.20.0.1", "-t", "plant/meter", "-m", "7")
            with net.inside("attacker"):          # sockets made here belong to the attacker, also after the block
                s = socket.create_connection(("10.20.0.1", 1883), source_address=("203.0.113.66", 0))

        with net.tap("pcaps/session/y-fires.pcap") as tap:
            ...
            tap.skip(300)                         # what comes later is dated 300 s later than it was: nobody waits

Every address is on the link, so that hosts with public addresses need no router. The tap is the bridge: it sees what
passes between any two hosts, once, as Ethernet. Everything goes when the block is left, however it is left. Needs root.
"""
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager

import pcapfile

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _sh(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


@contextmanager
def _namespace(path):
    """This thread is in the network namespace `path` for the block."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    away = os.open(path, os.O_RDONLY)
    try:
        if _libc.setns(away, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {path}")
        try:
            yield
        finally:
            if _libc.setns(home, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns back home")
    finally:
        os.close(home)
        os.close(away)


def until(what, true, timeout=10.0):
    """Waits until true() is; what it waits for is named when it does not come."""
    end = time.monotonic() + timeout
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {timeout:.0f} s for {what}")
        time.sleep(0.02)


def stop(process, how=signal.SIGTERM, timeout=5.0):
    """Ends a process that we started, and waits for it."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Broker:
    """A Mosquitto in a host. `config` is its configuration; users and acl become files that it names."""

    def __init__(self, net, host, config, users, acl, port):
        self.net, self.host, self.port = net, host, port
        self.dir = tempfile.mkdtemp(dir=net.dir)
        self.log = os.path.join(self.dir, "mosquitto.log")
        lines = ["user root", "log_dest file " + self.log, "log_type all", config]
        if users:
            passwords = os.path.join(self.dir, "passwords")
            open(passwords, "w").close()
            os.chmod(passwords, 0o600)
            for user, password in users.items():
                _sh("mosquitto_passwd", "-b", passwords, user, password)
            lines.append("password_file " + passwords)
        if acl:
            with open(os.path.join(self.dir, "acl"), "w", encoding="utf-8") as file:
                file.write(acl)
            lines.append("acl_file " + file.name)
        with open(os.path.join(self.dir, "mosquitto.conf"), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        self.config = file.name
        self.process = None
        self.start()

    def _listens(self):
        if self.process.poll() is not None:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                raise RuntimeError(f"mosquitto ended: {log.read()}")
        for table in ("tcp", "tcp6"):
            with open(f"/proc/{self.process.pid}/net/{table}", encoding="ascii") as sockets:
                for line in sockets:
                    words = line.split()
                    if words[3] == "0A" and int(words[1].rsplit(":", 1)[1], 16) == self.port:
                        return True
        return False

    def start(self):
        self.process = self.net.spawn(self.host, "mosquitto", "-c", self.config)
        # `ip netns exec` becomes mosquitto: the sockets of its namespace tell without a probing connection.
        until(f"mosquitto on port {self.port}", self._listens)

    def stop(self, how=signal.SIGTERM):
        stop(self.process, how)

    def logged(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()


class Tap:
    """What is being recorded; skip() makes time pass that nobody has to wait for."""

    def __init__(self):
        self.skips = []

    def skip(self, seconds):
        time.sleep(0.03)  # what was sent has been recorded; the clock of the capture is ours
        self.skips.append((time.time_ns(), int(seconds * 10**9)))
        time.sleep(0.005)

    def dated(self, frames):
        return [f.at(f.ns + sum(more for since, more in self.skips if f.ns >= since)) for f in frames]


class Net:
    def __init__(self, **hosts):
        """Each host: an address, or a list of them (IPv4 or IPv6). The first is the one that its packets come from."""
        if "hub" in hosts:
            raise ValueError("hub is where the bridge is; call the host something else")
        self.hosts = {name: [a] if isinstance(a, str) else list(a) for name, a in hosts.items()}
        self.prefix = f"tw{os.getpid()}"
        self.processes = []
        self.dir = None
        self._before = {}

    def _space(self, host):
        if host not in self.hosts and host != "hub":
            raise KeyError(f"no host {host}; there are: {', '.join(self.hosts)}")
        return f"{self.prefix}-{host}"

    def _in(self, host, *words):
        _sh("ip", "netns", "exec", self._space(host), *words)

    def __enter__(self):
        self._sweep()
        self.dir = tempfile.mkdtemp(prefix="thingwarden-record.")
        for number in (signal.SIGTERM, signal.SIGHUP):
            self._before[number] = signal.signal(number, lambda *_: sys.exit(130))
        try:
            self._build()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _build(self):
        _sh("ip", "netns", "add", self._space("hub"))
        self._in("hub", "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
        self._in("hub", "ip", "link", "add", "br0", "type", "bridge")
        self._in("hub", "ip", "link", "set", "br0", "up")
        for number, (host, addresses) in enumerate(self.hosts.items(), 1):
            space, port = self._space(host), f"port{number}"
            _sh("ip", "netns", "add", space)
            _sh("ip", "-n", self._space("hub"), "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", space)
            self._in("hub", "ip", "link", "set", port, "master", "br0", "up")
            if not any(":" in a for a in addresses):
                self._in(host, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
            self._in(host, "ip", "link", "set", "eth0", "address", f"02:00:00:00:00:{number:02x}", "gso_max_segs", "1")
            self._in(host, "ip", "link", "set", "lo", "up")
            self._in(host, "ip", "link", "set", "eth0", "up")
            for address in addresses:
                if ":" in address:
                    self._in(host, "ip", "addr", "add", address + "/64", "dev", "eth0", "nodad")
                else:
                    self._in(host, "ip", "addr", "add", address + "/32", "dev", "eth0")
            if any(":" not in a for a in addresses):
                first = next(a for a in addresses if ":" not in a)
                self._in(host, "ip", "route", "add", "default", "dev", "eth0", "src", first)

    def __exit__(self, *_):
        for process in reversed(self.processes):
            stop(process, timeout=2.0)
        self.processes.clear()
        for host in [*self.hosts, "hub"]:
            subprocess.run(["ip", "netns", "del", self._space(host)], stderr=subprocess.DEVNULL, check=False)
        if self.dir:
            shutil.rmtree(self.dir, ignore_errors=True)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    @staticmethod
    def _sweep():
        """Namespaces of recorders that were killed outright: their process is gone, so nobody else removes them."""
        names = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
        for name in names:
            pid = name[2:].split("-")[0]
            if name.startswith("tw") and pid.isdigit() and not _alive(int(pid)):
                subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL, check=False)

    def address(self, host):
        return self.hosts[host][0]

    @contextmanager
    def inside(self, host):
        """What this thread opens in the block, it opens in the host. Sockets stay there when the block is left."""
        with _namespace(f"/run/netns/{self._space(host)}"):
            yield

    def spawn(self, host, *words, **options):
        """Starts a command in a host; it is ended with the network."""
        options.setdefault("stdout", subprocess.DEVNULL)
        options.setdefault("stderr", subprocess.DEVNULL)
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(["ip", "netns", "exec", self._space(host), *words], **options)
        self.processes.append(process)
        return process

    def run(self, host, *words, timeout=30.0, check=True):
        """Runs a command in a host to its end. A failure is an error unless it is what is to be shown (check=False)."""
        process = self.spawn(host, *words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            said, _ = process.communicate(timeout=timeout)
        finally:
            stop(process)
            self.processes.remove(process)
        if check and process.returncode:
            raise RuntimeError(f"{' '.join(words)}: exit {process.returncode}: {said}")
        return said

    def mosquitto(self, host, config="listener 1883\nallow_anonymous true", users=None, acl=None, port=1883):
        return Broker(self, host, config, users, acl, port)

    @contextmanager
    def tap(self, path, only="not arp and not igmp"):
        """Everything that passes the bridge goes to `path`, which is there complete when the block is left."""
        part = os.path.join(self.dir, "tap.pcap")
        tap = self.spawn("hub", "tcpdump", "-n", "-s0", "-Z", "root", "-U", "--immediate-mode", "-B", "65536", "-i", "br0", "-w", part, only,
                         stderr=subprocess.PIPE, text=True)
        said = ""
        while "listening on" not in said:
            line = tap.stderr.readline()
            if not line:
                raise RuntimeError("tcpdump ended: " + said)
            said += line
        recorded = Tap()
        try:
            yield recorded
            time.sleep(0.4)  # last acknowledgements; tcpdump reads them at once
        finally:
            stop(tap, signal.SIGINT)
            said += tap.stderr.read()
            self.processes.remove(tap)
        if "\n0 packets dropped by kernel" not in said:
            raise RuntimeError("the recording has holes: " + said)
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        if recorded.skips:
            pcapfile.write(path, recorded.dated(pcapfile.read(part)))
        else:
            shutil.move(part, path)
