"""Waveforms of one write in each direction: magnetisation, current, supply."""

from __future__ import annotations

from typing import Any

from flow.table import CellVariant
from neuro.report.bitcells import Bitcells
from neuro.report.comparison import DEVICES
from neuro.report.figures.style import COLOUR, FAINT, NAME, Figure, canvas, look

_TITLES = {"0to1": "write 0 → 1", "1to0": "write 1 → 0"}


def has_waveforms(variant: CellVariant) -> bool:
    """Whether the table holds the transient of both write directions."""
    return all(f"{name}_{direction}" in variant.waveforms for name in ("time", "mz") for direction in _TITLES)


def supply_current(variant: CellVariant, direction: str) -> Any:
    """(samples,) A: current of the line that is driven high for this write."""
    waves = variant.waveforms
    lines = [name for name in ("bl", "sl") if f"v_{name}_{direction}" in waves]
    driven = max(lines, key=lambda name: float(waves[f"v_{name}_{direction}"].values.max()))
    return waves[f"i_{driven}_{direction}"].values


def waveforms(bitcells: Bitcells) -> Figure:
    """m_z and the supply current during a write at the characterised voltages, both cells and directions."""
    with look():
        figure = canvas(3.4)
        axes = figure.subplots(2, 2, sharey="row", sharex=True)
        for column, (direction, title) in enumerate(_TITLES.items()):
            for device in DEVICES:
                variant = bitcells.main(device)
                time = 1e9 * variant.waveforms[f"time_{direction}"].values
                axes[0, column].plot(
                    time,
                    variant.waveforms[f"mz_{direction}"].values,
                    color=COLOUR[device],
                    label=NAME[device],
                )
                axes[1, column].plot(time, 1e6 * supply_current(variant, direction), color=COLOUR[device])
            axes[0, column].set_title(title)
            axes[0, column].axhline(0.0, color=FAINT, linewidth=0.6)
            axes[1, column].set_xlabel("time (ns)")
        axes[0, 0].set_ylabel("$m_z$")
        axes[1, 0].set_ylabel("supply current (µA)")
        axes[0, 0].legend(loc="upper right")
        figure.align_ylabels()
    caption = (
        "One write in each direction at 0.85 nm, from the SPICE transient: m_z of the free layer (top) and "
        "the current of the driven line (bottom). The cell starts at the median thermal angle. The pulse is "
        "several times longer than this typical reversal: it is set by the cells that start closest to the "
        "axis, of which one in ten million may fail."
    )
    return Figure("waveforms", "Write waveforms", caption, figure)
