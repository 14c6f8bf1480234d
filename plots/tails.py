"""Tails: how many of the waits on the run queue are longer than this, for each architecture."""

from __future__ import annotations

import math
from typing import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from levels import Level
from notes import describe_places
from page import Design, Frame
from palette import Look
from panels import DASHED, legend_handles
from passes import Trace
from ranking import columns_of, level_title
from report import View
from scales import TIME_UNITS, Scale, log_ticks, with_unit
from style import QUIET, plural

WAKEUPS_MIN = 100  # with fewer, there is no tail to speak of
FIRST_EDGE_NS = 250  # of the histogram; each further one is the fourth root of 2 times the last
EDGE_RATIO = 2**0.25
MARKS = 6  # of an architecture on its curve
MICROSECONDS = Scale(1.0, "", True, TIME_UNITS)
KEY = (
    "From being woken to running, by the kernel's tracepoints, in trials of their own. Read: the "
    "share of wake-ups (up) that waited longer than a time (right): 1 % of them longer than the "
    "99th percentile. A curve that ends high up: the rest had not run when the trace ended. Marks only tell curves apart. "
    "Hollow or dashed: cell not valid."
)

Curve = list[tuple[float, float]]  # (µs, share that waited longer)


def tails_design(view: View) -> Design | None:
    """None if no cell has so many wake-ups that they have a tail."""
    curves = {place: _curve(cell.trace) for place, cell in view.cells.items()
              if cell.trace and cell.trace.wakeups >= WAKEUPS_MIN}  # fmt: skip
    if not curves:
        return None
    times = [us for curve in curves.values() for us, _ in curve]
    least = min(share for curve in curves.values() for _, share in curve)
    limits = (min(times) / 1.3, max(times) * 1.3, least / 1.6)
    few = [
        f"{describe_places(view, [place])} ({plural(cell.trace.wakeups, 'wake-up')})"
        for place, cell in view.cells.items()
        if cell.trace and not cell.trace.unavailable and place not in curves
    ]
    notes = [f"Too few wake-ups to draw, below {WAKEUPS_MIN}: {'; '.join(few)}."] if few else []
    return Design(
        title="Waiting for a CPU after a wake-up (run-queue latency): further left is better",
        frames=[
            Frame(level_title(view, facet, level), facet.title, "time (log scale)",
                  _drawing(view, level, curves, limits))
            for facet in view.facets for level in facet.levels
        ],
        metrics=(),
        handles=legend_handles(view),
        columns=columns_of(len(view.facets[0].levels), alone=len(view.facets) == 1),
        width=4.2,
        width_min=3.0,
        height=3.3,
        right=0.15,  # for half a tick label
        ragged=True,
        key=KEY,
        notes=notes,
    )  # fmt: skip


def _curve(trace: Trace) -> Curve:
    """From the lower edge of the first bucket, which all waited longer than, to the last edge."""
    first = trace.run_queue[0][0]
    left = total = sum(count for _, count in trace.run_queue) + trace.still_waiting
    lower = first / EDGE_RATIO if first > FIRST_EDGE_NS else first / 10
    curve = [(lower / 1e3, 1.0)]
    for edge, count in trace.run_queue:
        left -= count
        curve.append((edge / 1e3, left / total))
    # If nothing is left beyond the last edge: a log axis has no zero, so down to less than one.
    curve[-1] = (curve[-1][0], max(left, 0.5) / total)
    return curve


def _drawing(
    view: View, level: Level, curves: dict[tuple[str, Level], Curve],
    limits: tuple[float, float, float],
) -> Callable[[Axes, float, float], None]:  # fmt: skip
    return lambda ax, _width, _rotation: _draw(ax, view, level, curves, limits)


def _draw(
    ax: Axes, view: View, level: Level, curves: dict[tuple[str, Level], Curve],
    limits: tuple[float, float, float],
) -> None:  # fmt: skip
    left, right, bottom = limits
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, 1.4)
    ax.grid(axis="both")
    ax.set_ylabel("share that waited longer")
    ax.xaxis.set_major_locator(FixedLocator(log_ticks(left, right, MICROSECONDS)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: with_unit(value, MICROSECONDS)))
    powers = range(0, math.floor(math.log10(bottom)), -1)
    ax.yaxis.set_major_locator(FixedLocator([10.0**power for power in powers]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.10g}\u00a0%"))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_minor_locator(NullLocator())
    drawn = False
    for index, name in enumerate(view.architectures):
        cell, curve = view.cell(name, level), curves.get((name, level))
        if cell and curve:
            _draw_curve(ax, curve, view.looks[name], cell.valid, index)
            drawn = True
    if not drawn:
        ax.text(0.5, 0.5, "too few wake-ups", transform=ax.transAxes, ha="center", color=QUIET)


def _draw_curve(ax: Axes, curve: Sequence[tuple[float, float]], look: Look, valid: bool,
                index: int) -> None:  # fmt: skip
    times, shares = zip(*curve)
    step = max(1, len(curve) // MARKS)
    ax.plot(
        times, shares, color=look.colour, linewidth=1.4, linestyle="-" if valid else DASHED,
        marker=look.marker, markevery=(index % step, step), markersize=5.5,
        markerfacecolor=look.colour if valid else "white", markeredgecolor=look.colour,
    )  # fmt: skip
