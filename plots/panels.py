"""Panels: a metric against connections, or against what the workloads vary, for every architecture.

Within a step of the x axis (levels.py) each architecture has its own slot, so that curves that tie
stay apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.transforms import ScaledTranslation

from levels import Facet
from notes import unavailable_reasons
from page import Design, Frame
from palette import Look
from report import Cell, Metric, View
from scales import LOG_RANGE, Scale, apply_scale, choose_scale
from style import INK, QUIET, number, text_inches, tint, wrap

BAR_SPAN = 0.82  # share of a step that its slots fill
LINE_SPAN = 0.7
MEDIAN_AT, REPETITIONS_AT, REPETITIONS_SPAN = -0.13, 0.26, 0.3  # in slots, from its centre
SPREAD_INCHES_MAX = 0.75
USER_TINT, KERNEL_TINT = 0.38, 0.9
VALUE_POINTS = 7.5
WIDTH_MAX = 13.0
SLOT_WIDTH, SLOT_WIDTH_MIN = 0.15, 0.13  # inches of one architecture in a step
STEP_WIDTH = 0.7
DASHED, DOTTED = (0, (4, 3)), (0, (1, 1.6))


@dataclass(frozen=True)
class Panel:
    """What a panel shows. `quantity` labels the axis; {unit} in it becomes the drawn unit."""

    metric: str
    name: str
    title: str
    direction: str
    quantity: str
    may_be_log: bool = False
    split: tuple[str, ...] = ()  # metrics of its parts: in the kernel, in user mode
    scale_with: tuple[str, ...] = ()  # metrics that share one scale with this one

    def metrics(self) -> list[tuple[str, str]]:
        """(metric, name to read) of all that the panel draws."""
        parts = zip(self.split, ("kernel part", "user part"))
        return [(self.metric, self.name), *((m, f"{part} of {self.name}") for m, part in parts)]


@dataclass(frozen=True)
class Slots:
    """Where things stand on the x axis, in steps, and how large a slot is on paper."""

    places: tuple[float, ...]
    architectures: int
    span: float
    inches_per_step: float

    def width(self) -> float:
        return self.span / self.architectures

    def centre(self, level: int, architecture: int) -> float:
        return self.places[level] + (architecture - (self.architectures - 1) / 2) * self.width()

    def median(self, level: int, architecture: int) -> float:
        """Medians stand left of the centre, so that repetitions beside them hide nothing."""
        return self.centre(level, architecture) + MEDIAN_AT * self.spread()

    def spread(self) -> float:
        """How far a cell's median and repetitions stand apart: a wide slot is not filled."""
        return min(self.width(), SPREAD_INCHES_MAX / self.inches_per_step)

    def inches(self) -> float:
        return self.width() * self.inches_per_step

    def marker_points(self) -> float:
        return min(8.0, max(4.0, self.inches() * 72 * 0.5))


def panel_design(
    view: View,
    title: str,
    panels: Sequence[Panel],
    columns: int,
    width: float = 4.6,
    height: float = 3.1,
    lead: Sequence[str] = (),
    ragged: bool = False,
) -> Design:
    """A page of these panels, all of them for each facet of the view."""
    shown = [_fitted(view, panel) for panel in panels]
    frames = [_frame(view, facet, panel) for facet in view.facets for panel in shown]
    steps = max(facet.steps() for facet in view.facets)
    slots = steps * len(view.architectures)
    return Design(
        title=title,
        frames=frames,
        metrics=[metric for panel in shown for metric in panel.metrics()],
        handles=legend_handles(view, split=any(panel.split for panel in shown)),
        columns=columns if columns > 1 else len(view.facets),
        width=min(WIDTH_MAX, max(width, SLOT_WIDTH * slots, STEP_WIDTH * steps)),
        width_min=min(WIDTH_MAX, SLOT_WIDTH_MIN * slots),
        height=height,
        ticks=[level.tick for level in view.levels],
        steps=steps,
        lead=lead,
        ragged=ragged,
    )


def legend_handles(view: View, split: bool = False) -> list[Line2D | Patch]:
    """One entry for each architecture, and the two shades if a panel is split."""
    handles: list[Line2D | Patch] = []
    for architecture in view.architectures:
        look = view.looks[architecture]
        mark = Line2D([], [], color=look.colour, marker=look.marker, markersize=7)
        mark.set_label(architecture)
        handles.append(mark)
    if split:
        handles.append(Patch(facecolor=tint("#444444", USER_TINT), label="user (light)"))
        handles.append(Patch(facecolor=tint("#444444", KERNEL_TINT), label="kernel (dark)"))
    return handles


def _fitted(view: View, panel: Panel) -> Panel:
    """A parameter can stretch any metric so far that only a log axis, and so no bar, shows it."""
    values = view.values(panel.metric)
    if not view.axis or not values or min(values) <= 0 or max(values) <= LOG_RANGE * min(values):
        return panel
    return replace(panel, may_be_log=True, split=())


