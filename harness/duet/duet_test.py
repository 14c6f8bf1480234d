#!/usr/bin/python3
"""crossover duet with the real programs: duet_test.py BUILD_DIR. What it finds depends on the machine;
that it finds it, and how it refuses, does not."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BUILD = Path(sys.argv.pop(1)).resolve()
BOUND_SECONDS = 240
QUICK = ("--connections", "8", "--slice", "50ms", "--time-limit", "60s")


def duet(*arguments: object) -> subprocess.CompletedProcess:
    command = [str(word) for word in (BUILD / "crossover", "duet", *arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=BOUND_SECONDS)


class DuetTest(unittest.TestCase):
    def test_compares_two_architectures(self) -> None:
        with tempfile.TemporaryDirectory(prefix="duet_test.") as directory:
            out = Path(directory) / "duet.json"
            done = duet("epoll-pool:workers=1", "thread-per-connection", *QUICK, "--pairs", 3, "--out", out)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            report = json.loads(out.read_text(encoding="utf-8"))
        self.assertEqual(report["schema"], "crossover-duet/1")
        self.assertEqual(report["architecture"], "epoll-pool:workers=1")
        self.assertEqual(report["baseline"], "thread-per-connection")
        findings = report["findings"]
        self.assertEqual(findings["slice_ns"], 50_000_000)
        if findings["ended_by"] == "pairs":
            # A pair that was read too late is left out, but was played.
            self.assertEqual(len(findings["pairs"]) + findings["pairs_left_out"], 3)
        for pair in findings["pairs"]:
            for side in ("own", "baseline"):
                self.assertGreater(pair[side]["verified"], 0)
                self.assertGreater(pair[side]["cpu_seconds"], 0)
        self.assertIn("CPU per request", done.stdout.splitlines()[0])
        self.assertIn("pair", done.stdout.splitlines()[-1])

    def test_an_architecture_against_itself_that_is_three_times_as_slow(self) -> None:
        done = duet("event-loop:slow_down=200%", "event-loop", *QUICK, "--pairs", 6)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^event-loop:slow_down=200% takes \d.* CPU per request")

    def test_refuses_in_one_line(self) -> None:
        for arguments, says in (
            (["epoll-pool", "epol-pool"], "no architecture 'epol-pool'"),
            (["epoll-pool", "prefork"], "prefork serves in many processes"),
            (["epoll-pool", "fiber", "--workload", "x"], "workloads[0].path"),
            (["epoll-pool:workers", "fiber"], "a knob is written as name=value"),
            (["epoll-pool", "fiber", "--slice", "5"], "--slice"),
            (["epoll-pool"], "B is required"),
        ):
            done = duet(*arguments)
            self.assertEqual(done.returncode, 2, done.stdout)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(says, done.stderr)

    def test_tells_why_it_broke_off(self) -> None:
        done = duet("event-loop:slow_down=fast", "event-loop", *QUICK)
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertIn("The duet broke off: the server of event-loop:slow_down=fast ended", done.stdout)
        self.assertIn("'fast' is not a percentage", done.stdout)


if __name__ == "__main__":
    unittest.main()
