"""Rankings: a metric that is better the higher it is, as sorted bars, for each level of the x axis.

Cells that are not valid stand below the valid ones: their numbers may not be compared with others.
"""

from __future__ import annotations

import math
from typing import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from levels import Facet, Level
from notes import unavailable_reasons
from page import Design, Frame
from palette import Look
from report import Cell, Metric, View
from style import INK, QUIET, number, plural, text_inches, tint

ROW = 0.3  # inches of one architecture
BAR, BAR_TINT = 0.62, 0.45  # height, in rows
MEDIAN_AT, REPETITIONS_AT, REPETITIONS_SPAN = -0.12, 0.17, 0.24  # in rows, down from its centre
LABEL_POINTS, VALUE_POINTS = 9, 8
COLUMNS_MAX = 3
DIFFERENT = 3.0  # scales are not shared if the best of one level is so many times that of another

Row = tuple[str, Cell | None, Metric | None]


def ranking_design(view: View, title: str, metric: str, inverse: str, x_label: str) -> Design:
    """A page with a frame for each level. Where the metric is missing, the inverse of `inverse`
    (microseconds for each) stands for it, with its interval and repetitions."""
    rows = {level: _rows(view, level, metric, inverse) for level in view.levels}
    tops = {level: top for level, ranked in rows.items() if (top := _top(ranked)) > 0}
    best = max(tops.values(), default=1.0)
    shared = best <= DIFFERENT * min(tops.values(), default=1.0)
    frames = [
        Frame(level_title(view, facet, level), facet.title, x_label,
              _drawing(view, rows[level], best if shared else tops.get(level, 1.0)))
        for facet in view.facets for level in facet.levels
    ]  # fmt: skip
    labels = max(text_inches(name, LABEL_POINTS) for name in view.architectures)
    texts = [_value_text(cell, entry) for ranked in rows.values() for _, cell, entry in ranked]
    lead = [] if shared else ["Scales differ: compare bars within a frame, not between frames."]
    if not tops:
        reason = "; ".join(unavailable_reasons(view, metric)[:3])
        lead.append(f"Not available: {x_label}: {reason}.")
    return Design(
        title=title if len(frames) > 1 else f"{title} ({frames[0].title})",
        frames=frames,
        metrics=[(metric if view.has_value(metric) else inverse, x_label)],
        handles=(),
        columns=columns_of(len(view.facets[0].levels), alone=len(view.facets) == 1),
        width=3.0,
        width_min=2.2,
        height=ROW * len(view.architectures) + 0.1,
        left=labels + 0.2,
        right=max(text_inches(text, VALUE_POINTS) for text in texts) + 0.2,
        lead=lead,
        ragged=True,
    )


def columns_of(levels: int, alone: bool) -> int:
    """Rows as even as can be; with several connection counts each of them has full rows."""
    if alone:
        return math.ceil(levels / math.ceil(levels / COLUMNS_MAX))
    return next(columns for columns in range(COLUMNS_MAX, 0, -1) if levels % columns == 0)


def _rows(view: View, level: Level, metric: str, inverse: str) -> list[Row]:
    """The architectures, best first: valid ones, then those that are not, then those without."""
    rows: list[Row] = []
    for architecture in view.architectures:
        cell = view.cell(architecture, level)
        entry = cell.metric(metric) if cell else None
        if cell and entry and entry.median is None:
            entry = _inverted(cell.metric(inverse))
        rows.append((architecture, cell, entry if entry and entry.median is not None else None))
    return sorted(rows, key=_rank)


def _rank(row: Row) -> tuple[int, float]:
    _, cell, entry = row
    if cell is None or entry is None or entry.median is None:
        return 2, 0.0
    return 0 if cell.valid else 1, -entry.median


def _inverted(metric: Metric) -> Metric:
    """Microseconds for each as how many in a second: the low end becomes the high one."""

    def invert(value: float | None) -> float | None:
        return 1e6 / value if value else None

    repetitions = tuple(invert(value) for value in metric.repetitions)
    return Metric("1/s", invert(metric.median), invert(metric.high), invert(metric.low),
                  repetitions, metric.unavailable)  # fmt: skip


def _top(rows: Sequence[Row]) -> float:
    return max((value for _, _, entry in rows if entry for value in entry.drawn()), default=0.0)


def level_title(view: View, facet: Facet, level: Level) -> str:
    """What one frame shows: so many connections, or a value of the parameter."""
    if not view.axis:
        return plural(level.connections, "connection")
    return f"{facet.axis}: {level.tick}"


def _drawing(view: View, rows: list[Row], top: float) -> Callable[[Axes, float, float], None]:
    return lambda ax, _width, _rotation: _draw(ax, view, rows, top)


def _draw(ax: Axes, view: View, rows: list[Row], top: float) -> None:
    ax.set_xlim(0, top * 1.03)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    ax.grid(axis="x")
    ax.set_yticks(range(len(rows)))
    ax.set_yticklabels([name for name, _, _ in rows], fontsize=LABEL_POINTS)
    ax.tick_params(axis="y", length=0)
    for place, (name, cell, entry) in enumerate(rows):
        ax.annotate(
            _value_text(cell, entry), (1, place), xycoords=ax.get_yaxis_transform(),
            xytext=(8, 0), textcoords="offset points", va="center", fontsize=VALUE_POINTS,
            color=INK if cell and cell.valid else QUIET, annotation_clip=False,
        )  # fmt: skip
        if cell and entry:
            _draw_row(ax, place, cell, entry, view.looks[name])


def _draw_row(ax: Axes, place: int, cell: Cell, entry: Metric, look: Look) -> None:
    """The bar, its interval and median above its middle, the repetitions below."""
    ax.barh(
        place, entry.median or 0.0, BAR, facecolor=tint(look.colour, BAR_TINT if cell.valid else 0),
        edgecolor=look.colour, linewidth=0.7, hatch=None if cell.valid else "////", zorder=2,
    )  # fmt: skip
    at = place + MEDIAN_AT
    if entry.low is not None and entry.high is not None:
        ax.plot([entry.low, entry.high], [at, at], color=INK, linewidth=1.2, marker="|",
                markersize=6, markeredgewidth=1.2, zorder=6)  # fmt: skip
    ax.plot(entry.median, at, marker=look.marker, markersize=6.5, markeredgecolor=look.colour,
            markerfacecolor=look.colour if cell.valid else "white", zorder=5,
            linestyle="none")  # fmt: skip
    count = len(entry.repetitions)
    for index, value in enumerate(entry.repetitions):
        if value is None:
            continue
        step = (index - (count - 1) / 2) / max(1, count - 1)
        valid = cell.repetition_is_valid(index)
        ax.plot(
            value, place + REPETITIONS_AT + step * REPETITIONS_SPAN, marker="o" if valid else "x",
            markersize=2.6, markerfacecolor=tint(look.colour, 0.4), markeredgewidth=0.5,
            markeredgecolor=INK if valid else look.colour, linestyle="none", zorder=7,
        )  # fmt: skip


def _value_text(cell: Cell | None, entry: Metric | None) -> str:
    if cell is None or cell.trials_done == 0:
        return "not measured"
    if entry is None or entry.median is None:
        return "n/a"
    text = number(entry.median)
    return text if cell.valid else f"{text}, not valid"
