"""What Suricata's documentation of EVE says of the objects that we write: which keys, of which type, with which values.
faults(record) tells what is wrong with one. Only coap, dtls and thingwarden are ours; nothing else may be beside them."""
import re

TEXT, NUMBER, BOOL, TEXTS, NUMBERS, ANY = "text", "number", "boolean", "texts", "numbers", "anything"
DATE = re.compile(r"[12]\d{3}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}")
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}[+-]\d{4}")
COMMUNITY = re.compile(r"1:[A-Za-z0-9+/]{27}=")
SIGNATURE_LEVELS = ("informational", "low", "medium", "high", "critical")


def one_of(*choices):
    return lambda value: value in choices


def head(**more):
    """The fixed header that every MQTT message has."""
    return {"dup": BOOL, "qos": one_of(0, 1, 2, 3), "retain": BOOL, **more}


ACK = head(message_id=NUMBER, reason_code=NUMBER)
CERTIFICATE = {"subject": TEXT, "issuerdn": TEXT, "serial": TEXT, "fingerprint": TEXT, "notbefore": DATE.fullmatch,
               "notafter": DATE.fullmatch, "certificate": TEXT, "chain": TEXTS, "subjectaltname": TEXTS}
HEADER = [{"name": TEXT, "value": TEXT, "table_size_update": NUMBER}]

MQTT = {
    "connect": head(protocol_string=TEXT, protocol_version=one_of(3, 4, 5), client_id=TEXT, username=TEXT, password=TEXT,
                    flags={"username": BOOL, "password": BOOL, "will": BOOL, "will_retain": BOOL, "clean_session": BOOL},
                    will={"topic": TEXT, "message": TEXT, "properties": ANY}, properties=ANY),
    "connack": head(session_present=BOOL, return_code=NUMBER, properties=ANY),
    "publish": head(topic=TEXT, message=TEXT, message_id=NUMBER, properties=ANY, skipped_length=NUMBER, truncated=BOOL),
    "puback": ACK, "pubrec": ACK, "pubrel": ACK, "pubcomp": ACK,
    "subscribe": head(message_id=NUMBER, topics=[{"topic": TEXT, "qos": NUMBER}]),
    "suback": head(message_id=NUMBER, qos_granted=NUMBERS),
    "unsubscribe": head(message_id=NUMBER, topics=TEXTS),
    "unsuback": head(message_id=NUMBER, reason_codes=NUMBERS),
    "pingreq": head(), "pingresp": head(),
    "disconnect": head(reason_code=NUMBER, properties=ANY),
}
HTTP = {"hostname": TEXT, "http_port": NUMBER, "url": TEXT, "http_user_agent": TEXT, "http_content_type": TEXT, "http_refer": TEXT,
        "http_method": TEXT, "protocol": TEXT, "status": NUMBER, "status_string": TEXT, "redirect": TEXT, "length": NUMBER,
        "version": TEXT, "xff": TEXT, "content_range": ANY, "http2": ANY, "request_headers": HEADER, "response_headers": HEADER}
TLS = {"subject": TEXT, "issuerdn": TEXT, "serial": TEXT, "fingerprint": TEXT, "sni": TEXT, "version": TEXT,
       "notbefore": DATE.fullmatch, "notafter": DATE.fullmatch, "certificate": TEXT, "chain": TEXTS, "subjectaltname": TEXTS,
       "session_resumed": BOOL, "from_proto": TEXT, "ja4": TEXT, "ja3": {"hash": TEXT, "string": TEXT},
       "ja3s": {"hash": TEXT, "string": TEXT}, "client_alpns": TEXTS, "server_alpns": TEXTS, "client": CERTIFICATE,
       "client_handshake": {"version": TEXT, "ciphers": NUMBERS, "exts": NUMBERS, "sig_algs": NUMBERS},
       "server_handshake": {"version": TEXT, "cipher": NUMBER, "exts": NUMBERS}}
FLOW = {"pkts_toserver": NUMBER, "pkts_toclient": NUMBER, "bytes_toserver": NUMBER, "bytes_toclient": NUMBER, "start": TIME.fullmatch,
        "end": TIME.fullmatch, "age": NUMBER, "state": one_of("new", "established", "closed", "bypassed"),
        "reason": one_of("timeout", "forced", "shutdown", "tcp_reuse", "unknown"), "alerted": BOOL, "src_ip": TEXT, "src_port": NUMBER,
        "dest_ip": TEXT, "dest_port": NUMBER, "tx_cnt": NUMBER, "action": TEXT, "emergency": BOOL}
ALERT = {"action": one_of("allowed", "blocked"), "gid": NUMBER, "signature_id": NUMBER, "rev": NUMBER, "signature": TEXT,
         "category": TEXT, "severity": one_of(1, 2, 3), "metadata": ANY, "references": TEXTS, "source": {"ip": TEXT, "port": NUMBER},
         "target": {"ip": TEXT, "port": NUMBER}, "xff": TEXT, "rule": TEXT}
TCP = {"tcp_flags": TEXT, "tcp_flags_ts": TEXT, "tcp_flags_tc": TEXT, "syn": BOOL, "fin": BOOL, "rst": BOOL, "psh": BOOL, "ack": BOOL,
       "urg": BOOL, "ecn": BOOL, "cwr": BOOL, "state": TEXT, "ts_max_regions": NUMBER, "tc_max_regions": NUMBER}
