"""refuse.py serve PORT...               a broker that refuses everybody
refuse.py login COUNT PORT SOURCE     so many logins from SOURCE, each refused
refuse.py whole FILE...               is each a file of whole JSON lines, at least one?"""
import json
import socket
import socketserver
import sys
import threading


class Refusal(socketserver.BaseRequestHandler):
    def handle(self):
        if self.request.recv(1024):
            self.request.sendall(b"\x20\x02\x00\x05")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


def serve(*ports):
    threads = [threading.Thread(target=Server(("127.0.0.1", int(port)), Refusal).serve_forever) for port in ports]
    for thread in threads:
        thread.start()


def login(count, port, source):
    for number in range(int(count)):
        with socket.create_connection(("127.0.0.1", int(port)), timeout=5, source_address=(source, 0)) as s:
            body = b"\0\4MQTT\4\xc2\0\x3c" + b"\0\2c%d" % (number % 10) + b"\0\1u" + b"\0\1p"
            s.sendall(bytes([0x10, len(body)]) + body)
            while s.recv(64):
                pass


def whole(*paths):
    for path in paths:
        with open(path, encoding="utf-8") as f:
            text = f.read()
        if not text.endswith("\n") or not all(json.loads(line) for line in text.splitlines()):
            sys.exit(f"      {path} is empty or ends in the middle of a line")


if __name__ == "__main__":
    {"serve": serve, "login": login, "whole": whole}[sys.argv[1]](*sys.argv[2:])
