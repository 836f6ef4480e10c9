#!/usr/bin/python3
"""Writes captures of ordinary traffic that looks like misuse, where it takes dozens of hosts, hours or a bad tap to come about.

    tests/record/lookalikes.py [NAME]...
"""
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from coap_messages import (BLOCK1, BLOCK2, CHANGED, CONTENT, CONTINUE, ECHO, GET, NON, POST, PUT, UNAUTHORIZED, URI_QUERY, Capture, Talk, TcpTalk, block,
                           checksum, ip_packet, message, path,
                           capture, written)
from tls import client_hello, message as handshake, record_of, server_hello, sized

CREATED, GATEWAY_TIMEOUT = 0x41, 0xa4


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


def digest(nonce, target):
    return (f'Authorization: Digest username="viewer", realm="camera", nonce="{nonce:08x}", uri="{target}", '
            f'response="{nonce:032x}", qop=auth, nc=00000001, cnonce="aa"\r\n')


@capture("session", "session_success_after_failures-quiet-stale_nonce")
def stale_nonce(c):
    """A poller whose nonce has expired each time: the password is right, the server wants it with another nonce."""
    web = TcpTalk(c, dport=80)
    for n in range(12):
        http(web, "/snapshot", "401 Unauthorized", digest(n, "/snapshot"),
             f'WWW-Authenticate: Digest realm="camera", nonce="{n + 1:08x}", qop="auth", stale=true\r\n')
        http(web, "/snapshot", "200 OK", digest(n + 1, "/snapshot"), body="jpeg")
        c.wait(10)
    web.close()


@capture("http", "http_login_hammering-quiet-oneway_token")
def poller_one_way(c):
    """Each second a request with a token, by a program that polls; the answers take another way."""
    web = TcpTalk(c, dport=80)
    c.packets = c.packets[:1] + c.packets[2:]
    for _ in range(60):
        web.up(b"GET /api/states HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.AA\r\n\r\n")
        c.wait(1)


@capture("http", "http_default_credential-quiet-redirect")
def redirected(c):
    """A factory password, and a server that sends the client to HTTPS whatever it says."""
    web = TcpTalk(c, dport=80)
    http(web, "/status", "301 Moved Permanently", "Authorization: Basic YWRtaW46YWRtaW4=\r\n", "Location: https://camera/status\r\n")
    web.close()


@capture("session", "session_silent_client_many-quiet-http")
def dashboards(c):
    """Twelve connections that were let in by a password and are kept for the next request, ten minutes later."""
    talks = [TcpTalk(c, sport=50000 + n, dport=80) for n in range(12)]
    for _ in range(2):
        for talk in talks:
            http(talk, "/status", "200 OK", "Authorization: Basic dmlld2VyOlp6OS1xMQ==\r\n", body="{}")
        c.wait(600)
    for talk in talks:
        talk.close()


@capture("session", "session_beacon-quiet-group")
def group(c):
    """A controller that tells all lamps every ten seconds what is on: a group is no server outside."""
    for n in range(30):
        c.udp("10.30.0.5", 50000, "224.0.1.187", 5683, message(NON, GET, n, b"%c" % n, path("/lights")))
        c.wait(10)


TLS, TLS_1, DTLS = b"\3\3", b"\3\1", b"\xfe\xfd"
GOOD_SUITE = b"\xc0\x2f"


def extension(number, content=b""):
    return number.to_bytes(2, "big") + sized(2, content)


def secured(c, n, extensions=b"", port=8883, end=17):
    """A session of TLS 1.2, ended by its client: 17 FIN, 4 RST, None not at all."""
    talk = TcpTalk(c, sport=50000 + n, dport=port)
    talk.up(record_of(TLS_1, 22, handshake(1, client_hello(TLS, GOOD_SUITE, extensions))))
    talk.down(record_of(TLS, 22, handshake(2, server_hello(TLS, GOOD_SUITE))))
    talk.down(record_of(TLS, 20, b"\1") + record_of(TLS, 22, bytes(40)))
    talk.up(record_of(TLS, 20, b"\1") + record_of(TLS, 22, bytes(40)) + record_of(TLS, 23, bytes(200)))
    talk.down(record_of(TLS, 23, bytes(4000)))
    if end:
        talk._say(0, b"", end)
    return talk


@capture("session", "session_abnormal_termination-quiet-https")
def https_resets(c):
    """A browser that drops its connections when it has seen enough: HTTP has no good-bye."""
    for n in range(20):
        secured(c, n, extension(16, sized(2, b"\2h2\x08http/1.1")), 443, 4)
        c.wait(5)


