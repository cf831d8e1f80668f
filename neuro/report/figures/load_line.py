"""Load lines of the whole bitcell with its operating points, and the drive along a write."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flow.table import CellVariant
from neuro.report.bitcells import Bitcells
from neuro.report.comparison import DEVICES
from neuro.report.figures.style import COLOUR, FAINT, INK, LIGHT, MARKER, NAME, Figure, canvas, look

_DIRECTIONS = (("0to1", 1.0, "0 → 1"), ("1to0", -1.0, "1 → 0"))


def has_load_lines(variant: CellVariant) -> bool:
    """Whether the table holds the load lines of both write directions."""
    return "mz" in variant.load_lines and all(
        f"{name}_{direction}" in variant.load_lines
        for name in ("current", "voltage")
        for direction, *_ in _DIRECTIONS
    )


def load_lines(bitcells: Bitcells) -> Figure:
    """Current through the junction against the write voltage with the magnetisation frozen, both cells."""
    with look():
        figure = canvas(4.6)
        axes = figure.subplots(2, 1)
        for axis, device in zip(axes, DEVICES, strict=True):
            variant = bitcells.main(device)
            lines = variant.load_lines
            states = lines["mz"].values
            order = np.argsort(states)
            for direction, sign, arrow in _DIRECTIONS:
                voltage = sign * lines[f"voltage_{direction}"].values
                current = 1e6 * lines[f"current_{direction}"].values
                for column in order:
                    edge = column in (order[0], order[-1])
                    axis.plot(
                        voltage,
                        current[:, column],
                        color=COLOUR[device] if edge else LIGHT[device],
                        linewidth=1.3 if edge else 0.7,
                        linestyle="-" if not edge or states[column] > 0 else (0, (4, 1.6)),
                        zorder=3 if edge else 2,
                    )
                write = variant.quantities[f"write_voltage_{direction}"].value
                start = order[-1] if direction == "0to1" else order[0]
                end = order[0] if direction == "0to1" else order[-1]
                points = [_at(sign * voltage, current[:, column], write) for column in (start, end)]
                axis.plot([sign * write] * 2, points, color=INK, linewidth=0.7, zorder=4)
                axis.plot(sign * write, points[0], "o", color=INK, markersize=3.6, zorder=5)
                axis.plot(
                    sign * write, points[1], "o", color=INK, markerfacecolor="white", markersize=3.6, zorder=5
                )
                axis.annotate(
                    f"{arrow}\n{write:.3f} V",
                    (sign * write, max(points) if sign > 0 else min(points)),
                    xytext=(-5 * sign, 3 * sign),
                    textcoords="offset points",
                    ha="right" if sign > 0 else "left",
                    va="bottom" if sign > 0 else "top",
                    fontsize=6.8,
                )
            axis.axhline(0.0, color=FAINT, linewidth=0.6)
            axis.axvline(0.0, color=FAINT, linewidth=0.6)
            axis.set_title(f"{NAME[device]} cell")
            axis.set_xlabel("write voltage of the cell, negative for 1 → 0 (V)")
            axis.set_ylabel("junction current (µA)")
            reach = max(
                variant.quantities[f"write_voltage_{direction}"].value for direction, *_ in _DIRECTIONS
            )
            axis.set_xlim(-max(1.2, 1.1 * reach), max(1.2, 1.1 * reach))
    caption = (
        "Load lines of the bitcells at 0.85 nm: current into terminal t of the junction against the voltage "
        "on the driven line, m_z held at each of the characterised values (solid: state 0, dashed: state 1, "
        "light: between). Filled symbols: where a write starts at the characterised write voltage; open: "
        "where it ends. The access switch bends the lines, most where its n-FinFET is a source follower."
    )
    return Figure("load_lines", "Load lines and operating points", caption, figure)


def _at(voltages: npt.NDArray[np.float64], currents: npt.NDArray[np.float64], voltage: float) -> float:
    return float(np.interp(voltage, voltages, currents))


def drive(bitcells: Bitcells) -> Figure:
    """Reduced drive i(z) along both writes at the characterised voltages: what the error rate is made of."""
    with look():
        figure = canvas(2.9)
        axes = figure.subplots(1, 2, sharey=True)
        for axis, (direction, sign, arrow) in zip(axes, _DIRECTIONS, strict=True):
            for device in DEVICES:
                variant = bitcells.main(device)
                lines = variant.load_lines
                states = lines["mz"].values
                order = np.argsort(states)
                voltage = lines[f"voltage_{direction}"].values
                table = sign * lines[f"drive_{direction}"].values
                write = variant.quantities[f"write_voltage_{direction}"].value
                values = [_at(voltage, table[:, column], write) for column in order]
                axis.plot(
                    states[order],
                    values,
                    color=COLOUR[device],
                    marker=MARKER[device],
                    markersize=2.6,
                    label=NAME[device],
                )
            axis.axhline(1.0, color=FAINT, linewidth=0.8, linestyle=(0, (4, 1.6)))
            axis.set_title(arrow)
            axis.set_xlabel("$m_z$ of the free layer")
            if direction == "0to1":
                axis.invert_xaxis()
        axes[0].set_ylabel("reduced drive |i|")
        axes[0].set_ylim(bottom=0.0)
        axes[0].legend(loc="upper right")
    caption = (
        "Reduced drive (spin-transfer torque over damping torque) along a write at the characterised write "
        "voltage, from the start of the reversal (left) to its end (right). Reversal without thermal help "
        "needs |i| above 1 (dashed); the shorter pulse of the DMTJ cell needs a harder drive."
    )
    return Figure("drive", "Drive along a write", caption, figure)
