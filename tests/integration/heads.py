"""heads.py NAME SENT HEADS: is each header that rsyslogd has parsed that of the record in the same line of SENT?
A header is PRI|VERSION|TIME|HOST|APP|MSGID|STRUCTURED-DATA."""
import json
import re
import sys
from datetime import datetime

FACILITY = {"udp": 22, "counted": 20, "newline": 3}
SEVERITY = {"informational": 6, "low": 5, "medium": 4, "high": 3, "critical": 2}
PARAM = re.compile(r' ([a-z_]+)="((?:[^"\\\]]|\\.)*)"')


def structured(text):
    """SD-PARAMs by name; None when it is not one well-formed element of RFC 5424."""
    if not text.startswith("[thingwarden@32473") or not text.endswith("]"):
        return None
    body, params, at = text[len("[thingwarden@32473"):-1], {}, 0
    while at < len(body):
        m = PARAM.match(body, at)
        if not m:
            return None
        params[m.group(1)] = re.sub(r'\\(["\\\]])', r"\1", m.group(2))
        at = m.end()
    return params


def faults(name, record, head):
    pri, version, time, host, app, msgid, sd = head.split("|", 6)
    finding = record["thingwarden"]
    want = {"rule": finding["rule"], "level": finding["level"], "id": finding["id"], "src_ip": record["src_ip"],
            "src_port": str(record["src_port"]), "dest_ip": record["dest_ip"], "dest_port": str(record["dest_port"]),
            "update": str(finding.get("update", 0))}
    want |= {key: finding[key] for key in ("client_id", "user") if key in finding}
    got = structured(sd)
    if got is None:
        yield f"structured data is malformed: {sd}"
        return
    for key in want.keys() | got.keys():
        # A name that is shown longer than a parameter takes is cut here and in full there.
        if got.get(key) != want.get(key) and not (len(want.get(key, "")) > 200 and got.get(key, "").endswith("\u2026")):
            yield f"{key}: {got.get(key)!r}, not {want.get(key)!r}"
    if int(pri) != FACILITY[name] * 8 + SEVERITY[finding["level"]]:
        yield f"PRI {pri} at level {finding['level']}"
    if (version, host, app, msgid) != ("1", "gateway-7", "thingwarden", "alert"):
        yield f"header {version} {host} {app} {msgid}"
    if datetime.fromisoformat(time.replace("Z", "+00:00")) != datetime.strptime(record["timestamp"], "%Y-%m-%dT%H:%M:%S.%f%z"):
        yield f"time {time}, not {record['timestamp']}"


def main():
    name, sent, heads = sys.argv[1:]
    with open(sent, encoding="utf-8") as f:
        records = [json.loads(line) for line in f]
    with open(heads, encoding="utf-8") as f:
        lines = f.read().split("\n")[:-1]
    bad = [f"line {number}: {fault}" for number, (record, head) in enumerate(zip(records, lines), 1)
           for fault in faults(name, record, head)]
    if len(records) != len(lines) or not records:
        bad.append(f"{len(lines)} headers for {len(records)} records")
    print(*(f"      {line}" for line in bad[:10]), sep="\n", end="\n" if bad else "")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
