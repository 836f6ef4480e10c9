#!/usr/bin/python3
"""Writes captures of ordinary traffic that looks like misuse, where it takes dozens of hosts, hours or a bad tap to come about.

    tests/record/lookalikes.py [NAME]...
"""
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from coap_messages import (ACK, CON, CONTENT, ECHO, GET, UNAUTHORIZED, Capture, Talk, TcpTalk, checksum, ip_packet, message)

PCAPS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../pcaps")
GATEWAY_TIMEOUT = 0xa4
written = {}


def capture(folder, name):
    def add(function):
        def write():
            to = Capture(os.path.join(PCAPS, folder, name + ".pcap"))
            function(to)
            to.write()
        written[name] = write
        return write
    return add


def unreachable(c, source, target):
    """The port of the last datagram is closed (RFC 792): says the host that it was for."""
    body = struct.pack("!BBHI", 3, 3, 0, 0) + c.packets[-1][1][14:42]
    c._add(ip_packet(source, target, 1, body[:2] + struct.pack("!H", checksum(body)) + body[4:]))


@capture("session", "session_port_scan-quiet-late_answers")
def late_answers(c):
    """A resolver asks forty servers and takes the first answer: the others find its port closed."""
    for n in range(40):
        server, port = f"10.30.1.{n + 1}", 40000 + n
        question = struct.pack("!HHHHHH", n, 0x100, 1, 0, 0, 0) + b"\x07example\x03com\0\0\1\0\1"
        c.udp("10.30.0.5", port, server, 53, question)
        c.wait(0.3)
        c.udp(server, 53, "10.30.0.5", port, question[:2] + b"\x81\x83" + question[4:])
        unreachable(c, "10.30.0.5", server)
        c.wait(0.5)


def http(talk, target, status, headers="", more="", body="gone"):
    talk.up(f"GET {target} HTTP/1.1\r\nHost: camera\r\n{headers}\r\n".encode())
    talk.down(f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(body)}\r\n\r\n{body}".encode())


@capture("session", "session_scan-quiet-gateway")
def gateway(c):
    """What stands behind a gateway sleeps: thirty resources of CoAP and of HTTP in a minute, all of them there."""
    talk, web = Talk(c), TcpTalk(c, dport=80)
    for n in range(30):
        talk.ask(GET, f"/node/{n}/temperature", answer=GATEWAY_TIMEOUT)
        http(web, f"/node/{n}/temperature", "504 Gateway Time-out")
        c.wait(1)
    web.close()


@capture("session", "session_scan-quiet-challenge")
def challenge(c):
    """Twelve resources, each asked for anew when the server has said how: Digest in HTTP, Echo (RFC 9175) in CoAP."""
    talk, web = Talk(c), TcpTalk(c, dport=80)
    for n in range(12):
        talk.ask(GET, f"/io/{n}", answer=UNAUTHORIZED, answer_pairs=[(ECHO, b"fresh-%02d" % n)])
        talk.ask(GET, f"/io/{n}", [(ECHO, b"fresh-%02d" % n)], answer_payload=b"1")
        http(web, f"/snapshot/{n}", "401 Unauthorized", more=f'WWW-Authenticate: Digest realm="camera", nonce="{n:08x}", qop="auth"\r\n')
        http(web, f"/snapshot/{n}", "200 OK", headers=f'Authorization: Digest username="viewer", realm="camera", nonce="{n:08x}", '
             f'uri="/snapshot/{n}", response="{n:032x}", qop=auth, nc=00000001, cnonce="aa"\r\n', body="jpeg")
        c.wait(2)
    web.close()


def main():
    for name in sys.argv[1:] or written:
        written[name]()


if __name__ == "__main__":
    main()
