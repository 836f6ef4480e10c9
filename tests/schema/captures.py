"""Captures with what outputs must cope with: captures.py FOLDER writes

    kinds.pcap     every MQTT packet type both ways, 3.1.1 and 5.0, with properties, wills, refusals and violations
    evil.pcap      names with quotes, brackets, controls, direction marks, tags, bad UTF-8 and great length
    guessing.pcap  one address that guesses passwords, long enough for an alert and its updates

SECRETS is in the passwords and payloads of all of them and must never be seen again."""
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "record"))
from coap_messages import checksum  # noqa: E402

SECRETS = (b"hunter2-Very$ecret", b"s3cret-payload")
PASSWORD, PAYLOAD = SECRETS
CLIENT, SERVER = "10.1.0.1", "10.1.0.2"


class Capture:
    """A pcap file of Ethernet frames; every packet comes a hundredth of a second after the one before."""

    def __init__(self, path, start=1_700_000_000.0, step=0.01):
        self.file, self.now, self.step = open(path, "wb"), start, step
        self.macs = {}  # address: its own Ethernet address
        self.file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))

    def frame(self, source, destination, protocol, payload):
        header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, socket.inet_aton(source),
                             socket.inet_aton(destination))
        header = header[:10] + struct.pack(">H", checksum(header)) + header[12:]
        data = self.macs.get(destination, b"\2\0\0\0\0\1") + self.macs.get(source, b"\2\0\0\0\0\2") + b"\x08\0" + header + payload
        self.now += self.step
        self.file.write(struct.pack("<IIII", int(self.now), int(self.now % 1 * 1e6), len(data), len(data)) + data)


class Session:
    """One TCP connection, as both ends would write it."""
    next_port = 40000

    def __init__(self, capture, client=CLIENT, server=SERVER, port=1883):
        Session.next_port += 1
        self.capture, self.ends, self.ports = capture, (client, server), (Session.next_port, port)
        self.sequence = [1000, 5000]
        self.segment(0, 2)
        self.segment(1, 18)
        self.segment(0, 16)

    def segment(self, side, flags, data=b""):
        source, destination = self.ends[side], self.ends[1 - side]
        acknowledged = self.sequence[1 - side] if flags & 16 else 0
        tcp = struct.pack(">HHIIBBHHH", self.ports[side], self.ports[1 - side], self.sequence[side], acknowledged, 0x50, flags,
                          65535, 0, 0) + data
        pseudo = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack(">HH", 6, len(tcp))
        tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp)) + tcp[18:]
        self.capture.frame(source, destination, 6, tcp)
        self.sequence[side] += len(data) + bool(flags & 3)

    def up(self, *packets):
        for data in packets:
            self.segment(0, 24, data)

    def down(self, *packets):
        for data in packets:
            self.segment(1, 24, data)

    def close(self):
        self.segment(0, 17)
        self.segment(1, 17)
        self.segment(0, 16)

    def reset(self, side=0):
        self.segment(side, 20)


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(value)) + value


def packet(head, body=b""):
    size, length = len(body), b""
    while True:
        size, digit = divmod(size, 128)
        length += bytes([digit | (0x80 if size else 0)])
        if not size:
            return bytes([head]) + length + body


def connect(client_id, user=None, password=None, version=4, flags=2, will=b"", properties=b"", keepalive=60):
    flags |= (0x80 if user is not None else 0) | (0x40 if password is not None else 0) | (4 if will else 0)
    body = text("MQTT") + bytes([version, flags]) + struct.pack(">H", keepalive)
    body += bytes([len(properties)]) + properties if version == 5 else b""
    body += text(client_id) + will
    body += b"".join(text(v) for v in (user, password) if v is not None)
    return packet(0x10, body)


def publish(topic, payload=PAYLOAD, qos=0, packet_id=7, version=4, retain=0, properties=b""):
    body = text(topic) + (struct.pack(">H", packet_id) if qos else b"")
    body += bytes([len(properties)]) + properties if version == 5 else b""
    return packet(0x30 | qos << 1 | retain, body + payload)


