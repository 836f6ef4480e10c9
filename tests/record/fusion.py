#!/usr/bin/python3
"""The same sessions as a capture and as the broker's log: pcaps/fusion/NAME.pcap and NAME.log. Usage: fusion.py [NAME...]
A real Mosquitto on loopback, clients that are sockets, tcpdump on its ports from before the broker's first client to its end."""
import os
import signal
import ssl
import subprocess
import sys
import time

from logs import TOP, Broker, Client, client

OUT = os.path.join(TOP, "pcaps", "fusion")


class Tap:
    def __init__(self, path, *ports):
        self.process = subprocess.Popen(["tcpdump", "-i", "lo", "-U", "-s", "0", "--immediate-mode", "-w", path,
                                         " or ".join(f"tcp port {p}" for p in ports)], stderr=subprocess.PIPE)
        self.process.stderr.readline()
        time.sleep(0.5)

    def stop(self):
        time.sleep(0.3)
        self.process.send_signal(signal.SIGINT)
        self.process.wait()


class TlsClient(Client):
    def __init__(self, port, source):
        super().__init__(port, source)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.s = context.wrap_socket(self.s)


def guesses(b):
    """Twelve wrong passwords of one address, then the right one."""
    for n in range(12):
        client(b, "127.0.0.7").connect(f"guess{n}", "alice", f"word{n}")
        time.sleep(0.1)
    c = client(b, "127.0.0.7")
    c.connect("guess12", "alice", "alicepw")
    c.bye()


def ambiguous(b):
    """Two addresses guess while others hold connections that say nothing: the log does not tell who failed."""
    held = [client(b, "127.0.0.20"), client(b, "127.0.0.21")]
    for n in range(7):
        for source in ("127.0.0.7", "127.0.0.8"):
            client(b, source).connect(f"guess{n}", "alice", f"word{n}")
    for h in held:
        h.drop()


def one_guesser(b):
    """One address guesses while others hold connections: the log does not tell who failed, the wire has only one who did."""
    held = [client(b, "127.0.0.20"), client(b, "127.0.0.21")]
    for n in range(6):
        client(b, "127.0.0.7").connect(f"guess{n}", "alice", f"word{n}")
        time.sleep(0.1)
    for h in held:
        h.drop()


def misuse(b):
    """Sessions that break, flap and are taken over."""
    for n in range(7):
        c = client(b, "127.0.0.9")
        c.connect(f"dev{n}", "device01", "d01")
        c.drop()
        time.sleep(0.1)
    for _ in range(20):
        c = client(b, "127.0.0.12")
        c.connect("valve", "device01", "d01")
        c.drop()
        time.sleep(0.05)
    held = []
    for n in range(8):
        c = client(b, "127.0.0.11" if n % 2 else "127.0.0.10")
        c.connect("pump", "device01", "d01")
        held.append(c)
        time.sleep(0.1)
    held[-1].bye()


def fleet(b):
    """A healthy fleet: devices come, publish and say good-bye, a dashboard listens."""
    board = client(b, "127.0.0.30")
    board.connect("board", "alice", "alicepw")
    board.subscribe("site/a/+/state")
    for _ in range(3):
        devices = []
        for n in range(6):
            c = client(b, f"127.0.0.{40 + n}")
            c.connect(f"meter{n}", "device01", "d01", v5=n % 2 == 0)
            devices.append(c)
            time.sleep(0.05)
        for n, c in enumerate(devices):
            c.publish(f"site/a/meter{n}/state", b"21.5", 1)
        time.sleep(2.2)
        for c in devices:
            c.bye()
    board.bye()


def tls(b):
    """Inside TLS: two addresses guess, another one has sessions that are used, and some that break."""
    for n in range(6):
        TlsClient(b.tls_port, "127.0.0.7").connect(f"guess{n}", "alice", f"word{n}")
        time.sleep(0.1)
    held = [client(b, "127.0.0.20"), client(b, "127.0.0.21")]
    for n in range(6):
        TlsClient(b.tls_port, "127.0.0.8").connect(f"guess{n}", "alice", f"word{n}")
        time.sleep(0.1)
    for n in range(6):
        c = TlsClient(b.tls_port, "127.0.0.9")
        c.connect(f"dev{n}", "device01", "d01")
        c.publish("a/b", b"x", 1)
        c.bye() if n < 3 else c.drop()
        time.sleep(0.5)
    for h in held:
        h.drop()


RUNS = {
    "guesses": (guesses, [], "twelve wrong passwords of one address, then the right one; default log types"),
    "guesses-all": (guesses, ["log_type all", "log_timestamp_format %Y-%m-%dT%H:%M:%S"], "the same, all log types, ISO times"),
    "ambiguous": (ambiguous, [], "guesses of two addresses that the log does not tell apart"),
    "one_guesser": (one_guesser, [], "guesses of one address that the log does not tell from silent connections of others"),
    "misuse": (misuse, [], "sessions that break, flap and are taken over; default log types"),
    "misuse-all": (misuse, ["log_type all"], "the same, all log types"),
    "fleet": (fleet, [], "a healthy fleet; default log types"),
    "fleet-all": (fleet, ["log_type all"], "the same, all log types"),
    "tls": (tls, [], "guesses and sessions inside TLS"),
}


def record(name):
    run, lines, _ = RUNS[name]
    broker = Broker(*lines, tls=name == "tls")
    tap = Tap(os.path.join(OUT, name + ".pcap"), *filter(None, (broker.port, broker.tls_port)))
    run(broker)
    log = broker.stop()
    tap.stop()
    with open(os.path.join(OUT, name + ".log"), "wb") as f:
        f.write(log)
    print(f"{name}: {len(log.splitlines())} lines")


def main():
    os.makedirs(OUT, exist_ok=True)
    for name in sys.argv[1:] or RUNS:
        record(name)
    with open(os.path.join(OUT, "ORIGIN.tsv"), "w", encoding="utf-8") as f:
        for name, (_, _, what) in sorted(RUNS.items()):
            f.write(f"{name}.pcap\trecorded\ttests/record/fusion.py\t{what}; with the broker's log\n")


main()
