"""Curves: one metric against another, for every architecture: what came back for what was offered.

Each architecture has x values of its own here, so nothing is moved aside: marks that tie do meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from levels import Facet
from page import Design, Frame
from palette import Look
from panels import DASHED, Panel, draw_unavailable, legend_handles
from report import Cell, View
from scales import Scale, apply_scale, choose_scale
from style import INK, QUIET, tick_number, tint

MARK_POINTS = 5.5


@dataclass(frozen=True)
class Curve:
    """A panel's metric against another one; with `equal`, the line on which both are the same."""

    panel: Panel
    against: str
    x_label: str
    equal: bool = False


def curve_design(view: View, title: str, curves: Sequence[Curve], lead: Sequence[str]) -> Design:
    """A page of these curves, all of them for each facet of the view."""
    metrics = [metric for curve in curves for metric in curve.panel.metrics()]
    return Design(
        title=title,
        frames=[_frame(view, facet, curve) for facet in view.facets for curve in curves],
        metrics=metrics,
        handles=legend_handles(view),
        columns=len(curves),
        width=6.4,
        width_min=4.0,
        height=4.2,
        lead=lead,
    )


def _frame(view: View, facet: Facet, curve: Curve) -> Frame:
    def draw(ax: Axes, width_inches: float, _rotation: float) -> None:
        _draw(ax, view, facet, curve, width_inches)

    return Frame(curve.panel.title, facet.say(curve.panel.direction), curve.x_label, draw)


def _draw(ax: Axes, view: View, facet: Facet, curve: Curve, width_inches: float) -> None:
    panel, offered = curve.panel, view.values(curve.against)
    if not view.has_value(panel.metric) or not offered:
        ax.set_xticks([])
        draw_unavailable(ax, view, panel, width_inches)
        return
    ax.grid(axis="both")
    values = view.values(panel.metric)
    scale = choose_scale(values, view.unit(panel.metric), panel.may_be_log)
    apply_scale(ax, scale, values)
    ax.set_ylabel(panel.quantity.replace("{unit}", scale.unit))
    top = max(offered) * 1.04
    ax.set_xlim(0, top)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick_number(value)))
    if curve.equal:
        ax.plot([0, top], [0, top / scale.divisor], color=QUIET, linewidth=1, zorder=1)
    for architecture in view.architectures:
        cells = [view.cell(architecture, level) for level in facet.levels]
        _draw_curve(ax, cells, curve, scale, view.looks[architecture])


def _draw_curve(
    ax: Axes, cells: Sequence[Cell | None], curve: Curve, scale: Scale, look: Look
) -> None:
    """Joins the cells in the order of the axis; those that lack either metric are left out."""
    places = []
    for cell in cells:
        if cell is None:
            continue
        x, y = cell.metric(curve.against), cell.metric(curve.panel.metric)
        _draw_repetitions(ax, cell, curve, scale, look)
        if x.median is None or y.median is None:
            continue
        at = (x.median, y.median / scale.divisor)
        places.append((at, cell.valid))
        if y.low is not None and y.high is not None:
            ax.plot([at[0], at[0]], [y.low / scale.divisor, y.high / scale.divisor], marker="_",
                    color=look.colour, linewidth=1.2, markersize=5, zorder=4)  # fmt: skip
        ax.plot(*at, marker=look.marker, markersize=MARK_POINTS, markeredgecolor=look.colour,
                markerfacecolor=look.colour if cell.valid else "white", zorder=5)  # fmt: skip
    for (before, one), (after, other) in zip(places, places[1:]):
        ax.plot(*zip(before, after), color=look.colour, linewidth=1.4, alpha=0.75, zorder=2,
                linestyle="-" if one and other else DASHED)  # fmt: skip


def _draw_repetitions(ax: Axes, cell: Cell, curve: Curve, scale: Scale, look: Look) -> None:
    pairs = zip(
        cell.metric(curve.against).repetitions, cell.metric(curve.panel.metric).repetitions
    )
    for index, (x, y) in enumerate(pairs):
        if x is None or y is None:
            continue
        valid = cell.repetition_is_valid(index)
        ax.plot(
            x, y / scale.divisor, linestyle="none", marker="o" if valid else "x", markersize=2.4,
            markerfacecolor=tint(look.colour, 0.4), markeredgewidth=0.4, zorder=7,
            markeredgecolor=INK if valid else look.colour,
        )  # fmt: skip
