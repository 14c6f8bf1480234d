#!/usr/bin/python3
"""Tests of the chart of predictions."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "testdata")]

from matplotlib.colors import to_hex  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

import charts  # noqa: E402
import make_passes as passes  # noqa: E402
import make_report as synthetic  # noqa: E402
import validate  # noqa: E402
from layout import problems  # noqa: E402
from palette import KNOWN, PART_COLOURS  # noqa: E402
from report import parse_report, views  # noqa: E402


def drawn(document: dict[str, Any]) -> Figure | None:
    charts.style.apply()
    return charts.prediction(views(parse_report(document))[0])


def words(figure: Figure) -> str:
    texts = [*figure.texts, *(text for ax in figure.axes for text in ax.texts)]
    return " ".join(text.get_text() for text in texts).replace("\u00a0", " ")


def report(labels: list[str], connections: list[int]) -> dict[str, Any]:
    return passes.with_predictions(synthetic.make_report(labels, connections, 2, ["hello"]))


class Prediction(unittest.TestCase):
    def test_text_meets_no_other_text_and_the_schema_holds(self) -> None:
        for labels, connections in ((passes.THREE, [200, 8000]), (["fiber"], [1]), (list(KNOWN), [200, 8000, 16000])):
            document = report(labels, connections)
            with self.subTest(labels=len(labels)):
                self.assertEqual(validate.problems(document), [])
                figure = drawn(document)
                assert figure is not None
                self.assertEqual(problems(figure), [])

    def test_a_part_is_as_long_as_its_time(self) -> None:
        document = report(["fiber"], [200])
        cpu = document["cells"][0]["metrics"]["cpu_us_per_request"]["median"]
        figure = drawn(document)
        assert figure is not None
        widths = {to_hex(bar.get_facecolor()).upper(): bar.get_width()
                  for bar in figure.axes[0].patches}  # fmt: skip
        self.assertAlmostEqual(widths[PART_COLOURS["send"].upper()], 0.5 * cpu)
        self.assertTrue(any(abs(width - cpu) < 1e-9 for width in widths.values()), widths)
        self.assertIn("90.0 %", words(figure))

    def test_what_is_missing_is_named(self) -> None:
        document = report(passes.THREE, [200, 8000])
        document["cells"][1]["prediction"] = {"unavailable": "no trace: not allowed"}
        figure = drawn(document)
        assert figure is not None
        self.assertIn("No prediction for epoll-pool at 200: no trace: not allowed.", words(figure))
        for cell in document["cells"]:
            cell["prediction"] = {"unavailable": "no trace: not allowed"}
        self.assertIsNone(drawn(document))

    def test_a_report_without_costs_has_no_such_chart(self) -> None:
        self.assertIsNone(drawn(passes.three([200])))


if __name__ == "__main__":
    unittest.main()
