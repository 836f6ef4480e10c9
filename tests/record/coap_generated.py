#!/usr/bin/python3
"""Writes the CoAP captures that no software here can be made to produce: OSCORE (libcoap 4.3.1 has none), hours of ordinary writing,
transfers that are abandoned, Echo, Q-Block, devices that ask each other.

    tests/record/coap_generated.py [NAME]...
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from coap_messages import (ACK, BLOCK1, BLOCK2, CHANGED, CON, CONTENT, CONTENT_FORMAT, CONTINUE, CSM, ABORT, DELETE, ECHO, ETAG, FETCH, GET, HOP_LIMIT,
                           IF_MATCH, MAX_AGE, NO_RESPONSE, NON, NOT_FOUND, OBSERVE, OSCORE, PING, PONG, POST, PUT, RELEASE, REQUEST_TAG, RST, UNAUTHORIZED,
                           URI_HOST, URI_PORT, URI_QUERY, Capture, Talk, TcpTalk, block, message, path, tcp_message, uint, ws_message,
                           capture, written)

Q_BLOCK1, Q_BLOCK2, SIZE1, SIZE2, EDHOC, ACCEPT, IF_NONE_MATCH = 19, 31, 60, 28, 21, 17, 5


def oscore(iv, kid=b"\x01", context=None):
    """RFC 8613 section 6.1."""
    number = uint(iv) or b"\0"
    flags = len(number) | 8 | (16 if context is not None else 0)
    return (OSCORE, bytes([flags]) + number + (bytes([len(context)]) + context if context is not None else b"") + kid)


def secure(talk, iv, kid=b"\x01", context=None, payload=b"ciphertext-and-tag"):
    talk.ask(POST, "/", [oscore(iv, kid, context)], payload, answer=CHANGED, answer_pairs=[(OSCORE, b"")], answer_payload=b"sealed-answer-and-tag")


@capture("coap", "coap_oscore_anomaly-fires")
def replayed(c):
    talk = Talk(c)
    for iv in range(5):
        secure(talk, iv)
    secure(talk, 3, payload=b"another-ciphertext")


@capture("coap", "coap_oscore_anomaly-fires-back")
def counter_lost(c):
    talk = Talk(c)
    for iv in (5000, 5001, 5002, 0, 1):
        secure(talk, iv)


@capture("coap", "coap_oscore_anomaly-fires-downgrade")
def downgraded(c):
    talk = Talk(c)
    for iv in range(3):
        secure(talk, iv)
    talk.ask(PUT, "/door/lock", payload=b"open", answer=CHANGED)


@capture("coap", "coap_oscore_anomaly-fires-kid")
def other_key(c):
    talk = Talk(c)
    for iv in range(3):
        secure(talk, iv)
    secure(talk, 0, kid=b"\x02")


@capture("coap", "coap_oscore_anomaly-quiet")
def ordinary_oscore(c):
    """Datagrams overtake each other, the context is renewed (RFC 8613 appendix B.2), discovery is in the clear, a datagram is sent twice."""
    talk = Talk(c)
    for iv in (0, 1, 3, 2, 4, 7, 6, 5):
        secure(talk, iv)
    for iv in range(4):
        secure(talk, iv, context=b"\x51\x52\x53")
    talk.ask(GET, "/.well-known/core", answer_pairs=[(CONTENT_FORMAT, 40)], answer_payload=b"</a>;osc")
    mid, token = talk.next()
    again = message(CON, POST, mid, token, [oscore(9)], b"sealed-once")
    talk.up(again)
    c.wait(2)
    talk.up(again)
    talk.down(message(ACK, CHANGED, mid, token, [(OSCORE, b"")], b"sealed-answer"))


def hours_of_writing(c, hours=2):
    lamp, heater = Talk(c, client="10.30.0.21"), Talk(c, client="10.30.0.22", sport=49300)
    for i in range(hours * 12):
        lamp.sport += 1
        lamp.ask(PUT, "/lamp/state", payload=b"%d" % (i % 2), answer=CHANGED)
        heater.sport += 1
        heater.ask(PUT, "/heater/target", payload=b"21", answer=CHANGED)
        c.wait(300)


@capture("coap", "coap_unsafe_write-fires")
def stranger_writes(c):
    hours_of_writing(c)
    Talk(c, client="10.30.0.66", sport=50000).ask(PUT, "/heater/target", payload=b"35", answer=CHANGED)


@capture("coap", "coap_unsafe_write-quiet")
def known_writers(c):
    """Two known writers go on for hours, a third one reads, a fourth writes to a path of its own for the first time."""
    hours_of_writing(c)
    Talk(c, client="10.30.0.66", sport=50000).ask(GET, "/heater/target", answer_payload=b"21")
    Talk(c, client="10.30.0.66", sport=50001).ask(PUT, "/blind/position", payload=b"50", answer=CHANGED)


@capture("coap", "coap_blockwise_abuse-fires-abandoned")
def abandoned(c):
    for i in range(8):
        Talk(c, sport=50000 + i).ask(PUT, f"/image{i}", [(BLOCK1, block(0, 1, 1024)), (SIZE1, 500000)], b"x" * 1024, CONTINUE, [(BLOCK1, block(0, 1, 1024))])
        c.wait(3)
    c.wait(300)
    Talk(c, sport=51000).ask(GET, "/status", answer_payload=b"ok")


@capture("coap", "coap_amplification-quiet-echo")
def echo(c):
    """The server demands Echo (RFC 9175) before it sends much; then the client polls a large resource."""
    talk = Talk(c)
    talk.ask(GET, "/log", answer=UNAUTHORIZED, answer_pairs=[(ECHO, b"fresh-by-8")])
    talk.ask(GET, "/log", [(ECHO, b"fresh-by-8")], answer_payload=b"l" * 1000)
    for _ in range(20):
        talk.ask(GET, "/log", answer_payload=b"l" * 1000)
        c.wait(1)


@capture("coap", "coap_amplification-fires-false_echo")
def false_echo(c):
    """An Echo that the server has not given proves nothing."""
    talk = Talk(c)
    for _ in range(20):
        talk.ask(GET, "/log", [(ECHO, b"made-up")], answer_payload=b"l" * 1000, kind=NON)
        c.wait(0.5)


@capture("coap", "coap_observe_hijack-fires-from_start")
def fed(c):
    """A client that asks for one thing and is sent notifications of another."""
    talk = Talk(c)
    talk.ask(GET, "/status", answer_payload=b"ok")
    for i in range(3):
        talk.down(message(NON, CONTENT, 0x700 + i, b"\x99\x98", [(OBSERVE, 10 + i)], b"open"))
        c.wait(1)


@capture("benign", "coap_joined_half_way")
def half_way(c):
    """A sensor that starts in the middle: notifications, separate answers and ACKs to what was asked before."""
    for n in range(4):
        talk = Talk(c, client=f"10.30.0.{30 + n}", sport=50000 + n)
        for i in range(5):
            talk.down(message(CON, CONTENT, 0x800 + i, b"\x01\x02", [(OBSERVE, 5 + i), (MAX_AGE, 60)], b"21.%d" % i))
            talk.up(message(ACK, 0, 0x800 + i))
            c.wait(40)
        talk.ask(GET, "/battery", answer_payload=b"88")
        talk.down(message(CON, CONTENT, 0x900, b"\x01\x02", [(OBSERVE, 11)], b"22"))
        talk.up(message(ACK, 0, 0x900))


@capture("benign", "coap_peers")
def peers(c):
    """A device registers with its manager and is then asked by it, both on port 5683 (as LwM2M does)."""
    device = Talk(c, client="10.30.0.41", sport=5683, server="10.30.0.1")
    device.ask(POST, "/rd", [(URI_QUERY, b"ep=meter-41"), (URI_QUERY, b"lt=300"), (CONTENT_FORMAT, 40)], b"</3/0>,</3303/0>",
               0x41, [(8, b"rd"), (8, b"4711")])
    manager = Talk(c, client="10.30.0.1", sport=5683, server="10.30.0.41", mid=0x3000)
    manager.ask(GET, "/3/0/9", answer_payload=b"88")
    token = manager.ask(GET, "/3303/0/5700", [(OBSERVE, b"")], answer_pairs=[(OBSERVE, 1)], answer_payload=b"21.0")
    for i in range(6):
        c.wait(200)
        manager.down(message(CON, CONTENT, 0x4000 + i, token, [(OBSERVE, 2 + i)], b"21.%d" % i))
        manager.up(message(ACK, 0, 0x4000 + i))
    manager.ask(PUT, "/1/0/1", payload=b"600", answer=CHANGED)
    device.ask(POST, "/rd/4711", answer=CHANGED)
    manager.ask(GET, "/3303/0/5700", [(OBSERVE, 1)], answer_payload=b"22.0")


@capture("benign", "coap_options")
def options(c):
    """Every registered option and code once, as it may be."""
    talk = Talk(c, client="2001:db8::21", server="2001:db8::1")
    talk.ask(GET, "/a/b", [(URI_HOST, b"sensor.example"), (URI_PORT, 5683), (URI_QUERY, b"x=1"), (URI_QUERY, b"y=2"), (ACCEPT, 50)],
             answer_pairs=[(ETAG, b"\1\2\3\4"), (MAX_AGE, 30), (CONTENT_FORMAT, 50)], answer_payload=b"{}")
    talk.ask(GET, "/a/b", [(ETAG, b"\1\2\3\4"), (ETAG, b"\5")], answer=0x43, answer_pairs=[(ETAG, b"\1\2\3\4")])
    talk.ask(PUT, "/a", [(IF_MATCH, b""), (CONTENT_FORMAT, b"")], b"1", CHANGED)
    talk.ask(PUT, "/new", [(IF_NONE_MATCH, b"")], b"1", 0x41, [(8, b"new"), (8, b"1"), (20, b"v=2")])
    talk.ask(FETCH, "/query", [(CONTENT_FORMAT, 141)], b"\x81\x01", CONTENT)
    talk.ask(6, "/a", [(CONTENT_FORMAT, 52)], b"[]", CHANGED)
    talk.ask(7, "/a", [(CONTENT_FORMAT, 52)], b"[]", CHANGED)
    talk.ask(DELETE, "/new", answer=0x42)
    talk.ask(GET, "/far", [(HOP_LIMIT, 5)], answer=0xa8, answer_payload=b"10.0.0.1")
    talk.ask(POST, "/log", [(NO_RESPONSE, 26)], b"entry", None, kind=NON)
    talk.ask(GET, "/none", answer=NOT_FOUND)
    talk.ask(POST, "/.well-known/edhoc", payload=b"\xf5\x01", answer=CHANGED, answer_payload=b"\x58")
    Talk(c, client="2001:db8::22", server="2001:db8::1").ask(POST, "/", [(EDHOC, b""), oscore(0)], b"sealed", CHANGED, [(OSCORE, b"")], b"sealed")
    # A separate response (RFC 7252 section 5.2.2).
    mid, token = talk.next()
    talk.up(message(CON, GET, mid, token, path("/slow")))
    talk.down(message(ACK, 0, mid))
    c.wait(5)
    talk.down(message(CON, CONTENT, 0x777, token, [], b"42"))
    talk.up(message(ACK, 0, 0x777))
    # Two uploads to one path at once, told by Request-Tag (RFC 9175 section 3).
    for n in range(3):
        for tag in (b"\1", b"\2"):
            more = n < 2
            talk.ask(PUT, "/image", [(BLOCK1, block(n, more, 64)), (REQUEST_TAG, tag)], tag * 64, CONTINUE if more else CHANGED, [(BLOCK1, block(n, more, 64))])
    for n in range(3):
        talk.ask(GET, "/list", [(BLOCK2, block(n, 0, 32))], answer_pairs=[(BLOCK2, block(n, n < 2, 32)), (SIZE2, 90)], answer_payload=b"l" * (32 if n < 2 else 26))
    # Q-Block (RFC 9177): one request, several answers.
    mid, token = talk.next()
    for n in range(3):
        talk.up(message(NON, PUT, mid + n, token, path("/fast") + [(Q_BLOCK1, block(n, n < 2, 64)), (REQUEST_TAG, b"\7")], b"q" * 64))
    talk.down(message(NON, CHANGED, 0x800, token))
    talk.mid += 3
    mid, token = talk.next()
    talk.up(message(NON, GET, mid, token, path("/fast") + [(Q_BLOCK2, block(0, 1, 64))]))
    for n in range(3):
        talk.down(message(NON, CONTENT, 0x900 + n, token, [(Q_BLOCK2, block(n, n < 2, 64)), (ETAG, b"\1")], b"q" * 64))
    talk.up(message(CON, 0, 0x7001))
    talk.down(message(RST, 0, 0x7001))


@capture("benign", "coap_tcp_signals")
def signals(c):
    """CoAP over TCP on a port of its own: signalling messages, a large body, Release."""
    talk = TcpTalk(c, dport=7100)
    talk.up(tcp_message(CSM, b"", [(2, 1152), (4, b"")]))
    talk.down(tcp_message(CSM, b"", [(2, 70000), (4, b"")]))
    talk.up(tcp_message(PING, b"\x01", [(2, b"")]))
    talk.down(tcp_message(PONG, b"\x01", [(2, b"")]))
    talk.up(tcp_message(GET, b"\x02", path("/a/b")))
    answer = tcp_message(CONTENT, b"\x02", [(CONTENT_FORMAT, 42)], b"z" * 66000)
    for i in range(0, len(answer), 1400):
        talk.down(answer[i:i + 1400])
    talk.up(tcp_message(PUT, b"\x03", path("/a/b"), b"y" * 300) + tcp_message(0) + tcp_message(GET, b"\x04", [(OBSERVE, b"")] + path("/t")))
    talk.down(tcp_message(CHANGED, b"\x03"))
    for i in range(4):
        talk.down(tcp_message(CONTENT, b"\x04", [(OBSERVE, b"")], b"21"))
    talk.down(tcp_message(RELEASE, b"", [(4, 30)]))
    talk.close()


def frame(payload, masked):
    """A binary WebSocket frame (RFC 6455 section 5.2)."""
    head = bytes([0x82]) + (bytes([(128 if masked else 0) | len(payload)]) if len(payload) < 126 else
                            bytes([(128 if masked else 0) | 126]) + len(payload).to_bytes(2, "big"))
    key = b"\x12\x34\x56\x78" if masked else b""
    return head + key + (bytes(b ^ key[i % 4] for i, b in enumerate(payload)) if masked else payload)


@capture("benign", "coap_websocket")
def websocket(c):
    """CoAP in a WebSocket: the upgrade, signalling, an exchange, an observation, a larger body that comes in several segments."""
    talk = TcpTalk(c, dport=8080)
    talk.up(b"GET /.well-known/coap HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: coap\r\nSec-WebSocket-Version: 13\r\n\r\n")
    talk.down(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: coap\r\n\r\n")
    talk.up(frame(ws_message(CSM, b"", [(2, 4096)]), True))
    talk.down(frame(ws_message(CSM, b"", [(2, 4096), (4, b"")]), False))
    talk.up(frame(ws_message(GET, b"\x01", path("/sensors/t")), True) + frame(ws_message(GET, b"\x02", [(OBSERVE, b"")] + path("/light")), True))
    talk.down(frame(ws_message(CONTENT, b"\x01", [], b"21.5"), False))
    talk.down(frame(ws_message(CONTENT, b"\x02", [(OBSERVE, b"")], b"on"), False))
    talk.down(frame(ws_message(CONTENT, b"\x02", [(OBSERVE, b"")], b"off"), False))
    large = frame(ws_message(PUT, b"\x03", path("/image"), b"i" * 3000), True)
    for i in range(0, len(large), 1000):
        talk.up(large[i:i + 1000])
    talk.down(frame(ws_message(CHANGED, b"\x03"), False))
    talk.up(frame(ws_message(PING, b"\x04"), True))
    talk.down(frame(ws_message(PONG, b"\x04"), False))
    talk.up(b"\x88\x82\x12\x34\x56\x78\x11\xdc")
    talk.down(b"\x88\x02\x03\xe8")
    talk.close()


def main():
    for name in sys.argv[1:] or written:
        written[name]()


if __name__ == "__main__":
    main()
