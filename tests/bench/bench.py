"""What thingwarden costs, told as ratios taken in one run on one machine.

The measure is processor time (user + sys) of one process and all its threads, the median of several repetitions in which
the programs take turns. The floor is a bare libpcap loop that touches every cache line (tests/tools/floor.c). Captures are
generated (tests/tools/mixgen.c) into TMPDIR, read once so that they are in the page cache, and removed.

Peers that are installed (ndpiReader, tshark, suricata) read a shorter capture of the same mix. Their cost is that run less
their cost of starting, per packet; thingwarden and the floor are told whole. tests/bench/install-peers gets Suricata.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import loggen

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, "build/release")
THINGWARDEN = os.path.join(BUILD, "thingwarden")
FLOOR = os.path.join(BUILD, "tests/tool-floor")
MIXGEN = os.path.join(BUILD, "tests/tool-mixgen")


class Cost:
    """One run of a command: processor seconds, wall seconds, peak resident MB."""

    def __init__(self, command):
        began = time.monotonic()
        with open(os.devnull, "r+b") as null:
            child = subprocess.Popen(command, stdin=null, stdout=null, stderr=subprocess.PIPE)
        said = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        child.stderr.close()
        if child.returncode:
            sys.exit(f"bench: {' '.join(command)}: exit {child.returncode}\n{said.decode(errors='replace')[-2000:]}")
        self.wall = time.monotonic() - began
        self.cpu = usage.ru_utime + usage.ru_stime
        self.rss_mb = usage.ru_maxrss / 1024


def take_turns(commands, repetitions):
    """{name: median Cost}, each median by processor time; the peak of the peaks for memory."""
    runs = {name: [] for name in commands}
    for _ in range(repetitions):
        for name, command in commands.items():
            runs[name].append(Cost(command))
    medians = {}
    for name, costs in runs.items():
        costs.sort(key=lambda c: c.cpu)
        medians[name] = costs[len(costs) // 2]
        medians[name].rss_mb = max(c.rss_mb for c in costs)
        medians[name].spread = costs[-1].cpu - costs[0].cpu
    return medians


def generate(path, packets, flows, exchanges, mix="mqtt"):
    out = subprocess.run([MIXGEN, "-m", mix, "-n", str(packets), "-f", str(flows), "-e", str(exchanges), path], check=True,
                         capture_output=True, text=True).stdout
    return {name: int(count) for name, count in (line.split() for line in out.splitlines())}


def thingwarden(path, *more):
    return [THINGWARDEN, "replay", "-q", "--alerts", os.devnull, *more, path]


def peers(path, folder):
    """Commands of the peers that are here, each with one thread of work as far as it can be told."""
    commands = {}
    if shutil.which("ndpiReader"):
        commands["ndpiReader"] = ["ndpiReader", "-q", "-n", "1", "-i", path]
    if shutil.which("tshark"):
        commands["tshark -z io,phs"] = ["tshark", "-n", "-q", "-r", path, "-z", "io,phs"]
        commands["tshark -T fields"] = ["tshark", "-n", "-r", path, "-Y", "mqtt", "-T", "fields", "-e", "mqtt.msgtype"]
    if shutil.which("suricata"):
        here = os.path.join(TOP, "tests/bench")
        commands["suricata, 7 rules"] = ["suricata", "-r", path, "-c", os.path.join(here, "suricata.yaml"), "-S",
                                         os.path.join(here, "suricata.rules"), "-l", folder, "--runmode", "single", "-k",
                                         "none"]
    return commands


def table(rows, packets, floor_ns):
    print(f"{'':26}{'seconds':>9}{'ns/packet':>11}{'packets/s':>13}{'x floor':>9}{'peak MB':>9}")
    for name, seconds, rss, of in rows:
        ns = seconds / of * 1e9
        print(f"{name:26}{seconds:9.2f}{ns:11.0f}{1e9 / ns:13,.0f}{ns / floor_ns:9.2f}{rss:9.0f}")


def bench_mix(args, folder):
    path = os.path.join(folder, "mix.pcap")
    told = generate(path, args.packets, args.mix_flows, 50, args.mix)
    packets = told["packets"]
    messages = sum(n for name, n in told.items() if "." in name and not name.startswith("tcp."))
    print(f"{args.mix} mix: {packets:,} packets of {told['bytes'] // packets} bytes on average, {messages:,} messages, "
          f"{args.mix_flows:,} devices at a time, {told['flows']:,} flows")
    got = take_turns({"floor": [FLOOR, path], "thingwarden replay": thingwarden(path),
                      "  with --events as well": thingwarden(path, "--events", os.devnull)}, args.repetitions)
    floor_ns = got["floor"].cpu / packets * 1e9
    rows = [(name, cost.cpu, cost.rss_mb, packets) for name, cost in got.items()]
    os.unlink(path)
    if not args.no_peers:
        rows += bench_peers(args, folder)
    table(rows, packets, floor_ns)
    ratio = got["thingwarden replay"].cpu / got["floor"].cpu
    spread = max(cost.spread / cost.cpu for cost in got.values())
    print(f"thingwarden / floor = {ratio:.2f} (median of {args.repetitions}, widest spread {spread:.0%})")


def bench_peers(args, folder):
    short, tiny = os.path.join(folder, "short.pcap"), os.path.join(folder, "tiny.pcap")
    packets = generate(short, args.peer_packets, args.mix_flows, 50, args.mix)["packets"]
    generate(tiny, 20, 1, 5)
    rows = []
    started = take_turns(peers(tiny, folder), 1) if peers(tiny, folder) else {}
    costs = take_turns(peers(short, folder), args.peer_repetitions) if started else {}
    for name, cost in costs.items():
        rows.append((name, cost.cpu - started[name].cpu, cost.rss_mb, packets))
    print(f"peers: on {packets:,} packets of the same mix, less their start ("
          + ", ".join(f"{name} {cost.cpu:.2f} s" for name, cost in started.items()) + ")")
    return rows


def bench_protocols(args, folder):
    """A capture of each protocol by itself: what a packet of it costs."""
    print(f"\nEach protocol by itself, {args.protocol_packets:,} packets, {args.mix_flows:,} devices")
    print(f"{'':10}{'floor ns':>10}{'ns/packet':>11}{'x floor':>9}{'x mqtt':>9}{'peak MB':>9}")
    mqtt = None
    for protocol in ("mqtt", "coap", "http", "tls"):
        path = os.path.join(folder, "one.pcap")
        packets = generate(path, args.protocol_packets, args.mix_flows, 50, protocol)["packets"]
        got = take_turns({"floor": [FLOOR, path], "thingwarden": thingwarden(path)}, args.repetitions)
        os.unlink(path)
        ns, floor_ns = (got[name].cpu / packets * 1e9 for name in ("thingwarden", "floor"))
        mqtt = mqtt or ns
        print(f"{protocol:10}{floor_ns:10.0f}{ns:11.0f}{ns / floor_ns:9.2f}{ns / mqtt:9.2f}{got['thingwarden'].rss_mb:9.0f}",
              flush=True)


def bench_flows(args, folder):
    print(f"\nConcurrent sessions, {args.scale_packets:,} packets in sessions of the same length")
    print(f"{'sessions':>10}{'floor ns':>10}{'ns/packet':>11}{'x floor':>9}{'x first':>9}{'peak MB':>9}{'bytes/session':>15}")
    first = None
    for flows in args.flows:
        path = os.path.join(folder, "flows.pcap")
        packets = generate(path, args.scale_packets, flows, 4)["packets"]
        got = take_turns({"floor": [FLOOR, path], "thingwarden": thingwarden(path)}, args.scale_repetitions)
        os.unlink(path)
        ns, floor_ns = (got[name].cpu / packets * 1e9 for name in ("thingwarden", "floor"))
        rss = got["thingwarden"].rss_mb
        first = first or (ns, rss, flows)
        each = f"{(rss - first[1]) * 1048576 / (flows - first[2]):15.0f}" if flows > first[2] else f"{'':15}"
        print(f"{flows:10,}{floor_ns:10.0f}{ns:11.0f}{ns / floor_ns:9.2f}{ns / first[0]:9.2f}{rss:9.0f}{each}", flush=True)


def bench_start(folder):
    path = os.path.join(folder, "tiny.pcap")
    generate(path, 20, 1, 5)
    walls = [Cost(thingwarden(path)).wall for _ in range(15)]
    print(f"\nstart, a capture of twenty packets, end: {statistics.median(walls) * 1000:.0f} ms of wall time (median of 15)")


def bench_logs(args, folder):
    """Logs of a fleet (loggen.py), all rules on, less the start; jq, where it is, on those of JSON."""
    print(f"\nLogs of {args.log_mb} MB, less the start")
    print(f"{'':22}{'lines':>12}{'lines/s':>12}{'MB/s':>7}{'x wc -l':>9}{'jq / ours':>11}{'peak MB':>9}")
    path = os.path.join(folder, "fleet.log")
    loggen.write(path, "mosquitto, all", 1)
    start = take_turns({"start": thingwarden(path)}, args.repetitions)["start"].cpu
    for fleet in loggen.FLEETS:
        lines = loggen.write(path, fleet, args.log_mb * 1000000)
        commands = {"wc": ["wc", "-l", path], "thingwarden": thingwarden(path)}
        if fleet.endswith("JSON") and shutil.which("jq"):
            commands["jq"] = ["jq", "-c", ".", path]
        got = take_turns(commands, args.repetitions)
        ours = got["thingwarden"].cpu - start
        jq = f"{got['jq'].cpu / ours:11.1f}" if "jq" in got else f"{'':11}"
        print(f"{fleet:22}{lines:12,}{lines / ours:12,.0f}{os.path.getsize(path) / ours / 1e6:7.0f}{ours / got['wc'].cpu:9.1f}{jq}"
              f"{got['thingwarden'].rss_mb:9.0f}", flush=True)
    os.unlink(path)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--mix", choices=["mqtt", "full"], default="mqtt",
                   help="full: by flow 70 %% MQTT, 15 %% CoAP, 10 %% HTTP, 5 %% TLS; with a line for each protocol")
    p.add_argument("--packets", type=int, default=4900000, help="of the mix")
    p.add_argument("--mix-flows", type=int, default=10000, help="devices of the mix at a time")
    p.add_argument("--repetitions", type=int, default=5)
    p.add_argument("--no-peers", action="store_true")
    p.add_argument("--peer-packets", type=int, default=500000)
    p.add_argument("--peer-repetitions", type=int, default=3)
    p.add_argument("--protocol-packets", type=int, default=2000000)
    p.add_argument("--flows", type=int, nargs="*", default=[1000, 100000, 1000000])
    p.add_argument("--scale-packets", type=int, default=16000000)
    p.add_argument("--scale-repetitions", type=int, default=3)
    p.add_argument("--log-mb", type=int, default=100, help="of each log")
    p.add_argument("--logs-only", action="store_true")
    args = p.parse_args()
    with tempfile.TemporaryDirectory(prefix="thingwarden-bench.") as folder:
        if args.logs_only:
            bench_logs(args, folder)
            return
        bench_mix(args, folder)
        if args.mix == "full":
            bench_protocols(args, folder)
        bench_flows(args, folder)
        bench_logs(args, folder)
        bench_start(folder)


if __name__ == "__main__":
    main()
