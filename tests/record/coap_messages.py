"""CoAP messages as bytes (RFC 7252 section 3, RFC 8323 section 3), for recorders that misuse it and for generated captures."""
import os
import socket
import struct

CON, NON, ACK, RST = range(4)
EMPTY, GET, POST, PUT, DELETE, FETCH = 0, 1, 2, 3, 4, 5
CREATED, DELETED, VALID, CHANGED, CONTENT, CONTINUE = 0x41, 0x42, 0x43, 0x44, 0x45, 0x5f
UNAUTHORIZED, BAD_OPTION, FORBIDDEN, NOT_FOUND, INCOMPLETE = 0x81, 0x82, 0x83, 0x84, 0x88
CSM, PING, PONG, RELEASE, ABORT = 0xe1, 0xe2, 0xe3, 0xe4, 0xe5
(IF_MATCH, URI_HOST, ETAG, OBSERVE, URI_PORT, OSCORE, URI_PATH, CONTENT_FORMAT, MAX_AGE, URI_QUERY, HOP_LIMIT, BLOCK2, BLOCK1,
 PROXY_URI, ECHO, NO_RESPONSE, REQUEST_TAG) = 1, 3, 4, 6, 7, 9, 11, 12, 14, 15, 16, 23, 27, 35, 252, 258, 292


def uint(number):
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def block(number, more, size):
    return uint(number << 4 | more << 3 | (size.bit_length() - 5))


def path(text):
    return [(URI_PATH, part.encode()) for part in text.strip("/").split("/") if part]


def _nibble(number):
    if number < 13:
        return number, b""
    if number < 269:
        return 13, bytes([number - 13])
    return 14, struct.pack("!H", number - 269)


def options(pairs):
    out, last = b"", 0
    for number, value in sorted(pairs, key=lambda p: p[0]):
        value = uint(value) if isinstance(value, int) else value
        delta, more = _nibble(number - last)
        length, more_length = _nibble(len(value))
        out += bytes([delta << 4 | length]) + more + more_length + value
        last = number
    return out


def _rest(pairs, payload):
    return options(pairs) + (b"\xff" + payload if payload else b"")


def message(kind, code, mid, token=b"", pairs=(), payload=b""):
    return struct.pack("!BBH", 0x40 | kind << 4 | len(token), code, mid) + token + _rest(pairs, payload)


def tcp_message(code, token=b"", pairs=(), payload=b""):
    rest = _rest(pairs, payload)
    length = len(rest)
    if length < 13:
        nibble, more = length, b""
    elif length < 269:
        nibble, more = 13, bytes([length - 13])
    elif length < 65805:
        nibble, more = 14, struct.pack("!H", length - 269)
    else:
        nibble, more = 15, struct.pack("!I", length - 65805)
    return bytes([nibble << 4 | len(token)]) + more + bytes([code]) + token + rest


def ws_message(code, token=b"", pairs=(), payload=b""):
    """In a WebSocket a message has no length (RFC 8323 section 4.2)."""
    return bytes([len(token), code]) + token + _rest(pairs, payload)


def checksum(data):
    data += b"\0" * (len(data) & 1)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip_packet(source, target, protocol, payload, number=0):
    """Without its link header. Addresses as text, both of one family."""
    if ":" in source:
        head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64)
        return head + socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), number & 0xffff, 0x4000, 64, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(target))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def pseudo(source, target, protocol, size):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    return socket.inet_pton(family, source) + socket.inet_pton(family, target) + struct.pack("!IHBB", size, 0, 0, protocol)


def udp_packet(source, sport, target, dport, payload, number=0):
    size = 8 + len(payload)
    head = struct.pack("!HHHH", sport, dport, size, 0)
    total = checksum(pseudo(source, target, 17, size) + head + payload) or 0xffff
    return ip_packet(source, target, 17, head[:6] + struct.pack("!H", total) + payload, number)


