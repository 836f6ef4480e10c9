#!/usr/bin/python3
"""A sensor follows a log that is rotated by renaming and by copying and truncating, and is killed at random moments.
Usage: follow.py THINGWARDEN FOLDER KILLS [SEED]. Says how many lines were lost, doubled or out of order."""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

program, folder, kills = sys.argv[1], sys.argv[2], int(sys.argv[3])
seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(1 << 30)
LOG, EVENTS, KEEP = os.path.join(folder, "broker.log"), os.path.join(folder, "events.jsonl"), 40
stop, rotate = threading.Event(), threading.Event()
written = 0
rotations = {"rename": 0, "copytruncate": 0}


def shift():
    for n in range(KEEP, 0, -1):
        if os.path.exists(f"{LOG}.{n}"):
            os.rename(f"{LOG}.{n}", f"{LOG}.{n + 1}")


def line(n):
    return f"{1795444644 + n // 5000}: New connection from 10.{n >> 24 & 255}.{n >> 16 & 255}.{n >> 8 & 255}:{1000 + n % 256} on port 1883.\n"


def write(rng):
    """The broker and its logrotate. Lines are written in pieces now and then: half a line is no line."""
    global written
    out = open(LOG, "ab", buffering=0)
    while not stop.is_set():
        for _ in range(rng.randrange(1, 60)):
            text = line(written).encode()
            cut = rng.randrange(len(text))
            if rng.random() < 0.05:
                out.write(text[:cut])
                time.sleep(0.001)
                out.write(text[cut:])
            else:
                out.write(text)
            written += 1
        time.sleep(rng.random() * 0.004)
        chance = rng.random() if rotate.is_set() else 1
        if chance < 0.01:
            shift()
            os.rename(LOG, LOG + ".1")
            if rng.random() < 0.5:
                out.write(line(written).encode()) # not told yet
                written += 1
            out.close()
            if rng.random() < 0.5:
                time.sleep(0.05)
            out = open(LOG, "ab", buffering=0)
            rotations["rename"] += 1
        elif chance < 0.02:
            shift()
            shutil.copyfile(LOG, LOG + ".1")
            os.truncate(LOG, 0)
            rotations["copytruncate"] += 1
    out.close()


def start(config):
    return subprocess.Popen([program, "watch", "-c", config, "-r", os.path.join(folder, "rule.yml"), "-q"])


def main():
    rng = random.Random(seed)
    config = os.path.join(folder, "config.yaml")
    with open(config, "w", encoding="ascii") as f:
        f.write("state: state\nlogs:\n  - {path: broker.log, format: mosquitto}\n"
                "outputs:\n  - {type: jsonl, format: eve, path: events.jsonl, events: true}\n"
                "limits: {flows: 1024, groups: 1024, segments: 1024, memos: 1024}\nndpi: false\n")
    with open(os.path.join(folder, "rule.yml"), "w", encoding="ascii") as f:
        f.write("title: none\nname: none\nid: 00000000-0000-4000-8000-000000000001\nstatus: test\n"
                "logsource: {product: thingwarden, category: iot_session}\n"
                "detection:\n  selection: {action: publish}\n  condition: selection\nlevel: low\n")
    writer = threading.Thread(target=write, args=(random.Random(seed + 1),))
    writer.start()
    # What was rotated away before a sensor first looked it never sees: rotations begin when it has marked its place.
    sensor, end = start(config), time.time() + 20
    while not os.path.exists(os.path.join(folder, "state")) and time.time() < end:
        time.sleep(0.02)
    rotate.set()
    sensor.send_signal(signal.SIGKILL)
    sensor.wait()
    for _ in range(kills):
        sensor = start(config)
        time.sleep(0.03 + rng.random() * 0.25)
        sensor.send_signal(signal.SIGKILL)
        sensor.wait()
    stop.set()
    writer.join()
    sensor = start(config)
    last, until = -1, time.time() + 20
    while time.time() < until: # until it gains nothing any more
        time.sleep(0.7)
        size = os.path.getsize(EVENTS) if os.path.exists(EVENTS) else 0
        if size == last:
            break
        last = size
    sensor.terminate()
    sensor.wait()
    seen = []
    with open(EVENTS, encoding="utf-8") as f:
        for text in f:
            event = json.loads(text)
            a, b, c, d = event["src_ip"].split(".")
            seen.append(int(b) << 24 | int(c) << 16 | int(d) << 8 | event["src_port"] - 1000)
    lost = written - len(set(seen))
    doubled = len(seen) - len(set(seen))
    disorder = sum(x > y for x, y in zip(seen, seen[1:]))
    print(f"{kills} kills, {rotations['rename']} renames, {rotations['copytruncate']} truncations, {written} lines, seed {seed}: "
          f"{lost} lost, {doubled} doubled, {disorder} out of order")
    if lost:
        print("first lost:", sorted(set(range(written)) - set(seen))[:5])
    return 0 if not lost and not doubled and not disorder else 1


sys.exit(main())
