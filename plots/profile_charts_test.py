#!/usr/bin/python3
"""Tests of the charts of the profile and the trace: what is drawn, and what is not."""

from __future__ import annotations

import copy
import io
import sys
import unittest
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "testdata")]

from matplotlib.colors import to_hex  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

import charts  # noqa: E402
import make_axis_report as axes  # noqa: E402
import make_passes as passes  # noqa: E402
import make_report as synthetic  # noqa: E402
import validate  # noqa: E402
from layout import problems  # noqa: E402
from palette import CLASS_COLOURS, KNOWN  # noqa: E402
from report import parse_report, views  # noqa: E402

STEMS = ["cpu_by_class", "scheduler_share", "run_queue", "system_calls"]


def drawn(document: dict[str, Any], chart: str) -> Figure | None:
    charts.style.apply()
    return getattr(charts, chart)(views(parse_report(document))[0])


def figure_of(document: dict[str, Any], chart: str) -> Figure:
    figure = drawn(document, chart)
    assert figure is not None, chart
    return figure


def words(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.texts).replace("\u00a0", " ")


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def widths(figure: Figure, frame: int, row: int) -> dict[str, float]:
    """Colour -> length of the parts of a bar."""
    bars = [bar for bar in figure.axes[frame].patches
            if abs(bar.get_y() + bar.get_height() / 2 - row) < 0.3]  # fmt: skip
    return {to_hex(bar.get_facecolor()).upper(): bar.get_width() for bar in bars}


def inputs() -> dict[str, dict[str, Any]]:
    """Reports of every form that these charts must bear."""
    many = passes.with_passes(synthetic.make_report(list(KNOWN), [200, 2000, 8000], 2, ["hello"]))
    for index, cell in enumerate(many["cells"]):
        if index % 3 == 1:
            synthetic.make_invalid(cell, "noisy", "something else used 9 % of the CPUs", valid=0)
            cell["profile"]["reasons"] = [{"code": "noisy", "detail": "something else"}]
    gaps = passes.three([200, 2000])
    gaps["cells"][1]["profile"] = {"unavailable": "perf_event_open was refused"}
    gaps["cells"][2]["trace"] = {"unavailable": "tracefs is not mounted"}
    del gaps["cells"][3]["profile"], gaps["cells"][3]["trace"], gaps["cells"][5]
    levels = [1, 2, 5, 10, 100, 1000, 8000, 16000, 100000]
    return {
        "three": passes.three([200, 2000, 8000]),
        "one level": passes.three([8000]),
        "one of all": passes.with_passes(synthetic.make_report(["fiber"], [1], 1, ["hello"])),
        "twelve": many,
        "nine levels": passes.three(levels),
        "gaps": gaps,
        "axis": passes.with_passes(axes.make_axis_report("payload", passes.THREE, [64, 256], 2)),
    }


class Layout(unittest.TestCase):
    def test_no_text_meets_other_text(self) -> None:
        for name, document in inputs().items():
            for stem in STEMS:
                with self.subTest(input=name, chart=stem):
                    self.assertEqual(problems(figure_of(document, stem)), [])

    def test_the_inputs_follow_the_schema(self) -> None:
        for name, document in inputs().items():
            with self.subTest(name):
                self.assertEqual(validate.problems(document), [])


class Absence(unittest.TestCase):
    """What the report lacks is not drawn."""

    def test_a_report_without_passes_has_none_of_them(self) -> None:
        document = synthetic.make_report(passes.THREE, [200], 2, ["hello"])
        self.assertEqual([drawn(document, stem) for stem in STEMS], [None] * 4)

    def test_each_pass_has_its_own_charts(self) -> None:
        document = passes.three([200])
        for cell in document["cells"]:
            del cell["trace"]
        found = [drawn(document, stem) is not None for stem in STEMS]
        self.assertEqual(found, [True, True, False, False])

    def test_what_is_unavailable_everywhere_is_not_drawn(self) -> None:
        document = passes.three([200])
        for cell in document["cells"]:
            cell["profile"] = cell["trace"] = {"unavailable": "the kernel refused"}
        self.assertEqual([drawn(document, stem) for stem in STEMS], [None] * 4)

    def test_what_some_cells_lack_is_named_with_its_reason(self) -> None:
        text = words(figure_of(inputs()["gaps"], "cpu_by_class"))
        self.assertIn("No profile of epoll-pool at 200: perf_event_open was refused.", text)
        self.assertIn("No profile of thread-per-connection at 2,000: no such trial.", text)
        text = words(figure_of(inputs()["gaps"], "system_calls"))
        self.assertIn("No trace of io-uring-per-core at 200: tracefs is not mounted.", text)

    def test_without_cpu_per_request_there_are_shares_but_no_bars(self) -> None:
        document = passes.three([200])
        synthetic.remove_metric(document["cells"], "cpu_us_per_request", "taskstats was refused")
        for cell in document["cells"]:
            for part in cell["profile"]["classes"]:
                part["cpu_us_per_request"] = None
        self.assertIsNone(drawn(document, "cpu_by_class"))
        self.assertIsNotNone(drawn(document, "scheduler_share"))


