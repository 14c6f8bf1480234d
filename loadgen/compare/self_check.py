#!/usr/bin/python3
"""What crossover-load's own figures are worth on this machine: self_check.py [--build DIR] [CHECK...]

Checks, each told with what it should be: pacing (rate achieved, spacing of Poisson arrivals), latency
(an open loop against a bare ping-pong), stall (percentiles that are known beforehand), connect (time
until 16,000 connections are served), memory (of the client, per connection), many (60,000 connections
held, each due each 10 s; needs 61,000 open files, for which it raises the limit where it may).

The server runs on the first CPU that this process may use, the client on the second.
"""

import argparse
import contextlib
import csv
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SERVER_CPU, CLIENT_CPU = (sorted(os.sched_getaffinity(0)) * 2)[:2]
RESPONSE_WAIT_SECONDS = 120
MANY_CONNECTIONS = 60_000
# Both ends on this machine, at some 6 kB each with what the kernel keeps; and what else is open.
MANY_BYTES = MANY_CONNECTIONS * 16_384
MANY_FILES = 2 * MANY_CONNECTIONS + 10_000


def on(cpu):
    return lambda: os.sched_setaffinity(0, {cpu})


class Child:
    """A program that tells events on its standard output; ended with the block."""

    def __init__(self, cpu, *command):
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, preexec_fn=on(cpu))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=RESPONSE_WAIT_SECONDS)

    def event(self, name):
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == name:
                return event
        raise SystemExit(f"self_check: {self.process.args[0]} ended before it said {name}")