def _frame(view: View, facet: Facet, panel: Panel) -> Frame:
    def draw(ax: Axes, width_inches: float, rotation: float) -> None:
        draw_panel(ax, view, facet, panel, width_inches, rotation)

    return Frame(panel.title, facet.say(panel.direction), facet.axis + facet.scale, draw)


def draw_panel(
    ax: Axes, view: View, facet: Facet, panel: Panel, width_inches: float, rotation: float
) -> None:
    """Draws the metric, or says in words why there is none."""
    _draw_steps(ax, facet, rotation)
    if not view.has_value(panel.metric):
        draw_unavailable(ax, view, panel, width_inches)
        return
    ax.grid(axis="y")
    for place in facet.places[1::2]:
        ax.axvspan(place - 0.5, place + 0.5, color="#f4f4f4", linewidth=0, zorder=0)
    for place in facet.breaks:
        ax.axvline(place, color=QUIET, linewidth=0.8, linestyle=DOTTED, zorder=1)
    values = [v for name in panel.scale_with or (panel.metric,) for v in view.values(name)]
    if panel.split:
        values += [_stack(cell, panel) for cell in view.cells.values()]
    scale = choose_scale(values, view.unit(panel.metric), panel.may_be_log)
    span = BAR_SPAN if panel.split or len(view.architectures) > 4 else LINE_SPAN
    slots = Slots(facet.places, len(view.architectures), span, width_inches / facet.steps())
    apply_scale(ax, scale, values)
    ax.set_ylabel(panel.quantity.replace("{unit}", scale.unit))
    for index, architecture in enumerate(view.architectures):
        look = view.looks[architecture]
        cells = [view.cell(architecture, level) for level in facet.levels]
        if panel.split:
            _draw_bars(ax, cells, panel, scale, slots, index, look)
        else:
            _draw_line(ax, cells, facet, panel, scale, slots, index, look)
        for level, cell in enumerate(cells):
            _draw_cell(ax, cell, panel, scale, slots, (level, index), look)


def _draw_steps(ax: Axes, facet: Facet, rotation: float) -> None:
    ax.set_xlim(facet.places[0] - 0.5, facet.places[-1] + 0.5)
    ax.set_xticks(facet.places)
    ax.set_xticklabels([level.tick for level in facet.levels])
    if rotation:
        for label in ax.get_xticklabels():
            label.set(rotation=rotation, ha="right", rotation_mode="anchor")
    ax.tick_params(axis="x", length=0, pad=5)


def draw_unavailable(ax: Axes, view: View, panel: Panel, width_inches: float) -> None:
    """Says why the metric has no value anywhere."""
    ax.set_yticks([])
    reasons = unavailable_reasons(view, panel.metric)
    text = [f"Not available: {panel.name}", *reasons[:3]]
    lines = [line for part in text for line in wrap(part, width_inches * 0.86, 9)]
    ax.text(
        0.5, 0.5, "\n".join(lines), transform=ax.transAxes, ha="center", va="center",
        fontsize=9, color=QUIET, linespacing=1.4,
    )  # fmt: skip


def _draw_line(
    ax: Axes, cells: Sequence[Cell | None], facet: Facet, panel: Panel, scale: Scale,
    slots: Slots, index: int, look: Look,
) -> None:  # fmt: skip
    """Joins the medians of neighbouring levels; dashed where one of them is not valid, dotted
    across a break of the scale."""
    for level, (left, right) in enumerate(zip(cells, cells[1:])):
        if left is None or right is None:
            continue
        ends = (left.metric(panel.metric).median, right.metric(panel.metric).median)
        if ends[0] is None or ends[1] is None:
            continue
        broken = any(facet.places[level] < at < facet.places[level + 1] for at in facet.breaks)
        valid = left.valid and right.valid
        ax.plot(
            [slots.median(level, index), slots.median(level + 1, index)],
            [ends[0] / scale.divisor, ends[1] / scale.divisor],
            color=look.colour, linewidth=1.4, alpha=0.75, zorder=2,
            linestyle=DASHED if not valid else DOTTED if broken else "-",
        )  # fmt: skip


def _draw_bars(
    ax: Axes, cells: Sequence[Cell | None], panel: Panel, scale: Scale, slots: Slots, index: int,
    look: Look,
) -> None:  # fmt: skip
    """Stacks the parts; a cell that has only the total gets an outline of it."""
    colour = look.colour
    for level, cell in enumerate(cells):
        if cell is None:
            continue
        at, width = slots.centre(level, index), slots.width() * 0.86
        parts = [cell.metric(name).median for name in panel.split]
        total = cell.metric(panel.metric).median
        hatch = None if cell.valid else "////"
        if any(part is None for part in parts):
            if total is not None:
                ax.bar(at, total / scale.divisor, width, facecolor="none", edgecolor=colour,
                       linewidth=1, hatch=hatch, zorder=2)  # fmt: skip
            continue
        base = 0.0
        for part, strength in zip(parts, (KERNEL_TINT, USER_TINT)):
            height = (part or 0.0) / scale.divisor
            face = tint(colour, strength if cell.valid else strength * 0.35)
            ax.bar(at, height, width, base, facecolor=face, edgecolor=colour, linewidth=0.6,
                   hatch=hatch, zorder=2)  # fmt: skip
            base += height


