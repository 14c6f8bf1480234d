#!/usr/bin/python3
"""Tests of the report's schema: it takes the recorded report, and refuses each broken one."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, Callable, Iterator

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "testdata")]

from jsonschema import Draft202012Validator  # noqa: E402

import make_passes as passes  # noqa: E402
import make_report as synthetic  # noqa: E402
import validate  # noqa: E402

SMALL = HERE / "testdata" / "report_small.json"


def small() -> dict[str, Any]:
    return json.loads(SMALL.read_text(encoding="utf-8"))


def cell(report: dict[str, Any]) -> dict[str, Any]:
    """A valid cell."""
    return synthetic.find_cell(report, "epoll-pool", 8000)


def metric(report: dict[str, Any]) -> dict[str, Any]:
    return cell(report)["metrics"]["throughput_rps"]


BREAKAGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "other version": lambda r: r.update(schema_version=2),
    "version as text": lambda r: r.update(schema_version="1"),
    "no version": lambda r: r.pop("schema_version"),
    "no run id": lambda r: r.pop("run_id"),
    "no notes": lambda r: r.pop("notes"),
    "unknown key at the top": lambda r: r.update(extra=1),
    "date without zone": lambda r: r.update(created_utc="2026-11-22 22:00"),
    "complete as a number": lambda r: r.update(complete=1),
    "negative trials": lambda r: r.update(trials_done=-1),
    "experiment without connections": lambda r: r["experiment"].pop("connections"),
    "experiment of no architecture": lambda r: r["experiment"].update(architectures=[]),
    "environment without kernel": lambda r: r["environment"].pop("kernel"),
    "environment without compiler": lambda r: r["environment"].pop("compiler"),
    "cpus as text": lambda r: r["environment"].update(cpus="2"),
    "placement as a list": lambda r: r["placement"].update(server_cpus=[0]),
    "statistics without seed": lambda r: r["statistics"].pop("seed"),
    "cell without verdict": lambda r: cell(r).pop("verdict"),
    "cell with unknown key": lambda r: cell(r).update(throughput=1),
    "cell with no connections": lambda r: cell(r).update(connections=0),
    "cell without workload": lambda r: cell(r).pop("workload"),
    "unknown reason": lambda r: cell(r)["verdict"]["reasons"].append(
        {"code": "unlucky", "trials": 1, "detail": "x"}
    ),
    "reason without detail": lambda r: cell(r)["verdict"]["reasons"].append(
        {"code": "noisy", "trials": 1}
    ),
    "not valid without a reason": lambda r: cell(r)["verdict"].update(valid=False),
    "trials without planned": lambda r: cell(r)["trials"].pop("planned"),
    "metric left out": lambda r: cell(r)["metrics"].pop("jain_index"),
    "metric with an odd name": lambda r: cell(r)["metrics"].update({"P99 (us)": metric(r)}),
    "metric in another unit": lambda r: metric(r).update(unit="rps"),
    "metric without unit": lambda r: metric(r).pop("unit"),
    "metric without interval": lambda r: metric(r).pop("ci95_high"),
    "metric with unknown key": lambda r: metric(r).update(mean=1),
    "median as text": lambda r: metric(r).update(median="12"),
    "repetition as text": lambda r: metric(r).update(repetitions=[1, "x"]),
    "null without a reason": lambda r: metric(r).update(median=None, ci95_low=None, ci95_high=None),
    "null with an empty reason": lambda r: metric(r).update(
        median=None, ci95_low=None, ci95_high=None, unavailable=""
    ),
    "null with an interval": lambda r: metric(r).update(median=None, unavailable="why"),
    "further metric of a wrong shape": lambda r: cell(r)["metrics"].update(more={"median": 1}),
    "repetition_valid as numbers": lambda r: cell(r).update(repetition_valid=[1, 1]),
    "comparison with another verdict": lambda r: r["comparisons"][0].update(verdict="faster"),
    "comparison without pairs": lambda r: r["comparisons"][0].pop("pairs"),
    "canary without its range": lambda r: r["canary"]["user_ns"].pop("min"),
    "note as a number": lambda r: r["notes"].append(7),
}


def profile(report: dict[str, Any]) -> dict[str, Any]:
    return report["cells"][0]["profile"]


def trace(report: dict[str, Any]) -> dict[str, Any]:
    return report["cells"][0]["trace"]


BREAKAGES_OF_PASSES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "profile as null": lambda r: r["cells"][0].update(profile=None),
    "profile with nothing": lambda r: profile(r).clear(),
    "profile both there and not": lambda r: profile(r).update(unavailable="why"),
    "unavailable without a reason": lambda r: r["cells"][0].update(trace={"unavailable": ""}),
    "profile without classes": lambda r: profile(r).update(classes=[]),
    "share in per cent": lambda r: profile(r)["classes"][6].update(share=27.4),
    "class without group": lambda r: profile(r)["classes"][0].pop("group"),
    "class with unknown key": lambda r: profile(r)["classes"][0].update(cpu_us=1),
    "no samples": lambda r: profile(r).update(samples=0),
    "function without kernel": lambda r: profile(r)["top"][0].pop("kernel"),
    "file as a number": lambda r: profile(r)["files"].append(7),
    "reason without code": lambda r: profile(r)["reasons"].append({"detail": "x"}),
    "trace without requests": lambda r: trace(r).update(requests=0),
    "trace with unknown key": lambda r: trace(r).update(extra=1),
    "bucket of three": lambda r: trace(r)["run_queue_ns"]["histogram"].append([1, 2, 3]),
    "run queue without count": lambda r: trace(r)["run_queue_ns"].pop("count"),
    "system calls as a list": lambda r: trace(r).update(system_calls_per_request=[]),
    "explanation without text": lambda r: r["explanations"][0].pop("text"),
    "explanation without a class": lambda r: r["explanations"][0]["parts"][0].pop("class"),
    "instruments without one": lambda r: r["instruments"].pop("trace"),
    "instrument without pairs": lambda r: r["instruments"]["profile"].pop("pairs"),
}


def properties(schema: Any, path: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property that the schema defines, outside of conditions."""
    if isinstance(schema, list):
        for index, entry in enumerate(schema):
            yield from properties(entry, f"{path}[{index}]")
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        if key == "properties":
            for name, entry in value.items():
                yield f"{path}.{name}", entry
                yield from properties(entry, f"{path}.{name}")
        elif key not in ("if", "then"):
            yield from properties(value, path if key == "$defs" else f"{path}/{key}")


