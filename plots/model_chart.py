"""The chart of what a request should cost by the costs of its steps, beside what it did cost."""

from __future__ import annotations

from matplotlib.figure import Figure

from notes import describe_places
from page import make_page
from palette import PART_COLOURS
from passes import Prediction
from report import Cell, View
from scales import choose_scale
from stacks import Band, Bar, Bars, bars_of, stacks_design
from style import number

UNKNOWN = "#8A8A8A"  # a part that this version doesn't know


def prediction(view: View) -> Figure | None:
    found = [p for cell in view.cells.values() if (p := cell.prediction) and not p.unavailable]
    if not found:
        return None
    labels: dict[str, str] = {}
    for each in found:
        labels.update({part.name: part.label for part in each.parts})
    order = [name for name in PART_COLOURS if name in labels]
    order += [name for name in labels if name not in order]
    scale = choose_scale([max(p.predicted_us, p.measured_us or 0.0) for p in found], "us",
                         may_be_log=False)  # fmt: skip

    def bar(cell: Cell) -> Bar | None:
        predicted = cell.prediction
        if predicted is None or predicted.unavailable:
            return None
        us = {part.name: part.us for part in predicted.parts}
        text = number(predicted.predicted_us / scale.divisor)
        if predicted.measured_us:
            text += f" · {number(100 * predicted.predicted_us / predicted.measured_us)}\u00a0%"
        parts = tuple(us.get(name, 0.0) for name in order)
        text += "" if cell.valid else ", not valid"
        return Bar(parts, text, cell.valid, predicted.measured_us)

    model = view.report.model
    lead = ["Right of each bar: the prediction, and what part of the measured CPU time it is."]
    if model and model.cells:
        lead.append(
            f"{model.within} of {model.cells} valid cells lie within {100 * model.tolerance:.0f} %."
        )
    notes = [
        "Predicted: what the trace counted for each request, times what such a step costs by itself "
        "on the same CPUs, measured in the same run. Nothing is fitted.",
        *_missing(view),
    ]
    bands = [Band(labels[name], PART_COLOURS.get(name, UNKNOWN)) for name in order]
    bars = Bars(bands, bars_of(view, bar), scale, "measured (thin bar)")
    title = "Server CPU time per request, predicted from the costs of its steps and measured"
    return make_page(
        view, stacks_design(view, title, bars, f"server CPU per request ({scale.unit})", lead, notes)
    )


def _missing(view: View) -> list[str]:
    places: dict[str, list[tuple[str, object]]] = {}
    for place, cell in view.cells.items():
        predicted: Prediction | None = cell.prediction
        if predicted is None or predicted.unavailable:
            reason = predicted.unavailable if predicted else "no costs were measured"
            places.setdefault(reason, []).append(place)
    return [f"No prediction for {describe_places(view, where)}: {reason}."
            for reason, where in places.items()]  # fmt: skip