class Checks:
    def __init__(self, build, quick):
        self.build = build
        self.quick = quick
        self.failed = 0

    def server(self, architecture):
        return Child(SERVER_CPU, self.build / "crossover-server", "--architecture", architecture,
                     "--listen", "127.0.0.1:0")

    def null(self, *options):
        return Child(SERVER_CPU, self.build / "crossover-null", *options)

    def start_load(self, port, *options):
        command = [self.build / "crossover-load", "--cpus", CLIENT_CPU, "--threads", 1, "--json", "-",
                   *options, f"http://127.0.0.1:{port}/"]
        return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, preexec_fn=on(CLIENT_CPU))

    def load(self, port, *options):
        return result_of(self.start_load(port, *options))

    def tell(self, what, reading, bar, passed):
        self.failed += not passed
        print(f"{'ok  ' if passed else 'MISS'}  {what:58s} {reading:>22s}   {bar}", flush=True)

    def pacing(self):
        seconds = 2 if self.quick else 5
        for arrivals in ("constant", "poisson"):
            for rate in (1000, 5000, 20000, 50000):
                with self.null() as null, tempfile.TemporaryDirectory() as directory:
                    trace = Path(directory) / "trace.csv"
                    result = self.load(null.event("ready")["port"], "-c", 64, "--rate", rate,
                                       "--arrivals", arrivals, "-d", f"{seconds}s", "--warmup", "1s",
                                       "--trace", trace)
                    window = result["window"]
                    with trace.open(encoding="ascii") as lines:
                        rows = [row for row in csv.DictReader(lines)
                                if window["start_ns"] <= int(row["due_ns"]) < window["end_ns"]]
                due = len(rows) / seconds
                # Poisson arrivals are a random number; what counts is that each due one was sent.
                sent = sum(window["start_ns"] <= int(row["sent_ns"]) < window["end_ns"] for row in rows)
                asked = rate if arrivals == "constant" else due
                error = (sent / seconds) / asked - 1
                name = f"{arrivals} arrivals at {rate:,}/s"
                self.tell(f"{name}: rate sent against asked", f"{error:+.3%}", "within 0.5 %",
                          abs(error) <= 0.005 and result["errors"] == 0)
                lag = result["lag_ns"]
                print(f"      lag p50 {lag['p50'] / 1e3:.1f} us, p99 {lag['p99'] / 1e3:.1f} us; "
                      f"client CPU {result['client_cpu']['threads'][0]['utilization']:.0%}")
                if arrivals == "poisson":
                    due, sent = (anderson_darling([int(row[moment]) for row in rows], 1e9 / rate)
                                 for moment in ("due_ns", "sent_ns"))
                    self.tell(f"{name}: Anderson-Darling, as due", f"{due:.2f}",
                              "under 3.86 (1 %)", due < 3.857)
                    print(f"      as sent, by one thread one after the other: {sent:.0f}")

    def latency(self):
        readings = []
        for _ in range(3 if self.quick else 7):
            with self.null("--busy-poll") as child:
                port = child.event("ready")["port"]
                bare = float(subprocess.run(
                    [self.build / "crossover-pingpong", f"http://127.0.0.1:{port}/", "20000"],
                    check=True, capture_output=True, text=True, preexec_fn=on(CLIENT_CPU)).stdout)
                options = ["-c", 64, "--rate", 1000, "-d", "3s", "--warmup", "1s"]
                spun = self.load(port, *options, "--spin", "300us")["latency_ns"]
                slept = self.load(port, *options)["latency_ns"]
                readings.append([bare] + [latency[key] / 1e3 - bare for latency in (spun, slept)
                                          for key in ("mean", "p50")])
        bare, mean, p50, slept_mean, slept_p50 = (statistics.median(each) for each in zip(*readings))
        self.tell(f"open loop at 1,000/s over a ping-pong of {bare:.1f} us, --spin 300us",
                  f"{mean:+.1f} us", "under +15 us", mean < 15)
        print(f"      its p50 {p50:+.1f} us; without --spin {slept_mean:+.1f} us, p50 {slept_p50:+.1f} us: "
              "the CPU sleeps, and takes that to wake up")

    def stall(self):
        """A server that stalls for S of each T: evenly spaced requests that arrive meanwhile wait for
        the rest of it, so that the latency at quantile q is S - (1 - q) T, and next to 0 below. The
        rates are low, since after a stall what has gathered is answered one after the other, and
        odd, so that each period has its requests at other moments."""
        for stall_ms, period_ms, rate, names in ((500, 5000, 211.37, ("p99", "p999")),
                                                 (1200, 2000, 101.37, ("p50", "p90"))):
            with self.null("--stall", f"{stall_ms}ms", "--every", f"{period_ms}ms") as null:
                port = null.event("ready")["port"]
                result = self.load(port, "-c", 250, "--rate", rate, "--warmup", "1s",
                                   "-d", "10s" if self.quick else "40s")
            for name in names:
                quantile = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}[name]
                truth_ms = stall_ms - (1 - quantile) * period_ms
                found_ms = result["latency_ns"][name] / 1e6
                error = found_ms / truth_ms - 1
                self.tell(f"{stall_ms:,} ms stalls each {period_ms:,} ms: {name} of {truth_ms:.0f} ms",
                          f"{found_ms:.2f} ms, {error:+.2%}", "within 1 %", abs(error) <= 0.01)

    def connect(self):
        for architecture, bar in (("epoll-pool", 1.0), ("thread-per-connection", 2.5)):
            times = []
            for _ in range(3):
                with self.server(architecture) as server:
                    result = self.load(server.event("ready")["port"], "-c", 16000, "-d", "100ms",
                                       "--warmup", "0s")
                    if result["connections"]["established"] != 16000:
                        raise SystemExit("self_check: not all connections were established")
                    times.append(result["connect_seconds"])
            median = statistics.median(times)
            self.tell(f"16,000 connections served once by {architecture}", f"{median:.2f} s",
                      f"under {bar} s", median < bar)

    def memory(self):
        for engine in ("epoll", "io_uring"):
            pss = {}
            for connections in (100, 16000):
                with self.server("epoll-pool") as server:
                    port = server.event("ready")["port"]
                    with Child(CLIENT_CPU, self.build / "crossover-load", "--engine", engine,
                               "--events", "--threads", 1, "-c", connections,
                               f"http://127.0.0.1:{port}/") as load:
                        load.event("connected")
                        rollup = Path(f"/proc/{load.process.pid}/smaps_rollup").read_text("ascii")
                        pss[connections] = int(rollup.split("Pss:")[1].split()[0]) * 1024
            each = (pss[16000] - pss[100]) / 15900
            self.tell(f"client memory per connection, {engine}", f"{each:.0f} bytes",
                      "under 1,024 (all but the kernel's)", each < 1024)


    def many(self):
        """As many as one server of a large site holds, each mostly idle: due each 10 s. Where a process
        may not open so many files, several clients and as many servers share them, all at once."""
        if reason := why_not_many():
            print(f"skip  {MANY_CONNECTIONS:,} connections: {reason}", flush=True)
            return
        seconds = 15 if self.quick else 20
        parts = math.ceil(MANY_CONNECTIONS / (raise_open_files(MANY_CONNECTIONS + 1000) - 1000))
        for engine in ("epoll", "io_uring"):
            with contextlib.ExitStack() as stack:
                ports = [stack.enter_context(self.null()).event("ready")["port"] for _ in range(parts)]
                clients = [self.start_load(
                    port, "--engine", engine, "-c", MANY_CONNECTIONS // parts, "--rate",
                    MANY_CONNECTIONS // parts // 10, "-d", f"{seconds}s", "--warmup", "5s")
                           for port in ports]
                results = [result_of(client) for client in clients]
            together = min(each["window"]["end_ns"] for each in results) - max(
                each["window"]["start_ns"] for each in results)
            total = {key: sum(each["connections"][key] for each in results)
                     for key in ("established", "starved")}
            errors = sum(each["errors"] for each in results)
            self.tell(f"{total['established']:,} connections, each due each 10 s, {seconds} s, {engine}",
                      f"{errors:,} errors", "0, and none unserved",
                      errors == 0 and total["starved"] == 0 and
                      total["established"] == MANY_CONNECTIONS)
            print(f"      in {parts} clients, {together / 1e9:.1f} s of it at the same time; "
                  f"{total['starved']:,} unserved; connected in "
                  f"{max(each['connect_seconds'] for each in results):.1f} s; latency p99 "
                  f"{max(each['latency_ns']['p99'] for each in results) / 1e6:.2f} ms; client CPU "
                  f"{sum(each['client_cpu']['threads'][0]['utilization'] for each in results):.0%}")


def result_of(load):
    output, errors = load.communicate(timeout=RESPONSE_WAIT_SECONDS)
    if load.returncode == 2:
        raise SystemExit(errors)
    return json.loads(output)


def raise_open_files(wanted):
    """The limit for this process's children: as wanted, or the most that there is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
        return wanted
    except (OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return hard


def why_not_many():
    """What the machine lacks, or None."""
    used, _, files = (int(word) for word in Path("/proc/sys/fs/file-nr").read_text("ascii").split())
    if files - used < MANY_FILES:
        return f"they need {MANY_FILES:,} open files in all, and fs.file-max leaves {files - used:,}"
    memory = Path("/proc/meminfo").read_text("ascii")
    available = int(memory.split("MemAvailable:")[1].split()[0]) * 1024
    if available < MANY_BYTES:
        return f"they need {MANY_BYTES >> 20:,} MB of memory, and {available >> 20:,} are free"
    return None


def anderson_darling(times, mean):
    """Of the gaps against an exponential distribution of that mean; 3.857 is the 1 % point."""
    times = sorted(times)
    gaps = sorted(max(b - a, 0.5) / mean for a, b in zip(times, times[1:]))
    n = len(gaps)
    total = sum((2 * i + 1) * (math.log(-math.expm1(-gaps[i])) - gaps[n - 1 - i]) for i in range(n))
    return -n - total / n


def main():
    names = ["pacing", "latency", "stall", "connect", "memory", "many"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--quick", action="store_true", help="shorter, and less sure")
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=", ".join(names))
    arguments = parser.parse_args()
    for name in arguments.checks:
        if name not in names:
            parser.error(f"'{name}' is none of {', '.join(names)}")
    checks = Checks(arguments.build.resolve(), arguments.quick)
    for name in arguments.checks or names:
        getattr(checks, name)()
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
