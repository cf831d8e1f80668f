"""The datasheet as a figure of two columns' width."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from flow.device.datasheet import Curve, Datasheet
from flow.errors import UserError

# Okabe and Ito's colours, told apart by every eye; state 0 blue, state 1 vermilion throughout.
STATE_COLOURS = ("#0072B2", "#D55E00")
NEUTRAL = "#222222"
DASHES = ("-", "--", ":", "-.")
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "lines.linewidth": 1.3,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
}


def draw(sheet: Datasheet, title: str, file: Path) -> None:
    """Write the figure; the suffix of `file` (.pdf, .svg, .png, ...) decides the format.

    Errors: UserError if the format is unknown or the file cannot be written.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.0, 5.0), layout="constrained")
        canvas = FigureCanvasAgg(figure)
        axes = figure.subplots(2, 2)
        _resistance(axes[0, 0], sheet)
        _tmr(axes[0, 1], sheet)
        _errors(axes[1, 0], sheet.write, 1e9, "pulse width (ns)", "write error rate", 1e-12, False)
        _errors(axes[1, 1], sheet.read, 1e9, "read pulse width (ns)", "read disturb rate", 1e-15, True)
        for label, axis in zip("abcd", axes.flat, strict=True):
            axis.set_title(f"({label})", loc="left", fontweight="bold", fontsize=8)
        figure.suptitle(_caption(sheet, title), fontsize=8, linespacing=1.5)
        try:
            canvas.print_figure(file, dpi=300, format=file.suffix.lstrip(".") or None)
        except ValueError:
            raise UserError(
                f"unknown figure format {file.suffix!r}; use .pdf, .svg or .png", file=file
            ) from None
        except OSError as error:
            raise UserError(f"cannot be written: {error.strerror}", file=file) from None


def _caption(sheet: Datasheet, title: str) -> str:
    years = sheet.retention_time / 3.15576e7
    lasting = f"{years:.2g} years" if years < 1e4 else rf"$10^{{{int(np.log10(years))}}}$ years"
    return (
        f"{title}:  $\\Delta$ = {sheet.delta:.1f},  $\\tau_D$ = {sheet.tau_d * 1e9:.3f} ns,  "
        f"retention {lasting}\n"
        f"$I_{{c0}}$ = {sheet.critical_current_0to1 * 1e6:.1f} µA (0→1), "
        f"{sheet.critical_current_1to0 * 1e6:.1f} µA (1→0),  torque prefactor s = {sheet.torque_prefactor:g}"
    )


def _resistance(axis: Any, sheet: Datasheet) -> None:
    for state, values in enumerate((sheet.resistance_0, sheet.resistance_1)):
        axis.plot(sheet.voltage, values * 1e-3, color=STATE_COLOURS[state], label=f"state {state}")
    axis.set(xlabel="voltage V(t) − V(b) (V)", ylabel="resistance (kΩ)")
    axis.set_ylim(bottom=0)
    axis.legend(loc="best")


def _tmr(axis: Any, sheet: Datasheet) -> None:
    axis.plot(sheet.voltage, sheet.tmr * 100, color=NEUTRAL)
    for voltage, colour, name in (
        (sheet.critical_voltage_0to1, STATE_COLOURS[0], r"$V_{c0}$ (0→1)"),
        (sheet.critical_voltage_1to0, STATE_COLOURS[1], r"$V_{c0}$ (1→0)"),
    ):
        axis.axvline(
            voltage, color=colour, linewidth=0.8, linestyle="--", label=f"{name}\n{_signed(voltage)} V"
        )
    axis.set(xlabel="voltage V(t) − V(b) (V)", ylabel="device TMR (%)")
    axis.set_ylim(bottom=0)
    axis.set_xlim(sheet.voltage[0], 1.35 * sheet.voltage[-1])
    axis.legend(loc="upper right", borderaxespad=0.0)


def _errors(
    axis: Any, curves: Sequence[Curve], scale: float, x_label: str, y_label: str, floor: float, log_time: bool
) -> None:
    count = {0: 0, 1: 0}
    for curve in curves:
        # Beyond the frame a line runs on; where nothing could be computed it ends.
        shown = np.where(curve.probability > 0.0, curve.probability, np.nan)
        axis.plot(
            curve.time * scale,
            shown,
            color=STATE_COLOURS[curve.state],
            linestyle=DASHES[count[curve.state] % len(DASHES)],
            label=f"{curve.state}→{1 - curve.state}, {_signed(curve.voltage)} V",
        )
        count[curve.state] += 1
    axis.set_yscale("log")
    axis.set_ylim(floor, 2.0)
    if log_time:
        axis.set_xscale("log")
    else:
        # The part of the time axis in which something is to be seen.
        seen = [curve.time[curve.probability > floor].max(initial=0.0) for curve in curves]
        axis.set_xlim(0.0, min(1.05 * scale * max(seen), scale * curves[0].time[-1]))
    axis.set(xlabel=x_label, ylabel=y_label)
    axis.legend(loc="upper left" if log_time else "upper right")


def _signed(voltage: float) -> str:
    return f"{voltage:+.3f}".replace("-", "−")
