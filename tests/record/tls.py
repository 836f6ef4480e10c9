#!/usr/bin/python3
"""Captures of TLS and DTLS from OpenSSL, GnuTLS, libcoap, Mosquitto and curl: pcaps/tls/ and its part of pcaps/benign/.

    tests/record/tls.py [PART_OF_A_NAME...]      as root; needs gnutls-bin libcoap3-bin mosquitto curl dropbear-bin busybox

Weak suites and old versions are what the libraries still have at security level 0. SSL 2 and 3, export suites and DTLS 1.3 are in
none of Debian's: these hellos are written here by hand, and ORIGIN.tsv calls them generated. Certificates are made anew for each
recording."""
import datetime
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from net import Net, stop, until  # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOST = "broker.plant.example"
SERVER, DEVICE = "10.30.0.1", "10.30.0.11"
PSK = "6c6f77657220736563726574"
ANY = ":@SECLEVEL=0"
recordings = {}
origins = {}


def recording(path, shows, made="recorded"):
    def keep(function):
        recordings[path] = function
        origins[path] = (made, shows)
        return function
    return keep


# --- certificates ---------------------------------------------------------------------------------------------------

CA_CONFIG = """[ca]
default_ca = plant
[plant]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
unique_subject = no
policy = names
[names]
organizationName = optional
commonName = supplied
"""


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Authority:
    """A folder of keys and certificates: NAME.key and NAME.crt, and ca.crt that signed them."""

    def __init__(self, folder):
        self.folder = folder
        with open(self.path("ca.conf"), "w", encoding="ascii") as f:
            f.write(CA_CONFIG.format(folder=folder))
        open(self.path("index"), "w", encoding="ascii").close()
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/O=Example Plant/CN=Example Plant Root",
                "-keyout", self.path("ca.key"), "-out", self.path("ca.crt"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, common_name, hosts=(), days=(-30, 800), digest="sha256", key="rsa:2048", self_signed=False,
              by="ca"):
        """`days` from now: valid from, valid until."""
        first, last = ((datetime.datetime.utcnow() + datetime.timedelta(days=d)).strftime("%Y%m%d%H%M%SZ") for d in days)
        kind, _, size = key.partition(":")
        option = f"rsa_keygen_bits:{size}" if kind == "rsa" else f"ec_paramgen_curve:{size}"
        own = self.path(name + ".key")
        openssl("genpkey", "-algorithm", kind, "-pkeyopt", option, "-out", own)
        openssl("req", "-new", "-key", own, "-subj", f"/O=Example Plant/CN={common_name}", "-out", self.path("request"))
        with open(self.path("extensions"), "w", encoding="ascii") as f:
            f.write("basicConstraints = critical,CA:false\n")
            if hosts:
                f.write("subjectAltName = " + ",".join("DNS:" + h for h in hosts) + "\n")
        signer = ["-selfsign", "-keyfile", own] if self_signed else ["-keyfile", self.path(by + ".key"), "-cert", self.path(by + ".crt")]
        openssl("ca", "-batch", "-notext", "-config", self.path("ca.conf"), "-in", self.path("request"), "-out", self.path(name + ".crt"),
                "-startdate", first, "-enddate", last, "-md", digest, "-extfile", self.path("extensions"), *signer)


def certificates(folder):
    a = Authority(folder)
    host = [HOST, "mqtt.plant.example"]
    a.issue("good", HOST, [HOST, "*.plant.example"])
    a.issue("ec", HOST, host, key="ec:P-256")
    a.issue("big", HOST, host + [f"very-long-name-of-a-listener-{i}.plant.example" for i in range(60)])
    a.issue("expired", HOST, host, days=(-400, -3))
    a.issue("future", HOST, host, days=(5, 800))
    a.issue("ending", HOST, host, days=(-80, 10))
    a.issue("short", HOST, host, key="rsa:1024")
    a.issue("sha1", HOST, host, digest="sha1")
    a.issue("other", "intranet.example", ["intranet.example"])
    a.issue("selfsigned", HOST, host, self_signed=True)
    a.issue("meter", "meter-17")
    a.issue("newmeter", "meter-17")
    a.issue("selfmade", "meter-17", self_signed=True)
    a.issue("stranger", "meter-17", by="selfsigned") # of another authority
    return a


# --- the two ends ---------------------------------------------------------------------------------------------------

