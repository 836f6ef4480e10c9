#!/usr/bin/python3
"""Logs of clouds and brokers in JSON, generated from their documented formats: pcaps/log/. Usage: logs_json.py"""
import json
import os

OUT = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "pcaps", "log")


def write(name, lines):
    with open(os.path.join(OUT, name), "w", encoding="utf-8") as f:
        for line in lines:
            f.write((line if isinstance(line, str) else json.dumps(line, separators=(",", ":"))) + "\n")


def aws(second, event, **more):
    level = "ERROR" if more.get("status") == "Failure" else "INFO"
    return {"timestamp": f"2026-11-24 10:00:{second:02d}.476", "logLevel": level, "traceId": f"t{second}", "accountId": "1",
            "status": "Success", "eventType": event, "protocol": "MQTT", "clientId": "c1", "principalId": "p1",
            "sourceIp": "198.51.100.7", "sourcePort": 13490 + second} | more


def azure(time, device, operation, code="", what=""):
    inner = {"deviceId": device, "protocol": "Mqtt", "maskedIpAddress": "24.9.142.XXX"}
    return {"time": time, "resourceId": "/R", "operationName": operation, "category": "Connections",
            "level": "Error" if code else "Information", "resultType": code, "resultDescription": what,
            "properties": json.dumps(inner), "location": "centralus"}


def renewals():
    """A fleet whose tokens are renewed each hour."""
    for hour in range(8, 11):
        for n in range(12):
            at = f"2026-11-24T{hour:02d}:00:{n:02d}Z"
            yield azure(at, f"s{n}", "deviceDisconnect", "401003", "IoTHubUnauthorized")
            yield azure(at, f"s{n}", "deviceDisconnect", "404104", "DeviceConnectionClosedRemotely")
            yield azure(at, f"s{n}", "deviceConnect")


def mosca(ms, message, **more):
    return {"pid": 7, "hostname": "vm", "name": "MoscaServer", "level": 30, "time": 1795500000000 + ms, "msg": message} | more | {
        "client": "scan", "v": 1}


fine = [aws(1, "Connect"), aws(2, "Subscribe", topicName="a/b"), aws(3, "Publish-In", topicName="a/c"),
        aws(9, "Disconnect", disconnectReason="CLIENT_INITIATED_DISCONNECT")]
write("session_auth_bruteforce-fires-aws.log",
      [aws(n, "Connect", status="Failure", reason="AUTHORIZATION_FAILURE") for n in range(7)])
write("benign-aws.log", [{"timestamp": 1795514400000 + n, "message": json.dumps(line), "ingestionTime": 1795514409000}
                         for n, line in enumerate(fine + fine)])
write("session_auth_bruteforce-fires-azure.log",
      [azure(f"2026-11-24T08:00:{n:02d}Z", "s1", "deviceConnect", "401003", "IoTHubUnauthorized") for n in range(9)])
write("benign-azure.log", renewals())
write("session_identity_takeover-fires-azure.log",
      [azure(f"2026-11-24T08:00:{8 * n:02d}Z", "pump", *what) for n in range(6)
       for what in (("deviceConnect",), ("deviceDisconnect", "400027", "ConnectionForcefullyClosedOnNewConnection"))])
write("session_scan-fires-mosca.log", [mosca(0, "client connected")] + [
    mosca(500 + 1000 * n, "subscribe not authorized", topic=f"guess/{n}/#") for n in range(6)])
refused = "2026-11-24T10:00:00.350233+00:00 [warning] clientid: cam7, peername: 10.0.0.7:36384, username: cam, pid: <0.894.0>, " \
    "reason: bad_username_or_password, tag: AUTHN, msg: authentication_failure"
write("session_auth_bruteforce-fires-emqx-throttled.log", [
    refused, "2026-11-24T10:01:00.350233+00:00 [warning] msg: log_events_throttled_during_last_period, period: 1 minutes, 0 seconds, "
    "dropped: #{authentication_failure => 240}"])
write("benign-emqx.log", [
    {"time": 1795500000350233, "level": "warning", "msg": "authentication_failure", "mfa": "emqx_channel:authenticate/2", "tag": "AUTHN",
     "clientid": "cam7", "peername": "10.0.0.7:36384", "username": "cam", "reason": "not_authorized"},
    {"time": 1795500060350233, "level": "warning", "msg": "log_events_throttled_during_last_period", "period": "1 minutes, 0 seconds",
     "dropped": {"authentication_failure": 2, "dropped_qos0_msg": 5}},
    {"time": 1795500120350233, "level": "warning", "msg": "dropped_qos0_msg", "mfa": "emqx_session:log/3", "clientid": "dash",
     "peername": "10.0.0.9:5000", "topic": "a/b", "payload": "secret"}])


