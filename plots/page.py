"""The page around its frames: title, legend, frames, notes and footer, each in space of its own.

A frame is a pair of axes with its title; who draws in it is not the page's business. All sizes are
inches, measured before anything is drawn; so no text can meet other text or data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from notes import KEY, footer, notes_of, subtitle
from report import View
from style import QUIET, text_inches, wrap

MARGIN = 0.18
AXIS_LEFT = 1.0  # tick labels and label of a y axis
COLUMN_GAP = 0.22
FRAME_WIDTH_ALONE_MIN = 6.5  # narrower, the notes below would be hard to read
PAGE_WIDTH_MAX = 17.0
TITLE_POINTS, FRAME_TITLE_POINTS, TEXT_POINTS, SMALL_POINTS = 13.5, 10, 9.5, 8
LINE = 1.42 / 72  # inches of a line for each point of its font
LEGEND_HANDLE = 0.6  # the mark of an entry, and the space to the next
NOTE_LINES_MAX = 14
TICK_ROTATION = 35.0


@dataclass(frozen=True)
class Frame:
    """One pair of axes. `draw` gets them with their width in inches and the rotation of ticks."""

    title: str
    direction: str
    x_label: str
    draw: Callable[[Axes, float, float], None]


@dataclass(frozen=True)
class Design:
    """What a chart asks for. Sizes in inches."""

    title: str
    frames: Sequence[Frame]
    metrics: Sequence[tuple[str, str]]  # what is drawn: (metric, name to read)
    handles: Sequence[Line2D | Patch]  # entries of the legend
    columns: int
    width: float  # of the axes of a frame, if there is room
    width_min: float
    height: float
    left: float = AXIS_LEFT  # beside the axes of a frame, for its labels
    right: float = 0.0
    ticks: Sequence[str] = ()  # the labels below the axes that are as near as a step
    steps: float = 1.0  # widths of a step that a frame is wide
    lead: Sequence[str] = ()  # sentences below the title
    key: str = KEY  # how to read the marks: the first note
    notes: Sequence[str] = ()  # further notes of this chart
    ragged: bool = False  # the last row may be shorter than the others


@dataclass(frozen=True)
class Sizes:
    """Where everything goes."""

    columns: int
    rows: int
    frame_width: float
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
    _draw_head(figure, design, sizes)
    for index, frame in enumerate(design.frames):
        _draw_frame(figure, design, sizes, index, frame)
    _draw_foot(figure, sizes)
    return figure


def _measure(view: View, design: Design) -> Sizes:
    columns, width = _grid(design)
    rows = math.ceil(len(design.frames) / columns)
    inside = columns * (design.left + width + design.right) + (columns - 1) * COLUMN_GAP
    page_width = inside + 2 * MARGIN
    title = wrap(design.title, inside, TITLE_POINTS, bold=True)
    lead_text = [subtitle(view), *design.lead]
    lead = [line for text in lead_text for line in wrap(text, inside, TEXT_POINTS)]
    words = [design.key, *design.notes, *notes_of(view, design.metrics)]
    notes = [line for text in words for line in wrap(text, inside, SMALL_POINTS)]
    if len(notes) > NOTE_LINES_MAX:
        notes = notes[:NOTE_LINES_MAX] + ["More notes in report.json."]
    foot = [line for text in footer(view) for line in wrap(text, inside, SMALL_POINTS)]
    legend_columns, legend_rows = _legend_grid(design, inside)
    rotation, tick_height = _tick_labels(design, width)
    head = MARGIN + len(title) * TITLE_POINTS * LINE + len(lead) * TEXT_POINTS * LINE
    head += legend_rows * 0.215 + 0.1
    above = _title_lines(design, width) * FRAME_TITLE_POINTS * LINE + 0.12
    row_height = above + design.height + tick_height + 0.32
    foot_height = (len(notes) + len(foot)) * SMALL_POINTS * LINE + 0.22 + MARGIN
    height = head + rows * row_height + foot_height
    return Sizes(columns, rows, width, page_width, height, head, row_height, above, rotation,
                 legend_columns, title, lead, notes, foot)  # fmt: skip


def _grid(design: Design) -> tuple[int, float]:
    """Columns of frames, and the width of their axes."""
    beside = design.left + design.right
    for columns in range(min(design.columns, len(design.frames)), 1, -1):
        room = (PAGE_WIDTH_MAX - 2 * MARGIN + COLUMN_GAP) / columns - beside - COLUMN_GAP
        full = len(design.frames) % columns == 0 or design.ragged
        if full and room >= design.width_min:
            return columns, min(design.width, room)
    return 1, max(design.width, FRAME_WIDTH_ALONE_MIN - design.right)


def _legend_grid(design: Design, inside: float) -> tuple[int, int]:
    """Columns and rows of the legend."""
    labels = [str(handle.get_label()) for handle in design.handles]
    widths = [text_inches(label, TEXT_POINTS) + LEGEND_HANDLE for label in labels]
    for rows in range(1, len(widths)):  # the fewest that are narrow enough
        columns = math.ceil(len(widths) / rows)
        shorter, longer = divmod(len(widths), columns)
        ends = [shorter * n + min(n, longer) for n in range(columns + 1)]
        if sum(max(widths[a:b]) for a, b in zip(ends, ends[1:])) <= inside:
            return columns, rows
    return 1, len(widths)


def _tick_labels(design: Design, width: float) -> tuple[float, float]:
    """Rotation of the labels below a frame, and their height."""
    widest = max((text_inches(tick, 9) for tick in design.ticks), default=0.0)
    if widest + 0.1 <= width / design.steps:
        return 0.0, 0.22
    return TICK_ROTATION, 0.2 + widest * math.sin(math.radians(TICK_ROTATION))


def _title_lines(design: Design, width: float) -> int:
    if len(design.frames) == 1:
        return 0
    return max(len(_frame_title(frame, width)) for frame in design.frames)


def _frame_title(frame: Frame, width: float) -> list[str]:
    parts = (part for part in (frame.title, frame.direction) if part)
    return [line for part in parts for line in wrap(part, width, FRAME_TITLE_POINTS, bold=True)]


def _draw_head(figure: Figure, design: Design, sizes: Sizes) -> None:
    x, top = MARGIN / sizes.page_width, sizes.page_height - MARGIN
    for line in sizes.title:
        figure.text(x, top / sizes.page_height, line, va="top", fontsize=TITLE_POINTS,
                    fontweight="bold")  # fmt: skip
        top -= TITLE_POINTS * LINE
    for line in sizes.lead:
        figure.text(x, top / sizes.page_height, line, va="top", fontsize=TEXT_POINTS, color=QUIET)
        top -= TEXT_POINTS * LINE
    if not design.handles:
        return
    figure.legend(
        handles=list(design.handles), loc="upper left", frameon=False,
        bbox_to_anchor=(x, (top - 0.04) / sizes.page_height), ncol=sizes.legend_columns,
        borderaxespad=0, borderpad=0, fontsize=TEXT_POINTS, columnspacing=1.6, handlelength=1.8,
        labelspacing=0.35, handletextpad=0.6,
    )  # fmt: skip


def _draw_frame(
    figure: Figure, design: Design, sizes: Sizes, index: int, frame: Frame
) -> None:
    row, column = divmod(index, sizes.columns)
    pitch = design.left + sizes.frame_width + design.right + COLUMN_GAP
    left = MARGIN + column * pitch + design.left
    top = sizes.page_height - sizes.head_height - row * sizes.row_height - sizes.above_axes
    ax = figure.add_axes(
        (
            left / sizes.page_width,
            (top - design.height) / sizes.page_height,
            sizes.frame_width / sizes.page_width,
            design.height / sizes.page_height,
        )
    )
    if len(design.frames) > 1:  # else the page has said it
        text = "\n".join(_frame_title(frame, sizes.frame_width))
        ax.set_title(text, loc="left", fontsize=FRAME_TITLE_POINTS, fontweight="bold")
    frame.draw(ax, sizes.frame_width, sizes.rotation)
    ax.yaxis.set_label_coords(-(AXIS_LEFT - 0.16) / sizes.frame_width, 0.5)
    if row == sizes.rows - 1 or index + sizes.columns >= len(design.frames):
        ax.set_xlabel(frame.x_label, color=QUIET)


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
