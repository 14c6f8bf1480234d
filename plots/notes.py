"""The words around a chart: what is not valid, what is missing, and where it was measured."""

from __future__ import annotations

from typing import Any, Iterable, Sequence

from levels import Level
from report import Cell, Comparison, Reason, View
from style import number, plural

Place = tuple[str, Level]  # architecture, where on the x axis

KEY = (
    "Small dots: single repetitions (crosses: not valid). Large marks, on bars thick lines: medians, each with its "
    "95 % interval (of fewer than 6 repetitions: all of them). Hollow, dashed or hatched: cell not valid."
)
COMPARISONS_SHOWN_MAX = 6
NOTES_SHOWN_MAX = 3


def notes_of(view: View, metric_names: Sequence[tuple[str, str]]) -> list[str]:
    """The notes of a chart that draws these metrics, given as (metric, name to read)."""
    return [
        *incomplete_note(view),
        *validity_notes(view),
        *missing_notes(view, metric_names),
        *report_notes(view),
    ]


def report_notes(view: View) -> list[str]:
    """The first notes of the report: it puts first what limits every conclusion."""
    notes = view.report.notes
    lines = [f"Note: {note}" for note in notes[:NOTES_SHOWN_MAX]]
    if len(notes) > NOTES_SHOWN_MAX:
        more = plural(len(notes) - NOTES_SHOWN_MAX, "more note")
        lines.append(f"{more} in report.json.")
    return lines


def incomplete_note(view: View) -> list[str]:
    report = view.report
    absent = [
        (architecture, level)
        for architecture in view.architectures
        for level in view.levels
        if (cell := view.cell(architecture, level)) is None or cell.trials_done == 0
    ]
    lines = []
    if not report.complete:
        lines.append(
            f"INCOMPLETE RUN: {report.trials_done:,} of {report.trials_planned:,} "
            "planned trials were done."
        )
    if absent:
        lines.append(f"Not measured: {describe_places(view, absent)}.")
    return lines


def validity_notes(view: View) -> list[str]:
    """Reason codes of cells that are not valid, then of single repetitions in valid cells."""
    lines = [
        f"Not valid: {text}." for text in _by_code(view, valid=False)
    ]
    lines += [
        f"Valid cell, but with repetitions that are not: {text}."
        for text in _by_code(view, valid=True)
    ]
    return lines


def missing_notes(view: View, metric_names: Sequence[tuple[str, str]]) -> list[str]:
    """Metrics that some cells lack, by reason. A metric that all lack is named in its panel."""
    found: dict[str, dict[str, list[Place]]] = {}
    for metric, name in metric_names:
        if not view.has_value(metric):
            continue
        for place, cell in _cells(view):
            entry = cell.metric(metric)
            if entry.median is None and cell.trials_done > 0:
                names = found.setdefault(entry.unavailable or "no reason given", {})
                names.setdefault(name, []).append(place)
    return [
        f"Not available: {_names_with_places(view, names)}: {reason}."
        for reason, names in found.items()
    ]


def unavailable_reasons(view: View, metric: str) -> list[str]:
    """The distinct reasons why cells lack the metric."""
    reasons = [cell.metric(metric).unavailable for _, cell in _cells(view)]
    return list(dict.fromkeys(reason for reason in reasons if reason)) or ["no cell has a value"]


def describe_places(view: View, places: Iterable[Place]) -> str:
    """Cells in few words: architectures that share their levels are named together."""
    levels_of: dict[str, set[Level]] = {}
    for architecture, level in places:
        levels_of.setdefault(architecture, set()).add(level)
    sharing: dict[frozenset[Level], list[str]] = {}
    for architecture, levels in levels_of.items():
        sharing.setdefault(frozenset(levels), []).append(architecture)
    groups = []
    for levels, architectures in sharing.items():
        everyone = len(view.architectures) > 1 and len(architectures) == len(view.architectures)
        who = "every architecture" if everyone else ", ".join(architectures)
        groups.append(f"{who} at {_describe_levels(view, levels)}")
    return "; ".join(groups)


def _describe_levels(view: View, levels: frozenset[Level]) -> str:
    if len(view.levels) > 1 and levels == set(view.levels):
        return "every level"
    parts = []
    for facet in view.facets:
        here = [level for level in facet.levels if level in levels]
        if len(view.facets) > 1 and len(here) == len(facet.levels):
            parts.append(f"all of {facet.title}")
        else:
            parts += [level.text for level in here]
    return " / ".join(parts)


def comparison_lines(view: View, metric: str, name: str) -> list[str]:
    """The report's comparisons of a metric at the last level that has any."""
    levels = {(level.connections, level.workload): level for level in view.levels}
    entries = [
        (levels[entry.connections, entry.workload], entry)
        for entry in view.report.comparisons
        if entry.metric == metric
        and entry.ratio is not None
        and (entry.connections, entry.workload) in levels
    ]
    if not entries:
        return []
    last = max((level for level, _ in entries), key=view.levels.index)
    compared = [entry for level, entry in entries if level == last]
    where = f"with {view.axis}: {last.text}" if view.axis else f"at {last.text} connections"
    lines = [f"{name} {where}, as a ratio to {compared[0].baseline}:"]
    shown = [_comparison(view, entry, last) for entry in compared[:COMPARISONS_SHOWN_MAX]]
    if len(compared) > len(shown):
        shown.append(f"{len(compared) - len(shown)} more in report.json")
    return [f"{lines[0]} {'; '.join(shown)}."]


