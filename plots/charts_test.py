#!/usr/bin/python3
"""Tests of the charts: they are made, say what they must, and no text meets other text."""

from __future__ import annotations

import copy
import io
import json
import re
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "testdata")]

from matplotlib.figure import Figure  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402

import charts  # noqa: E402
import make_report as synthetic  # noqa: E402
from layout import problems  # noqa: E402
from report import parse_report  # noqa: E402

SMALL = HERE / "testdata" / "report_small.json"
THREE = ["thread-per-connection", "worker-pool", "epoll-pool"]
ELEVEN = THREE + [
    "epoll-pool-16", "reactor-per-core", "proactor", "io-uring-multishot", "leader-followers",
    "half-sync-half-async", "goroutine-like-fibres", "prefork-processes",
]  # fmt: skip


def small() -> dict[str, Any]:
    return json.loads(SMALL.read_text(encoding="utf-8"))


def eleven(connections: list[int]) -> dict[str, Any]:
    """Many architectures, and much that is wrong with them."""
    report = synthetic.make_report(ELEVEN, connections, 5, ["hello"])
    for index, cell in enumerate(report["cells"]):
        if index % 3 == 1:
            synthetic.make_invalid(cell, "client_limited", "a client thread ran at 99 %")
        if index % 4 == 2:
            synthetic.make_invalid(cell, "not_steady", "the rate fell by 14 %", valid=4)
        if index % 5 == 0:
            synthetic.remove_metric([cell], "cpu_user_us_per_request", "taskstats was refused")
            synthetic.remove_metric([cell], "latency_us_p99", "too few responses")
    return report


def inputs() -> dict[str, dict[str, Any]]:
    """Reports of every form that a chart must bear."""
    levels = [1, 2, 5, 10, 50, 100, 1000, 8000, 16000, 100000]
    nothing = synthetic.make_report(THREE, [200], 5, ["hello"])
    for name in list(synthetic.UNITS):
        synthetic.remove_metric(nothing["cells"], name, f"{name} could not be had: " + "why " * 30)
    incomplete = synthetic.make_report(THREE, [200, 8000], 1, ["hello"])
    incomplete.update(complete=False, trials_planned=45, trials_done=4)
    del incomplete["cells"][1]
    untouched = incomplete["cells"][2]
    untouched["verdict"] = {"valid": False, "reasons": []}
    untouched["trials"].update(done=0, valid=0)
    untouched["repetition_valid"] = [False]
    for name in synthetic.UNITS:
        synthetic.remove_metric([untouched], name, "no trial of this cell was done")
    incomplete["notes"] += [f"Note {number}: " + "words " * 40 for number in range(12)]
    return {
        "small": small(),
        "one level": synthetic.make_report(THREE, [8000], 5, ["hello"]),
        "one of all": synthetic.make_report(["epoll-pool"], [1], 1, ["hello"]),
        "decades": synthetic.make_report(THREE, [1, 10, 100, 1000], 5, ["hello"]),
        "ten levels": synthetic.make_report(THREE, levels, 3, ["hello"]),
        "eleven": eleven([200, 8000, 16000]),
        "eleven at one": eleven([16000]),
        "eleven at ten": eleven(levels),
        "nothing": nothing,
        "incomplete": incomplete,
    }


def run_charts(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", str(HERE / "charts.py"), *arguments], capture_output=True, text=True
    )


def svg_text(path: Path) -> str:
    """All text of an SVG in one line, as a reader sees it."""
    texts = [element.text or "" for element in ElementTree.parse(path).iter() if
             element.tag.endswith("}text")]  # fmt: skip
    return re.sub(r"\s+", " ", " ".join(texts))


