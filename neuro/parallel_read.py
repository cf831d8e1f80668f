"""The parallel read: all active rows at once, column currents integrated by an ADC."""

from __future__ import annotations

from typing import Any

from neuro.circuit.bitcell_array import BitcellArray, batches, bitcell_array
from neuro.circuit.column_mux import (
    column_latency,
    column_mux,
    column_mux_area,
    column_mux_energy,
    column_mux_latency,
    synapse_units,
)
from neuro.circuit.gate import inverter, nand2, nor
from neuro.circuit.mux_decoder import mux_decoder
from neuro.circuit.namespace import Array, ceil_log2, floor, isfinite, maximum, where
from neuro.circuit.neuron import neuron
from neuro.circuit.read_circuit import read_circuit
from neuro.circuit.sl_switch_matrix import sl_switch_matrix
from neuro.circuit.subtractor import subtractor, subtractor_stages
from neuro.circuit.wl_bl_switch_matrix import wl_bl_switch_matrix
from neuro.design import Check
from neuro.model import Model
from neuro.technology import Cell, Core, Technology


def parallel_figures(
    technology: Technology, cell: Cell, core: Core, model: Model
) -> tuple[dict[str, Any], list[Check]]:
    """The figures of `Estimate` by name, and the checks that only the composed blocks allow."""
    t = technology
    array = bitcell_array(t, cell, core, model)
    inv, nand, nor2 = inverter(t, model), nand2(t, model), nor(t, model, 2.0)
    rows = wl_bl_switch_matrix(t, cell, core, array, inv, model)
    columns = sl_switch_matrix(t, cell, core, array, inv, model)
    mux = column_mux(t, core, array, model, core.rows)
    decoder = mux_decoder(t, core, mux, inv, nand, model)
    adc = read_circuit(t, cell, core, array, mux, inv, model)
    units = synapse_units(core, array, model)
    stages = subtractor_stages(inv, nand, nor2)
    sub = subtractor(t, array, units, ceil_log2(core.rows) + core.bits, 0.0, inv, nand, nor2, stages, model)
    below = neuron(t, core, array, decoder, inv, nand, nor2, stages, model)

    area = {
        "array": array.area_m2,
        "wl_bl_switch_matrix": rows.area_m2,
        "sl_switch_matrix": columns.area_m2,
        "column_mux": column_mux_area(mux, decoder.height_m, array),
        "mux_decoder": decoder.area_m2,
        "read_circuit": adc.area_m2,
        "subtractor": sub.area_m2,
        "neuron_adder": below.adder_area_m2,
        "neuron_mux": below.mux_area_m2,
        "neuron_mux_decoder": below.decoder_area_m2,
        "neuron_register": below.register_area_m2,
        "neuron_subtractor": below.subtractor_area_m2,
    }
    area["total"] = sum(area.values())

    through_mux = column_mux_latency(t, core, array, mux, adc.node_capacitance_F, model)
    if model.column_settles_once:
        column = column_latency(array, model)
    else:
        column = (
            0.2
            * core.column_mux
            * array.column_capacitance_F
            * array.resistance_mean_ohm
            / floor(core.rows / 2)
        )
    latency = {
        "wl_bl_switch_matrix": rows.read_latency_s,
        "column_mux": through_mux,
        "mux_decoder": decoder.latency_s,
        "read_circuit": adc.latency_s,
        "subtractor": sub.latency_s,
        "column": column,
    }
    select = maximum(rows.read_latency_s, decoder.latency_s + through_mux)
    latency["core"] = select + adc.latency_s + sub.latency_s + column
    latency["neuron"] = below.latency_s

    energy = {
        "wl_bl_switch_matrix": rows.read_energy_J,
        "sl_switch_matrix": columns.read_energy_J,
        "column_mux": column_mux_energy(t, core, mux, model),
        "mux_decoder": decoder.energy_J + decoder.buffer_energy_J,
        "read_circuit": adc.energy_J,
    }
    if model.subtractor_energy:
        energy["subtractor"] = sub.energy_J
    energy["core"] = sum(energy.values())
    energy["neuron"] = below.energy_J

    idle = rows.write_energy_per_row_J + columns.idle_write_energy_J
    leakage = (
        columns.leakage_W
        + rows.leakage_W
        + decoder.leakage_W
        + decoder.buffer_leakage_W
        + adc.leakage_W
        + sub.leakage_W
    )
    figures: dict[str, Any] = {
        "area_m2": area,
        "read_latency_per_batch_s": latency,
        "read_energy_per_batch_J": energy,
        "read_batches": batches(core.synapses, core.column_mux),
        "write_batches": batches(core.synapses, core.write_column_mux),
        "write_latency_s": rows.write_latency_s,
        "write_energy_per_row_J": {
            "no_active_batch": idle,
            "one_active_batch": idle + columns.batch_write_energy_J,
        },
        "leakage_W": {"core": leakage, "neuron": below.leakage_W},
        **wire_figures(technology, cell, array, model),
    }
    checks = geometry_checks(
        cell,
        array,
        (columns.fold, mux.fold),
        rows.area_m2,
        adc.area_m2
        + sub.area_m2
        + below.adder_area_m2
        + below.mux_area_m2
        + below.register_area_m2
        + below.subtractor_area_m2,
        adc.node_capacitance_F,
        model,
    )
    return figures, checks


