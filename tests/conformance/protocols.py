"""How each protocol is counted: by us from our own events, by tshark from its fields, by the corpus' index from its columns.

A protocol is a class with
    name        its --decode-as name
    transport   "tcp" or "udp"
    types       the name of a message in our events -> its number at tshark
    display     tshark's display filter
    ours(event)         a record of one of our events, None when it is no message of this protocol
    theirs(pairs)       a record of one of tshark's layers, a list of (field, value) at any depth
    indexed(row)        {type: count} that the index of a corpus gives for a file, None when it does not say
    decode_as(row)      ports that tshark had to be told, as the index has them
    total               the index has one number, as type 0, for all types (may be left out)
A record is a dictionary with "type" and whatever tshark and we both know. Add a class, add it to PROTOCOLS, and `run` does
the rest."""
import collections
import os
import re

from tls import TLS

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def histogram(text):
    """`1:2;3:1` as {1: 2, 3: 1}."""
    return collections.Counter({int(kind): int(count) for kind, count in
                                (part.split(":") for part in text.split(";") if part)})


def written(counts):
    return ";".join(f"{kind}:{count}" for kind, count in sorted(counts.items())) or "none"


def first(pairs, *names):
    for key, value in pairs:
        if key in names and isinstance(value, str):
            return value
    return None


def every(pairs, *names):
    return [value for key, value in pairs if key in names and isinstance(value, str)]


def number(text):
    return None if text is None else int(text, 0)


def merged(a, b):
    """Two JSON objects as one, at any depth."""
    return {k: merged(a[k], b[k]) if isinstance(a.get(k), dict) and isinstance(b.get(k), dict) else b.get(k, a.get(k))
            for k in a.keys() | b.keys()}


