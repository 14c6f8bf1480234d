"""slowhttptest in its four modes, beside a client that behaves well and is to be served all the time."""

import dataclasses
import math
import subprocess
import time

from finding import Finding
from ledger import failures
from server_process import Load, dying_with_parent

STEADY_CONNECTIONS = 16
# So that slow ones are seen to be cut off while the check lasts.
SLOW_SECONDS_MIN = 10
TIMEOUTS = ("--header-timeout", "3s", "--idle-timeout", "5s")
# Within which the well-behaved client must have an answer.
ANSWER_TIMEOUT = "5s"
CONNECTS_PER_SECOND = 200


@dataclasses.dataclass(frozen=True)
class Mode:
    """`share`: one in so many of the connections that were asked for. `cut_off`: timeouts are to end them."""

    options: tuple
    path: str
    share: int = 1
    cut_off: bool = True


MODES = {
    "headers": Mode(("-H", "-i", 2, "-x", 24), "/"),
    "body": Mode(("-B", "-i", 2, "-s", 8192, "-x", 10), "/echo"),
    # Answers of more than the 4 MB that the kernel buffers for a socket, so that the server's writes do
    # block; it takes that memory for each.
    "read": Mode(("-X", "-w", 512, "-y", 1024, "-n", 5, "-z", 32, "-k", 1), "/bytes/16000000", share=5),
    # Many ranges, in a header that comes whole at once; the answer is short.
    "range": Mode(("-R", "-a", 10, "-b", 3000), "/", cut_off=False),
}


def attack(mode, url, connections, seconds):
    """A slowhttptest that lasts so long at most; it ends earlier once all its connections are closed."""
    command = ["slowhttptest", *MODES[mode].options, "-c", connections, "-r", CONNECTS_PER_SECOND, "-p", 3,
               "-l", math.ceil(seconds), "-v", 0, "-u", url + MODES[mode].path]
    return subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=dying_with_parent())


def attack_again_and_again(mode, server, connections, seconds):
    """For that time. The most connections that the server held at once."""
    end = time.monotonic() + seconds
    most = 0
    while (left := end - time.monotonic()) > 1:
        attacker = attack(mode, server.url, connections, left)
        try:
            for counters in server.watch(left):
                most = max(most, counters["open"])
                if attacker.poll() is not None:
                    break
        finally:
            attacker.kill()
            attacker.wait()
    return most


def slow_client(bench, architecture, mode):
    finding = Finding()
    seconds, connections = bench.slow_seconds, max(1, bench.slow_connections // MODES[mode].share)
    with bench.serve(architecture, *TIMEOUTS) as server:
        steady = Load(bench.load, server.url + "/", "-c", STEADY_CONNECTIONS, "--think", "5ms",
                      "--requests-per-connection", 10, "--warmup", "0s", "-d", f"{seconds + 1}s",
                      "--request-timeout", ANSWER_TIMEOUT, "--connect-timeout", ANSWER_TIMEOUT)
        with steady:
            steady.go()
            most = attack_again_and_again(mode, server, connections, seconds)
            result = steady.result(seconds + 60)
        done = server.end()
    kept = result["connections"]["established"] + result["reconnections"]["established"]
    attackers = done["accepted"] - kept
    worst = result["latency_ns"]["max"]
    finding.figures = {"answered": result["requests"]["verified"], "errors": result["errors"],
                       "worst_ms": None if worst is None else round(worst / 1e6, 1),
                       "slow_connections": attackers, "open_most": most, "timeouts": done["timeouts"]}
    finding.must(result["errors"] == 0, f"{result['errors']:,} errors of the well-behaved client: {failures(result)}")
    finding.must(result["requests"]["verified"] > 0, "the well-behaved client got nothing")
    finding.must(attackers >= connections * 0.9, f"only {attackers} slow connections were accepted")
    if MODES[mode].cut_off:
        finding.must(done["timeouts"] > 0, "no slow connection was cut off")
    return finding
