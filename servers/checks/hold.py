"""Very many connections at once: all of them open, each served and served again."""

import resource

import ledger
from finding import Finding, Skipped
from server_process import Load

# Of what else a process has open.
SPARE_FILES = 100
# So many responses end the window: enough for all to have asked in its first half.
ROUNDS = 3
# Far above what any of them takes; a machine that is emulated is slow.
SECONDS_MAX = 3000


def hold(bench, architecture):
    number = bench.hold_connections
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files < number + SPARE_FILES:
        raise Skipped(f"{number:,} connections don't fit into {files:,} open files")
    finding = Finding()
    timeouts = (f"--{what}-timeout={SECONDS_MAX}s" for what in ("idle", "header"))
    with bench.serve(architecture, *timeouts) as server:
        # What has not been answered when the window ends is waited for.
        with Load(bench.load, f"{server.url}/", "-c", number, "--warmup", "0s", "-n", ROUNDS * number,
                  *(f"--{what}-timeout={SECONDS_MAX}s" for what in ("connect", "request", "drain"))) as load:
            connected = load.event("connected")
            open_then = server.counters()["open"]
            load.say("go")
            result = load.result(SECONDS_MAX)
        done = server.end()
    if done["thread_failures"]:
        raise Skipped(f"the system gave the server no more threads or processes than for {open_then:,} connections")
    finding.figures = {"held": open_then, "connect_seconds": round(connected["connect_seconds"], 1),
                       "served_once": connected["served"], "verified": result["requests"]["verified"],
                       "errors": result["errors"]}
    finding.must(connected["served"] == number, f"{connected['served']:,} of {number:,} served once")
    finding.must(open_then == number, f"{open_then:,} of {number:,} open")
    # Each asked again, and was answered by the end, or it is in the ledger.
    unasked = result["connections"]["unasked"]
    finding.must(unasked == 0, f"{unasked:,} of {number:,} not asked again")
    finding.must(not ledger.failures(result), ledger.failures(result))
    finding.must_be_none(done, "accept_errors", "rejected", "timeouts", "protocol_errors")
    return finding