class Lab:
    def __init__(self, net):
        self.net, self.ca = net, certificates(net.dir)
        self.servers = []

    def file(self, name):
        return self.ca.path(name)

    def serve(self, *words, port=8883, udp=False):
        log = open(self.file("server.log"), "w+", encoding="utf-8", errors="replace")
        process = self.net.spawn("server", *words, stdin=subprocess.PIPE, stderr=log, text=True)
        self.servers.append(process)
        table = "udp" if udp else "tcp"

        def listens():
            if process.poll() is not None:
                raise RuntimeError(f"{' '.join(words)} ended: {open(log.name, encoding='utf-8', errors='replace').read()}")
            for name in (table, table + "6"):
                with open(f"/proc/{process.pid}/net/{name}", encoding="ascii") as sockets:
                    for line in list(sockets)[1:]:
                        own, state = line.split()[1], line.split()[3]
                        if int(own.rsplit(":", 1)[1], 16) == port and state in ("0A", "07"):
                            return True
            return False
        until(f"a server on port {port}", listens)
        return process

    def openssl(self, *options, cert="good", port=8883):
        """s_server: anything with -dtls is UDP; cert None for PSK and anonymous suites."""
        udp = any(o.startswith("-dtls") for o in options)
        own = ["-nocert"] if cert is None else ["-cert", self.file(cert + ".crt"), "-key", self.file(cert + ".key")]
        return self.serve("openssl", "s_server", "-accept", str(port), *own, *(() if udp else ("-rev",)), *options,
                          port=port, udp=udp)

    def client(self, *options, port=8883, sni=HOST, check=True):
        named = ["-servername", sni] if sni else ["-noservername"]
        return self.net.run("device", "openssl", "s_client", "-connect", f"{SERVER}:{port}", *named, *options, check=check)

    def gnutls(self, priority, cert="good", port=8883, *options):
        return self.serve("gnutls-serv", "--echo", "--port", str(port), "--priority", priority, "--disable-client-cert",
                          "--x509certfile", self.file(cert + ".crt"), "--x509keyfile", self.file(cert + ".key"), *options,
                          port=port)

    def gnutls_client(self, priority, *options, port=8883, check=True):
        return self.net.run("device", "gnutls-cli", "--insecure", "--priority", priority, "--sni-hostname", HOST, "--port", str(port),
                            *options, SERVER, check=check)

    def end(self):
        for process in self.servers:
            stop(process, timeout=1.0)
            self.net.processes.remove(process)
        self.servers.clear()


def pair(server, client, cert="good", port=8883, times=1):
    """One s_server and one s_client with these options."""
    def run(lab):
        lab.openssl(*server, cert=cert, port=port)
        for _ in range(times):
            lab.client(*client, port=port)
    return run


def psk(suite, identity="meter-17", key=PSK):
    return ("-psk", key, "-psk_identity", identity, "-cipher", suite + ANY)


# --- negotiated suites ----------------------------------------------------------------------------------------------

BROKEN = "tls/tls_broken_ciphersuite"
recording(BROKEN + "-fires", "TLS 1.2 with a suite that does not encrypt (NULL-SHA256), OpenSSL")(
    pair(("-tls1_2", "-cipher", "NULL-SHA256" + ANY), ("-tls1_2", "-cipher", "NULL-SHA256" + ANY)))
recording(BROKEN + "-fires-anonymous", "TLS 1.2 with anonymous Diffie-Hellman, OpenSSL")(
    pair(("-tls1_2", "-cipher", "ADH-AES128-GCM-SHA256" + ANY), ("-tls1_2", "-cipher", "ADH-AES128-GCM-SHA256" + ANY), cert=None))
recording(BROKEN + "-fires-dtls", "DTLS 1.2 with a pre-shared key and no encryption, OpenSSL")(
    pair(("-dtls1_2", *psk("PSK-NULL-SHA256")), ("-dtls1_2", *psk("PSK-NULL-SHA256")), cert=None, port=5684))
recording(BROKEN + "-quiet", "the client offers suites without encryption too, the server takes ECDHE with AES-GCM, OpenSSL")(
    pair(("-tls1_2",), ("-tls1_2", "-cipher", "ALL:eNULL" + ANY)))


@recording(BROKEN + "-fires-rc4", "TLS 1.2 with RC4, GnuTLS")
def rc4(lab):
    priority = "NONE:+VERS-TLS1.2:+ARCFOUR-128:+SHA1:+ECDHE-RSA:+GROUP-ALL:+SIGN-ALL:+COMP-NULL"
    lab.gnutls(priority)
    lab.gnutls_client(priority)


@recording("tls/tls_weak_ciphersuite-fires", "TLS 1.2 with 3DES, GnuTLS")
def triple_des(lab):
    priority = "NONE:+VERS-TLS1.2:+3DES-CBC:+SHA1:+RSA:+ECDHE-RSA:+GROUP-ALL:+SIGN-ALL:+COMP-NULL"
    lab.gnutls(priority)
    lab.gnutls_client(priority)


