"""The voltage sense amplifier of the row-by-row read: precharge, develop a difference, latch."""

from __future__ import annotations

from dataclasses import dataclass

from neuro.circuit.bitcell_array import BitcellArray
from neuro.circuit.flip_flop import packed_rows
from neuro.circuit.gate import LOGIC_HEIGHT_F, Gate
from neuro.circuit.namespace import Array, ceil
from neuro.model import Model
from neuro.technology import Cell, Core, Technology

DIFFERENCE_V = 0.1
"""Difference (V) between the bit line and its reference at which the latch decides."""
ENERGY_J = 9.845e-15
ENERGY_SUPPLY_V = 1.1
"""Energy of one decision at the supply it was measured at; it scales with the square of the supply."""
WIDTH_IN_INVERTERS = 5
PRECHARGE_GATES = 17
"""Drains of precharge and isolation transistors on a sense node."""


@dataclass(frozen=True)
class SenseAmplifier:
    """All sense amplifiers of a core; latency and energy of one row."""

    count: Array
    area_m2: Array
    latency_s: Array
    energy_J: Array
    leakage_W: Array


def sense_amplifier(
    technology: Technology, cell: Cell, core: Core, array: BitcellArray, standard: Gate, model: Model
) -> SenseAmplifier:
    """One amplifier for every `column_mux` columns. The latch is two minimum inverters.

    Latency: precharge of the sense node, the difference between ON and OFF current discharging the bit line
    and the sense node to `DIFFERENCE_V`, two clock periods of latch and enable.
    """
    t = technology
    count = ceil(array.columns / core.column_mux)
    rows = packed_rows(model, count, WIDTH_IN_INVERTERS * standard.layout_width_m, array.row_length_m)
    node = standard.input_F + standard.output_F
    resistance_off = array.resistance_on_ohm + (cell.r_off_ohm - cell.r_on_ohm)
    current = cell.read_voltage_V / array.resistance_on_ohm - cell.read_voltage_V / resistance_off
    line = node + array.column_capacitance_F + PRECHARGE_GATES * standard.output_F
    latency = 2.3 * standard.pull_up_ohm * node + DIFFERENCE_V * line / current + 2 / core.clock_Hz
    return SenseAmplifier(
        count=count,
        area_m2=LOGIC_HEIGHT_F * t.feature_size_m * rows * array.row_length_m,
        latency_s=latency,
        energy_J=count * ENERGY_J * (t.vdd_V / ENERGY_SUPPLY_V) ** 2,
        leakage_W=count * 2 * standard.leakage_A * t.vdd_V,
    )
