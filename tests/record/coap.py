#!/usr/bin/python3
"""Records pcaps/coap, and the CoAP captures of pcaps/session and pcaps/benign: libcoap's coap-server and coap-client in network
namespaces, with a sender of our own where a client misbehaves. tests/record/coap_generated.py writes what cannot be provoked.

    tests/record/coap.py [NAME]...       without a name: all; needs root and libcoap3-bin
"""
import os
import socket
import struct
import sys
import time
from contextlib import contextmanager

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from coap_messages import (ACK, BLOCK1, CHANGED, CON, CONTENT, DELETE, ECHO, FORBIDDEN, GET, NON, OBSERVE, POST, PUT, RST,
                           UNAUTHORIZED, URI_HOST, URI_PATH, URI_QUERY, block, message, path, udp_packet)
from net import Net

PCAPS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../pcaps")
SERVER, CLIENT, OTHER, ATTACKER = "10.30.0.1", "10.30.0.21", "10.30.0.22", "10.30.0.66"
recordings = {}


def recording(function):
    recordings[function.__name__] = function
    return function


@contextmanager
def lab(name, *options, server=SERVER, **hosts):
    """A coap-server, a client and an attacker; what passes between them goes to pcaps/NAME.pcap."""
    with Net(server=server, client=CLIENT, other=OTHER, attacker=ATTACKER, **hosts) as net:
        for address in net.hosts["server"]:
            # Bound to an address it would not hear its group.
            net.spawn("server", "coap-server-openssl", *(() if "-g" in options else ("-A", address)), "-d", "50", *options)
        time.sleep(0.7)  # it has no sign of being ready; libcoap binds at once
        with net.tap(os.path.join(PCAPS, name + ".pcap"), "not arp and not igmp and not icmp6"):
            yield net


def get(net, where, *options, host="client", **more):
    return net.run(host, "coap-client-notls", "-B", "5", *options, where if "://" in where else f"coap://{SERVER}{where}",
                   check=False, **more)


class Sender:
    """A UDP socket of a host that says what it is told to, and hears what comes back."""

    def __init__(self, net, host, port=0, to=SERVER, to_port=5683):
        with net.inside(host):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((net.address(host), port))
        self.socket.settimeout(0.5)
        self.to, self.mid = (to, to_port), 0x2000

    def say(self, payload):
        self.socket.sendto(payload, self.to)
        time.sleep(0.01)

    def hear(self):
        try:
            return self.socket.recv(2000)
        except socket.timeout:
            return b""

    def drain(self, seconds=0.3):
        end = time.monotonic() + seconds
        self.socket.settimeout(0.05)
        while time.monotonic() < end:
            self.hear()
        self.socket.settimeout(0.5)

    def ask(self, code, where, pairs=(), payload=b"", kind=CON, token=None, mid=None):
        self.mid = self.mid + 1 & 0xffff if mid is None else mid
        token = struct.pack("!H", self.mid) if token is None else token
        self.say(message(kind, code, self.mid, token, path(where) + list(pairs), payload))
        return self.hear()


class Forger:
    """Sends UDP in the name of others."""

    def __init__(self, net, host="attacker"):
        with net.inside(host):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.number = 1

    def say(self, source, sport, target, dport, payload):
        self.number += 1
        self.socket.sendto(udp_packet(source, sport, target, dport, payload, self.number), (target, 0))
        time.sleep(0.005)


class Stand:
    """A little server of our own, for what coap-server does not do: it answers what `answer(code, options)` says."""

    def __init__(self, net, answer, host="server", port=5683):
        self.socket = Sender(net, host, port).socket
        self.answer = answer

    def serve(self, seconds):
        """Runs in a child process of the recorder, which ends by itself."""
        if os.fork():
            return
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                data, peer = self.socket.recvfrom(2000)
            except socket.timeout:
                continue
            size = data[0] & 15
            code, pairs = self.answer(data[1], data[4 + size:])
            kind = ACK if data[0] >> 4 & 3 == CON else NON
            self.socket.sendto(message(kind, code, struct.unpack("!H", data[2:4])[0], data[4:4 + size], pairs,
                                       b"21.5" if code == CONTENT else b""), peer)
        os._exit(0)


