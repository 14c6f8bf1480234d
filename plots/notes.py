"""The words around a chart: what is not valid, what is missing, and where it was measured."""

from __future__ import annotations

from typing import Any, Iterable, Sequence

from report import Cell, Comparison, View
from style import number, plural

Place = tuple[str, int]  # architecture, connections

KEY = (
    "Small dots: single repetitions (crosses: not valid). Large marks, on bars thick lines: "
    "medians, each with its 95 % interval. Hollow, dashed or hatched: cell not valid."
)
COMPARISONS_SHOWN_MAX = 6
NOTES_SHOWN_MAX = 3


def notes_of(view: View, metric_names: Sequence[tuple[str, str]]) -> list[str]:
    """All notes of a chart that draws these metrics, given as (metric, name to read)."""
    return [
        KEY,
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
        f"Not valid: {text}." for text in _by_code(view, [c for c in _cells(view) if not c.valid])
    ]
    lines += [
        f"Valid cell, but with repetitions that are not: {text}."
        for text in _by_code(view, [c for c in _cells(view) if c.valid])
    ]
    return lines


def missing_notes(view: View, metric_names: Sequence[tuple[str, str]]) -> list[str]:
    """Metrics that some cells lack, by reason. A metric that all lack is named in its panel."""
    found: dict[str, dict[str, list[Place]]] = {}
    for metric, name in metric_names:
        if not view.has_value(metric):
            continue
        for cell in _cells(view):
            entry = cell.metric(metric)
            if entry.median is None and cell.trials_done > 0:
                names = found.setdefault(entry.unavailable or "no reason given", {})
                names.setdefault(name, []).append((cell.architecture, cell.connections))
    return [
        f"Not available: {_names_with_places(view, names)}: {reason}."
        for reason, names in found.items()
    ]


def unavailable_reasons(view: View, metric: str) -> list[str]:
    """The distinct reasons why cells lack the metric."""
    reasons = [cell.metric(metric).unavailable for cell in _cells(view)]
    return list(dict.fromkeys(reason for reason in reasons if reason)) or ["no cell has a value"]


def describe_places(view: View, places: Iterable[Place]) -> str:
    """Cells in few words: architectures that share their levels are named together."""
    levels_of: dict[str, list[int]] = {}
    for architecture, level in places:
        levels_of.setdefault(architecture, []).append(level)
    sharing: dict[tuple[int, ...], list[str]] = {}
    for architecture, levels in levels_of.items():
        sharing.setdefault(tuple(sorted(levels)), []).append(architecture)
    groups = []
    for levels, architectures in sharing.items():
        everyone = len(view.architectures) > 1 and len(architectures) == len(view.architectures)
        who = "every architecture" if everyone else ", ".join(architectures)
        everywhere = len(view.levels) > 1 and levels == view.levels
        where = "every level" if everywhere else " / ".join(f"{level:,}" for level in levels)
        groups.append(f"{who} at {where}")
    return "; ".join(groups)


def comparison_lines(view: View, metric: str, name: str) -> list[str]:
    """The report's comparisons of a metric at the most connections that have any."""
    entries = [
        entry
        for entry in view.report.comparisons
        if entry.metric == metric and entry.workload == view.workload and entry.ratio is not None
    ]
    if not entries:
        return []
    level = max(entry.connections for entry in entries)
    entries = [entry for entry in entries if entry.connections == level]
    lines = [f"{name} at {level:,} connections, as a ratio to {entries[0].baseline}:"]
    shown = [_comparison(view, entry) for entry in entries[:COMPARISONS_SHOWN_MAX]]
    if len(entries) > len(shown):
        shown.append(f"{len(entries) - len(shown)} more in report.json")
    return [f"{lines[0]} {'; '.join(shown)}."]


def subtitle(view: View) -> str:
    """The experiment and the workload in one line."""
    experiment = view.report.experiment
    workloads = experiment.get("workloads", [])
    found = next((w for w in workloads if w.get("name") == view.workload), {})
    request = " ".join(str(found[key]) for key in ("method", "path") if key in found)
    body = int(found.get("body_bytes", 0) or 0)
    size = f"body of {body:,} bytes" if body else ""
    details = ", ".join(part for part in (request, size) if part)
    workload = f"workload {view.workload}" + (f" ({details})" if details else "")
    return f"Experiment {experiment.get('name', '?')}, {workload}"


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


def _cells(view: View) -> list[Cell]:
    """All cells, architecture by architecture, levels ascending."""
    found = (view.cell(a, level) for a in view.architectures for level in view.levels)
    return [cell for cell in found if cell is not None]


def _by_code(view: View, cells: list[Cell]) -> list[str]:
    causes: dict[str, list[tuple[Cell, int, str]]] = {}
    for cell in cells:
        for reason in cell.reasons:
            causes.setdefault(reason.code, []).append((cell, reason.trials, reason.detail))
    lines = []
    for code, found in causes.items():
        places = describe_places(view, [(c.architecture, c.connections) for c, _, _ in found])
        cell, trials, detail = found[0]
        if len(found) == 1:
            extra = f"{trials} of {plural(cell.trials_done, 'trial')}: {detail}"
        else:
            extra = f"for example {cell.architecture} at {cell.connections:,}: {detail}"
        lines.append(f"{code}: {places} ({extra})" if detail else f"{code}: {places}")
    return lines


def _names_with_places(view: View, names: dict[str, list[Place]]) -> str:
    """Names that lack the same cells are listed together."""
    sharing: dict[str, list[str]] = {}
    for name, places in names.items():
        sharing.setdefault(describe_places(view, places), []).append(name)
    return "; ".join(f"{', '.join(group)} of {places}" for places, group in sharing.items())


def _comparison(view: View, entry: Comparison) -> str:
    pair = (view.cell(name, entry.connections) for name in (entry.architecture, entry.baseline))
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
