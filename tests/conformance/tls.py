"""TLS and DTLS at tshark: hellos, with versions, suites, names and fingerprints. See protocols.py for what a protocol is.

A HelloRetryRequest is a ServerHello for tshark and the index; QUIC's hellos lie in another layer and are left out on both sides.
tshark 4.0 shows DTLS 1.3 as 1.2 and has no JA4."""
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
VERSIONS = {"SSLv3": 0x0300, "TLS 1.0": 0x0301, "TLS 1.1": 0x0302, "TLS 1.2": 0x0303, "TLS 1.3": 0x0304, "DTLS 1.0": 0xfeff,
            "DTLS 1.2": 0xfefd, "DTLS 1.3": 0xfefc, "DTLS 0.9": 0x0100, "TLCP 1.1": 0x0101}
SIGNALS = {0x00ff, 0x5600}


def suites():
    with open(os.path.join(HERE, "../../parsers/tls_suites.def"), encoding="ascii") as f:
        return {name: int(number, 16) for number, name in re.findall(r"^SUITE\((0x[0-9a-f]{4}), (\w+)", f.read(), re.M)}


SUITES = suites()


def suite_number(name):
    return int(name, 16) if name.startswith("0x") else SUITES.get(name) # None: of SSL 2


def grease(number):
    return number & 0x0f0f == 0x0a0a and number >> 8 == number & 0xff


def chosen_hello(pairs, name):
    """No HelloRetryRequest, which has no fingerprint here."""
    return not any(k == f"{name}.handshake.random" and v.replace(":", "").startswith("cf21ad74e59a6111") for k, v in pairs
                   if isinstance(v, str))


class Tls:
    ports = set()
    types = {"client_hello": 1, "server_hello": 2, "hello_retry_request": 2}

    def __init__(self, name, transport):
        self.name, self.transport = name, transport
        self.display = f"{name}.handshake.type in {{1, 2}}"

    def ours(self, event):
        extra = event["thingwarden"]
        if extra["protocol"] != self.name or extra["action"] != "handshake":
            return None
        message = {**event.get("tls", {}), **extra.get(self.name, {})}
        kind = self.types.get(message.get("handshake"))
        hashes = message.get("ja3", {}).get("hash"), message.get("ja3s", {}).get("hash")
        if not kind or message.get("version") == "SSLv2": # whose ServerHello has another number
            return None
        record = {"type": kind, "version": VERSIONS.get(message.get("legacy_version"))}
        if kind == 1:
            suites_offered = [suite_number(s) for s in message.get("cipher_suites", ())]
            record.update(ja3=hashes[0], suites=None if None in suites_offered else suites_offered,
                          sni=message.get("sni"), alpn=message.get("client_alpns"))
        else:
            record.update(ja3s=hashes[1], suite=suite_number(message["cipher_suite"]) if "cipher_suite" in message else None,
                          chosen=VERSIONS.get(message.get("version")))
        return record

    def theirs(self, pairs):
        get = lambda name: [v for k, v in pairs if k == f"{self.name}.handshake.{name}" and isinstance(v, str)]
        kind = next((int(v) for v in get("type") if v in ("1", "2")), None)
        if kind is None or self.is_piece(get):
            return None
        record = {"type": kind, "version": int(get("version")[0], 0) if get("version") else None}
        if record["version"] not in VERSIONS.values():
            record["version"] = None
        numbers = [int(v, 0) for v in get("ciphersuite")]
        if kind == 1:
            sni, alpn = get("extensions_server_name"), [v for v in get("extensions_alpn_str")]
            record.update(ja3=next(iter(get("ja3")), None), suites=[n for n in numbers if not grease(n) and n not in SIGNALS][:256] or None,
                          sni=sni[0] if sni else None, alpn=alpn or None)
        else:
            chosen = get("extensions.supported_version")
            fingerprint = next(iter(get("ja3s")), None) if chosen_hello(pairs, self.name) else None
            record.update(ja3s=fingerprint, suite=numbers[0] if numbers and numbers[0] in SUITES.values() else None)
            if self.name == "tls":
                version = int(chosen[0], 0) if chosen else record["version"]
                record["chosen"] = version if version in VERSIONS.values() else None
        return record

    @staticmethod
    def is_piece(get):
        """A fragment of a DTLS message: the message is shown with its last one."""
        lengths, pieces = get("length"), get("fragment_length")
        return bool(pieces) and pieces[0] != lengths[0] and not get("version")

    def indexed(self, row):
        counts = {1: int(row[f"{self.name}_clienthello"] or 0), 2: int(row[f"{self.name}_serverhello"] or 0)}
        return {kind: count for kind, count in counts.items() if count}

    def decode_as(self, row):
        return []


TLS = [Tls("tls", "tcp"), Tls("dtls", "udp")]