def subtitle(view: View) -> str:
    """The experiment, and its workload or what its workloads vary, in one line."""
    experiment = view.report.experiment
    shown = {level.workload for level in view.levels}
    workloads = [w for w in experiment.get("workloads", []) if w.get("name") in shown]
    requests = [" ".join(str(w[key]) for key in ("method", "path") if key in w) for w in workloads]
    bodies = [int(w.get("body_bytes", 0) or 0) for w in workloads]
    details = []
    if len(set(requests)) == 1:
        details.append(requests[0])
    if len(set(bodies)) == 1 and bodies[0]:
        details.append(f"body of {bodies[0]:,} bytes")
    counts = sorted({level.connections for level in view.levels})
    if view.axis and len(counts) == 1:
        details.append(plural(counts[0], "connection"))
    what = f"by {view.axis}" if view.axis else f"workload {view.workload}"
    extra = ", ".join(part for part in details if part)
    return f"Experiment {experiment.get('name', '?')}, {what}" + (f" ({extra})" if extra else "")


def footer(view: View) -> list[str]:
    """The machine, then the run."""
    report, environment = view.report, view.report.environment
    done = sum(cell.trials_done for cell in view.cells.values())
    valid = sum(cell.trials_valid for cell in view.cells.values())
    machine = [
        _text(environment, "cpu_model"),
        _count(environment.get("cpus"), "CPU"),
        _memory(environment.get("memory_bytes")),
        _text(environment, "kernel", "Linux "),
        f"server on {_cpus(report.server_cpus)}, client on {_cpus(report.client_cpus)}",
        _text(environment, "compiler"),
        _text(environment, "crossover_version", "Crossover "),
    ]
    run = [
        f"Run {report.run_id}",
        report.created_utc.replace("T", " ").replace("Z", " UTC"),
        _count(report.experiment.get("repetitions"), "repetition"),
        f"{valid:,} of {plural(done, 'trial')} valid",
        f"interval: {report.interval}",
    ]
    return [" · ".join(part for part in line if part) for line in (machine, run)]


def _cells(view: View) -> list[tuple[Place, Cell]]:
    """All cells with their places, architecture by architecture, levels ascending."""
    places = ((name, level) for name in view.architectures for level in view.levels)
    return [(place, view.cells[place]) for place in places if place in view.cells]


def _by_code(view: View, valid: bool) -> list[str]:
    """What is wrong in the cells that are valid, or in those that are not, by reason."""
    causes: dict[str, list[tuple[Place, Reason]]] = {}
    for place, cell in _cells(view):
        for reason in cell.reasons if cell.valid == valid else ():
            causes.setdefault(reason.code, []).append((place, reason))
    lines = []
    for code, found in causes.items():
        places = describe_places(view, [place for place, _ in found])
        first, reason = found[0]
        if len(found) == 1:
            done = view.cells[first].trials_done
            extra = f"{reason.trials} of {plural(done, 'trial')}: {reason.detail}"
        else:
            extra = f"for example {first[0]} at {first[1].text}: {reason.detail}"
        lines.append(f"{code}: {places} ({extra})" if reason.detail else f"{code}: {places}")
    return lines


def _names_with_places(view: View, names: dict[str, list[Place]]) -> str:
    """Names that lack the same cells are listed together."""
    sharing: dict[str, list[str]] = {}
    for name, places in names.items():
        sharing.setdefault(describe_places(view, places), []).append(name)
    return "; ".join(f"{', '.join(group)} of {places}" for places, group in sharing.items())


def _comparison(view: View, entry: Comparison, level: Level) -> str:
    pair = (view.cell(name, level) for name in (entry.architecture, entry.baseline))
    doubtful = any(cell is None or not cell.valid for cell in pair)
    text = f"{entry.architecture} {number(entry.ratio or 0.0)}"
    if entry.low is not None and entry.high is not None:
        text += f" ({number(entry.low)} to {number(entry.high)})"
    return f"{text}, {entry.verdict}" + (", not valid" if doubtful else "")


def _text(environment: Any, key: str, prefix: str = "") -> str:
    value = str(environment.get(key, "")).strip()
    return value if not value or value.startswith(prefix) and prefix else prefix + value


def _count(value: Any, noun: str) -> str:
    return plural(value, noun) if isinstance(value, int) else ""


def _cpus(cpu_list: str) -> str:
    return f"CPU {cpu_list}" if cpu_list.isdigit() else f"CPUs {cpu_list}"


def _memory(value: Any) -> str:
    return f"{number(value / 2**30)} GiB" if isinstance(value, (int, float)) else ""
