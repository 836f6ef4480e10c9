"""Compares what the generator says it wrote with what the floor and thingwarden counted; the folder holds `written`,
`floor`, `stats`, `events` and `fields` (of `rules fields`: a protocol without fields has no parser). Prints each difference; exit status 1 when there is any."""
import json
import os
import sys


def pairs(path):
    with open(path, encoding="ascii") as f:
        return {name: int(value) for name, value in (line.split() for line in f)}


def events_by_name(path):
    """mqtt.MESSAGE of MQTT events, coap.message, http.request and http.response, tls.HELLO, tcp.ACTION of transport events."""
    counts = {}
    others = {("http", "request"): "http.request", ("http", "respond"): "http.response"}
    with open(path, encoding="utf-8") as f:
        for line in f:
            record = json.loads(line)
            own = record.get("thingwarden", {})
            protocol, action = own.get("protocol"), own.get("action")
            names = [f"mqtt.{m}" for m in record.get("mqtt", {}) if isinstance(record["mqtt"][m], dict)]
            if protocol == "coap":
                names = ["coap.message"] if action in ("request", "respond", "subscribe", "unsubscribe", "deliver", "keepalive") else []
            elif protocol == "tls" and action == "handshake":
                names = ["tls.server_hello" if record["direction"] == "to_client" else "tls.client_hello"]
            elif (protocol, action) in others:
                names = [others[protocol, action]]
            elif protocol in ("tcp", "udp"):
                names = [f"{protocol}.{action}"]
            for name in names:
                counts[name] = counts.get(name, 0) + 1
    return counts


def main():
    folder = sys.argv[1]
    written, floor = pairs(os.path.join(folder, "written")), pairs(os.path.join(folder, "floor"))
    with open(os.path.join(folder, "stats"), encoding="utf-8") as f:
        stats = json.load(f)["thingwarden"]
    seen = events_by_name(os.path.join(folder, "events"))
    with open(os.path.join(folder, "fields"), encoding="utf-8") as f:
        parsed = {line.split(".")[0] for line in f} & {"mqtt", "coap", "http", "tls"}
    messages = {name: count for name, count in written.items() if name.split(".")[0] in parsed}
    mqtt = {name: count for name, count in messages.items() if name.startswith("mqtt.")}
    expected = {
        "packets by the floor": (floor["packets"], written["packets"]),
        "packets": (stats["packets"], written["packets"]),
        "bytes": (stats["bytes"], written["bytes"]),
        "flows": (stats["flows"], written["flows"]),
        "flows open at the end": (stats["flows_active"], written["open"]),
        "MQTT events": (stats["events_by_protocol"]["mqtt"], sum(mqtt.values())),
        "TCP sessions opened": (seen.get("tcp.open", 0), written["tcp.syn"]),
        "TCP sessions closed": (seen.get("tcp.close", 0), written["tcp.fin"] + written["tcp.rst"]),
    }
    for name, count in messages.items():
        expected[name] = (seen.get(name, 0), count)
    for name in ("truncated", "undecoded", "malformed", "bad_checksum", "fragments", "flows_evicted", "flows_midstream",
                 "segments_retransmitted", "segments_overlapping", "segments_out_of_order", "gaps", "messages_bad"):
        expected[name] = (stats[name], 0)
    wrong = {name: both for name, both in expected.items() if both[0] != both[1]}
    for name, (found, wanted) in wrong.items():
        print(f"      {name}: {found}, not {wanted}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
