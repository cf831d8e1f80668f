"""Fig. 4: learning accuracy and resistance ratio against the oxide thickness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.ticker import FixedLocator

from neuro.report.comparison import DEVICES, Measured
from neuro.report.figures.style import COLOUR, LINE, MARKER, MODEL, NAME, Figure, canvas, look, percent_axis
from neuro.report.oxide import OxideStudy
from neuro.report.paper import Paper
from neuro.report.runs import MODELS, Run, whole_interval

_SHIFT = 0.0008  # nm


def oxide(runs: Sequence[Run], paper: Paper, study: OxideStudy | None = None) -> Figure:
    """Fig. 4: accuracy after the last epoch for every oxide that was trained, beside the paper's points.

    With a `study` of more oxides, its networks and below them the OFF/ON ratio of its cells.
    """
    shown = runs if study is None else study.runs
    with look():
        figure = canvas(2.9 if study is None else 4.6)
        axes = (
            [figure.subplots()]
            if study is None
            else list(figure.subplots(2, 1, sharex=True, height_ratios=(1.5, 1.0)))
        )
        handles: list[Any] = []
        for place, device in enumerate(DEVICES):
            handles.append(_published(axes[0], device, paper.accuracy(device), f"{NAME[device]}, paper"))
            for number, model in enumerate(MODELS):
                # Side by side, so that no interval hides another.
                shift = _SHIFT * (2 * number - 1 + (place - 0.5))
                points = {
                    float(run.variant): whole_interval(run, "accuracy")
                    for run in shown
                    if (run.device, run.model) == (device, model)
                }
                if points:
                    handles.append(_measured(axes[0], points, shift, device, model))
        axes[0].set_ylabel("accuracy (%)")
        percent_axis(axes[0].yaxis)
        if study is not None:
            _ratios(axes[1], study, paper)
        axes[-1].set_xlabel("oxide thickness $t_{ox}$ (SMTJ), top oxide $t_{ox,t}$ (DMTJ) (nm)")
        axes[-1].xaxis.set_major_locator(_thicknesses(shown, paper))
        axes[-1].set_xmargin(0.12 if study is None else 0.04)
        figure.legend(handles=handles, loc="outside lower center", ncols=2)
    caption = (
        "Accuracy on the test images after the last epoch against the thickness of the (top) oxide. Thin "
        "bars: 95 % interval of the mean, over seeds and the uncertainty of the bitcell table; thick: over "
        "seeds alone. Symbols are moved sideways a little to tell them apart. Dotted, large and open: the "
        "paper's Fig. 4."
    )
    if study is not None:
        caption += (
            " Below: the ratio of OFF and ON resistance at the read voltage that meets the read disturb "
            "rate. Pulses at 0.75, 0.90 and 0.95 nm are assumed (studies/oxide.toml)."
        )
    return Figure("fig4_oxide", "Fig. 4, accuracy against oxide", caption, figure)


def _published(axis: Any, device: str, points: dict[str, float], label: str) -> Any:
    order = sorted((float(key), value) for key, value in points.items())
    (line,) = axis.plot(
        [x for x, _ in order],
        [y for _, y in order],
        color=COLOUR[device],
        marker=MARKER[device],
        markersize=5.5,
        markerfacecolor="none",
        linestyle=":",
        linewidth=0.9,
        label=label,
    )
    return line


def _measured(axis: Any, points: dict[float, Measured], shift: float, device: str, model: str) -> Any:
    x = [oxide + shift for oxide in sorted(points)]
    found = [points[oxide] for oxide in sorted(points)]
    alone = [one.seeds or (one.low, one.high) for one in found]
    # The interval over the seeds, thick, behind the whole one.
    axis.errorbar(
        x,
        [one.value for one in found],
        yerr=_bars(found, alone),
        color=COLOUR[device],
        linestyle="none",
        capsize=0,
        elinewidth=2.6,
        alpha=0.45,
    )
    return axis.errorbar(
        x,
        [one.value for one in found],
        yerr=_bars(found, [(one.low, one.high) for one in found]),
        color=COLOUR[device],
        marker=MARKER[device],
        linestyle=LINE[model],
        markerfacecolor="white" if model == "neurosim" else COLOUR[device],
        label=f"{NAME[device]}, {MODEL[model]}",
    )


def _bars(found: Sequence[Measured], ends: Sequence[tuple[float | None, float | None]]) -> list[list[float]]:
    pairs = list(zip(found, ends, strict=True))
    below = [0.0 if low is None else one.value - low for one, (low, _) in pairs]
    above = [0.0 if high is None else high - one.value for one, (_, high) in pairs]
    return [below, above]


def _ratios(axis: Any, study: OxideStudy, paper: Paper) -> None:
    for device in DEVICES:
        found = {float(name): ratio for name, ratio in study.ratios[device].items()}
        x = sorted(found)
        rows = [found[oxide] for oxide in x]
        axis.errorbar(
            x,
            [row.value for row in rows],
            yerr=_bars(rows, [(row.low, row.high) for row in rows]),
            color=COLOUR[device],
            marker=MARKER[device],
            linestyle="-",
        )
        on, off = paper.table_2(device, "r_on_ohm"), paper.table_2(device, "r_off_ohm")
        published = {"0.80": float(paper.data["on_off_at_0.80nm"][device])}
        if on is not None and off is not None:
            published["0.85"] = off / on
        _published(axis, device, published, "")
    axis.set_ylabel("$R_{OFF}/R_{ON}$")


def _thicknesses(runs: Sequence[Run], paper: Paper) -> FixedLocator:
    places = {float(run.variant) for run in runs}
    places |= {float(key) for device in DEVICES for key in paper.accuracy(device)}
    return FixedLocator(sorted(places))
