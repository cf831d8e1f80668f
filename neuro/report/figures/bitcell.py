"""Table II as a picture: how far each figure is from the paper's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neuro.report.comparison import DEVICES, LIMIT_PERCENT, Comparison
from neuro.report.figures.style import COLOUR, FAINT, MARKER, NAME, Figure, canvas, look

# The two write-energy rows of the DMTJ: the printed number (a factor 12 away) would squeeze all others.
_LEFT_OUT = ("write_energy",)


def draw_deviations(axis: Any, rows: Sequence[Comparison]) -> None:
    """Deviation in per cent, one line a quantity, one symbol a device; the range within the limit shaded."""
    shown = [
        row
        for row in rows
        if row.deviation_percent is not None
        and not (row.device == "dmtj" and row.quantity in _LEFT_OUT)
        and not row.given
    ]
    # The figure read as 48.0 fJ stands in the line of the write energy.
    names = list(dict.fromkeys(_line(row) for row in shown))
    axis.axvspan(-LIMIT_PERCENT, LIMIT_PERCENT, color=FAINT, alpha=0.16, linewidth=0)
    axis.axvline(0.0, color=FAINT, linewidth=0.8)
    for device in DEVICES:
        mine = [row for row in shown if row.device == device]
        offset = 0.14 if device == "smtj" else -0.14
        heights = [len(names) - 1 - names.index(_line(row)) + offset for row in mine]
        values = [row.deviation_percent or 0.0 for row in mine]
        errors = [_half_width(row) for row in mine]
        axis.hlines(heights, 0.0, values, color=COLOUR[device], linewidth=1.0)
        axis.errorbar(
            values,
            heights,
            xerr=errors if any(errors) else None,
            color=COLOUR[device],
            marker=MARKER[device],
            linestyle="none",
            label=NAME[device],
        )
    axis.set_yticks(range(len(names)), reversed(names))
    axis.tick_params(axis="y", length=0)
    axis.grid(visible=False, axis="y")
    axis.set_ylim(-0.6, len(names) - 0.4)
    axis.set_xlabel("deviation from the paper (%)")


def _line(row: Comparison) -> str:
    label = "write energy" if row.quantity == "write_energy_meant" else row.label
    return f"{label} ({row.unit})" if row.unit else label


def _half_width(row: Comparison) -> float:
    found = row.measured
    if found.low is None or found.high is None or not row.paper:
        return 0.0
    return 50.0 * (found.high - found.low) / row.paper


def deviations(rows: Sequence[Comparison]) -> Figure:
    """Every figure of Table II that was measured, as a deviation from the paper."""
    with look():
        figure = canvas(3.1)
        axis = figure.subplots()
        draw_deviations(axis, rows)
        axis.legend(loc="lower left")
    caption = (
        f"Table II at 0.85 nm: deviation of every measured figure from the published one; within "
        f"{LIMIT_PERCENT:.0f} % in the shaded range. The write energy of the DMTJ cell is compared with "
        "48.0 fJ, the printed 4.80 fJ being most likely a slip of the decimal point. Bars: 95 % interval, "
        "where the table has one."
    )
    return Figure("table2_deviation", "Table II, deviation from the paper", caption, figure)
