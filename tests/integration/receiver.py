"""A syslog receiver over TCP with octet counting that misbehaves on order, one connection at a time."""
import re
import socket
import struct
import threading
import time

HEAD = re.compile(rb'\[thingwarden@32473 .*? id="([0-9a-f]{16})" update="(\d+)".*? client_id="([^"]*)"')


class Receiver:
    """`habits`: one for each connection, then the last for ever: "good", "reset N", "half N", "stall SECONDS", "close N"; N messages
    are read before."""

    def __init__(self, habits=("good",), port=0):
        self.habits, self.messages, self.times, self.connections = list(habits), [], [], 0
        self.lock, self.stopping = threading.Lock(), False
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(8)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def stop(self):
        self.stopping = True
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)

    def serve(self):
        while not self.stopping:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            habit = self.habits[min(self.connections, len(self.habits) - 1)]
            self.connections += 1
            try:
                self.read(connection, *habit.split())
            except OSError:
                pass
            connection.close()

    def read(self, connection, habit, number="0"):
        data, seen = b"", 0
        connection.settimeout(0.2)
        if habit == "stall":
            time.sleep(float(number))
        while not self.stopping:
            try:
                more = connection.recv(4096 if habit == "half" else 65536)
            except TimeoutError:
                continue
            if not more:
                return
            data += more
            while (space := data.find(b" ")) > 0 and len(data) > space + int(data[:space]):
                end = space + 1 + int(data[:space])
                with self.lock:
                    self.messages.append(data[space + 1:end])
                    self.times.append(time.time())
                data, seen = data[end:], seen + 1
                if habit in ("reset", "half", "close") and seen >= int(number):
                    if habit != "close":
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return

    def heard(self):
        """[(client id, alert id, update)] as it arrived."""
        with self.lock:
            found = [HEAD.search(m) for m in self.messages]
        return [(m.group(3).decode(), m.group(1).decode(), m.group(2).decode()) for m in found]

    def wait_for(self, count, seconds):
        """Until so many different clients have been heard of."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if len({h[0] for h in self.heard()}) >= count:
                return True
            time.sleep(0.05)
        return False
