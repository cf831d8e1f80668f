"""The README's picture, from real tables and traces: `python -m neuro.report.overview`.

A write, what learning costs, and how the bitcells compare with the published ones.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

from flow.table import UserError, replace_file
from neuro.report.bitcells import Bitcells, open_bitcells
from neuro.report.comparison import DEVICES
from neuro.report.deviation import packaged_reasons
from neuro.report.figures.bitcell import draw_deviations
from neuro.report.figures.style import COLOUR, LINE, MARKER, MODEL, NAME, canvas, look, percent_axis
from neuro.report.figures.waveform import has_waveforms
from neuro.report.paper import Paper
from neuro.report.results import Results
from neuro.report.runs import interval_band, mean_interval
from neuro.report.traces import read_traces

_WIDTH, _HEIGHT, _DPI = 9.6, 3.3, 170


def draw(results: Results) -> bytes:
    """The picture as PNG. Raises UserError if the table has no waveforms."""
    if not all(has_waveforms(results.bitcells.main(device)) for device in DEVICES):
        raise UserError("holds no waveforms of the writes", file=results.bitcells.path)
    with look():
        figure = canvas(_HEIGHT, _WIDTH)
        left, middle, right = figure.subplots(1, 3, width_ratios=(1.0, 1.1, 0.95))
        _writes(left, results.bitcells)
        _learning(middle, results)
        draw_deviations(right, results.table_2)
        right.set_title("Bitcells beside the paper's")
        right.legend(loc="lower left")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()


def _writes(axis: Any, bitcells: Bitcells) -> None:
    for device in DEVICES:
        variant = bitcells.main(device)
        for direction, style in (("0to1", "-"), ("1to0", (0, (4, 1.6)))):
            arrow = "0 → 1" if direction == "0to1" else "1 → 0"
            voltage = variant.quantities[f"write_voltage_{direction}"].value
            axis.plot(
                1e9 * variant.waveforms[f"time_{direction}"].values,
                variant.waveforms[f"mz_{direction}"].values,
                color=COLOUR[device],
                linestyle=style,
                label=f"{NAME[device]} {arrow}, {voltage:.2f} V",
            )
    axis.set_xlim(0.0, 2.1)
    axis.set_yticks([-1.0, -0.5, 0.0, 0.5, 1.0])
    axis.set_title("A write, simulated in SPICE")
    axis.set_xlabel("time (ns)")
    axis.set_ylabel("$m_z$ of the free layer")
    axis.legend(loc="center right", frameon=True, facecolor="white", edgecolor="none", framealpha=1.0)


def _learning(axis: Any, results: Results) -> None:
    for run in results.runs:
        if run.variant != "0.85":
            continue
        mean, low, high = interval_band(run.accuracy)
        energy = [1e3 * mean_interval(row).value for row in run.write_energy_J]
        axis.fill_between(energy, low, high, color=COLOUR[run.device], alpha=0.18, linewidth=0)
        axis.plot(
            energy,
            mean,
            color=COLOUR[run.device],
            linestyle=LINE[run.model],
            marker=MARKER[run.device],
            markersize=2.4,
            label=f"{NAME[run.device]}, {MODEL[run.model]}",
        )
    for device in DEVICES:
        total = results.paper.table_3(device, "0.85", "write_mJ")
        axis.plot(
            total,
            results.paper.accuracy(device)["0.85"],
            marker=MARKER[device],
            color=COLOUR[device],
            markerfacecolor="none",
            markersize=6,
            linestyle="none",
            label=f"{NAME[device]}, paper",
        )
    axis.set_xscale("log")
    axis.set_title("Learning MNIST: 15 epochs")
    axis.set_xlabel("write energy spent so far (mJ)")
    axis.set_ylabel("accuracy (%)")
    percent_axis(axis.yaxis)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.legend(loc="lower left")


def main() -> None:
    """Draw it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, default=Path("build/tables/bitcells.h5"))
    parser.add_argument("--traces", type=Path, default=Path("build/traces"))
    parser.add_argument("--output", type=Path, default=Path("docs/figures/overview.png"))
    options = parser.parse_args()
    try:
        bitcells = open_bitcells(options.tables)
        runs = read_traces(options.traces, bitcells)
        picture = draw(Results(bitcells, runs, Paper(), packaged_reasons()))
        replace_file(options.output, picture)
    except UserError as error:
        parser.exit(1, f"error: {error}\n")


if __name__ == "__main__":
    main()
