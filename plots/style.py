"""How charts look: fonts, lines and tints, and how numbers are written. Colours: palette.py."""

from __future__ import annotations

import re
from functools import lru_cache

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

INK = "#222222"
QUIET = "#595959"
GRID = "#e3e3e3"


def tint(colour: str, strength: float) -> tuple[float, float, float]:
    """The colour mixed with white; strength 1 leaves it as it is."""
    red, green, blue = (1 - strength * (1 - channel) for channel in to_rgb(colour))
    return red, green, blue


def apply() -> None:
    """Sets matplotlib up alike on every machine, whatever its user's settings are."""
    matplotlib.rcdefaults()
    matplotlib.rcParams.update(
        {
            "font.family": "sans-serif",
            "font.size": 9,
            "text.color": INK,
            "text.parse_math": False,  # a dollar sign in a reason is a dollar sign
            "axes.edgecolor": QUIET,
            "axes.labelcolor": INK,
            "axes.labelsize": 9,
            "axes.axisbelow": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.unicode_minus": True,
            "xtick.color": QUIET,
            "ytick.color": QUIET,
            "xtick.labelcolor": INK,
            "ytick.labelcolor": INK,
            "grid.color": GRID,
            "grid.linewidth": 0.8,
            "hatch.linewidth": 0.8,
            "svg.fonttype": "none",  # text stays text: it can be searched and read aloud
            "svg.hashsalt": "crossover",  # the same input gives the same bytes
            "figure.dpi": 100,
        }
    )


@lru_cache(maxsize=1)
def _ruler() -> FigureCanvasAgg:
    return FigureCanvasAgg(Figure(dpi=72))


@lru_cache(maxsize=None)
def text_inches(text: str, points: float, bold: bool = False) -> float:
    """Width of a line of text."""
    font = FontProperties(size=points, weight="bold" if bold else "normal")
    width, _, _ = _ruler().get_renderer().get_text_width_height_descent(text, font, False)
    return float(width) / 72


def wrap(text: str, inches: float, points: float, bold: bool = False) -> list[str]:
    """Breaks text into lines that are not wider than this; a longer word is cut."""
    lines: list[str] = []
    line = ""
    for word in re.sub(r"(\d) %", "\\1\u00a0%", text).split(" "):  # 95 % stays together
        candidate = f"{line} {word}" if line else word
        if text_inches(candidate, points, bold) <= inches:
            line = candidate
            continue
        if line:
            lines.append(line)
        while text_inches(word, points, bold) > inches and len(word) > 1:
            keep = max(1, int(len(word) * inches / text_inches(word, points, bold)) - 1)
            lines.append(word[:keep])
            word = word[keep:]
        line = word
    return lines + [line] if line else lines


def number(value: float) -> str:
    """A number to read: about three digits, thousands separated."""
    size = abs(value)
    if size == 0:
        return "0"
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    return f"{value:,.{decimals}f}"


def tick_number(value: float) -> str:
    """A tick: thousands separated, no more digits than it has."""
    return f"{round(value, 9):,.10g}" if abs(value) < 1e15 else f"{value:g}"


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