def fill(net, where, size, host="client"):
    """Makes a resource of so many bytes on the coap-server."""
    sender = Sender(net, host)
    sender.ask(PUT, where, payload=b"x" * size)


# --- amplification ------------------------------------------------------------------------------------------------

@recording
def coap_amplification_fires():
    with lab("coap/coap_amplification-fires") as net:
        fill(net, "/firmware", 900)
        forger = Forger(net)
        for i in range(30):
            forger.say(OTHER, 40000, SERVER, 5683, message(NON, GET, 0x3000 + i, bytes([i]), path("/firmware")))
        time.sleep(1)


@recording
def coap_amplification_quiet():
    """The same bytes, but asked for block by block by a client that has each before it asks for the next."""
    with lab("coap/coap_amplification-quiet") as net:
        with open(os.path.join(net.dir, "image"), "wb") as f:
            f.write(b"firmware " * 3000)
        net.run("client", "coap-client-notls", "-m", "put", "-f", os.path.join(net.dir, "image"), "-b", "1024", f"coap://{SERVER}/firmware")
        get(net, "/firmware", "-b", "1024")
        get(net, "/firmware", "-b", "512", host="other")


MEMBERS = [f"10.30.0.{n}" for n in range(101, 107)]


def group_lab(name, *options):
    return lab(name, "-g", "224.0.1.187", *options, server=MEMBERS[0], **{f"member{i}": a for i, a in enumerate(MEMBERS[1:])})


def members_start(net):
    for host in net.hosts:
        if host.startswith("member"):
            net.spawn(host, "coap-server-openssl", "-g", "224.0.1.187", "-d", "50")
    time.sleep(0.7)


@recording
def coap_amplification_multicast_fires():
    with group_lab("coap/coap_amplification_multicast-fires") as net:
        members_start(net)
        forger = Forger(net)
        for i in range(20):
            forger.say(OTHER, 40000, "224.0.1.187", 5683, message(NON, GET, 0x3000 + i, bytes([i]), path("/.well-known/core")))
        time.sleep(7)


@recording
def coap_amplification_multicast_quiet():
    """One client asks the group for the time and each member for its list."""
    with lab("coap/coap_amplification_multicast-quiet", "-g", "224.0.1.187") as net:
        get(net, "coap://224.0.1.187/time", "-N")
        for _ in range(3):
            get(net, "/.well-known/core")


# --- discovery ----------------------------------------------------------------------------------------------------

@recording
def coap_discovery_fires():
    with lab("coap/coap_discovery-fires", server=MEMBERS) as net:
        for address in MEMBERS:
            get(net, f"coap://{address}/.well-known/core", host="attacker")


@recording
def coap_discovery_fires_multicast():
    with group_lab("coap/coap_discovery-fires-multicast") as net:
        members_start(net)
        get(net, "coap://224.0.1.187/.well-known/core", "-N", host="attacker")


@recording
def coap_discovery_quiet():
    """Two servers, again and again, and a resource of many others."""
    with lab("coap/coap_discovery-quiet", server=MEMBERS) as net:
        for address in MEMBERS[:2] * 3:
            get(net, f"coap://{address}/.well-known/core")
        for address in MEMBERS:
            get(net, f"coap://{address}/time")


# --- observe ------------------------------------------------------------------------------------------------------

def observers(net, count, seconds, first=0):
    """Registers so many observations of the server's clock from one address and acknowledges what comes."""
    sender = Sender(net, "client")
    for i in range(first, first + count):
        sender.say(message(NON, GET, 0x5000 + i, struct.pack("!H", i), [(OBSERVE, b"")] + path("/time") + [(URI_QUERY, b"%d" % i)]))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        data = sender.hear()
        if data and data[0] >> 4 & 3 == CON:
            sender.socket.sendto(message(ACK, 0, struct.unpack("!H", data[2:4])[0]), sender.to)


@recording
def coap_observe_flood_fires():
    with lab("coap/coap_observe_flood-fires") as net:
        observers(net, 30, 2)


