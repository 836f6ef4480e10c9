"""Captures as lists of frames, for recorders that change what was recorded: time, order, repetition, direction.

    frames = read("x.pcap")                  # [Frame(ns, bytes)] of an Ethernet capture
    write("y.pcap", [f for f in frames if not f.comes_from("10.20.0.1")])
"""
import collections
import ipaddress
import struct

MAGIC_MICRO, MAGIC_NANO = 0xa1b2c3d4, 0xa1b23c4d


class Frame(collections.namedtuple("Frame", "ns data")):
    def _ip(self):
        kind = struct.unpack_from(">H", self.data, 12)[0]
        return (self.data[14:], kind) if kind in (0x0800, 0x86dd) else (b"", 0)

    def _address(self, first):
        ip, kind = self._ip()
        at, size = ((12, 4) if kind == 0x0800 else (8, 16))
        at += 0 if first else size
        return str(ipaddress.ip_address(ip[at:at + size])) if ip else None

    def comes_from(self, address):
        return self._address(True) == address

    def goes_to(self, address):
        return self._address(False) == address

    def payload(self):
        """Of TCP over IP without IPv6 extension headers; empty for all else."""
        ip, kind = self._ip()
        if kind == 0x0800 and ip[9] == 6:
            tcp, end = (ip[0] & 15) * 4, struct.unpack_from(">H", ip, 2)[0]
        elif kind == 0x86dd and ip[6] == 6:
            tcp, end = 40, 40 + struct.unpack_from(">H", ip, 4)[0]
        else:
            return b""
        return ip[tcp + (ip[tcp + 12] >> 4) * 4:end]

    def tcp_port(self, port):
        """From or to it; TCP over IPv4."""
        ip, kind = self._ip()
        return kind == 0x0800 and ip[9] == 6 and port in struct.unpack_from(">HH", ip, (ip[0] & 15) * 4)

    def at(self, ns):
        return Frame(ns, self.data)


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    order = "<" if struct.unpack_from("<I", data)[0] in (MAGIC_MICRO, MAGIC_NANO) else ">"
    unit = 1 if struct.unpack_from(order + "I", data)[0] == MAGIC_NANO else 1000
    frames, at = [], 24
    while at + 16 <= len(data):
        seconds, part, size, _ = struct.unpack_from(order + "IIII", data, at)
        frames.append(Frame(seconds * 10**9 + part * unit, data[at + 16:at + 16 + size]))
        at += 16 + size
    return frames


def write(path, frames):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", MAGIC_MICRO, 2, 4, 0, 0, 262144, 1))
        for f in frames:
            file.write(struct.pack("<IIII", f.ns // 10**9, f.ns % 10**9 // 1000, len(f.data), len(f.data)) + f.data)


def repeated(frames, which, times, after_ns=200_000_000):
    """Frames of which which(frame) is true come again `times` times, each later by after_ns: what a lossy link makes of TCP."""
    copies = [f.at(f.ns + n * after_ns) for f in frames if which(f) for n in range(1, times + 1)]
    return sorted(frames + copies, key=lambda f: f.ns)