def session_311(capture):
    s = Session(capture)
    s.up(connect("meter-1", "anna", PASSWORD, will=text("plant/1/lwt") + text(PAYLOAD), flags=0x26))
    s.down(packet(0x20, b"\0\0"))
    s.up(packet(0x82, b"\0\1" + text("plant/+/cmd") + b"\1" + text("$SYS/#") + b"\0" + text("no/no") + b"\2"))
    s.down(packet(0x90, b"\0\1\1\0\x80"))
    for qos in (0, 1, 2):
        s.up(publish("plant/1/power", qos=qos, retain=1))
    s.down(packet(0x40, b"\0\7"), packet(0x50, b"\0\7"))
    s.up(packet(0x62, b"\0\7"))
    s.down(packet(0x70, b"\0\7"), publish("plant/1/cmd", qos=1, packet_id=9))
    s.up(packet(0x40, b"\0\x09"), packet(0xc0))
    s.down(packet(0xd0))
    s.up(packet(0xa2, b"\0\2" + text("plant/+/cmd") + text("$SYS/#")))
    s.down(packet(0xb0, b"\0\2"))
    s.up(packet(0xe0))
    s.close()


def session_5(capture):
    s = Session(capture)
    properties = b"\x11\0\0\0\x3c" + b"\x21\0\x14" + b"\x22\0\x05" + b"\x15" + text("SCRAM-SHA-1") + b"\x16" + text(PASSWORD)
    properties += b"\x26" + text("site") + text("north")
    will = b"\5\x18\0\0\0\x05" + text("plant/5/lwt") + text(PAYLOAD)
    s.up(connect("meter-5", "bert", PASSWORD, 5, 2, will, properties))
    s.down(packet(0xf0, b"\x18\x0e\x15" + text("SCRAM-SHA-1")))
    s.up(packet(0xf0, b"\x18\x0e\x15" + text("SCRAM-SHA-1")))
    s.down(packet(0x20, b"\1\0\x0b" + b"\x22\0\x0a" + b"\x21\0\x0a" + b"\x27\0\0\1\0"))
    s.up(packet(0x82, b"\0\3\2\x0b\x05" + text("$share/g/plant/#") + b"\x2e"))
    s.down(packet(0x90, b"\0\3\0\x87"))
    s.up(publish("plant/5/a", qos=1, version=5, properties=b"\x23\0\1\1\1\x08" + text("re/ply") + b"\x09" + text(PAYLOAD)))
    s.down(packet(0x40, b"\0\7\x10\0"))
    s.up(publish("", qos=2, packet_id=8, version=5, properties=b"\x23\0\1"))
    s.down(packet(0x50, b"\0\x08\x97\0"))
    s.up(packet(0xa2, b"\0\4\0" + text("$share/g/plant/#")))
    s.down(packet(0xb0, b"\0\4\0\x11"))
    s.down(packet(0xe0, b"\x8e\x0b\x1f" + text("taken ov")))
    s.reset(1)


def refusals(capture):
    for code in range(1, 6):
        s = Session(capture, client="10.1.0.9")
        s.up(connect(f"guess-{code}", "root", PASSWORD))
        s.down(packet(0x20, bytes([0, code])))
        s.close()
    s = Session(capture)
    s.up(packet(0x10, text("MQIsdp") + b"\3\xc2\0\x3c" + text("old") + text("carl") + text(PASSWORD)))
    s.down(packet(0x20, b"\0\0"))
    s.up(packet(0x36, text("qos/three") + b"\0\1x"), connect("again"))
    s.reset()
    quiet = Session(capture)
    quiet.close()


def evil(capture):
    names = ['say "no"]\\', "new\nline\r\ttab", "\u202egnp.exe", "tag\U000e0041\U000e007f", "\u00e4\u4e2d\U0001f600", b"\xff\xfe\x80",
             "x" * 300, "<script>alert(1)</script>", "%n%s%x", "\u200b", ""]
    for number, name in enumerate(names):
        s = Session(capture, client=f"10.1.1.{number + 1}")
        s.up(connect(name, name or "nobody", PASSWORD))
        s.down(packet(0x20, b"\0\5"))
        s.close()
        s = Session(capture, client=f"10.1.1.{number + 1}")
        s.up(connect(name, name or "nobody", PASSWORD))
        s.down(packet(0x20, b"\0\0"))
        if name:
            s.up(publish(name), packet(0x82, b"\0\1" + text(name) + b"\0"))
        s.reset()


def guessing(capture):
    for number in range(40):
        s = Session(capture, client="10.1.2.1")
        s.up(connect(f"probe-{number}", f"user{number % 7}", PASSWORD + b"%d" % number))
        s.down(packet(0x20, b"\0\5"))
        s.close()


def main():
    folder = sys.argv[1]
    with_all = Capture(os.path.join(folder, "kinds.pcap"))
    for build in (session_311, session_5, refusals):
        build(with_all)
    evil(Capture(os.path.join(folder, "evil.pcap")))
    guessing(Capture(os.path.join(folder, "guessing.pcap"), step=3.0))


if __name__ == "__main__":
    main()