class Capture:
    """A capture that is written, not recorded: its clock is set by `at` and `wait`."""

    def __init__(self, name, at=1_764_000_000.0):
        self.name, self.now, self.packets, self.snap = name, at, [], 65535

    def wait(self, seconds):
        self.now += seconds

    def _add(self, packet):
        kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
        self.packets.append((self.now, b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01" + kind + packet))
        self.now += 0.002

    def udp(self, source, sport, target, dport, payload):
        self._add(udp_packet(source, sport, target, dport, payload, len(self.packets)))

    def tcp(self, source, sport, target, dport, seq, ack, flags, payload=b""):
        head = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff, 0x50, flags, 64000, 0, 0)
        total = checksum(pseudo(source, target, 6, len(head) + len(payload)) + head + payload)
        self._add(ip_packet(source, target, 6, head[:16] + struct.pack("!H", total) + head[18:] + payload, len(self.packets)))

    def write(self):
        with open(self.name, "wb") as f:
            f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, self.snap, 1))
            for now, data in self.packets:
                f.write(struct.pack("<IIII", int(now), int(now % 1 * 1e6), min(len(data), self.snap), len(data)) + data[:self.snap])


class Talk:
    """A client and a server in a generated capture, with running message ids and tokens."""

    def __init__(self, capture, client="10.30.0.21", sport=49152, server="10.30.0.1", dport=5683, mid=0x1000):
        self.capture, self.client, self.sport, self.server, self.dport = capture, client, sport, server, dport
        self.mid, self.server_mid, self.token = mid, mid ^ 0x8000, 1

    def up(self, payload):
        self.capture.udp(self.client, self.sport, self.server, self.dport, payload)

    def down(self, payload):
        self.capture.udp(self.server, self.dport, self.client, self.sport, payload)

    def next(self):
        self.mid, self.token = self.mid + 1 & 0xffff, self.token + 1
        return self.mid, struct.pack("!H", self.token & 0xffff)

    def ask(self, code, where, pairs=(), payload=b"", answer=CONTENT, answer_pairs=(), answer_payload=b"", kind=CON):
        """A request and its answer, in the ACK when it is confirmable."""
        mid, token = self.next()
        self.up(message(kind, code, mid, token, path(where) + list(pairs), payload))
        if answer is not None:
            self.server_mid = self.server_mid + 1 & 0xffff
            self.down(message(ACK if kind == CON else NON, answer, mid if kind == CON else self.server_mid, token, answer_pairs,
                              answer_payload))
        return token


class TcpTalk:
    """CoAP over TCP in a generated capture."""

    def __init__(self, capture, client="10.30.0.21", sport=49200, server="10.30.0.1", dport=5683):
        self.capture, self.ends = capture, (client, sport, server, dport)
        self.seq = [1000, 5000]
        self.capture.tcp(*self.ends, 999, 0, 2)
        self.capture.tcp(server, dport, client, sport, 4999, 1000, 18)
        self.capture.tcp(*self.ends, 1000, 5000, 16)

    def _say(self, side, payload, flags=24):
        c, sp, s, dp = self.ends
        ends = (c, sp, s, dp) if side == 0 else (s, dp, c, sp)
        self.capture.tcp(*ends, self.seq[side], self.seq[1 - side], flags, payload)
        self.seq[side] += len(payload) + (flags & 1)

    def up(self, payload):
        self._say(0, payload)

    def down(self, payload):
        self._say(1, payload)

    def close(self):
        self._say(0, b"", 17)
        self._say(1, b"", 17)
        self._say(0, b"", 16)


PCAPS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../pcaps")
written = {} # by name, what writes it


def capture(folder, name):
    """The decorated function is given the capture that it fills."""
    def add(function):
        def write():
            to = Capture(os.path.join(PCAPS, folder, name + ".pcap"))
            function(to)
            to.write()
        written[name] = write
        return write
    return add
