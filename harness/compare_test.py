#!/usr/bin/python3
"""crossover compare as a whole, on reports that are made from the published one: compare_test.py
BUILD_DIR."""

import copy
import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parent
BUILD = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else SOURCE.parent / "build"
PUBLISHED = next((SOURCE.parent / "results" / "published").glob("2026-11-23-*/report.json"))


class CompareTest(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="compare_test."))
        self.addCleanup(shutil.rmtree, self.directory)
        self.base = json.loads(PUBLISHED.read_text(encoding="utf-8"))

    def write(self, report, name="b"):
        path = self.directory / name
        path.mkdir(exist_ok=True)
        (path / "report.json").write_text(json.dumps(report), encoding="utf-8")
        return path

    def slowed(self, factor, architecture):
        """The published run, with `architecture` slower, and no noise of its own."""
        report = copy.deepcopy(self.base)
        report["run_id"] = "slowed"
        for cell in report["cells"]:
            if cell["architecture"] == architecture:
                metric = cell["metrics"]["cpu_us_per_request"]
                metric["median"] *= factor
                metric["repetitions"] = [value * factor for value in metric["repetitions"]]
        return report

    def compare(self, *arguments):
        return subprocess.run([BUILD / "crossover", "compare", *map(str, arguments)],
                              capture_output=True, text=True, check=False, timeout=120,
                              cwd=self.directory)

    def assert_refused(self, done, *words):
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_a_file_and_a_directory(self):
        done = self.compare(PUBLISHED, self.write(self.slowed(1.02, "epoll-pool")))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.count("no detectable difference"), 6, done.stdout)
        self.assertIn("Only ratios measured side by side in one run count", done.stdout)

    def test_the_gate_fails_what_is_slower_by_more(self):
        slow = self.write(self.slowed(2, "epoll-pool"))
        done = self.compare(PUBLISHED.parent, slow, "--fail-if-slower", "3%", "--json", "out.json")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count("slower by more than 3 %"), 3, done.stdout)
        found = json.loads((self.directory / "out.json").read_text(encoding="utf-8"))
        self.assertEqual(found["cells_beyond_limit"], 3)
        self.assertEqual({cell["architecture"] for cell in found["cells"] if cell["beyond_limit"]},
                         {"epoll-pool"})
        done = self.compare(slow, PUBLISHED.parent, "--fail-if-slower", "3%")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(done.stdout.count("faster"), 3, done.stdout)

    def test_what_slows_the_baseline_shows_in_the_plain_ratio(self):
        slow = self.write(self.slowed(2, "thread-per-connection"))
        done = self.compare(PUBLISHED, slow, "--plain", "--fail-if-slower", "3%")
        self.assertEqual(done.returncode, 1, done.stdout)
        done = self.compare(PUBLISHED, slow, "--relative", "--fail-if-slower", "3%")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_a_gate_that_can_judge_nothing_does_not_pass(self):
        report = copy.deepcopy(self.base)
        for cell in report["cells"]:
            cell["verdict"]["valid"] = False
        done = self.compare(PUBLISHED, self.write(report), "--fail-if-slower", "3%")
        self.assert_refused(done, "no cell could be judged")
        self.assertIn("not valid in B", done.stdout)
        self.assertEqual(self.compare(PUBLISHED, self.write(report)).returncode, 0)

    def test_refusals(self):
        here = self.write(self.base)
        self.assert_refused(self.compare(here), "B")
        self.assert_refused(self.compare(here, self.directory / "none"), "none: cannot be read")
        self.assert_refused(self.compare(here, self.directory), "report.json: cannot be read")
        self.assert_refused(self.compare(here, here, "--metric", "cpu_per_request"), "no such")
        self.assert_refused(self.compare(here, here, "--metric", "steal_ratio"), "neither")
        for bad in ("3", "3 %", "-1%", "%", "nan%", "1e3%", "2000%"):
            self.assert_refused(self.compare(here, here, f"--fail-if-slower={bad}"), "percentage")
        self.assert_refused(self.compare(here, here, "--plain", "--relative"), "--relative")
        self.assert_refused(self.compare(here, here, "--json", "no/such/place"), "no/such/place")
        (here / "report.json").write_text('{"schema_version": 1', encoding="utf-8")
        self.assert_refused(self.compare(PUBLISHED, here), "b/report.json", "not valid JSON")


if __name__ == "__main__":
    unittest.main()
