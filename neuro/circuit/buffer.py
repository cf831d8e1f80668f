"""A tapered chain of inverters that drives a large load from a minimum gate.

Stage effort of ten, between least delay (about four) and least energy:
I. Sutherland, B. Sproull, D. Harris, "Logical Effort", Morgan Kaufmann, 1999.
"""

from __future__ import annotations

from dataclasses import dataclass

from neuro.circuit.gate import LOGIC_HEIGHT_F, Gate
from neuro.circuit.namespace import Array, ceil, log, maximum
from neuro.technology import Technology

STAGE_EFFORT = 10.0


@dataclass(frozen=True)
class Buffer:
    """Figures of one chain; `energy_J` is one full swing of its own nodes, the load not included."""

    stages: Array
    latency_s: Array
    energy_J: Array
    area_m2: Array
    leakage_W: Array


def tapered_buffer(technology: Technology, inverter: Gate, load_F: Array) -> Buffer:
    """The chain that drives `load_F`; its first stage is the minimum inverter.

    With N = ceil(ln(load/input)/ln 10) stages each one is f = (load/input)**(1/N) times the one before,
    so the chain as a whole is (f**N - 1)/(f - 1) minimum inverters wide.
    """
    ratio = maximum(load_F / inverter.input_F, STAGE_EFFORT)
    stages = ceil(log(ratio) / log(STAGE_EFFORT) - 1e-9)
    taper = ratio ** (1 / stages)
    size = (ratio - 1) / (taper - 1)
    mean_resistance = (inverter.pull_down_ohm + inverter.pull_up_ohm) / 2
    stage = 0.69 * mean_resistance * (inverter.output_F + taper * inverter.input_F)
    # The input of the first stage belongs to the gate before.
    nodes = size * (inverter.output_F + inverter.input_F) - inverter.input_F
    return Buffer(
        stages=stages,
        latency_s=stages * stage,
        energy_J=nodes * technology.vdd_V**2,
        area_m2=size * inverter.layout_width_m * LOGIC_HEIGHT_F * technology.feature_size_m,
        leakage_W=size * inverter.leakage_A * technology.vdd_V,
    )
