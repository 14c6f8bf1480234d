#!/usr/bin/python3
"""crossover find, capacity and selftest with the real programs: search_test.py BUILD_DIR. What they find
depends on the machine; that they find it, keep it, and how they refuse, does not."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BUILD = Path(sys.argv.pop(1)).resolve()
BOUND_SECONDS = 280


def crossover(*arguments: object, directory: str = ".") -> subprocess.CompletedProcess:
    command = [str(word) for word in (BUILD / "crossover", *arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=BOUND_SECONDS,
                          cwd=directory)  # fmt: skip


TWO_CPUS = unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "the client needs a CPU of its own")


@TWO_CPUS
class FindTest(unittest.TestCase):
    def find(self, *arguments: object) -> tuple[dict, str]:
        with tempfile.TemporaryDirectory(prefix="search_test.") as directory:
            out = Path(directory) / "find.json"
            done = crossover("find", *arguments, "--connections", 2, "--out", out)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            return json.loads(out.read_text(encoding="utf-8")), done.stdout

    def test_an_architecture_that_is_thrice_as_slow_is_so_everywhere(self) -> None:
        found, text = self.find("event-loop:slow_down=200%", "event-loop", "--axis", "active", "--range", "50:100",
                                "--places", 5, "--time-limit", "6s")  # fmt: skip
        self.assertEqual(found["schema"], "crossover-find/1")
        self.assertEqual(found["crossings"], [])
        self.assertEqual([place["at"] for place in found["places"]], [50, 100, 59, 71, 84])
        # On a machine that is too busy for slices, by trials in turns.
        self.assertLessEqual({place["method"] for place in found["places"]}, {"duet", "interleaved"})
        self.assertIn("No crossing from 50 to 100 % of the connections active: event-loop has the lower CPU", text)

    def test_latency_is_compared_by_trials_in_turns(self) -> None:
        found, _ = self.find("event-loop", "event-loop", "--metric", "p99", "--axis", "requests", "--range", "1:2",
                             "--time-limit", "1s", "--duration", "150ms")  # fmt: skip
        self.assertEqual([place["at"] for place in found["places"]], [1, 2])
        for place in found["places"]:
            self.assertEqual(place["method"], "interleaved")
            self.assertGreaterEqual(place["pairs"], 8)
            self.assertGreater(place["ratio"], 0)

    def test_refuses_in_one_line(self) -> None:
        for arguments, says in (
            (["fiber", "epol-pool"], "no architecture 'epol-pool'"),
            (["fiber", "epoll-pool", "--metric", "joy"], "there is no 'joy'; there are cpu, throughput"),
            (["fiber", "epoll-pool", "--axis", "moon"], "there is no axis 'moon'; there are connections"),
            (["fiber", "epoll-pool", "--range", "9:3"], "ends before it begins"),
            (["fiber", "epoll-pool", "--range", "9"], "is not LOW:HIGH"),
        ):
            done = crossover("find", *arguments)
            self.assertEqual(done.returncode, 2, done.stdout)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(says, done.stderr)


@TWO_CPUS
class CapacityTest(unittest.TestCase):
    def test_finds_a_rate_that_is_kept(self) -> None:
        with tempfile.TemporaryDirectory(prefix="search_test.") as directory:
            out = Path(directory) / "capacity.json"
            done = crossover("capacity", "event-loop", "--connections", 4, "--objective", "p50<5s", "--duration",
                             "200ms", "--out", out)  # fmt: skip
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            report = json.loads(out.read_text(encoding="utf-8"))
        self.assertEqual(report["schema"], "crossover-capacity/1")
        (event_loop,) = report["architectures"]
        self.assertGreater(event_loop["closed_loop_rps"], 0)
        self.assertGreater(event_loop["trials"], 1)
        self.assertIn("Highest rate with p50<5s (4 connections)", done.stdout)

    def test_refuses_in_one_line(self) -> None:
        for arguments, says in (
            (["fiber", "--objective", "p99<soon"], "--objective"),
            (["fiber", "--objective", "p98<1ms"], "not one of p50, p90, p99 and p999"),
            (["fibre"], "no architecture 'fibre'"),
            ([], "ARCHITECTURE is required"),
        ):
            done = crossover("capacity", *arguments)
            self.assertEqual(done.returncode, 2, done.stdout)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(says, done.stderr)


def may_inject() -> bool:
    """A companion takes real-time priority, and there is one for all the server's CPUs."""
    if len(os.sched_getaffinity(0)) > 3:
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        return False
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return True


@TWO_CPUS
class SelfTestTest(unittest.TestCase):
    def test_keeps_adds_and_shows_what_it_finds(self) -> None:
        with tempfile.TemporaryDirectory(prefix="search_test.") as directory:
            options = ("--only", "event-loop", "--comparisons", 1, "--effects", 200, "--time-limit", "8s")
            done = crossover("selftest", *options, directory=directory)
            self.assertIn(done.returncode, (0, 1), done.stderr)  # as the machine lets it
            self.assertEqual(done.stderr, "")
            (log,) = Path(directory, "results", "selftest").glob("*.jsonl")
            checks = [json.loads(line)["check"] for line in log.read_text(encoding="utf-8").splitlines()]
            self.assertEqual(checks, ["ceiling", "stall", "ledger", "duet", "duet"])
            summary = json.loads(log.with_suffix(".json").read_text(encoding="utf-8"))
            if may_inject():
                self.assertEqual([each["injected"] for each in summary["detection"]], [0, 2])
                self.assertEqual(summary["detection"][1]["found"], 1)
            else:
                self.assertIn("A difference could not be injected: ", done.stdout)
            self.assertEqual([each["closes"] for each in summary["ledger"]], [True])
            self.assertGreater(summary["ceiling"]["throughput_rps"], 0)
            self.assertTrue(log.with_suffix(".svg").read_text(encoding="utf-8").startswith("<?xml"))
            with log.open("a", encoding="utf-8") as file:
                file.write('{"check":"du')  # as a crash leaves it
            shown = crossover("selftest", "--show", directory=directory)
            self.assertEqual(shown.returncode, done.returncode)
            if may_inject():
                self.assertIn("200 % more CPU", shown.stdout)

    def test_refuses_in_one_line(self) -> None:
        with tempfile.TemporaryDirectory(prefix="search_test.") as directory:
            for arguments, says in (
                (["--show"], "there was no self-test in this environment"),
                (["--only", "fibre"], "no architecture 'fibre'"),
                (["--effects", "0"], "--effects"),
            ):
                done = crossover("selftest", *arguments, directory=directory)
                self.assertEqual(done.returncode, 2, done.stdout)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertIn(says, done.stderr)


if __name__ == "__main__":
    unittest.main()