recording("tls/tls_weak_ciphersuite-fires-cbc", "TLS 1.2 with AES-CBC and HMAC-SHA-1, OpenSSL")(
    pair(("-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA" + ANY), ("-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA" + ANY)))
recording("tls/tls_weak_ciphersuite-quiet", "TLS 1.2 with AES-CBC and HMAC-SHA-256, OpenSSL")(
    pair(("-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256"), ("-tls1_2",)))

FORWARD = "tls/tls_no_forward_secrecy"
recording(FORWARD + "-fires", "TLS 1.2, RSA key exchange with AES-GCM, OpenSSL")(
    pair(("-tls1_2", "-cipher", "AES128-GCM-SHA256"), ("-tls1_2",)))
recording(FORWARD + "-fires-psk", "DTLS 1.2, plain pre-shared key with AES-GCM, OpenSSL")(
    pair(("-dtls1_2", *psk("PSK-AES128-GCM-SHA256")), ("-dtls1_2", *psk("PSK-AES128-GCM-SHA256")), cert=None, port=5684))
recording(FORWARD + "-quiet", "DTLS 1.2 with the suite of constrained devices, PSK-AES128-CCM8, OpenSSL")(
    pair(("-dtls1_2", *psk("PSK-AES128-CCM8")), ("-dtls1_2", *psk("PSK-AES128-CCM8")), cert=None, port=5684))

recording("tls/tls_weak_offer-fires", "the client offers anonymous suites and NULL, TLS 1.3 is agreed on, OpenSSL")(
    pair((), ("-cipher", "ALL:eNULL" + ANY)))
recording("tls/tls_weak_offer-quiet", "OpenSSL's client as it comes, TLS 1.3 and, asked for it, TLS 1.2")(
    lambda lab: (lab.openssl(), lab.client(), lab.client("-tls1_2")))

OLD = "tls/tls_old_version"
recording(OLD + "-fires", "TLS 1.0, OpenSSL")(
    pair(("-tls1", "-cipher", "ALL" + ANY), ("-tls1", "-cipher", "ALL" + ANY)))
recording(OLD + "-fires-tls11", "TLS 1.1, GnuTLS server, OpenSSL client")(
    lambda lab: (lab.gnutls("NORMAL:-VERS-ALL:+VERS-TLS1.1"), lab.client("-tls1_1", "-cipher", "ALL" + ANY)))
recording(OLD + "-fires-dtls", "DTLS 1.0 with a certificate in fragments, OpenSSL")(
    pair(("-dtls1", "-mtu", "500", "-cipher", "ALL" + ANY), ("-dtls1", "-mtu", "500", "-cipher", "ALL" + ANY), cert="big", port=5684))
recording(OLD + "-quiet", "the client takes TLS 1.0 to 1.2, the server 1.2 and 1.3: TLS 1.2 with AES-GCM, OpenSSL")(
    pair((), ("-no_tls1_3", "-cipher", "ALL" + ANY)))

POLICY = "tls/tls_policy_violation"
recording(POLICY + "-fires", "TLS 1.2 with finite-field DHE where BCP 195 is the policy, OpenSSL")(
    pair(("-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"), ("-tls1_2",)))
recording(POLICY + "-fires-watson", "TLS 1.3 where Watson IoT's TLS 1.2 is the policy, OpenSSL")(pair(("-tls1_3",), ()))
recording(POLICY + "-quiet", "TLS 1.2 with one of Watson IoT's suites and TLS 1.3 to another port, where BCP 195 is the policy, OpenSSL")(
    lambda lab: (lab.openssl("-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384"), lab.client(), lab.openssl("-tls1_3", port=8443),
                 lab.client(port=8443)))

# --- certificates ---------------------------------------------------------------------------------------------------

BAD = "tls/tls_bad_certificate"
for fault, shows in {"expired": "expired three days ago", "future": "valid from in five days on", "short": "with an RSA key of 1024 bits",
                     "sha1": "signed with SHA-1", "selfsigned": "signed by itself", "other": "for another host than the client asked for"}.items():
    name = BAD + ("-fires" if fault == "expired" else f"-fires-{fault}")
    recording(name, f"TLS 1.2, a server certificate {shows}, OpenSSL")(
        pair(("-tls1_2", "-cipher", "ECDHE" + ANY), ("-tls1_2",), cert=fault))
recording(BAD + "-fires-client", "TLS 1.2, a self-signed client certificate, OpenSSL")(
    lambda lab: (lab.openssl("-tls1_2", "-verify", "1"),
                 lab.client("-tls1_2", "-cert", lab.file("selfmade.crt"), "-key", lab.file("selfmade.key"))))
