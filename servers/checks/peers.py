#!/usr/bin/python3
"""Architectures against servers that others wrote: peers.py [--build DIR] [--pairs OURS:THEIRS,...] [--json FILE]

Theirs: nginx (return 200), nethttp and fasthttp (Go), and whatever --peer names. Each pair at each
number of connections: the two take turns, in the other order in each round, each alone on the first
CPU that this process may use, with crossover-load on the second. What counts: verified responses in
the window per second, and per second of CPU that the server's processes and ksoftirqd of their CPU
took in it; as median and range of the ratios within a round, since what disturbs a round disturbs both.
"""

import argparse
import contextlib
import functools
import json
import os
import platform
import resource
import shlex
import statistics
import sys
import time
from pathlib import Path

from selection import chosen, new_parser, positive, program
import foreign_servers
import process_tree
from foreign_servers import GO_PROGRAMS, Unavailable
from ledger import failures
from server_process import Load, Server, architectures

SERVER_CPU, CLIENT_CPU = (sorted(os.sched_getaffinity(0)) * 2)[:2]
PAIRS = "event-loop:nginx,thread-per-connection:nethttp,worker-pool:fasthttp"
FIGURES = {"requests_per_second": "requests/s", "requests_per_cpu_second": "requests/CPU-s"}
# A slow server is slow, and not in error.
PATIENCE = ("--connect-timeout", "60s", "--drain-timeout", "60s", "--request-timeout", "60s")
# So that no server pays for waking its client; not where both want the same CPU.
POLLING = ("--busy-poll",) if CLIENT_CPU != SERVER_CPU else ()
REST_SECONDS = 180  # of a run, beside its window: connecting and draining
CLIENT_FULL = 0.97


def on(cpu):
    return functools.partial(os.sched_setaffinity, 0, {cpu})


class Contenders:
    """Every server that a pair can name, with how to start it."""

    def __init__(self, parser, arguments):
        self.server = program(parser, arguments, "crossover-server")
        self.load = program(parser, arguments, "crossover-load")
        self.build = arguments.build.resolve()
        self.ours = architectures(self.server)
        self.named = {}
        for peer in arguments.peer:
            name, equals, command = peer.partition("=")
            if not equals or "{port}" not in command:
                parser.error(f"--peer: '{peer}' is not NAME=COMMAND with {{port}} in the command")
            self.named[name] = shlex.split(command)
        self.names = [*self.ours, "nginx", *GO_PROGRAMS, *self.named]
        self.built = {}

    def prepare(self, name):
        """What must be there before the first run. Throws Unavailable."""
        if name in GO_PROGRAMS:
            self.built[name] = foreign_servers.build_go(name, self.build)
        elif name == "nginx":
            self.built[name] = foreign_servers.find_nginx()

    @contextlib.contextmanager
    def serve(self, name, address, connections):
        """Yields pid and port."""
        with contextlib.ExitStack() as stack:
            if name in self.ours:
                server = stack.enter_context(Server(self.server, name, listen=address, prepare=on(SERVER_CPU)))
                yield server.pid, server.ready["port"]
            elif name in GO_PROGRAMS:
                yield stack.enter_context(foreign_servers.serve_go(self.built[name], address, on(SERVER_CPU)))
            elif name == "nginx":
                yield stack.enter_context(
                    foreign_servers.serve_nginx(self.built[name], address, connections, on(SERVER_CPU)))
            else:
                port = foreign_servers.free_port(address)
                command = [word.replace("{address}", address).replace("{port}", str(port))
                           for word in self.named[name]]
                yield stack.enter_context(
                    foreign_servers.serve_command(command, address, port, on(SERVER_CPU)))


def cpu_seconds(pid):
    softirq = process_tree.ksoftirqd_seconds(SERVER_CPU) if CLIENT_CPU != SERVER_CPU else 0
    return process_tree.cpu_seconds(pid) + softirq


def measure(contenders, name, connections, arguments, address):
    with contenders.serve(name, address, connections) as (pid, port):
        url = f"http://{address}:{port}/"
        with Load(contenders.load, url, "--cpus", CLIENT_CPU, "-t", 1, "-c", connections, "--warmup", "1s",
                  "-d", f"{arguments.seconds}s", *PATIENCE, *POLLING, prepare=on(CLIENT_CPU)) as load:
            load.go()
            load.event("measuring")
            before, began = cpu_seconds(pid), time.monotonic()
            load.event("measured")
            cpu, elapsed = cpu_seconds(pid) - before, time.monotonic() - began
            result = load.result(REST_SECONDS)
    rate = result["throughput_rps"]
    return {"server": name, "connections": connections, "requests_per_second": rate,
            # Of the interval between the two readings, which is the window but for a millisecond.
            "requests_per_cpu_second": rate * elapsed / cpu if cpu else None,
            "server_cpu": cpu / elapsed, "client_cpu": result["client_cpu"]["threads"][0]["utilization"],
            "starved": result["connections"]["starved"], "errors": result["errors"], "failures": failures(result)}


