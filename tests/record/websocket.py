#!/usr/bin/python3
"""Records MQTT inside WebSockets: aedes behind ws, MQTT.js as the client (npm packages, fetched into a scratch folder).

    tests/record/websocket.py [NAME...]     needs root, node, npm, tcpdump

Beside each capture goes NAME.packets: what the broker itself counted, packet by packet, for tests/conformance."""
import collections
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from net import Net, until  # noqa: E402

OUT = os.path.join(os.path.dirname(os.path.dirname(HERE)), "pcaps")
BROKER, METER, ATTACKER = "10.20.0.1", "10.20.0.11", "10.20.0.66"
PACKAGES = ["aedes@0.51", "ws@8", "mqtt@5", "mqtt-packet@9"]
GOOD = {"username": "meter", "password": "Zaehler-77-wolke", "clientId": "meter-7", "keepalive": 30}


class Room:
    def __init__(self, net, modules, deflate):
        self.net, self.modules, self.log = net, modules, os.path.join(net.dir, "packets.log")
        open(self.log, "w").close()
        net.spawn("broker", "node", os.path.join(HERE, "websocket.mjs"), "broker", "9001", self.log, str(int(deflate)), cwd=modules)
        until("the broker", lambda: ":9001" in net.run("broker", "ss", "-ltn"))

    def client(self, host, options=None, path="/mqtt", **task):
        text = json.dumps({"options": options or GOOD, **task})
        self.net.run(host, "sh", "-c", f"cd {self.modules} && exec node {HERE}/websocket.mjs client ws://{BROKER}:9001{path} '{text}'",
                     check=False)


def telemetry(room):
    room.client("meter", subscribe=["plant/meter-7/set"], publish=[[f"plant/meter-7/watt", str(100 + i), i % 3] for i in range(12)])


def large(room):
    """Frames over 64 KiB, packets in many frames and many packets in one."""
    room.client("meter", publish=[["plant/meter-7/image", size, 1] for size in (10, 200, 70000, 400000)])
    room.client("meter", options={**GOOD, "protocolVersion": 5, "clientId": "meter-8"}, subscribe=["plant/meter-7/#"],
                publish=[["plant/meter-8/watt", "7", 2]])


def wildcard(room):
    room.client("attacker", options={"clientId": "mqtt-explorer-1"}, subscribe=["#", "$SYS/#"])


def guesses(room):
    for i in range(7):
        room.client("attacker", options={"username": "meter", "password": f"guess{i}", "clientId": f"x{i}"})


CAPTURES = {"benign/websocket_telemetry": (telemetry, False), "benign/websocket_deflate": (telemetry, True),
            "benign/websocket_large": (large, False), "mqtt/mqtt_wildcard_subscribe-fires-websocket": (wildcard, False),
            "session/session_auth_bruteforce-fires-websocket": (guesses, False)}


def main():
    with tempfile.TemporaryDirectory(prefix="thingwarden-npm.") as modules:
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", *PACKAGES], cwd=modules, check=True)
        for name, (act, deflate) in CAPTURES.items():
            if sys.argv[1:] and not any(a in name for a in sys.argv[1:]):
                continue
            with Net(broker=BROKER, meter=METER, attacker=ATTACKER) as net:
                room = Room(net, modules, deflate)
                with net.tap(os.path.join(OUT, name + ".pcap")):
                    act(room)
                with open(room.log, encoding="ascii") as f:
                    counts = collections.Counter(line.strip() for line in f)
            with open(os.path.join(OUT, name + ".packets"), "w", encoding="ascii") as f:
                f.writelines(f"{what}\t{n}\n" for what, n in sorted(counts.items()))
            print(name)


if __name__ == "__main__":
    main()
