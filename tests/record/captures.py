"""What the recorders of captures share: a table of them, a network with a broker, sessions in it, and the command line.

    @capture("session", "what it shows")
    def session_x__fires(path): ...           # writes pcaps/session/session_x-fires.pcap

    main()                                    # SCRIPT [NAME...]: records, and writes the rows of ORIGIN.tsv"""
import gzip
import os
import socket
import sys

from mqtt import Client
from net import Net

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BROKER = "10.20.0.1"
OPEN = "listener 1883\nallow_anonymous true"
CLOSED = "listener 1883\nallow_anonymous false"
USERS = {"meter": "measuring", "reader": "reading", "admin": "e8dKq2"}
STRETCHED = "; time stretched"
CAPTURES = {}


def capture(folder, what, name=None):
    def take(function):
        CAPTURES[name or function.__name__.replace("__", "-")] = (folder, function, what)
        return function
    return take


def network(**hosts):
    return Net(broker=BROKER, **hosts)


def let_in(net, host, client_id, source=None, **more):
    """A session of a host. more: what connect() takes."""
    with net.inside(host):
        client = Client(BROKER, source=source)
    return client.login(client_id, **more)


def turned_away(net, host, client_id, user, password, source=None, v=4):
    with net.inside(host):
        client = Client(BROKER, source=source)
    client.refused(client_id, user, password, v=v)
    client.close()


def wire(net, host, source=None, port=1883, to=BROKER):
    """A bare TCP connection of a host."""
    with net.inside(host):
        return socket.create_connection((to, port), 5, (source, 0) if source else None)


def addresses(count, first=100, net="10.20.0."):
    return [f"{net}{first + n}" for n in range(count)]


def packed(path):
    """Large captures are kept as .pcap.gz; the same bytes for the same capture."""
    if os.path.getsize(path) < 256 * 1024:
        return path
    with open(path, "rb") as file, open(path + ".gz", "wb") as out, gzip.GzipFile("", "wb", 9, out, mtime=0) as zipped:
        zipped.write(file.read())
    os.unlink(path)
    return path + ".gz"


def origin(script, folder, name, what):
    path = os.path.join(TOP, "pcaps", folder, "ORIGIN.tsv")
    rows = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            rows = {line.split("\t")[0]: line for line in file}
    rows[name] = f"{name}\trecorded\t{script}\t{what}\n"
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(rows[key] for key in sorted(rows))


def main():
    script = os.path.relpath(os.path.abspath(sys.argv[0]), TOP)
    names = sys.argv[1:] or list(CAPTURES)
    for name in names:
        if name not in CAPTURES:
            sys.exit(f"no capture {name}; there are: {', '.join(CAPTURES)}")
    for name in names:
        folder, function, what = CAPTURES[name]
        os.makedirs(os.path.join(TOP, "pcaps", folder), exist_ok=True)
        path = os.path.join(TOP, "pcaps", folder, name + ".pcap")
        function(path)
        origin(script, folder, os.path.basename(packed(path)), what)
        print(f"{folder}/{name}", flush=True)