def wire_figures(technology: Technology, cell: Cell, array: BitcellArray, model: Model) -> dict[str, Any]:
    """Loads, and the energy of charging the wires of a read or written row, for the learning algorithm."""
    pulses = 2.0 if model.two_phase_write else 1.0
    word_line = array.row_capacitance_2_F * technology.vdd_V**2
    swings = cell.ltp_voltage_V**2 + cell.ltd_voltage_V**2
    return {
        "row_capacitance_1_F": array.row_capacitance_1_F,
        "row_capacitance_2_F": array.row_capacitance_2_F,
        "column_capacitance_F": array.column_capacitance_F,
        "row_resistance_ohm": array.row_resistance_ohm,
        "column_resistance_ohm": array.column_resistance_ohm,
        "access_width_F": array.access_width_F,
        "access_resistance_ohm": array.access_resistance_ohm,
        "write_latency_per_row_s": pulses * cell.write_pulse_s,
        "wire_read_energy_J": word_line,
        "wire_write_energy_per_row_J": word_line
        + array.row_capacitance_1_F * cell.ltp_voltage_V**2
        + array.columns * array.column_capacitance_F * swings / 2,
    }


def geometry_checks(
    cell: Cell,
    array: BitcellArray,
    folds: tuple[Array, Array],
    column_block: Array,
    row_blocks: Array,
    node: Array,
    model: Model,
) -> list[Check]:
    """What only shows while the blocks are composed; always the same checks in the same order.

    `folds` of the source-line pass gates and of the multiplexer's; areas of the block beside the array's
    columns and of those under its rows, infinite where not one unit fits; capacitance of the read `node`.
    """
    column = array.column_capacitance_F
    # Without room for one finger the reference model goes on with a negative height.
    usable = column if not model.whole_fingers else where(column > 0, column, float("inf"))
    no_room = "leaves no room for"
    return [
        Check(
            "cell.r_access_ohm",
            "needs an access transistor wider than the cell",
            array.access_width_F > cell.width_F,
        ),
        Check("cell.width_F", f"{no_room} the access transistor", ~isfinite(usable)),
        Check(
            "core.rows",
            "makes a column shorter than one switch of the row drivers (28 F)",
            ~isfinite(column_block),
        ),
        Check(
            "core.synapses",
            "makes a row shorter than one peripheral unit",
            ~isfinite(folds[0] + folds[1] + row_blocks),
        ),
        Check("cell.width_F", f"{no_room} a pass gate of the source-line switch matrix", folds[0] < 1),
        Check("cell.width_F", f"{no_room} a pass gate of the column multiplexer", folds[1] < 1),
        Check(
            "technology.fin.pitch_m",
            "leaves no fin in the reset switch (pitch of 3.55 F or more)",
            ~isfinite(node),
        ),
    ]
