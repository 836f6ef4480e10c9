"""Does every alert arrive, whatever happens? Usage: delivery.py THINGWARDEN FOLDER KILLS. Prints ok, FAIL or skip for each check."""
import json
import os
import random
import re
import struct
import subprocess
import sys
import time

from receiver import Receiver

PROGRAM, FOLDER, KILLS = sys.argv[1], sys.argv[2], int(sys.argv[3])
RULE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cli/connect.yml")
EPOCH = 1795444644
random.seed(5)


def check(name, good, why=""):
    print("ok" if good else "FAIL", name, "" if good else f"({why})", flush=True)
    return good


def at(*names):
    return os.path.join(FOLDER, *names)


def lines_of(first, count, run="c"):
    """A broker's log: so many clients connect, each once."""
    return "".join(f"{EPOCH + n}: New connection from 10.0.0.9:4711 on port 1883.\n"
                   f"{EPOCH + n}: New client connected from 10.0.0.9:4711 as {run}-{n} (p2, c1, k60).\n" for n in range(first, first + count))


def write(name, text):
    with open(at(name), "w", encoding="ascii") as f:
        f.write(text)
    return at(name)


def config(name, port, journal="", more="", outputs=""):
    journal = f"journal: {{{journal}}}\n" if journal else ""
    return write(name, f"ndpi: false\nlimits: {{flows: 1024, groups: 65536, segments: 1024, memos: 1024}}\n{journal}{more}outputs:\n"
                       f"  - {{type: syslog, address: '127.0.0.1:{port}', transport: tcp}}\n{outputs}")


