"""SIGTERM under load: the server drains, ends with status 0, and no request is lost."""

import time

from finding import Finding
from server_process import Load

CONNECTIONS = 64
LOAD_SECONDS = 3
UNDER_LOAD_REQUESTS = 1000  # after so many comes the signal
REACH_SECONDS = 30
# One that fits into a socket, and one that a close at the wrong moment would cut.
PATHS = ("/", "/bytes/300000")
BROKEN = ("wrong_status", "wrong_body", "malformed", "truncated", "timed_out", "in_flight_at_end")


def drain(bench, architecture):
    """Lost is a request that the server counted as answered and the client didn't get, or got in part.
    One that met the close of its idle connection on its way was never read: HTTP leaves that to the
    client, which may repeat it (RFC 9112, 9.3.1). It is told as unread, and is no failure."""
    finding = Finding()
    for path in PATHS:
        with bench.serve(architecture) as server, \
                Load(bench.load, server.url + path, "-c", CONNECTIONS, "--warmup", "0s", "-d",
                     f"{LOAD_SECONDS}s", "--closer", "server") as load:
            load.go()
            then = server.await_counters(lambda now: now["requests"] >= UNDER_LOAD_REQUESTS, REACH_SECONDS)
            under_way = load.process.poll() is None
            began = time.monotonic()
            done = server.end()
            took = time.monotonic() - began
            result = load.result(LOAD_SECONDS + 60)
        judge(finding, path, then, under_way, done, took, result)
    return finding


def judge(finding, path, then, under_way, done, took, result):
    requests = result["requests"]
    lost = done["requests"] - requests["verified"]
    finding.figures[path] = {"answered": done["requests"], "lost": lost, "unread": requests["reset"],
                             "drain_ms": round(took * 1000)}
    finding.must(under_way and then["requests"] >= UNDER_LOAD_REQUESTS,
                 f"{path}: {then['requests']:,} requests before the load ended")
    finding.must(lost == 0, f"{path}: {done['requests']:,} requests answered, {requests['verified']:,} received")
    for name in BROKEN:
        finding.must(requests[name] == 0, f"{path}: {requests[name]} {name}")
    finding.must_be_none(done, "open", "accept_errors", "rejected", "thread_failures", "timeouts",
                         "protocol_errors")
