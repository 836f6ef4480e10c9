"""What enrichment reads, made here: databases in the MaxMind format (version 2.0 of its specification) with every record size, a
registry of Ethernet addresses, a list of devices, and the configuration that names them."""
import ipaddress
import os
import struct

UTF8, MAP = 2, 7


class Uint(int):
    """A number of a type of its own: Uint(5, 16)."""

    def __new__(cls, value, bits=32):
        made = super().__new__(cls, value)
        made.bits = bits
        return made


def control(kind, size):
    head = [kind << 5] if kind < 8 else [0, kind - 7]
    more = b""
    if size >= 65821:
        size, more = 31, struct.pack(">I", size - 65821)[1:]
    elif size >= 285:
        size, more = 30, struct.pack(">H", size - 285)
    elif size >= 29:
        size, more = 29, bytes([size - 29])
    head[0] |= size
    return bytes(head) + more


def value(item):
    if isinstance(item, str):
        return control(UTF8, len(item.encode())) + item.encode()
    if isinstance(item, dict):
        return control(MAP, len(item)) + b"".join(value(k) + value(v) for k, v in item.items())
    if isinstance(item, list):
        return control(11, len(item)) + b"".join(map(value, item))
    bits = getattr(item, "bits", 32)
    data = int(item).to_bytes(bits // 8, "big").lstrip(b"\0")
    return control({16: 5, 32: 6, 64: 9}[bits], len(data)) + data


class Tree:
    def __init__(self, version):
        self.version, self.nodes = version, [[None, None]]

    def path(self, network):
        network = ipaddress.ip_network(network)
        bits, length = int(network.network_address), network.prefixlen
        width = network.max_prefixlen
        if self.version == 6 and width == 32:
            width, length = 128, length + 96
        return [bits >> (width - 1 - i) & 1 for i in range(length)]

    def put(self, network, leaf):
        """From the shortest prefix to the longest: what is there moves down."""
        node, path = 0, self.path(network)
        for bit in path[:-1]:
            below = self.nodes[node][bit]
            if not isinstance(below, int):
                self.nodes.append([below, below])
                below = self.nodes[node][bit] = len(self.nodes) - 1
            node = below
        self.nodes[node][path[-1]] = leaf


def record(left, right, bits):
    if bits == 28:
        return (left & 0xffffff).to_bytes(3, "big") + bytes([left >> 24 << 4 | right >> 24]) + (right & 0xffffff).to_bytes(3, "big")
    return left.to_bytes(bits // 8, "big") + right.to_bytes(bits // 8, "big")


def database(path, networks, bits=28, version=6, kind="Test-City"):
    """{network: record}. The file is there at once, whole."""
    tree, data, offsets = Tree(version), b"", {}
    for network in sorted(networks, key=lambda n: ipaddress.ip_network(n).prefixlen):
        encoded = value(networks[network])
        if encoded not in offsets:
            offsets[encoded] = len(data)
            data += encoded
        tree.put(network, (offsets[encoded],))
    count = len(tree.nodes)

    def number(entry):
        return count if entry is None else entry if isinstance(entry, int) else count + 16 + entry[0]
    about = {"node_count": Uint(count), "record_size": Uint(bits, 16), "ip_version": Uint(version, 16), "database_type": kind,
             "languages": ["en"], "binary_format_major_version": Uint(2, 16), "binary_format_minor_version": Uint(0, 16),
             "build_epoch": Uint(1_700_000_000, 64), "description": {"en": "made by a test"}}
    with open(path + ".new", "wb") as f:
        f.write(b"".join(record(number(a), number(b), bits) for a, b in tree.nodes))
        f.write(b"\0" * 16 + data + b"\xab\xcd\xefMaxMind.com" + value(about))
    os.rename(path + ".new", path)


def city(code, country, name):
    return {"continent": {"code": "EU", "names": {"en": "Europe"}}, "city": {"geoname_id": Uint(7), "names": {"de": "?", "en": name}},
            "country": {"iso_code": code, "names": {"de": "?", "en": country}}, "registered_country": {"iso_code": "ZZ"}}


def system(number, name):
    return {"autonomous_system_number": Uint(number), "autonomous_system_organization": name}


CITIES = {"203.0.113.0/24": city("DE", "Germany", "K\u00f6ln"), "203.0.113.128/25": city("FR", "France", "Lyon"),
          "198.51.100.0/24": city("NZ", "New Zealand", "Nelson"), "2001:db8:77::/48": city("JP", "Japan", "Kobe"),
          "127.0.3.0/24": city("AA", "Aland", "Alpha")}
SYSTEMS = {"203.0.113.0/24": system(64501, "Rhine Net = | \\ GmbH"), "198.51.100.0/25": system(4200000001, "Tasman Telecom"),
           "2001:db8::/32": system(64502, "Documentation")}
FLAT = {"192.0.2.0/25": {"country_code": "CA", "country_name": "Canada", "city": "Gander", "asn": "AS64503", "as_name": "Maple"},
        "192.0.2.128/25": {"country": "BR", "asn": Uint(64504)}, "203.0.113.0/24": {"country_code": "XX", "asn": "AS1"}}
IEEE = """Registry,Assignment,Organization Name,Organization Address\r
MA-L,5CCF7F,Espressif Inc.,"Room 204, Building 2 Shanghai CN"\r
MA-L,70B3D5,IEEE Registration Authority,"445 Hoes Lane\r
Piscataway NJ US"\r
MA-M,70B3D51,"Medium ""M"", Ltd",x\r
MA-S,70B3D5123,Small & Sons,x\r
"""
MANUF = """# a remark
00:00:0C\tCisco\tCisco Systems, Inc
5C:CF:7F\tEspressif\tEspressif Inc.
70-B3-D5\tIEEERegi
70:B3:D5:12:30:00/36\tSmallSon\tSmall & Sons
"""
DEVICES = """\ufeff# who cares for what
model,Address,mac,client_id,owner,site\r
x,203.0.113.7,,,Ann Lee,\r
x,203.0.113.0/24,,,,"Cologne, hall 2"\r
x,203.0.112.0/20,,,Rhine team,Rhineland\r
x,,5c:cf:7f:01:02:03,,Bo (by MAC),MAC site\r
x,,,guess-2,Cid (by client id),Client site\r
x,198.51.100.4,,,,Server room\r
x,10.0.0.0/8,,,Plant team,Plant\r
"""
CONFIG = """enrich:
  databases: [city.mmdb, asn.mmdb, flat.mmdb]
  networks:
    - {network: 10.0.0.0/8, name: plant}
    - {network: 10.1.0.0/16, name: "plant floor"}
    - {network: "2001:db8::/32", name: six}
    - {network: 198.51.100.4, name: broker}
  vendors: oui.csv
  devices: devices.csv
"""


# What databases and lists should not hold, and could: what formats give a meaning, controls, direction marks, great length.
EVIL = ("a=b|c\\d \"e\" ]}", "tab\there\nand\x1b[31m there\x00", "\u202edlrow\u2066 \U000e0041\u200b\x85", "n" * 1000, "\u4e2d" * 330,
        "\u00e9=" * 300)


def write_evil(folder):
    """The same for every address of the test's captures: half of the names are of EVIL's first half."""
    halves = {"0.0.0.0/1": 0, "10.1.0.2/32": 3, "128.0.0.0/1": 3, "2000::/3": 3, "fc00::/7": 0}
    database(os.path.join(folder, "evil.mmdb"),
             {network: {"city": {"names": {"en": EVIL[at]}}, "country": {"iso_code": "=|" if at else "QQ", "names": {"en": EVIL[at + 1]}},
                        "autonomous_system_number": Uint(2 ** 32 - 1), "autonomous_system_organization": EVIL[at + 2]}
              for network, at in halves.items()})
    write(folder, "evil.csv", "address,owner,site\n" + "".join(
        '%s,"%s","%s"\n' % (network, *(EVIL[at + i].replace('"', '""') for i in (1, 0))) for network, at in halves.items()))
    write(folder, "evil-oui.csv", 'Registry,Assignment,Organization Name\nMA-L,020000,never\nMA-L,001122,"' + EVIL[1] + '"\n')
    return write(folder, "evil-enrich.yaml", "enrich: {databases: [evil.mmdb], devices: evil.csv, vendors: evil-oui.csv, networks: [{"
                 + 'network: 10.1.0.0/16, name: "a=|\\\\ \\t\\u202e\\x07"}, {network: "::/0", name: ' + "n" * 1000 + "}]}\n")


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write(text)
    return path


def write_all(folder):
    """All of the above; the path of the configuration."""
    database(os.path.join(folder, "city.mmdb"), CITIES, 28)
    database(os.path.join(folder, "asn.mmdb"), SYSTEMS, 24, kind="Test-ASN")
    database(os.path.join(folder, "flat.mmdb"), FLAT, 32, 4, "Flat")
    write(folder, "oui.csv", IEEE)
    write(folder, "devices.csv", DEVICES)
    return write(folder, "enrich.yaml", CONFIG)
