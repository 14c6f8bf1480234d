#!/usr/bin/python3
"""Speaks crossover-server's protocol without serving anything. The architecture says how it
behaves: `steady` well; the others break off as their names tell."""

import json
import os
import signal
import sys
import time

ARCHITECTURES = ["steady", "dies-in-window", "dies-at-start", "never-ready", "mumbles", "deaf"]


def say(**fields):
    print(json.dumps({"time_ns": time.monotonic_ns(), **fields}), flush=True)


def counters(event, requests):
    usage = {"user_us": requests, "system_us": requests, "voluntary_switches": requests,
             "involuntary_switches": 0, "minor_faults": 0, "major_faults": 0}
    say(event=event, requests=requests, protocol_errors=0, accepted=0, open=0, accept_errors=0,
        rejected=0, thread_failures=0, timeouts=0, threads=1, rusage=usage)


def main(arguments):
    if "--list" in arguments:
        print("\n".join(ARCHITECTURES))
        return 0
    architecture = arguments[arguments.index("--architecture") + 1]
    if architecture == "dies-at-start":
        print("crossover-server: cannot listen on 127.0.0.1:0", file=sys.stderr)
        return 2
    if architecture == "mumbles":
        print("hello", flush=True)
    if architecture != "never-ready":
        say(event="ready", architecture=architecture, address="127.0.0.1", port=9, pid=os.getpid(),
            backlog=4096, open_files_limit=1024)
    asked = 0
    for line in sys.stdin:
        command = json.loads(line)["command"]
        if command == "stop" and architecture == "deaf":
            signal.pause()
        if command == "stop":
            counters("done", 2000)
            return 0
        asked += 1
        # The first request for counters comes before the load, the second opens the window.
        counters("counters", {1: 0, 2: 500}.get(asked, 1500))
        if architecture == "dies-in-window" and asked == 2:
            print("out of threads", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
