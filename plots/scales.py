"""Axes: in which unit a metric is drawn, and where its ticks stand."""

from __future__ import annotations

import math
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from style import tick_number

# Beyond this range a linear axis presses the smaller values into one line.
LOG_RANGE = 30.0

TIME_UNITS = (("µs", 1.0), ("ms", 1e3), ("s", 1e6))
BYTE_UNITS = (("bytes", 1.0), ("KiB", 1024.0), ("MiB", 1024.0**2), ("GiB", 1024.0**3))
# A metric's unit in the report -> the units that it may be drawn in, and what it is in the report.
FAMILIES = {"us": TIME_UNITS, "bytes": BYTE_UNITS}


@dataclass(frozen=True)
class Scale:
    """What values are divided by to be drawn, what the unit is then called, linear or log."""

    divisor: float
    unit: str
    log: bool
    family: tuple[tuple[str, float], ...] = ()


def choose_scale(values: list[float], unit: str, may_be_log: bool) -> Scale:
    """The scale that suits all these values, given in the report's unit."""
    log = may_be_log and bool(values) and min(values) > 0 and max(values) > LOG_RANGE * min(values)
    family = FAMILIES.get(unit, ())
    if not family:
        return Scale(1.0, unit, log)
    if log:  # each tick names its own unit
        return Scale(1.0, "log scale", True, family)
    top = max((abs(value) for value in values), default=1.0)
    if unit == "bytes":
        name, divisor = _unit_for(top / 2, family)
    else:  # up to 20,000 of a unit of time are easier to read than a fraction of the next
        name, divisor = _unit_for(top / 20, family)
    return Scale(divisor, name, False)


def apply_scale(ax: Axes, scale: Scale, values: list[float]) -> None:
    """Sets limits and ticks of the y axis: from 0 if linear, tight around the values if log."""
    drawn = [value / scale.divisor for value in values] or [0.0, 1.0]
    low, high = min(drawn), max(drawn)
    ax.yaxis.set_minor_locator(NullLocator())
    if scale.log:
        ax.set_yscale("log")
        low, high = low / 1.6, high * 1.6
        ax.set_ylim(low, high)
        ax.yaxis.set_major_locator(FixedLocator(log_ticks(low, high, scale)))
        ax.yaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: with_unit(value, scale)))
        return
    high = high if high > 0 else 1.0
    ax.set_ylim(min(0.0, low * 1.1), high * 1.12)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    decimals = max(_decimals(float(tick)) for tick in ax.get_yticks())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.{decimals}f}"))


def _unit_for(value: float, family: tuple[tuple[str, float], ...]) -> tuple[str, float]:
    """The largest unit of the family that is not above the value."""
    fitting = [entry for entry in family if entry[1] <= value]
    return fitting[-1] if fitting else family[0]


def _decimals(value: float) -> int:
    """Decimals that the value needs, to nine digits after the point."""
    return len(f"{value:.9f}".rstrip("0").partition(".")[2])


def with_unit(value: float, scale: Scale) -> str:
    """A tick of a log axis."""
    if not scale.family:
        return tick_number(value)
    name, divisor = _unit_for(value * 1.0000001, scale.family)
    return f"{tick_number(value / divisor)} {name}"


def log_ticks(low: float, high: float, scale: Scale) -> list[float]:
    """Powers of ten, or of two for bytes: as many as can be read."""
    if scale.family is BYTE_UNITS:
        first, last = math.ceil(math.log2(low)), math.floor(math.log2(high))
        step = max(1, math.ceil((last - first + 1) / 8))
        return [2.0**power for power in range(first, last + 1) if power % step == 0]
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1, 2, 5) if last - first <= 2 else (1, 3) if last - first <= 3 else (1,)
    step = max(1, math.ceil((last - first) / 9))
    ticks = [f * 10.0**p for p in range(first, last + 1) if p % step == 0 for f in factors]
    return [tick for tick in ticks if low <= tick <= high]
