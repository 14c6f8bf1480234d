"""Memory stays flat, over many requests and over many connections."""

import process_tree
from finding import Finding
from server_process import Load

CONNECTIONS = 64
TOLERANCE = 0.1
TOLERANCE_BYTES = 2 * 1024 * 1024
# Far below what a server does; a load that is slower than that hangs.
RATE_MIN = 200
SETTLE_SECONDS = 30


def run(bench, server, number, options):
    """A load of that many requests; what the server has resident once its connections are closed."""
    with Load(bench.load, server.url + "/", "-c", CONNECTIONS, "--warmup", "0s", "-n", number, *options) as load:
        load.go()
        errors = load.result(60 + number / RATE_MIN)["errors"]
    server.await_counters(lambda now: now["open"] == 0, SETTLE_SECONDS)
    return process_tree.resident_bytes(server.pid), errors


def soak(bench, architecture):
    finding = Finding()
    kinds = (("requests", bench.soak_requests, ()),
             ("connections", bench.soak_connections, ("--requests-per-connection", 1)))
    for kind, number, options in kinds:
        with bench.serve(architecture) as server:
            early, errors = run(bench, server, max(1, number // 10), options)
            late, more_errors = run(bench, server, max(1, number - number // 10), options)
            done = server.end()
        errors += more_errors
        made = done["requests" if kind == "requests" else "accepted"]
        finding.figures[kind] = {"made": made, "errors": errors, "rss_kib_at_a_tenth": early // 1024,
                                 "rss_kib_in_the_end": late // 1024}
        finding.must(made >= number, f"{made:,} of {number:,} {kind} made")
        finding.must(errors == 0, f"{errors:,} errors with {kind}")
        finding.must(late <= early * (1 + TOLERANCE) + TOLERANCE_BYTES,
                     f"from {early // 1024:,} to {late // 1024:,} KiB over {kind}")
    return finding
