"""Pareto fronts of bitcells and of cores."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import FixedLocator, NullLocator

from neuro.report.cores import MERITS, CorePoint
from neuro.report.figures.style import BLOCKS, COLOUR, FAINT, INK, MARKER, NAME, Figure, canvas, look
from neuro.report.fronts import CellFront, Sized
from neuro.sweep import pareto_optimal


def bitcell(found: CellFront) -> Figure:
    """Write energy against pulse: every design of the search, and the verified front by area."""
    with look():
        figure = canvas(3.5)
        axis = figure.subplots()
        if found.others:
            axis.plot(
                [_value(one, "write_pulse") for one in found.others],
                [_value(one, "write_energy") for one in found.others],
                "x",
                color=FAINT,
                markersize=2.6,
                markeredgewidth=0.6,
                label="search, typical cell",
            )
        areas = sorted({_value(one, "cell_area") for one in found.front})
        for place, area in enumerate(areas):
            mine = sorted(
                (one for one in found.front if _value(one, "cell_area") == area),
                key=lambda one: _value(one, "write_pulse"),
            )
            axis.errorbar(
                [_value(one, "write_pulse") for one in mine],
                [_value(one, "write_energy") for one in mine],
                yerr=[_half(one) for one in mine],
                color=BLOCKS[place % len(BLOCKS)],
                marker="os^Dvp*"[place % 7],
                markersize=4.5,
                markeredgecolor=INK,
                linestyle="-" if len(mine) > 1 else "none",
                linewidth=0.9,
                label=f"front, {area:.0f} F²",
                zorder=3,
            )
        best = found.front[found.best]
        axis.annotate(
            "least energy",
            (_value(best, "write_pulse"), _value(best, "write_energy")),
            xytext=(0, -16),
            textcoords="offset points",
            ha="center",
            fontsize=6.8,
            arrowprops={"arrowstyle": "-", "linewidth": 0.6, "color": INK},
        )
        _log_ticks(axis, [_value(one, "write_pulse") for one in (*found.front, *found.others)])
        low = min(_value(one, "write_energy") for one in found.front)
        high = max(_value(one, "write_energy") for one in found.front)
        # The search reaches designs far above the front; they end at the upper edge.
        axis.set_ylim(low - 0.35 * (high - low), high + 1.1 * (high - low))
        axis.set_xlabel("write pulse (ns)")
        axis.set_ylabel("write energy (fJ)")
        figure.legend(loc="outside lower center", ncols=2)
    named = NAME.get(found.device or "", found.cell)
    caption = (
        f"Sizing of the {named} cell {found.cell}: mean write energy against the pulse, for the "
        "fins and voltages that meet the error rates. Symbols: verified points of the front by cell "
        "area, with the 95 % interval of the population mean; crosses: designs of the search, "
        "predicted for the typical cell; those far above the front are outside."
    )
    name = re.sub(r"[^a-z0-9]+", "_", f"front_{found.cell}_{found.variant}".lower()).strip("_")
    return Figure(name, f"Pareto front of {found.cell} {found.variant}".rstrip(), caption, figure)


def cores(points: Sequence[CorePoint]) -> Figure:
    """Energy and area against the read latency of the cores on the front of each device."""
    latency, *others = MERITS
    with look():
        figure = canvas(4.8)
        axes: Any = figure.subplots(2, 1, sharex=True)
        for axis, merit in zip(axes, others, strict=True):
            for device in dict.fromkeys(point.device for point in points):
                mine = [point for point in points if point.device == device]
                pairs = np.array([[p.merits[latency.name], p.merits[merit.name]] for p in mine])
                best = pareto_optimal(pairs)
                axis.plot(
                    *pairs[~best].T,
                    marker=MARKER[device],
                    linestyle="none",
                    markersize=3.0,
                    markerfacecolor="white",
                    color=COLOUR[device],
                )
                line = pairs[best][np.argsort(pairs[best][:, 0])]
                axis.step(*line.T, where="post", color=COLOUR[device], linewidth=0.9)
                axis.plot(
                    *line.T,
                    marker=MARKER[device],
                    linestyle="none",
                    markersize=3.0,
                    color=COLOUR[device],
                    label=NAME[device],
                )
            _log_ticks(axis, [point.merits[latency.name] for point in points])
            axis.set_ylabel(f"{merit.label} ({merit.unit})")
        axes[-1].set_xlabel(f"{latency.label} ({latency.unit})")
        axes[0].legend(loc="upper right")
    caption = (
        "Shapes of one synaptic core of 6-bit weights at 0.85 nm that no other shape beats in read latency, "
        "read energy per operation and area per bit together, physical model; filled and joined: those on "
        "the front of the two merits of the panel. Shapes and numbers: in the table of this section."
    )
    return Figure("front_cores", "Pareto fronts of synaptic cores", caption, figure)


def _value(one: Sized, name: str) -> float:
    return one.figures[name].value


def _half(one: Sized) -> float:
    found = one.figures["write_energy"]
    return 0.0 if found.low is None or found.high is None else 0.5 * (found.high - found.low)


def _log_ticks(axis: Any, values: Sequence[float]) -> None:
    """A logarithmic x axis with plain numbers at 1, 2, 5 of every decade."""
    axis.set_xscale("log")
    places = [step * 10.0**decade for decade in range(-3, 7) for step in (1, 2, 5)]
    axis.xaxis.set_major_locator(FixedLocator([t for t in places if min(values) <= t <= max(values)]))
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.xaxis.set_minor_locator(NullLocator())
