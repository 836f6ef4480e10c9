"""OCSF Detection Finding: what its documentation requires, and a check against its own schema files where these are present."""
import json
import os
import re

FINDING = {"activity_id": (1, 2), "category_uid": (2,), "class_uid": (2004,), "type_uid": (200401, 200402),
           "severity_id": (1, 2, 3, 4, 5), "status_id": (1, 2)}


def is_number(value):
    return isinstance(value, int) and not isinstance(value, bool)


def faults(record):
    for key, values in FINDING.items():
        if not is_number(record.get(key)) or record[key] not in values:
            yield f"{key}: {record.get(key)!r}"
    if record.get("type_uid") != 200400 + record.get("activity_id", 0):
        yield "type_uid is not class_uid * 100 + activity_id"
    for key in ("time", "start_time", "end_time", "count"):
        if not is_number(record.get(key)):
            yield f"{key}: {record.get(key)!r}"
    product = record.get("metadata", {}).get("product", {})
    if not record.get("metadata", {}).get("version") or not product.get("name") or not product.get("vendor_name"):
        yield "metadata: version and product are required"
    info = record.get("finding_info", {})
    if not info.get("uid") or not info.get("title") or info.get("analytic", {}).get("type_id") != 1:
        yield "finding_info: uid, title and analytic are required"
    for attack in info.get("attacks", [{}]):
        if not all(attack.get(part, {}).get("name") for part in ("technique", "tactic")):
            yield f"attack without names: {attack}"
    for evidence in record.get("evidences", []) or [{}]:
        if not {"src_endpoint", "dst_endpoint", "connection_info", "user"} & set(evidence):
            yield "an evidence of nothing"
        for end in ("src_endpoint", "dst_endpoint"):
            if end in evidence and not evidence[end].get("ip"):
                yield f"{end} without address"
            yield from endpoint_faults(evidence.get(end, {}))


ENDPOINT = {"location": {"country", "city", "desc"}, "autonomous_system": {"number", "name"}, "owner": {"name"}}


def endpoint_faults(endpoint):
    for key, value in endpoint.items():
        if key in ENDPOINT:
            yield from (f"{key}.{k} is not known" for k in set(value) - ENDPOINT[key])
            yield from (f"{key}.{k}: {v!r}" for k, v in value.items() if not (is_number(v) if k == "number" else isinstance(v, str)))
            if not value:
                yield f"{key} is empty"
        elif key == "mac" and not re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", value):
            yield f"mac {value}"


class Schema:
    def __init__(self, folder):
        self.folder = folder
        self.dictionary = self.read("dictionary.json")
        self.objects = {}

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as f:
            return json.load(f)

    def shape(self, kind, name):
        """Attributes and constraints of an object or class, with those that it extends; None when its file is not here."""
        key = (kind, name)
        if key not in self.objects:
            places = [f"{kind}/{name}.json", f"{kind}/findings/{name}.json"]
            path = next((p for p in places if os.path.exists(os.path.join(self.folder, p))), None)
            if path is None:
                self.objects[key] = None
                return None
            own = self.read(path)
            base = self.shape(kind, own["extends"]) if own.get("extends") else None
            attributes = dict(base[0]) if base else {}
            for attribute, about in own["attributes"].items():
                if isinstance(about, dict):
                    attributes[attribute] = {**attributes.get(attribute, {}), **about}
            self.objects[key] = (attributes, own.get("constraints", base[1] if base else {}))
        return self.objects[key]


def scalar(value, kind):
    if kind in ("integer_t", "long_t", "timestamp_t"):
        return is_number(value)
    if kind == "port_t":
        return is_number(value) and 0 <= value <= 65535
    if kind == "boolean_t":
        return isinstance(value, bool)
    if kind == "float_t":
        return isinstance(value, (int, float))
    if kind == "ip_t":
        return isinstance(value, str) and re.fullmatch(r"[0-9a-f.:]{2,45}", value)
    if kind == "json_t":
        return True
    return isinstance(value, str)


def walk(schema, record, shape, path):
    attributes, constraints = shape
    for name, about in attributes.items():
        if about.get("requirement") == "required" and name not in record and not about.get("profile"):
            yield f"{path}{name} is required"
    least = (constraints or {}).get("at_least_one")
    if least and not set(least) & set(record):
        yield f"{path}: none of {least[:4]} ..."
    for name, value in record.items():
        if name not in attributes or name not in schema.dictionary["attributes"]:
            yield f"{path}{name} is no attribute"
            continue
        about = {**schema.dictionary["attributes"][name], **attributes[name]}
        enum = attributes[name].get("enum") or {}
        known = {**schema.dictionary["attributes"][name].get("enum", {}), **enum}
        if bool(about.get("is_array")) != isinstance(value, list) and about["type"] != "json_t":
            yield f"{path}{name}: a list or none"
        for item in value if isinstance(value, list) else [value]:
            if about["type"].endswith("_t"):
                if not scalar(item, about["type"]):
                    yield f"{path}{name} is no {about['type']}: {item!r}"
                # The files of base classes say more of some numbers than those here.
                if enum and is_number(item) and str(item) not in known:
                    yield f"{path}{name}: {item} is not of its values"
            elif not isinstance(item, dict):
                yield f"{path}{name} is no object"
            elif about["type"] != "object" and schema.shape("objects", about["type"]):
                yield from walk(schema, item, schema.shape("objects", about["type"]), f"{path}{name}.")


cache = {}


def schema_faults(record, folder):
    schema = cache.setdefault(folder, Schema(folder))
    # Two classes narrow class_uid and category_uid by their name, not in the list of values.
    for fault in walk(schema, record, schema.shape("events", "detection_finding"), ""):
        if not re.match(r"(class_uid|category_uid|type_uid): \d+ is not of", fault) and "observables.type_id" not in fault:
            yield fault
