"""MQTT 3.1, 3.1.1 and 5.0 as bytes, and a plain client and server around them, for recording what a proper library refuses to send.

Encoders return whole packets: connect("pump-1", user="u", password="p"), publish("a/b", b"1", qos=1, mid=7) ... Every part that a
library would guard (flags, protocol name, lengths, ids, properties) can be given, so that any malformed packet can be built;
packet(kind, body, flags) and raw bytes do the rest.

    with Client("10.0.0.1", 1883, source="10.0.0.7") as c:      # a TCP connection; nothing is sent yet
        c.send(connect("pump-1"))
        answer = c.receive()                                    # Packet(kind=CONNACK, flags, body) or None at the end
        c.login("pump-1", user="u", password="p")               # the two in one; exits loudly unless let in
        c.send(publish("plant/pump/1", b"on"), subscribe("plant/#"))   # in one segment
        c.subscribe("a/+", "b/#"), c.publish("a/b", b"x", qos=1)       # sent, and the answer awaited
        c.bye(), c.reset(), c.close()                           # DISCONNECT and FIN; RST; FIN

    with Server("10.0.0.1", 1883) as s:                         # plays a broker: what a real one never answers
        c = s.accept()                                          # a Client as seen from the other side
        c.receive(); c.send(connack(0x9c, v=5, props=prop(0x1c, "other:1883")))

v is the protocol level: 3 (MQTT 3.1, "MQIsdp"), 4 (3.1.1), 5. Properties are bytes: prop(ID, value) + prop(...)."""
import collections
import socket
import struct
import sys
import time

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, \
    DISCONNECT, AUTH = range(1, 16)
Packet = collections.namedtuple("Packet", "kind flags body")

BYTE, SHORT, LONG, VARINT, STRING, PAIR = range(6)
PROPERTY = {  # MQTT 5, table 2-4
    0x01: BYTE, 0x02: LONG, 0x03: STRING, 0x08: STRING, 0x09: STRING, 0x0b: VARINT, 0x11: LONG, 0x12: STRING, 0x13: SHORT,
    0x15: STRING, 0x16: STRING, 0x17: BYTE, 0x18: LONG, 0x19: BYTE, 0x1a: STRING, 0x1c: STRING, 0x1f: STRING, 0x21: SHORT,
    0x22: SHORT, 0x23: SHORT, 0x24: BYTE, 0x25: BYTE, 0x26: PAIR, 0x27: LONG, 0x28: BYTE, 0x29: BYTE, 0x2a: BYTE}


def octets(value):
    return value.encode() if isinstance(value, str) else bytes(value)


def string(value):
    """Two bytes of length, then the text; bytes go out as they are, so that bad UTF-8 can."""
    return struct.pack(">H", len(octets(value))) + octets(value)


def varint(n):
    out = bytearray()
    while True:
        out.append(n & 0x7f | (0x80 if n > 0x7f else 0))
        n >>= 7
        if not n:
            return bytes(out)


def packet(kind, body=b"", flags=0, length=None):
    """length lies about the body, if given: a number, or the bytes of a varint that no encoder would write."""
    head = length if isinstance(length, bytes) else varint(len(body) if length is None else length)
    return bytes([kind << 4 | flags]) + head + body


def prop(number, value):
    form = PROPERTY[number]
    if form == PAIR:
        return bytes([number]) + string(value[0]) + string(value[1])
    if form == STRING:
        return bytes([number]) + string(value)
    if form == VARINT:
        return bytes([number]) + varint(value)
    return bytes([number]) + struct.pack({BYTE: ">B", SHORT: ">H", LONG: ">I"}[form], value)


def properties(v, props):
    return varint(len(props)) + props if v == 5 else b""


def will(topic, payload=b"", qos=0, retain=False, props=b""):
    return topic, payload, qos, retain, props


