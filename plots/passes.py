"""What is known of a cell beside its metrics: where its CPU time goes (the profile), what the
scheduler did (the trace), and what a request should cost (the prediction). Parsed once, and never
changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

SCHEDULER = "scheduler"  # the group whose classes are the scheduler's share


@dataclass(frozen=True)
class ClassPart:
    """One class of work, and its part of the cell's CPU per request (µs; None: not known)."""

    name: str
    group: str
    label: str
    share: float
    cpu_us: float | None


@dataclass(frozen=True)
class Profile:
    """Without parts there is the reason why, in `unavailable`."""

    unavailable: str
    reasons: tuple[str, ...]  # codes of why its trials are not valid themselves
    samples: int
    parts: tuple[ClassPart, ...]
    scheduler_share: float
    files: tuple[str, ...]  # folded stacks


@dataclass(frozen=True)
class Trace:
    """Without anything there is the reason why, in `unavailable`."""

    unavailable: str
    reasons: tuple[str, ...]
    wakeups: int
    run_queue: tuple[tuple[int, int], ...]  # (upper edge in ns, wake-ups), ascending
    still_waiting: int  # woken, and had not run when the trace ended
    switches: float  # per request
    calls: Mapping[str, float]  # system calls per request, by name


@dataclass(frozen=True)
class PredictedPart:
    name: str
    label: str
    us: float


@dataclass(frozen=True)
class Prediction:
    """CPU per request. Without anything there is the reason why, in `unavailable`."""

    unavailable: str
    predicted_us: float
    measured_us: float | None
    parts: tuple[PredictedPart, ...]


@dataclass(frozen=True)
class Model:
    """How near the predictions of the valid cells came."""

    tolerance: float
    cells: int
    within: int


def parse_profile(entry: Mapping[str, Any] | None) -> Profile | None:
    """Raises what a wrong shape raises."""
    if entry is None:
        return None
    if "unavailable" in entry:
        return Profile(entry["unavailable"], (), 0, (), 0.0, ())
    return Profile(
        unavailable="",
        reasons=_codes(entry),
        samples=entry["samples"],
        parts=tuple(
            ClassPart(
                part["class"], part["group"], part["label"], part["share"],
                part["cpu_us_per_request"],
            )
            for part in entry["classes"]
        ),
        scheduler_share=entry["scheduler_share"],
        files=tuple(entry["files"]),
    )  # fmt: skip


def parse_trace(entry: Mapping[str, Any] | None) -> Trace | None:
    """Raises what a wrong shape raises."""
    if entry is None:
        return None
    if "unavailable" in entry:
        return Trace(entry["unavailable"], (), 0, (), 0, 0.0, {})
    return Trace(
        unavailable="",
        reasons=_codes(entry),
        wakeups=entry["run_queue_ns"]["count"],
        run_queue=tuple((edge, count) for edge, count in entry["run_queue_ns"]["histogram"]),
        still_waiting=entry["run_queue_ns"]["still_waiting"],
        switches=entry["switches_per_request"],
        calls=dict(entry["system_calls_per_request"]),
    )


def parse_prediction(entry: Mapping[str, Any] | None) -> Prediction | None:
    """Raises what a wrong shape raises."""
    if entry is None:
        return None
    if "unavailable" in entry:
        return Prediction(entry["unavailable"], 0.0, None, ())
    parts = (PredictedPart(part["part"], part["label"], part["us"]) for part in entry["parts"])
    return Prediction("", entry["predicted_us"], entry["measured_us"], tuple(parts))


def parse_model(entry: Mapping[str, Any] | None) -> Model | None:
    """Raises what a wrong shape raises."""
    return Model(entry["tolerance"], entry["cells"], entry["within"]) if entry else None


def _codes(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reason["code"] for reason in entry["reasons"]))
