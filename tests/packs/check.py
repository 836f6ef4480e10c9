"""Checks of the packs that have no program here: check.py PACKS SCRATCH prints "ok NAME" or "not_ok NAME" a line.

SCRATCH holds real records: eve.jsonl, cim.jsonl, ecs.jsonl (alerts), events.jsonl, rules.txt (rules list).
"""
import configparser
import datetime
import fnmatch
import glob
import json
import os
import re
import sys
import xml.etree.ElementTree as xml

PACKS, SCRATCH = sys.argv[1:]


def records(name):
    with open(os.path.join(SCRATCH, name)) as lines:
        return [json.loads(line) for line in lines]


def flatten(value, path=""):
    """Every scalar of a record as (dotted path, value); a list is its members."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            yield from flatten(inner, path)
    else:
        yield path, value


EVE, CIM, ECS, EVENTS = (records(f"{name}.jsonl") for name in ("eve", "cim", "ecs", "events"))
FIELDS = {name: {path for record in found for path, _ in flatten(record)}
          for name, found in (("eve", EVE + EVENTS), ("cim", CIM), ("ecs", ECS))}
with open(os.path.join(SCRATCH, "rules.txt")) as text:
    RULES = [line.split()[1] for line in text if line.strip()]


def check(name, problems):
    problems = list(problems)
    print("not_ok" if problems else "ok", name + ": " + "; ".join(map(str, problems[:5])) if problems else name)


# --- Splunk ------------------------------------------------------------------------------------------------------------

def conf(name):
    parser = configparser.RawConfigParser(strict=True, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str
    path = os.path.join(PACKS, "splunk/TA-thingwarden/default", name)
    assert parser.read(path), path
    return parser


PROPS, TRANSFORMS, TYPES, TAGS, MACROS, SEARCHES, _ = (
    conf(name + ".conf") for name in ("props", "transforms", "eventtypes", "tags", "macros", "savedsearches", "app"))


def pcre(expression):
    return re.compile(expression)


def splunk_times():
    for sourcetype, found in (("thingwarden:cim", CIM), ("thingwarden:eve", EVE)):
        stanza = PROPS[sourcetype]
        form = stanza["TIME_FORMAT"].replace("%6N", "%f")
        for record in found[:20]:
            line = json.dumps(record, separators=(",", ":"))
            at = re.search(stanza["TIME_PREFIX"], line)
            text = line[at.end():at.end() + int(stanza["MAX_TIMESTAMP_LOOKAHEAD"])] if at else ""
            try:
                datetime.datetime.strptime(text.split('"')[0], form)
            except ValueError:
                yield f"{sourcetype}: no time in {text!r}"


def syslog_line(record, alert):
    """As outputs/syslog.c writes it, with what a client id may hold at its worst."""
    data = r'[thingwarden@32473 rule="x" level="high" client_id="a\] {\"x\":1}\\"]' if alert else "-"
    kind = "alert" if alert else "event"
    return f"<165>1 2026-11-24T12:00:00.000000Z gateway thingwarden 77 {kind} {data} " + json.dumps(record, separators=(",", ":"))


def splunk_transforms():
    for record, alert, sourcetype in [(r, True, "thingwarden:eve") for r in EVE] + \
            [(r, True, "thingwarden:cim") for r in CIM] + [(r, False, "thingwarden:eve") for r in EVENTS]:
        line, given = syslog_line(record, alert), None
        for name in (n.strip() for n in PROPS["thingwarden:syslog"]["TRANSFORMS-thingwarden"].split(",")):
            found = pcre(TRANSFORMS[name]["REGEX"]).search(line)
            if not found:
                continue
            if TRANSFORMS[name]["DEST_KEY"] == "_raw":
                line = TRANSFORMS[name]["FORMAT"].replace("$1", found.group(1))
            else:
                given = TRANSFORMS[name]["FORMAT"].removeprefix("sourcetype::")
        if given != sourcetype:
            yield f"{given} for a record of {sourcetype}"
        if json.loads(line) != record:
            yield f"not the record: {line[:80]}"


def splunk_fields():
    made = {key.split("-", 1)[1] for s in PROPS.sections() for key in PROPS[s] if key.startswith("EVAL-")}
    for sourcetype, fields in (("thingwarden:cim", FIELDS["cim"]), ("thingwarden:eve", FIELDS["eve"])):
        for key, value in PROPS[sourcetype].items():
            if key.startswith("EVAL-"):
                bare = re.sub(r'"[^"]*"', "", value)
                names = re.findall(r"'([\w.]+)'", bare) + \
                    [n for n in re.findall(r"\b([a-z_]\w*)\b(?!\()", re.sub(r"'[^']*'", "", bare)) if n not in ("host", "dvc")]
                yield from (f"{sourcetype} {key}: no field {n}" for n in names if n not in fields)
            elif key.startswith("FIELDALIAS-"):
                name = re.match(r'"([^"]+)" ASNEW', value).group(1)
                if name not in fields:
                    yield f"{sourcetype} {key}: no field {name}"
    wanted = {"action", "category", "dest", "dvc", "ids_type", "severity", "signature", "src", "user", "vendor_product"}
    yield from (f"CIM {n} is missing in eve" for n in wanted - made)
    yield from (f"CIM {n} is missing in cim" for n in wanted - FIELDS["cim"] - {"dvc"})


KNOWN = FIELDS["cim"] | {"_time", "index", "sourcetype", "rule", "client_id", "eventtype"}


def search_problems(text):
    for macro in re.findall(r"`(\w+)`", text):
        if macro not in MACROS.sections():
            yield f"no macro {macro}"
    for pattern in re.findall(r"thingwarden\.rule=([\w*]+)", text):
        if not fnmatch.filter(RULES, pattern):
            yield f"no rule {pattern}"
    for field in re.findall(r"\bthingwarden\.[\w.{}]+", text):
        if field.replace("{}", "") not in KNOWN:
            yield f"no field {field}"


def splunk_searches():
    covered = set()
    for name in SEARCHES.sections():
        text = SEARCHES[name]["search"]
        yield from (f"{name}: {p}" for p in search_problems(text))
        for pattern in re.findall(r"thingwarden\.rule=([\w*]+)", text):
            covered.update(fnmatch.filter(RULES, pattern))
    yield from (f"no search finds {rule}" for rule in RULES if rule not in covered)
    for section in TAGS.sections():
        if section.removeprefix("eventtype=") not in TYPES.sections():
            yield f"tags for {section}, which is no event type"
    if not {"ids", "attack"} <= set(TAGS["eventtype=thingwarden_alert"]):
        yield "alerts lack the tags of Intrusion Detection"
    for macro in MACROS.sections():
        for kind in re.findall(r"eventtype=(\w+)", MACROS[macro]["definition"]):
            if kind not in TYPES.sections():
                yield f"macro {macro}: no event type {kind}"


def splunk_views():
    folder = os.path.join(PACKS, "splunk/TA-thingwarden/default/data/ui")
    views = {os.path.basename(p)[:-4] for p in glob.glob(folder + "/views/*.xml")} | {"search"}
    for view in xml.parse(folder + "/nav/default.xml").iter("view"):
        if view.get("name") not in views:
            yield f"no view {view.get('name')}"
    for path in glob.glob(folder + "/views/*.xml"):
        form = xml.parse(path)
        tokens = {i.get("token") for i in form.iter("input")}
        queries = [q.text for q in form.iter("query")]
        if len(queries) < 4:
            yield "fewer than four searches"
        for query in queries:
            yield from search_problems(query)
            yield from (f"no input {t}" for t in re.findall(r"\$(\w+)(?:\.\w+)?\$", query) if t not in tokens)


# --- Elastic and Grafana -----------------------------------------------------------------------------------------------

with open(os.path.join(PACKS, "elastic/index-template.json")) as text:
    TEMPLATE = json.load(text)
with open(os.path.join(PACKS, "elastic/ingest-pipeline.json")) as text:
    PIPELINE = json.load(text)
TAKES = {"keyword": (str,), "match_only_text": (str,), "date": (str,), "ip": (str,), "long": (int,), "integer": (int,),
         "double": (int, float), "boolean": (bool,), "geo_point": (float, str)}


def mapping_of(path):
    node = {"properties": TEMPLATE["template"]["mappings"]["properties"]}
    for part in path.split("."):
        if node.get("type") == "flattened":
            return "flattened"
        node = node.get("properties", {}).get(part)
        if node is None:
            return None
    return node.get("type")


def elastic_mapping():
    seen = set()
    for record in ECS:
        for path, value in flatten(record):
            kind = mapping_of(path)
            if kind is None:
                seen.add(f"{path} has no mapping")
            elif kind != "flattened" and (type(value) not in TAKES[kind]):
                seen.add(f"{path} is {kind}, and holds {value!r}")
            elif kind == "date" and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d{4})?", value):
                seen.add(f"{path} is no date: {value}")
    return sorted(seen)


def elastic_pipeline():
    known = {"set", "geoip", "append"}
    for processor in PIPELINE["processors"] + PIPELINE["on_failure"]:
        if len(processor) != 1 or not set(processor) <= known:
            yield f"a processor that is not known: {list(processor)}"
        body = next(iter(processor.values()))
        if "field" not in body:
            yield f"a processor without a field: {list(processor)}"
        if "geoip" in processor and body["field"] not in FIELDS["ecs"]:
            yield f"no field {body['field']}"
    if TEMPLATE["template"]["settings"]["index"]["default_pipeline"] != "thingwarden-alert":
        yield "the template names another pipeline"
    dataset = ECS[0]["event"]["dataset"]
    if not fnmatch.fnmatch(f"logs-{dataset}-default", TEMPLATE["index_patterns"][0]):
        yield f"logs-{dataset}-default is not in {TEMPLATE['index_patterns']}"


def grafana():
    with open(os.path.join(PACKS, "grafana/dashboard.json")) as text:
        board = json.load(text)
    ids = [p["id"] for p in board["panels"]]
    if len(ids) != len(set(ids)):
        yield "two panels of one id"
    taken = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        if cells & taken or max(x for x, _ in cells) > 23:
            yield f"panel {panel['title']} lies over another, or outside"
        taken |= cells
        for target in panel["targets"]:
            fields = [b["field"] for b in target["bucketAggs"]] + [m["field"] for m in target["metrics"] if "field" in m]
            fields += [n for n in re.findall(r"([\w.]+):", target["query"])]
            yield from (f"{panel['title']}: no field {f}" for f in fields if f not in FIELDS["ecs"])
            aggregated = [b["field"] for b in target["bucketAggs"] if b["type"] == "terms"]
            yield from (f"{f} cannot be aggregated" for f in aggregated if mapping_of(f) not in ("keyword", "ip"))


# --- Wazuh -------------------------------------------------------------------------------------------------------------

def wazuh():
    """The rules as analysisd applies them to a record: the last child that matches, by order of the file."""
    rules = xml.parse(os.path.join(PACKS, "wazuh/thingwarden_rules.xml")).getroot().findall("rule")
    ids = [r.get("id") for r in rules]
    if len(ids) != len(set(ids)) or not all(100000 <= int(i) <= 120000 for i in ids):
        yield "ids twice, or outside of what Wazuh leaves to users"
    levels = {}
    for record in EVE:
        fields = {}
        for path, value in flatten(record):
            fields.setdefault(path, str(value))
        matched = {}
        for rule in rules:
            parents = rule.findtext("if_sid")
            if parents and not any(p.strip() in matched for p in parents.split(",")):
                continue
            if rule.findtext("decoded_as") == "thingwarden":
                continue
            # Wazuh's \. is "any character"; its ^ $ | and \ are these.
            if all(re.search(f.text.replace(r"\.", "."), fields.get(f.get("name"), "")) for f in rule.findall("field")):
                matched[rule.get("id")] = rule
                yield from (f"rule {rule.get('id')}: no field {n}" for n in re.findall(r"\$\(([\w.]+)\)", rule.findtext("description"))
                            if n not in fields)
        if len(matched) < 2:
            yield f"no rule for {record['thingwarden']['rule']}"
        else:
            levels.setdefault(record["thingwarden"]["level"], int(list(matched.values())[1].get("level")))
    order = [levels[l] for l in ("informational", "low", "medium", "high", "critical") if l in levels]
    if order != sorted(set(order)) or len(order) < 4:
        yield f"levels do not rise: {levels}"
    for rule in rules:
        for field in rule.findall("field"):
            if field.get("name") == "thingwarden.rule" and "^" in field.text and field.text != r"\.+":
                yield from (f"no rule {n}" for n in re.findall(r"\^(\w+)\$", field.text) if n not in RULES)


def wazuh_decoder():
    with open(os.path.join(PACKS, "wazuh/thingwarden_decoders.xml")) as text:
        root = xml.fromstring("<all>" + text.read() + "</all>")  # a file of decoders has no root
    decoders = {d.get("name"): d for d in root.findall("decoder")}
    child = decoders["thingwarden-record"]
    if child.findtext("parent") not in decoders:
        yield "no parent"
    expression = pcre(child.findtext("regex"))
    for record in EVE:
        message = syslog_line(record, True).split(" alert ", 1)[1]
        found = expression.search(message)
        try:
            if json.loads(message[found.end():]) != record:
                yield "another record"
        except (AttributeError, ValueError) as error:
            yield f"no record after the head: {error}"


check("Splunk: the time of every record is read", splunk_times())
check("Splunk: a syslog line becomes its record and gets its sourcetype", splunk_transforms())
check("Splunk: every field that is named exists, CIM's are complete", splunk_fields())
check("Splunk: searches, event types, tags and macros fit, every rule is in a search", splunk_searches())
check("Splunk: the dashboard is well-formed and asks for what exists", splunk_views())
check("Elastic: every field of a record has a mapping that takes it", elastic_mapping())
check("Elastic: pipeline and template fit each other and the data stream", elastic_pipeline())
check("Grafana: panels do not overlap and ask for what exists", grafana())
check("Wazuh: every alert finds its rule, levels rise with the alert's", wazuh())
check("Wazuh: the decoder cuts the head off", wazuh_decoder())
