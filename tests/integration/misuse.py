"""Clients that misbehave towards a broker on loopback, each from an address of its own: misuse.py PORT BEHAVIOUR.
What a proper client program refuses to do is done with sockets here; the rest is left to mosquitto_pub and _sub."""
import socket
import struct
import sys
import time

HOST = "127.0.0.1"


def connection(port, source):
    s = socket.create_connection((HOST, port), timeout=5, source_address=(source, 0))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def text(value):
    return struct.pack(">H", len(value)) + value.encode()


def connect_packet(client_id, user, password, keepalive=60):
    body = text("MQTT") + bytes([4, 0xc2]) + struct.pack(">H", keepalive) + text(client_id) + text(user) + text(password)
    return bytes([0x10, len(body)]) + body


def session(port, source, client_id, user="reader", password="reading"):
    s = connection(port, source)
    s.sendall(connect_packet(client_id, user, password))
    answer = s.recv(4)
    if len(answer) != 4 or answer[3] != 0:
        sys.exit(f"misuse.py: {client_id} was not let in: {answer.hex()}")
    return s


def good_bye(s):
    s.sendall(b"\xe0\x00")
    s.close()


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def flood(port):
    """Ninety sessions in a few seconds."""
    for n in range(90):
        good_bye(session(port, "127.0.1.2", f"flood-{n}"))


def scan(port):
    """Forty filters asked for, one after the other, all refused."""
    s = session(port, "127.0.1.3", "scanner")
    for n in range(1, 41):
        body = struct.pack(">H", n) + text(f"plant/{n}/valve") + b"\x00"
        s.sendall(bytes([0x82, len(body)]) + body)
        s.recv(64)
    good_bye(s)


def mute(port):
    """Fifteen connections that never say CONNECT."""
    held = [connection(port, "127.0.1.4") for _ in range(15)]
    time.sleep(14)
    for s in held:
        s.close()


def silent(port):
    """Logs in, then nothing but pings."""
    s = session(port, "127.0.1.5", "silent-one")
    for _ in range(14):
        time.sleep(1)
        s.sendall(b"\xc0\x00")
        s.recv(2)
    good_bye(s)


def abort(port):
    """Eight sessions that end by reset, without a good-bye."""
    for n in range(8):
        reset(session(port, "127.0.1.6", f"breaking-{n}"))
        time.sleep(0.05)


def takeover(port):
    """One client id, live from two addresses."""
    first = session(port, "127.0.1.7", "pump-1")
    second = session(port, "127.0.1.8", "pump-1")
    time.sleep(0.5)
    good_bye(second)
    first.close()


def healthy(port):
    """Says hello, measures, says good-bye: no reason for any alert."""
    s = session(port, "127.0.2.1", "meter-7", "meter", "measuring")
    for n in range(10):
        topic, payload = text("plant/meter/7"), f'{{"w":{n}}}'.encode()
        body = topic + struct.pack(">H", n + 1) + payload
        s.sendall(bytes([0x32, len(body)]) + body)
        s.recv(4)
        time.sleep(0.5)
    good_bye(s)


if __name__ == "__main__":
    BEHAVIOURS = {f.__name__: f for f in (flood, scan, mute, silent, abort, takeover, healthy)}
    BEHAVIOURS[sys.argv[2]](int(sys.argv[1]))
