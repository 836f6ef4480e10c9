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


class Mqtt:
    name = "mqtt"
    transport = "tcp"
    display = "mqtt"
    ports = {1883}
    types = {"connect": 1, "connack": 2, "publish": 3, "puback": 4, "pubrec": 5, "pubrel": 6, "pubcomp": 7, "subscribe": 8,
             "suback": 9, "unsubscribe": 10, "unsuback": 11, "pingreq": 12, "pingresp": 13, "disconnect": 14, "auth": 15}

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
        both = {}
        for part in (event.get("mqtt", {}), extra.get("mqtt", {})):
            for key, value in part.items():
                if isinstance(value, dict):
                    both.setdefault(key, {}).update(value)
        names = [name for name in self.types if name in both]
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
            record.update(topics=[t["topic"] for t in message["topics"]], qos_asked=[t["qos"] for t in message["topics"]])
        if name == "unsubscribe":
            record.update(topics=message["topics"])
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
        if length is not None:
            record["length"] = length + 2 + (length > 127) + (length > 16383) + (length > 2097151)
        if unknown: # without the CONNECT tshark knows only the header
            return {"type": kind}
        if kind in (9, 11):
            record["codes"] = [int(v, 0) for v in every(pairs, "mqtt.suback.qos", "mqtt.suback.reason_code",
                                                        "mqtt.unsuback.reason_code")] or None
        else:
            record["reason"] = number(next((v for k, v in pairs if k == "mqtt.conack.val" or k.endswith(".reason_code")), None))
        if kind == 3:
            record.update(qos=number(first(pairs, "mqtt.qos")), retain=flag("mqtt.retain"), dup=flag("mqtt.dupflag"))
        if kind in (3, 8, 10):
            topics = [t for t in every(pairs, "mqtt.topic") if t or kind != 3]
            record["topics"] = topics or None
        if kind == 8:
            record["qos_asked"] = [int(v, 0) for v in every(pairs, "mqtt.sub.qos", "mqtt.subscription_options_qos")] or None
        inner = next((v for k, v in pairs if k == "mqtt.properties"), None)
        if inner is not None:
            record["properties"] = sorted({int(v, 16) for k, v in inner if k == "mqtt.property_id"})
        return record

    def indexed(self, row):
        counts = row["mqtt_types_ooo_reassembly"]
        return histogram(row["mqtt_types"] if counts == "same" else counts)

    def decode_as(self, row):
        return [port for port in row["mqtt_decode_as"].split(";") if port]


PROTOCOLS = [Mqtt(), *TLS]
