"""SIGTERM under load: the server drains, ends with status 0, and no request is lost.

Lost is a request that the server counted as answered and no client received. Nor may an answer be cut off,
or a request dropped that was sent before the signal (on loopback it was with the server then). One sent
later can meet the close of its idle connection on its way, and is never read: HTTP leaves that to the
client, which may repeat it (RFC 9112, 9.3.1). It is told as unread, and is no failure.
"""

import contextlib
import signal
import time

from finding import Finding
from raw_clients import CLOSED, REQUEST, WAITS, Client, keep_asking
from server_process import Load

CONNECTIONS = 64
# Beside those of crossover-load, which doesn't tell a request that was not read from one cut off.
WATCHED = 32
LOAD_SECONDS = 3
UNDER_LOAD_REQUESTS = 1000  # after so many comes the signal
REACH_SECONDS = 30
DRAIN_SECONDS = 20
# One that fits into a socket, and one that a close at the wrong moment would cut.
PATHS = ("/", "/bytes/300000")
BROKEN = ("wrong_status", "wrong_body", "malformed", "timed_out", "in_flight_at_end")


def drain(bench, architecture):
    finding = Finding()
    for path in PATHS:
        with bench.serve(architecture) as server, contextlib.ExitStack() as stack:
            load = stack.enter_context(Load(
                bench.load, server.url + path, "-c", CONNECTIONS, "--warmup", "0s", "-d", f"{LOAD_SECONDS}s",
                "--closer", "server"))
            watched = [stack.enter_context(contextlib.closing(Client(server.address))) for _ in range(WATCHED)]
            load.go()
            judge(finding, path, *stop_under_load(server, load, watched, path))
    return finding


def stop_under_load(server, load, watched, path):
    """What was counted before, at the end, and by the clients; and how long the drain took."""
    request = REQUEST.replace(b" / ", f" {path} ".encode("ascii"))
    for client in watched:
        client.ask(request)
    reached = time.monotonic() + REACH_SECONDS
    received = keep_asking(watched, request, lambda: server.counters()["requests"] >= UNDER_LOAD_REQUESTS
                           or time.monotonic() > reached)
    before = server.counters()
    before["loaded"] = load.process.poll() is None
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    received += keep_asking(watched, request, lambda: time.monotonic() > began + DRAIN_SECONDS)
    done = server.last_line()
    took = time.monotonic() - began
    result = load.result(LOAD_SECONDS + 60)
    return before, done, took, result["requests"], received, unanswered(watched, began)


def unanswered(watched, signalled):
    """By what it means: cut in the middle, dropped though sent before the signal, or unread."""
    found = {"cut": 0, "dropped": 0, "unread": 0}
    for client in watched:
        if client.answer in (CLOSED, WAITS):
            kind = "cut" if client.received else "dropped" if client.asked < signalled else "unread"
            found[kind] += 1
    return found


def judge(finding, path, before, done, took, ledger, received, found):
    received += ledger["verified"]
    # Most of these were sent over connections that the kernel made after the server's last accept.
    found["unread_of_load"] = ledger["truncated"] + ledger["reset"]
    finding.figures[path] = {"answered": done["requests"], "lost": done["requests"] - received, **found,
                             "drain_ms": round(took * 1000)}
    finding.must(before["loaded"] and before["requests"] >= UNDER_LOAD_REQUESTS,
                 f"{path}: {before['requests']:,} requests before the load ended")
    finding.must(done["requests"] == received, f"{path}: {done['requests']:,} answered, {received:,} received")
    for name in ("cut", "dropped"):
        finding.must(found[name] == 0, f"{path}: {found[name]} of {WATCHED} watched connections {name}")
    for name in BROKEN:
        finding.must(ledger[name] == 0, f"{path}: {ledger[name]} {name}")
    finding.must_be_none(done, "open", "accept_errors", "rejected", "thread_failures", "timeouts",
                         "protocol_errors")
