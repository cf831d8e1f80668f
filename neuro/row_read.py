"""The row-by-row read: one row at a time into sense amplifiers, sums formed by digital adders.

Composed like the parallel read, of the same array, multiplexer, subtractors and neurons, with word-line
decoder, sense amplifiers, adders and write drivers in place of switch matrices and ADC. Not checked against
any reference: no independent figures of this path are known.
"""

from __future__ import annotations

from typing import Any

from neuro.circuit.bitcell_array import batches, bitcell_array
from neuro.circuit.column_driver import column_driver
from neuro.circuit.column_mux import (
    column_latency,
    column_mux,
    column_mux_area,
    column_mux_energy,
    column_mux_latency,
    synapse_units,
)
from neuro.circuit.flip_flop import flip_flop_energy, flip_flop_latency, flip_flop_leakage, flip_flop_rows
from neuro.circuit.gate import LOGIC_HEIGHT_F, inverter, nand2, nor
from neuro.circuit.mux_decoder import mux_decoder
from neuro.circuit.namespace import ceil_log2, maximum
from neuro.circuit.neuron import neuron
from neuro.circuit.row_decoder import row_decoder
from neuro.circuit.sense_amplifier import sense_amplifier
from neuro.circuit.subtractor import adder, subtractor, subtractor_stages
from neuro.design import Check
from neuro.model import Model
from neuro.parallel_read import geometry_checks, wire_figures
from neuro.technology import Cell, Core, Technology


def row_figures(
    technology: Technology, cell: Cell, core: Core, model: Model
) -> tuple[dict[str, Any], list[Check]]:
    """The figures of `Estimate` by name for a core read row by row, and the checks of its geometry.

    Only active rows are read: a batch takes rows * row_activity accesses. A row is written batch by batch,
    SET then RESET.
    """
    t = technology
    array = bitcell_array(t, cell, core, model)
    inv, nand, nor2 = inverter(t, model), nand2(t, model), nor(t, model, 2.0)
    words = row_decoder(t, core, array, inv, nand, model)
    mux = column_mux(t, core, array, model, 1.0)
    decoder = mux_decoder(t, core, mux, inv, nand, model)
    sense = sense_amplifier(t, cell, core, array, inv, model)
    driver = column_driver(t, cell, core, array, inv, model)
    units = synapse_units(core, array, model)
    bits = ceil_log2(core.rows) + core.bits
    add = adder(t, array, units, bits, nand, model)
    stages = subtractor_stages(inv, nand, nor2)
    sub = subtractor(t, array, units, bits, 0.0, inv, nand, nor2, stages, model)
    below = neuron(t, core, array, decoder, inv, nand, nor2, stages, model)
    accesses = core.rows * core.row_activity
    held = units * bits
    row_height = LOGIC_HEIGHT_F * t.feature_size_m

    area = {
        "array": array.area_m2,
        "row_decoder": words.area_m2,
        "column_mux": column_mux_area(mux, decoder.height_m, array),
        "mux_decoder": decoder.area_m2,
        "sense_amplifier": sense.area_m2,
        "adder": add.area_m2,
        "register": row_height * flip_flop_rows(model, inv, held, array.row_length_m) * array.row_length_m,
        "column_driver": driver.area_m2,
        "subtractor": sub.area_m2,
        "neuron_adder": below.adder_area_m2,
        "neuron_mux": below.mux_area_m2,
        "neuron_mux_decoder": below.decoder_area_m2,
        "neuron_register": below.register_area_m2,
        "neuron_subtractor": below.subtractor_area_m2,
    }
    area["total"] = sum(area.values())

    through_mux = column_mux_latency(t, core, array, mux, array.column_capacitance_F, model)
    latency = {
        "row_decoder": accesses * words.latency_s,
        "column_mux": accesses * through_mux,
        "mux_decoder": accesses * decoder.latency_s,
        "sense_amplifier": accesses * sense.latency_s,
        "adder": accesses * add.latency_s,
        "register": flip_flop_latency(core.clock_Hz, accesses),
        "subtractor": sub.latency_s,
        "column": accesses * column_latency(array, model),
    }
    select = maximum(latency["row_decoder"], latency["mux_decoder"] + latency["column_mux"])
    after = ("sense_amplifier", "adder", "register", "subtractor", "column")
    latency["core"] = select + sum(latency[name] for name in after)
    latency["neuron"] = below.latency_s

    energy = {
        "row_decoder": accesses * (words.energy_J + words.buffer_energy_J),
        "column_mux": column_mux_energy(t, core, mux, model),
        "mux_decoder": decoder.energy_J + decoder.buffer_energy_J,
        "sense_amplifier": accesses * sense.energy_J,
        "adder": accesses * add.energy_J,
        "register": flip_flop_energy(t, inv, held, accesses, held / 2),
        "subtractor": sub.energy_J,
    }
    energy["core"] = sum(energy.values())
    energy["neuron"] = below.energy_J

    idle = words.energy_J + words.buffer_energy_J
    leakage = (
        words.leakage_W
        + words.buffer_leakage_W
        + decoder.leakage_W
        + decoder.buffer_leakage_W
        + sense.leakage_W
        + add.leakage_W
        + flip_flop_leakage(t, inv, held)
        + driver.leakage_W
        + sub.leakage_W
    )
    figures: dict[str, Any] = {
        "area_m2": area,
        "read_latency_per_batch_s": latency,
        "read_energy_per_batch_J": energy,
        "read_batches": batches(core.synapses, core.column_mux),
        "write_batches": batches(core.synapses, core.write_column_mux),
        "write_latency_s": core.rows * (words.latency_s + driver.row_latency_s),
        "write_energy_per_row_J": {
            "no_active_batch": idle,
            "one_active_batch": idle + driver.batch_energy_J,
        },
        "leakage_W": {"core": leakage, "neuron": below.leakage_W},
        **wire_figures(t, cell, array, model),
        "write_latency_per_row_s": words.latency_s + driver.row_latency_s,
    }
    blocks = [value for name, value in area.items() if name not in ("array", "total", "column_mux")]
    checks = geometry_checks(
        cell, array, (mux.fold, mux.fold), words.area_m2, sum(blocks), array.column_capacitance_F, model
    )
    return figures, checks
