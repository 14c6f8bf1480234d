#!/usr/bin/python3
"""Tests of flame graphs: their geometry and numbers, what they escape, and what colours say."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import unittest
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator
from xml.etree import ElementTree

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "testdata")]

import make_passes as passes  # noqa: E402
import make_report as synthetic  # noqa: E402
from flame_files import flame_graphs  # noqa: E402
from flame_graph import (  # noqa: E402
    Frames, Side, difference_colour, function_differences, parse_folded, render, render_difference,
)  # fmt: skip
from report import parse_report  # noqa: E402

RECORDED = {name: (HERE / "testdata" / f"{name}.folded").read_text(encoding="utf-8")
            for name in ("thread-per-connection", "epoll-pool")}  # fmt: skip


@dataclass(frozen=True)
class Box:
    title: str
    left: float
    top: float
    width: float
    colour: str
    text: str


def side(text: str, cpu_us: float | None = None, label: str = "one") -> Side:
    root = Frames("all", False)
    parse_folded(text, root)
    return Side(f"{label} at 8 connections", label, "facts", root, cpu_us)


def boxes(svg: str) -> list[Box]:
    """The frames, in the order in which they are drawn."""
    found = []
    space = "{http://www.w3.org/2000/svg}"
    for group in ElementTree.fromstring(svg).iter(f"{space}g"):
        rect = group.find(f"{space}rect")
        assert rect is not None
        found.append(Box(
            group.findtext(f"{space}title") or "", float(rect.get("x", "")),
            float(rect.get("y", "")), float(rect.get("width", "")), rect.get("fill", ""),
            group.findtext(f"{space}text") or "",
        ))  # fmt: skip
    return found


def box(svg: str, name: str) -> Box:
    return next(box for box in boxes(svg) if box.title.startswith(name))


class Geometry(unittest.TestCase):
    def test_titles_count_samples_exactly(self) -> None:
        svg = render("title", side("main;a 3\nmain;a;b_[k] 5\nmain;c 2\n", cpu_us=20.0))
        self.assertEqual([box.title for box in boxes(svg)], [
            "all: 10 samples, 100.00 %, 20.0 µs per request",
            "main: 10 samples, 100.00 %, 20.0 µs per request",
            "a: 8 samples, 80.00 %, 16.0 µs per request",
            "b (kernel): 5 samples, 50.00 %, 10.0 µs per request",
            "c: 2 samples, 20.00 %, 4.00 µs per request",
        ])  # fmt: skip

    def test_frames_stand_on_their_caller_within_its_width(self) -> None:
        svg = render("title", side("main;a 3\nmain;a;b 5\nmain;c 2\n"))
        all_, main, a, b, c = boxes(svg)
        self.assertAlmostEqual(a.width + c.width, main.width, 2)
        self.assertAlmostEqual(b.width / main.width, 0.5, 4)
        self.assertAlmostEqual(c.left, a.left + a.width, 2)
        tops = [frame.top for frame in (all_, main, a, b)]
        self.assertEqual(tops, sorted(tops, reverse=True))  # y grows downwards: the root is lowest
        self.assertEqual(a.top, c.top)

    def test_recorded_stacks_add_up(self) -> None:
        for name, text in RECORDED.items():
            with self.subTest(name):
                profile = side(text)
                total = sum(int(line.rpartition(" ")[2]) for line in text.splitlines())
                found = boxes(render("title", profile))
                self.assertIn(f"all: {total} samples, 100.00 %", found[0].title)
                rows: dict[float, list[Box]] = {}
                for each in found:
                    rows.setdefault(each.top, []).append(each)
                for row in rows.values():
                    self.assertLessEqual(sum(each.width for each in row), found[0].width + 0.1)
                    for before, after in zip(row, row[1:]):
                        self.assertLessEqual(before.left + before.width, after.left + 0.002)
                for each in found[1:]:
                    self.assertTrue(any(
                        under.left <= each.left + 0.002
                        and each.left + each.width <= under.left + under.width + 0.002
                        for under in rows[each.top + 17]
                    ), each)  # fmt: skip

    def test_frames_below_a_thousandth_are_left_out(self) -> None:
        found = boxes(render("title", side("main;a 99901\nmain;b 99\nmain;c 100\n")))
        names = [each.title.partition(":")[0] for each in found]
        self.assertNotIn("b", names)
        self.assertEqual(names, ["all", "main", "a"])  # c: 100 of 100,100 are below as well

    def test_kernel_and_user_frames_have_colours_of_their_own(self) -> None:
        svg = render("title", side("main;read;read_[k] 5\n"))
        user, kernel = boxes(svg)[-2:]
        hues = [int(re.findall(r"\d+", each.colour)[0]) for each in (user, kernel)]
        self.assertTrue(180 <= hues[0] <= 220 and hues[1] <= 50, hues)
        self.assertIn("user mode", svg)

    def test_long_names_are_cut_where_they_say_least(self) -> None:
        long = "crossover::" + "x" * 300 + "::End"
        svg = render("title", side(f"{long} 5\n{'k' * 300}End_[k] 5\n"))
        texts = {each.text[:3]: each.text[-3:] for each in boxes(svg)[1:]}
        self.assertEqual(texts, {"…xx": "End", "kkk": "kk…"})


class Text(unittest.TestCase):
    def test_names_are_escaped(self) -> None:
        name = 'f<int&>::operator"<"'
        svg = render("a < b & c", side(f"{name} 5\n"))
        self.assertTrue(any(each.title.startswith(f"{name}: 5 samples") for each in boxes(svg)))
        self.assertIn("f&lt;int&amp;&gt;", svg)
        self.assertIn("a &lt; b &amp; c", svg)

    def test_what_is_no_folded_line_is_refused_with_its_number(self) -> None:
        for line in ("main;a", "main;a x", "17", " 17", "main;a -3", "main;a 1.5"):
            with self.subTest(line), self.assertRaisesRegex(ValueError, "^line 2: "):
                parse_folded(f"main 1\n{line}\n", Frames("all", False))

    def test_a_name_may_have_spaces(self) -> None:
        self.assertIn("operator new: 7 samples",
                      render("title", side("main;operator new 7\n")))  # fmt: skip


class Difference(unittest.TestCase):
    """Colours are of CPU per request of a function, wherever it was called from."""

    def setUp(self) -> None:
        # more: 10 of 20 µs here, 2 of 8 there; less: 2 and 4; only: 8 and none.
        self.own = side("main;more 50\nmain;less 10\nmain;only 40\n", 20.0, "own")
        self.base = side("start;more 25\nstart;x;less 50\nstart;gone 25\n", 8.0, "base")

    def test_differences_are_of_cpu_per_request(self) -> None:
        found = {name: us for (name, _), us in function_differences(self.own, self.base).items()}
        self.assertEqual(found, {"all": 12.0, "main": 20.0, "more": 8.0, "less": -2.0, "only": 8.0})

    def test_recursion_counts_once(self) -> None:
        own = side("f;g;f 10\n", 10.0)
        self.assertEqual(function_differences(own, side("f 10\n", 10.0))[("f", False)], 0.0)

    def test_more_is_red_and_less_is_blue(self) -> None:
        svg = render_difference(self.own, self.base)
        for name, sign in (("more", 1), ("less", -1), ("only", 1)):
            colour = box(svg, name).colour
            red, blue = int(colour[1:3], 16), int(colour[5:7], 16)
            self.assertGreater((red - blue) * sign, 0, (name, colour))
        self.assertIn("the function in all: 8.00 µs more than in base", box(svg, "more").title)
        self.assertIn("the function in all: 2.00 µs less than in base", box(svg, "less").title)

    def test_widths_are_those_of_the_plain_graph(self) -> None:
        plain = [(each.left, each.width) for each in boxes(render("title", self.own))]
        other = boxes(render_difference(self.own, self.base))
        self.assertEqual([(each.left, each.width) for each in other], plain)

    def test_the_same_twice_has_no_colour(self) -> None:
        colours = {each.colour for each in boxes(render_difference(self.own, self.own))}
        self.assertEqual(colours, {difference_colour(0.0, 1.0)})

    def test_larger_differences_are_stronger(self) -> None:
        reds = [int(difference_colour(change, 4.0)[3:5], 16) for change in (0.0, 1.0, 2.0, 4.0)]
        self.assertEqual(reds, sorted(reds, reverse=True))
        self.assertEqual(len(set(reds)), 4)


@contextmanager
def results(document: dict[str, Any], folded: dict[str, str]) -> Iterator[Path]:
    """A directory with that report and those folded stacks."""
    with tempfile.TemporaryDirectory() as directory:
        profiles = Path(directory) / "profiles"
        profiles.mkdir()
        Path(directory, "report.json").write_text(synthetic.dump(document), encoding="utf-8")
        for name, text in folded.items():
            (profiles / name).write_text(text, encoding="utf-8")
        yield Path(directory)


class Files(unittest.TestCase):
    """What charts.py writes beside the folded stacks."""

    def run_charts(
        self, document: dict[str, Any], folded: dict[str, str]
    ) -> tuple[int, str, set[str]]:
        with results(document, folded) as directory:
            command = [sys.executable, "-B", str(HERE / "charts.py"), str(directory)]
            done = subprocess.run(command, capture_output=True, text=True)
            names = {path.name for path in directory.glob("profiles/*.svg")}
            return done.returncode, done.stderr, names

    def names(self, document: dict[str, Any], folded: dict[str, str]) -> set[str]:
        """Those of the files alone; no chart is drawn."""
        with results(document, folded) as directory:
            return {name for name, _ in flame_graphs(parse_report(document), directory)}

    def test_each_cell_and_each_against_the_baseline(self) -> None:
        folded = {f"{name}-200.folded": text for name, text in RECORDED.items()}
        code, errors, found = self.run_charts(passes.three([200]), folded)
        self.assertEqual((code, errors), (0, ""))
        self.assertEqual(found, {  # io-uring-per-core has no file
            "thread-per-connection-200.svg", "epoll-pool-200.svg",
            "epoll-pool-vs-thread-per-connection-200.svg",
        })  # fmt: skip

    def test_several_workloads_are_in_the_names(self) -> None:
        document = passes.with_passes(
            synthetic.make_report(["epoll-pool"], [200], 1, ["hello", "wait"])
        )
        folded = {"epoll-pool-200.folded": RECORDED["epoll-pool"]}
        found = self.names(document, folded)
        self.assertEqual(found, {"epoll-pool-200-hello.svg", "epoll-pool-200-wait.svg"})

    def test_without_a_baseline_there_is_no_difference(self) -> None:
        document = passes.three([200])
        document["cells"][0]["profile"] = {"unavailable": "the kernel refused"}
        folded = {f"{name}-200.folded": text for name, text in RECORDED.items()}
        self.assertEqual(self.names(document, folded), {"epoll-pool-200.svg"})

    def test_a_broken_file_is_named(self) -> None:
        code, errors, _ = self.run_charts(
            passes.three([200]), {"epoll-pool-200.folded": "main 1\nno number\n"}
        )
        self.assertEqual((code, len(errors.splitlines())), (2, 1))
        self.assertIn("epoll-pool-200.folded: line 2", errors)


if __name__ == "__main__":
    unittest.main()
