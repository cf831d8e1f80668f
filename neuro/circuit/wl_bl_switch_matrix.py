"""The word-line and bit-line switch matrix: 2R outputs, a flip-flop and pass gates for each.

It stands beside the array, its columns as long as the array's.
"""

from __future__ import annotations

from dataclasses import dataclass

from neuro.circuit.bitcell_array import BitcellArray
from neuro.circuit.flip_flop import (
    WIDTH_IN_INVERTERS,
    flip_flop_energy,
    flip_flop_latency,
    flip_flop_leakage,
    places,
)
from neuro.circuit.gate import LOGIC_HEIGHT_F, Gate, inverter
from neuro.circuit.namespace import Array, ceil, maximum
from neuro.circuit.transistor import chain_delay
from neuro.model import Model
from neuro.technology import Cell, Core, Technology

BOOST_V = 1.1
"""Voltage (V) of the boosted control line that the pass gates of the matrix switch."""


@dataclass(frozen=True)
class WlBlSwitchMatrix:
    """Figures of the matrix: per read of one batch, per written row, standing."""

    area_m2: Array
    read_latency_s: Array
    read_energy_J: Array
    write_latency_s: Array
    write_energy_per_row_J: Array
    leakage_W: Array


def wl_bl_switch_matrix(
    technology: Technology, cell: Cell, core: Core, array: BitcellArray, standard: Gate, model: Model
) -> WlBlSwitchMatrix:
    """The matrix for the core; `standard` is the inverter at logic height."""
    t = technology
    outputs = 2 * core.rows
    unit = LOGIC_HEIGHT_F * t.feature_size_m
    per_column = places(model, array.column_length_m, unit)
    columns = ceil(outputs / per_column)
    height = array.column_length_m / ceil(outputs / columns)
    gate = inverter(t, model, height)
    flip_flop_columns = ceil(outputs / per_column)
    width = (
        4 * gate.layout_width_m * columns + WIDTH_IN_INVERTERS * standard.layout_width_m * flip_flop_columns
    )

    load = maximum(array.row_capacitance_1_F, array.row_capacitance_2_F)
    activity = core.row_activity
    time_constant = array.row_resistance_ohm * load / 2
    if model.driver_resistance:
        on = 1 / (1 / gate.pull_down_ohm + 1 / gate.pull_up_ohm)
        time_constant = time_constant + on * (load + gate.output_F)
    settle = chain_delay(time_constant)
    if model.activity_once:
        read_latency = settle + flip_flop_latency(core.clock_Hz, 1.0)
        energy_activity, clocked = activity, 1.0
    else:
        read_latency = settle * activity + flip_flop_latency(core.clock_Hz, activity)
        energy_activity, clocked = 0.5 * activity, activity
    vdd2 = t.vdd_V**2
    pass_gates = (
        2 * gate.output_F * BOOST_V**2 + 5 * gate.output_F * cell.read_voltage_V**2 + 3 * gate.input_F * vdd2
    )
    reading = outputs * activity if model.changed_flip_flops else outputs
    read_energy = outputs * energy_activity * pass_gates + flip_flop_energy(
        t, standard, outputs, clocked, reading
    )
    # A written row switches its own two outputs and those of the row before.
    writing = 4.0 if model.changed_flip_flops else outputs
    phases = 2.0 if model.two_phase_write else 1.0
    write_energy = (
        2 * gate.output_F * BOOST_V**2
        + 5 * gate.input_F * vdd2
        + flip_flop_energy(t, standard, outputs, 1.0, writing)
    )
    return WlBlSwitchMatrix(
        area_m2=width * array.column_length_m,
        read_latency_s=read_latency,
        read_energy_J=read_energy,
        write_latency_s=phases * cell.write_pulse_s * core.rows + flip_flop_latency(core.clock_Hz, 1.0),
        write_energy_per_row_J=write_energy,
        leakage_W=flip_flop_leakage(t, standard, outputs),
    )
