#!/usr/bin/python3
"""Makes synthetic reports for tests. No number in them was measured; run_id and notes say so.

make_report.py FILE writes report_small.json anew.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
from pathlib import Path
from typing import Any

SEED = 20210401
WORKLOAD = {"name": "hello", "method": "GET", "path": "/", "body_bytes": 0}
UNITS = {
    "throughput_rps": "requests/s", "server_requests_per_cpu_second": "requests/s",
    "cpu_us_per_request": "us", "cpu_user_us_per_request": "us", "cpu_kernel_us_per_request": "us",
    "run_queue_wait_us_per_request": "us", "wait_us_per_dispatch": "us", "time_slice_us": "us",
    "context_switches_per_request": "switches", "voluntary_switches_per_request": "switches",
    "involuntary_switches_per_request": "switches", "page_faults_per_request": "faults",
    "latency_us_p50": "us", "latency_us_p90": "us", "latency_us_p99": "us",
    "latency_us_p999": "us", "latency_us_max": "us", "latency_us_mean": "us",
    "connect_ms_p50": "ms", "connect_ms_p99": "ms", "connect_ms_max": "ms",
    "connect_all_seconds": "s", "memory_bytes_per_connection": "bytes",
    "socket_memory_bytes_per_connection": "bytes", "server_cpu_utilization": "ratio",
    "server_cpus_idle": "ratio", "softirq_ratio": "ratio", "steal_ratio": "ratio",
    "client_cpu_us_per_request": "us", "client_cpu_utilization": "ratio", "jain_index": "ratio",
    "tcp_retransmits": "segments", "tcp_listen_overflows": "connections",
    "tcp_listen_drops": "connections", "tcp_resets": "segments",
}  # fmt: skip


def make_report(
    architectures: list[str], connections: list[int], repetitions: int, workloads: list[str]
) -> dict[str, Any]:
    """A complete report in which every cell is valid and every metric is there."""
    rng = random.Random(SEED)
    total = len(architectures) * len(connections) * repetitions * len(workloads)
    cells = [
        _cell(rng, index, architecture, level, repetitions, workload)
        for workload in workloads
        for level in connections
        for index, architecture in enumerate(architectures)
    ]
    return {
        "schema_version": 1,
        "run_id": "synthetic-20261122T220000Z-connections",
        "created_utc": "2026-11-22T22:00:00Z",
        "complete": True,
        "trials_planned": total,
        "trials_done": total,
        "experiment": {
            "name": "connections", "description": "synthetic", "seed": SEED,
            "repetitions": repetitions, "placement": "isolated",
            "architectures": [{"name": a, "label": a, "options": {}} for a in architectures],
            "connections": connections,
            "workloads": [{**WORKLOAD, "name": name} for name in workloads],
        },
        "environment": {
            "kernel": "6.18.5", "cpu_model": "Example CPU @ 2.90GHz", "cpus": 2,
            "memory_bytes": 17179869184, "crossover_version": "0.1.0",
            "compiler": "g++ 12.2.0 -O2",
        },
        "placement": {"server_cpus": "0", "client_cpus": "1"},
        "statistics": {
            "interval": "percentile bootstrap of the median, 95 %", "resamples": 200, "seed": SEED,
        },
        "cells": cells,
        "comparisons": [_comparison(cell, cells) for cell in cells
                        if cell["architecture"] != architectures[0]],
        "canary": {
            "user_ns": {"median": 1.01e6, "min": 0.99e6, "max": 1.2e6},
            "syscall_ns": {"median": 2.1e6, "min": 2.0e6, "max": 2.4e6},
        },
        "notes": ["synthetic data for tests: nothing here was measured"],
    }  # fmt: skip


def find_cell(report: dict[str, Any], architecture: str, connections: int) -> dict[str, Any]:
    return next(
        cell for cell in report["cells"]
        if (cell["architecture"], cell["connections"]) == (architecture, connections)
    )  # fmt: skip


def make_invalid(cell: dict[str, Any], code: str, detail: str, valid: int = 1) -> None:
    """Leaves the cell with only so many valid repetitions."""
    repetitions = len(cell["repetition_valid"])
    cell["repetition_valid"] = [index < valid for index in range(repetitions)]
    cell["trials"]["valid"] = valid
    reason = {"code": code, "trials": repetitions - valid, "detail": detail}
    cell["verdict"]["reasons"].append(reason)
    cell["verdict"]["valid"] = valid > repetitions / 2
    for metric in cell["metrics"].values():
        _summarise(metric, cell["repetition_valid"] if cell["verdict"]["valid"] else [])


def remove_metric(cells: list[dict[str, Any]], name: str, reason: str) -> None:
    for cell in cells:
        nothing = [None] * len(cell["repetition_valid"])
        cell["metrics"][name].update(
            median=None, ci95_low=None, ci95_high=None, repetitions=nothing, unavailable=reason
        )


def fail_repetition(cell: dict[str, Any], index: int, detail: str) -> None:
    """A trial of which nothing came back."""
    cell["repetition_valid"][index] = False
    cell["trials"]["valid"] -= 1
    cell["verdict"]["reasons"].append({"code": "failed", "trials": 1, "detail": detail})
    for metric in cell["metrics"].values():
        metric["repetitions"][index] = None
        _summarise(metric, cell["repetition_valid"])


def small_report() -> dict[str, Any]:
    """Three architectures, with one of each thing that can go wrong."""
    names = ["thread-per-connection", "worker-pool", "epoll-pool"]
    report = make_report(names, [200, 8000, 16000], 5, ["hello"])
    reason = "taskstats needs CAP_NET_ADMIN, and /proc/PID/schedstat covers one thread only"
    remove_metric(report["cells"], "run_queue_wait_us_per_request", reason)
    make_invalid(find_cell(report, "epoll-pool", 200), "client_limited",
                 "server CPUs 12 % idle while a client thread ran at 99 %")  # fmt: skip
    fail_repetition(find_cell(report, "worker-pool", 16000), 3, "server died of signal 9")
    report["notes"].append("one CPU for the server: designs with a thread per core can't be ranked")
    return report


def dump(report: dict[str, Any]) -> str:
    """JSON with one metric a line, so that a difference can be read."""
    cells = ",\n".join(_dump_cell(cell) for cell in report["cells"])
    head = {key: value for key, value in report.items() if key != "cells"}
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    return "{\n" + ",\n".join(lines) + f',\n  "cells": [\n{cells}\n  ]\n}}\n'


def _dump_cell(cell: dict[str, Any]) -> str:
    lines = [f"      {json.dumps(k)}: {json.dumps(v)}" for k, v in cell.items() if k != "metrics"]
    metrics = ",\n".join(
        f"        {json.dumps(name)}: {json.dumps(metric)}"
        for name, metric in cell["metrics"].items()
    )
    return "    {\n" + ",\n".join(lines) + f',\n      "metrics": {{\n{metrics}\n      }}\n    }}'


def _model(kind: int, level: int) -> dict[str, float]:
    """Plausible values: even kinds keep a thread for each connection, odd ones multiplex."""
    threads = kind in (0, 1) or kind % 4 == 3
    load = level / 16000
    user, kernel = (2.6 + 0.9 * load, 6.0 + 5.2 * load) if threads else (2.2, 4.4 + 1.1 * load)
    user, kernel = user * (1 + 0.05 * (kind // 2)), kernel * (1 + 0.03 * (kind // 2))
    cpu = user + kernel
    rate = 0.97e6 / max(cpu, 7.4)
    mean = level / rate * 1e6
    voluntary, forced = (1.02 + 0.1 * load, 0.05) if threads else (0.04 / (1 + 40 * load), 0.01)
    tail = 1.5 + 2 * load if threads else 1.2 + 0.4 * load
    wait = mean * 0.45 if threads else 2.4 + 0.6 * load
    memory = (25.4 if threads else 7.1) * 1024 + (60000 if threads else 9000) / level**0.5
    values = (
        rate, 1e6 / cpu, cpu, user, kernel, wait, wait / (voluntary + forced),
        cpu / (voluntary + forced), voluntary + forced, voluntary, forced, 0.002,
        mean * 0.94, mean * tail * 0.9, mean * tail * 1.6, mean * tail * 3.1, mean * tail * 6, mean,
        0.11 + load, 1.9 + 20 * load, 3 + 40 * load, 0.02 + 1.4 * load, memory, 4600,
        min(1.0, rate * cpu / 1e6), 0.02, 0.21, 0.001, 7.4, 0.98, 0.999 - 0.01 * load,
        0, 0, 0, level,
    )  # fmt: skip
    return dict(zip(UNITS, values))


def _cell(
    rng: random.Random, kind: int, architecture: str, level: int, repetitions: int, workload: str
) -> dict[str, Any]:
    metrics = {}
    for name, value in _model(kind, level).items():
        noise = 0.06 if "latency" in name or "wait" in name else 0.018
        values = [float(f"{value * rng.lognormvariate(0, noise):.6g}") for _ in range(repetitions)]
        metrics[name] = {"unit": UNITS[name], "median": 0.0, "ci95_low": 0.0, "ci95_high": 0.0,
                         "repetitions": values}  # fmt: skip
    parts = (metrics[f"cpu_{part}_us_per_request"]["repetitions"] for part in ("user", "kernel"))
    cpu = [round(user + kernel, 4) for user, kernel in zip(*parts)]
    metrics["cpu_us_per_request"]["repetitions"] = cpu
    metrics["server_requests_per_cpu_second"]["repetitions"] = [round(1e6 / us, 1) for us in cpu]
    for metric in metrics.values():
        _summarise(metric, [])
    return {
        "architecture": architecture, "connections": level, "workload": workload,
        "verdict": {"valid": True, "reasons": []},
        "trials": {"planned": repetitions, "done": repetitions, "valid": repetitions},
        "repetition_valid": [True] * repetitions, "metrics": metrics,
    }  # fmt: skip


def _summarise(metric: dict[str, Any], valid: list[bool]) -> None:
    """Median and interval over the valid repetitions, or over all if none are given. Of up to five
    the bootstrap's interval reaches from the least to the greatest."""
    values = [v for i, v in enumerate(metric["repetitions"])
              if v is not None and (not valid or valid[i])]  # fmt: skip
    if not values:
        return
    metric.update(median=statistics.median(values), ci95_low=min(values), ci95_high=max(values))


def _comparison(cell: dict[str, Any], cells: list[dict[str, Any]]) -> dict[str, Any]:
    name = "cpu_us_per_request"
    base = next(c for c in cells if c["connections"] == cell["connections"])
    ratio = round(cell["metrics"][name]["median"] / base["metrics"][name]["median"], 4)
    verdict = "lower" if ratio < 1 else "higher"
    if abs(ratio - 1) < 0.03:
        verdict = "no detectable difference"
    return {
        "metric": name, "connections": cell["connections"], "workload": cell["workload"],
        "architecture": cell["architecture"], "baseline": base["architecture"], "ratio": ratio,
        "ci95_low": round(ratio * 0.97, 4), "ci95_high": round(ratio * 1.03, 4),
        "pairs": len(cell["repetition_valid"]), "verdict": verdict,
    }  # fmt: skip


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(dump(small_report()), encoding="utf-8")
