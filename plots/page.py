"""The page around the panels: title, legend, panels, notes and footer, each in space of its own.

All sizes are inches, measured before anything is drawn; so no text can meet other text or data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from matplotlib.figure import Figure

from notes import footer, notes_of, subtitle
from panels import Panel, draw_panel, legend_handles
from report import View
from style import QUIET, text_inches, wrap

MARGIN = 0.18
AXIS_LEFT = 1.0  # tick labels and label of a y axis
COLUMN_GAP = 0.22
PANEL_WIDTH_ALONE_MIN = 6.5  # narrower, the notes below would be hard to read
PAGE_WIDTH_MAX = 17.0
PANEL_WIDTH_MAX = 13.0
SLOT_WIDTH, SLOT_WIDTH_MIN = 0.15, 0.1  # of one architecture at one connection count
TITLE_POINTS, PANEL_TITLE_POINTS, TEXT_POINTS, SMALL_POINTS = 13.5, 10, 9.5, 8
LINE = 1.42 / 72  # inches of a line for each point of its font
LEGEND_HANDLE = 0.6  # the mark of an entry, and the space to the next
NOTE_LINES_MAX = 14
TICK_ROTATION = 35.0


@dataclass(frozen=True)
class Design:
    """What a chart asks for."""

    title: str
    panels: list[Panel]
    columns: int
    panel_width: float = 4.6
    panel_height: float = 3.1
    lead: tuple[str, ...] = ()  # sentences below the title


@dataclass(frozen=True)
class Sizes:
    """Where everything goes."""

    columns: int
    rows: int
    panel_width: float
    page_width: float
    page_height: float
    head_height: float
    row_height: float
    above_axes: float
    rotation: float
    legend_columns: int
    title: list[str]
    lead: list[str]
    notes: list[str]
    footer: list[str]


def make_page(view: View, design: Design) -> Figure:
    """The whole chart. The figure belongs to the caller; pyplot doesn't know it."""
    sizes = _measure(view, design)
    figure = Figure(figsize=(sizes.page_width, sizes.page_height))
    _draw_head(figure, view, design, sizes)
    for index, panel in enumerate(design.panels):
        _draw_one(figure, view, design, sizes, index, panel)
    _draw_foot(figure, sizes)
    return figure


def _measure(view: View, design: Design) -> Sizes:
    columns, panel_width = _grid(view, design)
    rows = math.ceil(len(design.panels) / columns)
    inside = columns * (AXIS_LEFT + panel_width) + (columns - 1) * COLUMN_GAP
    page_width = inside + 2 * MARGIN
    title = wrap(design.title, inside, TITLE_POINTS, bold=True)
    lead_text = [subtitle(view), *design.lead]
    lead = [line for text in lead_text for line in wrap(text, inside, TEXT_POINTS)]
    metrics = [metric for panel in design.panels for metric in panel.metrics()]
    notes = [line for text in notes_of(view, metrics) for line in wrap(text, inside, SMALL_POINTS)]
    if len(notes) > NOTE_LINES_MAX:
        notes = notes[:NOTE_LINES_MAX] + ["More notes in report.json."]
    foot = [line for text in footer(view) for line in wrap(text, inside, SMALL_POINTS)]
    legend_columns, legend_rows = _legend_grid(view, design, inside)
    rotation, tick_height = _tick_labels(view, panel_width)
    head = MARGIN + len(title) * TITLE_POINTS * LINE + len(lead) * TEXT_POINTS * LINE
    head += legend_rows * 0.215 + 0.1
    above = _panel_title_lines(design, panel_width) * PANEL_TITLE_POINTS * LINE + 0.12
    row_height = above + design.panel_height + tick_height + 0.32
    foot_height = (len(notes) + len(foot)) * SMALL_POINTS * LINE + 0.22 + MARGIN
    height = head + rows * row_height + foot_height
    return Sizes(columns, rows, panel_width, page_width, height, head, row_height, above, rotation,
                 legend_columns, title, lead, notes, foot)  # fmt: skip


def _grid(view: View, design: Design) -> tuple[int, float]:
    """Columns of panels, and the width of each: as wide as the slots need, without holes."""
    slots = len(view.levels) * len(view.architectures)
    wanted = min(PANEL_WIDTH_MAX, max(design.panel_width, SLOT_WIDTH * slots))
    needed = min(PANEL_WIDTH_MAX, SLOT_WIDTH_MIN * slots)
    for columns in range(design.columns, 1, -1):
        room = (PAGE_WIDTH_MAX - 2 * MARGIN + COLUMN_GAP) / columns - AXIS_LEFT - COLUMN_GAP
        if len(design.panels) % columns == 0 and room >= needed:
            return columns, min(wanted, room)
    return 1, max(wanted, PANEL_WIDTH_ALONE_MIN)


