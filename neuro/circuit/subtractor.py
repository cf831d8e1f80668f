"""Ripple subtractors and adders made of NAND2 full cells."""

from __future__ import annotations

from dataclasses import dataclass

from neuro.circuit.bitcell_array import BitcellArray
from neuro.circuit.flip_flop import packed_rows
from neuro.circuit.gate import LOGIC_HEIGHT_F, Gate
from neuro.circuit.namespace import Array
from neuro.circuit.transistor import chain, chain_delay, stage_delay
from neuro.model import Model
from neuro.technology import Technology


@dataclass(frozen=True)
class Subtractor:
    """Figures of `count` subtractors of `bits` bits side by side below the array."""

    area_m2: Array
    latency_s: Array
    energy_J: Array
    leakage_W: Array


@dataclass(frozen=True)
class Stages:
    """Delay of the gates of one bit before its last inverter, all together and of the last of them."""

    total_s: Array
    last_s: Array


def subtractor_stages(inverter: Gate, nand: Gate, nor2: Gate) -> Stages:
    """The seven stages of one bit: five NAND2 onto two NAND2 inputs each, one onto the NOR2, the NOR2."""
    rise, fall = nand.pull_up_ohm, 2 * nand.pull_down_ohm
    between = nand.output_F + 2 * nand.input_F
    up, down = rise * between, fall * between
    onto_nor = fall * (nand.output_F + nor2.input_F)
    from_nor = nor2.pull_down_ohm * (nor2.output_F + inverter.input_F)
    return Stages(*chain(up, down, up, down, up, onto_nor, from_nor))


def subtractor(
    technology: Technology,
    array: BitcellArray,
    count: Array,
    bits: Array,
    load_F: Array,
    inverter: Gate,
    nand: Gate,
    nor2: Gate,
    before: Stages,
    model: Model,
) -> Subtractor:
    """Subtractors whose bits drive `load_F`; the energy is that of one operation of each.

    `before` are the stages of a bit before its last inverter (`subtractor_stages`).
    """
    t = technology
    width = 10 * nand.layout_width_m + nor2.layout_width_m + inverter.layout_width_m
    rows = packed_rows(model, count, width, array.row_length_m)
    one_bit = before.total_s + stage_delay(inverter.pull_up_ohm * (inverter.output_F + load_F), before.last_s)
    energy = (
        t.vdd_V**2
        * (bits - 1)
        * (
            bits * (4 * nand.input_F + inverter.output_F)
            + 6 * nand.output_F
            + 9 * nand.input_F
            + nor2.input_F
        )
        * count
    )
    leakage = count * bits * (10 * nand.leakage_A + nor2.leakage_A + inverter.leakage_A) * t.vdd_V
    return Subtractor(
        area_m2=LOGIC_HEIGHT_F * t.feature_size_m * bits * rows * array.row_length_m,
        latency_s=bits * one_bit,
        energy_J=energy,
        leakage_W=leakage,
    )


@dataclass(frozen=True)
class Adder:
    """Figures of `count` ripple adders of `bits` bits, nine NAND2 a bit."""

    area_m2: Array
    latency_s: Array
    energy_J: Array
    leakage_W: Array


def adder(
    technology: Technology, array: BitcellArray, count: Array, bits: Array, nand: Gate, model: Model
) -> Adder:
    """Ripple adders side by side below the array; the carry passes two NAND2 a bit."""
    t = technology
    rows = packed_rows(model, count, 9 * nand.layout_width_m, array.row_length_m)
    between = nand.output_F + 2 * nand.input_F
    carry = chain_delay(nand.pull_up_ohm * between, 2 * nand.pull_down_ohm * between)
    # Half of the nine gates of a bit switch in an operation; each drives two inputs.
    energy = count * bits * 4.5 * between * t.vdd_V**2
    return Adder(
        area_m2=LOGIC_HEIGHT_F * t.feature_size_m * bits * rows * array.row_length_m,
        latency_s=bits * carry,
        energy_J=energy,
        leakage_W=count * bits * 9 * nand.leakage_A * t.vdd_V,
    )
