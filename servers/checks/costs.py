#!/usr/bin/python3
"""What a request costs each architecture in system calls and switches: costs.py [--architecture A,B] [--json FILE]

Counted by perf (package linux-perf; it wants root) in the server's threads while crossover-load keeps
so many connections busy, and divided by the requests that the server counted meanwhile. Server and
load have a CPU each. Not a speed: tracing slows the server down, by a share that differs between
architectures, so that larger batches may gather than in a run without it.
"""

import argparse
import functools
import json
import os
import subprocess
import sys

from selection import chosen_architectures, new_parser, positive, program
import process_tree
from server_process import Load, Server

EVENTS = {"raw_syscalls:sys_enter": "system_calls", "context-switches": "switches"}
SERVER_CPU, CLIENT_CPU = (sorted(os.sched_getaffinity(0)) * 2)[:2]


def on(cpu):
    return functools.partial(os.sched_setaffinity, 0, {cpu})


def count(pids, seconds):
    """How often each event happened in these processes."""
    command = ["perf", "stat", "-x", ";", "-e", ",".join(EVENTS), "-p", ",".join(map(str, pids)),
               "--", "sleep", str(seconds)]
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    counts = {}
    for line in output.stderr.splitlines():
        fields = line.split(";")
        if len(fields) > 2 and fields[2] in EVENTS and fields[0].isdigit():
            counts[EVENTS[fields[2]]] = int(fields[0])
    if len(counts) < len(EVENTS):
        sys.exit(f"costs.py: perf stat counted nothing (is it root, and tracefs mounted?): {output.stderr.strip()}")
    return counts


def costs(server_binary, load_binary, architecture, connections, seconds):
    with Server(server_binary, architecture, prepare=on(SERVER_CPU)) as server:
        with Load(load_binary, server.url + "/", "--cpus", CLIENT_CPU, "-t", 1, "-c", connections, "--warmup", "1s",
                  "-d", f"{seconds + 2}s", prepare=on(CLIENT_CPU)) as load:
            load.go()
            load.event("measuring")
            before = server.counters()
            counts = count(process_tree.members(server.pid), seconds)
            after = server.counters()
            # perf counts for `seconds`, but takes a while before and after.
            elapsed = (after["time_ns"] - before["time_ns"]) / 1e9
            requests = (after["requests"] - before["requests"]) * seconds / elapsed
            errors = load.result(seconds + 60)["errors"]
    return {"architecture": architecture, "connections": connections, "requests": requests, "errors": errors,
            **{name: number / requests for name, number in counts.items()}}


def main():
    parser = new_parser(__doc__)
    parser.add_argument("--architecture", default="", help="these alone: A,B")
    parser.add_argument("--connections", type=positive, default=200)
    parser.add_argument("--seconds", type=positive, default=2)
    parser.add_argument("--json", type=argparse.FileType("w"))
    arguments = parser.parse_args()
    server = program(parser, arguments, "crossover-server")
    load = program(parser, arguments, "crossover-load")
    print("| architecture | system calls per request | switches per request |\n|---|---:|---:|")
    rows = []
    for architecture in chosen_architectures(parser, arguments, server):
        row = costs(server, load, architecture, arguments.connections, arguments.seconds)
        rows.append(row)
        print(f"| `{architecture}` | {row['system_calls']:.2f} | {row['switches']:.3f} |", flush=True)
    if arguments.json:
        json.dump(rows, arguments.json, indent=1)
    return 1 if any(row["errors"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