class Schema(unittest.TestCase):
    def test_schema_is_a_schema(self) -> None:
        Draft202012Validator.check_schema(json.loads(validate.SCHEMA.read_text(encoding="utf-8")))

    def test_recorded_report_is_valid(self) -> None:
        self.assertEqual(validate.problems(small()), [])

    def test_recorded_report_says_that_it_is_synthetic(self) -> None:
        self.assertTrue(small()["run_id"].startswith("synthetic-"))
        self.assertIn("synthetic", " ".join(small()["notes"]))

    def test_recorded_report_is_what_its_maker_makes(self) -> None:
        made = synthetic.dump(synthetic.small_report())
        self.assertEqual(made, SMALL.read_text(encoding="utf-8"))

    def test_report_of_eleven_architectures_is_valid(self) -> None:
        names = [f"architecture-{index}" for index in range(11)]
        report = synthetic.make_report(names, [1, 10, 100], 3, ["hello", "wait"])
        self.assertEqual(validate.problems(report), [])

    def test_what_may_vary(self) -> None:
        report = small()
        report["environment"]["governor"] = "performance"
        report["canary"] = None
        cell(report)["metrics"]["migrations_per_request"] = dict(metric(report), unit="migrations")
        untouched = cell(report)
        untouched["verdict"] = {"valid": False, "reasons": []}
        untouched["trials"] = {"planned": 5, "done": 0, "valid": 0}
        self.assertEqual(validate.problems(report), [])

    def test_every_breakage_is_refused(self) -> None:
        for name, breakage in BREAKAGES.items():
            with self.subTest(name):
                report = small()
                breakage(report)
                self.assertNotEqual(validate.problems(report), [])

    def test_report_of_passes_is_valid(self) -> None:
        report = passes.three([200, 8000])
        report["cells"][0]["trace"] = {"unavailable": "the kernel refused"}
        profile(report).update(cpu_seconds_accounted=None)
        profile(report)["classes"][0]["cpu_us_per_request"] = None
        nothing = {"count": 0, "still_waiting": 0, "histogram": [], "max": None, "p50": None, "p90": None, "p99": None,
                   "p999": None}  # fmt: skip
        report["cells"][1]["trace"]["run_queue_ns"] = nothing
        self.assertEqual(validate.problems(report), [])

    def test_every_breakage_of_passes_is_refused(self) -> None:
        for name, breakage in BREAKAGES_OF_PASSES.items():
            with self.subTest(name):
                report = passes.three([200])
                breakage(report)
                self.assertNotEqual(validate.problems(report), [])

    def test_every_property_is_described(self) -> None:
        schema = json.loads(validate.SCHEMA.read_text(encoding="utf-8"))
        found = dict(properties(schema))
        self.assertGreater(len(found), 80)
        for path, entry in found.items():
            # The unit of a named metric repeats what the metric's own definition describes.
            if set(entry) == {"const"} or "description" in entry:
                continue
            self.assertIn("$ref", entry, path)


class Command(unittest.TestCase):
    """validate.py: one line of outcome and an exit code."""

    def outcome(self, *arguments: str) -> tuple[int, list[str]]:
        done = subprocess.run(
            [sys.executable, "-B", str(HERE / "validate.py"), *arguments],
            capture_output=True, text=True,
        )  # fmt: skip
        return done.returncode, (done.stdout + done.stderr).splitlines()

    def test_valid(self) -> None:
        code, lines = self.outcome(str(SMALL))
        self.assertEqual((code, len(lines)), (0, 1))
        self.assertTrue(lines[0].endswith(": valid"), lines)

    def test_directory_with_a_report_that_is_not_valid(self) -> None:
        report = small()
        metric(report).pop("unit")
        report.pop("notes")
        with tempfile.TemporaryDirectory() as directory:
            (Path(directory) / "report.json").write_text(json.dumps(report), encoding="utf-8")
            code, lines = self.outcome(directory)
        self.assertEqual((code, len(lines)), (1, 1))
        self.assertIn("(and 1 more)", lines[0])

    def test_cannot_tell(self) -> None:
        for arguments in ([], ["/nonexistent/report.json"], [str(HERE / "validate.py")]):
            with self.subTest(arguments):
                code, lines = self.outcome(*arguments)
                self.assertEqual((code, len(lines)), (2, 1))


if __name__ == "__main__":
    unittest.main()
