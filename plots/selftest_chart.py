#!/usr/bin/python3
"""Draws what a self-test found: selftest_chart.py SUMMARY.json, which writes SUMMARY.svg beside it.
How often a difference of a known size was found, against its size."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib.figure import Figure  # noqa: E402

import style  # noqa: E402

WIDTH_INCHES, HEIGHT_INCHES = 7.2, 4.4
COLOUR = "#1f6f8b"
ALIKE = "a server against itself"


def draw(summary: dict) -> Figure:
    style.apply()
    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES))
    axes = figure.subplots()
    figure.subplots_adjust(left=0.1, right=0.97, top=0.8, bottom=0.2)
    found = summary["detection"]
    places = range(len(found))
    for place, each in zip(places, found):
        share = 100 * each["found"] / each["comparisons"]
        low, high = 100 * each["found_low"], 100 * each["found_high"]
        axes.plot([place, place], [low, high], color=COLOUR, linewidth=1.5, solid_capstyle="butt")
        axes.plot([place], [share], "o", color=COLOUR, markersize=7)
        # On a patch of the page, which parts a line that it would lie on.
        axes.annotate(f"{each['found']} of {each['comparisons']}", (place, share), (9, 0), va="center",
                      textcoords="offset points", fontsize=8.5, zorder=3,
                      bbox={"facecolor": axes.get_facecolor(), "edgecolor": "none", "pad": 1})  # fmt: skip
    for level, text in ((5, "5 %: chance alone"), (90, "90 %")):
        axes.axhline(level, color=style.QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.annotate(text, (1, level), (-4, 3), xycoords=("axes fraction", "data"), ha="right",
                      textcoords="offset points", fontsize=8, color=style.QUIET)  # fmt: skip
    axes.set_xlim(-0.5, len(found) - 0.3)
    axes.set_ylim(-3, 103)
    axes.set_xticks(list(places), [_name(each["injected"]) for each in found])
    axes.set_yticks(range(0, 101, 20), [f"{share} %" for share in range(0, 101, 20)])
    axes.grid(axis="y")
    axes.set_xlabel("more CPU per request, injected into one of two servers that are alike otherwise")
    axes.set_ylabel("duets that found a difference")
    figure.text(0.02, 0.94, "What this instrument can tell apart on this machine", fontsize=12,
                fontweight="bold")  # fmt: skip
    figure.text(0.02, 0.87, _lead(summary), fontsize=9, color=style.QUIET)
    figure.text(0.02, 0.02, "Bars: 95 % intervals of the share (Clopper and Pearson). A difference is "
                            "found where p < 5 %, and it has the right sign.\n"
                            f"Environment {summary['fingerprint']}.", fontsize=8,
                color=style.QUIET)  # fmt: skip
    return figure


def _name(injected: float) -> str:
    return f"{100 * injected:g} %" if injected else "none"


def _lead(summary: dict) -> str:
    covered = sum(each["covered"] for each in summary["detection"])
    count = sum(each["comparisons"] for each in summary["detection"])
    days = sorted({summary["first_utc"][:10], summary["last_utc"][:10]})
    return (f"{count} duets, {' to '.join(days)}; the 95 % interval of the ratio held the truth in "
            f"{covered} of {count}.")  # fmt: skip


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 2
    path = Path(sys.argv[1])
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        if summary["schema"] != "crossover-selftest/3":
            raise ValueError("is of another schema")
        if not summary["detection"]:
            return 0  # nothing to draw
        figure = draw(summary)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 2
    part = path.with_suffix(".svg.part")
    figure.savefig(part, format="svg", metadata={"Date": None})
    os.replace(part, path.with_suffix(".svg"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