class Mqtt:
    name = "mqtt"
    transport = "tcp"
    display = "mqtt"
    ports = {1883}
    types = {"connect": 1, "connack": 2, "publish": 3, "puback": 4, "pubrec": 5, "pubrel": 6, "pubcomp": 7, "subscribe": 8,
             "suback": 9, "unsubscribe": 10, "unsuback": 11, "pingreq": 12, "pingresp": 13, "disconnect": 14, "auth": 15}

    # MQTT 5.0 table 2-4: which packets a property may stand in. One that stands elsewhere is a violation here, and no field.
    ACKS = (2, 4, 5, 6, 7, 9, 11, 14, 15)
    placed = {0x01: (3,), 0x02: (3,), 0x03: (3,), 0x08: (3,), 0x09: (3,), 0x0b: (3, 8), 0x11: (1, 2, 14), 0x12: (2,), 0x13: (2,),
              0x15: (1, 2, 15), 0x16: (1, 2, 15), 0x17: (1,), 0x19: (1,), 0x1a: (2,), 0x1c: (2, 14), 0x1f: ACKS, 0x21: (1, 2),
              0x22: (1, 2), 0x23: (3,), 0x24: (2,), 0x25: (2,), 0x26: (1, 3, 8, 10, *ACKS), 0x27: (1, 2), 0x28: (2,), 0x29: (2,),
              0x2a: (2,)}

    def __init__(self):
        # Names and numbers of the MQTT 5 properties, as the parser's own table has them.
        with open(os.path.join(TOP, "parsers/mqtt.h"), encoding="ascii") as f:
            self.properties = {name: int(id, 16) for id, name in re.findall(r"X\((0x[0-9a-f]{2}), (\w+), [A-Z]+\)", f.read())}
        self.properties["user_property"] = 0x26

    def property_ids(self, message):
        return sorted({self.properties.get(name.removesuffix("_bytes"), -1) for name in message.get("properties", ())
                       if not name.startswith("user_property_")})

    def ours(self, event):
        extra = event["thingwarden"]
        if extra["protocol"] != "mqtt":
            return None
        both = merged(event.get("mqtt", {}), extra.get("mqtt", {}))
        names = [name for name in self.types if isinstance(both.get(name), dict)]
        if extra["action"] == "violation": # the packet itself had its event; one of type 0 has no other
            return {"type": 0} if extra.get("reason") == "reserved_type" and not names else None
        if not names: # what a timer tells
            return None
        return self.record(names[0], both[names[0]], extra)

    def record(self, name, message, extra):
        record = {"type": self.types[name], "reason": extra["mqtt"].get("reason_code"),
                  "message_id": extra["mqtt"].get("message_id"), "length": extra["mqtt"].get("bytes"),
                  "client_id": message.get("client_id"), "user": message.get("username"),
                  "version": message.get("protocol_version"), "keepalive": message.get("keepalive"),
                  "will_topic": message.get("will", {}).get("topic"), "properties": self.property_ids(message),
                  "session_present": message.get("session_present"),
                  "codes": message.get("qos_granted", message.get("reason_codes"))}
        if name == "publish":
            record.update(qos=message["qos"], retain=message["retain"], dup=message["dup"], topics=[message.get("topic", "")])
        if name == "subscribe":
            topics = message.get("topics", ())
            record.update(topics=[t["topic"] for t in topics], qos_asked=[t["qos"] for t in topics])
        if name == "unsubscribe":
            record.update(topics=message.get("topics"))
        return record

    def theirs(self, pairs):
        kind = number(first(pairs, "mqtt.msgtype"))
        if kind is None: # a packet of which tshark has shown no header
            return None
        unknown = any(key == "mqtt.unknown_version" for key, _ in pairs)
        flag = lambda name: None if first(pairs, name) is None else first(pairs, name) == "1"
        length = number(first(pairs, "mqtt.len"))
        record = {"type": kind, "message_id": number(first(pairs, "mqtt.msgid")),
                  "client_id": first(pairs, "mqtt.clientid"), "user": first(pairs, "mqtt.username"),
                  "version": number(first(pairs, "mqtt.ver")), "keepalive": number(first(pairs, "mqtt.kalive")),
                  "will_topic": first(pairs, "mqtt.willtopic"), "session_present": flag("mqtt.conack.flags.sp")}
        if record["version"]:
            record["version"] &= 0x7f # bit 7 says bridge
        if length is not None:
            record["length"] = length + 2 + (length > 127) + (length > 16383) + (length > 2097151)
        if unknown or kind == 0: # without the CONNECT tshark knows only the header
            return {"type": kind}
        if kind in (9, 11):
            record["codes"] = [int(v, 0) for v in every(pairs, "mqtt.suback.qos", "mqtt.suback.reason_code",
                                                        "mqtt.unsuback.reason_code")] or None
        else:
            record["reason"] = number(next((v for k, v in pairs if k == "mqtt.conack.val" or k.endswith(".reason_code")), None))
        if kind == 3:
            record.update(qos=number(first(pairs, "mqtt.qos")), retain=flag("mqtt.retain"), dup=flag("mqtt.dupflag"))
        if kind in (3, 8, 10):
            topics = every(pairs, "mqtt.topic")
            if kind == 3: # that of the alias follows as a second one
                topics = [t for t in topics if t][:1]
            record["topics"] = topics or None
        if kind == 8:
            record["qos_asked"] = [int(v, 0) for v in every(pairs, "mqtt.sub.qos", "mqtt.subscription_options_qos")] or None
        inner = next((v for k, v in pairs if k == "mqtt.properties"), None)
        if inner is not None:
            ids = {int(v, 16) for k, v in inner if k == "mqtt.property_id"}
            record["properties"] = sorted(id for id in ids if kind in self.placed.get(id, ()))
        return record

    def indexed(self, row):
        counts = row["mqtt_types_ooo_reassembly"]
        return histogram(row["mqtt_types"] if counts == "same" else counts)

    def decode_as(self, row):
        return [port for port in row["mqtt_decode_as"].split(";") if port]