def spaced(line):
    return json.dumps(line)


def emqx(second, message, **more):
    return {"time": 1795500000350233 + second * 10**6, "level": "warning", "msg": message, "clientid": "scan",
            "peername": "198.51.100.7:36384", "username": "bob"} | more


def emqx_text(second, **keys):
    return f"2026-11-24T10:00:{second:02d}.350233+00:00 [warning] " + ", ".join(f"{key}: {value}" for key, value in keys.items())


write("session_scan-fires-emqx-spaced.log", [
    spaced(emqx(n, "cannot_subscribe_topic_filter", topic_filter=f"guess/{n}/#", reason="not_authorized")) for n in range(7)])
write("mqtt_broker_ban-fires-emqx.log", [
    emqx_text(1, msg="cannot_publish_to_topic_due_to_not_authorized", topic="adm/0", clientid="c1", peername="10.0.0.7:36384", username="c"),
    emqx_text(2, clientid="c2", topic="a/b", msg="dropped_msg_due_to_mqueue_is_full", peername="10.0.0.8:36384", username="d"),
    emqx_text(3, banned_until="2026-11-24T10:05:03+00:00", clientid="c3", msg="flapping_detected", peer_host="198.51.100.7",
              detect_cnt=16, window_time_ms=60000)])
write("session_scan-fires-emqx-4.log", [
    f"2026-11-24 10:00:{n:02d}.350 [warning] scan@198.51.100.7:36384 Cannot subscribe guess/{n}/# due to not_authorized." for n in range(7)])


def text_time(second):
    return f"2026-11-24T{10 + second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.350233+00:00"


def healthy_emqx():
    """An hour of a large and healthy fleet: of each kind of message the first one in a minute is written, the others are counted."""
    for minute in range(60):
        at = text_time(60 * minute)
        who = f"clientid: dev{minute:03d}, peername: 10.0.{minute}.7:36384, username: dev{minute:03d}, pid: <0.{minute}.0>"
        yield f"{at} [warning] {who}, reason: bad_username_or_password, tag: AUTHN, msg: authentication_failure"
        yield f"{at} [warning] {who}, topic: a/{minute}, action: PUBLISH(Q0), tag: AUTHZ, msg: authorization_permission_denied"
        yield f"{at} [warning] {who}, topic: a/{minute}, payload: hunter2, msg: dropped_qos0_msg"
        yield f"{at} [warning] msg: log_events_throttled_during_last_period, period: 1 minutes, 0 seconds, dropped: " \
            f"#{{authentication_failure => {3 + minute % 10},authorization_permission_denied => {minute % 5}," \
            f"cannot_publish_to_topic_due_to_quota_exceeded => 20,clientid_registration_throttled => 70," \
            f"dropped_msg_due_to_mqueue_is_full => 35,dropped_qos0_msg => 400,socket_error => 9}}"


def grid(second, category, signature, what, **more):
    return {"time": f"2026-11-24T10:00:{second:02d}.1234567Z", "resourceId": "/G", "operationName": "Microsoft.EventGrid/mqtt",
            "category": category, "resultSignature": signature, "resultDescription": what, "identity": {"clientIdentity": "meter"},
            "properties": {"sessionName": "meter1", "protocol": "MQTT5"} | more}


write("benign-emqx-throttled.log", healthy_emqx())
write("session_auth_bruteforce-fires-azure-grid.log", [
    {"records": [grid(n, "FailedMqttConnections", "AuthenticationError", "Client could not be found") for n in range(k, k + 3)]}
    for k in (0, 3)])
write("session_scan-fires-azure-grid.log", [
    grid(n, "FailedMqttSubscriptionOperations", "AuthorizationError", "Topic filter does not match any topicspaces",
         topicFilters=[f"guess/{n}/#"]) for n in range(7)])
write("session_identity_takeover-fires-azure-grid.log", [
    grid(8 * n + late, *what) for n in range(6)
    for late, what in enumerate([("SuccessfulMqttConnections", "", ""), ("MqttDisconnections", "ClientError", "SessionTakenOver")])])


