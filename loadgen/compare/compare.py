#!/usr/bin/python3
"""Requests per CPU-second of load generators, side by side: compare.py [--build DIR] [--json FILE]

The tools take turns, in a new random order in each round, each against a fresh server on the first CPU
that this process may use, alone on the second. What counts is the same for all: the requests that the
server says it answered, per second of CPU that the tool's process took in its whole life. Other tools
must be on PATH, or be given as --tool NAME=PATH: wrk, gcannon; those that aren't are skipped.
"""

import argparse
import json
import os
import platform
import random
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

SERVER_CPU, CLIENT_CPU = (sorted(os.sched_getaffinity(0)) * 2)[:2]
OURS = ("io_uring", "epoll")
OTHERS = ("wrk", "gcannon")


def on(cpu):
    return lambda: os.sched_setaffinity(0, {cpu})


class Server:
    """crossover-server on an address of its own, so that no tool meets the ports of another."""

    def __init__(self, build, architecture, address):
        command = [build / "crossover-server", "--architecture", architecture,
                   "--listen", f"{address}:0", "--control-cpus", str(CLIENT_CPU)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, preexec_fn=on(SERVER_CPU))
        self.url = f"http://{address}:{self.event('ready')['port']}/"

    def event(self, name):
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == name:
                return event
        raise SystemExit("compare: the server ended")

    def stop(self):
        self.process.stdin.write('{"command":"stop"}\n')
        self.process.stdin.flush()
        done = self.event("done")
        self.process.communicate()
        return done

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def command_of(tool, paths, connections, seconds, url):
    connections, seconds = str(connections), f"{seconds}s"
    if tool in OURS:
        return [paths[tool], "--engine", tool, "--cpus", str(CLIENT_CPU), "-t", "1", "-c", connections,
                "--warmup", "0s", "-d", seconds, "--json", "-", url]
    return [paths[tool], "-t", "1", "-c", connections, "-d", seconds, url]


def errors_of(tool, output):
    """What the tool itself says went wrong, in its words; empty: nothing."""
    if tool in OURS:
        errors = json.loads(output)["errors"]
        return f"{errors} errors" if errors else ""
    found = re.findall(r"(?im)^.*(?:errors?|non-2xx)[^\n]*[1-9][^\n]*$", output)
    return "; ".join(line.strip() for line in found)


def run(tool, arguments, paths, connections, address):
    with Server(arguments.build, arguments.architecture, address) as server:
        command = command_of(tool, paths, connections, arguments.seconds, server.url)
        started = time.monotonic()
        process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, preexec_fn=on(CLIENT_CPU))
        output = process.stdout.read().decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        elapsed = time.monotonic() - started
        done = server.stop()
    requests = done["requests"]
    cpu = usage.ru_utime + usage.ru_stime
    return {"tool": tool, "connections": connections, "requests": requests, "cpu_seconds": cpu,
            "requests_per_cpu_second": requests / cpu, "requests_per_second": requests / elapsed,
            "accepted": done["accepted"],
            "errors": errors_of(tool, output), "status": process.returncode}


def find_tools(arguments):
    given = dict(pair.split("=", 1) for pair in arguments.tool)
    paths = {tool: arguments.build / "crossover-load" for tool in OURS}
    for tool in OTHERS:
        path = given.get(tool) or shutil.which(tool)
        if path:
            paths[tool] = path
        else:
            print(f"{tool} is not on PATH: left out")
    return paths


def tell(connections, rounds):
    print(f"\n{connections:,} connections")
    print(f"  {'tool':10s} {'requests/CPU-s':>16s} {'requests/s':>12s}  errors")
    tools = list(rounds[0])
    for tool in tools:
        runs = [each[tool] for each in rounds]
        median = {key: statistics.median(run[key] for run in runs)
                  for key in ("requests_per_cpu_second", "requests_per_second")}
        errors = next((run["errors"] for run in runs if run["errors"]), "none")
        print(f"  {tool:10s} {median['requests_per_cpu_second']:16,.0f} "
              f"{median['requests_per_second']:12,.0f}  {errors}")
    for ours in OURS:
        for other in tools:
            if other in OURS:
                continue
            ratios = [each[ours]["requests_per_cpu_second"] / each[other]["requests_per_cpu_second"]
                      for each in rounds]
            print(f"  {ours} / {other}: {statistics.median(ratios):.2f} "
                  f"({min(ratios):.2f} to {max(ratios):.2f})")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--architecture", default="epoll-pool", help="of crossover-server")
    parser.add_argument("--connections", default="200,8000,16000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tool", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--json", type=Path, help="keep every run")
    arguments = parser.parse_args()
    arguments.build = arguments.build.resolve()
    paths = find_tools(arguments)
    print(f"{time.strftime('%Y-%m-%d')}, Linux {platform.release()}, server ({arguments.architecture}) on "
          f"CPU {SERVER_CPU}, tools on CPU {CLIENT_CPU}, {arguments.rounds} rounds of {arguments.seconds} s")
    chance = random.Random(arguments.seed)
    everything = []
    turn = 0
    for connections in (int(part) for part in arguments.connections.split(",")):
        rounds = []
        for _ in range(arguments.rounds):
            order = list(paths)
            chance.shuffle(order)
            readings = {}
            for tool in order:
                turn += 1
                address = f"127.0.{1 + turn // 250}.{1 + turn % 250}"
                readings[tool] = run(tool, arguments, paths, connections, address)
            rounds.append({tool: readings[tool] for tool in paths})
            everything.extend(readings.values())
        tell(connections, rounds)
    if arguments.json:
        arguments.json.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
