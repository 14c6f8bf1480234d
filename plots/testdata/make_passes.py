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


def three(connections: list[int]) -> dict[str, Any]:
    return with_passes(synthetic.make_report(THREE, connections, 2, ["hello"]))
