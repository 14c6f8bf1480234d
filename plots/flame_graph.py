"""Flame graphs: folded stacks as one SVG that needs nothing else, no script either.

A frame is as wide as the samples in it and in what it called, and stands on its caller; the order
from left to right is that of names and means nothing. Browsers show a frame's numbers when the
mouse rests on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Callable, Iterator
from zlib import crc32

from style import number, plural

KERNEL_MARK = "_[k]"
WIDTH, MARGIN = 1400.0, 12.0  # all lengths in pixels
ROW, HEAD, FOOT = 17.0, 62.0, 14.0
FACTS_AT, FACTS_LINE = 44.0, 16.0  # where facts begin, and the height of one
STEPS, STEP = 9, 46.0  # of the scale of differences: how many, how wide
LETTER = 6.65  # width of one, at 11 px
SHARE_MIN = 0.001  # of the width: narrower frames are left out
MORE, LESS, SAME = (178, 24, 43), (33, 102, 172), (238, 238, 238)
KERNEL_HUE, USER_HUE = (18, 42), (190, 216)  # degrees, from to
KERNEL_SWATCH, USER_SWATCH = "hsl(30, 85%, 68%)", "hsl(203, 60%, 74%)"

Function = tuple[str, bool]  # name, whether of the kernel


@dataclass
class Frames:
    """A function where one chain of callers called it, with all that it called."""

    name: str
    kernel: bool
    samples: int = 0
    called: dict[Function, Frames] = field(default_factory=dict)

    def function(self) -> Function:
        return self.name, self.kernel

    def depth(self, least: float) -> int:
        """Rows of it and of what it called, of frames with at least so many samples."""
        below = (frame.depth(least) for frame in self.called.values() if frame.samples >= least)
        return 1 + max(below, default=0)


@dataclass(frozen=True)
class Side:
    """A profile, what to call it, and its CPU per request (µs) if that is known."""

    name: str
    label: str
    facts: str
    root: Frames
    cpu_us: float | None

    def share(self, samples: int) -> float:
        return samples / self.root.samples


def parse_folded(text: str, root: Frames) -> None:
    """Adds the stacks of lines like "main;Serve;tcp_sendmsg_[k] 17" to `root`. Raises ValueError,
    with the number of the line, for what is no such line."""
    for at, line in enumerate(text.split("\n"), start=1):
        if not line:
            continue
        stack, _, count = line.rpartition(" ")
        if not stack or not (count.isascii() and count.isdigit()):
            raise ValueError(f'line {at}: is no line of folded stacks, as in "main;Serve 17"')
        samples = int(count)
        root.samples += samples
        frame = root
        for name in stack.split(";"):
            kernel = name.endswith(KERNEL_MARK)
            function = (name.removesuffix(KERNEL_MARK), kernel)
            frame = frame.called.setdefault(function, Frames(*function))
            frame.samples += samples


def samples_by_function(root: Frames) -> dict[Function, int]:
    """Samples in each function and in what it called; a chain counts once, recursive or not."""
    found: dict[Function, int] = {}

    def add(frame: Frames, above: frozenset[Function]) -> None:
        function = frame.function()
        if function not in above:
            found[function] = found.get(function, 0) + frame.samples
        for called in frame.called.values():
            add(called, above | {function})

    add(root, frozenset())
    return found


def render(title: str, side: Side) -> str:
    def paint(frame: Frames) -> tuple[str, str]:
        return _plain_colour(frame), _numbers(side, frame)

    legend = _swatch(0, USER_SWATCH, "user mode") + _swatch(110, KERNEL_SWATCH, "kernel")
    return _document(title, [side.facts], side, legend, paint)


def render_difference(side: Side, base: Side) -> str:
    """The frames of `side`, coloured by how much more or less CPU per request their functions take
    there than in `base`, wherever they are called from. Both know their CPU per request."""
    differences = function_differences(side, base)
    limit = max(map(abs, differences.values())) or 1.0

    def paint(frame: Frames) -> tuple[str, str]:
        change = differences[frame.function()]
        words = f"{number(abs(change))} µs {'more' if change >= 0 else 'less'}"
        text = f"{_numbers(side, frame)}; the function in all: {words} than in {base.label}"
        return difference_colour(change, limit), text

    title = f"{side.name}: CPU per request against {base.label}"
    facts = [f"{each.label}: {each.facts}" for each in (side, base)]
    return _document(title, facts, side, _scale(limit, base.label), paint)


def function_differences(side: Side, base: Side) -> dict[Function, float]:
    """CPU per request (µs) of each function of `side`, minus that in `base`."""
    own, other = samples_by_function(side.root), samples_by_function(base.root)
    return {
        function: side.share(samples) * (side.cpu_us or 0.0)
        - base.share(other.get(function, 0)) * (base.cpu_us or 0.0)
        for function, samples in own.items()
    }


def difference_colour(change: float, limit: float) -> str:
    """Red for more, blue for less, by the root of the size, so that small ones are seen as well."""
    strength = min(1.0, abs(change) / limit) ** 0.5
    end = MORE if change > 0 else LESS
    mixed = (round(a + (b - a) * strength) for a, b in zip(SAME, end))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def _plain_colour(frame: Frames) -> str:
    """The same name has the same colour in every graph."""
    low, high = KERNEL_HUE if frame.kernel else USER_HUE
    mix = crc32(frame.name.encode())
    light = 62 + mix // 64 % 14
    return f"hsl({low + mix % (high - low)}, {85 if frame.kernel else 60}%, {light}%)"


def _numbers(side: Side, frame: Frames) -> str:
    share = side.share(frame.samples)
    kernel = " (kernel)" if frame.kernel else ""
    text = f"{frame.name}{kernel}: {plural(frame.samples, 'sample')}, {100 * share:.2f} %"
    return text if side.cpu_us is None else f"{text}, {number(share * side.cpu_us)} µs per request"


def _placed(
    frame: Frames, left: int, row: int, least: float
) -> Iterator[tuple[Frames, int, int]]:
    """Each frame that is wide enough, with the samples left of it and its row above the root."""
    yield frame, left, row
    for _, called in sorted(frame.called.items()):
        if called.samples >= least:
            yield from _placed(called, left, row + 1, least)
        left += called.samples


def _document(
    title: str, facts: list[str], side: Side, legend: str,
    paint: Callable[[Frames], tuple[str, str]],
) -> str:  # fmt: skip
    least = side.root.samples * SHARE_MIN
    height = HEAD + len(facts) * FACTS_LINE + side.root.depth(least) * ROW + FOOT
    per_sample = (WIDTH - 2 * MARGIN) / side.root.samples
    boxes = []
    for frame, left, row in _placed(side.root, 0, 0, least):
        x, width = MARGIN + left * per_sample, frame.samples * per_sample
        boxes.append(_box(frame, x, height - FOOT - (row + 1) * ROW, width, *paint(frame)))
    lines = "".join(
        f'<text class="s" x="{MARGIN:.0f}" y="{FACTS_AT + line * FACTS_LINE:.0f}">'
        f"{escape(text)}</text>\n"
        for line, text in enumerate(facts)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {WIDTH:.0f} {height:.0f}">\n'
        "<style>text{font:11px monospace;fill:#111;pointer-events:none}"
        ".h{font:bold 16px sans-serif}.s{font:12px sans-serif}"
        "rect{stroke:#fff;stroke-width:.5}g:hover rect{stroke:#000;stroke-width:1}</style>\n"
        f'<rect width="100%" height="100%" fill="#fff"/>\n'
        f'<text class="h" x="{MARGIN:.0f}" y="24">{escape(title)}</text>\n'
        f"{lines}"
        f'<svg y="{FACTS_AT + (len(facts) - 1) * FACTS_LINE:.0f}">{legend}</svg>\n'
        + "".join(boxes) + "</svg>\n"
    )


def _box(frame: Frames, x: float, y: float, width: float, colour: str, numbers: str) -> str:
    letters = int((width - 6) / LETTER)
    name = frame.name if letters >= min(4, len(frame.name)) else ""
    if len(name) > letters:  # the end of a C++ name says more than its namespace
        name = name[: letters - 1] + "…" if frame.kernel else "…" + name[1 - letters :]
    ink = ' style="fill:#fff"' if _is_dark(colour) else ""
    text = f'<text x="{x + 3:.2f}" y="{y + ROW - 5:.2f}"{ink}>{escape(name)}</text>' if name else ""
    return (
        f'<g><title>{escape(numbers)}</title><rect x="{x:.3f}" y="{y:.2f}" width="{width:.3f}" '
        f'height="{ROW:.0f}" fill="{colour}"/>{text}</g>\n'
    )


def _is_dark(colour: str) -> bool:
    if not colour.startswith("#"):
        return False
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return 0.3 * red + 0.59 * green + 0.11 * blue < 120


def _swatch(x: float, colour: str, label: str) -> str:
    return (
        f'<rect x="{MARGIN + x:.0f}" y="11" width="14" height="12" fill="{colour}"/>'
        f'<text class="s" x="{MARGIN + x + 19:.0f}" y="21">{escape(label)}</text>\n'
    )


def _scale(limit: float, base: str) -> str:
    """The colours from the most less to the most more, with what they stand for."""
    parts = []
    for step in range(STEPS):
        share = 2 * step / (STEPS - 1) - 1
        x = MARGIN + STEP * step
        colour = difference_colour(share * limit, limit)
        ink = ' style="fill:#fff"' if _is_dark(colour) else ""
        sign = "+" if share > 0 else "−" if share < 0 else ""
        parts.append(
            f'<rect x="{x:.0f}" y="9" width="{STEP:.0f}" height="15" fill="{colour}"/>'
            f'<text x="{x + STEP / 2:.0f}" y="20" text-anchor="middle"{ink}>'
            f"{sign}{abs(share) * limit:.{1 if limit >= 2 else 2}f}</text>"
        )
    words = (
        f"µs per request that the function takes more or less than in {base}, wherever it is "
        "called from; what only that one calls is not here"
    )
    return "".join(parts) + (
        f'<text class="s" x="{MARGIN + STEP * STEPS + 10:.0f}" y="21">{escape(words)}</text>\n'
    )