class ChartFiles(unittest.TestCase):
    """What charts.py writes for the recorded report."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.temporary = tempfile.TemporaryDirectory()
        cls.directory = Path(cls.temporary.name)
        (cls.directory / "report.json").write_bytes(SMALL.read_bytes())
        cls.outcome = run_charts(str(cls.directory))
        cls.charts = cls.directory / "charts"

    @classmethod
    def tearDownClass(cls) -> None:
        cls.temporary.cleanup()

    def test_every_chart_is_there_and_nothing_else(self) -> None:
        self.assertEqual((self.outcome.returncode, self.outcome.stderr), (0, ""))
        stems = {
            "overview", "ranking", "throughput", "cpu_per_request", "scheduling", "latency",
            "memory",
        }  # fmt: skip
        of_open_loops = {"overload", "losses"}
        of_passes = {"cpu_by_class", "scheduler_share", "run_queue", "system_calls"}
        of_costs = {"prediction"}
        self.assertEqual({chart.__name__ for chart in charts.CHARTS},
                         stems | of_open_loops | of_passes | of_costs)  # fmt: skip
        expected = {f"{stem}.{kind}" for stem in stems for kind in ("svg", "png")}
        self.assertEqual({path.name for path in self.charts.iterdir()}, expected)

    def test_pictures_have_a_sane_size(self) -> None:
        for path in self.charts.glob("*.png"):
            with self.subTest(path.name):
                content = path.read_bytes()
                self.assertGreater(len(content), 20_000)
                width, height = struct.unpack(">II", content[16:24])
                self.assertTrue(700 <= width <= 2500, width)
                self.assertTrue(500 <= height <= 2500, height)

    def test_text_says_where_it_was_measured_and_what_is_wrong(self) -> None:
        for path in self.charts.glob("*.svg"):
            with self.subTest(path.name):
                text = svg_text(path)
                for words in (
                    "Example CPU @ 2.90GHz", "2 CPUs", "Linux 6.18.5", "server on CPU 0",
                    "client on CPU 1", "g++ 12.2.0", "2026-11-22 22:00:00 UTC", "5 repetitions",
                    "Run synthetic-", "40 of 45 trials valid", "client_limited: epoll-pool at 200",
                    "failed: worker-pool at 16,000", "95 % interval", "synthetic data",
                ):  # fmt: skip
                    self.assertIn(words, text)
                self.assertRegex(text, "(lower|higher) is better")
                self.assertIn("8,000", text)

    def test_missing_metric_is_named_with_its_reason(self) -> None:
        text = svg_text(self.charts / "scheduling.svg")
        self.assertIn("Not available: run-queue wait per request", text)
        self.assertIn("taskstats needs CAP_NET_ADMIN", text)

    def test_overview_repeats_the_comparisons_of_the_report(self) -> None:
        text = svg_text(self.charts / "overview.svg")
        words = "at 16,000 connections, as a ratio to thread-per-connection: worker-pool"
        self.assertIn(words, text)
        self.assertIn("no detectable difference", text)

    def test_same_input_gives_same_bytes(self) -> None:
        before = {path.name: path.read_bytes() for path in self.charts.iterdir()}
        self.assertEqual(run_charts(str(self.directory)).returncode, 0)
        for path in self.charts.iterdir():
            self.assertTrue(before[path.name] == path.read_bytes(), f"{path.name} differs")


class Refusals(unittest.TestCase):
    """Exit 2, one line, and no traceback."""

    def refused(self, content: str | None, *words: str) -> None:
        with tempfile.TemporaryDirectory() as directory:
            if content is not None:
                (Path(directory) / "report.json").write_text(content, encoding="utf-8")
            outcome = run_charts(directory)
            self.assertEqual(outcome.returncode, 2)
            self.assertEqual(len(outcome.stderr.splitlines()), 1, outcome.stderr)
            for word in words:
                self.assertIn(word, outcome.stderr)
            self.assertFalse((Path(directory) / "charts").exists())

    def test_missing_file(self) -> None:
        self.refused(None, "report.json", "No such file")

    def test_other_version(self) -> None:
        newer = json.dumps({**small(), "schema_version": 2})
        self.refused(newer, "schema_version is 2", "version 1")

    def test_no_version(self) -> None:
        self.refused("[]", "schema_version is null")

    def test_not_json(self) -> None:
        self.refused('{"schema_version": 1', "not JSON")

    def test_wrong_shape(self) -> None:
        self.refused(json.dumps({**small(), "cells": [{}]}), "not a valid report")

    def test_no_cells(self) -> None:
        self.refused(json.dumps({**small(), "cells": []}), "no cells")

    def test_no_matplotlib(self) -> None:
        command = [sys.executable, "-B", "-S", str(HERE / "charts.py"), "anywhere"]
        outcome = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual((outcome.returncode, len(outcome.stderr.splitlines())), (2, 1))
        self.assertIn("python3-matplotlib", outcome.stderr)

    def test_usage(self) -> None:
        outcome = run_charts()
        self.assertEqual((outcome.returncode, len(outcome.stderr.splitlines())), (2, 1))


class Layout(unittest.TestCase):
    """Texts lie in the figure, apart from each other; the legend lies beside the data."""

    def test_no_text_meets_other_text(self) -> None:
        for name, document in inputs().items():
            for stem, figure in charts.figures(parse_report(document)):
                with self.subTest(input=name, chart=stem):
                    self.assertEqual(problems(figure), [])

    def test_the_check_finds_what_it_should(self) -> None:
        figure = Figure()
        figure.text(0.5, 0.5, "one text")
        figure.text(0.52, 0.5, "another text")
        figure.text(0.99, 0.1, "much too far to the right")
        figure.add_axes((0.1, 0.1, 0.8, 0.8)).set_xticks([])
        figure.legend(handles=[Line2D([], [], label="a line")], loc="center")
        found = problems(figure)
        for words in ("'another text' meets 'one text'", "not in the figure", "on data"):
            self.assertTrue(any(words in problem for problem in found), (words, found))


class Content(unittest.TestCase):
    def test_every_repetition_is_a_point(self) -> None:
        report = parse_report(small())
        figure = dict(charts.figures(report))["throughput"]
        values = sorted(
            value for line in figure.axes[0].lines if line.get_zorder() == 7
            for value in line.get_ydata()
        )  # fmt: skip
        expected = sorted(
            value for cell in report.cells
            for value in cell.metric("throughput_rps").repetitions if value is not None
        )  # fmt: skip
        self.assertEqual(len(expected), 44)
        self.assertEqual(values, expected)

    def test_bars_start_at_zero_and_add_up(self) -> None:
        report = parse_report(small())
        ax = dict(charts.figures(report))["cpu_per_request"].axes[0]
        self.assertEqual(ax.get_ylim()[0], 0)
        bars = [bar for bar in ax.patches if bar.get_zorder() == 2]
        self.assertEqual(len(bars), 18)
        self.assertEqual(sum(bar.get_hatch() is not None for bar in bars), 2)

    def test_wide_latencies_get_a_log_axis_and_narrow_ones_do_not(self) -> None:
        wide = dict(charts.figures(parse_report(small())))["latency"]
        self.assertEqual({ax.get_yscale() for ax in wide.axes}, {"log"})
        narrow_report = parse_report(synthetic.make_report(THREE, [8000], 5, ["hello"]))
        narrow = dict(charts.figures(narrow_report))["latency"]
        self.assertEqual({ax.get_yscale() for ax in narrow.axes}, {"linear"})
        self.assertEqual(len({ax.get_ylim() for ax in narrow.axes}), 1)

    def test_ties_stand_apart(self) -> None:
        document = small()
        for level in (200, 8000, 16000):
            twin = synthetic.find_cell(document, "thread-per-connection", level)["metrics"]
            synthetic.find_cell(document, "worker-pool", level)["metrics"] = copy.deepcopy(twin)
        ax = dict(charts.figures(parse_report(document)))["throughput"].axes[0]
        marks = [tuple(line.get_xydata()[0]) for line in ax.lines if line.get_zorder() == 5]
        self.assertEqual(len(marks), len(set(marks)))

    def test_each_workload_has_its_files(self) -> None:
        workloads = ["hello", "wait 1/ms", "wait 1-ms"]
        report = parse_report(synthetic.make_report(THREE, [200], 2, workloads))
        stems = [stem for stem, _ in charts.figures(report)]
        self.assertEqual(len(stems), len(set(stems)))
        self.assertIn("overview-hello", stems)
        self.assertIn("overview-wait-1-ms-2", stems)

    def test_cells_without_a_trial_are_named(self) -> None:
        figure = dict(charts.figures(parse_report(inputs()["incomplete"])))["throughput"]
        text = " ".join(text.get_text() for text in figure.texts)
        self.assertIn("INCOMPLETE RUN: 4 of 45 planned trials", text)
        self.assertIn("Not measured: thread-per-connection at 8,000; worker-pool at 200.", text)
        self.assertIn("in report.json", text)

    def test_a_dollar_sign_is_only_text(self) -> None:
        document = small()
        document["environment"]["cpu_model"] = "CPU $x_1^2$ <&>"
        figure = dict(charts.figures(parse_report(document)))["memory"]
        output = io.BytesIO()
        figure.savefig(output, format="svg")
        self.assertIn("CPU $x_1^2$ &lt;&amp;&gt;", output.getvalue().decode())


if __name__ == "__main__":
    unittest.main()
