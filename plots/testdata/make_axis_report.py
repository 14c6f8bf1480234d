"""Makes synthetic reports of experiments whose workloads vary something. Nothing was measured."""

from __future__ import annotations

from typing import Any

import make_report as synthetic

# What each experiment varies, and its values; None is the point beyond all numbers.
AXES: dict[str, tuple[str, list[float | None]]] = {
    "churn": ("requests per connection", [1, 10, 100, None]),
    "think": ("active connections (%)", [1, 10, 50, 100]),
    "blocking": ("blocking wait (ms)", [1, 3, 10]),
    "cpu": ("CPU time of the handler (us)", [0, 5, 20, 100, 500]),
    "payload": ("body of the response (bytes)", [10, 1024, 16384, 131072, 1048576]),
    "overload": ("offered load (% of capacity)", [50, 80, 100, 120, 150, None]),
}
WITHOUT_NUMBER = {"churn": "unlimited", "overload": "closed"}
OPEN_LOOP = {"offered_rps": "requests/s", "shed_share": "ratio", "unanswered_share": "ratio"}


def make_axis_report(
    experiment: str, architectures: list[str], connections: list[int], repetitions: int
) -> dict[str, Any]:
    """A complete report in which every cell is valid and has every metric that it can have."""
    label, ats = AXES[experiment]
    names = {f"{experiment}-{at}": at for at in reversed(ats)}  # the file's order says nothing
    report = synthetic.make_report(architectures, connections, repetitions, list(names))
    report["run_id"] = f"synthetic-20261122T220000Z-{experiment}"
    report["experiment"].update(name=experiment, axis={"label": label})
    for workload in report["experiment"]["workloads"]:
        at = names[workload["name"]]
        if at is None:
            workload["label"] = WITHOUT_NUMBER[experiment]
        else:
            workload["at"] = at
    for cell in report["cells"]:
        _stretch(cell, experiment, names[cell["workload"]])
        if experiment == "overload":
            _offer(cell, names[cell["workload"]])
    return report


def _stretch(cell: dict[str, Any], experiment: str, at: float | None) -> None:
    """Makes requests as much dearer as the parameter plausibly does."""
    more_cpu_us, more_wait_us = {
        "churn": (0 if at is None else 60 / (at or 1), 0),
        "cpu": (at or 0, 0),
        "payload": ((at or 0) / 2500, 0),
        "blocking": (2, 1000 * (at or 0)),
    }.get(experiment, (0, 0))
    metrics = cell["metrics"]
    before = metrics["cpu_us_per_request"]["median"]
    factor = (before + more_cpu_us) / before
    for name, metric in metrics.items():
        if name.startswith("cpu_") or "latency" in name or "run_queue" in name:
            _multiply(metric, factor)
        if name in ("throughput_rps", "server_requests_per_cpu_second"):
            _multiply(metric, 1 / factor)
        if "latency" in name:
            _multiply(metric, 1 + more_wait_us / metric["median"])


def _offer(cell: dict[str, Any], at: float | None) -> None:
    """The metrics of an open loop; of a closed one the reason why it has none."""
    metrics, nothing = cell["metrics"], [None] * len(cell["repetition_valid"])
    for name, unit in OPEN_LOOP.items():
        metrics[name] = {"unit": unit, "repetitions": nothing}
        synthetic.remove_metric([cell], name, "only an open loop has it")
    if at is None:
        return
    capacity = metrics["throughput_rps"]["median"]
    offered = capacity * at / 100
    served = min(offered, capacity * (1 - max(0, at - 100) / 250))
    lost = 1 - served / offered
    values = {"offered_rps": offered, "shed_share": lost * 0.7, "unanswered_share": lost * 0.3}
    for name, value in values.items():
        repetitions = [value * (1 + 0.002 * index) for index in range(len(nothing))]
        metrics[name] = {"unit": OPEN_LOOP[name], "median": value, "ci95_low": min(repetitions),
                         "ci95_high": max(repetitions), "repetitions": repetitions}  # fmt: skip
    _multiply(metrics["throughput_rps"], served / capacity)
    for name, metric in metrics.items():
        if "latency" in name:
            _multiply(metric, 0.05 * at / 50 if at < 100 else at / 40)


def _multiply(metric: dict[str, Any], factor: float) -> None:
    for key in ("median", "ci95_low", "ci95_high"):
        metric[key] *= factor
    metric["repetitions"] = [value * factor for value in metric["repetitions"]]