TOP = {
    "timestamp": TIME.fullmatch, "event_type": one_of("alert", "mqtt", "http", "tls", "flow", "websocket", "stats", "coap", "dtls"),
    "flow_id": NUMBER, "src_ip": TEXT, "src_port": NUMBER, "dest_ip": TEXT, "dest_port": NUMBER, "proto": one_of("TCP", "UDP"),
    "app_proto": TEXT, "community_id": COMMUNITY.fullmatch, "direction": one_of("to_server", "to_client"), "pcap_cnt": NUMBER,
    "pcap_filename": TEXT, "host": TEXT, "in_iface": TEXT, "ether": ANY, "vlan": NUMBERS, "tx_id": NUMBER, "stats": ANY,
    "websocket": {"fin": BOOL, "mask": NUMBER, "opcode": TEXT},
    "alert": ALERT, "mqtt": MQTT, "http": HTTP, "tls": TLS, "flow": FLOW, "tcp": TCP,
    "coap": ANY, "dtls": ANY, "thingwarden": ANY,
}
GEO_END = {"country": TEXT, "city": TEXT, "asn": NUMBER, "as_org": TEXT, "network": TEXT,
           "mac": re.compile("[0-9a-f]{2}(:[0-9a-f]{2}){5}").fullmatch, "mac_vendor": TEXT, "owner": TEXT, "site": TEXT}
ENDS = ("src_ip", "src_port", "dest_ip", "dest_port")
NEEDED = ("timestamp", "event_type", "flow_id", "src_ip", "src_port", "dest_ip", "dest_port", "thingwarden")
ALERT_NEEDED = ("action", "gid", "signature_id", "rev", "signature", "category", "severity", "metadata")
FINDING_NEEDED = ("id", "rule", "level", "group_by", "count", "window_s", "first_seen", "last_seen", "samples", "files", "mitre",
                  "description")


def is_number(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


SIMPLE = {
    TEXT: lambda v: isinstance(v, str), NUMBER: is_number, BOOL: lambda v: isinstance(v, bool),
    TEXTS: lambda v: isinstance(v, list) and len(v) > 0 and all(isinstance(i, str) for i in v),
    NUMBERS: lambda v: isinstance(v, list) and len(v) > 0 and all(map(is_number, v)), ANY: lambda v: True,
}


def check(value, shape, path):
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            yield f"{path} is no object"
            return
        for key, inner in value.items():
            if key not in shape:
                yield f"{path}.{key} is not known to EVE"
            else:
                yield from check(inner, shape[key], f"{path}.{key}")
    elif isinstance(shape, list):
        if not isinstance(value, list) or not value:
            yield f"{path} is no list with something in it"
            return
        for number, item in enumerate(value):
            yield from check(item, shape[0], f"{path}[{number}]")
    elif isinstance(shape, str):
        if not SIMPLE[shape](value):
            yield f"{path} is not of type {shape}: {value!r}"
    elif isinstance(value, (dict, list)) or not shape(value):
        yield f"{path} has a value that is not valid: {value!r}"


def alert_faults(record):
    alert, finding = record.get("alert", {}), record.get("thingwarden", {})
    yield from (f"alert.{key} is missing" for key in ALERT_NEEDED if key not in alert)
    yield from (f"thingwarden.{key} is missing" for key in FINDING_NEEDED if key not in finding)
    if not ("frames" in finding or "lines" in finding):
        yield "thingwarden.frames or .lines is missing"
    metadata = alert.get("metadata", {})
    for key, value in metadata.items():  # Suricata's own values are lists of texts
        yield from check(value, TEXTS, f"alert.metadata.{key}")
    if metadata.get("signature_severity") != [finding.get("level")] or finding.get("level") not in SIGNATURE_LEVELS:
        yield "alert.metadata.signature_severity and thingwarden.level do not agree"
    if alert.get("severity") != {"critical": 1, "high": 1, "medium": 2}.get(finding.get("level"), 3):
        yield f"alert.severity {alert.get('severity')} at level {finding.get('level')}"


def from_log(record):
    """A line may not say who spoke to whom."""
    return record.get("thingwarden", {}).get("source") == "log"


def faults(record):
    yield from (f"{key} is missing" for key in NEEDED if key not in record and not (key in ENDS and from_log(record)))
    yield from check(record, TOP, "record")
    geo = record.get("thingwarden", {}).get("geo", {"src": {}})
    yield from check(geo, {"src": GEO_END, "dest": GEO_END}, "thingwarden.geo")
    if not geo:
        yield "thingwarden.geo is empty"
    if record.get("event_type") == "alert":
        yield from alert_faults(record)
    elif "alert" in record:
        yield "an event has an alert object"
    kind, ours = record.get("event_type"), record.get("thingwarden", {})
    # What EVE has no object for (MQTT's AUTH) is told by ours; of a violation there may be nothing to tell but its reason.
    if kind in ("mqtt", "http", "tls", "flow") and not (kind in record or kind in ours or ours.get("action") == "violation"):
        yield f"a record of type {kind} has no object {kind}"
