#!/usr/bin/python3
"""What makes a trial invalid, by causes that are real: validity_test.py BUILD_DIR. The real server and
the real load generator run; what happens to them happens from outside, once they are seen to work. The
pure part, every limit to either side, is verdict_test.cc."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

BUILD = Path(sys.argv.pop(1)).resolve()
BOUND_SECONDS = 120
SERVER_CPU, CLIENT_CPU = (sorted(os.sched_getaffinity(0)) * 2)[:2]
LOAD = {"threads": 1, "warmup": "300ms", "duration": "3s", "connect_timeout": "2s", "drain_timeout": "1s"}
TICKS = os.sysconf("SC_CLK_TCK")

# Passes the lines of the program that it starts on, and takes ten off each count of responses.
LOSSY = """
import json, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
for line in child.stdout:
    event = json.loads(line)
    for counts in (event, event.get("counters", {})):
        if isinstance(counts, dict) and "requests" in counts and event.get("event") == "done":
            counts["requests"] -= 10
    print(json.dumps(event), flush=True)
sys.exit(child.wait())
"""

# Starts a load generator, while the server (a file has its pid) stands still for the first 1.4 s.
STALLING = """
import os, select, signal, subprocess, sys
server = int(open(sys.argv[1]).read())
os.kill(server, signal.SIGSTOP)
child = subprocess.Popen(sys.argv[2:])
select.select([], [], [], 1.4)
os.kill(server, signal.SIGCONT)
sys.exit(child.wait())
"""


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def children(parent: int, name: str = "") -> list[int]:
    """The children of a process, or those of them that are called so."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            head, _, rest = (entry / "stat").read_text(encoding="ascii").rpartition(")")
            called = head.partition("(")[2]
            if int(rest.split()[1]) == parent and (not name or called == name[:15]):
                found.append(int(entry.name))
        except (OSError, ValueError, IndexError):
            continue
    return found


def descendants(parent: int) -> list[int]:
    found = children(parent)
    return found + [pid for child in found for pid in descendants(child)]


@unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "the client needs a CPU of its own")
class ValidityTest(unittest.TestCase):
    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="validity_test."))
        self.addCleanup(shutil.rmtree, self.directory)

    def start(self, architecture: object, connections: int, **changes: object) -> subprocess.Popen:
        experiment = {"name": "validity", "repetitions": 1, "canary": False,
                      "placement": {"server": str(SERVER_CPU), "client": str(CLIENT_CPU)},
                      "architectures": [architecture], "connections": [connections],
                      "load": LOAD, **changes}  # fmt: skip
        path = self.directory / "experiment.json"
        path.write_text(json.dumps(experiment), encoding="utf-8")
        command = [BUILD / "crossover", "run", path, "--out", self.directory / "out"]
        process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, cwd=self.directory)  # fmt: skip
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def reasons(self, process: subprocess.Popen) -> dict[str, str]:
        out, err = process.communicate(timeout=BOUND_SECONDS)
        self.assertIn(process.returncode, (0, 1), out + err)
        lines = (self.directory / "out" / "trials.jsonl").read_text(encoding="utf-8").splitlines()
        (trial,) = [line for line in map(json.loads, lines) if line["type"] == "trial"]
        return {reason["code"]: reason["detail"] for reason in trial["verdict"]["reasons"]}

    def await_busy(self, crossover: subprocess.Popen, of_workers: bool = False) -> int:
        """The server, or of its processes the busiest, once it has had CPU time to speak of."""
        deadline = time.monotonic() + BOUND_SECONDS
        while time.monotonic() < deadline:
            for server in children(crossover.pid, "crossover-server"):
                candidates = descendants(server) if of_workers else [server]
                busy = [(cpu_seconds(pid), pid) for pid in candidates]
                if busy and max(busy)[0] >= 0.1:
                    return max(busy)[1]
            select.select([], [], [], 0.01)
        self.fail("no server came to work")

    def test_connections_short_by_a_full_queue_before_a_server_that_stands_still(self) -> None:
        # The kernel keeps two or three connections for a backlog of 1, and drops the others' SYN. They are sent
        # again after 1 s, and after 2 s or 3 s; by then the load generator has given up.
        script = self.directory / "stalling.py"
        script.write_text(STALLING, encoding="utf-8")
        pid = self.directory / "server.pid"
        launcher = {"server": ["sh", "-c", f'echo $$ > {pid}; exec "$@" --backlog 1', "sh"],
                    "client": [sys.executable, str(script), str(pid)]}  # fmt: skip
        load = {**LOAD, "connect_timeout": "1800ms"}
        reasons = self.reasons(self.start("event-loop", 8, launcher=launcher, load=load))
        self.assertRegex(reasons.get("connections_short", ""), "^[2-7] of 8 connections established")

    def test_starved_errors_and_littles_law_by_a_pool_that_refuses_some(self) -> None:
        pool = {"name": "worker-pool", "options": {"workers_max": 3, "overflow": "reject"}}
        reasons = self.reasons(self.start(pool, 8))
        self.assertLessEqual({"starved", "errors", "littles_law"}, set(reasons))
        self.assertIn("rejected 5", reasons["errors"])

    def test_starved_by_a_pool_that_leaves_some_waiting(self) -> None:
        pool = {"name": "worker-pool", "options": {"workers_max": 3, "overflow": "queue"}}
        self.assertIn("starved", self.reasons(self.start(pool, 8)))

    def test_errors_by_a_worker_that_is_killed(self) -> None:
        crossover = self.start("prefork", 4)
        os.kill(self.await_busy(crossover, of_workers=True), signal.SIGKILL)
        self.assertTrue({"errors", "failed"} & set(self.reasons(crossover)))

    def test_failed_by_a_server_that_is_killed(self) -> None:
        crossover = self.start("epoll-pool", 4)
        os.kill(self.await_busy(crossover), signal.SIGKILL)
        reasons = self.reasons(crossover)
        self.assertEqual(list(reasons), ["failed"])
        self.assertIn("killed by signal 9", reasons["failed"])

    def test_not_steady_by_a_server_that_speeds_up_midway(self) -> None:
        crossover = self.start("event-loop", 4)
        server = self.await_busy(crossover)
        deadline = time.monotonic() + 1.6  # half of the window, and the warm-up
        while time.monotonic() < deadline:
            os.kill(server, signal.SIGSTOP)
            select.select([], [], [], 0.03)
            os.kill(server, signal.SIGCONT)
            select.select([], [], [], 0.01)
        self.assertIn("not_steady", self.reasons(crossover))

    def test_noisy_by_a_neighbour_on_the_servers_cpu(self) -> None:
        neighbour = subprocess.Popen(["taskset", "-c", str(SERVER_CPU), sys.executable, "-c", "while True: pass"])
        self.addCleanup(neighbour.wait)
        self.addCleanup(neighbour.kill)
        self.assertIn("noisy", self.reasons(self.start("event-loop", 4)))

    def test_client_limited_by_a_neighbour_on_the_clients_cpu(self) -> None:
        neighbour = subprocess.Popen(["taskset", "-c", str(CLIENT_CPU), sys.executable, "-c", "while True: pass"])
        self.addCleanup(neighbour.wait)
        self.addCleanup(neighbour.kill)
        reasons = self.reasons(self.start("event-loop", 4, load={**LOAD, "busy_poll": True}))
        self.assertIn("kept waiting for its CPU", reasons.get("client_limited", ""))

    def test_ledger_open_by_counts_that_get_lost(self) -> None:
        script = self.directory / "lossy.py"
        script.write_text(LOSSY, encoding="utf-8")
        launcher = {"server": [sys.executable, str(script)], "client": []}
        reasons = self.reasons(self.start("event-loop", 4, launcher=launcher))
        self.assertIn("ledger_open", reasons)
        self.assertIn("the server sent", reasons["ledger_open"])


if __name__ == "__main__":
    unittest.main()
