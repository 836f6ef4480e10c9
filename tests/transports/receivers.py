"""Receivers written for these tests: an HTTP server that keeps what it was sent and can misbehave, and on it the rules of
Splunk's HTTP Event Collector, of the bulk API of Elasticsearch, and of a webhook that verifies signatures."""
import base64
import gzip
import hashlib
import hmac
import http.server
import json
import socket
import ssl
import struct
import threading
import time


class Request:
    def __init__(self, path, headers, body):
        self.path, self.headers, self.body, self.time = path, headers, body, time.time()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_POST(self):
        server = self.server.owner
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        packed = self.headers.get("Content-Encoding") == "gzip"
        request = Request(self.path, self.headers, gzip.decompress(raw) if packed else raw)
        request.packed, request.client, request.raw = packed, self.client_address, raw
        with server.lock:
            server.requests.append(request)
            trick = server.plan.pop(0) if server.plan else None
            answer = trick(request) if callable(trick) else None if trick else server.answer(request) # None: as it is used to
        if isinstance(trick, str):
            return getattr(self, "trick_" + trick)(server, request)
        status, headers, body = answer
        self.reply(status, headers, body)

    def reply(self, status, headers, body, length=None):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def end(self):
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def trick_close(self, server, request):
        """Takes the request and says nothing."""
        self.end()

    def trick_reset(self, server, request):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def trick_half(self, server, request):
        """The head of an answer and a part of its body. The records were taken."""
        status, headers, body = server.answer(request)
        body = json.dumps(body).encode()
        self.reply(status, headers, body[:len(body) // 2], len(body))
        self.end()

    def trick_stall(self, server, request):
        server.stalled.wait(20)
        self.end()

    def trick_flood(self, server, request):
        """An answer without an end."""
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"x" * 65536)
        except OSError:
            self.close_connection = True


class Receiver:
    """Keeps `requests`; `plan` holds what to do with the next ones: a trick's name, or a function that makes the answer."""

    def __init__(self, tls=None, port=0):
        self.open = set()
        self.requests, self.plan, self.lock, self.stalled = [], [], threading.RLock(), threading.Event()

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_):
                pass

            def finish_request(self, request, client_address):
                if tls:
                    request.settimeout(10)
                    request = tls.wrap_socket(request, server_side=True)
                self.owner.open.add(request)
                super().finish_request(request, client_address)
                self.owner.open.discard(request)
        self.server = Server(("127.0.0.1", port), Handler)
        self.server.owner = self
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        self.stalled.set()
        self.server.shutdown()
        self.server.server_close()
        for connection in list(self.open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def answer(self, request):
        return 200, {}, {}

    def connections(self):
        return len({r.client for r in self.requests})


def status(code, body=None, **headers):
    named = {k.replace("_", "-"): v for k, v in headers.items()}
    return lambda request: (code, named, body if body is not None else {})


class Hec(Receiver):
    def __init__(self, token, ack=False, polls=0, most=1 << 30, **more):
        self.token, self.ack, self.polls, self.most = token, ack, polls, most
        self.events, self.acks, self.channels, self.bad = [], {}, {}, set()
        super().__init__(**more)

    def answer(self, request):
        said = request.headers.get("Authorization")
        if not said:
            return 401, {}, {"text": "Token is required", "code": 2}
        if said != "Splunk " + self.token:
            return 403, {}, {"text": "Invalid token", "code": 4}
        channel = request.headers.get("X-Splunk-Request-Channel", "")
        if self.ack and len(channel) != 36:
            return 400, {}, {"text": "Data channel is missing", "code": 10}
        path = request.path.split("?")[0]
        if path == "/services/collector/ack":
            return self.acknowledge(request, channel)
        if path != "/services/collector/event":
            return 404, {}, {"text": "The requested URL was not found on this server.", "code": 404}
        return self.take(request, channel)

    def take(self, request, channel):
        text, events = request.body.decode(), []
        if len(text) > self.most:
            return 413, {}, {"text": "Content-Length too large", "code": 27}
        while text:
            try:
                event, end = json.JSONDecoder().raw_decode(text)
            except ValueError:
                return 400, {}, {"text": "Invalid data format", "code": 6, "invalid-event-number": len(events)}
            if "event" not in event:
                return 400, {}, {"text": "Event field is required", "code": 12, "invalid-event-number": len(events)}
            if isinstance(event["event"], dict) and event["event"].get("n") in self.bad:
                return 400, {}, {"text": "Error in handling indexed fields", "code": 15, "invalid-event-number": len(events)}
            events.append(event)
            text = text[end:]
        if not events:
            return 400, {}, {"text": "No data", "code": 5}
        self.events += events
        answer = {"text": "Success", "code": 0}
        if self.ack:
            answer["ackId"] = self.channels.get(channel, 0)
            self.channels[channel] = answer["ackId"] + 1
            self.acks[channel, answer["ackId"]] = self.polls
        return 200, {}, answer

    def acknowledge(self, request, channel):
        if "channel=" + channel not in request.path:
            return 400, {}, {"text": "Invalid data channel", "code": 11}
        answer = {}
        for number in json.loads(request.body)["acks"]:
            left = self.acks.get((channel, number), 1 << 30)
            self.acks[channel, number] = left - 1
            answer[str(number)] = left <= 0
        return 200, {}, {"acks": answer}

    def numbers(self):
        return [e["event"]["n"] for e in self.events if isinstance(e["event"], dict)]


class Bulk(Receiver):
    """Answers of the shape that Elasticsearch 8 gives; `faults` maps a record's n to a status."""
    reasons = {400: ("document_parsing_exception", "[1:40] failed to parse field [thingwarden.count] of type [long]"),
               403: ("security_exception", "action [indices:data/write/bulk[s]] is unauthorized for API key"),
               404: ("index_not_found_exception", "no such index [alerts] and [action.auto_create_index] is [false]"),
               409: ("version_conflict_engine_exception", "[1]: version conflict, document already exists (current version [1])"),
               429: ("es_rejected_execution_exception", "rejected execution of coordinating operation"),
               503: ("unavailable_shards_exception", "primary shard is not active Timeout: [1m]")}

    def __init__(self, authorization=None, **more):
        self.authorization, self.faults, self.documents = authorization, {}, {}
        super().__init__(**more)

    def answer(self, request):
        if self.authorization and request.headers.get("Authorization") != self.authorization:
            reason = {"type": "security_exception", "reason": "unable to authenticate user for REST request"}
            return 401, {}, {"error": dict(reason, root_cause=[reason]), "status": 401}
        lines = request.body.decode().split("\n")
        if request.headers.get("Content-Type") != "application/x-ndjson" or lines[-1] != "" or len(lines) % 2 != 1:
            return 400, {}, {"error": {"type": "illegal_argument_exception",
                                       "reason": "The bulk request must be terminated by a newline [\\n]"}, "status": 400}
        items = [self.item(json.loads(lines[i]), json.loads(lines[i + 1])) for i in range(0, len(lines) - 1, 2)]
        errors = any("error" in v for i in items for v in i.values())
        return 200, {}, {"took": 30, "errors": errors, "items": items}

    def item(self, action, document):
        (operation, about), = action.items()
        code = self.faults.get(document.get("n"), 201)
        key = about["_index"], about["_id"]
        if code == 201 and key in self.documents and operation == "create":
            code = 409
        item = {"_index": about["_index"], "_id": about["_id"]}
        if code == 201:
            code = 200 if key in self.documents else 201
            self.documents[key] = document
            item.update({"_version": 1, "result": "created", "_shards": {"total": 2, "successful": 1, "failed": 0}, "_seq_no": 0,
                         "_primary_term": 1, "status": code})
        else:
            kind, reason = self.reasons[code]
            item.update({"status": code, "error": {"type": kind, "reason": reason, "index": about["_index"], "shard": "0",
                                                   "caused_by": {"type": kind, "reason": "deeper"}}})
        return {operation: item}


class Webhook(Receiver):
    def __init__(self, secret=None, **more):
        self.secret, self.bodies, self.keys, self.code = secret, [], [], 200
        super().__init__(**more)

    def answer(self, request):
        if self.secret:
            stamp = request.headers.get("X-Thingwarden-Timestamp", "")
            mine = "v1=" + hmac.new(self.secret.encode(), stamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()
            if not hmac.compare_digest(mine, request.headers.get("X-Thingwarden-Signature", "")):
                return 401, {}, {}
            if abs(time.time() - int(stamp)) > 300:
                return 401, {}, {}
        if self.code == 200:
            self.bodies.append(request.body)
            self.keys.append(request.headers.get("Idempotency-Key"))
        return self.code, {}, {}


def server_context(folder, name, client_ca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/{name}.crt", f"{folder}/{name}.key")
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(f"{folder}/{client_ca}.crt")
    return context


class Listener:
    """What a Kafka producer says to a TLS server, or to a plain one: the bytes of the first request, and no answer."""

    def __init__(self, tls=None):
        self.got, self.failures = [], []
        self.tls, self.socket = tls, socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            try:
                connection.settimeout(3)
                if self.tls:
                    connection = self.tls.wrap_socket(connection, server_side=True)
                self.talk(connection)
            except OSError as error:
                self.failures.append(str(error))
            connection.close()

    def talk(self, connection):
        self.got.append(connection.recv(4096))

    def close(self):
        self.socket.close()


class SaslBroker(Listener):
    """As much of a Kafka broker as SASL PLAIN and SCRAM need: ApiVersions, SaslHandshake, SaslAuthenticate. Keeps what it was told."""

    def __init__(self, user, password, tls=None):
        self.user, self.password, self.told, self.after = user, password, [], []
        super().__init__(tls)

    def plain(self, said):
        return b"" if said == b"\0".join((b"", self.user, self.password)) else None

    def scram(self, algorithm):
        """The server's side of RFC 5802: what the client says is sent in, what it gets comes out; None: refused."""
        def mac(key, text):
            return hmac.digest(key, text, algorithm)
        first = (yield).removeprefix(b"n,,")
        nonce = dict(part.split(b"=", 1) for part in first.split(b","))[b"r"] + b"server"
        salt, rounds = b"of the tests", 4096
        answer = b"r=%s,s=%s,i=%d" % (nonce, base64.b64encode(salt), rounds)
        final, _, proof = (yield answer).rpartition(b",p=")
        salted = hashlib.pbkdf2_hmac(algorithm, self.password, salt, rounds)
        message = b",".join((first, answer, final))
        stored = hashlib.new(algorithm, mac(salted, b"Client Key")).digest()
        key = bytes(a ^ b for a, b in zip(base64.b64decode(proof), mac(stored, message)))
        # librdkafka 2.0 sends its own nonce twice, and Kafka's server, which looks at the end alone, takes it
        good = (hashlib.new(algorithm, key).digest() == stored and final.startswith(b"c=biws,r=") and final.endswith(nonce) and
                first.startswith(b"n=" + self.user + b","))
        yield b"v=" + base64.b64encode(mac(mac(salted, b"Server Key"), message)) if good else None

    @staticmethod
    def request(connection):
        def exactly(n):
            data = b""
            while len(data) < n:
                more = connection.recv(n - len(data))
                if not more:
                    raise OSError("closed")
                data += more
            return data
        data = exactly(struct.unpack(">i", exactly(4))[0])
        return struct.unpack(">hhi", data[:8]) + (data[8:],)

    def authenticator(self, mechanism):
        if mechanism == b"PLAIN":
            return self.plain
        steps = self.scram(mechanism.removeprefix(b"SCRAM-").replace(b"-", b"").decode().lower())
        next(steps)
        return steps.send

    def talk(self, connection):
        answer_to = self.plain
        while True:
            key, version, correlation, rest = self.request(connection)
            client = struct.unpack(">h", rest[:2])[0]
            rest = rest[2 + max(client, 0):]
            if key == 18 and version:  # ApiVersions: too new a version is answered in the oldest
                body = struct.pack(">hi", 35, 0)
            elif key == 18:
                keys = [(0, 0, 7), (1, 0, 11), (3, 0, 4), (17, 0, 1), (18, 0, 0), (22, 0, 1), (36, 0, 0)]
                body = struct.pack(">hi", 0, len(keys)) + b"".join(struct.pack(">hhh", *k) for k in keys)
            elif key == 17:
                mechanism = rest[2:2 + struct.unpack(">h", rest[:2])[0]]
                answer_to = self.authenticator(mechanism)
                body = struct.pack(">hi", 0, 1) + struct.pack(">h", len(mechanism)) + mechanism
            elif key == 36:
                said = rest[4:4 + struct.unpack(">i", rest[:4])[0]]
                self.told.append(said)
                wrong, answer = b"Authentication failed: invalid credentials", answer_to(said)
                body = (struct.pack(">hh", 58, len(wrong)) + wrong + struct.pack(">i", 0) if answer is None
                        else struct.pack(">hhi", 0, -1, len(answer)) + answer)
            else:
                self.after.append(key)
                return
            connection.sendall(struct.pack(">ii", len(body) + 4, correlation) + body)
