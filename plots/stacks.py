"""Stacked bars: what a cell's value is made of, by architecture, in a frame for each level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from levels import Facet, Level
from page import Design, Frame
from ranking import DIFFERENT, LABEL_POINTS, VALUE_POINTS, columns_of, level_title
from report import Cell, View
from scales import Scale
from style import INK, QUIET, text_inches

ROW = 0.34  # inches of one architecture
BAR, BAR_WITH_LINE = 0.66, 0.46  # height, in rows
LINE_AT, LINE = 0.36, 0.14  # of the thin bar below, in rows

ROWS_IN_A_COLUMN_MAX = 40
WIDTH, WIDTH_MIN = 7.2, 3.0  # inches of the axes
KEY = "Hatched: cell not valid."


@dataclass(frozen=True)
class Band:
    """A part that bars have in common."""

    label: str
    colour: str


@dataclass(frozen=True)
class Bar:
    """One cell: its parts in the bands' order, in the report's unit; what stands right of it; the
    thin bar below it; and where its name and its number lead to in an SVG."""

    parts: tuple[float, ...]
    text: str
    valid: bool = True
    line: float | None = None
    links: tuple[str, str] = ("", "")

    def length(self) -> float:
        return max(sum(self.parts), self.line or 0.0)


@dataclass(frozen=True)
class Bars:
    """All of a view: those of a level stand in one frame, in the order of the architectures."""

    bands: Sequence[Band]
    rows: Mapping[Level, Sequence[Bar]]
    scale: Scale
    line_label: str = ""  # of the thin bars, if there are any


def bars_of(view: View, make: Callable[[Cell], Bar | None]) -> dict[Level, list[Bar]]:
    """A bar for each architecture at each level; empty, and said so, where there is none."""
    return {level: [_bar(view.cell(name, level), make) for name in view.architectures]
            for level in view.levels}  # fmt: skip


def _bar(cell: Cell | None, make: Callable[[Cell], Bar | None]) -> Bar:
    if cell is None or cell.trials_done == 0:
        return Bar((), "not measured", valid=False)
    return make(cell) or Bar((), "n/a", valid=False)


def stacks_design(
    view: View, title: str, bars: Bars, x_label: str, lead: Sequence[str], notes: Sequence[str]
) -> Design:
    tops = {level: max(bar.length() for bar in row) for level, row in bars.rows.items()}
    levels = len(view.facets[0].levels)
    alone = len(view.levels) * len(view.architectures) <= ROWS_IN_A_COLUMN_MAX
    drawn = [top for top in tops.values() if top > 0]
    best = max(drawn)
    shared = best <= DIFFERENT * min(drawn)
    frames = [
        Frame(level_title(view, facet, level), facet.title, x_label,
              _drawing(view, bars, level, best if shared else tops[level] or 1.0))
        for facet in view.facets for level in facet.levels
    ]  # fmt: skip
    texts = [bar.text for row in bars.rows.values() for bar in row]
    names = max(text_inches(name, LABEL_POINTS) for name in view.architectures)
    differ = [] if shared else ["Scales differ: compare bars within a frame, not between frames."]
    return Design(
        title=title if len(frames) > 1 else f"{title} ({frames[0].title})",
        frames=frames,
        metrics=(),
        handles=_handles(bars),
        columns=1 if alone else min(2, columns_of(levels, alone=len(view.facets) == 1)),
        width=WIDTH,
        width_min=WIDTH_MIN,
        height=ROW * len(view.architectures) + 0.1,
        left=names + 0.2,
        right=max(text_inches(text, VALUE_POINTS) for text in texts) + 0.2,
        lead=[*lead, *differ],
        ragged=True,
        key=KEY,
        notes=notes,
    )


def _handles(bars: Bars) -> list[Patch]:
    handles = [Patch(facecolor=band.colour, label=band.label) for band in bars.bands]
    if bars.line_label:
        handles.append(Patch(facecolor=INK, label=bars.line_label))
    return handles


def _drawing(
    view: View, bars: Bars, level: Level, top: float
) -> Callable[[Axes, float, float], None]:
    return lambda ax, _width, _rotation: _draw(ax, view, bars, bars.rows[level], top)


def _draw(ax: Axes, view: View, bars: Bars, row: Sequence[Bar], top: float) -> None:
    ax.set_xlim(0, top / bars.scale.divisor * 1.03)
    ax.set_ylim(len(row) - 0.4, -0.6)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    ax.grid(axis="x")
    ax.set_yticks(range(len(row)))
    ax.set_yticklabels(view.architectures, fontsize=LABEL_POINTS)
    ax.tick_params(axis="y", length=0)
    for place, (bar, name) in enumerate(zip(row, ax.get_yticklabels())):
        number = ax.annotate(
            bar.text, (1, place), xycoords=ax.get_yaxis_transform(), xytext=(8, 0),
            textcoords="offset points", va="center", fontsize=VALUE_POINTS,
            color=INK if bar.valid else QUIET, annotation_clip=False,
        )  # fmt: skip
        for text, link in zip((name, number), bar.links):
            text.set_url(link or None)
        _draw_bar(ax, place, bar, bars)


def _draw_bar(ax: Axes, place: int, bar: Bar, bars: Bars) -> None:
    base, divisor = 0.0, bars.scale.divisor
    height = BAR_WITH_LINE if bars.line_label else BAR
    at = place - (BAR - height) / 2
    for part, band in zip(bar.parts, bars.bands):
        if part > 0:
            ax.barh(at, part / divisor, height, base, facecolor=band.colour, edgecolor="white",
                    linewidth=0.5, hatch=None if bar.valid else "////", zorder=2)  # fmt: skip
        base += part / divisor
    if bar.line is not None:
        ax.barh(place + LINE_AT, bar.line / divisor, LINE, color=INK, linewidth=0, zorder=2)
