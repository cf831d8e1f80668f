"""The neuron periphery below a core: adders, digital multiplexer with decoder, register, subtractors.

The activation function itself is not modelled; the hardware takes the sign of the sum.
"""

from __future__ import annotations

from dataclasses import dataclass

from neuro.circuit.bitcell_array import BitcellArray
from neuro.circuit.column_mux import synapse_units
from neuro.circuit.decoder import Decoder, folded_decoder_area
from neuro.circuit.flip_flop import flip_flop_energy, flip_flop_leakage, flip_flop_rows, packed_rows
from neuro.circuit.gate import LOGIC_HEIGHT_F, Gate
from neuro.circuit.namespace import Array, floor
from neuro.circuit.subtractor import Stages, adder, subtractor
from neuro.model import Model
from neuro.technology import Core, Technology


@dataclass(frozen=True)
class Neuron:
    """Area by block, and latency, energy and leakage per batch of the periphery as a whole."""

    adder_area_m2: Array
    mux_area_m2: Array
    decoder_area_m2: Array
    register_area_m2: Array
    subtractor_area_m2: Array
    latency_s: Array
    energy_J: Array
    leakage_W: Array


def neuron(
    technology: Technology,
    core: Core,
    array: BitcellArray,
    decoder: Decoder,
    inverter: Gate,
    nand: Gate,
    nor2: Gate,
    stages: Stages,
    model: Model,
) -> Neuron:
    """The periphery for the core; its decoder repeats that of the column multiplexer in a given height."""
    t = technology
    length = array.row_length_m
    row_height = LOGIC_HEIGHT_F * t.feature_size_m
    bits = core.partial_sum_bits + 2
    units = synapse_units(core, array, model)
    synapses = core.synapses if model.true_columns else floor(array.columns / core.bits)
    mux_rows = packed_rows(model, units * core.column_mux, inverter.layout_width_m, length)
    register_rows = flip_flop_rows(model, inverter, synapses, length)
    drain = inverter.output_F
    sub = subtractor(t, array, units, bits, drain, inverter, nand, nor2, stages, model)
    add = adder(t, array, units, bits, nand, model)
    on = 1 / (1 / inverter.pull_down_ohm + 1 / inverter.pull_up_ohm)
    mux_latency = 2.3 * 2 * on * (drain + inverter.input_F / 2 + drain)
    latency = mux_latency + sub.latency_s
    energy = inverter.input_F * units * t.vdd_V**2 + decoder.energy_J + sub.energy_J
    leakage = decoder.leakage_W + sub.leakage_W
    if model.neuron_adder_counted:
        latency = latency + add.latency_s
        energy = energy + add.energy_J + flip_flop_energy(t, inverter, units, 1.0, units)
        leakage = leakage + add.leakage_W + flip_flop_leakage(t, inverter, synapses)
    return Neuron(
        adder_area_m2=add.area_m2,
        mux_area_m2=row_height * mux_rows * length,
        decoder_area_m2=folded_decoder_area(t, decoder, 4 * mux_rows, inverter, nand, model),
        register_area_m2=row_height * register_rows * length,
        subtractor_area_m2=sub.area_m2,
        latency_s=latency,
        energy_J=energy,
        leakage_W=leakage,
    )
