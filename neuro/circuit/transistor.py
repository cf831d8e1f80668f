"""Transistors and stage delay: resistance, capacitances and the ramp-aware delay of one stage."""

from __future__ import annotations

import math

from neuro.circuit.namespace import Array, sqrt
from neuro.technology import Technology

STEP_INPUT = 1e20
"""Ramp rate (1/s) of an ideal step, the input of the first stage of every chain."""


def resistance_n(technology: Technology, width_m: Array) -> Array:
    """Switching resistance (ohm) of an NMOS of the given width."""
    return technology.resistance_voltage_V / (technology.ion_n_A_per_m * width_m)


def resistance_p(technology: Technology, width_m: Array) -> Array:
    """Switching resistance (ohm) of a PMOS of the given width."""
    return technology.resistance_voltage_V / (technology.ion_p_A_per_m * width_m)


def gate_capacitance(technology: Technology, width_m: Array) -> Array:
    """Gate capacitance (F), overlap and fringe included."""
    return technology.gate_capacitance_F_per_m * width_m


def stage_delay(time_constant_s: Array, ramp_per_s: Array) -> Array:
    """Delay (s) of a stage with switching threshold Vdd/2, driven by a ramp (Horowitz).

    Written so that a time constant of zero gives zero. M. A. Horowitz, "Timing models for MOS circuits",
    Stanford University, 1984; threshold 0.5 and input-slope factor 0.5.
    """
    return sqrt((time_constant_s * math.log(0.5)) ** 2 + 0.5 * time_constant_s / ramp_per_s)


def chain_delay(*time_constants_s: Array) -> Array:
    """Delay (s) of stages in series; each hands the ramp 0.5/delay to the next, the first sees a step."""
    total: Array = 0.0
    ramp: Array = STEP_INPUT
    for time_constant in time_constants_s:
        delay = stage_delay(time_constant, ramp)
        total = total + delay
        ramp = 0.5 / delay
    return total