recording(BAD + "-quiet", "TLS 1.2, good server certificates, RSA and elliptic curve, for one host and by wildcard; no server name; OpenSSL")(
    lambda lab: (lab.openssl("-tls1_2"), lab.client(), lab.client(sni="MQTT.plant.example"), lab.client(sni=None),
                 lab.openssl("-tls1_2", cert="ec", port=8443), lab.client(port=8443)))
recording("tls/tls_certificate_expires_soon-fires", "TLS 1.2, a certificate with ten days left, OpenSSL")(
    pair(("-tls1_2",), (), cert="ending"))
recording("tls/tls_certificate_expires_soon-quiet", "TLS 1.2, a certificate with 800 days left, OpenSSL")(pair(("-tls1_2",), ()))

# --- failures -------------------------------------------------------------------------------------------------------

FAILED = "tls/tls_handshake_failures"


def mutual(lab, *options):
    lab.openssl("-tls1_2", "-Verify", "1", "-verify_return_error", "-CAfile", lab.file("ca.crt"), *options)


def shows(lab, name, **more):
    lab.client("-cert", lab.file(name + ".crt"), "-key", lab.file(name + ".key"), check=False, **more)


@recording(FAILED + "-fires", "twelve tries with a client certificate that the server's authority has not signed, TLS 1.2, OpenSSL")
def unknown_ca(lab):
    mutual(lab)
    for _ in range(12):
        shows(lab, "stranger")


def psk_broker(lab):
    with open(lab.file("keys.txt"), "w", encoding="ascii") as f:
        f.write("meter-17:" + PSK + "\n")
    return lab.net.mosquitto("server", f"listener 8883\npsk_hint plant\npsk_file {f.name}\nallow_anonymous true", port=8883)


GUESSES = [(f"meter-{i}", "00" * 12) for i in range(8)] + [("meter-17", f"{i:02x}" * 12) for i in range(4)]


@recording(FAILED + "-fires-psk", "eight identities and then four keys guessed at a Mosquitto with pre-shared keys, TLS 1.2, OpenSSL's client")
def psk_guessing(lab):
    broker = psk_broker(lab)
    for identity, key in GUESSES:
        lab.client("-tls1_2", *psk("PSK-AES128-GCM-SHA256", identity, key), sni=None, check=False)
    broker.stop()


@recording(FAILED + "-fires-psk13", "the same with mosquitto_pub over TLS 1.3, where the alerts are others")
def psk_guessing_13(lab):
    broker = psk_broker(lab)
    for identity, key in GUESSES:
        lab.net.run("device", "mosquitto_pub", "-h", SERVER, "-p", "8883", "--psk", key, "--psk-identity", identity,
                    "-t", "plant/meter", "-m", "7", check=False)
    broker.stop()


@recording(FAILED + "-fires-untrusting", "twelve handshakes broken off by the client, which does not trust the server, TLS 1.2, OpenSSL")
def untrusting(lab):
    lab.openssl("-tls1_2")
    for _ in range(12):
        lab.client("-verify_return_error", "-CAfile", lab.file("selfsigned.crt"), check=False)


@recording(FAILED + "-quiet", "four refused client certificates, then one that is accepted, TLS 1.2, OpenSSL")
def few_failures(lab):
    mutual(lab)
    for _ in range(4):
        shows(lab, "stranger")
    shows(lab, "meter")


# --- ports ----------------------------------------------------------------------------------------------------------

PLAIN = "tls/tls_plaintext_on_tls_port"


@recording(PLAIN + "-fires", "MQTT without TLS on port 8884, Mosquitto")
def plain_mqtt(lab):
    broker = lab.net.mosquitto("server", "listener 8884\nallow_anonymous true", port=8884)
    lab.net.run("device", "mosquitto_pub", "-h", SERVER, "-p", "8884", "-t", "plant/meter", "-m", "7")
    broker.stop()


def talk(lab, host, port, server, client):
    """A scripted server, and the client's program in the device. What each says is taken in before the other goes on."""
    with lab.net.inside("server"):
        listener = socket.create_server((SERVER, port))
    thread = threading.Thread(target=client)
    thread.start()
    connection, _ = listener.accept()
    with connection, listener:
        for said in server:
            connection.sendall(said)
            connection.settimeout(2)
            try:
                connection.recv(4096)
            except OSError:
                break
    thread.join()