def start(command, *arguments, err=None):
    log = open(err or os.devnull, "w", encoding="ascii")
    return subprocess.Popen([PROGRAM, command, "-r", RULE, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)


def said(name):
    with open(at(name), encoding="utf-8") as f:
        return f.read()


def in_order(heard, wanted):
    """First occurrences are what was wanted, in its order, and a client has one id."""
    first = list(dict.fromkeys(h[0] for h in heard))
    missing = [w for w in wanted if w not in set(first)]
    if missing:
        return f"{len(missing)} of {len(wanted)} missing, first {missing[0]}"
    if first != list(wanted):
        return "not in order"
    ids = {}
    for client, alert, update in heard:
        if ids.setdefault((client, update), alert) != alert:
            return f"{client} came with two ids"
    return ""


def entries(folder):
    """(sequence, client id) of each whole entry of a journal, as the header in journal_entry.h says."""
    for name in sorted(n for n in os.listdir(folder) if n.endswith(".journal")):
        with open(os.path.join(folder, name), "rb") as f:
            data = f.read()[32:]
        while len(data) >= 92 and data[:4] == b"TWJ1" and len(data) >= (size := struct.unpack(">I", data[4:8])[0]):
            formats, rule, client = data[14], data[15], data[16]
            begin = 92 + formats + rule
            yield struct.unpack(">Q", data[20:28])[0], data[begin:begin + client].decode()
            data = data[size:]


def misbehaving():
    count = 3000
    log = write("bad.log", lines_of(0, count))
    wanted = [f"c-{n}" for n in range(count)]
    for habits in (["reset 100"] * 3 + ["good"], ["half 37"] * 5 + ["good"], ["close 500"] * 3 + ["good"], ["stall 4", "good"],
                   ["reset 1", "half 1", "stall 3", "close 2", "half 1000", "good"]):
        receiver = Receiver(habits)
        status = start("replay", "-q", "-c", config("bad.yaml", receiver.port), log, err=at("bad.err")).wait()
        receiver.wait_for(count, 10)
        why = in_order(receiver.heard(), wanted)
        check(f"receiver {habits[0]}, {len(habits)} connections, {len(receiver.messages)} messages for {count} alerts: all arrive, in order",
              not why and status == 0, f"{why}, exit {status}: {said('bad.err')[:300]}")
        receiver.stop()


def killed_replays():
    receiver, wanted = Receiver(), []
    path = config("killed.yaml", receiver.port, f"path: {at('killed')}, sync: never")
    took = time.monotonic()
    start("replay", "-q", "-c", path, write("killed.log", lines_of(0, 400, "r0"))).wait()
    took = time.monotonic() - took
    for run in range(1, KILLS // 2 + 1):
        sensor = start("replay", "-q", "-c", path, write("killed.log", lines_of(0, 400, f"r{run}")))
        time.sleep(random.random() * took)
        sensor.kill()
        sensor.wait()
    status = start("replay", "-q", "-c", path, write("killed.log", lines_of(0, 400, "last"))).wait()
    for _, client in entries(at("killed")):
        wanted.append(client)
    partial = sum(1 for run in range(1, KILLS // 2 + 1) if 0 < sum(w.startswith(f"r{run}-") for w in wanted) < 400)
    why = in_order(receiver.heard(), list(dict.fromkeys(wanted)))
    check(f"replay killed {KILLS // 2} times, {partial} in the midst of alerts: all {len(wanted)} of the journal arrive in order, "
          f"{len(receiver.messages) - len(wanted)} twice", not why and status == 0 and partial > 0, f"{why}, exit {status}")
    check("a replay that ends well has put all its alerts in the journal", sum(w.startswith("last-") for w in wanted) == 400)
    receiver.stop()


def killed_watch():
    receiver, number = Receiver(), 0
    log = write("grow.log", "")
    more = f"logs: [{{path: {log}}}]\nstate: {at('grow.state')}\n"
    path = config("grow.yaml", receiver.port, f"path: {at('grow')}, sync: never", more,
                  f"  - {{type: jsonl, path: {at('grow.jsonl')}}}\n")
    sensor = start("watch", "-q", "-c", path)
    time.sleep(0.5)
    for _ in range(KILLS - KILLS // 2):
        until = time.monotonic() + random.random() * 0.25
        while time.monotonic() < until:
            with open(log, "a", encoding="ascii") as f:
                f.write(lines_of(number, 5))
            number += 5
            time.sleep(0.005)
        sensor.kill()
        sensor.wait()
        sensor = start("watch", "-q", "-c", path)
    receiver.wait_for(number, 20)
    sensor.terminate()
    status = sensor.wait()
    wanted = [f"c-{n}" for n in range(number)]
    why = in_order(receiver.heard(), wanted)
    check(f"watch killed {KILLS - KILLS // 2} times while a log grew: all {number} alerts arrive in order, "
          f"{len(receiver.messages) - number} twice", not why and status == 0, f"{why}, exit {status}")
    with open(at("grow.jsonl"), encoding="utf-8") as f:
        clients = [json.loads(line)["thingwarden"]["client_id"] for line in f]
    missing = set(wanted) - set(clients)
    check("and all are in the file, in whole lines", not missing, f"{len(missing)} missing")
    receiver.stop()


def feed(log, first, count):
    with open(log, "a", encoding="ascii") as f:
        f.write(lines_of(first, count))


def down_and_back():
    dead, good = Receiver(), Receiver()
    dead.stop()
    log = write("down.log", "")
    path = config("down.yaml", dead.port, f"path: {at('down')}", f"logs: [{{path: {log}}}]\n",
                  f"  - {{type: syslog, address: '127.0.0.1:{good.port}', transport: tcp, format: cef}}\n")
    sensor = start("watch", "-c", path, "--stats", at("down.json"), err=at("down.err"))
    while "watching" not in said("down.err"):
        time.sleep(0.05)
    feed(log, 0, 500)
    check("an output that is down delays nobody else", good.wait_for(500, 5))
    other = start("replay", "-q", "-c", path, log, err=at("other.err"))
    check("one sensor per journal", other.wait() == 1 and "another thingwarden" in said("other.err"), said("other.err"))
    sensor.terminate()
    status = sensor.wait()
    check("what waits in the journal is told at the end and is no failure",
          status == 0 and "500 records wait in the journal" in said("down.err"), f"exit {status}: {said('down.err')}")
    stats = json.loads(said("down.json"))["thingwarden"]["outputs"]
    check("counters: waiting, sent, oldest", stats[0]["waiting"] == 500 and stats[0]["retried"] > 0 and stats[0]["oldest_s"] > 0 and
          stats[1]["sent"] == 500 and stats[1]["waiting"] == 0, stats)
    told = subprocess.run([PROGRAM, "journal", "status", "-c", path], capture_output=True, text=True).stdout
    check("journal status", "1000" in told and f"{dead.port} eve: at 0, 500 waiting, 0 lost" in told and
          f"{good.port} cef: at 1000, 0 waiting" in told, told)
    feed(log, 500, 1)
    back = Receiver(port=dead.port)
    sensor = start("watch", "-c", path, err=at("down.err"))
    back.wait_for(500, 10)
    while "watching" not in said("down.err"):
        time.sleep(0.05)
    feed(log, 501, 10)
    back.wait_for(510, 10)
    sensor.terminate()
    sensor.wait()
    wanted = [f"c-{n}" for n in range(500)] + [f"c-{n}" for n in range(501, 511)]
    why = in_order(back.heard(), wanted)
    check("on recovery, after a restart, everything arrives in order and once", not why and len(back.messages) == 510,
          f"{why}, {len(back.messages)} messages")
    check("watch says at its start where alerts are kept", "alerts are kept in the journal" in said("down.err"), said("down.err"))
    before = len(back.messages)
    again = subprocess.run([PROGRAM, "journal", "replay", "-c", path, "--since", "1h"], capture_output=True, text=True)
    check("journal replay sends all again", again.returncode == 0 and len(back.messages) == before + 510 and
          set(back.heard()[:510]) == set(back.heard()[510:]), again.stderr)
    again = subprocess.run([PROGRAM, "journal", "replay", "-c", path, "--since", "2999-01-01"], capture_output=True, text=True)
    check("journal replay --since the future sends nothing", again.returncode == 0 and len(back.messages) == before + 510, again.stderr)
    back.stop()
    good.stop()


def full_journal():
    dead = Receiver()
    dead.stop()
    count = 6000
    path = config("full.yaml", dead.port, f"path: {at('full')}, max_size: 4M, segment_size: 1M, sync: never")
    log = write("full.log", lines_of(0, count))
    sensor = start("replay", "-c", path, "--stats", at("full.json"), log, err=at("full.err"))
    status = sensor.wait()
    output = json.loads(said("full.json"))["thingwarden"]["outputs"][0]
    size = sum(os.path.getsize(at("full", n)) for n in os.listdir(at("full")))
    check(f"a full journal: the oldest go ({output['lost']} of {count}), counted, said once, exit 1",
          status == 1 and output["lost"] > 0 and output["lost"] + output["waiting"] == count and size <= 4 << 20 and
          said("full.err").count("the journal is full") == 1, f"exit {status}, {output}, {size} bytes: {said('full.err')}")
    back = Receiver(port=dead.port)
    start("replay", "-q", "-c", path, write("full.log", "")).wait()
    why = in_order(back.heard(), [f"c-{n}" for n in range(output["lost"], count)])
    check("a full journal: the others arrive in order", not why, why)
    told = subprocess.run([PROGRAM, "journal", "status", at("full")], capture_output=True, text=True).stdout
    check("a full journal: status shows the loss", f"0 waiting, {output['lost']} lost" in told, told)
    back.stop()


def damaged():
    """Bits that flip and an end that is half written cost only what they hit."""
    dead = Receiver()
    dead.stop()
    path = config("flip.yaml", dead.port, f"path: {at('flip')}")
    start("replay", "-q", "-c", path, write("flip.log", lines_of(0, 200))).wait()
    name = at("flip", [n for n in os.listdir(at("flip")) if n.endswith(".journal")][0])
    with open(name, "r+b") as f:
        data = bytearray(f.read())
        data[data.find(b"c-50")] ^= 1
        f.seek(0)
        f.write(bytes(data) + data[32:400])
    back = Receiver(port=dead.port)
    status = start("replay", "-c", path, write("flip.log", ""), err=at("flip.err")).wait()
    why = in_order(back.heard(), [f"c-{n}" for n in range(200) if n != 50])
    check("a damaged journal: what is whole arrives, what is not is told", not why and "half written and are cut" in said("flip.err") and
          "damaged" in said("flip.err"), f"{why}, exit {status}: {said('flip.err')}")
    back.stop()


def mounted(options):
    os.makedirs(at("small"), exist_ok=True)
    return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", at("small")], stderr=subprocess.DEVNULL).returncode == 0


def no_disk():
    if not mounted("size=2m"):
        print("skip a full disk, a read-only folder: mounting a tmpfs is not permitted here", flush=True)
        return
    receiver, log, count = Receiver(), write("disk.log", ""), 4000
    path = config("disk.yaml", receiver.port, f"path: {at('small/j')}, max_size: 64M", f"logs: [{{path: {log}}}]\n")
    sensor = start("watch", "-c", path, "--stats", at("disk.json"), err=at("disk.err"))
    while "watching" not in said("disk.err"):
        time.sleep(0.05)
    for first in range(0, count, 500):
        feed(log, first, 500)
        receiver.wait_for(first + 500, 10)
    for name in sorted(os.listdir(at("small/j")))[:1]:
        with open(at("small/j", name), "r+b") as f: # somebody makes room
            f.truncate(100)
    time.sleep(5.5)
    feed(log, count, 1)
    receiver.wait_for(count + 1, 10)
    sensor.terminate()
    status = sensor.wait()
    why = in_order(receiver.heard(), [f"c-{n}" for n in range(count + 1)])
    stats = json.loads(said("disk.json"))["thingwarden"]["journal"]
    err = said("disk.err")
    check(f"a full disk stops nothing but the journal ({stats['unwritten']} not in it)", not why and status == 0 and
          stats["unwritten"] > 0 and err.count("records wait in memory only") == 1 and "is back" in err, f"{why}, exit {status}, {stats}: {err}")
    subprocess.run(["umount", at("small")], check=True)
    mounted("size=2m,ro")
    receiver.messages.clear()
    status = start("replay", "-c", path, write("ro.log", lines_of(0, 50)), err=at("ro.err")).wait()
    why = in_order(receiver.heard(), [f"c-{n}" for n in range(50)])
    check("a read-only folder stops nothing but the journal", not why and status == 0 and
          len(re.findall("Read-only", said("ro.err"))) == 1, f"{why}, exit {status}: {said('ro.err')}")
    subprocess.run(["umount", at("small")], check=True)
    receiver.stop()


misbehaving()
killed_replays()
killed_watch()
down_and_back()
full_journal()
damaged()
no_disk()
