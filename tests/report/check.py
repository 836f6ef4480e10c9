"""check.py THINGWARDEN MIXGEN PICTURES: see run."""
import base64
import csv
import hashlib
import html.parser
import io
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

import attack
from browser import Browser

PROGRAM, MIXGEN, PICTURES = sys.argv[1:4]
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PCAPS = os.path.join(TOP, "pcaps")
CONNECT = os.path.join(TOP, "tests/cli/connect.yml")
PUBLISH = os.path.join(TOP, "tests/report/publish.yml")
MANY, PAGE_MOST, OPEN_MOST_S = 100_000, 40_000_000, 15.0
LEVELS = ("informational", "low", "medium", "high", "critical")
passed = failed = skipped = 0


def check(name, good, why=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print(f"{'ok   ' if good else 'FAIL '} {name}{'' if good or why == '' else ': ' + str(why)[:600]}", flush=True)
    return good


def skip(name, why):
    global skipped
    skipped += 1
    print(f"skip  {name}: {why}", flush=True)


def run(*words, cwd=None):
    return subprocess.run([PROGRAM, *words], capture_output=True, stdin=subprocess.DEVNULL, cwd=cwd, timeout=120)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


# --- inventory ---------------------------------------------------------------------------------------------------------

def inventory(folder):
    home = os.path.join(PCAPS, "benign/mqtt_home.pcap")
    done = run("inventory", "--format", "json", home)
    devices = {d["address"]: d for d in json.loads(done.stdout)}
    broker, home_hub = devices.get("10.20.0.1", {}), devices.get("10.20.0.13", {})
    values = lambda d, kind: [f["value"] for f in d.get(kind, [])]
    check("inventory: the broker serves MQTT and calls nobody", "1883/tcp mqtt" in values(broker, "services") and not values(broker, "servers"), broker)
    check("inventory: a home controller has its client id, address, link address, version and broker",
          values(home_hub, "client_ids") and values(home_hub, "servers") == ["10.20.0.1:1883"] and home_hub["mac"].startswith("02:00:00") and
          values(home_hub, "protocols") == ["mqtt"] and values(home_hub, "versions") and home_hub["packets_sent"] > 0 and home_hub["bytes_sent"] > 0, home_hub)
    check("inventory: times are those of the capture", all(d["first_seen"] <= d["last_seen"] for d in devices.values()))
    check("inventory: the same bytes again", all(run("inventory", "--format", f, home).stdout == run("inventory", "--format", f, home).stdout for f in ("json", "csv", "table")))
    tls = json.loads(run("inventory", "--format", "json", os.path.join(PCAPS, "benign/tls_https_curl.pcap")).stdout)
    client = next((d for d in tls if d.get("ja3")), {})
    check("inventory: TLS clients have fingerprints, servers their names", client.get("ja4") and re.fullmatch("[0-9a-f]{32}", values(client, "ja3")[0]) and any(d.get("names") for d in tls), tls)
    http = json.loads(run("inventory", "--format", "json", os.path.join(PCAPS, "benign/http_telemetry.pcap")).stdout)
    check("inventory: HTTP software", any(d.get("software") for d in http), http)
    coap = json.loads(run("inventory", "--format", "json", os.path.join(PCAPS, "benign/coap_libcoap.pcap")).stdout)
    check("inventory: a CoAP server has its paths", any(d.get("services") and d.get("resources") for d in coap), coap)
    logged = json.loads(run("inventory", "--format", "json", os.path.join(PCAPS, "log")).stdout)
    check("inventory: of logs", any(d.get("client_ids") for d in logged))
    scanner = {d["address"]: d for d in json.loads(run("inventory", "--format", "json", os.path.join(PCAPS, "session/session_scan-fires.pcap")).stdout)}.get("10.20.0.66", {})
    check("inventory: of many topics the first eight, and how often there were others", len(scanner.get("resources", [])) == 8 and scanner["not_kept"]["resources"] > 0, scanner)
    table = run("inventory", home).stdout.decode()
    check("inventory: a table by default", table.startswith("ADDRESS") and "10.20.0.13" in table and table.endswith("devices\n"), table[:300])
    damaged = os.path.join(folder, "damaged.pcap")
    with open(home, "rb") as whole, open(damaged, "wb") as cut:
        cut.write(whole.read()[:3000])
    done = run("inventory", "--format", "json", damaged)
    check("inventory: a damaged capture: what was before the damage, exit 1", done.returncode == 1 and json.loads(done.stdout) and done.stderr.count(b"\n") == 1, done)
    for words, status in ((["--format", "xml", home], 2), (["--alerts", "x", home], 2), ([], 2), (["--report", "x.html", home], 2)):
        done = run("inventory", *words)
        check(f"inventory: usage {words[:1]}", done.returncode == status and done.stderr.count(b"\n") == 1, done)


def inventory_attacked(capture, log):
    for path in (capture, log):
        rows = list(csv.reader(io.StringIO(run("inventory", "--format", "csv", path).stdout.decode(), newline="")))
        cells = [cell for row in rows[1:] for cell in row]
        width = {len(row) for row in rows}
        bad = [c for c in cells if c.strip()[:1] in tuple("=+-@|%\t\r")]
        named = any("cmd|" in c for c in cells)
        check(f"CSV: whole, and no cell begins a formula ({os.path.basename(path)})", not bad and len(width) == 1 and named and len(rows) > 5, bad or width)
        text = run("inventory", path).stdout.decode()
        check(f"table: no direction marks, one line a device ({os.path.basename(path)})", "\u202e" not in text and "\\u202e" in text and text.count("\n") == len(rows) + 1)
        ids = {f["value"] for d in json.loads(run("inventory", "--format", "json", path).stdout) for f in d.get("client_ids", [])}
        check(f"JSON: names as they are ({os.path.basename(path)})", attack.SCRIPT in ids and "=cmd|'/C_calc'!A0" in ids and "\\u202egpj.exe" in ids, ids)


# --- the page as text ------------------------------------------------------------------------------------------------------

class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.scripts, self.styles, self.inside = [], [], [], None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.inside = tag if tag in ("script", "style") else None
        if tag == "script":
            self.scripts.append([dict(attributes), ""])

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts[-1][1] += data
        elif self.inside == "style":
            self.styles.append(data)

    def data(self):
        return {a["id"]: json.loads(text) for a, text in self.scripts if a.get("type") == "application/json"}


def structure(name, path):
    text = read(path)
    page = Page(text)
    data = [a.get("id") for a, _ in page.scripts if a.get("type") == "application/json"]
    code = [body for a, body in page.scripts if not a]
    check(f"{name}: seven scripts of data, one that runs", data == ["data-about", "data-time", "data-files", "data-rules", "data-devices", "data-alerts"] and len(code) == 1 and len(page.scripts) == 7, page.scripts and data)
    policy = next(a["content"] for tag, a in page.elements if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    digest = lambda body: "'sha256-" + base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() + "'"
    check(f"{name}: the policy lets in this script and this style by their hashes, and nothing else", "default-src 'none'" in policy and "unsafe" not in policy and
          f"script-src {digest(code[0])};" in policy and f"style-src {digest(''.join(page.styles))};" in policy, policy)
    outside = [(tag, k, v) for tag, a in page.elements for k, v in a.items() if k.startswith("on") or k in ("style", "srcdoc", "action") or
               re.search(r"(?i)javascript:|https?:|^//", v or "")]
    outside += re.findall(r"(?i)url\([^)]*\)|@import[^;]*", "".join(page.styles))
    urls = set(re.findall(r"https?://[^\"'\s]+", code[0])) - {"http://www.w3.org/2000/svg"}
    kinds = {tag for tag, _ in page.elements}
    check(f"{name}: nothing comes from elsewhere, no element that an attacker made", not outside and not urls and
          kinds <= {"html", "head", "meta", "link", "title", "style", "body", "a", "header", "p", "h1", "div", "nav", "main", "noscript", "table", "thead", "tbody", "tr",
                    "th", "td", "section", "footer", "script"}, (outside, urls, kinds))
    check(f"{name}: the script builds no markup from text", not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", code[0]))
    return page.data()


def rows_of(path):
    """Of a page of many megabytes, for which HTMLParser takes its time."""
    return json.loads(read(path).split('id="data-alerts">', 1)[1].split("</script>", 1)[0])


def last_records(path):
    """Of each alert its last update."""
    last = {}
    for line in read(path).splitlines():
        t = json.loads(line)["thingwarden"]
        group = json.dumps(t["group_by"])
        log = t["files"][0] if '"unknown"' in group else None # an end that a log does not tell is another one in each log
        last[t["rule"], t["title"], group, log, t["first_seen"]] = t
    return last


def same_as_records(name, data, alerts):
    ids = [json.loads(line)["thingwarden"]["id"] for line in read(alerts).splitlines()]
    check(f"{name}: no two records have one id", len(ids) == len(set(ids)), f"{len(ids)} records, {len(set(ids))} ids")
    last = last_records(alerts)
    rules = {r["index"]: r for r in data["data-rules"]}
    told = sorted((rules[row[0]]["name"], rules[row[0]]["title"], row[15], row[4]) for row in data["data-alerts"]) if data["data-alerts"] else []
    told_by_records = sorted((t["rule"], t["title"], t["count"], t.get("update", 0)) for t in last.values())
    counted = [(rules[row[0]]["name"], rules[row[0]]["title"], row[17], row[4]) for row in data["data-alerts"]]
    check(f"{name}: each alert once, as its last update tells it ({len(last)})", sorted(counted) == told_by_records, (len(counted), len(told_by_records), told[:2]))
    frames = sorted(sorted(f for part in row[22] for f in part[1:]) for row in data["data-alerts"])
    check(f"{name}: frames and lines as in the records", frames == sorted(sorted(t.get("frames", t.get("lines"))) for t in last.values()))
    check(f"{name}: rules are counted without updates", sum(r["alerts"] for r in data["data-rules"]) == len(last) == sum(sum(s[3:]) for s in data["data-time"]["spans"]))


# --- what goes wrong ---------------------------------------------------------------------------------------------------------

def refused(folder, capture):
    kept = os.path.join(folder, "kept.html")
    for name, target in (("a folder that is not there", "gone/x.html"), ("a folder", "folder"), ("a device", "/dev/full"), ("a file in a file", "file/x.html")):
        os.makedirs(os.path.join(folder, "folder"), exist_ok=True)
        with open(os.path.join(folder, "file"), "w", encoding="ascii"):
            pass
        done = run("replay", "-q", "-r", CONNECT, "--alerts", "alerts.json", "--report", target, capture, cwd=folder)
        alerts = read(os.path.join(folder, "alerts.json")).count("\n")
        check(f"report into {name}: one line, exit 1, no alert lost", done.returncode == 1 and done.stderr.count(b"\n") == 1 and alerts == len(attack.NAMES), (done, alerts))
    for words in (["--report", "-", capture], ["--report"]):
        check(f"usage {words[:2]}", run("replay", *words).returncode == 2)
    check("watch has no report", run("watch", "--report", "x", "-i", "lo").returncode == 2)
    with open(kept, "w", encoding="ascii") as file:
        file.write("before")
    small = os.path.join(folder, "small")
    os.makedirs(small, exist_ok=True)
    mount = subprocess.run(["unshare", "-m", "sh", "-c", f"mount -t tmpfs -o size=40k none {small} && cd {small} && echo before >x.html && "
                            f"{PROGRAM} replay -q -r {CONNECT} --alerts {folder}/alerts.json --report x.html {capture}; echo status $?; cat x.html; ls -a"],
                           capture_output=True, text=True, check=False)
    if "mount:" in mount.stderr or "unshare:" in mount.stderr:
        skip("report on a full disk", "no rights to mount a small one")
    else:
        check("report on a full disk: one line, exit 1, no alert lost, the old page stays, nothing is left behind",
              mount.stdout.split() == ["status", "1", "before", ".", "..", "x.html"] and mount.stderr.count("\n") == 1 and
              read(os.path.join(folder, "alerts.json")).count("\n") == len(attack.NAMES), mount)


# --- the page in a browser ----------------------------------------------------------------------------------------------------

def draw_all(browser):
    """Opens every group and alert; the page draws them as a person would make it do."""
    browser.value("(async () => { const wait = () => new Promise(r => setTimeout(r, 30));"
                  "for (const g of document.querySelectorAll('details.group')) g.open = true; await wait();"
                  "for (const a of document.querySelectorAll('details.alert')) a.open = true; await wait(); })()")


def quiet(name, browser, url):
    check(f"{name}: the browser has nothing to complain about and asks nobody", not browser.said and browser.asked == [url], (browser.said, browser.asked))
    check(f"{name}: the script ran to its end", browser.value("document.documentElement.dataset.ready") == "yes")


def picture(browser, name, **size):
    for scheme in ("light", "dark"):
        browser.media(scheme)
        browser.picture(os.path.join(PICTURES, f"{name}-{scheme}.png"), **size)
    colours = []
    for scheme in ("light", "dark"):
        browser.media(scheme)
        colours.append(browser.value("getComputedStyle(document.body).backgroundColor"))
    check(f"{name}: light and dark differ", colours[0] != colours[1], colours)
    browser.media("light")


def frames_of(capture, display):
    done = subprocess.run(["tshark", "-n", "-r", capture, "-Y", display, "-T", "fields", "-e", "frame.number"], capture_output=True, text=True, timeout=60, check=False)
    return ([int(n) for n in done.stdout.split()] if done.returncode == 0 else None), done.stderr


def filters(name, browser, captures, most, only=""):
    """What the page offers for copying, given to tshark with the file that the page names."""
    offered = browser.value("[...document.querySelectorAll('details.alert')].flatMap(a => [...a.querySelectorAll('.proof')].map(p => "
                            "[(p.querySelector('b') || p.parentElement.querySelector('[data-file] b')).title, p.firstChild.textContent, p.querySelector('code').textContent]))")
    paths = {os.path.basename(c): c for c in captures}
    offered = [o for o in offered if os.path.basename(o[0]) in paths and only in o[1]][:most]
    wrong = []
    for file, label, text in offered:
        found, said = frames_of(paths[os.path.basename(file)], text)
        wanted = [int(n) for n in re.findall(r"\d+", text)] if text.startswith("frame.number") else None
        if not found or (wanted and found != wanted):
            wrong.append((file, label, text, found, said))
    check(f"{name}: display filters select in tshark what they promise ({len(offered)})", offered and not wrong, wrong)


def show(name, browser, path, captures, most):
    url = "file://" + path
    seconds = browser.open(url)
    quiet(name, browser, url)
    picture(browser, name)
    draw_all(browser)
    filters(name, browser, captures, most)
    browser.value("document.getElementById('alerts').scrollIntoView()")
    picture(browser, name + "-alerts")
    quiet(name + ", opened up", browser, url)
    return seconds


def ten(browser, folder):
    captures = [os.path.join(PCAPS, "session", n + ".pcap") for n in ("session_success_after_failures-fires", "session_scan-fires", "session_abnormal_termination-fires")]
    path = os.path.join(folder, "ten.html")
    run("replay", "-q", "--alerts", os.devnull, "--report", path, *captures)
    show("ten", browser, path, captures, 8)
    check("ten: the head says it", "critical" in browser.value("document.getElementById('verdict').textContent"))
    check("ten: names of techniques", "Password Guessing" in browser.value("document.getElementById('alerts').textContent"))
    check("ten: a level's tile filters", browser.value("document.querySelector('.tile[data-level=\"4\"]').click(), document.querySelectorAll('details.group').length") == 1)
    browser.value("document.querySelector('.tile[data-level=\"4\"]').click()")
    check("ten: a device's name filters", browser.value("[...document.querySelectorAll('#tables .card:last-child button.link')][0].click(), document.querySelectorAll('.chip').length") == 1)
    browser.paper(os.path.join(PICTURES, "ten.pdf"))


def whole(browser, folder):
    path, alerts = os.path.join(folder, "whole.html"), os.path.join(folder, "whole.json")
    done = run("replay", "-q", "--alerts", alerts, "--report", path, "pcaps", cwd=TOP)
    check("whole: exit 0", done.returncode == 0, done)
    data = structure("whole", path)
    same_as_records("whole", data, alerts)
    again = os.path.join(folder, "again.html")
    run("replay", "-q", "--alerts", os.devnull, "--report", again, "pcaps", cwd=TOP)
    check("whole: the same bytes again", read(path) == read(again))
    tiers = {row[3] for row in data["data-about"]["census"] if row[0] == "suite"}
    check("whole: cipher suites of all tiers", {"broken", "weak", "no_forward_secrecy", "good"} <= tiers, tiers)
    check("whole: flows that are not read are counted", any(row[7] == 2 for row in data["data-about"]["census"] if row[0] == "app"))
    if browser:
        files = [os.path.join(base, n) for base, _, names in os.walk(PCAPS) for n in names if n.endswith(".pcap")]
        show("whole", browser, path, files, 4)
        ids = ["summary", "timeline", "tables", "alerts", "devices", "protocols", "coverage"]
        check("whole: every part is there", browser.value(f"{ids}.every(id => document.getElementById(id).textContent.length > 60)"))
        check("whole: a click on the timeline filters", browser.value("document.querySelector('svg .cell').dispatchEvent(new Event('click')), document.querySelectorAll('.chip').length") == 1)
        search = "(async () => { const t = document.getElementById('text'); t.value = 'critical 10.20.0.31'; t.dispatchEvent(new Event('input'));" \
                 "await new Promise(r => setTimeout(r, 400)); return document.querySelectorAll('details.group').length; })()"
        browser.value("document.querySelector('.chip').click()")
        browser.value("document.querySelectorAll('.bar input[type=checkbox]').forEach(c => { if (!c.checked) c.click(); })")
        check("whole: search finds", browser.value(search) == 1)


def damaged_inputs(browser, folder):
    path = os.path.join(folder, "blind.html")
    done = run("replay", "-q", "--alerts", os.devnull, "--report", path, os.path.join(folder, "damaged.pcap"), os.path.join(PCAPS, "benign/only_to_server.pcap"))
    data = structure("blind", path)
    check("blind: exit 1, and the page says which input and why", done.returncode == 1 and data["data-about"]["faults"] == 1 and
          any(f[7] and "damaged" in f[1] for f in data["data-files"]), data["data-files"])
    check("blind: one direction is counted", data["data-about"]["one_sided"] > 0)
    if browser:
        browser.open("file://" + path)
        quiet("blind", browser, "file://" + path)
        check("blind: said at the top", "damaged" in browser.value("document.getElementById('facts').textContent"))


def attacked(browser, folder, capture, log):
    for rules, source in ((PUBLISH, capture), (CONNECT, capture), (CONNECT, log)):
        name = "attacked " + os.path.basename(source) + " " + os.path.basename(rules)
        path, alerts = os.path.join(folder, "attacked.html"), os.path.join(folder, "attacked.json")
        run("replay", "-q", "-r", rules, "--alerts", alerts, "--report", path, source)
        text = read(path)
        check(f"{name}: no attacker's tag in the page", "<script>window.pwned" not in text and "<img" not in text and "<!--<script" not in text)
        data = structure(name, path)
        same_as_records(name, data, alerts)
        check(f"{name}: but his words, as text", any(attack.SCRIPT in json.dumps(row) or attack.TOPICS[0] in row for row in data["data-alerts"]))
        if not browser:
            continue
        browser.open("file://" + path)
        draw_all(browser)
        browser.value("document.querySelectorAll('#devices button.link').forEach(b => b.click())")
        quiet(name, browser, "file://" + path)
        check(f"{name}: nothing of it ran", browser.value("window.pwned === undefined && document.querySelectorAll('img, iframe, object, [onerror]').length === 0"))
        check(f"{name}: and it can be read", attack.SCRIPT in browser.value("document.getElementById('devices').textContent"))
        if source == capture and rules == CONNECT:
            filters(name, browser, [capture], 99, "client id")
            picture(browser, "attacked")


def many(browser, folder):
    capture, path, alerts = (os.path.join(folder, n) for n in ("many.pcap", "many.html", "many.json"))
    subprocess.run([MIXGEN, "-m", "mqtt", "-n", "600000", "-f", str(MANY), "-e", "400", capture], check=True, stdout=subprocess.DEVNULL)
    done = run("replay", "-q", "-r", CONNECT, "--alerts", alerts, "--report", path, capture)
    size = os.path.getsize(path)
    check(f"many: {MANY} alerts, page of {size / 1e6:.1f} MB", done.returncode == 0 and size < PAGE_MOST and len(last_records(alerts)) == MANY)
    check("many: all are in it", len(rows_of(path)) == MANY)
    about = json.loads(read(path).split('id="data-about">', 1)[1].split("</script>", 1)[0])
    check("many: the table of devices is full and says so", about["devices"] == 65536 and about["devices_refused"] > 0, about["devices"])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"      peak memory of a child so far: {peak // 1024} MiB")
    if browser:
        seconds = browser.open("file://" + path)
        quiet("many", browser, "file://" + path)
        check(f"many: opens in {seconds:.1f} s", seconds < OPEN_MOST_S)
        picture(browser, "many")
        rows = browser.value("document.querySelectorAll('details.alert').length")
        check("many: few rows are drawn, more on demand", 0 < rows <= 200 and browser.value("document.querySelector('button.more').click(), document.querySelectorAll('details.alert').length") > rows)
        found = browser.value("(async () => { const began = performance.now(), t = document.getElementById('text'); t.value = 'sensor-0000c350'; t.dispatchEvent(new Event('input'));"
                              "await new Promise(r => setTimeout(r, 600)); return [document.querySelectorAll('details.alert').length, performance.now() - began]; })()")
        check(f"many: search among them takes {found[1] - 600:.0f} ms beyond its wait", found[0] == 1, found)


def beyond(folder):
    """More than the page holds: the first alerts of each rule, and how many there are. The rows of the second rule are long."""
    path, long = os.path.join(folder, "beyond.html"), os.path.join(folder, "long.yml")
    with open(long, "w", encoding="ascii") as file:
        file.write(read(CONNECT).replace("5f4a2f0e", "6f4a2f0e").replace("cli_connect", "cli_long").replace("group-by: [client_id]", "group-by: [client_id, src_ip, dest_ip]"))
        file.write("fields: [src_ip, src_port, dest_ip, dest_port, client_id, user, flow_id]\n")
    done = run("replay", "-q", "-r", CONNECT, "-r", long, "--alerts", os.devnull, "--report", path, os.path.join(folder, "many.pcap"))
    text, size = read(path), os.path.getsize(path)
    rules = {r["name"]: r for r in json.loads(text.split('id="data-rules">', 1)[1].split("</script>", 1)[0])}
    rows = rows_of(path)
    shown = {n: (r["shown"], r["alerts"], sum(row[0] == r["index"] for row in rows)) for n, r in rules.items()}
    check(f"beyond: {size / 1e6:.1f} MB; of each rule its first alerts, the others counted", done.returncode == 0 and size < PAGE_MOST and len(shown) == 2 and
          all(s == r < n == MANY for s, n, r in shown.values()), (done.stderr, shown))
    return path


def timed(part, *given):
    began = time.monotonic()
    result = part(*given)
    print(f"      {part.__name__}: {time.monotonic() - began:.1f} s", flush=True)
    return result


def main():
    os.makedirs(PICTURES, exist_ok=True)
    program = shutil.which("chromium")
    with tempfile.TemporaryDirectory(prefix="thingwarden-report.") as folder:
        capture, log = os.path.join(folder, "attack.pcap"), os.path.join(folder, "attack.log")
        attack.capture(capture)
        attack.log(log)
        timed(inventory, folder)
        timed(inventory_attacked, capture, log)
        timed(refused, folder, capture)
        browser = Browser(program) if program else None
        if not program:
            skip("the page in a browser", "no chromium here")
        try:
            timed(whole, browser, folder)
            timed(damaged_inputs, browser, folder)
            timed(attacked, browser, folder, capture, log)
            timed(many, browser, folder)
            path = timed(beyond, folder)
            if browser:
                browser.open("file://" + path)
                quiet("beyond", browser, "file://" + path)
                check("beyond: the page says so", "first of each rule" in browser.value("document.getElementById('coverage').textContent"))
                timed(ten, browser, folder)
        finally:
            if browser:
                browser.__exit__()
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
