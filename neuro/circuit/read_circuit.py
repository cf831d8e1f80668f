"""The integrate-and-fire read circuit: the analog-to-digital converter below every group of columns."""

from __future__ import annotations

from dataclasses import dataclass

from neuro.circuit.bitcell_array import BitcellArray
from neuro.circuit.column_mux import ColumnMux, column_latency, column_mux_latency, reset_drain
from neuro.circuit.flip_flop import WIDTH_IN_INVERTERS, packed_rows
from neuro.circuit.gate import (
    LOGIC_HEIGHT_F,
    POLY_PITCH_F,
    Gate,
    finger_width,
    fold_single,
    inverter_leakage,
)
from neuro.circuit.namespace import Array, ceil, maximum, power_of_two
from neuro.circuit.transistor import gate_capacitance
from neuro.model import Model
from neuro.technology import Cell, Core, Technology

SWING = 0.2
"""Integration swing as a fraction of the read voltage."""
UNIT_ENERGY_J = 1.346e-12
"""Energy of one conversion of one read circuit in the reference model, the same at every node."""
COMPARATOR_WIDTHS_F = (
    (5, 9), (5, 0), (3.33, 6.66), (3.33, 3.33), (3.33, 3.33), (3.33, 0), (6.11, 0), (8.33, 9),
)  # fmt: skip
"""Widths (F) of NMOS and PMOS of the inverter-like stages of the comparator."""


@dataclass(frozen=True)
class ReadCircuit:
    """Figures of all read circuits of a core for one batch; `node_capacitance_F` is the integration node."""

    node_capacitance_F: Array
    area_m2: Array
    latency_s: Array
    energy_J: Array
    leakage_W: Array


def integration_capacitance(
    technology: Technology, core: Core, array: BitcellArray, mux: ColumnMux, model: Model
) -> Array:
    """Capacitance (F) of the node that integrates the current: column, multiplexer, comparator."""
    return (
        array.column_capacitance_F
        + (core.column_mux + 1) * mux.drain_F
        + gate_capacitance(technology, 3.33 * technology.feature_size_m)
        + reset_drain(technology, mux, model)
    )


def _spike_energy(technology: Technology, cell: Cell, standard: Gate, node_F: Array) -> Array:
    """Energy (J) of one spike: comparator, counter, and the charge drawn from the read voltage.

    The comparator's stages switch once up and down, their drains counted like their gates; a binary counter
    toggles two flip-flops a count in the mean, each with four pass gates and two inverters.
    """
    t = technology
    F = t.feature_size_m
    width = sum(width_n + width_p for width_n, width_p in COMPARATOR_WIDTHS_F) * F
    per_width = (standard.input_F + standard.output_F) / (standard.width_n_m + standard.width_p_m)
    toggle = 4 * standard.output_F + 2 * standard.input_F + 2 * standard.output_F
    logic = per_width * width + 2 * toggle
    return logic * t.vdd_V**2 + node_F * SWING * cell.read_voltage_V**2


def read_circuit(
    technology: Technology,
    cell: Cell,
    core: Core,
    array: BitcellArray,
    mux: ColumnMux,
    standard: Gate,
    model: Model,
) -> ReadCircuit:
    """The read circuits of the core; `standard` is the inverter at logic height."""
    t = technology
    F = t.feature_size_m
    bits = core.partial_sum_bits
    units = ceil(array.columns / core.column_mux)
    width = maximum(20 * POLY_PITCH_F * F, WIDTH_IN_INVERTERS * standard.layout_width_m)
    if model.column_reset:
        # The reset switch stands beside the rest, as high as the whole circuit.
        width = width + finger_width(t, fold_single(t, model, LOGIC_HEIGHT_F * F * (1 + bits), mux.width_n_m))
    rows = packed_rows(model, units, width, array.row_length_m)
    height = LOGIC_HEIGHT_F * F * (1 + bits) * rows

    capacitance = integration_capacitance(t, core, array, mux, model)
    current = core.rows * cell.read_voltage_V / array.resistance_on_ohm
    step = capacitance * SWING * cell.read_voltage_V / current
    steps = power_of_two(bits) if model.all_integration_steps else 1.0
    reset: Array = 0.0
    if model.column_reset:
        # The clock of the conversion stands still meanwhile, or the code would bend.
        reset = column_mux_latency(t, core, array, mux, capacitance, model) + column_latency(array, model)
    latency = (step + reset) * steps + 1 / core.clock_Hz

    if model.computed_adc_energy:
        # Mean number of spikes at this activity, half of the cells ON.
        spikes = steps * core.row_activity * array.resistance_on_ohm / array.resistance_mean_ohm
        spike = _spike_energy(t, cell, standard, capacitance)
        if model.column_reset:
            spike = spike + mux.gate_n_F * t.vdd_V**2
        energy = units * spikes * spike
    else:
        energy = UNIT_ENERGY_J * units

    comparator: Array = 0.0
    for width_n, width_p in COMPARATOR_WIDTHS_F:
        comparator = comparator + inverter_leakage(t, width_n * F, width_p * F)
    leakage = units * (8 * bits * standard.leakage_A + comparator + 2 * standard.leakage_A) * t.vdd_V
    return ReadCircuit(
        node_capacitance_F=capacitance,
        area_m2=height * array.row_length_m,
        latency_s=latency,
        energy_J=energy,
        leakage_W=leakage,
    )
