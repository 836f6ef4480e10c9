"""Clients that misbehave towards a broker on loopback, each from an address of its own: misuse.py PORT BEHAVIOUR.
What a proper client program refuses to do is done with sockets here; the rest is left to mosquitto_pub and _sub."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../record"))
import mqtt

HOST = "127.0.0.1"


def connection(port, source):
    return mqtt.Client(HOST, port, source, timeout=5)


def session(port, source, client_id, user="reader", password="reading"):
    return connection(port, source).login(client_id, user, password)


def flood(port):
    """Ninety sessions in a few seconds."""
    for n in range(90):
        session(port, "127.0.1.2", f"flood-{n}").bye()


def scan(port):
    """Forty filters asked for, one after the other, all refused."""
    s = session(port, "127.0.1.3", "scanner")
    for n in range(1, 41):
        s.subscribe(f"plant/{n}/valve")
    s.bye()


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
        s.ping()
    s.bye()


def abort(port):
    """Eight sessions that end by reset, without a good-bye."""
    for n in range(8):
        session(port, "127.0.1.6", f"breaking-{n}").reset()
        time.sleep(0.05)


def takeover(port):
    """One client id, live from two addresses."""
    first = session(port, "127.0.1.7", "pump-1")
    second = session(port, "127.0.1.8", "pump-1")
    time.sleep(0.5)
    second.bye()
    first.close()


def healthy(port):
    """Says hello, measures, says good-bye: no reason for any alert."""
    s = session(port, "127.0.2.1", "meter-7", "meter", "measuring")
    for n in range(10):
        s.publish("plant/meter/7", f'{{"w":{n}}}', 1)
        time.sleep(0.5)
    s.bye()


if __name__ == "__main__":
    BEHAVIOURS = {f.__name__: f for f in (flood, scan, mute, silent, abort, takeover, healthy)}
    BEHAVIOURS[sys.argv[2]](int(sys.argv[1]))
