#!/usr/bin/python3
"""Tests of charts against what the workloads vary, of rankings, and of overload."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "testdata")]

from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

import charts  # noqa: E402
import make_axis_report as axes  # noqa: E402
import make_report as synthetic  # noqa: E402
import validate  # noqa: E402
from layout import problems  # noqa: E402
from levels import Point, parameter_facets, place  # noqa: E402
from palette import KNOWN  # noqa: E402
from report import parse_report, views  # noqa: E402

THREE = ["thread-per-connection", "worker-pool", "epoll-pool"]
TWELVE = list(KNOWN)


def drawn(document: dict[str, Any], chart: str) -> Figure:
    """That chart of the first view."""
    charts.style.apply()
    figure = getattr(charts, chart)(views(parse_report(document))[0])
    assert figure is not None, chart
    return figure


def spoilt(document: dict[str, Any]) -> dict[str, Any]:
    """With cells that are not valid, incomplete or missing."""
    for index, cell in enumerate(document["cells"]):
        if index % 7 == 3:
            synthetic.make_invalid(cell, "client_limited", "a client thread ran at 99 %")
        if index % 9 == 5:
            synthetic.remove_metric([cell], "cpu_user_us_per_request", "taskstats was refused")
            synthetic.remove_metric([cell], "server_requests_per_cpu_second", "no CPU time")
    del document["cells"][1]
    return document


def ticks(ax: Axes) -> list[str]:
    return [label.get_text().replace("\u00a0", " ") for label in ax.get_xticklabels()]


def marks(ax: Axes) -> list[tuple[float, float]]:
    """Where the medians are drawn."""
    return [tuple(line.get_xydata()[0]) for line in ax.lines if line.get_zorder() == 5]


class Places(unittest.TestCase):
    """A true scale where one fits, equal steps elsewhere; neighbours never nearer than a step."""

    def check(
        self, ats: list[float | None], places: list[float], breaks: list[float], scale: str
    ) -> None:
        found, found_breaks, found_scale = place(ats)
        self.assertEqual([round(at, 2) for at in found], places)
        self.assertEqual((list(found_breaks), found_scale.strip()), (breaks, scale))

    def test_linear(self) -> None:
        self.check([50, 80, 100, 120, 150], [0, 1.5, 2.5, 3.5, 5], [], "")

    def test_logarithmic(self) -> None:
        self.check([1, 10, 1000], [0, 1, 3], [], "(log scale)")

    def test_zero_stands_apart_from_a_logarithmic_scale(self) -> None:
        self.check([0, 5, 50, 500], [0, 1, 2, 3], [0.5], "(log scale, 0 apart)")

    def test_what_is_beyond_all_numbers_stands_apart(self) -> None:
        self.check([1, 10, 100, None], [0, 1, 2, 3], [2.5], "(log scale)")
        self.check([7, None], [0, 1], [0.5], "")

    def test_equal_steps_where_no_scale_fits(self) -> None:
        self.check([1, 10, 50, 100], [0, 1, 2, 3], [], "(steps not to scale)")
        self.check([3, 3, 9], [0, 1, 2], [], "(steps not to scale)")

    def test_one_alone(self) -> None:
        self.check([0], [0], [], "")
        self.check([None], [0], [], "")


class Ticks(unittest.TestCase):
    def check(self, label: str, ats: list[float], texts: list[str], axis: str) -> None:
        facet = parameter_facets(label, {str(at): Point(at, "") for at in ats}, [8])[0]
        found = [level.tick.replace("\u00a0", " ") for level in facet.levels]
        self.assertEqual((found, facet.axis), (texts, axis))

    def test_units(self) -> None:
        self.check("handler, µs", [0, 5, 500, 1500], ["0", "5 µs", "500 µs", "1.5 ms"], "handler")
        self.check("wait (ms)", [0.5, 1, 1000], ["500 µs", "1 ms", "1 s"], "wait")
        self.check("body (bytes)", [10, 1000, 1024, 131072, 1048576, 1500000],
                   ["10 B", "1 kB", "1 KiB", "128 KiB", "1 MiB", "1,500 kB"], "body")  # fmt: skip
        self.check("load, % of capacity", [50, 150], ["50 %", "150 %"], "load, % of capacity")
        self.check("requests per connection", [1, 10000], ["1", "10,000"],
                   "requests per connection")  # fmt: skip

    def test_labels_of_the_file_come_first(self) -> None:
        points = {"b": Point(20, "twenty"), "a": Point(10, "ten"), "c": Point(None, "all")}
        facet = parameter_facets("size (bytes)", points, [8])[0]
        self.assertEqual([level.tick for level in facet.levels], ["ten", "twenty", "all"])
        self.assertEqual(facet.axis, "size (bytes)")


class AgainstAParameter(unittest.TestCase):
    def test_cells_stand_at_their_value(self) -> None:
        document = axes.make_axis_report("churn", THREE, [1000], 3)
        ax = drawn(document, "throughput").axes[0]
        self.assertEqual(ticks(ax), ["1", "10", "100", "unlimited"])
        self.assertEqual(ax.get_xlabel(), "requests per connection (log scale)")
        places = {"churn-1": 0, "churn-10": 1, "churn-100": 2, "churn-None": 3}
        expected = sorted(
            (places[cell["workload"]], cell["metrics"]["throughput_rps"]["median"])
            for cell in document["cells"]
        )
        self.assertEqual(sorted((round(x), y) for x, y in marks(ax)), expected)

    def test_each_connection_count_has_its_panels(self) -> None:
        figure = drawn(axes.make_axis_report("blocking", THREE, [4, 64, 512], 2), "throughput")
        titles = [ax.get_title(loc="left") for ax in figure.axes]
        expected = [f"{name}\n{count} connections · ↑ higher is better" for count in (4, 64, 512)
                    for name in ("Throughput", "Requests per server CPU-second")]  # fmt: skip
        self.assertEqual(titles, expected)
        self.assertEqual(len({ax.get_ylim() for ax in figure.axes[::2]}), 1)
        for ax in figure.axes:
            self.assertEqual((len(marks(ax)), ticks(ax)), (9, ["1 ms", "3 ms", "10 ms"]))

    def test_a_parameter_that_stretches_a_metric_far_gets_a_log_axis_without_bars(self) -> None:
        far = drawn(axes.make_axis_report("payload", THREE, [64], 2), "cpu_per_request").axes[0]
        self.assertEqual((far.get_yscale(), len(marks(far))), ("log", 15))
        self.assertEqual([bar for bar in far.patches if bar.get_zorder() == 2], [])
        near = drawn(axes.make_axis_report("think", THREE, [64], 2), "cpu_per_request").axes[0]
        self.assertEqual(near.get_yscale(), "linear")
        self.assertEqual(sum(bar.get_zorder() == 2 for bar in near.patches), 24)

    def test_notes_name_the_value(self) -> None:
        document = axes.make_axis_report("payload", THREE, [64], 2)
        cell = next(cell for cell in document["cells"] if cell["workload"] == "payload-16384")
        synthetic.make_invalid(cell, "not_steady", "the rate fell", valid=0)
        text = " ".join(text.get_text() for text in drawn(document, "memory").texts)
        self.assertIn("not_steady: thread-per-connection at 16 KiB", text.replace("\u00a0", " "))
        self.assertIn("Experiment payload, by body of the response", text)

    def test_workloads_without_an_axis_have_charts_each(self) -> None:
        document = axes.make_axis_report("churn", THREE, [1000], 2)
        del document["experiment"]["axis"]
        self.assertEqual(len(views(parse_report(document))), 4)

    def test_no_text_meets_other_text(self) -> None:
        for name, connections in (*((name, [1000]) for name in axes.AXES), ("blocking", [4, 512])):
            document = spoilt(axes.make_axis_report(name, TWELVE, connections, 2))
            self.assertEqual(validate.problems(document), [])
            for stem, figure in charts.figures(parse_report(document)):
                with self.subTest(input=name, connections=connections, chart=stem):
                    self.assertEqual(problems(figure), [])


class Ranking(unittest.TestCase):
    def ranked(self, document: dict[str, Any]) -> list[list[str]]:
        return [[label.get_text() for label in ax.get_yticklabels()]
                for ax in drawn(document, "ranking").axes]  # fmt: skip

    def document(self) -> dict[str, Any]:
        """Efficiency is best in thread-per-connection, then worker-pool, then epoll-pool."""
        document = synthetic.make_report(THREE, [200, 8000], 3, ["hello"])
        for cell in document["cells"]:
            value = 9e4 - 1e4 * THREE.index(cell["architecture"])
            cell["metrics"]["server_requests_per_cpu_second"].update(
                median=value, ci95_low=value - 500, ci95_high=value + 700,
                repetitions=[value - 500, value, value + 700],
            )  # fmt: skip
        return document

    def test_the_best_comes_first_and_what_is_not_valid_last(self) -> None:
        document = self.document()
        cell = synthetic.find_cell(document, "thread-per-connection", 8000)
        cell["verdict"]["valid"] = False
        expected = [THREE, ["worker-pool", "epoll-pool", "thread-per-connection"]]
        self.assertEqual(self.ranked(document), expected)

    def test_bars_and_repetitions_are_those_of_the_report(self) -> None:
        ax = drawn(self.document(), "ranking").axes[0]
        self.assertEqual(ax.get_xlim()[0], 0)
        bars = [bar.get_width() for bar in ax.patches]
        self.assertEqual(bars, [90000, 80000, 70000])
        dots = [float(line.get_xdata()[0]) for line in ax.lines if line.get_zorder() == 7]
        self.assertEqual(dots[:3], [89500, 90000, 90700])
        intervals = [list(line.get_xdata()) for line in ax.lines if line.get_zorder() == 6]
        self.assertEqual(intervals[2], [69500, 70700])

    def test_the_inverse_stands_in_with_its_interval_inverted(self) -> None:
        document = self.document()
        cell = synthetic.find_cell(document, "epoll-pool", 200)
        synthetic.remove_metric([cell], "server_requests_per_cpu_second", "none")
        cell["metrics"]["cpu_us_per_request"].update(
            median=5.0, ci95_low=4.0, ci95_high=8.0, repetitions=[4.0, 5.0, 8.0]
        )
        self.assertEqual(self.ranked(document)[0][0], "epoll-pool")
        ax = drawn(document, "ranking").axes[0]
        self.assertEqual(ax.patches[0].get_width(), 200_000)
        interval = next(line for line in ax.lines if line.get_zorder() == 6)
        self.assertEqual(list(interval.get_xdata()), [125_000, 250_000])

    def test_without_a_value_there_is_a_reason(self) -> None:
        document = self.document()
        for name in ("server_requests_per_cpu_second", "cpu_us_per_request"):
            synthetic.remove_metric(document["cells"], name, "the kernel hid it")
        figure = drawn(document, "ranking")
        text = " ".join(text.get_text() for text in figure.texts)
        self.assertIn("Not available: requests per server CPU-second: the kernel hid it.", text)
        self.assertEqual([text.get_text() for text in figure.axes[0].texts], ["n/a"] * 3)


class Overload(unittest.TestCase):
    def test_only_an_open_loop_has_it(self) -> None:
        view = views(parse_report(axes.make_axis_report("think", THREE, [64], 2)))[0]
        self.assertEqual([charts.overload(view), charts.losses(view)], [None, None])

    def test_goodput_stands_against_what_was_offered(self) -> None:
        document = axes.make_axis_report("overload", THREE, [64], 2)
        figure = drawn(document, "overload")
        for ax, metric in zip(figure.axes, ("throughput_rps", "latency_us_p99"), strict=True):
            expected = sorted(
                (cell["metrics"]["offered_rps"]["median"], cell["metrics"][metric]["median"])
                for cell in document["cells"] if cell["workload"] != "overload-None"
            )  # fmt: skip
            self.assertEqual(len(expected), 15)
            self.assertEqual(sorted(marks(ax)), expected)

    def test_a_missing_latency_is_named(self) -> None:
        document = axes.make_axis_report("overload", THREE, [64], 2)
        synthetic.remove_metric(document["cells"], "latency_us_p99", "too few responses")
        figure = drawn(document, "overload")
        self.assertIn("too few responses", figure.axes[1].texts[0].get_text())
        self.assertEqual(problems(figure), [])


if __name__ == "__main__":
    unittest.main()
