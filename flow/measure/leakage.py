"""Leakage of an unselected bitcell: at rest, and half selected while another row is written."""

from __future__ import annotations

from dataclasses import dataclass

from flow.measure.bench import Bench
from flow.measure.transient import SOURCES
from flow.spice.deck import STATIC, render


@dataclass(frozen=True)
class Leakage:
    """Power drawn by one unselected cell, W.

    Attributes:
        idle: both lines at 0 V, gates off.
        half_selected: the worse of both write voltages on its line, gates off, worse stored state.
    """

    idle: float
    half_selected: float


def measure_leakage(bench: Bench, voltage_0to1: float, voltage_1to0: float) -> Leakage:
    """DC supply power of the unselected cell; voltages in V on the lines that the cell's TOML names.

    Raises:
        SimulatorError: ngspice did not converge.
    """
    write = bench.spec.write
    half_selected = max(
        _power(bench, {f"v_{line}": voltage}, stored)
        for line, voltage in ((write.line_0to1, voltage_0to1), (write.line_1to0, voltage_1to0))
        for stored in (0, 1)
    )
    return Leakage(idle=max(_power(bench, {}, stored) for stored in (0, 1)), half_selected=half_selected)


def _power(bench: Bench, lines: dict[str, float], stored: int) -> float:
    deck = render(
        bench.testbench("leakage"),
        bench.cell,
        {**bench.static_bias(selected=False), **lines},
        copies=[{bench.cell.mtj: {"freeze": 1.0, "z_frozen": 1.0 - 2.0 * stored}}],
        save=["all"],
        accuracy=STATIC,
    )
    simulator = bench.simulator()
    simulator.load(deck)
    vectors = simulator.run("op")
    simulator.unload()
    return -sum(float(vectors[source[1:]][0] * vectors[f"{source}#branch"][0]) for source in SOURCES)