def dropbear(lab, port):
    key = lab.file("host.key")
    if not os.path.exists(key):
        subprocess.run(["dropbearkey", "-t", "ed25519", "-f", key], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lab.serve("dropbear", "-F", "-E", "-r", key, "-p", f"{SERVER}:{port}", "-P", lab.file("pid"), port=port)
    lab.net.run("device", "ssh", "-p", str(port), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes",
                f"nobody@{SERVER}", "true", check=False)


def mail(lab, port):
    lab.serve("/usr/bin/python3", "-W", "ignore", "-c", f"import asyncore, smtpd; smtpd.SMTPServer(('{SERVER}', {port}), None); asyncore.loop()",
              port=port)
    lab.net.run("device", "/usr/bin/python3", "-c", f"import smtplib; s = smtplib.SMTP('{SERVER}', {port}); s.ehlo('meter'); s.quit()")


@recording(PLAIN + "-fires-others", "SSH (dropbear, OpenSSH's client) on port 443, mail (Python's smtpd and smtplib) on 465, and scripted servers: FTP on 993 with "
           "Python's ftplib, Telnet on 8443 with busybox; an AMQP 0-9-1 header on 5671")
def plain_others(lab):
    dropbear(lab, 443)
    mail(lab, 465)
    talk(lab, "server", 993, (b"220 (vsFTPd 3.0.3)\r\n", b"331 Please specify the password.\r\n", b"530 Login incorrect.\r\n"),
         lambda: lab.net.run("device", "/usr/bin/python3", "-c", f"import ftplib; f = ftplib.FTP(); f.connect('{SERVER}', 993); f.login('meter', 'x')",
                             check=False))
    talk(lab, "server", 8443, (b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27", b"meter login: "),
         lambda: lab.net.run("device", "sh", "-c", f"sleep 1 | busybox telnet {SERVER} 8443", check=False))
    with lab.net.inside("server"):
        listener = socket.create_server((SERVER, 5671))
    with lab.net.inside("device"):
        with listener, socket.create_connection((SERVER, 5671)) as s:
            s.sendall(b"AMQP\0\0\x09\x01")
            with listener.accept()[0] as other:
                other.recv(10)


@recording(PLAIN + "-quiet-others", "the same protocols where they belong: SSH (dropbear, OpenSSH's client) on port 22, mail (Python's smtpd) on 25; on port 443 a PROXY "
           "line, then TLS, and bytes of nobody's protocol that begin with 220 and 0xff")
def plain_others_at_home(lab):
    dropbear(lab, 22)
    mail(lab, 25)
    hello = record_of(SSL3, 22, message(1, client_hello(SSL3, bytes.fromhex("000a002f"))))
    with lab.net.inside("server"):
        listener = socket.create_server((SERVER, 443))
    for server, client in ((b"", b"PROXY TCP4 192.0.2.1 10.30.0.1 4711 443\r\n" + hello), (b"220 litres\r\n", b"ok\r\n"), (b"", b"\xff\xfd\x90\x01"),
                           (b"SSH", b"AMQ\0\0")):
        with lab.net.inside("device"):
            with socket.create_connection((SERVER, 443)) as s:
                with listener.accept()[0] as other:
                    other.sendall(server)
                    time.sleep(0.1)
                    s.sendall(client)
                    other.recv(1000)
    listener.close()


recording(PLAIN + "-fires-tls", "TLS on port 1883, OpenSSL")(pair((), (), port=1883))


@recording(PLAIN + "-fires-answer", "a TLS client, OpenSSL, at a server that answers in plain HTTP")
def not_tls(lab):
    with lab.net.inside("server"):
        listener = socket.create_server((SERVER, 9443))
    client = threading.Thread(target=lab.client, kwargs={"port": 9443, "check": False})
    client.start()
    connection, _ = listener.accept()
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
    connection.close()
    client.join()
    listener.close()


def mosquitto_tls(lab, *lines):
    own = f"cafile {lab.file('ca.crt')}\ncertfile {lab.file('good.crt')}\nkeyfile {lab.file('good.key')}\n"
    return lab.net.mosquitto("server", "listener 8883\n" + own + "\n".join(lines), port=8883)


def mosquitto_client(lab, program, *words, version="tlsv1.2", cert=None):
    own = ["--cert", lab.file(cert + ".crt"), "--key", lab.file(cert + ".key")] if cert else []
    return lab.net.run("device", program, "-h", SERVER, "-p", "8883", "--cafile", lab.file("ca.crt"), "--insecure", "--tls-version", version,
                       *own, *words)


@recording(PLAIN + "-quiet", "MQTT over TLS on port 8883 and plain on 1883, Mosquitto")
def right_ports(lab):
    first = mosquitto_tls(lab, "allow_anonymous true")
    mosquitto_client(lab, "mosquitto_pub", "-t", "plant/meter", "-m", "7")
    first.stop()
    second = lab.net.mosquitto("server")
    lab.net.run("device", "mosquitto_pub", "-h", SERVER, "-t", "plant/meter", "-m", "7")
    second.stop()


# --- fingerprints ---------------------------------------------------------------------------------------------------

CHANGE = "tls/tls_fingerprint_change"


@recording(CHANGE + "-fires", "a device makes twelve handshakes with OpenSSL, then one comes from its address with GnuTLS")
def other_library(lab):
    lab.openssl()
    for _ in range(12):
        lab.client()
    lab.gnutls_client("NORMAL")


@recording(CHANGE + "-fires-certificate", "six handshakes with one client certificate, then one with another, TLS 1.2, OpenSSL")
def other_certificate(lab):
    mutual(lab)
    for _ in range(6):
        shows(lab, "meter")
    shows(lab, "newmeter")


@recording(CHANGE + "-quiet", "twelve handshakes of one client, some of which resume a session, TLS 1.3 and 1.2, OpenSSL")
def same_client(lab):
    lab.openssl()
    session = lab.file("session")
    for i in range(6):
        lab.net.run("device", "sh", "-c", f"sleep 0.3 | openssl s_client -connect {SERVER}:8883 -servername {HOST} -sess_out {session}")
        lab.client("-sess_in", session)
    lab.openssl("-tls1_2", port=8443)
    for i in range(6):
        lab.client("-sess_out", session, port=8443)
        lab.client("-sess_in", session, port=8443)


# --- ends -----------------------------------------------------------------------------------------------------------

def visit(lab, reset):
    """A TLS session of Python's ssl (OpenSSL) with some data, ended by close_notify and FIN, or by RST."""
    context = ssl.create_default_context(cafile=lab.file("ca.crt"))
    context.check_hostname = False
    with lab.net.inside("device"):
        plain = socket.create_connection((SERVER, 8883))
    tls = context.wrap_socket(plain, server_hostname=HOST)
    tls.sendall(b"7\n")
    tls.recv(100)
    if reset:
        tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        tls.close()
    else:
        tls.unwrap().close()


@recording("session/session_abnormal_termination-fires-tls", "six TLS sessions with data, each ended by the client's RST, OpenSSL")
def tls_resets(lab):
    lab.openssl()
    for _ in range(6):
        visit(lab, True)
        time.sleep(0.1)


@recording("session/session_abnormal_termination-quiet-tls", "six TLS sessions with data, ended by close_notify and FIN, and one by RST, OpenSSL")
def tls_ends(lab):
    lab.openssl()
    for i in range(7):
        visit(lab, i == 3)
        time.sleep(0.1)


# --- what no library speaks any more ------------------------------------------------------------------------------------

def sized(width, content):
    return len(content).to_bytes(width, "big") + content


def record_of(version, kind, content, datagram=b""):
    return bytes([kind]) + version + datagram + sized(2, content)


def client_hello(version, suites, extensions=b"", cookie=None):
    body = version + bytes(range(32)) + sized(1, b"") + (b"" if cookie is None else sized(1, cookie)) + sized(2, suites) + sized(1, b"\0")
    return body + (sized(2, extensions) if extensions else b"")


def server_hello(version, suite, extensions=b""):
    body = version + bytes(range(32, 64)) + sized(1, b"") + suite + b"\0"
    return body + (sized(2, extensions) if extensions else b"")


def message(kind, body):
    return bytes([kind]) + sized(3, body)


def converse(lab, port, *turns):
    """What a client and a server say in turn over TCP."""
    with lab.net.inside("server"):
        listener = socket.create_server((SERVER, port))
    with lab.net.inside("device"):
        client = socket.create_connection((SERVER, port))
    server, _ = listener.accept()
    for i, turn in enumerate(turns):
        speaker, hearer = (server, client) if i % 2 else (client, server)
        speaker.sendall(turn)
        hearer.recv(65536)
    for s in (client, server, listener):
        s.close()


def converse_udp(lab, port, *turns):
    with lab.net.inside("server"):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind((SERVER, port))
    with lab.net.inside("device"):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.bind((DEVICE, 40000))
    for i, turn in enumerate(turns):
        if i % 2:
            server.sendto(turn, (DEVICE, 40000))
            client.recv(65536)
        else:
            client.sendto(turn, (SERVER, port))
            server.recv(65536)
    client.close()
    server.close()


SSL3 = b"\3\0"


@recording(BROKEN + "-fires-export", "SSL 3.0 with an export suite (RC4 with 40 bits)", "generated")
def export(lab):
    converse(lab, 443, record_of(SSL3, 22, message(1, client_hello(SSL3, bytes.fromhex("000300060008")))),
             record_of(SSL3, 22, message(2, server_hello(SSL3, b"\0\3")) + message(14, b"")))


@recording(OLD + "-fires-ssl3", "SSL 3.0 with 3DES", "generated")
def ssl3(lab):
    converse(lab, 443, record_of(SSL3, 22, message(1, client_hello(SSL3, bytes.fromhex("000a002f")))),
             record_of(SSL3, 22, message(2, server_hello(SSL3, b"\0\x0a")) + message(14, b"")))


@recording(OLD + "-fires-ssl2", "SSL 2.0: both hellos", "generated")
def ssl2(lab):
    hello = b"\1\0\2" + (12).to_bytes(2, "big") + bytes(2) + (16).to_bytes(2, "big") + bytes.fromhex("0100800200800700c0060040") + bytes(range(16))
    answer = b"\4\0\1\0\2" + bytes(2) + (6).to_bytes(2, "big") + (16).to_bytes(2, "big") + bytes.fromhex("0100800700c0") + bytes(range(16))
    converse(lab, 443, *(bytes([0x80 | len(m) >> 8, len(m) & 255]) + m for m in (hello, answer)))


@recording("tls/tls_weak_offer-fires-ssl2", "a ClientHello in SSL 2's form for a TLS 1.0 server, which answers TLS 1.2's alert", "generated")
def ssl2_form(lab):
    hello = b"\1\3\1" + (12).to_bytes(2, "big") + bytes(2) + (16).to_bytes(2, "big") + bytes.fromhex("00002f000004020080060040") + bytes(range(16))
    converse(lab, 443, bytes([0x80 | len(hello) >> 8, len(hello) & 255]) + hello, record_of(b"\3\3", 21, b"\2\x46"))


@recording("benign/dtls13", "DTLS 1.3 with a retried hello and connection ids, then encrypted records; the hellos written by hand", "generated")
def dtls13(lab):
    version = b"\xfe\xfd"
    offer = b"\0\x2b" + sized(2, sized(1, b"\xfe\xfc\xfe\xfd")) + b"\0\x0a" + sized(2, sized(2, b"\0\x1d\0\x17")) + \
        b"\0\x36" + sized(2, sized(1, b"\1\2\3\4"))
    chosen = b"\0\x2b" + sized(2, b"\xfe\xfc")
    retry = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")

    def handshake(number, kind, body):
        return record_of(version, 22, bytes([kind]) + sized(3, body)[:3] + number.to_bytes(2, "big") + bytes(3) + sized(3, body),
                         bytes(2) + number.to_bytes(6, "big"))
    hello = client_hello(version, bytes.fromhex("13011305"), offer, cookie=b"")
    asks = version + retry + sized(1, b"") + b"\x13\1\0" + sized(2, chosen + b"\0\x33\0\2\0\x17")
    share = b"\0\x33" + sized(2, b"\0\x17" + sized(2, bytes(65)))
    secret = bytes([0x2f]) + b"\1\2\3\4" + b"\0\1" + sized(2, bytes(range(64)))
    converse_udp(lab, 5684, handshake(0, 1, hello), handshake(0, 2, asks), handshake(1, 1, hello),
                 handshake(1, 2, server_hello(version, b"\x13\1", chosen + share)) + secret, secret, secret)


# --- everyday traffic -----------------------------------------------------------------------------------------------

@recording("benign/tls_versions", "TLS 1.2 and 1.3 by OpenSSL and GnuTLS: ALPN, a retried hello, resumption, elliptic curves, early end")
def versions(lab):
    session = lab.file("session")
    lab.openssl("-alpn", "mqtt,x-amzn-mqtt-ca", "-groups", "X448:P-384")
    lab.client("-alpn", "mqtt", "-groups", "P-256:X448")  # a HelloRetryRequest
    lab.client("-alpn", "x-amzn-mqtt-ca", "-tls1_2")
    lab.net.run("device", "sh", "-c", f"sleep 0.3 | openssl s_client -connect {SERVER}:8883 -servername {HOST} -sess_out {session}")
    lab.client("-sess_in", session)
    lab.client("-tls1_2", "-sess_out", session)
    lab.client("-tls1_2", "-sess_in", session)
    lab.openssl("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-CCM8", cert="ec", port=8443)
    lab.client("-cipher", "ECDHE-ECDSA-AES128-CCM8", port=8443)
    lab.gnutls("NORMAL", "good", 443)
    lab.gnutls_client("NORMAL", port=443)
    lab.gnutls_client("NORMAL:-VERS-TLS1.3", "--alpn=mqtt", port=443)
    lab.openssl("-tls1_2", "-split_send_frag", "512", "-max_send_frag", "512", cert="big", port=8444)
    lab.client("-tls1_2", "-maxfraglen", "512", port=8444)  # messages over several records


@recording("benign/tls_mqtt_certificates", "Mosquitto with client certificates over TLS 1.2 and 1.3: subscribe, publish, QoS 0 to 2")
def mqtt_certificates(lab):
    broker = mosquitto_tls(lab, "require_certificate true", "use_identity_as_username true", "allow_anonymous true")
    for version in ("tlsv1.2", "tlsv1.3"):
        for qos in "012":
            mosquitto_client(lab, "mosquitto_pub", "-t", "plant/meter", "-m", "7", "-q", qos, version=version, cert="meter")
    broker.stop()


@recording("benign/dtls_coap", "CoAP over DTLS 1.2 by libcoap: pre-shared key (OpenSSL, GnuTLS) and certificates in fragments")
def dtls_coap(lab):
    key = bytes.fromhex(PSK).decode()
    lab.serve("coap-server-openssl", "-A", SERVER, "-k", key, port=5684, udp=True)
    for tls in ("openssl", "gnutls"):
        lab.net.run("device", f"coap-client-{tls}", "-m", "get", "-B", "3", "-u", "meter-17", "-k", key, f"coaps://{SERVER}/time")
    lab.end()
    own = ("-c", lab.file("big.crt"), "-j", lab.file("big.key"), "-C", lab.file("ca.crt"), "-n")
    lab.serve("coap-server-openssl", "-A", SERVER, *own, port=5684, udp=True)
    lab.net.run("device", "coap-client-openssl", "-m", "get", "-B", "3", "-R", lab.file("ca.crt"), f"coaps://{SERVER}/time", check=False)


@recording("benign/dtls_openssl", "DTLS 1.2 by OpenSSL: cookie exchange, certificates in fragments, client certificate, resumption, two sizes of datagram")
def dtls_openssl(lab):
    lab.openssl("-dtls1_2", "-listen", "-mtu", "400", "-verify", "1", cert="big", port=5684)
    lab.client("-dtls1_2", "-mtu", "400", "-cert", lab.file("meter.crt"), "-key", lab.file("meter.key"), port=5684)
    lab.end()
    lab.openssl("-dtls1_2", "-cipher", "ECDHE-ECDSA-AES128-CCM8", cert="ec", port=5684)
    session = lab.file("session")
    lab.client("-dtls1_2", "-cipher", "ECDHE-ECDSA-AES128-CCM8", "-sess_out", session, port=5684)
    lab.client("-dtls1_2", "-cipher", "ECDHE-ECDSA-AES128-CCM8", "-sess_in", session, port=5684)


@recording("benign/tls_https_curl", "curl at an OpenSSL web server, TLS 1.3 and 1.2, keep-alive")
def https(lab):
    lab.serve("openssl", "s_server", "-accept", "443", "-cert", lab.file("good.crt"), "-key", lab.file("good.key"), "-www", port=443)
    for version in ("1.3", "1.2"):
        lab.net.run("device", "curl", "-s", "--cacert", lab.file("ca.crt"), "--tls-max", version, "--resolve", f"{HOST}:443:{SERVER}",
                    f"https://{HOST}/", timeout=20)


def record(lab, path):
    with lab.net.tap(os.path.join(TOP, "pcaps", path + ".pcap")):
        recordings[path](lab)
        time.sleep(0.2)
    lab.end()


def write_origins(paths):
    for folder in sorted({p.split("/")[0] for p in paths}):
        file = os.path.join(TOP, "pcaps", folder, "ORIGIN.tsv")
        rows = {}
        if os.path.exists(file):
            with open(file, encoding="utf-8") as f:
                rows = {line.split("\t")[0]: line for line in f if line.strip()}
        for path in paths:
            if path.startswith(folder + "/"):
                name = path.split("/")[1] + ".pcap"
                made, shows_what = origins[path]
                rows[name] = f"{name}\t{made}\ttests/record/tls.py\t{shows_what}\n"
        with open(file, "w", encoding="utf-8") as f:
            f.writelines(rows[name] for name in sorted(rows))


def main():
    wanted = [p for p in recordings if not sys.argv[1:] or any(part in p for part in sys.argv[1:])]
    with Net(server=SERVER, device=DEVICE) as net:
        lab = Lab(net)
        for path in wanted:
            print(path, flush=True)
            record(lab, path)
            write_origins([path])


if __name__ == "__main__":
    main()
