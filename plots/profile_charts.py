"""Charts of what the instruments found: where the CPU time goes, and what the scheduler does. Each
is drawn only of runs that have such trials."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Iterable, Mapping, Sequence

from matplotlib.figure import Figure

from flame_files import CPU, DIRECTORY, graph_names
from levels import Level
from notes import describe_places
from page import make_page
from palette import CLASS_COLOURS, OTHER_COLOURS
from panels import Panel, panel_design
from passes import SCHEDULER, ClassPart, Profile, Trace
from report import SCHEDULER_SHARE, Cell, View
from scales import Scale, choose_scale
from stacks import Band, Bar, Bars, bars_of, stacks_design
from style import number, plural
from tails import tails_design

SMALL = 0.01  # a class whose share is less in every cell is not told apart
OTHER = "other"
CALLS_SHOWN_MAX = 6
CALLS_MIN = 0.001  # of one name for each request, to be told apart
CALL_COLOURS = ("#2166AC", "#5AA5D6", "#1B9E77", "#F2C14E", "#8C6BB1", "#8C510A")
REST = "#DCDCDC"
EXPLANATIONS_SHOWN_MAX = 6
PROFILE_OF_ITS_OWN = "Samples of call chains come from trials of their own"

Place = tuple[str, Level]


def cpu_by_class(view: View) -> Figure | None:
    """The cell's CPU per request, divided as the samples of its call chains are."""
    parts = [part for cell in view.cells.values() for part in _parts(cell)]
    if not any(part.cpu_us for part in parts):
        return None
    shown = _shown_classes(parts)
    rest = any(part.share > 0 and part.name not in shown for part in parts)
    bands = [Band(label, _class_colour(name)) for name, label in shown.items()]
    if rest:
        known = all(part.share < SMALL for part in parts if part.name == OTHER)
        bands.append(Band("other (each below 1 %)" if known else "other", REST))
    scale = choose_scale(
        [sum(part.cpu_us or 0.0 for part in _parts(cell)) for cell in view.cells.values()], "us",
        may_be_log=False,
    )  # fmt: skip

    def bar(cell: Cell) -> Bar | None:
        return _class_bar(view, cell, shown, rest, scale)

    title = "Server CPU time per request by what it is spent on: lower is better"
    lead = [
        "Right of each bar: its length, and how much of it is the scheduler's (the red parts).",
        *_explanations(view),
    ]
    notes = [
        f"{PROFILE_OF_ITS_OWN}; each class has its share of them, of the CPU per request that the "
        "throughput trials measured. In the SVG, names lead to flame graphs, and numbers to those "
        "against the baseline (profiles/*.svg).",
        *_pass_notes(view, "profile", lambda cell: cell.profile),
    ]
    x_label = f"server CPU per request ({scale.unit})"
    bars = Bars(bands, bars_of(view, bar), scale)
    design = stacks_design(view, title, bars, x_label, lead, notes)
    return make_page(view, replace(design, metrics=[(CPU, "CPU per request")]))


def scheduler_share(view: View) -> Figure | None:
    if not view.has_value(SCHEDULER_SHARE):
        return None
    panel = Panel(
        metric=SCHEDULER_SHARE,
        name="scheduler's share of CPU",
        title="Scheduler's share of the server's CPU time",
        direction="↓ lower is better",
        quantity="share of CPU time ({unit})",
    )
    title = "Scheduler's share of the server's CPU time: lower is better"
    lead = ("Switching, waking, ticks and balancing, wherever in a call chain they are.",)
    design = panel_design(view, title, [panel], columns=1, width=8.2, height=3.8, lead=lead)
    key = (
        f"{PROFILE_OF_ITS_OWN}. Vertical lines: 95 % intervals by the number of samples, for which "
        "they are taken as independent. Hollow or dashed: cell not valid."
    )
    notes = _pass_notes(view, "profile", lambda cell: cell.profile)
    return make_page(view, replace(design, key=key, notes=notes))


def run_queue(view: View) -> Figure | None:
    design = tails_design(view)
    if design is None:
        return None
    notes = [*design.notes, *_pass_notes(view, "trace", lambda cell: cell.trace)]
    return make_page(view, replace(design, notes=notes))


def system_calls(view: View) -> Figure | None:
    """System calls by name, with switches below them on the same axis."""
    traces = [t for cell in view.cells.values() if (t := cell.trace) and not t.unavailable]
    if not any(trace.calls for trace in traces):
        return None
    names = _shown_calls(traces)
    rest = any(name not in names for trace in traces for name in trace.calls)
    bands = [Band(name, colour) for name, colour in zip(names, CALL_COLOURS)]
    if rest:
        bands.append(Band("other system calls", REST))

    def bar(cell: Cell) -> Bar | None:
        trace = cell.trace
        if trace is None or trace.unavailable:
            return None
        parts = [trace.calls.get(name, 0.0) for name in names]
        parts += [sum(count for name, count in trace.calls.items() if name not in names)] * rest
        text = f"{number(sum(parts))} · {number(trace.switches)}"
        return Bar(tuple(parts), text + _validity(cell), cell.valid, trace.switches)

    title = "System calls and context switches per request: lower is better"
    lead = ("Right of each bar: system calls, then switches away from the server's threads.",)
    notes = [
        "Counted by the kernel's tracepoints, in trials of their own.",
        *_pass_notes(view, "trace", lambda cell: cell.trace),
    ]
    bars = Bars(bands, bars_of(view, bar), Scale(1.0, "", False), "context switches (thin bar)")
    return make_page(view, stacks_design(view, title, bars, "calls per request", lead, notes))


