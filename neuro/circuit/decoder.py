"""A decoder of standard gates: two-bit predecoder, NOR stage, enable gates, drivers."""

from __future__ import annotations

from dataclasses import dataclass

from neuro.circuit.buffer import tapered_buffer
from neuro.circuit.gate import LOGIC_HEIGHT_F, METAL_PITCH_F, Gate, nor
from neuro.circuit.namespace import Array, ceil, floor, maximum, parity, power_of_two, where
from neuro.circuit.transistor import chain_delay
from neuro.model import Model
from neuro.technology import Technology


@dataclass(frozen=True)
class Decoder:
    """Gates and figures of the decoder; with two address bits the predecoder alone decodes (no NOR
    stage). The buffers of the selected pass gates are counted apart, the neuron's decoder has none."""

    address_bits: Array
    nands: Array
    nors: Array
    wires: Array
    nor_gate: Gate
    height_m: Array
    area_m2: Array
    latency_s: Array
    energy_J: Array
    buffer_energy_J: Array
    leakage_W: Array
    buffer_leakage_W: Array


def decoder(
    technology: Technology,
    bits: Array,
    select_n_F: Array,
    select_p_F: Array,
    standard: Gate,
    nand: Gate,
    model: Model,
) -> Decoder:
    """A decoder of two or more address bits; each output drives a true and a complementary load (F).

    `standard` and `nand` at logic height. The leakage of the NOR is that of three inputs for more as well.
    """
    t = technology
    inv = standard
    stack = ceil(bits / 2)
    has_nor = bits > 2
    nands = 4 * floor(bits / 2)
    outputs = power_of_two(bits)
    nors = where(has_nor, outputs, 0.0)
    enables = outputs if model.decoder_stacks else nors
    odd = parity(bits)
    wires = where(has_nor, nands + 2 * odd, 0.0)
    gate = nor(t, model, stack)
    nor_input = where(has_nor, gate.input_F, 0.0)
    nor_output = where(has_nor, gate.output_F, 0.0)
    fan_out = nor_input * nors / 4

    resistance_nor = gate.pull_up_ohm
    if model.decoder_stacks:
        # With two address bits an inverter takes the place of the NOR.
        fan_out = where(has_nor, fan_out, inv.input_F)
        nor_stage = where(
            has_nor,
            stack * resistance_nor * (nor_output + nand.input_F),
            inv.pull_up_ohm * (inv.output_F + nand.input_F),
        )
    else:
        nor_stage = 2 * resistance_nor * (nor_output + nand.input_F)
    to_enable = (
        inv.pull_down_ohm * (inv.output_F + 2 * nand.input_F),
        2 * nand.pull_down_ohm * (nand.output_F + fan_out),
        nor_stage,
        nand.pull_down_ohm * (nand.output_F + inv.input_F),
    )
    area: Array = 0.0
    if model.buffered_select:
        # Each output has its own pair of buffers; one pair switches on and one off at a time.
        true, complement = tapered_buffer(t, inv, select_n_F), tapered_buffer(t, inv, select_p_F)
        latency = chain_delay(*to_enable) + maximum(true.latency_s, complement.latency_s)
        buffer_energy = true.energy_J + complement.energy_J
        buffer_leakage = outputs * (true.leakage_W + complement.leakage_W)
        area = outputs * (true.area_m2 + complement.area_m2)
    else:
        latency = chain_delay(
            *to_enable,
            inv.pull_up_ohm * (inv.output_F + inv.input_F + select_n_F),
            inv.pull_down_ohm * (inv.output_F + select_p_F),
        )
        buffer_energy, buffer_leakage = 0.0, 0.0

    height = LOGIC_HEIGHT_F * t.feature_size_m * maximum(nors, nands)
    enable_width = nand.layout_width_m + 2 * inv.layout_width_m
    width = (
        inv.layout_width_m
        + nand.layout_width_m
        + METAL_PITCH_F * t.feature_size_m * wires
        + gate.layout_width_m
        + enable_width
    )
    energy = t.vdd_V**2 * (
        2 * floor(bits / 2) * (inv.input_F + 2 * nand.input_F)
        + odd * (inv.input_F + nor_input * outputs / 2)
        + (nand.output_F + fan_out) * nands / 4
        + (nor_output + nand.input_F)
        + (nand.output_F + inv.input_F)
        + (inv.output_F + inv.input_F)
        + inv.output_F
    )
    leakage = (
        (bits + 2 * enables) * inv.leakage_A + (nands + enables) * nand.leakage_A + nors * gate.leakage_A
    ) * t.vdd_V
    return Decoder(
        address_bits=bits,
        nands=nands,
        nors=nors,
        wires=wires,
        nor_gate=gate,
        height_m=height,
        area_m2=height * width + area,
        latency_s=latency,
        energy_J=energy,
        buffer_energy_J=buffer_energy,
        leakage_W=leakage,
        buffer_leakage_W=buffer_leakage,
    )


def folded_decoder_area(
    technology: Technology, decoder: Decoder, gate_rows: Array, standard: Gate, nand: Gate, model: Model
) -> Array:
    """Area (m2) of the same decoder laid out in `gate_rows` rows of logic height."""
    height = gate_rows * LOGIC_HEIGHT_F * technology.feature_size_m
    inv = standard
    enables = power_of_two(decoder.address_bits) if model.decoder_stacks else decoder.nors
    enable = decoder.nor_gate.layout_width_m + nand.layout_width_m + 2 * inv.layout_width_m
    width = (
        inv.layout_width_m * ceil(decoder.address_bits / gate_rows)
        + nand.layout_width_m * ceil(decoder.nands / gate_rows)
        + METAL_PITCH_F * technology.feature_size_m * decoder.wires
        + enable * ceil(enables / gate_rows)
    )
    return height * width
