"""The write drivers of the row-by-row path: one for each column of a write batch, SET then RESET."""

from __future__ import annotations

from dataclasses import dataclass

from neuro.circuit.bitcell_array import BitcellArray, batches
from neuro.circuit.flip_flop import packed_rows
from neuro.circuit.gate import LOGIC_HEIGHT_F, Gate
from neuro.circuit.namespace import Array, ceil
from neuro.circuit.sl_switch_matrix import driver_resistance
from neuro.circuit.transistor import gate_capacitance, resistance_n
from neuro.model import Model
from neuro.technology import Cell, Core, Technology


@dataclass(frozen=True)
class ColumnDriver:
    """All drivers of a core; latency of writing one row, energy of one batch of a row."""

    area_m2: Array
    row_latency_s: Array
    batch_energy_J: Array
    leakage_W: Array


def column_driver(
    technology: Technology, cell: Cell, core: Core, array: BitcellArray, standard: Gate, model: Model
) -> ColumnDriver:
    """Drivers as strong as the model's pass gates; a batch charges the columns it drives, twice."""
    t = technology
    columns = ceil(array.columns / core.write_column_mux)
    F = t.feature_size_m
    width = resistance_n(t, F) * F / driver_resistance(array, model)
    # As many minimum inverters side by side as the driver is wider than one.
    unit = standard.layout_width_m * ceil(width / standard.width_n_m)
    rows = packed_rows(model, columns, unit, array.row_length_m)
    swing = cell.ltp_voltage_V**2 + cell.ltd_voltage_V**2
    gates = gate_capacitance(t, width) * (1 + t.pn_ratio)
    return ColumnDriver(
        area_m2=LOGIC_HEIGHT_F * F * rows * array.row_length_m,
        row_latency_s=2 * cell.write_pulse_s * batches(core.synapses, core.write_column_mux),
        batch_energy_J=columns * (array.column_capacitance_F * swing / 2 + 2 * gates * t.vdd_V**2),
        leakage_W=columns * ceil(width / standard.width_n_m) * standard.leakage_A * t.vdd_V,
    )