class CpuByClass(unittest.TestCase):
    def test_parts_are_those_of_the_report_and_add_up(self) -> None:
        document = passes.three([200, 8000])
        figure = figure_of(document, "cpu_by_class")
        for frame, connections in enumerate((200, 8000)):
            for row, name in enumerate(passes.THREE):
                cell = synthetic.find_cell(document, name, connections)
                bar = widths(figure, frame, row)
                switching = cell["profile"]["classes"][0]["cpu_us_per_request"]
                self.assertAlmostEqual(bar[CLASS_COLOURS["scheduler_switch"]], switching, 4)
                cpu = cell["metrics"]["cpu_us_per_request"]["median"]
                self.assertAlmostEqual(sum(bar.values()), cpu, 3)

    def test_small_classes_become_one_and_the_scheduler_keeps_its_own(self) -> None:
        document = passes.three([200])
        for cell in document["cells"]:
            by_name = {part["class"]: part for part in cell["profile"]["classes"]}
            by_name["scheduler_wake"]["share"] = 0.002
            by_name["handler"]["share"] = 0.002
            by_name["memory"]["share"] = 0.0
        names = legend(figure_of(document, "cpu_by_class"))
        self.assertEqual(names[:2], ["switching", "waking"])
        self.assertEqual(names[-1], "other (each below 1 %)")
        self.assertFalse({"handler", "page faults and memory"} & set(names))
        by_name["other"]["share"] = 0.05
        self.assertEqual(legend(figure_of(document, "cpu_by_class"))[-1], "other")

    def test_the_report_s_sentences_are_there(self) -> None:
        text = words(figure_of(passes.three([200]), "cpu_by_class"))
        for name in passes.THREE[1:]:
            self.assertIn(f"CPU per request than {name}", text.replace("  ", " "))
        many = words(figure_of(inputs()["twelve"], "cpu_by_class"))
        self.assertEqual(many.count("7.5 more in switching"), 6)
        self.assertEqual(many.count("At 8,000 connections"), 6)
        self.assertIn("27 more such sentences in summary.md", many)

    def test_what_the_profile_costs_is_said(self) -> None:
        text = words(figure_of(passes.three([200]), "cpu_by_class"))
        self.assertIn("took 1.06 times the CPU (95 % interval 1.02 to 1.10)", text)

    def test_cells_that_are_not_valid_are_hatched_and_said_to_be(self) -> None:
        document = passes.three([200])
        synthetic.make_invalid(document["cells"][1], "noisy", "others ran", valid=0)
        ax = figure_of(document, "cpu_by_class").axes[0]
        hatched = {round(bar.get_y() + bar.get_height() / 2) for bar in ax.patches
                   if bar.get_hatch()}  # fmt: skip
        self.assertEqual(hatched, {1})
        self.assertEqual([t.get_text().endswith(", not valid") for t in ax.texts],
                         [False, True, False])  # fmt: skip

    def test_names_and_numbers_lead_to_flame_graphs(self) -> None:
        output = io.BytesIO()
        figure_of(passes.three([200]), "cpu_by_class").savefig(output, format="svg")
        for name in ("thread-per-connection-200", "epoll-pool-200",
                     "epoll-pool-vs-thread-per-connection-200"):  # fmt: skip
            self.assertIn(f'href="../profiles/{name}.svg"', output.getvalue().decode())


class SchedulerShare(unittest.TestCase):
    def test_points_are_the_report_s_in_per_cent(self) -> None:
        document = passes.three([200, 8000])
        ax = figure_of(document, "scheduler_share").axes[0]
        points = sorted(float(line.get_ydata()[0]) for line in ax.lines if line.get_zorder() == 5)
        expected = sorted(100 * cell["profile"]["scheduler_share"] for cell in document["cells"])
        self.assertEqual(len(points), 6)
        for point, value in zip(points, expected):
            self.assertAlmostEqual(point, value)


class RunQueue(unittest.TestCase):
    def test_a_curve_has_the_share_that_waited_longer(self) -> None:
        document = passes.three([200])
        trace = document["cells"][0]["trace"]
        trace["run_queue_ns"].update(count=200, histogram=[[1000, 100], [2000, 98], [4000, 2]])
        line = figure_of(document, "run_queue").axes[0].lines[0]
        self.assertEqual(list(line.get_xdata())[1:], [1.0, 2.0, 4.0])
        self.assertEqual(list(line.get_ydata()), [1.0, 0.5, 0.01, 0.0025])

    def test_cells_with_few_wake_ups_are_left_out_and_named(self) -> None:
        document = passes.three([200])
        for cell, count in zip(document["cells"], (100, 99, 1)):
            cell["trace"]["run_queue_ns"].update(count=count, histogram=[[1000, count]])
        figure = figure_of(document, "run_queue")
        self.assertEqual(len(figure.axes[0].lines), 1)
        text = words(figure)
        self.assertIn("epoll-pool at 200 (99 wake-ups); io-uring-per-core at 200 (1 wake-up)", text)

    def test_without_enough_anywhere_there_is_no_chart(self) -> None:
        document = passes.three([200])
        for cell in document["cells"]:
            cell["trace"]["run_queue_ns"].update(count=0, histogram=[])
        self.assertIsNone(drawn(document, "run_queue"))


class SystemCalls(unittest.TestCase):
    def test_beyond_six_names_they_are_other(self) -> None:
        document = passes.three([200])
        calls = {f"call_{index}": 1.0 + index for index in range(8)}
        for cell in document["cells"]:
            cell["trace"]["system_calls_per_request"] = copy.copy(calls)
        figure = figure_of(document, "system_calls")
        self.assertEqual(legend(figure), [f"call_{index}" for index in range(7, 1, -1)]
                         + ["other system calls", "context switches (thin bar)"])  # fmt: skip
        bar = widths(figure, 0, 0)
        self.assertEqual(bar["#DCDCDC"], 3.0)  # call_0 and call_1
        self.assertEqual(sum(bar.values()), sum(calls.values()))

    def test_switches_stand_below(self) -> None:
        document = passes.three([200])
        ax = figure_of(document, "system_calls").axes[0]
        thin = [bar.get_width() for bar in ax.patches if bar.get_height() < 0.2]
        expected = [cell["trace"]["switches_per_request"] for cell in document["cells"]]
        self.assertEqual(thin, expected)


if __name__ == "__main__":
    unittest.main()