def _legend_grid(view: View, design: Design, inside: float) -> tuple[int, int]:
    """Columns and rows of the legend."""
    labels = [str(handle.get_label()) for handle in legend_handles(view, design.panels)]
    widths = [text_inches(label, TEXT_POINTS) + LEGEND_HANDLE for label in labels]
    for rows in range(1, len(widths)):
        columns = math.ceil(len(widths) / rows)
        shorter, longer = divmod(len(widths), columns)
        ends = [shorter * n + min(n, longer) for n in range(columns + 1)]
        if sum(max(widths[a:b]) for a, b in zip(ends, ends[1:])) <= inside:
            return columns, rows
    return 1, len(widths)


def _tick_labels(view: View, panel_width: float) -> tuple[float, float]:
    """Rotation of the labels below a panel, and their height."""
    widest = max((text_inches(f"{level:,}", 9) for level in view.levels), default=0.0)
    if widest + 0.1 <= panel_width / max(1, len(view.levels)):
        return 0.0, 0.22
    return TICK_ROTATION, 0.2 + widest * math.sin(math.radians(TICK_ROTATION))


def _panel_title_lines(design: Design, panel_width: float) -> int:
    if len(design.panels) == 1:
        return 0
    return max(len(_panel_title(panel, panel_width)) for panel in design.panels)


def _panel_title(panel: Panel, width: float) -> list[str]:
    parts = (panel.title, panel.direction)
    return [line for part in parts for line in wrap(part, width, PANEL_TITLE_POINTS, bold=True)]


def _draw_head(figure: Figure, view: View, design: Design, sizes: Sizes) -> None:
    x, top = MARGIN / sizes.page_width, sizes.page_height - MARGIN
    for line in sizes.title:
        figure.text(x, top / sizes.page_height, line, va="top", fontsize=TITLE_POINTS,
                    fontweight="bold")  # fmt: skip
        top -= TITLE_POINTS * LINE
    for line in sizes.lead:
        figure.text(x, top / sizes.page_height, line, va="top", fontsize=TEXT_POINTS, color=QUIET)
        top -= TEXT_POINTS * LINE
    figure.legend(
        handles=legend_handles(view, design.panels), loc="upper left", frameon=False,
        bbox_to_anchor=(x, (top - 0.04) / sizes.page_height), ncol=sizes.legend_columns,
        borderaxespad=0, borderpad=0, fontsize=TEXT_POINTS, columnspacing=1.6, handlelength=1.8,
        labelspacing=0.35, handletextpad=0.6,
    )  # fmt: skip


def _draw_one(
    figure: Figure, view: View, design: Design, sizes: Sizes, index: int, panel: Panel
) -> None:
    row, column = divmod(index, sizes.columns)
    left = MARGIN + column * (sizes.panel_width + AXIS_LEFT + COLUMN_GAP) + AXIS_LEFT
    top = sizes.page_height - sizes.head_height - row * sizes.row_height - sizes.above_axes
    ax = figure.add_axes(
        (
            left / sizes.page_width,
            (top - design.panel_height) / sizes.page_height,
            sizes.panel_width / sizes.page_width,
            design.panel_height / sizes.page_height,
        )
    )
    if len(design.panels) > 1:  # else the page has said it
        text = "\n".join(_panel_title(panel, sizes.panel_width))
        ax.set_title(text, loc="left", fontsize=PANEL_TITLE_POINTS, fontweight="bold")
    draw_panel(ax, view, panel, sizes.panel_width, sizes.rotation)
    ax.yaxis.set_label_coords(-(AXIS_LEFT - 0.16) / sizes.panel_width, 0.5)
    bottom = row == sizes.rows - 1 or index + sizes.columns >= len(design.panels)
    if bottom:
        steps = " (steps not to scale)" if len(view.levels) > 1 else ""
        ax.set_xlabel(f"connections{steps}", color=QUIET)


def _draw_foot(figure: Figure, sizes: Sizes) -> None:
    x, bottom = MARGIN / sizes.page_width, MARGIN
    for line in reversed(sizes.footer):
        figure.text(x, bottom / sizes.page_height, line, va="bottom", fontsize=SMALL_POINTS,
                    color=QUIET)  # fmt: skip
        bottom += SMALL_POINTS * LINE
    bottom += 0.1
    for line in reversed(sizes.notes):
        figure.text(x, bottom / sizes.page_height, line, va="bottom", fontsize=SMALL_POINTS)
        bottom += SMALL_POINTS * LINE