def life(second, what, number, session="pump1", again=0, **more):
    """A life cycle event as Event Grid publishes it; `again`: with the identity of an earlier one."""
    return {"specversion": "1.0", "id": f"e30e5174-787d-4e19-8812-{again or second:012d}", "time": f"2026-11-24T10:{second // 60:02d}:{second % 60:02d}.2446871Z",
            "type": "Microsoft.EventGrid.MQTTClient" + what, "source": "/subscriptions/0/resourceGroups/g/providers/Microsoft.EventGrid/namespaces/plant",
            "subject": f"clients/pump/sessions/{session}", "data": {"namespaceName": "plant", "clientAuthenticationName": "pump", "clientSessionName": session,
                                                                    "sequenceNumber": number} | more}


def lost(session, times):
    """A session that is lost so often, as a batch each; every second event comes twice, as at-least-once delivery does."""
    for n in range(times):
        ended = life(20 * n + 15, "SessionDisconnected", 2 * n + 2, session, disconnectionReason="ConnectionLost")
        yield [life(20 * n + 1, "SessionConnected", 2 * n + 1, session), ended]
        if n % 2:
            yield [ended]


def calm():
    """Sessions that end well, or by the server's will, under ever new numbers; four that are lost, each told three times; an end that comes late; what
    happens to a client's entry."""
    yield life(1, "CreatedOrUpdated", 0, clientName="pump", state="Enabled", createdOn="2026-11-24T09:00:00Z", updatedOn="2026-11-24T10:00:01Z")
    for n in range(8):
        yield life(10 * n + 2, "SessionConnected", 2 * n + 1)
        yield life(10 * n + 9, "SessionDisconnected", 2 * n + 2, disconnectionReason=("ClientInitiatedDisconnect", "ServerInitiatedDisconnect", "ServerError")[n % 3])
    for n in range(4):
        yield life(100 + 10 * n, "SessionConnected", 2 * n + 1, "valve1")
        for _ in range(3):
            yield life(105 + 10 * n, "SessionDisconnected", 2 * n + 2, "valve1", disconnectionReason="ConnectionLost")
    yield life(150, "SessionConnected", 21)
    yield life(95, "SessionDisconnected", 18, disconnectionReason="ClientInitiatedDisconnect")
    yield life(170, "SessionDisconnected", 22, disconnectionReason="ClientInitiatedDisconnect")
    yield life(180, "Deleted", 0, clientName="pump")


write("benign-azure-life.log", calm())
write("session_abnormal_termination-fires-azure-life.log", lost("pump1", 5))
write("session_identity_takeover-fires-azure-life.log", [
    life(8 * n + late, *what, disconnectionReason="SessionTakenOver") if late else life(8 * n + 1, *what) for n in range(6)
    for late, what in ((0, ("SessionConnected", 2 * n + 1)), (2, ("SessionDisconnected", 2 * n + 2)))])
write("mqtt_publish_refused-fires-emqx-5.0.log", [
    emqx_text(n, msg="cannot_publish_to_topic", mfa="emqx_channel:process_publish/2", line=598, reason=why, clientid="scan",
              peername="198.51.100.7:36384", username="bob", topic=f"adm/{n}")
    for n, why in enumerate(["not_authorized"] * 3 + ["quota_exceeded"] + ["not_authorized"] * 3)])
write("benign-emqx-5.0.log", [
    emqx_text(n, msg="cannot_publish_to_topic", mfa="emqx_channel:process_publish/2", line=598, reason=why, clientid="meter",
              peername="10.0.0.9:36384", username="meter", topic=f"plant/meter/{n}")
    for n, why in enumerate(["quota_exceeded"] * 4 + ["not_authorized", "retain_not_supported", "qos_not_supported"])])
write("session_auth_bruteforce-fires-aws-v1.log", [
    f"2026-11-24 10:00:{n:02d}.034 TRACEID:t{n} PRINCIPALID:p1 [ERROR] EVENT:MQTT Client Connect MESSAGE:Connect "
    "Status: AUTHORIZATION_FAILURE" for n in range(7)])
write("session_auth_bruteforce-fires-aws-firehose.log", [
    {"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "AWSIotLogsV2", "logEvents": [
        {"id": str(n), "timestamp": 1795514400000 + n,
         "message": json.dumps(aws(n, "Connect", status="Failure", reason="AUTHORIZATION_FAILURE"))} for n in range(7)]}])
