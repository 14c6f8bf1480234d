#!/usr/bin/python3
"""Speaks crossover-load's protocol without any load. The path of the URL says how it behaves: `/`
well, the window as long as asked for; the others break off as their names tell."""

import json
import os
import signal
import sys
import time


def say(**fields):
    print(json.dumps({"time_ns": time.monotonic_ns(), **fields}), flush=True)


def result(connections, start_ns, end_ns):
    seconds = (end_ns - start_ns) / 1e9
    verified = 1000  # as many as the fake server counts
    latency = seconds * 1e9 * connections / verified  # as Little's law has it
    times = {"p50": latency, "p90": latency, "p99": latency, "p999": latency, "max": latency,
             "mean": latency, "count": verified}
    parts = 10
    return {
        "schema": "crossover-load/1", "url": sys.argv[-1], "arguments": sys.argv[1:], "method": "GET", "engine": "epoll",
        "schedule": "closed", "threads": 1,
        "window": {"start_ns": start_ns, "end_ns": end_ns, "seconds": seconds},
        "throughput_rps": verified / seconds, "latency_ns": times,
        "requests_under_way": connections,
        "connect_ns": {**times, "count": connections},
        "connections": {"asked": connections, "established": connections, "served": connections,
                        "starved": 0, "refused": 0, "timed_out": 0, "reset": 0, "no_port": 0,
                        "other": 0},
        "fairness": {"jain_index": 1.0, "slowest_requests": 100, "fastest_requests": 100},
        "requests": {"scheduled": 2 * verified, "verified": 2 * verified,
                     "verified_in_window": verified, "wrong_status": 0, "wrong_body": 0,
                     "malformed": 0, "truncated": 0, "reset": 0, "timed_out": 0,
                     "in_flight_at_end": 0},
        "errors": 0, "bytes": {"sent": 1, "received": 1},
        "intervals": [{"end_ns": start_ns + (end_ns - start_ns) * (i + 1) // parts,
                       "verified": verified // parts} for i in range(parts)],
        "client_cpu_seconds": seconds / 2,
        "client_cpu": {"user_seconds": seconds / 4, "system_seconds": seconds / 4,
                       "threads": [{"cpu_seconds": seconds / 2, "utilization": 0.5}]},
        "verification": {"fast": verified, "full": 0}, "stopped_early": False,
    }


def play_slices(path, connections):
    """As --slices, each slice over at once."""
    served = connections - (1 if path == "/short" else 0)
    say(event="connected", established=connections, served=served, connect_seconds=0.01)
    verified = connections
    for line in sys.stdin:
        command = json.loads(line)
        if command["command"] == "end":
            break
        if path == "/killed":
            os.kill(os.getpid(), signal.SIGKILL)
        verified += 100
        say(event="slice_settled", **({} if path == "/mumbles" else {"verified": verified}))
        verified += 1000
        say(event="slice_over", verified=verified)
        if json.loads(sys.stdin.readline()) != {"command": "drain"}:
            return 2
        say(event="slice_drained", verified=verified, errors=1 if path == "/errors" else 0)
    now_ns = time.monotonic_ns()
    say(event="done", result=result(connections, now_ns - 1, now_ns))
    return 0


def main(arguments):
    path = "/" + arguments[-1].split("/", 3)[3]
    connections = int(arguments[arguments.index("--connections") + 1])
    if "--slices" in arguments:
        return play_slices(path, connections)
    duration = arguments[arguments.index("--duration") + 1]
    window = float(duration.removesuffix("ms")) / 1e3 if duration.endswith("ms") else float(
        duration.removesuffix("s"))
    say(event="connected", established=connections, served=connections, connect_seconds=0.01)
    if not sys.stdin.readline():
        return 2
    say(event="warming")
    say(event="measuring")
    start_ns = time.monotonic_ns()
    if path == "/killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if path == "/hangs":
        with open("/proc/self/comm", "w", encoding="ascii") as name:
            name.write("hanging")  # for tests that wait for this
        signal.pause()
    time.sleep(window)
    end_ns = time.monotonic_ns()
    say(event="measured")
    say(event="done", result=result(connections, start_ns, end_ns))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
