"""Rows of D flip-flops: the registers of the switch matrices and of the neurons.

A flip-flop holds eight inverters' and four pass gates' worth of load; it is twelve inverter pitches wide.
"""

from __future__ import annotations

from neuro.circuit.gate import Gate
from neuro.circuit.namespace import Array, ceil, floor, minimum
from neuro.model import Model
from neuro.technology import Technology

WIDTH_IN_INVERTERS = 12


def places(model: Model, length_m: Array, unit_m: Array) -> Array:
    """How many units of width `unit_m` fit into `length_m` side by side."""
    return floor(length_m / unit_m * (1 + model.tie_tolerance))


def packed_rows(model: Model, count: Array, unit_m: Array, length_m: Array) -> Array:
    """Rows taken by `count` units of width `unit_m` side by side over `length_m`."""
    return ceil(count / places(model, length_m, unit_m))


def flip_flop_rows(model: Model, inverter: Gate, count: Array, length_m: Array) -> Array:
    """Rows taken by `count` flip-flops over `length_m`."""
    return packed_rows(model, count, WIDTH_IN_INVERTERS * inverter.layout_width_m, length_m)


def flip_flop_latency(clock_Hz: Array, operations: Array) -> Array:
    """Half a clock period (s) for each operation."""
    return operations / (2 * clock_Hz)


def flip_flop_energy(
    technology: Technology, inverter: Gate, count: Array, operations: Array, switching: Array
) -> Array:
    """Energy (J) of clocking `count` flip-flops `operations` times, `switching` of them changing state."""
    g = inverter
    pass_drain = g.output_F
    clocked = 4 * count * (g.input_F + g.output_F) + 2 * count * g.input_F
    changed = minimum(switching, count) * (4 * pass_drain + 2 * g.input_F + 2 * g.output_F)
    return operations * technology.vdd_V**2 * (clocked + changed)


def flip_flop_leakage(technology: Technology, inverter: Gate, count: Array) -> Array:
    """Leakage power (W) of `count` flip-flops."""
    return 8 * count * inverter.leakage_A * technology.vdd_V