@recording
def coap_observe_flood_quiet():
    with lab("coap/coap_observe_flood-quiet") as net:
        for host in ("client", "other"):
            get(net, "/time", "-s", "4", host=host)
        observers(net, 8, 3)


@recording
def coap_observe_flood_notifications_fires():
    with lab("coap/coap_observe_flood_notifications-fires", "-N") as net:
        observers(net, 40, 12)


@recording
def coap_observe_flood_notifications_quiet():
    with lab("coap/coap_observe_flood_notifications-quiet", "-N") as net:
        observers(net, 10, 12)


@recording
def coap_observe_hijack_fires():
    """A client that observes the clock is fed notifications in the server's name, under a token that it has not used."""
    with lab("coap/coap_observe_hijack-fires") as net:
        net.spawn("client", "coap-client-notls", "-p", "40001", "-s", "3", f"coap://{SERVER}/time")
        time.sleep(1)
        forger = Forger(net)
        for i in range(3):
            forger.say(SERVER, 5683, CLIENT, 40001, message(CON, CONTENT, 0x6000 + i, b"\xaa\xbb", [(OBSERVE, i + 2)], b"Jan 01 00:00:00"))
        time.sleep(2)


@recording
def coap_observe_hijack_quiet():
    """An observation from its registration to its end, by deregistration and by reset."""
    with lab("coap/coap_observe_hijack-quiet") as net:
        get(net, "/time", "-s", "3")
        sender = Sender(net, "other")
        sender.ask(GET, "/time", [(OBSERVE, b"")], token=b"\x77")
        data = sender.hear() or sender.hear()
        for _ in range(4):
            if data:
                sender.say(message(RST, 0, struct.unpack("!H", data[2:4])[0]))
            data = sender.hear()


@recording
def coap_observe_hijack_resets_fires():
    with lab("coap/coap_observe_hijack_resets-fires") as net:
        forger = Forger(net)
        victim = Sender(net, "other", 40001)
        for i in range(14):
            forger.say(OTHER, 40001, SERVER, 5683, message(CON, GET, 0x6100 + i, bytes([i]), [(OBSERVE, b"")] + path("/time")))
        end = time.monotonic() + 4
        while time.monotonic() < end:
            data = victim.hear()
            if data and data[0] >> 4 & 3 != RST:
                victim.say(message(RST, 0, struct.unpack("!H", data[2:4])[0]))


@recording
def coap_observe_hijack_resets_quiet():
    """A gateway that restarted rejects what its earlier life had asked for: three times."""
    with lab("coap/coap_observe_hijack_resets-quiet") as net:
        sender = Sender(net, "other", 40001)
        for i in range(3):
            sender.say(message(CON, GET, 0x6100 + i, bytes([i]), [(OBSERVE, b"")] + path("/time") + [(URI_QUERY, b"%d" % i)]))
        sender.drain(0.4)
        end = time.monotonic() + 4
        while time.monotonic() < end:
            data = sender.hear()
            if data and data[0] >> 4 & 3 != RST:
                sender.say(message(RST, 0, struct.unpack("!H", data[2:4])[0]))


# --- responses ----------------------------------------------------------------------------------------------------

@recording
def coap_token_mismatch_fires():
    """Answers in the server's name race the true one."""
    with lab("coap/coap_token_mismatch-fires") as net:
        forger, sender = Forger(net), Sender(net, "client", 41000)
        sender.say(message(CON, GET, 0x7000, b"\x11\x22", path("/async") + [(URI_QUERY, b"2")]))
        for i in range(6):
            forger.say(SERVER, 5683, CLIENT, 41000, message(NON, CONTENT, 0x100 + i, bytes([0x11, 0x10 + i]), [], b"unlocked"))
        data = sender.hear()
        while data:
            data = sender.hear()
        time.sleep(2)
        sender.drain(0.5)


@recording
def coap_token_mismatch_quiet():
    """Separate responses, a client that asks again and again over a link that loses datagrams, one token for two servers."""
    with lab("coap/coap_token_mismatch-quiet", server=[SERVER, "10.30.0.2"]) as net:
        get(net, "/async?2")
        get(net, "/time", "-l", "1")
        get(net, "/example_data", "-N")
        sender, second = Sender(net, "other", 42000), "10.30.0.2"
        for mid in range(4):
            for to in (SERVER, second):
                sender.to = (to, 5683)
                sender.say(message(CON, GET, 0x700 + mid, b"", path("/time")))
        sender.drain(0.5)


