"""The analog column multiplexer: pass gates between the columns and the shared read circuits."""

from __future__ import annotations

from dataclasses import dataclass

from neuro.circuit.bitcell_array import BitcellArray
from neuro.circuit.flip_flop import places
from neuro.circuit.gate import POLY_PITCH_F, inverter_drain_capacitance, pass_gate_height
from neuro.circuit.namespace import Array, ceil, maximum
from neuro.circuit.sl_switch_matrix import pass_gate_widths
from neuro.circuit.transistor import gate_capacitance
from neuro.model import Model
from neuro.technology import Core, Technology


@dataclass(frozen=True)
class ColumnMux:
    """The pass gates of the multiplexer: `inputs` selected at a time, one of `column_mux` each."""

    inputs: Array
    resistance_ohm: Array
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
    return ColumnMux(
        inputs=inputs,
        resistance_ohm=resistance,
        gate_n_F=gate_capacitance(t, width_n),
        gate_p_F=gate_capacitance(t, width_p),
        drain_F=inverter_drain_capacitance(t, model, unfolded, width_n, width_p),
        fold=fold,
        height_m=height,
    )


def column_mux_area(mux: ColumnMux, decoder_height_m: Array, array: BitcellArray) -> Array:
    """Area (m2) under the whole array, at least as high as the decoder beside it."""
    return maximum(mux.height_m, decoder_height_m) * array.row_length_m


def column_mux_latency(mux: ColumnMux, load_F: Array) -> Array:
    """Settling (s) to 90 % through two pass gates into `load_F`."""
    return 2.3 * 2 * mux.resistance_ohm * (mux.drain_F + (mux.gate_n_F + mux.gate_p_F) / 2 + load_F)


def column_mux_energy(technology: Technology, core: Core, mux: ColumnMux, model: Model) -> Array:
    """Energy (J) of switching the selected pass gates once."""
    activity = 1.0 if model.activity_once else core.row_activity
    return activity * (mux.gate_n_F + mux.gate_p_F) * mux.inputs * technology.vdd_V**2
