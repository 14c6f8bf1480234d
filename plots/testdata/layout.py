"""What is wrong with the layout of a figure, for tests: texts that meet, or leave the figure."""

from __future__ import annotations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.path import Path as Polygon
from matplotlib.text import Text
from matplotlib.transforms import Affine2D


def problems(figure: Figure) -> list[str]:
    """One line for each text that meets another or isn't in the figure, or a legend on data."""
    texts = visible_texts(figure)
    found = [] if len(texts) > 10 else [f"only {len(texts)} texts"]
    boxes = [shape.get_extents() for _, shape in texts]
    for index, (text, shape) in enumerate(texts):
        if not all(figure.bbox.contains(*corner) for corner in shape.vertices):
            found.append(f"not in the figure: {text!r}")
        found += [
            f"{text!r} meets {other!r}"
            for (other, other_shape), box in zip(texts[:index], boxes)
            if box.overlaps(boxes[index]) and meet(shape, other_shape)
        ]
    for legend in figure.legends:
        if any(legend.get_window_extent().overlaps(ax.bbox) for ax in figure.axes):
            found.append("the legend stands on data")
    return found


def outline(text: Text) -> Polygon:
    """The corners of a text's box in pixels, turned as the text is, a hair within it."""
    turn = text.get_rotation() if text.get_rotation_mode() == "anchor" else 0.0
    if turn:
        text.set_rotation(0)
    corners = text.get_window_extent().padded(-0.5).corners()[[0, 1, 3, 2]]
    if turn:
        text.set_rotation(turn)
    anchor = text.get_transform().transform(text.get_unitless_position())
    return Polygon(Affine2D().rotate_deg_around(*anchor, turn).transform(corners), closed=True)


def visible_texts(figure: Figure) -> list[tuple[str, Polygon]]:
    """Every text that is drawn, with its outline in pixels."""
    FigureCanvasAgg(figure)
    for mark in (mark for ax in figure.axes for mark in (*ax.lines, *ax.patches)):
        mark.set_visible(False)  # to draw them takes half of the time, and moves no text
    figure.draw_without_rendering()
    beyond = set()  # labels of ticks outside of the axis, which exist but aren't drawn
    for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
        low, high = axis.get_view_interval()
        for tick in axis.get_major_ticks():
            if not low <= tick.get_loc() <= high:
                beyond.add(id(tick.label1))
    return [
        (text.get_text(), outline(text)) for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and id(text) not in beyond
    ]  # fmt: skip


def meet(one: Polygon, other: Polygon) -> bool:
    return bool(one.intersects_path(other, filled=True))