def connect(client_id, user=None, password=None, v=4, keepalive=60, clean=True, will=None, props=b"", flags=None, name=None,
            level=None):
    bits = (0x02 if clean else 0) | (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
    payload = string(client_id)
    if will:
        topic, message, qos, retain, will_props = will
        bits |= 0x04 | qos << 3 | (0x20 if retain else 0)
        payload += properties(v, will_props) + string(topic) + string(message)
    payload += (string(user) if user is not None else b"") + (string(password) if password is not None else b"")
    name = ("MQIsdp" if v == 3 else "MQTT") if name is None else name
    head = string(name) + bytes([v if level is None else level, bits if flags is None else flags])
    return packet(CONNECT, head + struct.pack(">H", keepalive) + properties(v, props) + payload)


def connack(code=0, v=4, present=0, props=b""):
    return packet(CONNACK, bytes([present, code]) + properties(v, props))


def publish(topic, payload=b"", qos=0, mid=None, retain=False, dup=False, v=4, props=b"", flags=None):
    flags = (8 if dup else 0) | qos << 1 | retain if flags is None else flags
    mid = mid if mid is not None else 1 if qos else None
    head = string(topic) + (struct.pack(">H", mid) if mid is not None else b"") + properties(v, props)
    return packet(PUBLISH, head + octets(payload), flags)


def answer(kind, mid, code=None, v=4, props=b"", flags=None):
    """PUBACK, PUBREC, PUBREL, PUBCOMP; code and properties are MQTT 5's."""
    body = struct.pack(">H", mid) + (bytes([code]) + properties(v, props) if code is not None else b"")
    return packet(kind, body, (2 if kind == PUBREL else 0) if flags is None else flags)


def subscribe(*filters, mid=1, v=4, props=b"", flags=2):
    """A filter is a string (QoS 0) or (string, options)."""
    rows = [(f, 0) if isinstance(f, (str, bytes)) else f for f in filters]
    return packet(SUBSCRIBE, struct.pack(">H", mid) + properties(v, props) + b"".join(string(f) + bytes([o]) for f, o in rows), flags)


def suback(mid, *codes, v=4, props=b""):
    return packet(SUBACK, struct.pack(">H", mid) + properties(v, props) + bytes(codes))


def unsubscribe(*filters, mid=1, v=4, props=b"", flags=2):
    return packet(UNSUBSCRIBE, struct.pack(">H", mid) + properties(v, props) + b"".join(map(string, filters)), flags)


def unsuback(mid, *codes, v=4, props=b""):
    return packet(UNSUBACK, struct.pack(">H", mid) + (properties(v, props) + bytes(codes) if v == 5 else b""))


def pingreq():
    return packet(PINGREQ)


def pingresp():
    return packet(PINGRESP)


def disconnect(code=None, v=4, props=b""):
    return packet(DISCONNECT, bytes([code]) + properties(v, props) if code is not None else b"")


def auth(code=0x18, method=None, data=None, props=b""):
    props = (prop(0x15, method) if method is not None else b"") + (prop(0x16, data) if data is not None else b"") + props
    return packet(AUTH, bytes([code]) + properties(5, props))


class Client:
    """One end of a TCP connection (or of any socket-like object: give `over` for TLS). Times out rather than hangs."""

    def __init__(self, host=None, port=1883, source=None, source_port=0, timeout=10, over=None):
        if over is None:
            over = socket.create_connection((host, port), timeout, (source, source_port) if source or source_port else None)
            over.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket, self.buffer, self.v, self.mid = over, b"", 4, 0
        self.socket.settimeout(timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *packets, pause=0.0):
        """All in one segment (as far as they fit); pause sends them one by one, that far apart."""
        for part in packets if pause else (b"".join(packets),):
            self.socket.sendall(part)
            time.sleep(pause)
        return self

    def send_cut(self, data, *places, pause=0.05):
        """One packet over several segments."""
        for begin, end in zip((0, *places), (*places, len(data))):
            self.socket.sendall(data[begin:end])
            time.sleep(pause)
        return self

    def fill(self, size):
        while len(self.buffer) < size:
            more = self.socket.recv(65536)
            if not more:
                return False
            self.buffer += more
        return True

    def receive(self, timeout=None):
        """The next packet; None when the other side has closed, reset, or said nothing in time."""
        self.socket.settimeout(timeout or self.socket.gettimeout())
        try:
            size, place = 0, 1
            while True:
                if not self.fill(place + 1):
                    return None
                size |= (self.buffer[place] & 0x7f) << 7 * (place - 1)
                place += 1
                if not self.buffer[place - 1] & 0x80 or place > 4:
                    break
            if not self.fill(place + size):
                return None
        except OSError:
            return None
        first, body, self.buffer = self.buffer[0], self.buffer[place:place + size], self.buffer[place + size:]
        return Packet(first >> 4, first & 15, body)

    def await_kind(self, *kinds, timeout=None):
        while (p := self.receive(timeout)) and p.kind not in kinds:
            pass
        return p

    def ended(self, timeout=5):
        """Waits until the other side is done; what it still sends is read and dropped."""
        while self.receive(timeout):
            pass
        return self

    def login(self, client_id, user=None, password=None, v=4, **more):
        self.v = v
        self.send(connect(client_id, user, password, v, **more))
        said = self.receive()
        if not said or said.kind != CONNACK or said.body[1] != 0:
            sys.exit(f"mqtt.py: {client_id!r} was not let in: {said}")
        return self

    def refused(self, client_id, user=None, password=None, v=4, **more):
        """Like login, but must be turned away; the answer's code."""
        self.v = v
        self.send(connect(client_id, user, password, v, **more))
        said = self.receive()
        if not said or said.kind != CONNACK or said.body[1] == 0:
            sys.exit(f"mqtt.py: {client_id!r} was let in: {said}")
        return said.body[1]

    def next_mid(self):
        self.mid = self.mid % 65535 + 1
        return self.mid

    def subscribe(self, *filters, **more):
        self.send(subscribe(*filters, mid=self.next_mid(), v=self.v, **more))
        return self.await_kind(SUBACK)

    def publish(self, topic, payload=b"", qos=0, **more):
        """The answer that ends the exchange: PUBACK, PUBCOMP (or the PUBREC that refuses); None at QoS 0."""
        mid = self.next_mid() if qos else None
        self.send(publish(topic, payload, qos, mid, v=self.v, **more))
        if qos == 0:
            return None
        said = self.await_kind(PUBACK, PUBREC)
        if said and said.kind == PUBREC and not (len(said.body) > 2 and said.body[2] >= 0x80):
            self.send(answer(PUBREL, mid))
            said = self.await_kind(PUBCOMP)
        return said

    def ping(self):
        self.send(pingreq())
        return self.await_kind(PINGRESP)

    def bye(self, code=None):
        self.send(disconnect(code, self.v))
        self.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        self.socket.close()


class Server:
    """A listening socket; accept() gives the connection as a Client, from the broker's side."""

    def __init__(self, host="", port=1883, timeout=10):
        self.socket = socket.create_server((host, port), reuse_port=False)
        self.socket.settimeout(timeout)
        self.port = self.socket.getsockname()[1]

    def accept(self):
        end, _ = self.socket.accept()
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Client(over=end)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
