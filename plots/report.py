"""The report as charts need it: parsed once, typed, and never changed.

Nothing here computes a statistic; it only finds what report.json says.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping

from levels import Facet, Level, Point, connection_facet, parameter_facets
from palette import Look, looks
from passes import Model, Prediction, Profile, Trace
from passes import parse_model, parse_prediction, parse_profile, parse_trace

SCHEMA_VERSION = 1
SCHEDULER_SHARE = "scheduler_share"  # a metric made of the profile; %


class ReportError(Exception):
    """The report cannot be used. The message is one line that says why."""


@dataclass(frozen=True)
class Metric:
    """One metric of one cell. A null median comes with the reason in `unavailable`."""

    unit: str
    median: float | None
    low: float | None
    high: float | None
    repetitions: tuple[float | None, ...]
    unavailable: str

    def drawn(self) -> list[float]:
        """Every value that a chart shows."""
        values = [self.median, self.low, self.high, *self.repetitions]
        return [value for value in values if value is not None]


@dataclass(frozen=True)
class Reason:
    """Why trials of a cell are not valid."""

    code: str
    trials: int
    detail: str


@dataclass(frozen=True)
class Cell:
    architecture: str
    connections: int
    workload: str
    valid: bool
    reasons: tuple[Reason, ...]
    trials_planned: int
    trials_done: int
    trials_valid: int
    metrics: Mapping[str, Metric]
    repetition_valid: tuple[bool, ...]
    profile: Profile | None  # None: the experiment has no such trials
    trace: Trace | None
    prediction: Prediction | None

    def metric(self, name: str) -> Metric:
        """The metric, or one that says that the report lacks it."""
        absent = Metric("", None, None, None, (), "not in the report")
        return self.metrics.get(name, absent)

    def repetition_is_valid(self, index: int) -> bool:
        return index >= len(self.repetition_valid) or self.repetition_valid[index]


@dataclass(frozen=True)
class Comparison:
    metric: str
    connections: int
    workload: str
    architecture: str
    baseline: str
    ratio: float | None
    low: float | None
    high: float | None
    verdict: str


@dataclass(frozen=True)
class Interval:
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Explanation:
    """Why an architecture differs from the baseline in CPU per request, in one sentence."""

    connections: int
    workload: str
    architecture: str
    text: str


@dataclass(frozen=True)
class Report:
    run_id: str
    created_utc: str
    complete: bool
    trials_planned: int
    trials_done: int
    experiment: Mapping[str, Any]
    axis: str  # what the workloads vary, in words, or nothing
    points: Mapping[str, Point]  # where each workload stands on that axis
    environment: Mapping[str, Any]
    server_cpus: str
    client_cpus: str
    interval: str
    cells: tuple[Cell, ...]
    comparisons: tuple[Comparison, ...]
    explanations: tuple[Explanation, ...]
    model: Model | None  # None: the experiment measures no costs of single steps
    instruments: Mapping[str, Interval]  # CPU per request with one on / without it, by name
    notes: tuple[str, ...]

    def workloads(self) -> list[str]:
        """Names of the workloads, in the experiment's order, then in that of the cells."""
        named = [str(w["name"]) for w in self.experiment.get("workloads", []) if "name" in w]
        found = [cell.workload for cell in self.cells]
        return [name for name in dict.fromkeys(named + found) if name in found]

    def architectures(self) -> dict[str, str]:
        """Label -> name of the architectures, in the experiment's order, then in that of the
        cells."""
        planned = dict(_label_and_name(e) for e in self.experiment.get("architectures", []))
        return {**planned, **{c.architecture: planned.get(c.architecture, "") for c in self.cells}}


@dataclass(frozen=True)
class View:
    """What one chart file shows: the cells of one workload against connections, or those of all
    workloads against the parameter that they vary."""

    report: Report
    workload: str  # nothing if all are shown
    axis: str  # what the workloads vary, in words without a unit, or nothing
    architectures: tuple[str, ...]
    facets: tuple[Facet, ...]
    cells: Mapping[tuple[str, Level], Cell]
    looks: Mapping[str, Look]

    @property
    def levels(self) -> tuple[Level, ...]:
        return tuple(level for facet in self.facets for level in facet.levels)

    def cell(self, architecture: str, level: Level) -> Cell | None:
        return self.cells.get((architecture, level))

    def has_value(self, metric: str) -> bool:
        return any(cell.metric(metric).drawn() for cell in self.cells.values())

    def unit(self, metric: str) -> str:
        """The unit of a metric that has a value."""
        return next(u for u in (cell.metric(metric).unit for cell in self.cells.values()) if u)

    def values(self, metric: str) -> list[float]:
        """Every value of the metric that is drawn: medians, interval ends, repetitions."""
        return [value for cell in self.cells.values() for value in cell.metric(metric).drawn()]


