"""wrap.py pcapng IN OUT          the packets of a pcap file as pcapng
wrap.py split IN PARTS FOLDER  a pcap file cut into several, between packets
wrap.py alerts FILE            alerts without what tells in which file and frame their evidence stands"""
import json
import os
import struct
import sys


def packets(path):
    with open(path, "rb") as f:
        head = f.read(24)
        while record := f.read(16):
            yield head, record, f.read(struct.unpack("<I", record[8:12])[0])


def pcapng(source, target):
    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        size = struct.pack("<I", len(body) + 12)
        return struct.pack("<I", kind) + size + body + size
    nanoseconds = None
    with open(target, "wb") as f:
        for head, record, data in packets(source):
            if nanoseconds is None:
                nanoseconds = head[:4] == b"\x4d\x3c\xb2\xa1"
                f.write(block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)))
                f.write(block(1, struct.pack("<HHI", struct.unpack("<I", head[20:24])[0], 0, 0) + struct.pack("<HHBxxxHH", 9, 1, 9, 0, 0)))
            seconds, fraction, size, whole = struct.unpack("<IIII", record)
            time = seconds * 10**9 + fraction * (1 if nanoseconds else 1000)
            f.write(block(6, struct.pack("<IIIII", 0, time >> 32, time & 0xffffffff, size, whole) + data))


def split(source, parts, folder):
    every = list(packets(source))
    share = -(-len(every) // int(parts))
    for number in range(int(parts)):
        part = every[number * share:(number + 1) * share]
        with open(os.path.join(folder, f"{os.path.basename(source)}-{number:02}.pcap"), "wb") as f:
            f.write(every[0][0])
            for _, record, data in part:
                f.write(record + data)


def alerts(path):
    with open(path, encoding="utf-8") as f:
        for line in f:
            record = json.loads(line)
            record.pop("pcap_cnt", None)
            record.pop("pcap_filename", None)
            record["thingwarden"].pop("frames", None)
            record["thingwarden"].pop("files", None)
            print(json.dumps(record))


if __name__ == "__main__":
    {"pcapng": pcapng, "split": split, "alerts": alerts}[sys.argv[1]](*sys.argv[2:])
