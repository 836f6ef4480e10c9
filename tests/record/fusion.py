#!/usr/bin/python3
"""The same sessions as a capture and as the broker's log: pcaps/fusion/NAME.pcap and NAME.log. Usage: fusion.py [NAME...]
A real Mosquitto on loopback, clients that are sockets, tcpdump on its ports from before the broker's first client to its end."""
import os
import re
import signal
import ssl
import struct
import subprocess
import sys
import time

from logs import TOP, Broker, Client, client, fight

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
    fight(b)


def fleet(b):
    """A healthy fleet: devices come, publish and say good-bye, a dashboard listens; somebody mistypes a password once a round."""
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
        client(b, "127.0.0.50").connect("phone", "alice", "mistyped")
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
    time.sleep(2)
    for n in range(2):
        c = TlsClient(b.tls_port, "127.0.0.9")
        c.connect(f"late{n}", "device01", "d01")
        c.bye()


def without_session(log, client_id, nth):
    """The log as somebody would leave it who removed the lines of this client's nth session."""
    kept, seen, address = [], 0, None
    for line in log.decode().splitlines(True):
        if re.search(rf"New client connected from \S+ as {client_id} ", line):
            seen += 1
            if seen == nth:
                address = re.search(r"from (\S+) as", line).group(1)
                kept = [k for k in kept if address not in k]
        if address and (address in line or re.search(rf"\b{client_id}\b", line)):
            address = None if re.search(rf"Client {client_id} (disconnected|closed)", line) else address
            continue
        kept.append(line)
    return "".join(kept).encode()


def without_flow(capture, port):
    """A capture of a tap that has not seen this client port."""
    out, at = capture[:24], 24
    while at < len(capture):
        size = struct.unpack_from("<I", capture, at + 8)[0]
        tcp = at + 16 + 14 + (capture[at + 30] & 15) * 4
        if port not in struct.unpack_from(">HH", capture, tcp):
            out += capture[at:at + 16 + size]
        at += 16 + size
    return out


def read(name):
    with open(os.path.join(OUT, name), "rb") as f:
        return f.read()


def write(name, data):
    with open(os.path.join(OUT, name), "wb") as f:
        f.write(data)


def disagreements():
    """Of the fleet's recording: whole, without a session in the log, without one in the capture, with a login that was refused."""
    rule, log, capture = "session_wire_log_disagreement", read("fleet.log"), read("fleet.pcap")
    write(f"{rule}-quiet.pcap", capture)
    write(f"{rule}-quiet.log", log)
    write(f"{rule}-fires.pcap", capture)
    write(f"{rule}-fires.log", without_session(log, "meter2", 2))
    port = re.findall(rb"from \S+:(\d+) as meter2 ", log)[1]
    write(f"{rule}-fires-wire.pcap", without_flow(capture, int(port)))
    write(f"{rule}-fires-wire.log", log)
    log, capture = read("tls.log"), read("tls.pcap")
    write(f"{rule}-fires-tls.pcap", capture)
    write(f"{rule}-fires-tls.log", without_session(log, "dev1", 1))


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
    write(name + ".log", log)
    print(f"{name}: {len(log.splitlines())} lines")


CUT = {
    "quiet": "a healthy fleet, capture and log whole",
    "fires": "the same; the lines of one session were removed from the log",
    "fires-wire": "the same; the packets of one session were removed from the capture",
    "fires-tls": "sessions inside TLS; the lines of one were removed from the log",
}


def main():
    os.makedirs(OUT, exist_ok=True)
    for name in sys.argv[1:] or RUNS:
        record(name)
    disagreements()
    rows = {f"{name}.pcap": what for name, (_, _, what) in RUNS.items()}
    rows.update({f"session_wire_log_disagreement-{name}.pcap": what for name, what in CUT.items()})
    with open(os.path.join(OUT, "ORIGIN.tsv"), "w", encoding="utf-8") as f:
        for name, what in sorted(rows.items()):
            f.write(f"{name}\trecorded\ttests/record/fusion.py\t{what}; with the broker's log\n")


if __name__ == "__main__":
    main()
