"""Logs of a healthy fleet, for bench.py: the same lines for the same number, none that a rule is there for.

Each writer is a device's life from connecting to leaving, and a fleet is many lives interleaved. In a log of everything
(Mosquitto's `log_type all`) nine of ten lines are messages, acknowledgements and pings, as on a broker that runs; the default
types have logins and ends only."""
import json
import random
import time

START_S = 1795500000
TOPICS = ("telemetry", "state", "battery/level", "environment/temperature")


def clock_of(at_s, form):
    return time.strftime(form, time.gmtime(at_s))


def mosquitto_life(n, device, everything):
    address, name = f"10.{device >> 8 & 255}.{device & 255}.{n % 200 + 1}:{20000 + n % 40000}", f"sensor-{device:05}"
    yield f"New connection from {address} on port 1883."
    yield f"New client connected from {address} as {name} (p4, c1, k60, u'fleet')."
    if everything:
        yield from ("No will message specified.", f"Sending CONNACK to {name} (0, 0)", f"Received SUBSCRIBE from {name}",
                    f"\tfleet/{device}/set (QoS 1)", f"{name} 1 fleet/{device}/set", f"Sending SUBACK to {name}")
        for m in range(2, 34):
            topic = f"fleet/{device}/{TOPICS[m % 4]}"
            yield f"Received PUBLISH from {name} (d0, q{m & 1}, r0, m{m if m & 1 else 0}, '{topic}', ... ({40 + m} bytes))"
            if m & 1:
                yield f"Sending PUBACK to {name} (m{m}, rc0)"
            if m % 4 < 2:
                yield f"Sending PUBLISH to backend (d0, q0, r0, m0, '{topic}', ... ({40 + m} bytes))"
            if m % 8 == 0:
                yield from (f"Received PINGREQ from {name}", f"Sending PINGRESP to {name}")
        yield f"Received DISCONNECT from {name}"
    yield f"Client {name} disconnected."


def access_life(n, device):
    user = f"device{device}" if device % 3 else "-"
    for m in range(30):
        path = f"/api/v1/devices/{device}/{TOPICS[m % 4]}"
        method, status = (("POST", 204), ("GET", 200), ("PUT", 200))[m % 3]
        yield f'10.1.{device >> 8 & 255}.{device & 255} - {user} [TIME] "{method} {path} HTTP/1.1" {status} {100 + m} "-" "fleet-agent/2.{n % 9}"'


def aws_life(n, device):
    base = {"timestamp": "TIME", "logLevel": "INFO", "traceId": f"{n:08x}-9c1c-4a50-aaaa-{device:012x}", "accountId": "123456789012",
            "status": "Success", "eventType": "Connect", "protocol": "MQTT", "clientId": f"sensor-{device:05}",
            "principalId": f"{device * 7919:064x}", "sourceIp": f"198.51.{device >> 8 & 255}.{device & 255}",
            "sourcePort": 20000 + n % 40000}
    yield json.dumps(base)
    yield json.dumps(base | {"eventType": "Subscribe", "topicName": f"fleet/{device}/set"})
    for m in range(30):
        yield json.dumps(base | {"eventType": "Publish-In", "topicName": f"fleet/{device}/{TOPICS[m % 4]}"})
    yield json.dumps(base | {"eventType": "Disconnect", "disconnectReason": "CLIENT_INITIATED_DISCONNECT"})


def rabbitmq_life(n, device):
    pid, name = f"<0.{1000 + n}.0>", f"sensor-{device:05}"
    ends = f"10.{device >> 8 & 255}.{device & 255}.9:{20000 + n % 40000} -> 10.0.0.1:1883"
    for m in (f"Accepted MQTT connection {ends} for client ID {name}",
              f"closing MQTT connection {pid} ({ends})"):
        yield json.dumps({"time": "TIME", "level": "info", "msg": m, "domain": "rabbitmq.connection", "pid": pid})


# A life as lines, what the time looks like, lines a second.
FLEETS = {
    "mosquitto, all": (lambda n, d: mosquitto_life(n, d, True), "{s}: ", 2000),
    "mosquitto, default": (lambda n, d: mosquitto_life(n, d, False), "{s}: ", 10),
    "mosquitto, ISO": (lambda n, d: mosquitto_life(n, d, True), "%Y-%m-%dT%H:%M:%S+0000: ", 2000),
    "nginx access": (access_life, "%d/%b/%Y:%H:%M:%S +0000", 2000),
    "AWS IoT Core, JSON": (aws_life, "%Y-%m-%d %H:%M:%S.{ms}", 1000),
    "RabbitMQ, JSON": (rabbitmq_life, "%Y-%m-%d %H:%M:%S.{ms}000+00:00", 10),
}


def write(path, fleet, size, devices=2000):
    """At least `size` bytes; the number of lines."""
    life_of, form, per_second = FLEETS[fleet]
    chance, lives, n, written, born = random.Random(7), [], 0, 0, 0
    with open(path, "w", encoding="utf-8") as out:
        while written < size:
            if n % per_second == 0:
                stamp = clock_of(START_S + n // per_second, form).replace("{s}", str(START_S + n // per_second))
            if len(lives) < devices // 2:
                lives.append(life_of(born, born % devices))
                born += 1
            at = chance.randrange(len(lives))
            line = next(lives[at], None)
            if line is None:
                lives[at] = lives[-1]
                lives.pop()
                continue
            when = stamp.replace("{ms}", f"{n % 1000:03}")
            line = line.replace("TIME", when) if "TIME" in line else when + line
            written += out.write(line + "\n")
            n += 1
    return n