def compare(contenders, pair, connections, arguments, addresses):
    """The rounds of a pair: each a reading of either."""
    rounds = []
    for number in range(arguments.rounds):
        order = pair if number % 2 == 0 else pair[::-1]
        readings = {name: measure(contenders, name, connections, arguments, next(addresses)) for name in order}
        rounds.append([readings[name] for name in pair])
    return rounds


def summary(pair, connections, rounds):
    row = {"ours": pair[0], "theirs": pair[1], "connections": connections, "rounds": len(rounds),
           "errors": sum(reading["errors"] for each in rounds for reading in each),
           "client_cpu": max(reading["client_cpu"] for each in rounds for reading in each)}
    for figure in FIGURES:
        ratios = [ours[figure] / theirs[figure] for ours, theirs in rounds if ours[figure] and theirs[figure]]
        row[figure] = {"medians": [statistics.median(each[side][figure] or 0 for each in rounds) for side in (0, 1)],
                       "ratio": statistics.median(ratios) if ratios else None,
                       "least": min(ratios, default=None), "most": max(ratios, default=None)}
    return row


def print_table(rows):
    head = ["pair", "connections"]
    for words in FIGURES.values():
        head += [f"{words}, ours and theirs", "ratio (range)"]
    print("\n| " + " | ".join([*head, "errors"]) + " |\n" + "|---" * (len(head) + 1) + "|")
    for row in rows:
        cells = [f"{row['ours']} / {row['theirs']}", f"{row['connections']:,}"]
        for figure in FIGURES:
            found = row[figure]
            cells.append(" and ".join(f"{median:,.0f}" for median in found["medians"]))
            cells.append("none" if found["ratio"] is None else
                         f"{found['ratio']:.2f} ({found['least']:.2f} to {found['most']:.2f})")
        print("| " + " | ".join([*cells, f"{row['errors']:,}"]) + " |")
    if any(row["client_cpu"] > CLIENT_FULL for row in rows):
        print("\nThe client's CPU was full in some runs: there, requests/s is a figure of both ends; "
              "requests/CPU-s is the server's own.")


def addresses_of_loopback():
    """One for each run, so that none meets the ports that another left in TIME_WAIT."""
    for turn in range(1, 250 * 250):
        yield f"127.1.{turn // 250}.{1 + turn % 250}"


def parse():
    parser = new_parser(__doc__)
    parser.add_argument("--pairs", default=PAIRS, help="default: %(default)s")
    parser.add_argument("--connections", default="200,8000,16000", metavar="N,...", help="default: %(default)s")
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--seconds", type=positive, default=4, help="of a window")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND",
                        help="another server; {address} and {port} in its command say where it is to listen")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep every run")
    arguments = parser.parse_args()
    try:
        arguments.connections = [positive(part) for part in arguments.connections.split(",")]
    except (ValueError, argparse.ArgumentTypeError):
        parser.error(f"--connections: '{arguments.connections}' is no list of numbers of 1 or more")
    contenders = Contenders(parser, arguments)
    pairs = [tuple(pair.split(":")) for pair in arguments.pairs.split(",")]
    for pair in pairs:
        if len(pair) != 2:
            parser.error(f"--pairs: '{':'.join(pair)}' is not OURS:THEIRS")
        chosen(parser, "--pairs", pair, contenders.names)
    return arguments, contenders, pairs


def prepare(contenders, pairs):
    """Those pairs that can be had; says which can't."""
    ready = []
    for pair in pairs:
        try:
            for name in pair:
                contenders.prepare(name)
            ready.append(pair)
        except Unavailable as reason:
            print(f"{':'.join(pair)} is left out: {reason}")
    return ready


def main():
    arguments, contenders, pairs = parse()
    # Beside thousands of runnable threads this script itself would be late.
    os.sched_setaffinity(0, {CLIENT_CPU})
    os.environ.pop("http_proxy", None)
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    ready = prepare(contenders, pairs)
    print(f"{time.strftime('%Y-%m-%d')}, Linux {platform.release()}, servers on CPU {SERVER_CPU}, client on "
          f"CPU {CLIENT_CPU}, {arguments.rounds} rounds of {arguments.seconds} s", flush=True)
    addresses = addresses_of_loopback()
    rows, runs = [], []
    for connections in arguments.connections:
        for pair in ready:
            rounds = compare(contenders, pair, connections, arguments, addresses)
            for reading in (reading for each in rounds for reading in each):
                runs.append(reading)
                if reading["errors"]:
                    print(f"{reading['server']} at {connections:,}: {reading['failures']}")
            rows.append(summary(pair, connections, rounds))
            print(f"{':'.join(pair)} at {connections:,}: done", flush=True)
    print_table(rows)
    if arguments.json:
        arguments.json.write_text(json.dumps({"rows": rows, "runs": runs}, indent=1) + "\n", encoding="utf-8")
    return 1 if len(ready) < len(pairs) or any(row["errors"] for row in rows) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeError as error:  # a server that can't be started, a load that can't run
        print(f"peers: {error}", file=sys.stderr)
        sys.exit(2)
