"""Where things stand on the x axis: at connection counts, or at the values of a parameter.

Places are in steps: neighbours are at least one step apart, so that each architecture has a slot of
its own beside the others. A scale that fits is kept, linear or else logarithmic; without one, steps
are equal. What no scale holds ("unlimited", and 0 on a logarithmic scale) stands apart, behind a
break.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import accumulate
from typing import Mapping, Sequence

from style import plural, tick_number

# How much wider than with equal steps a true scale may make a chart.
LINEAR_STRETCH_MAX, LOG_STRETCH_MAX = 2.1, 1.7

TIMES = (("ns", 1e-3), ("µs", 1.0), ("ms", 1e3), ("s", 1e6))
TIME_NAMES = {**dict(TIMES), "us": 1.0, "microseconds": 1.0}
BYTES = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("MB", 10**6), ("kB", 1000))


@dataclass(frozen=True)
class Point:
    """Where a workload stands on the axis of its experiment."""

    at: float | None  # None: beyond all numbers
    label: str  # nothing: the number says it


@dataclass(frozen=True)
class Level:
    """One place on the x axis: `tick` names it below the axis, `text` in a sentence."""

    connections: int
    workload: str
    tick: str
    text: str


@dataclass(frozen=True)
class Facet:
    """The levels that one pair of axes shows, with their places in steps."""

    title: str  # what sets it apart from the others, or nothing
    levels: tuple[Level, ...]
    places: tuple[float, ...]
    breaks: tuple[float, ...]  # places where the scale is interrupted
    axis: str  # what the levels are values of
    scale: str  # how the places came about, to stand behind that, or nothing

    def say(self, direction: str) -> str:
        """The second line of a panel's title."""
        return f"{self.title} · {direction}" if self.title else direction

    def steps(self) -> float:
        """The width of the axis, with half a step on each side."""
        return self.places[-1] - self.places[0] + 1


def connection_facet(workload: str, connections: Sequence[int]) -> Facet:
    """Connections in equal steps: 200, 8,000 and 16,000 read badly on any true scale."""
    counts = sorted(connections)
    levels = tuple(Level(count, workload, f"{count:,}", f"{count:,}") for count in counts)
    note = " (steps not to scale)" if len(levels) > 1 else ""
    places = tuple(float(index) for index in range(len(levels)))
    return Facet("", levels, places, (), "connections", note)


def parameter_facets(
    label: str, points: Mapping[str, Point], connections: Sequence[int]
) -> tuple[Facet, ...]:
    """One facet for each connection count, all with the same workloads at the same places."""
    names = sorted(points, key=lambda name: _order(points[name]))
    shown, unit = _name_and_unit(label)
    if any(point.label and point.at is not None for point in points.values()):
        shown, unit = label, _Unit("")  # the file has its own way to write values
    ticks = [points[name].label or _tick(points[name].at or 0.0, unit) for name in names]
    places, breaks, note = place([points[name].at for name in names])
    facets = []
    for count in sorted(connections):
        where = plural(count, "connection") if len(connections) > 1 else ""
        suffix = f" ({where})" if where else ""
        levels = (Level(count, name, tick, tick + suffix) for name, tick in zip(names, ticks))
        facets.append(Facet(where, tuple(levels), places, breaks, shown, note))
    return tuple(facets)


def place(ats: Sequence[float | None]) -> tuple[tuple[float, ...], tuple[float, ...], str]:
    """Places of ascending values, None last; the breaks between; and what to say of the scale."""
    numbers = [at for at in ats if at is not None]
    positive = [number for number in numbers if number > 0]
    gaps, breaks, note = [1.0] * (len(numbers) - 1), [], " (steps not to scale)"
    linear = _gaps(numbers, LINEAR_STRETCH_MAX)
    logs = _gaps([math.log10(number) for number in positive], LOG_STRETCH_MAX)
    if linear is not None:
        gaps, note = linear, ""
    elif logs is not None and len(positive) >= len(numbers) - 1:
        zeros = len(numbers) - len(positive)
        breaks = [0.5] * zeros
        gaps, note = [1.0] * zeros + logs, " (log scale, 0 apart)" if zeros else " (log scale)"
    beyond = len(ats) - len(numbers)
    places = tuple(accumulate(gaps + [1.0] * (beyond if numbers else beyond - 1), initial=0.0))
    if beyond and numbers:
        breaks.append(places[len(numbers) - 1] + 0.5)
    return places, tuple(breaks), note if len(numbers) > 1 else ""


def _gaps(numbers: list[float], stretch: float) -> list[float] | None:
    """Gaps between the numbers to scale, the narrowest one step; None if that is too wide."""
    gaps = [after - before for before, after in zip(numbers, numbers[1:])]
    if not gaps or min(gaps) <= 0:
        return [] if len(numbers) == 1 else None
    scaled = [gap / min(gaps) for gap in gaps]
    return scaled if sum(scaled) <= stretch * len(gaps) else None


def _order(point: Point) -> tuple[bool, float]:
    return point.at is None, point.at or 0.0


@dataclass(frozen=True)
class _Unit:
    """The unit of an axis, if its values can be written with a better one."""

    kind: str  # time, bytes, % or nothing
    microseconds: float = 1.0


def _name_and_unit(label: str) -> tuple[str, _Unit]:
    """What the axis is called if each of its values names its unit."""
    match = re.fullmatch(r"(.*\S)(?:,? \(|, )(bytes|B|ns|us|µs|microseconds|ms|s)\)?", label)
    if match is None:
        return label, _Unit("%" if "%" in label else "")
    if match[2] in TIME_NAMES:
        return match[1], _Unit("time", TIME_NAMES[match[2]])
    return match[1], _Unit("bytes")


def _tick(at: float, unit: _Unit) -> str:
    if unit.kind == "%":
        return f"{tick_number(at)}\u00a0%"
    if at == 0 or not unit.kind:
        return tick_number(at)
    if unit.kind == "time":
        time = at * unit.microseconds
        name, size = next((u for u in reversed(TIMES) if u[1] <= time), TIMES[0])
        return f"{tick_number(time / size)}\u00a0{name}"
    for name, size in BYTES:
        if at >= size and at % size == 0:
            return f"{tick_number(at / size)}\u00a0{name}"
    return f"{tick_number(at)}\u00a0B"