def load_report(directory: Path) -> Report:
    """Reads DIRECTORY/report.json. Raises ReportError if it is missing or not readable."""
    path = directory / "report.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise ReportError(f"{path}: not JSON: {error}") from error
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION:
        raise ReportError(
            f"{path}: schema_version is {json.dumps(version)}, "
            f"but these charts read version {SCHEMA_VERSION}"
        )
    try:
        return parse_report(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReportError(
            f"{path}: not a valid report ({type(error).__name__}: {error}); "
            "plots/validate.py says more"
        ) from error


def parse_report(document: Mapping[str, Any]) -> Report:
    """The report of a parsed report.json. Raises what a wrong shape raises."""
    return Report(
        run_id=document["run_id"],
        created_utc=document["created_utc"],
        complete=document["complete"],
        trials_planned=document["trials_planned"],
        trials_done=document["trials_done"],
        experiment=document["experiment"],
        axis=_parse_axis(document["experiment"]),
        points=_parse_points(document["experiment"]),
        environment=document["environment"],
        server_cpus=document["placement"]["server_cpus"],
        client_cpus=document["placement"]["client_cpus"],
        interval=document["statistics"]["interval"],
        cells=tuple(_parse_cell(cell) for cell in document["cells"]),
        comparisons=tuple(_parse_comparison(entry) for entry in document["comparisons"]),
        explanations=tuple(
            Explanation(e["connections"], e["workload"], e["architecture"], e["text"])
            for e in document.get("explanations", ())
        ),
        model=parse_model(document.get("model")),
        instruments={
            name: Interval(e["cpu_per_request_ratio"], e["ci95_low"], e["ci95_high"])
            for name, e in document.get("instruments", {}).items()
            if e is not None
        },
        notes=tuple(document["notes"]),
    )


def views(report: Report) -> list[View]:
    """One for each workload; a single one if the experiment says what its workloads vary."""
    if report.axis:
        return [_view(report, "", report.workloads())]
    return [_view(report, workload, [workload]) for workload in report.workloads()]


def _view(report: Report, workload: str, shown: list[str]) -> View:
    """The cells of these workloads; architectures in the experiment's order, levels ascending."""
    cells = [cell for cell in report.cells if cell.workload in shown]
    connections = sorted({cell.connections for cell in cells})
    if report.axis:
        points = {name: report.points.get(name, Point(None, name)) for name in shown}
        facets = parameter_facets(report.axis, points, connections)
    else:
        facets = (connection_facet(workload, connections),)
    levels = {(level.connections, level.workload): level for f in facets for level in f.levels}
    found = {cell.architecture for cell in cells}
    everyone = report.architectures()
    return View(
        report,
        workload,
        facets[0].axis if report.axis else "",
        tuple(label for label in everyone if label in found),
        facets,
        {(cell.architecture, levels[cell.connections, cell.workload]): cell for cell in cells},
        looks(everyone),
    )


def _label_and_name(entry: Any) -> tuple[str, str]:
    if isinstance(entry, str):
        return entry, entry
    return str(entry.get("label", entry["name"])), str(entry["name"])


def _parse_axis(experiment: Mapping[str, Any]) -> str:
    return str(experiment["axis"]["label"]) if "axis" in experiment else ""


def _parse_points(experiment: Mapping[str, Any]) -> dict[str, Point]:
    """A workload without `at` is beyond all numbers, and called by its label or its name."""
    points = {}
    for entry in experiment["workloads"]:
        name, at = str(entry["name"]), entry.get("at")
        label = str(entry.get("label", name if at is None else ""))
        points[name] = Point(None if at is None else float(at), label)
    return points


def _parse_metric(entry: Mapping[str, Any]) -> Metric:
    return Metric(
        unit=entry["unit"],
        median=entry["median"],
        low=entry["ci95_low"],
        high=entry["ci95_high"],
        repetitions=tuple(entry["repetitions"]),
        unavailable=entry.get("unavailable", ""),
    )


def _pass_metrics(profile: Profile | None) -> dict[str, Metric]:
    """What charts draw as they draw a metric: the share of all samples that are the scheduler's,
    with the interval that so many independent samples give."""
    if profile is None:
        return {}
    if profile.unavailable:
        return {SCHEDULER_SHARE: Metric("%", None, None, None, (), profile.unavailable)}
    share = profile.scheduler_share
    error = 1.96 * math.sqrt(share * (1 - share) / profile.samples)
    low, high = max(0.0, share - error), min(1.0, share + error)
    return {SCHEDULER_SHARE: Metric("%", 100 * share, 100 * low, 100 * high, (), "")}


def _parse_cell(entry: Mapping[str, Any]) -> Cell:
    verdict, trials = entry["verdict"], entry["trials"]
    profile = parse_profile(entry.get("profile"))
    return Cell(
        architecture=entry["architecture"],
        connections=entry["connections"],
        workload=entry["workload"],
        valid=verdict["valid"],
        reasons=tuple(
            Reason(reason["code"], reason["trials"], reason["detail"])
            for reason in verdict["reasons"]
        ),
        trials_planned=trials["planned"],
        trials_done=trials["done"],
        trials_valid=trials["valid"],
        metrics={
            **{name: _parse_metric(metric) for name, metric in entry["metrics"].items()},
            **_pass_metrics(profile),
        },
        repetition_valid=tuple(entry["repetition_valid"]),
        profile=profile,
        trace=parse_trace(entry.get("trace")),
        prediction=parse_prediction(entry.get("prediction")),
    )


def _parse_comparison(entry: Mapping[str, Any]) -> Comparison:
    return Comparison(
        metric=entry["metric"],
        connections=entry["connections"],
        workload=entry["workload"],
        architecture=entry["architecture"],
        baseline=entry["baseline"],
        ratio=entry["ratio"],
        low=entry["ci95_low"],
        high=entry["ci95_high"],
        verdict=entry["verdict"],
    )
