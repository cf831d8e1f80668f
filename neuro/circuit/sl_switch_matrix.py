"""The source-line switch matrix: one output a column, through a pass gate that carries a cell's write."""

from __future__ import annotations

from dataclasses import dataclass

from neuro.circuit.bitcell_array import BitcellArray, batches
from neuro.circuit.flip_flop import flip_flop_energy, flip_flop_leakage, flip_flop_rows, places
from neuro.circuit.gate import (
    LOGIC_HEIGHT_F,
    POLY_PITCH_F,
    Gate,
    inverter_drain_capacitance,
    pass_gate_height,
)
from neuro.circuit.namespace import Array, ceil, minimum
from neuro.circuit.transistor import gate_capacitance, resistance_n, resistance_p
from neuro.model import Model
from neuro.technology import Cell, Core, Technology

STRONG_DRIVER = 40
"""Resistance of an ON cell over that of the pass gate which drives it: at most 2 % of the voltage is lost
(SPICE, docs/theory/columns.md)."""
WRITE_PULSES = 8
"""Pulses charged to each SET and each RESET of a batch (a constant of the reference model)."""


@dataclass(frozen=True)
class SlSwitchMatrix:
    """Figures of the matrix; a row with n active batches is written with idle + n * batch energy."""

    area_m2: Array
    fold: Array
    columns_per_row: Array
    read_energy_J: Array
    idle_write_energy_J: Array
    batch_write_energy_J: Array
    leakage_W: Array


def pass_gate_widths(technology: Technology, resistance_ohm: Array) -> tuple[Array, Array]:
    """Widths (m) of NMOS and PMOS that in parallel have the given resistance."""
    F = technology.feature_size_m
    return (
        resistance_n(technology, F) * F / (2 * resistance_ohm),
        resistance_p(technology, F) * F / (2 * resistance_ohm),
    )


def driver_resistance(array: BitcellArray, model: Model) -> Array:
    """Resistance (ohm) of the pass gate or driver through which a column is written."""
    return array.resistance_on_ohm / (STRONG_DRIVER if model.strong_write_driver else 2)


def sl_switch_matrix(
    technology: Technology, cell: Cell, core: Core, array: BitcellArray, standard: Gate, model: Model
) -> SlSwitchMatrix:
    """The matrix for the core; `standard` is the inverter at logic height."""
    t = technology
    F = t.feature_size_m
    columns = array.columns
    width_n, width_p = pass_gate_widths(t, driver_resistance(array, model))
    per_row = places(model, array.row_length_m, 4 * POLY_PITCH_F * F)
    rows = ceil(columns / per_row)
    per_row = ceil(columns / rows)
    pitch = array.row_length_m / per_row / 2
    fold = places(model, pitch, POLY_PITCH_F * F) - 1
    gate_height = pass_gate_height(t, model, width_n, width_p, fold)
    drain = inverter_drain_capacitance(t, model, gate_height, width_n, width_p)
    gate = gate_capacitance(t, width_n) + gate_capacitance(t, width_p)
    height = gate_height * rows + LOGIC_HEIGHT_F * F * flip_flop_rows(
        model, standard, columns, array.row_length_m
    )

    clock = flip_flop_energy(t, standard, columns, 1.0, columns)
    hold = flip_flop_energy(t, standard, columns, 1.0, 0.0) if model.changed_flip_flops else clock
    both = cell.ltp_voltage_V**2 + cell.ltd_voltage_V**2
    if model.two_phase_write:
        # One SET and one RESET phase: every column's gates switch in both, half the columns swing in each.
        row = 3 * drain * both * columns / 2 + 2 * gate * t.vdd_V**2 * columns
        batch = row / batches(core.synapses, core.write_column_mux)
    else:
        selected = minimum(ceil(columns / core.write_column_mux), columns / 2)
        swing = WRITE_PULSES * selected / 2 + (columns - selected / 2) + WRITE_PULSES * selected / 2
        batch = 3 * drain * both * swing + gate * t.vdd_V**2 * columns
    return SlSwitchMatrix(
        area_m2=height * array.row_length_m,
        fold=fold,
        columns_per_row=per_row,
        read_energy_J=hold,
        idle_write_energy_J=clock,
        batch_write_energy_J=batch,
        leakage_W=flip_flop_leakage(t, standard, columns),
    )
