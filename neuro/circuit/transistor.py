"""Transistors and stage delay: resistance, capacitances and the ramp-aware delay of one stage."""

from __future__ import annotations

import math

from neuro.circuit.namespace import Array, sqrt
from neuro.technology import Technology

LN_HALF = math.log(0.5)
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


def stage_delay(time_constant_s: Array, previous_s: Array | None = None) -> Array:
    """Delay (s) of a stage with switching threshold Vdd/2, driven by the ramp of the stage before (Horowitz).

    The ramp is half the supply over the delay `previous_s` of the stage before; None stands for a step.
    Written so that a time constant of zero gives zero. M. A. Horowitz, "Timing models for MOS circuits",
    Stanford University, 1984; threshold 0.5 and input-slope factor 0.5.
    """
    if previous_s is None:
        return sqrt((time_constant_s * LN_HALF) ** 2 + (0.5 / STEP_INPUT) * time_constant_s)
    return sqrt((time_constant_s * LN_HALF) ** 2 + time_constant_s * previous_s)


def chain(*time_constants_s: Array) -> tuple[Array, Array]:
    """Delay (s) of stages in series, the first driven by a step, and that of the last of them."""
    delay = stage_delay(time_constants_s[0])
    total = delay
    for time_constant in time_constants_s[1:]:
        delay = stage_delay(time_constant, delay)
        total = total + delay
    return total, delay


def chain_delay(*time_constants_s: Array) -> Array:
    """Delay (s) of stages in series; each hands its ramp to the next, the first sees a step."""
    return chain(*time_constants_s)[0]
