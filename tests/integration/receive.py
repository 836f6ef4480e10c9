#!/usr/bin/python3
"""A broker's log arrives as syslog, in each framing: what the sensor makes of it. Usage: receive.py THINGWARDEN FOLDER"""
import json
import os
import socket
import subprocess
import sys
import time

program, folder = sys.argv[1:]
EPOCH = 1795444644


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def message(n, form):
    text = f"{EPOCH + n}: Client <unknown> disconnected, not authorised." if n % 2 else \
           f"{EPOCH + n}: New connection from 10.0.0.{n}:4711 on port 1883."
    clock = time.strftime("%b %e %H:%M:%S", time.localtime(EPOCH + n))
    if form == "5424":
        return f"<173>1 {time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(EPOCH + n))}.5Z vm mosquitto 7 - -  {text}"
    return f"<173>{clock} vm mosquitto[7]: {text}"


def main():
    udp, tcp = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
    events = os.path.join(folder, "received.jsonl")
    config = os.path.join(folder, "receive.yaml")
    with open(config, "w", encoding="ascii") as f:
        f.write(f"listen: ['udp://127.0.0.1:{udp}', 'tcp://127.0.0.1:{tcp}']\nndpi: false\n"
                "limits: {flows: 1024, groups: 65536, segments: 1024, memos: 1024}\n")
    sensor = subprocess.Popen([program, "watch", "-c", config, "-q", "--events", events, "--alerts", os.path.join(folder, "received.alerts")])
    for _ in range(100):
        try:
            probe = socket.create_connection(("127.0.0.1", tcp), 1)
            probe.close()
            break
        except OSError:
            time.sleep(0.05)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for n in range(20):
            s.sendto(message(n, "5424" if n < 10 else "3164").encode(), ("127.0.0.1", udp))
    time.sleep(0.4)
    with socket.create_connection(("127.0.0.1", tcp)) as s: # in pieces, so that a message is seldom whole
        data = "".join(message(n, "3164") + "\n" for n in range(20, 40)).encode()
        for i in range(0, len(data), 37):
            s.sendall(data[i:i + 37])
            time.sleep(0.002)
    time.sleep(0.4)
    with socket.create_connection(("127.0.0.1", tcp)) as s:
        for n in range(40, 60):
            text = message(n, "5424")
            s.sendall(f"{len(text)} {text}".encode())
        s.sendall(b"70000 " + b"x" * 70000)
        text = message(60, "5424")
        s.sendall(f"{len(text)} {text}".encode())
    time.sleep(0.6)
    sensor.terminate()
    status = sensor.wait()
    with open(events, encoding="utf-8") as f:
        got = [json.loads(line) for line in f]
    opens = [int(e["src_ip"].split(".")[3]) for e in got if e["thingwarden"]["action"] == "open"]
    refused = [e for e in got if e["thingwarden"]["action"] == "authenticate"]
    named = [e["src_ip"] for e in refused if "src_ip" in e]
    with open(os.path.join(folder, "received.alerts"), encoding="utf-8") as f:
        rules = {json.loads(line)["thingwarden"]["rule"] for line in f}
    good = status == 0 and opens == list(range(0, 61, 2)) and len(refused) == 30 and named == [f"10.0.0.{n}" for n in range(0, 60, 2)]
    print(f"{len(opens)} connections, {len(refused)} refusals, {len(named)} with an address, rules {sorted(rules)}, status {status}")
    if not good:
        print(opens, named)
    return not good


sys.exit(main())