def _draw_cell(
    ax: Axes, cell: Cell | None, panel: Panel, scale: Scale, slots: Slots, place: tuple[int, int],
    look: Look,
) -> None:  # fmt: skip
    """Repetitions, interval and median of one cell."""
    metric = cell.metric(panel.metric) if cell else None
    if cell is None or metric is None or not metric.drawn():
        ax.text(
            slots.centre(*place), 0.02, "n/a" if cell and cell.trials_done else "none",
            transform=ax.get_xaxis_transform(), rotation=90, ha="center", va="bottom",
            fontsize=7, color=look.colour,
        )  # fmt: skip
        return
    _draw_repetitions(ax, cell, metric, scale, slots, slots.centre(*place), look)
    at, size = slots.median(*place), slots.marker_points()
    if metric.low is not None and metric.high is not None:
        ends = [metric.low / scale.divisor, metric.high / scale.divisor]
        on_top = panel.split or size > 6  # on a small mark it would hide the mark's form
        ax.plot([at, at], ends, color=INK if on_top else look.colour, linewidth=1.2, marker="_",
                markersize=0.8 * size, markeredgewidth=1.2, zorder=6 if on_top else 4,
                clip_on=False)  # fmt: skip
    if metric.median is None:
        return
    fill = look.colour if cell.valid else "white"
    if panel.split:
        ax.plot(at, metric.median / scale.divisor, marker="_", markersize=1.5 * size, color=INK,
                markeredgewidth=2.2, zorder=5)  # fmt: skip
        _mark_bar(ax, slots, slots.centre(*place), look)
        _label_value(ax, cell, panel, scale, slots, slots.centre(*place))
    else:
        ax.plot(at, metric.median / scale.divisor, marker=look.marker, markersize=size, zorder=5,
                markeredgecolor=look.colour, markeredgewidth=1.2, markerfacecolor=fill,
                clip_on=False)  # fmt: skip


def _draw_repetitions(
    ax: Axes, cell: Cell, metric: Metric, scale: Scale, slots: Slots, centre: float, look: Look
) -> None:
    """Every repetition, spread to the right of the median in the order in which they ran."""
    count = len(metric.repetitions)
    size = min(3.2, max(1.8, slots.inches() * 72 * 0.2))
    for valid in (True, False):
        places, values = [], []
        for index, value in enumerate(metric.repetitions):
            if value is None or cell.repetition_is_valid(index) != valid:
                continue
            step = (index - (count - 1) / 2) / max(1, count - 1)
            places.append(centre + (REPETITIONS_AT + step * REPETITIONS_SPAN) * slots.spread())
            values.append(value / scale.divisor)
        ax.plot(
            places, values, linestyle="none", zorder=7, clip_on=False,
            marker="o" if valid else "x", markersize=size if valid else size * 1.2,
            markerfacecolor=tint(look.colour, 0.4), markeredgewidth=0.4 if valid else 0.9,
            markeredgecolor=INK if valid else look.colour,
        )  # fmt: skip


def _mark_bar(ax: Axes, slots: Slots, centre: float, look: Look) -> None:
    """The architecture's mark at the foot of its bar, for readers who don't see the colour."""
    size = slots.marker_points()
    offset = ScaledTranslation(0, size / 72, ax.figure.dpi_scale_trans)
    ax.plot(
        centre, 0, marker=look.marker, markersize=size * 0.9, color="white", zorder=5,
        markeredgecolor=look.colour, markeredgewidth=0.8, transform=ax.transData + offset,
    )  # fmt: skip


def _stack(cell: Cell, panel: Panel) -> float:
    """Where the stacked bar of the cell ends, in the report's unit; 0 if it has none."""
    parts = [cell.metric(name).median for name in panel.split]
    return 0.0 if None in parts else sum(part or 0.0 for part in parts)


def _label_value(
    ax: Axes, cell: Cell, panel: Panel, scale: Scale, slots: Slots, centre: float
) -> None:
    """Writes the median above its bar, if the bar is wide enough for that."""
    metric = cell.metric(panel.metric)
    text = number((metric.median or 0.0) / scale.divisor)
    if text_inches(text, VALUE_POINTS) > slots.inches() * 0.98:
        return
    top = max(*metric.drawn(), _stack(cell, panel)) / scale.divisor
    ax.annotate(
        text, (centre, top), xytext=(0, 5), textcoords="offset points", ha="center", va="bottom",
        fontsize=VALUE_POINTS,
    )  # fmt: skip
