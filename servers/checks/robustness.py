#!/usr/bin/python3
"""What each architecture survives: robustness.py [--build DIR] [--architecture A,B] [CHECK...]

Checks: slow-headers, slow-body, slow-read, slow-range (slowhttptest beside a client that behaves
well), flood (half-open and reset connections), descriptors and threads (each run out), drain (SIGTERM
under load), hold (16,000 connections at once), soak (memory stays flat). docs/robustness.md says what
each of them asks for.
"""

import dataclasses
import functools
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from selection import chosen, chosen_architectures, new_parser, positive, program
from drain import drain
from exhaustion import descriptors, threads
from finding import Finding, Skipped
from floods import flood
from hold import SECONDS_MAX as HOLD_SECONDS_MAX, hold
from server_process import Server
from slow_clients import MODES, SLOW_SECONDS_MIN, slow_client
from soak import soak

CHECKS = {f"slow-{mode}": functools.partial(slow_client, mode=mode) for mode in MODES} | {
    "flood": flood, "descriptors": descriptors, "threads": threads, "drain": drain,
    "hold": hold, "soak": soak}

# Where a failure is what the architecture is, told as that and not as a failure: (architecture, check).
BY_DESIGN = {
    ("prefork", check): "a process serves one connection at a time: as many slow clients as processes take all"
    for check in ("slow-headers", "slow-body", "slow-read", "slow-range", "flood", "descriptors")}

# What no check needs, at its default size; it hangs.
CHECK_SECONDS_MAX = 600
SECONDS_MAX = {"hold": 2 * HOLD_SECONDS_MAX, "soak": 6 * 3600}
SOAK_REQUESTS, SOAK_CONNECTIONS = 10_000_000, 1_000_000


@dataclasses.dataclass
class Bench:
    """Where the programs are, and how large the checks."""

    server: Path
    load: Path
    slow_seconds: int
    slow_connections: int
    hold_connections: int
    soak_requests: int
    soak_connections: int

    def serve(self, architecture, *options, **how):
        return Server(self.server, architecture, *options, **how)


def out_of_time(*_):
    raise TimeoutError("the check did not end")


def perform(bench, architecture, name, seconds_max):
    """One check: its row. Prints it."""
    started = time.monotonic()
    signal.alarm(seconds_max)
    try:
        finding = CHECKS[name](bench, architecture)
        outcome = "FAIL" if finding.problems else "ok"
    except Skipped as reason:
        finding, outcome = Finding(problems=[str(reason)]), "skip"
    except (OSError, RuntimeError, ValueError, LookupError, AssertionError, subprocess.SubprocessError) as error:
        finding, outcome = Finding(problems=[f"{type(error).__name__}: {error}"]), "FAIL"
    finally:
        signal.alarm(0)
    if outcome == "FAIL" and (architecture, name) in BY_DESIGN:
        outcome = "design"
        finding.problems.insert(0, BY_DESIGN[architecture, name])
    seconds = time.monotonic() - started
    print(f"{outcome:6s} {architecture:24s} {name:13s} {seconds:6.1f} s  {told(finding)}", flush=True)
    return {"architecture": architecture, "check": name, "outcome": outcome, "seconds": round(seconds, 1),
            "figures": finding.figures, "problems": finding.problems}


def told(finding):
    return "; ".join(finding.problems + [in_words(finding.figures)])


def in_words(figures):
    words = []
    for name, figure in figures.items():
        if isinstance(figure, dict):
            words.append(f"{name}: {in_words(figure)}")
        else:
            words.append(f"{name} {figure:,}" if isinstance(figure, int) else f"{name} {figure}")
    return ", ".join(words)


def print_summary(rows, checks):
    """A row for each architecture, in Markdown."""
    print("\n| architecture | " + " | ".join(checks) + " |")
    print("|---" * (len(checks) + 1) + "|")
    for architecture in dict.fromkeys(row["architecture"] for row in rows):
        outcomes = (row["outcome"] for row in rows if row["architecture"] == architecture)
        print(f"| {architecture} | " + " | ".join(outcomes) + " |")


def parse():
    parser = new_parser(__doc__)
    parser.add_argument("--architecture", metavar="A,B", default="", help="default: all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep every row")
    parser.add_argument("--slow-seconds", type=positive, default=15,
                        help="of each mode of slowhttptest; default: %(default)s")
    parser.add_argument("--slow-connections", type=positive, default=500, help="default: %(default)s")
    parser.add_argument("--hold-connections", type=positive, metavar="N", default=16_000, help="default: %(default)s")
    parser.add_argument("--soak", action="store_true", help="soak for 10 million requests and 1 million connections")
    parser.add_argument("--soak-requests", type=positive, metavar="N", help="default: a tenth of --soak's")
    parser.add_argument("--soak-connections", type=positive, metavar="N", help="likewise")
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=", ".join(CHECKS))
    arguments = parser.parse_args()
    share = 1 if arguments.soak else 10
    arguments.soak_requests = arguments.soak_requests or SOAK_REQUESTS // share
    arguments.soak_connections = arguments.soak_connections or SOAK_CONNECTIONS // share
    if arguments.slow_seconds < SLOW_SECONDS_MIN:
        parser.error(f"--slow-seconds: must be {SLOW_SECONDS_MIN} or more, for timeouts to be seen to pass")
    checks = chosen(parser, "CHECK", arguments.checks, CHECKS)
    if any(check.startswith("slow-") for check in checks) and not shutil.which("slowhttptest"):
        parser.error("slowhttptest is not installed; `make checks` does that")
    bench = Bench(program(parser, arguments, "crossover-server"), program(parser, arguments, "crossover-load"),
                  arguments.slow_seconds, arguments.slow_connections, arguments.hold_connections,
                  arguments.soak_requests, arguments.soak_connections)
    return arguments, bench, chosen_architectures(parser, arguments, bench.server), checks


def main():
    arguments, bench, names, checks = parse()
    os.environ.pop("http_proxy", None)
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    signal.signal(signal.SIGALRM, out_of_time)
    rows = []
    for name in names:
        for check in checks:
            rows.append(perform(bench, name, check, SECONDS_MAX.get(check, CHECK_SECONDS_MAX)))
    print_summary(rows, checks)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    failed = [row for row in rows if row["outcome"] == "FAIL"]
    print(f"\n{len(failed)} of {len(rows)} failed" if failed else "\nok")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