@recording
def coap_mid_reuse_fires():
    with lab("coap/coap_mid_reuse-fires") as net:
        sender = Sender(net, "client")
        for i in range(5):
            sender.ask(GET, f"/sensor/{i}", mid=0x4444, token=bytes([i]))


@recording
def coap_mid_reuse_quiet():
    """Retransmissions: the first datagrams of the server are lost, then the same request comes again."""
    with lab("coap/coap_mid_reuse-quiet", "-l", "1-2,4") as net:
        for _ in range(3):
            get(net, "/time", timeout=40)


# --- block-wise ---------------------------------------------------------------------------------------------------

@recording
def coap_blockwise_abuse_fires():
    with lab("coap/coap_blockwise_abuse-fires") as net:
        sender = Sender(net, "attacker")
        for i in range(4):
            sender.ask(PUT, f"/upload{i}", [(BLOCK1, block(0, 1, 64))], b"a" * 64)
            sender.ask(PUT, f"/upload{i}", [(BLOCK1, block(0, 1, 64))], b"b" * 64)
            sender.ask(PUT, f"/upload{i}", [(BLOCK1, block(7, 1, 64))], b"c" * 64)


@recording
def coap_blockwise_abuse_quiet():
    with lab("coap/coap_blockwise_abuse-quiet") as net:
        with open(os.path.join(net.dir, "image"), "wb") as f:
            f.write(b"firmware block; " * 128)
        for size in ("64", "256", "1024"):
            net.run("client", "coap-client-notls", "-m", "put", "-f", os.path.join(net.dir, "image"), "-b", size, f"coap://{SERVER}/image{size}")
            get(net, f"/image{size}", "-b", size)


# --- who may do what ----------------------------------------------------------------------------------------------

@recording
def coap_proxy_abuse_fires():
    with lab("coap/coap_proxy_abuse-fires") as net:
        get(net, "coap://192.168.1.10/admin", "-P", f"coap://{SERVER}", host="attacker")


@recording
def coap_proxy_abuse_quiet():
    """The client stands on the list coap_proxy_clients of this capture's configuration."""
    with lab("coap/coap_proxy_abuse-quiet") as net:
        get(net, "coap://10.30.0.2/time", "-P", f"coap://{SERVER}")
        get(net, "/time", host="other")


@recording
def coap_plaintext_fires():
    with lab("coap/coap_plaintext-fires") as net:
        get(net, "/time")
        get(net, "/time")


@recording
def coap_plaintext_quiet():
    """The server that must be secured is spoken to by DTLS, another one in the clear."""
    with lab("coap/coap_plaintext-quiet", "-k", "secret-key", "-h", "hint", server=[SERVER, "10.30.0.2"]) as net:
        net.run("client", "coap-client-openssl", "-k", "secret-key", "-u", "meter", f"coaps://{SERVER}/time", check=False)
        get(net, "coap://10.30.0.2/time")


# --- malformed ----------------------------------------------------------------------------------------------------

@recording
def coap_malformed_fires():
    with lab("coap/coap_malformed-fires") as net:
        for payload in (b"\x4f\x01\x00\x01" + b"t" * 15, b"\x40\x00\x00\x02payload", message(CON, GET, 3, b"", [(9999, b"x")]),
                        message(CON, GET, 4, b"", [(URI_HOST, b"")]), b"\x80\x01\x00\x05\xb4time", b"\x40\x01\x00\x06\xf0\x00",
                        b"\x40\x01\x00\x07\xb4time\xff", message(CON, GET, 8, b"", path("/a/../../etc"))):
            sender = Sender(net, "attacker")
            sender.say(payload)
            sender.hear()


