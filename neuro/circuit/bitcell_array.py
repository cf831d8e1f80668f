"""The bitcell array: size, access transistor, and the wires of rows and columns."""

from __future__ import annotations

from dataclasses import dataclass

from neuro.circuit.gate import transistor_drain_capacitance
from neuro.circuit.namespace import Array, ceil, isfinite, maximum, where
from neuro.circuit.transistor import gate_capacitance, resistance_n
from neuro.model import Model
from neuro.technology import Cell, Core, Technology

RELAXED_WIDTH_F = 4 * (1 + 2.8)
"""Cell width (F) that gives every column its own switch-matrix pass gate."""


@dataclass(frozen=True)
class BitcellArray:
    """Geometry and loads of one array of R rows and C = synapses * bits + 1 columns.

    `row_capacitance_1_F` is a row's wire alone (bit line side), `row_capacitance_2_F` its wire and all
    access gates (word line); `resistance_on_ohm` and `resistance_mean_ohm` are of the whole cell.
    """

    columns: Array
    row_length_m: Array
    column_length_m: Array
    area_m2: Array
    access_width_F: Array
    access_resistance_ohm: Array
    resistance_on_ohm: Array
    resistance_mean_ohm: Array
    row_capacitance_1_F: Array
    row_capacitance_2_F: Array
    column_capacitance_F: Array
    row_resistance_ohm: Array
    column_resistance_ohm: Array


def bitcell_array(technology: Technology, cell: Cell, core: Core, model: Model) -> BitcellArray:
    """Geometry and loads of the core's array (float64, broadcast over design points)."""
    F = technology.feature_size_m
    columns = core.synapses * core.bits + 1
    width_F = where(core.relaxed_cell_width != 0, maximum(cell.width_F, RELAXED_WIDTH_F), cell.width_F)
    row_length = columns * width_F * F
    column_length = core.rows * cell.height_F * F
    access = where(cell.r_access_ohm == 0, 0.1 * cell.r_on_ohm, cell.r_access_ohm)
    # A known width is that of the real transistors; without one it is what the resistance asks for.
    known = isfinite(cell.access_width_m)
    access_width_F = where(known, cell.access_width_m / F, resistance_n(technology, F) / access)
    access_width = access_width_F * F
    wire = technology.wire_capacitance_F_per_m
    row_wire = wire * row_length
    # The access transistor is folded into the cell's own width, also where the pitch is relaxed.
    drain = transistor_drain_capacitance(technology, model, cell.width_F * F, access_width)
    return BitcellArray(
        columns=columns,
        row_length_m=row_length,
        column_length_m=column_length,
        area_m2=row_length * column_length,
        access_width_F=access_width_F,
        access_resistance_ohm=access,
        resistance_on_ohm=cell.r_on_ohm + access,
        resistance_mean_ohm=(cell.r_on_ohm + cell.r_off_ohm) / 2 + access,
        row_capacitance_1_F=row_wire,
        row_capacitance_2_F=row_wire + columns * gate_capacitance(technology, access_width),
        column_capacitance_F=wire * column_length + core.rows * drain,
        row_resistance_ohm=row_length * technology.wire_resistance_ohm_per_m,
        column_resistance_ohm=column_length * technology.wire_resistance_ohm_per_m,
    )


def batches(synapses: Array, mux: Array) -> Array:
    """Batches in which `synapses` are served when `mux` of them share one circuit."""
    return ceil(synapses / ceil(synapses / mux))