write("benign-aws-lifecycle.log", [
    {"clientId": "186b5", "timestamp": 1795514400451, "eventType": "connected", "sessionIdentifier": "s", "principalIdentifier": "p",
     "ipAddress": "198.51.100.9", "versionNumber": 0},
    {"clientId": "186b5", "timestamp": 1795514401451, "eventType": "subscribed", "sessionIdentifier": "s", "principalIdentifier": "p",
     "topics": ["a/b", "a/c"]},
    {"clientId": "186b5", "timestamp": 1795514402451, "eventType": "disconnected", "sessionIdentifier": "s", "principalIdentifier": "p",
     "clientInitiatedDisconnect": True, "disconnectReason": "CLIENT_INITIATED_DISCONNECT", "versionNumber": 0}])


def aedes(ms, said, client=None, **more):
    """aedes-logging; of a client that was not let in the record has all that the broker knows of it."""
    named = {"client": client if isinstance(client, dict) else {"id": client}} if client else {}
    return {"level": 30, "time": 1795500000000 + ms, "msg": said, "pid": 7, "hostname": "vm"} | named | more | {"v": 1}


def aedes_refused(ms, client, message="bad user name or password"):
    whole = {"closed": True, "connecting": False, "id": client, "clean": True, "version": 4, "broker": {"id": "87a97ae8", "clients": {
        "meter-7": {"id": "meter-7", "conn": "[Circular]"}}}, "_will": None}
    return aedes(ms, message, whole, level=40, err={"returnCode": 4, "errorCode": 4})


def aedes_filters(ms, client, **qos):
    return aedes(ms, "subscribed", client, subscriptions=[{"topic": t, "qos": q} for t, q in qos.items()])


def aedes_healthy():
    """A hundred clients a minute, which have no addresses, a mistyped password, a filter too many."""
    yield aedes(0, "listening", address="127.0.0.1", family="IPv4", port=8080, protocol="http")
    for n in range(100):
        name, at = f"meter-{n}", 400 * n
        if n % 25 == 0:
            yield aedes_refused(at, name)
        yield aedes(at + 100, "connected", name)
        yield aedes_filters(at + 110, name, **{f"plant/{n}/set": 0, "plant/#": 128 if n == 7 else 1})
        yield aedes(at + 120, "published", name, message={"topic": f"plant/{n}", "qos": 1, "retain": False})
        yield aedes(at + 200, "unsubscribed", name, topics=[f"plant/{n}/set"])
        yield aedes(at + 210, "disconnected", name)


write("benign-aedes.log", aedes_healthy())
write("session_auth_bruteforce-fires-aedes.log", [aedes_refused(1000 * n, f"x{n}") for n in range(7)] + [aedes(9000, "connected", "y")])
write("session_success_after_failures-fires-aedes.log", [aedes_refused(1000 * n, "pump") for n in range(6)] + [aedes(9000, "connected", "pump")])
write("session_success_after_failures-quiet-aedes.log", [aedes_refused(1000 * n, "pump") for n in range(4)] + [aedes(9000, "connected", "pump")])
write("session_scan-fires-aedes.log", [aedes(0, "connected", "scan")] + [
    aedes_filters(500 + 1000 * n, "scan", **{f"guess/{n}": 128, f"guess/{n}/#": 128, "plant/meter/set": 1}) for n in range(4)])


def unplaced_fleet():
    """Forty devices behind a broker whose log has no addresses: they come, subscribe, some break off, now and then one of them is
    refused a login, and after an update each is refused a topic of the old firmware. No two of these have to do with each other."""
    def line(ms, message, device, **more):
        return {"pid": 7, "hostname": "vm", "name": "MoscaServer", "level": 30, "time": 1795500000000 + ms, "msg": message,
                "client": f"meter-{device:02d}", "v": 1} | more
    lines = []
    for n in range(400):
        device, ms = n % 40, n * 9000
        lines += [line(ms, "client connected", device), line(ms + 100, "subscribed to topic", device, topic=f"cmd/{device}")]
        if n % 10 == 3:
            lines.append(line(ms + 300, "authentication denied", (device + 7) % 40, username=f"u{(device + 7) % 40}"))
        if 120 <= n < 160:
            lines.append(line(ms + 500, "subscribe not authorized", device, topic=f"old/{device}"))
        if n % 3 == 0:
            lines.append(line(ms + 700, "closing client, reason: close", device))
        lines.append(line(ms + 800, "closed", device))
    return lines


write("benign-mosca.log", unplaced_fleet())
