"""A capture and a log of somebody who wants to run code in the analyst's browser, spreadsheet or terminal."""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "record"))
import mqtt  # noqa: E402
import pcapfile  # noqa: E402
from coap_messages import checksum  # noqa: E402

START = 1_790_000_000 * 10**9
SCRIPT = "<script>window.pwned=1</script>"
NAMES = [SCRIPT, "\"><img src=x onerror=window.pwned=2>", "</script><script>window.pwned=3//", "<!--<script>", "=cmd|'/C_calc'!A0", "+1+2", "-2+3",
         "@SUM(1)", " =1+1", "a\"b\\c", "two words, a comma", "{{7*7}}${7*7}", "]]>&amp;<", "\u202egpj.exe", "'; DROP TABLE x; --"]
TOPICS = ["plant/" + SCRIPT, "</script><img src=x onerror=window.pwned=4>", "javascript:window.pwned=5"]


def frame(source, target, ports, seq, ack, flags, payload=b""):
    tcp = struct.pack(">HHIIBBHHH", *ports, seq, ack, 0x50, flags, 65535, 0, 0)
    pseudo = source + target + struct.pack(">BBH", 0, 6, len(tcp) + len(payload))
    tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp + payload)) + tcp[18:]
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp) + len(payload), 1, 0, 64, 6, 0, source, target)
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    client = ports[1] == 1883
    macs = [b"\2\0\0\0\0" + bytes([n]) for n in ((1, 2) if client else (2, 1))]
    return macs[0] + macs[1] + b"\x08\0" + ip + tcp + payload


def session(number, client_id, topic):
    """SYN to DISCONNECT of one client with an address of its own."""
    client, server = bytes([10, 9, 0, 10 + number]), bytes([10, 9, 0, 1])
    up, down = (40000 + number, 1883), (1883, 40000 + number)
    frames, seqs = [], {up: 1000, down: 5000}

    def send(ports, flags, payload=b""):
        other = down if ports is up else up
        ends = (client, server) if ports is up else (server, client)
        frames.append(frame(*ends, ports, seqs[ports], seqs[other] if flags & 16 else 0, flags, payload))
        seqs[ports] += len(payload) + (flags & 3 != 0)

    send(up, 2)
    send(down, 18)
    send(up, 16)
    send(up, 24, mqtt.connect(client_id))
    send(down, 24, mqtt.connack())
    send(up, 24, mqtt.publish(topic, b"x"))
    send(up, 24, mqtt.packet(mqtt.DISCONNECT))
    send(up, 17)
    send(down, 17)
    send(up, 16)
    return frames


def capture(path):
    frames = []
    for number, name in enumerate(NAMES):
        for data in session(number, name, TOPICS[number % len(TOPICS)]):
            frames.append(pcapfile.Frame(START + len(frames) * 10_000_000, data))
    pcapfile.write(path, frames)


def log(path):
    """As Mosquitto writes it, of clients whose connection the log does not show."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{START // 10**9}: mosquitto version 2.0.11 running\n")
        for number, name in enumerate(n for n in NAMES if " " not in n and "," not in n):
            at = START // 10**9 + number
            file.write(f"{at}: New connection from 10.9.1.{number + 1}:5000 on port 1883.\n"
                       f"{at}: New client connected from 10.9.1.{number + 1}:5000 as {name} (p2, c1, k60).\n"
                       f"{at}: Received PUBLISH from {name} (d0, q0, r0, m0, '{TOPICS[0]}', ... (1 bytes))\n")