def _parts(cell: Cell) -> Sequence[ClassPart]:
    return cell.profile.parts if cell.profile else ()


def _shown_classes(parts: Iterable[ClassPart]) -> dict[str, str]:
    """Name -> label of the classes told apart, in the report's order. Of the scheduler each one."""
    shown: dict[str, str] = {}
    for part in parts:
        if part.name != OTHER:
            shown.setdefault(part.name, part.label)
    large = {
        part.name for part in parts
        if part.share >= SMALL or (part.group == SCHEDULER and part.share > 0)
    }  # fmt: skip
    return {name: label for name, label in shown.items() if name in large}


def _class_colour(name: str) -> str:
    """A class that this version doesn't know has one of the other colours, always the same."""
    return CLASS_COLOURS.get(name) or OTHER_COLOURS[sum(map(ord, name)) % len(OTHER_COLOURS)]


def _class_bar(
    view: View, cell: Cell, shown: Mapping[str, str], rest: bool, scale: Scale
) -> Bar | None:
    found = {part.name: part.cpu_us for part in _parts(cell)}
    known = {name: us for name, us in found.items() if us is not None}
    if not known or cell.profile is None:
        return None
    parts = [known.get(name, 0.0) for name in shown]
    parts += [sum(us for name, us in known.items() if name not in shown)] * rest
    share = number(100 * cell.profile.scheduler_share)
    text = f"{number(sum(parts) / scale.divisor)} · {share}\u00a0%{_validity(cell)}"
    plain, against = (f"../{DIRECTORY}/{name}" if name else ""
                      for name in graph_names(view.report, cell))  # fmt: skip
    return Bar(tuple(parts), text, cell.valid, links=(plain, against))


def _validity(cell: Cell) -> str:
    return "" if cell.valid else ", not valid"


def _shown_calls(traces: Sequence[Trace]) -> list[str]:
    """The most frequent system calls, the most frequent first."""
    most: dict[str, float] = {}
    for trace in traces:
        for name, count in trace.calls.items():
            most[name] = max(most.get(name, 0.0), count)
    seen = [name for name in most if most[name] >= CALLS_MIN]
    return sorted(seen, key=lambda name: (-most[name], name))[:CALLS_SHOWN_MAX]


def _explanations(view: View) -> list[str]:
    """The report's sentences; if they are too many, the first of the last level that has any."""
    levels = {(level.connections, level.workload): level for level in view.levels}
    found = [(levels[e.connections, e.workload], e) for e in view.report.explanations
             if (e.connections, e.workload) in levels]  # fmt: skip
    shown = found
    if len(found) > EXPLANATIONS_SHOWN_MAX:
        last = max((level for level, _ in found), key=view.levels.index)
        shown = [entry for entry in found if entry[0] == last][:EXPLANATIONS_SHOWN_MAX]
    texts = [f"{view.axis}: {level.text}. {e.text}" if view.axis else e.text for level, e in shown]
    if len(found) > len(shown):
        texts.append(f"{plural(len(found) - len(shown), 'more such sentence')} in summary.md.")
    return texts


def _pass_notes(
    view: View, name: str, find: Callable[[Cell], Profile | Trace | None]
) -> list[str]:
    """Where the instrument found nothing, by the reason; where its trials aren't valid; and what it
    costs itself."""
    missing: dict[str, list[Place]] = {}
    doubtful: dict[str, list[Place]] = {}
    for place, cell in view.cells.items():
        found = find(cell)
        if found is None or found.unavailable:
            reason = found.unavailable if found else "no such trial"
            missing.setdefault(reason, []).append(place)
        for code in found.reasons if found else ():
            doubtful.setdefault(code, []).append(place)
    lines = [f"No {name} of {describe_places(view, places)}: {reason}."
             for reason, places in missing.items()]  # fmt: skip
    lines += [f"The {name}'s own trials are not valid, {code}: {describe_places(view, places)}."
              for code, places in doubtful.items()]  # fmt: skip
    if cost := view.report.instruments.get(name):
        text = f"With the {name} on, a request took {number(cost.value)} times the CPU"
        if cost.low is not None and cost.high is not None:
            text += f" (95 % interval {number(cost.low)} to {number(cost.high)})"
        lines.append(text + ".")
    return lines
