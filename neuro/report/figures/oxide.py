"""Fig. 4: learning accuracy against the oxide thickness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.ticker import FixedLocator

from neuro.report.comparison import DEVICES
from neuro.report.figures.style import COLOUR, LINE, MARKER, MODEL, NAME, Figure, canvas, look, percent_axis
from neuro.report.paper import Paper
from neuro.report.runs import MODELS, Run, mean_interval

_SHIFT = 0.0008  # nm


def oxide(runs: Sequence[Run], paper: Paper) -> Figure:
    """Fig. 4: accuracy after the last epoch for every oxide that was trained, beside the paper's points."""
    with look():
        figure = canvas(2.9)
        axis = figure.subplots()
        handles: list[Any] = []
        for place, device in enumerate(DEVICES):
            published = sorted((float(key), value) for key, value in paper.accuracy(device).items())
            handles += axis.plot(
                [point[0] for point in published],
                [point[1] for point in published],
                color=COLOUR[device],
                marker=MARKER[device],
                markersize=5.5,
                markerfacecolor="none",
                linestyle=":",
                linewidth=0.9,
                label=f"{NAME[device]}, paper",
            )
            for number, model in enumerate(MODELS):
                # Side by side, so that no interval hides another.
                shift = _SHIFT * (2 * number - 1 + (place - 0.5))
                points = [
                    (float(run.variant), mean_interval(run.accuracy[-1]))
                    for run in runs
                    if (run.device, run.model) == (device, model)
                ]
                if not points:
                    continue
                errors = [
                    0.0 if m.low is None or m.high is None else 0.5 * (m.high - m.low) for _, m in points
                ]
                bars = axis.errorbar(
                    [x + shift for x, _ in points],
                    [m.value for _, m in points],
                    yerr=errors,
                    color=COLOUR[device],
                    marker=MARKER[device],
                    linestyle=LINE[model],
                    markerfacecolor="white" if model == "neurosim" else COLOUR[device],
                    label=f"{NAME[device]}, {MODEL[model]}",
                )
                handles.append(bars)
        axis.set_xlabel("oxide thickness $t_{ox}$ (SMTJ), top oxide $t_{ox,t}$ (DMTJ) (nm)")
        axis.set_ylabel("accuracy (%)")
        axis.xaxis.set_major_locator(_thicknesses(runs, paper))
        axis.set_xmargin(0.12)
        percent_axis(axis.yaxis)
        figure.legend(handles=handles, loc="outside lower center", ncols=2)
    caption = (
        "Accuracy on the test images after the last epoch against the thickness of the (top) oxide. Bars: "
        "95 % interval of the mean over replicas; symbols are moved sideways a little to tell them "
        "apart. Dotted, large open symbols: the paper's Fig. 4."
    )
    return Figure("fig4_oxide", "Fig. 4, accuracy against oxide", caption, figure)


def _thicknesses(runs: Sequence[Run], paper: Paper) -> FixedLocator:
    places = {float(run.variant) for run in runs}
    places |= {float(key) for device in DEVICES for key in paper.accuracy(device)}
    return FixedLocator(sorted(places))
