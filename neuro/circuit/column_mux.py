"""The analog column multiplexer: pass gates between the columns and the shared read circuits."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neuro.circuit.bitcell_array import BitcellArray
from neuro.circuit.flip_flop import places
from neuro.circuit.gate import (
    LOGIC_HEIGHT_F,
    POLY_PITCH_F,
    inverter_drain_capacitance,
    pass_gate_height,
    transistor_drain_capacitance,
)
from neuro.circuit.namespace import Array, ceil, maximum, where
from neuro.circuit.sl_switch_matrix import pass_gate_widths
from neuro.circuit.transistor import gate_capacitance
from neuro.model import Model
from neuro.technology import Core, Technology

LN10 = math.log(10.0)
RESET_WIDTH_F = 33.33
"""Width (F) of NMOS and PMOS of the reference model's reset switch."""


@dataclass(frozen=True)
class ColumnMux:
    """The pass gates of the multiplexer: `inputs` selected at a time, one of `column_mux` each.

    `resistance_ohm` is by the switching resistance, which sizes them; `near_ground_ohm` that of a column read
    at a few hundred millivolts or less, and `width_n_m` the NMOS that it is of.
    """

    inputs: Array
    resistance_ohm: Array
    near_ground_ohm: Array
    width_n_m: Array
    gate_n_F: Array
    gate_p_F: Array
    drain_F: Array
    fold: Array
    height_m: Array


def synapse_units(core: Core, array: BitcellArray, model: Model) -> Array:
    """Units (subtractors, adders) that `column_mux` synapses share."""
    synapses = core.synapses if model.true_columns else array.columns / core.bits
    return ceil(synapses / core.column_mux)


def column_mux(
    technology: Technology, core: Core, array: BitcellArray, model: Model, rows_read: Array
) -> ColumnMux:
    """The multiplexer for the core, without its decoder (see `mux_decoder`).

    A pass gate has half the resistance of `rows_read` ON cells in parallel: all rows of a core that is read
    in parallel, one of a core that is read row by row.
    """
    t = technology
    F = t.feature_size_m
    if model.true_columns:
        inputs = ceil(array.columns / core.column_mux)
    else:
        inputs = synapse_units(core, array, model) * core.bits
    resistance = array.resistance_on_ohm / (2 * rows_read)
    width_n, width_p = pass_gate_widths(t, resistance)
    count = inputs * core.column_mux
    rows = ceil(count / places(model, array.row_length_m, 2 * POLY_PITCH_F * F))
    per_row = ceil(count / rows)
    fold = places(model, array.row_length_m / per_row, POLY_PITCH_F * F) - 1
    height = pass_gate_height(t, model, width_n, width_p, fold) * rows
    # The electrical load is that of an unfolded pass gate, whatever the layout.
    unfolded = pass_gate_height(t, model, width_n, width_p, 1.0)
    linear = t.linear_resistance_n_ohm_m
    return ColumnMux(
        inputs=inputs,
        resistance_ohm=resistance,
        near_ground_ohm=where(linear > 0, linear / width_n, resistance),
        width_n_m=width_n,
        gate_n_F=gate_capacitance(t, width_n),
        gate_p_F=gate_capacitance(t, width_p),
        drain_F=inverter_drain_capacitance(t, model, unfolded, width_n, width_p),
        fold=fold,
        height_m=height,
    )


def column_mux_area(mux: ColumnMux, decoder_height_m: Array, array: BitcellArray) -> Array:
    """Area (m2) under the whole array, at least as high as the decoder beside it."""
    return maximum(mux.height_m, decoder_height_m) * array.row_length_m


def reset_drain(technology: Technology, mux: ColumnMux, model: Model) -> Array:
    """Drain capacitance (F) of the switch that resets the integration node behind the multiplexer."""
    t = technology
    F = t.feature_size_m
    # The reference model lays the reset switch out in a height it never set, that is zero.
    height = LOGIC_HEIGHT_F * F if model.reset_switch_at_logic_height else 0.0 * F
    if model.column_reset:
        return transistor_drain_capacitance(t, model, height, mux.width_n_m)
    return inverter_drain_capacitance(t, model, height, RESET_WIDTH_F * F, RESET_WIDTH_F * F)


def column_mux_latency(
    technology: Technology, core: Core, array: BitcellArray, mux: ColumnMux, load_F: Array, model: Model
) -> Array:
    """Settling (s) to 90 % through two pass gates; `load_F` is the reference model's load behind them."""
    if model.elmore_settling:
        # The channel of an ON gate is charged from either side by halves.
        half = mux.gate_n_F / 2
        node = (core.column_mux + 1) * mux.drain_F + 2 * half + reset_drain(technology, mux, model)
        line = array.column_capacitance_F + mux.drain_F + half
        return LN10 * mux.near_ground_ohm * (node + 2 * line)
    return 2.3 * 2 * mux.resistance_ohm * (mux.drain_F + (mux.gate_n_F + mux.gate_p_F) / 2 + load_F)


def column_latency(array: BitcellArray, model: Model) -> Array:
    """Settling (s) to 90 % over the wire of the column itself."""
    share = 3 if model.elmore_settling else 2
    return 2.3 * array.column_resistance_ohm * array.column_capacitance_F / share


def column_mux_energy(technology: Technology, core: Core, mux: ColumnMux, model: Model) -> Array:
    """Energy (J) of switching the selected pass gates once."""
    activity = 1.0 if model.activity_once else core.row_activity
    return activity * (mux.gate_n_F + mux.gate_p_F) * mux.inputs * technology.vdd_V**2
