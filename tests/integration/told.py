"""Reads alerts: told.py FILE RULE SOURCE [N]    is there an alert of RULE about SOURCE? Do its updates end at a count of N?
                told.py FILE --peaceful SOURCE  is there none above `low` about SOURCE?
                told.py STATS --clean           did no counter of losses or faults move?"""
import json
import sys


def records(path):
    with open(path, encoding="utf-8") as f:
        for line in f:
            if line.endswith("\n"):  # the last line may still be on its way
                yield json.loads(line)


def main():
    path, what, *rest = sys.argv[1:]
    if what == "--clean":
        with open(path, encoding="utf-8") as f:
            stats = json.load(f)["thingwarden"]
        bad = {name: stats[name] for name in ("dropped", "undecoded", "malformed", "bad_checksum", "gaps", "messages_bad",
                                              "flows_evicted", "groups_evicted") if stats[name]}
        print(*(f"      {name}: {count}" for name, count in bad.items()), sep="\n", end="\n" if bad else "")
        return bool(bad) or stats["packets"] == 0
    source = rest[0]
    about = [r for r in records(path) if r.get("event_type") == "alert" and r.get("src_ip") == source]
    if what == "--peaceful":
        loud = [r["thingwarden"]["rule"] for r in about if r["thingwarden"]["level"] not in ("informational", "low")]
        print(*(f"      {rule}" for rule in loud), sep="\n", end="\n" if loud else "")
        return bool(loud)
    counts = [r["thingwarden"]["count"] for r in about if r["thingwarden"]["rule"] == what]
    if len(rest) > 1 and counts and max(counts) != int(rest[1]):
        print(f"      {what}: {max(counts)}, not {rest[1]}")
        return 1
    return not counts


if __name__ == "__main__":
    sys.exit(main())