@capture("tls", "tls_fingerprint_change-quiet-retried")
def retried(c):
    """One client all along: then it has a ticket, and with that padding; then the server wants another group and gives a cookie."""
    for n in range(12):
        secured(c, n, extension(35))
        c.wait(60)
    secured(c, 12, extension(35, bytes(180)) + extension(21, bytes(60)))
    retry = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
    asks = TLS + retry + sized(1, b"") + b"\x13\1\0" + sized(2, extension(43, b"\3\4") + extension(44, sized(2, b"cookie")))
    talk = TcpTalk(c, sport=50100, dport=8883)
    talk.up(record_of(TLS_1, 22, handshake(1, client_hello(TLS, GOOD_SUITE, extension(35)))))
    talk.down(record_of(TLS, 22, handshake(2, asks)))
    talk.up(record_of(TLS, 22, handshake(1, client_hello(TLS, GOOD_SUITE, extension(35) + extension(44, sized(2, b"cookie"))))))
    talk.close()


@capture("session", "session_auth_bruteforce-quiet-dtls")
def refused_again(c):
    """Two devices behind one address, with an unknown key, send each flight three times, as its answer is lost on their side of the tap."""
    def record(number, kind, body):
        return record_of(DTLS, kind, body, bytes(2) + number.to_bytes(6, "big"))
    for n in range(2):
        hello = handshake(1, client_hello(DTLS, b"\xc0\xa8", cookie=b""))
        flight = record(0, 22, hello[:4] + bytes(5) + hello[1:])
        for i in range(3):
            c.udp("10.30.0.41", 40000 + n, "10.30.0.1", 5684, flight)
            c.udp("10.30.0.1", 5684, "10.30.0.41", 40000 + n, record(i, 21, b"\2\x73"))
            c.wait(2)


def firmware(c, talk, blocks, size):
    """Up block by block, and down again."""
    for n in range(blocks):
        more = n < blocks - 1
        talk.ask(PUT, "/fw", [(BLOCK1, block(n, more, size))], bytes([n & 255]) * size, CONTINUE if more else CHANGED, [(BLOCK1, block(n, more, size))])
        c.wait(0.05)
    for n in range(blocks):
        talk.ask(GET, "/fw", [(BLOCK2, block(n, 0, size))], b"", CONTENT, [(BLOCK2, block(n, n < blocks - 1, size))], bytes([n & 255]) * size)
        c.wait(0.05)


@capture("coap", "coap_unsafe_write-quiet-registration")
def registrations(c):
    """Devices register with their server (LwM2M) one after the other, in three hours."""
    for n in range(18):
        talk = Talk(c, f"10.30.1.{n + 1}")
        talk.ask(POST, "/rd", [(URI_QUERY, b"ep=meter-%d" % n), (URI_QUERY, b"lt=3600")], b"</3/0>", CREATED, [(8, b"rd"), (8, b"%d" % n)])
        c.wait(600)
        talk.ask(POST, f"/rd/{n % 4}", answer=CHANGED)


@capture("benign", "coap_lossy_tap")
def lossy_tap(c):
    """A gateway asks a hundred devices in turn, and one gets its firmware. Nothing is lost but on the tap: one packet in forty."""
    talks = [Talk(c, "10.30.0.9", 5683, f"10.30.1.{n + 1}") for n in range(100)]
    for _ in range(6):
        for talk in talks:
            talk.ask(GET, "/temperature", answer_payload=b"21.5")
            c.wait(0.02)
    firmware(c, Talk(c, "10.30.0.9", 5683, "10.30.1.200"), 300, 128)
    c.packets = [p for n, p in enumerate(c.packets) if n % 41 != 40]


@capture("benign", "short_snaplen")
def short_snaplen(c):
    """Heads only, 90 bytes of each packet: idle sessions of TLS, long polling in HTTP, a firmware block by block."""
    secure = [secured(c, n, end=None) for n in range(25)]
    web = [TcpTalk(c, sport=51000 + n, dport=80) for n in range(25)]
    for _ in range(3):
        for talk in web:
            talk.up(b"GET /poll?since=0 HTTP/1.1\r\nHost: hub\r\nUser-Agent: poller/1.0\r\nAccept: application/json\r\n\r\n")
        c.wait(90)
        for talk in web:
            talk.down(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]")
    for talk in secure + web:
        talk.close()
    firmware(c, Talk(c), 60, 256)
    c.snap = 90


def main():
    for name in sys.argv[1:] or written:
        written[name]()


if __name__ == "__main__":
    main()
