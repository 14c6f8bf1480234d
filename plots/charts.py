#!/usr/bin/python3
"""Draws the charts of a run: charts.py RESULTS_DIR reads RESULTS_DIR/report.json and writes
RESULTS_DIR/charts/*.svg and *.png; and of the folded stacks in RESULTS_DIR/profiles, if there are
any, flame graphs beside them. Exit 2, with one line, if that can't be done.

To add a chart: write one function that returns a Figure (or None if the report has nothing for it),
and list it in CHARTS.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Callable, Iterator

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
except ImportError:
    print("charts.py: needs matplotlib (apt install python3-matplotlib)", file=sys.stderr)
    sys.exit(2)

import style
from curves import Curve, curve_design
from flame_files import DIRECTORY, flame_graphs
from notes import comparison_lines
from page import make_page
from panels import Panel, panel_design
from model_chart import prediction
from profile_charts import cpu_by_class, run_queue, scheduler_share, system_calls
from ranking import ranking_design
from report import Report, ReportError, View, load_report, views

PNG_DPI = 130
OFFERED = "offered_rps"
LOWER, HIGHER = "↓ lower is better", "↑ higher is better"

CPU = Panel(
    metric="cpu_us_per_request",
    name="CPU per request",
    title="Server CPU per request",
    direction=LOWER,
    quantity="CPU time per request ({unit})",
    split=("cpu_kernel_us_per_request", "cpu_user_us_per_request"),
)
EFFICIENCY = Panel(
    metric="server_requests_per_cpu_second",
    name="requests per server CPU-second",
    title="Requests per server CPU-second",
    direction=HIGHER,
    quantity="requests per server CPU-second",
)
SWITCHES = Panel(
    metric="context_switches_per_request",
    name="context switches per request",
    title="Context switches per request",
    direction=LOWER,
    quantity="switches per request",
)


def throughput(view: View) -> Figure:
    rate = Panel(
        metric="throughput_rps",
        name="throughput",
        title="Throughput",
        direction=HIGHER,
        quantity="requests per second",
    )
    title = "Throughput, and what a second of server CPU buys: higher is better"
    lead = ("Throughput ranks architectures only where the server was the limit.",)
    return make_page(view, panel_design(view, title, [rate, EFFICIENCY], columns=2, lead=lead))


def cpu_per_request(view: View) -> Figure:
    title = "Server CPU time per request, kernel and user: lower is better"
    return make_page(view, panel_design(view, title, [CPU], columns=1, width=8.2, height=3.8))


def scheduling(view: View) -> Figure:
    wait = Panel(
        metric="run_queue_wait_us_per_request",
        name="run-queue wait per request",
        title="Run-queue wait per request",
        direction=LOWER,
        quantity="wait per request ({unit})",
        may_be_log=True,
    )
    title = "What scheduling costs: waiting for a CPU, and switching: lower is better"
    return make_page(view, panel_design(view, title, [wait, SWITCHES], columns=2))


def latency(view: View) -> Figure:
    percentiles = (("p50", "p50"), ("p90", "p90"), ("p99", "p99"), ("p999", "p99.9"))
    metrics = tuple(f"latency_us_{suffix}" for suffix, _ in percentiles)
    panels = [
        Panel(
            metric=metric,
            name=f"latency {name}",
            title=f"Latency, {name}",
            direction=LOWER,
            quantity="latency ({unit})",
            may_be_log=True,
            scale_with=metrics,
        )
        for metric, (_, name) in zip(metrics, percentiles)
    ]
    title = "Latency, from sending a request to its verified response: lower is better"
    return make_page(view, panel_design(view, title, panels, columns=2, height=2.7))


def memory(view: View) -> Figure:
    panel = Panel(
        metric="memory_bytes_per_connection",
        name="memory per connection",
        title="Server memory per connection",
        direction=LOWER,
        quantity="memory per connection ({unit})",
        may_be_log=True,
    )
    title = "Memory of the server for each connection, kernel stacks included: lower is better"
    return make_page(view, panel_design(view, title, [panel], columns=1, width=8.2, height=3.6))


def overload(view: View) -> Figure | None:
    """Only of an open loop: nothing else offers more than it gets."""
    if not view.has_value(OFFERED):
        return None
    goodput = Panel(
        metric="throughput_rps",
        name="goodput",
        title="Goodput",
        direction=HIGHER,
        quantity="answered requests per second",
    )
    tail = Panel(
        metric="latency_us_p99",
        name="latency p99",
        title="Latency, p99, from when a request was due",
        direction=LOWER,
        quantity="latency ({unit})",
        may_be_log=True,
    )
    x_label = "offered requests per second"
    curves = [Curve(goodput, OFFERED, x_label, equal=True), Curve(tail, OFFERED, x_label)]
    title = "Overload: what comes back when more is offered than can be served"
    lead = ("Grey line: all that was offered was answered.",)
    return make_page(view, curve_design(view, title, curves, lead))


def losses(view: View) -> Figure | None:
    """Only of an open loop, as the one before."""
    if not view.has_value(OFFERED):
        return None
    shed = Panel(
        metric="shed_share",
        name="share never sent",
        title="Never sent: later than the deadline allows",
        direction=LOWER,
        quantity="share of the requests due",
    )
    unanswered = Panel(
        metric="unanswered_share",
        name="share not answered",
        title="Sent, but not answered rightly by the end",
        direction=LOWER,
        quantity="share of the requests due",
    )
    title = "Overload: requests that were due and got no answer: lower is better"
    return make_page(view, panel_design(view, title, [shed, unanswered], columns=2))


def ranking(view: View) -> Figure:
    title = "Requests per server CPU-second, the best first: higher is better"
    design = ranking_design(view, title, EFFICIENCY.metric, CPU.metric, EFFICIENCY.name)
    return make_page(view, design)


def overview(view: View) -> Figure:
    lead = comparison_lines(view, CPU.metric, "Server CPU per request") or comparison_lines(
        view, EFFICIENCY.metric, "Requests per server CPU-second"
    )
    title = "What the way to schedule connections costs a server"
    title += f", by {view.axis}" if view.axis else ", as connections grow"
    panels = [CPU, SWITCHES, EFFICIENCY]
    return make_page(
        view, panel_design(view, title, panels, 3, width=3.1, height=3.0, lead=lead, ragged=True)
    )


CHARTS: tuple[Callable[[View], Figure | None], ...] = (
    overview,
    ranking,
    throughput,
    cpu_per_request,
    scheduling,
    latency,
    memory,
    overload,
    losses,
    cpu_by_class,
    scheduler_share,
    run_queue,
    system_calls,
    prediction,
)


def figures(report: Report) -> Iterator[tuple[str, Figure]]:
    """Every chart with the stem of its file. Several workloads have their own charts each, unless
    the experiment says what they vary."""
    style.apply()
    shown = views(report)
    suffixes = file_suffixes([view.workload for view in shown])
    for view in shown:
        for chart in CHARTS:
            figure = chart(view)
            if figure is not None:
                yield chart.__name__ + suffixes[view.workload], figure


def file_suffixes(workloads: list[str]) -> dict[str, str]:
    """What tells the files of the workloads apart: nothing if there is only one."""
    if len(workloads) == 1:
        return {workloads[0]: ""}
    suffixes: dict[str, str] = {}
    for workload in workloads:
        plain = re.sub(r"[^A-Za-z0-9.]+", "-", workload).strip("-.") or "workload"
        suffix, copy = f"-{plain}", 2
        while suffix in suffixes.values():
            suffix, copy = f"-{plain}-{copy}", copy + 1
        suffixes[workload] = suffix
    return suffixes


def save(figure: Figure, directory: Path, stem: str) -> None:
    """Writes SVG and PNG, each complete or not at all, the same bytes for the same figure."""
    FigureCanvasAgg(figure)
    for kind, metadata in (("svg", {"Date": None, "Creator": None}), ("png", {"Software": None})):
        target = directory / f"{stem}.{kind}"
        temporary = directory / f".{stem}.{kind}.{os.getpid()}"
        try:
            figure.savefig(temporary, format=kind, dpi=PNG_DPI, metadata=metadata)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)


def save_text(text: str, target: Path) -> None:
    """Writes it complete or not at all."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("charts.py: usage: charts.py RESULTS_DIR", file=sys.stderr)
        return 2
    try:
        report = load_report(Path(arguments[0]))
        if not report.cells:
            raise ReportError(f"{arguments[0]}/report.json: no cells, so there is nothing to draw")
        directory = Path(arguments[0]) / "charts"
        directory.mkdir(exist_ok=True)
        for stem, figure in figures(report):
            save(figure, directory, stem)
        for name, svg in flame_graphs(report, Path(arguments[0])):
            save_text(svg, Path(arguments[0]) / DIRECTORY / name)
    except (ReportError, OSError) as error:
        print(f"charts.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
