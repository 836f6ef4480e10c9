"""What the tests of the transports share: configurations, the program that offers records to an output, certificates, checks."""
import os
import select
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, "build", os.environ.get("PRESET", "release"))
passed, failed = 0, 0


def check(name, good, detail=""):
    global passed, failed
    if good:
        passed += 1
        print(f"ok    {name}")
    else:
        failed += 1
        print(f"FAIL  {name}" + (f": {str(detail)[:600]}" if detail != "" else ""))
    sys.stdout.flush()
    return good


def equal(name, found, wanted):
    return check(name, found == wanted, f"{found!r}, not {wanted!r}")


def finish():
    print(f"{passed} passed, {failed} failed")
    return failed != 0


def yaml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {yaml(v)}" for k, v in value.items()) + "}"
    return str(value) if isinstance(value, int) else "'" + str(value) + "'"


def write(folder, name, text, mode=0o600):
    path = os.path.join(folder, name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as f:
        f.write(text)
    return path


class Answer:
    def __init__(self, line):
        words = line.split()
        self.line = line.strip()
        self.records = words[0] if words else ""
        self.retry_after_ms, self.took_ms = (int(words[1]), int(words[2])) if len(words) == 3 else (None, None)


class Sender:
    """tool-send on a configuration of one output."""

    def __init__(self, folder, output, environment=None, more=""):
        with Sender.lock:
            Sender.count += 1
            number = Sender.count
        self.config = write(folder, f"output-{number}.yaml", more + "sensor: gateway\noutputs:\n  - " + yaml(output) + "\n")
        self.said = tempfile.TemporaryFile()
        self.process = subprocess.Popen([os.path.join(BUILD, "tests", "tool-send"), self.config], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.said, env=dict(os.environ, **(environment or {})))
        self.pid = self.process.pid
        self.opened = self.line().strip() == "open"
    count, lock = 0, threading.Lock()

    def line(self, seconds=40):
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            return "silence"
        return self.process.stdout.readline().decode()

    def __call__(self, text):
        self.process.stdin.write((text + "\n").encode())
        self.process.stdin.flush()
        return Answer(self.line())

    def heard(self):
        self.said.seek(0)
        return self.said.read().decode()

    def close(self):
        """Exit status; None when it had to be killed."""
        try:
            self.process.stdin.close()
            status = self.process.wait(15)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self.process.kill()
            self.process.wait()
            status = None
        self.process.stdout.close()
        return status


def certificates(folder):
    """An authority and another one; of the first: a server's, one for another name, a client's."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    for name in ("ca", "other-ca"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.crt")
    for name, names in (("server", "IP:127.0.0.1,DNS:localhost"), ("elsewhere", "DNS:elsewhere.example"), ("client", "DNS:sensor")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.csr")
        write(folder, f"{name}.ext", f"subjectAltName={names}\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", f"{name}.ext", "-out", f"{name}.crt")


def dumped(pid):
    """What a core of the process would hold: its writable memory but what is marked as not to be dumped. The kernel's VmFlags
    say "dd" there."""
    memory, regions, region = [], [], None
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as f:
        for text in f:
            words = text.split()
            if "-" in words[0] and len(words) >= 5 and not words[0].endswith(":"):
                begin, end = (int(x, 16) for x in words[0].split("-"))
                region = (begin, end, words[1], words[5] if len(words) > 5 else "")
            elif words[0] == "VmFlags:" and "dd" not in words and "w" in region[2]:
                regions.append(region)
    with open(f"/proc/{pid}/mem", "rb", 0) as f:
        for begin, end, _, name in regions:
            if end - begin > 1 << 28:
                continue
            try:
                f.seek(begin)
                memory.append(f.read(end - begin))
            except OSError:
                pass
    return b"".join(memory)



def until(what, seconds=10):
    end = time.time() + seconds
    while time.time() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


def parallel(*functions):
    """Runs each in a thread; what waits for time-outs waits once."""
    errors = []

    def run(function):
        try:
            function()
        except Exception as error:  # a test that breaks is a failure, not a silence
            errors.append(f"{function.__name__}: {type(error).__name__}: {error}")
    threads = [threading.Thread(target=run, args=(f,)) for f in functions]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for text in errors:
        check("no test breaks off", False, text)
