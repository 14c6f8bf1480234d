"""Reports with a profile and a trace: metrics made up, what the instruments found recorded once
(passes.json)."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import make_report as synthetic

HERE = Path(__file__).resolve().parent
THREE = ["thread-per-connection", "epoll-pool", "io-uring-per-core"]


def with_passes(report: dict[str, Any]) -> dict[str, Any]:
    """Gives each cell what was recorded of one of three architectures, in turns."""
    recorded = json.loads((HERE / "passes.json").read_text(encoding="utf-8"))
    labels = [entry["label"] for entry in report["experiment"]["architectures"]]
    for cell in report["cells"]:
        found = copy.deepcopy(recorded[THREE[labels.index(cell["architecture"]) % 3]])
        for part in found["profile"]["classes"]:
            cpu = cell["metrics"]["cpu_us_per_request"]["median"]
            part["cpu_us_per_request"] = part["share"] * cpu
        stem = f"{cell['architecture']}-{cell['connections']}"
        found["profile"]["files"] = [f"profiles/{stem}.folded"]
        cell.update(found)
    report["explanations"] = [
        {
            "connections": cell["connections"], "workload": cell["workload"],
            "architecture": cell["architecture"], "baseline": labels[0], "difference_us": -7.5,
            "parts": [{"class": "scheduler_switch", "label": "switching", "us": -7.5}],
            "named_share": 1.0,
            "text": f"At {cell['connections']:,} connections {labels[0]} spends 7.5 µs more CPU "
                    f"per request than {cell['architecture']}: 7.5 more in switching.",
        }
        for cell in report["cells"] if cell["architecture"] != labels[0]
    ]  # fmt: skip
    report["instruments"] = {
        "profile": {"cpu_per_request_ratio": 1.06, "ci95_low": 1.02, "ci95_high": 1.1, "pairs": 27},
        "trace": None,
    }
    return report


def with_predictions(report: dict[str, Any]) -> dict[str, Any]:
    """Gives each cell a prediction of about nine tenths of what was measured, made of three parts."""
    shares = {"switches": 0.3, "send": 0.5, "http": 0.1}
    for cell in report["cells"]:
        cpu = cell["metrics"]["cpu_us_per_request"]["median"]
        parts = [
            {"part": name, "label": f"the {name}", "us": share * cpu,
             "steps": [{"step": name, "count": 1.0, "ns": 1000 * share * cpu}]}
            for name, share in shares.items()
        ]  # fmt: skip
        cell["prediction"] = {
            "predicted_us": 0.9 * cpu, "measured_us": cpu, "ratio": 0.9, "parts": parts,
        }  # fmt: skip
    report["model"] = {
        "tolerance": 0.15, "cells": len(report["cells"]), "within": len(report["cells"]),
        "micro_costs": {
            "readings": 3, "failed": [], "unavailable": [],
            "costs": [{"name": "send", "connections": 200, "ns": 2000, "readings_ns": [2000]}],
        },
    }  # fmt: skip
    return report


def three(connections: list[int]) -> dict[str, Any]:
    return with_passes(synthetic.make_report(THREE, connections, 2, ["hello"]))