class Http:
    name = "http"
    display = "http && tcp"
    ports = {80, 8080}
    types = {"request": 1, "response": 2}
    total = True # the index counts packets with an HTTP layer, whatever they are

    def ours(self, event):
        extra, http = event["thingwarden"], event.get("http", {})
        if extra["protocol"] != "http" or extra["action"] not in ("request", "respond") or "version" in http:
            return None
        request = extra["action"] == "request"
        if extra.get("reason") == "slow_request": # told again when it is whole
            return None
        url = http.get("url")
        return {"type": 1 if request else 2, "method": http.get("http_method") if request else None,
                "url": None if url and "***" in url else url, "status": http.get("status"),
                "host": http.get("hostname"), "agent": http.get("http_user_agent"), "protocol": http.get("protocol"),
                "user": extra.get("http", {}).get("auth_user")}

    def theirs(self, pairs):
        status, method = number(first(pairs, "http.response.code")), first(pairs, "http.request.method")
        if status is None and method is None: # a piece of a body
            return None
        basic = first(pairs, "http.authbasic")
        host, url = first(pairs, "http.host"), first(pairs, "http.request.uri")
        secret = url and re.search(r"[?&;](pass\w*|pwd|token|access_token|key|auth|sig)=[^&]", url)
        return {"type": 2 if method is None else 1, "method": method, "url": None if secret or method is None else url,
                "status": status, "host": host.lower().rsplit(":", 1)[0] if host and method else None,
                "agent": first(pairs, "http.user_agent") if method else None, "user": basic.split(":")[0] if basic else None,
                "protocol": first(pairs, "http.request.version", "http.response.version")}

    def indexed(self, row):
        return collections.Counter({0: int(row["http"])}) if row["http"] != "0" or row["websocket"] != "0" else None

    def decode_as(self, row):
        return []


class Coap:
    """The number of a message is that of its code: class in three bits, detail in five."""
    name = "coap"
    display = "coap and not icmp and not icmpv6" # what those quote was sent before
    ports = {5683}
    transports = ("udp", "tcp")
    types = ("con", "non", "ack", "rst")

    def __init__(self):
        # Numbers of the options, as the parser's own table has them: tshark does not know the names of all.
        with open(os.path.join(TOP, "parsers/coap.h"), encoding="ascii") as f:
            self.numbers = {name: int(n) for n, name in re.findall(r'X\((\d+), \w+, "([^"]+)"', f.read())}

    @staticmethod
    def number(code):
        return int(code[0]) << 5 | int(code[2:])

    def ours(self, event):
        message, action = event.get("coap"), event["thingwarden"]["action"]
        if event["thingwarden"]["protocol"] != "coap" or action in ("violation", "authenticate"): # the message had its own event
            return None
        record = {"type": self.number(message["code"]), "kind": message.get("type"), "message_id": message.get("message_id"),
                  "token": message["token"], "payload": message["payload_bytes"], "path": message.get("uri_path")}
        if record["type"] >> 5 != 7:
            record["options"] = [self.numbers[name] for name in message.get("options", ())]
        return record

    def theirs(self, pairs):
        code = number(first(pairs, "coap.code"))
        if code is None:
            return None
        kind = number(first(pairs, "coap.type"))
        record = {"type": code, "kind": None if kind is None else self.types[kind], "message_id": number(first(pairs, "coap.mid")),
                  "token": (first(pairs, "coap.token") or "").replace(":", ""), "payload": number(first(pairs, "coap.payload_length")),
                  "path": "/" + "/".join(every(pairs, "coap.opt.uri_path")) if code and code >> 5 == 0 else None}
        options = [int(text.split()[1].rstrip(",")) for text in every(pairs, "coap.opt.desc")]
        if {9, 35} & set(options): # OSCORE, Proxy-Uri: the path is hidden, or stands elsewhere
            record["path"] = None
        if {19, 23, 27, 31} & set(options): # tshark gives the length of the whole body with its last block
            record["payload"] = None
        if code >> 5 != 7: # tshark reads the options of signals as if they were others
            record["options"] = [n for n in dict.fromkeys(options) if n in self.numbers.values()]
        return record

    def indexed(self, row):
        counts = collections.Counter()
        for part in row["coap_codes"].split(";") if row["coap_codes"] else ():
            code, count = part.split(":")
            counts[self.number(code)] += int(count)
        return counts

    def decode_as(self, row):
        return []


PROTOCOLS = [Mqtt(), Http(), Coap(), *TLS]
