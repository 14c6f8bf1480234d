"""Which flame graphs a run has, and what they are called."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

from flame_graph import Frames, Side, parse_folded, render, render_difference
from report import Cell, Report, ReportError
from style import number, plural

DIRECTORY = "profiles"
CPU = "cpu_us_per_request"


def graph_names(report: Report, cell: Cell) -> tuple[str, str]:
    """Of the cell's flame graph, and of the one against the baseline; empty if there is none."""
    if not _has_stacks(cell):
        return "", ""
    where = f"{cell.connections}"
    if len(report.experiment["workloads"]) > 1:
        where += f"-{cell.workload}"
    plain, baseline = f"{cell.architecture}-{where}.svg", _baseline(report, cell)
    if baseline is None or cell.metric(CPU).median is None:
        return plain, ""
    return plain, f"{cell.architecture}-vs-{baseline.architecture}-{where}.svg"


def flame_graphs(report: Report, directory: Path) -> Iterator[tuple[str, str]]:
    """(name of the file, SVG) of every cell whose folded stacks are in the run's directory."""
    found = {id(cell): _frames(cell, directory) for cell in report.cells if _has_stacks(cell)}
    for cell in report.cells:
        frames = found.get(id(cell))
        if frames is None:
            continue
        plain, against = graph_names(report, cell)
        side = _side(report, cell, frames)
        yield plain, render(f"{side.name}: CPU time by call chain", side)
        baseline = _baseline(report, cell)
        other = found.get(id(baseline))
        if against and baseline is not None and other is not None:
            yield against, render_difference(side, _side(report, baseline, other))


def _has_stacks(cell: Cell) -> bool:
    names = "".join((cell.architecture, cell.workload))
    return cell.profile is not None and bool(cell.profile.files) and "/" not in names


def _baseline(report: Report, cell: Cell) -> Cell | None:
    """The cell of the experiment's first architecture beside this one, if it has a profile."""
    label = next(iter(report.architectures()))
    return next(
        (other for other in report.cells
         if other.architecture == label != cell.architecture and _has_stacks(other)
         and (other.connections, other.workload) == (cell.connections, cell.workload)
         and other.metric(CPU).median is not None),
        None,
    )  # fmt: skip


def _frames(cell: Cell, directory: Path) -> Frames | None:
    """The stacks of all the cell's profile trials; None if a file is missing."""
    root = Frames("all", False)
    for name in cell.profile.files if cell.profile else ():
        path = directory / DIRECTORY / Path(name).name
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None
        try:
            parse_folded(text, root)
        except ValueError as error:
            raise ReportError(f"{path}: {error}") from error
    return root if root.samples else None


def _side(report: Report, cell: Cell, frames: Frames) -> Side:
    name = f"{cell.architecture} at {plural(cell.connections, 'connection')}"
    if len(report.experiment["workloads"]) > 1:
        name += f", {cell.workload}"
    cpu = cell.metric(CPU).median
    facts = [plural(frames.samples, "sample")]
    if cpu is not None:
        facts.append(f"{number(cpu)} µs of CPU per request")
    if not cell.valid:
        facts.append("cell not valid: " + ", ".join(dict.fromkeys(r.code for r in cell.reasons)))
    if cell.profile and cell.profile.reasons:
        facts.append("profile trials not valid: " + ", ".join(cell.profile.reasons))
    return Side(name, cell.architecture, "; ".join(facts), frames, cpu)