@recording
def coap_malformed_quiet():
    """Odd but legal: elective options that nobody knows, empty values, an experiment's number, a ping, no token, a long one."""
    with lab("coap/coap_malformed-quiet") as net:
        sender = Sender(net, "client")
        sender.ask(GET, "/time", [(9998, b"x" * 20)])
        sender.ask(GET, "/time", [(65001, b"x")])
        sender.ask(GET, "/", [(URI_PATH, b"")])
        sender.ask(GET, "/time", token=b"")
        sender.ask(GET, "/time", token=b"12345678")
        sender.ask(GET, "/time", [(URI_QUERY, "größe=5".encode())])
        sender.say(message(CON, 0, 0x99))
        sender.hear()


# --- sessions -----------------------------------------------------------------------------------------------------

@recording
def session_auth_bruteforce_fires_coap():
    """A server of our own refuses with 4.01 whoever brings no key; coap-client guesses."""
    with lab("session/session_auth_bruteforce-fires-coap") as net:
        Stand(net, lambda code, rest: (UNAUTHORIZED, []), port=5690).serve(8)
        for i in range(8):
            get(net, f"coap://{SERVER}:5690/door?key={1000 + i}", host="attacker")


@recording
def session_auth_bruteforce_quiet_coap():
    """Freshness is asked for by a 4.01 with Echo (RFC 9175), the client answers it: no login fails."""
    with lab("session/session_auth_bruteforce-quiet-coap") as net:
        Stand(net, lambda code, rest: (CONTENT, []) if b"fresh001" in rest else (UNAUTHORIZED, [(ECHO, b"fresh001")]), port=5690).serve(6)
        sender = Sender(net, "client", to_port=5690)
        for _ in range(8):
            sender.ask(GET, "/door")
            sender.ask(GET, "/door", [(ECHO, b"fresh001")])


@recording
def session_scan_fires_coap():
    with lab("session/session_scan-fires-coap") as net:
        for name in ("admin config fw firmware update lights light door lock temp temperature humidity power relay switch "
                     "valve pump motor alarm camera log debug key keys wifi reset reboot").split():
            get(net, "/" + name, host="attacker")


# --- ordinary traffic ---------------------------------------------------------------------------------------------

@recording
def benign():
    with lab("benign/coap_libcoap", "-g", "224.0.1.187") as net:
        get(net, "/.well-known/core")
        for _ in range(4):
            get(net, "/time")
        get(net, "/lamp", "-m", "put", "-e", "on")
        get(net, "/lamp")
        get(net, "/lamp", "-m", "delete")
        get(net, "/lamp")
        get(net, "/async?1")
        get(net, "/time", "-s", "4", "-K", "1")
        get(net, "/example_data", "-A", "0")
        get(net, "coap://224.0.1.187/time", "-N", host="other")
        get(net, "/time", "-K", "1", "-s", "3", "-N", host="other")
    with lab("benign/coap_tcp_libcoap") as net:
        with open(os.path.join(net.dir, "image"), "wb") as f:
            f.write(b"firmware block; " * 640)
        get(net, f"coap+tcp://{SERVER}/.well-known/core")
        get(net, f"coap+tcp://{SERVER}/image", "-m", "put", "-f", os.path.join(net.dir, "image"))
        get(net, f"coap+tcp://{SERVER}/image")
        get(net, f"coap+tcp://{SERVER}/time", "-s", "3", "-K", "1")
    with lab("benign/coap_blockwise_libcoap") as net:
        with open(os.path.join(net.dir, "image"), "wb") as f:
            f.write(b"firmware block; " * 1600)
        get(net, "/image", "-m", "put", "-f", os.path.join(net.dir, "image"), "-b", "512")
        get(net, "/image", "-b", "512")
        get(net, "/image", "-b", "64", host="other")
    with lab("benign/coap_other_port", "-p", "6100") as net:
        for where in ("/time", "/.well-known/core", "/nothing"):
            get(net, f"coap://{SERVER}:6100{where}")
        get(net, f"coap://{SERVER}:6100/time", "-s", "3")


def main():
    for name in sys.argv[1:] or recordings:
        print(name, flush=True)
        for attempt in range(3):
            try:
                recordings[name]()
                break
            except RuntimeError as error:  # a busy machine: tcpdump was not given its turn
                if "holes" not in str(error) or attempt == 2:
                    raise


if __name__ == "__main__":
    main()
