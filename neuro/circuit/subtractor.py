"""Ripple subtractors and adders made of NAND2 full cells."""

from __future__ import annotations

from dataclasses import dataclass

from neuro.circuit.bitcell_array import BitcellArray
from neuro.circuit.flip_flop import packed_rows
from neuro.circuit.gate import LOGIC_HEIGHT_F, Gate
from neuro.circuit.namespace import Array
from neuro.circuit.transistor import chain_delay, resistance_n, resistance_p
from neuro.model import Model
from neuro.technology import Technology


@dataclass(frozen=True)
class Subtractor:
    """Figures of `count` subtractors of `bits` bits side by side below the array."""

    area_m2: Array
    latency_s: Array
    energy_J: Array
    leakage_W: Array


def subtractor(
    technology: Technology,
    array: BitcellArray,
    count: Array,
    bits: Array,
    load_F: Array,
    inverter: Gate,
    nand: Gate,
    nor2: Gate,
    model: Model,
) -> Subtractor:
    """Subtractors whose last bit drives `load_F`; the energy is that of one operation of each."""
    t = technology
    width = 10 * nand.layout_width_m + nor2.layout_width_m + inverter.layout_width_m
    rows = packed_rows(model, count, width, array.row_length_m)
    rise = resistance_p(t, nand.width_p_m)
    fall = 2 * resistance_n(t, nand.width_n_m)
    between = nand.output_F + 2 * nand.input_F
    one_bit = chain_delay(
        rise * between,
        fall * between,
        rise * between,
        fall * between,
        rise * between,
        fall * (nand.output_F + nor2.input_F),
        resistance_n(t, nor2.width_n_m) * (nor2.output_F + inverter.input_F),
        resistance_p(t, inverter.width_p_m) * (inverter.output_F + load_F),
    )
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
    carry = chain_delay(
        resistance_p(t, nand.width_p_m) * between, 2 * resistance_n(t, nand.width_n_m) * between
    )
    # Half of the nine gates of a bit switch in an operation; each drives two inputs.
    energy = count * bits * 4.5 * between * t.vdd_V**2
    return Adder(
        area_m2=LOGIC_HEIGHT_F * t.feature_size_m * bits * rows * array.row_length_m,
        latency_s=bits * carry,
        energy_J=energy,
        leakage_W=count * bits * 9 * nand.leakage_A * t.vdd_V,
    )
