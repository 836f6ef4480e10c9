#!/usr/bin/python3
"""prometheus.py FILE: is it a page of Prometheus's text format (version 0.0.4), as node_exporter's textfile collector reads it?
Each family has HELP and TYPE before its samples, stands in one piece, and no sample is there twice."""
import re
import sys

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? ([0-9.]+)$')


def faults(text):
    types, done, family, seen = {}, set(), None, set()
    if not text.endswith("\n"):
        yield "the last line does not end"
    for number, line in enumerate(text.split("\n")[:-1], 1):
        word = line.split(" ")
        if line.startswith("# HELP ") or line.startswith("# TYPE "):
            if word[2] != family:
                done.add(family)
                family = word[2]
            if family in done:
                yield f"{number}: {family} in two pieces"
            if word[1] == "TYPE":
                if word[3:] not in (["counter"], ["gauge"]):
                    yield f"{number}: type {word[3:]}"
                types[family] = word[3]
            continue
        match = SAMPLE.match(line)
        if not match:
            yield f"{number}: no sample: {line}"
            continue
        if match[1] != family or family not in types:
            yield f"{number}: {match[1]} without its TYPE before it"
        if types.get(family) == "counter" and not match[1].endswith("_total"):
            yield f"{number}: a counter ends in _total: {match[1]}"
        if (match[1], match[2]) in seen:
            yield f"{number}: twice: {line}"
        seen.add((match[1], match[2]))
    if len(seen) < 30:
        yield f"only {len(seen)} samples"


with open(sys.argv[1], encoding="utf-8", newline="\n") as f:
    found = list(faults(f.read()))
print("\n".join("      " + fault for fault in found), end="\n" if found else "")
sys.exit(bool(found))
