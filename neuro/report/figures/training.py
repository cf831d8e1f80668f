"""Fig. 2: accuracy of online learning against the latency and the energy that it took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neuro.report.figures.style import (
    COLOUR,
    LINE,
    MARKER,
    MODEL,
    NAME,
    Figure,
    canvas,
    look,
    percent_axis,
)
from neuro.report.paper import Paper
from neuro.report.runs import MODELS, Run, interval_band, mean_interval

_PANELS = {
    "latency": (
        ("read_latency_s", "read_ms", "feed forward"),
        ("write_latency_s", "write_ms", "weight update"),
        "ms",
        1e3,
    ),
    "energy": (
        ("read_energy_J", "read_mJ", "feed forward"),
        ("write_energy_J", "write_mJ", "weight update"),
        "mJ",
        1e3,
    ),
}


def traces(runs: Sequence[Run], paper: Paper, what: str, model: str) -> Figure:
    """Fig. 2 (a) for `what` "latency", (b) for "energy": a point an epoch, cumulative, at 0.85 nm."""
    shown = [run for run in runs if run.variant == "0.85" and run.model == model]
    feed, update, unit, factor = _PANELS[what]
    with look():
        figure = canvas(3.9)
        axes = figure.subplots(2, 1)
        for letter, axis, (name, published, title) in zip("ab", axes, (feed, update), strict=True):
            for run in shown:
                _trace(axis, run, factor * getattr(run, name))
            # The paper's totals come from the other accounting: on this scale they would hide the traces.
            for device in dict.fromkeys(run.device for run in shown if model == "neurosim"):
                total = paper.table_3(device, "0.85", published)
                if total is not None:
                    axis.plot(
                        total,
                        paper.accuracy(device)["0.85"],
                        marker=MARKER[device],
                        markersize=5.5,
                        markerfacecolor="none",
                        color=COLOUR[device],
                        linestyle="none",
                        label=f"{NAME[device]}, paper",
                    )
            axis.set_title(f"({letter}) {title}")
            axis.set_xlabel(f"cumulative {what} ({unit})")
            axis.set_ylabel("accuracy (%)")
            axis.set_xlim(left=0.0)
            percent_axis(axis.yaxis)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
    replicas = max((run.replicas for run in shown), default=0)
    caption = (
        f"Trace of {what} during online learning at 0.85 nm, {MODEL[model]} model: accuracy on the "
        f"test images after each epoch against the {what} spent so far in feed forward (top) and weight "
        "update (bottom). " + _bars(replicas) + " " + _published(model, paper)
    )
    return Figure(f"fig2_{what}_{model}", f"Fig. 2, {what}, {MODEL[model]} model", caption, figure)


def _trace(axis: Any, run: Run, spent: Any) -> None:
    mean, low, high = interval_band(run.accuracy)
    x = [mean_interval(row).value for row in spent]
    axis.fill_between(x, low, high, color=COLOUR[run.device], alpha=0.2, linewidth=0)
    axis.plot(
        x,
        mean,
        color=COLOUR[run.device],
        marker=MARKER[run.device],
        markersize=2.6,
        linestyle=LINE[run.model],
        label=NAME[run.device],
    )


def _bars(replicas: int) -> str:
    if replicas < 2:
        return "One replica, no interval."
    return f"Mean of {replicas} replicas; the band is the 95 % interval of the mean."


def _published(model: str, paper: Paper) -> str:
    if model == "neurosim":
        return f"Large open symbols: the paper after {paper.epochs} epochs (Table III, Fig. 4)."
    return "The paper's totals belong to the NeuroSim arithmetic and stand in that figure."


def epochs(runs: Sequence[Run], paper: Paper) -> Figure:
    """Accuracy after each epoch at 0.85 nm, both models."""
    shown = [run for run in runs if run.variant == "0.85"]
    with look():
        figure = canvas(2.5)
        axis = figure.subplots()
        for run in shown:
            mean, low, high = interval_band(run.accuracy)
            x = range(1, run.epochs + 1)
            axis.fill_between(x, low, high, color=COLOUR[run.device], alpha=0.2, linewidth=0)
            axis.plot(
                x,
                mean,
                color=COLOUR[run.device],
                linestyle=LINE[run.model],
                label=f"{NAME[run.device]}, {MODEL[run.model]}",
            )
        for device in dict.fromkeys(run.device for run in shown):
            axis.plot(
                paper.epochs,
                paper.accuracy(device)["0.85"],
                marker=MARKER[device],
                markersize=5.5,
                markerfacecolor="none",
                color=COLOUR[device],
                linestyle="none",
                label=f"{NAME[device]}, paper",
                clip_on=False,
            )
        axis.set_xlabel("epoch")
        axis.set_ylabel("accuracy (%)")
        percent_axis(axis.yaxis)
        percent_axis(axis.xaxis)
        kinds = ("paper", *(MODEL[model] for model in MODELS))
        order = sorted(
            range(len(axis.lines)),
            key=lambda n: (
                str(axis.lines[n].get_label())[:1] != "S",
                kinds.index(str(axis.lines[n].get_label()).split(", ")[1]),
            ),
        )
        figure.legend(handles=[axis.lines[n] for n in order], loc="outside lower center", ncols=2)
    caption = (
        "Accuracy on the test images after each epoch at 0.85 nm. The NeuroSim model clips the 8-bit partial "
        "sums of a column in test only; the physical model reads with the same converter in training and "
        "test. Bands: 95 % interval of the mean over replicas."
    )
    return Figure("accuracy_epochs", "Accuracy by epoch", caption, figure)
