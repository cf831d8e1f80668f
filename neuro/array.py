"""A synaptic core composed of its circuit modules: area, read, write and leakage with their breakdowns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from flow.table import UserError
from neuro.circuit.bitcell_array import BitcellArray, batches, bitcell_array
from neuro.circuit.column_mux import (
    column_mux,
    column_mux_area,
    column_mux_energy,
    column_mux_latency,
    synapse_units,
)
from neuro.circuit.gate import inverter, nand2, nor
from neuro.circuit.mux_decoder import mux_decoder
from neuro.circuit.namespace import (
    Array,
    any_true,
    as_arrays,
    as_integers,
    blank_where,
    broadcast_to,
    ceil_log2,
    floor,
    is_tensor,
    isfinite,
    leaves,
    maximum,
    shape_of,
    to_numpy,
    where,
)
from neuro.circuit.neuron import neuron
from neuro.circuit.read_circuit import read_circuit
from neuro.circuit.sl_switch_matrix import sl_switch_matrix
from neuro.circuit.subtractor import subtractor, subtractor_stages
from neuro.circuit.wl_bl_switch_matrix import wl_bl_switch_matrix
from neuro.design import Check, Design, design_from_json, field_checks, stack
from neuro.model import PHYSICAL, Model, model_named
from neuro.technology import Cell, Core, Technology

FIGURES = (
    "area_m2",
    "read_latency_per_batch_s",
    "read_energy_per_batch_J",
    "read_batches",
    "write_batches",
    "write_latency_s",
    "write_energy_per_row_J",
    "leakage_W",
)
"""The figures of the JSON document of an estimate, in its order."""


@dataclass(frozen=True)
class Estimate:
    """Figures of a synaptic core; every one has the common shape of the design points (float64).

    Area by block and `total` (m2); read latency (s) and energy (J) of one batch by block, `core` the sum on
    the critical path and of the core's blocks, `neuron` apart; the batches of one read and of one row's
    write; latency (s) of writing all rows; periphery energy (J) of writing one row without and with one
    active batch (further batches add the difference); standing power (W).

    Loads for what the learning algorithm charges: `row_capacitance_1_F` (row wire), `row_capacitance_2_F`
    (row wire and access gates: the word line), `column_capacitance_F`; resistances of the array's wires, and
    the access transistor. `write_latency_per_row_s` is the time of one row alone. `wire_read_energy_J` (one
    active row's word line) and `wire_write_energy_per_row_J` (word line, bit line and every column of one
    written row, in the phases of the model) charge the wires physically; the reference model charges them in
    the learning algorithm in its own way.

    `status` is 0, or the number of the first violated check of `checks` (from 1); the figures of a refused
    point are NaN, and only there.
    """

    area_m2: dict[str, Array]
    read_latency_per_batch_s: dict[str, Array]
    read_energy_per_batch_J: dict[str, Array]
    read_batches: Array
    write_batches: Array
    write_latency_s: Array
    write_energy_per_row_J: dict[str, Array]
    leakage_W: dict[str, Array]
    row_capacitance_1_F: Array
    row_capacitance_2_F: Array
    column_capacitance_F: Array
    row_resistance_ohm: Array
    column_resistance_ohm: Array
    access_width_F: Array
    access_resistance_ohm: Array
    write_latency_per_row_s: Array
    wire_read_energy_J: Array
    wire_write_energy_per_row_J: Array
    status: Array
    checks: tuple[tuple[str, str], ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the design points."""
        return tuple(self.status.shape)

    def as_json(self, index: tuple[int, ...] = ()) -> dict[str, Any]:
        """One point as the JSON document of `mtj-neuro estimate`; a refused one as `{"error", "field"}`."""
        status = int(self.status[index])
        if status:
            path, message = self.checks[status - 1]
            return {"error": f"{path} {message}", "field": path}
        return {name: _plain(getattr(self, name), index) for name in FIGURES} | {
            "read_batches": int(self.read_batches[index]),
            "write_batches": int(self.write_batches[index]),
        }


def _plain(value: Any, index: tuple[int, ...]) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item, index) for key, item in value.items()}
    return float(value[index])


@dataclass(frozen=True)
class SynapticCore:
    """A core of `cell` bitcells in `technology`; `model` is "physical", "neurosim" or one's own switches.

    Fields may be arrays of design points; NumPy and torch (any device) broadcast alike.

    >>> from neuro.technology import Cell, Core, Fin, Technology
    >>> technology = Technology(28e-9, 0.8, 1000, 850, 3e-3, 3e-3, 1.5, 1.2e-9, 1.0, 1.2e6, 2e-10,
    ...                         Fin(30e-9, 10e-9, 48e-9))
    >>> cell = Cell(33, 7, 9513, 16390, 3829, 0.338, 0.898, 0.788, 3.39e-9)
    >>> estimate = SynapticCore(technology, cell, Core(rows=400, synapses=[100, 200])).evaluate()
    >>> bool(estimate.area_m2["total"][1] > estimate.area_m2["total"][0])
    True
    """

    technology: Technology
    cell: Cell
    core: Core
    model: str | Model = "physical"

    def evaluate(self, on_error: Literal["raise", "status"] = "raise") -> Estimate:
        """All figures at all design points.

        A point that cannot be built raises UserError naming point and field, or with `on_error="status"` is
        marked in `Estimate.status`, its figures NaN. No figure of an accepted point is infinite or NaN.
        """
        model = model_named(self.model)
        technology, cell, core = _as_design(self.technology, self.cell, self.core)
        with np.errstate(all="ignore"):
            estimate = _evaluate(technology, cell, core, model)
        if on_error == "raise":
            _raise_first(estimate)
        return estimate


def _as_design(technology: Technology, cell: Cell, core: Core) -> Design:
    """The records as float64 arrays of one namespace. Raises UserError that names what is no number."""
    values = [*leaves(technology), *leaves(cell), *leaves(core)]
    like = next((value for value in values if is_tensor(value)), None)
    records: dict[str, Any] = {"technology": technology, "cell": cell, "core": core}
    try:
        arrays = {name: as_arrays(record, like) for name, record in records.items()}
    except (TypeError, ValueError) as error:
        raise UserError(
            f"a field of the design is no number or array of numbers: {error}", key="design"
        ) from None
    return arrays["technology"], arrays["cell"], arrays["core"]


def _raise_first(estimate: Estimate) -> None:
    status = to_numpy(estimate.status)
    if not status.any():
        return
    index = tuple(int(i) for i in np.unravel_index(int(np.flatnonzero(status.reshape(-1))[0]), status.shape))
    path, message = estimate.checks[int(status[index]) - 1]
    point = f"design point {', '.join(map(str, index))}: " if index else ""
    raise UserError(f"{point}{message}", key=path)


def _geometry_checks(
    cell: Cell,
    array: BitcellArray,
    folds: tuple[Array, Array],
    column_block: Array,
    row_blocks: Array,
    node: Array,
    model: Model,
) -> Iterator[Check]:
    """What only shows while the blocks are composed; always the same checks in the same order.

    `folds` of the source-line pass gates and of the multiplexer's; areas of the block beside the array's
    columns and of those under its rows, infinite where not one unit fits; capacitance of the read `node`.
    """
    column = array.column_capacitance_F
    # Without room for one finger the reference model goes on with a negative height.
    usable = column if not model.whole_fingers else where(column > 0, column, float("inf"))
    yield Check(
        "cell.r_access_ohm",
        "needs an access transistor wider than the cell",
        # A known access width is that of fins, which hold more width than their footprint.
        (array.access_width_F > cell.width_F) & ~isfinite(cell.access_width_m),
    )
    yield Check("cell.width_F", "leaves no room for the access transistor", ~isfinite(usable))
    yield Check(
        "core.rows",
        "makes a column shorter than one switch of the row drivers (28 F)",
        ~isfinite(column_block),
    )
    yield Check(
        "core.synapses",
        "makes a row shorter than one peripheral unit",
        ~isfinite(folds[0] + folds[1] + row_blocks),
    )
    for fold, block in zip(folds, ("source-line switch matrix", "column multiplexer"), strict=True):
        yield Check("cell.width_F", f"leaves no room for a pass gate of the {block}", fold < 1)
    yield Check(
        "technology.fin.pitch_m",
        "leaves no fin in the reset switch (pitch of 3.55 F or more)",
        ~isfinite(node),
    )


def _evaluate(technology: Technology, cell: Cell, core: Core, model: Model) -> Estimate:
    t = technology
    array = bitcell_array(t, cell, core, model)
    inv, nand, nor2 = inverter(t, model), nand2(t, model), nor(t, model, 2.0)
    rows = wl_bl_switch_matrix(t, cell, core, array, inv, model)
    columns = sl_switch_matrix(t, cell, core, array, inv, model)
    mux = column_mux(t, core, array, model)
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

    through_mux = column_mux_latency(mux, adc.node_capacitance_F)
    if model.column_settles_once:
        column = 2.3 * array.column_resistance_ohm * array.column_capacitance_F / 2
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
    pulses = 2.0 if model.two_phase_write else 1.0
    word_line = array.row_capacitance_2_F * t.vdd_V**2
    swings = cell.ltp_voltage_V**2 + cell.ltd_voltage_V**2
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
    checks = [
        *field_checks(t, cell, core),
        *_geometry_checks(
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
        ),
        *(
            Check(path, "is not finite: the design lies outside what the model can compute", ~isfinite(value))
            for path, value in _paths(figures)
        ),
    ]
    shape = shape_of(*leaves(t), *leaves(cell), *leaves(core))
    like = next((value for value in (*leaves(t), *leaves(cell), *leaves(core)) if is_tensor(value)), None)
    status: Array = 0
    for number, check in reversed(list(enumerate(checks, start=1))):
        if any_true(check.bad):
            status = where(check.bad, number, status)
    status = broadcast_to(status, shape, like)
    figures = _map(figures, lambda value: broadcast_to(value, shape, like))
    refused = status != 0
    if any_true(refused):
        figures = _map(figures, lambda value: blank_where(refused, value))
    return Estimate(
        **figures,
        status=as_integers(status),
        checks=tuple((check.field, check.message) for check in checks),
    )


def _paths(figures: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Array]]:
    for key, value in figures.items():
        if isinstance(value, dict):
            yield from _paths(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _map(figures: dict[str, Any], function: Any) -> dict[str, Any]:
    return {
        key: _map(value, function) if isinstance(value, dict) else function(value)
        for key, value in figures.items()
    }


def estimate_documents(documents: list[object], model: str | Model = PHYSICAL) -> list[dict[str, Any]]:
    """Design points as JSON documents in, results or `{"error", "field"}` out, in the same order.

    Points are evaluated together, planar and FinFET apart. Raises UserError for an unknown model.
    """
    model = model_named(model)
    results: list[dict[str, Any]] = [{} for _ in documents]
    groups: dict[bool, list[tuple[int, Design]]] = {}
    for position, document in enumerate(documents):
        try:
            design = design_from_json(document)
        except UserError as error:
            results[position] = {
                "error": f"design point {position}: {error.key} {error.message}",
                "field": error.key,
            }
            continue
        groups.setdefault(design[0].fin is None, []).append((position, design))
    for group in groups.values():
        estimate = SynapticCore(*stack([design for _, design in group]), model).evaluate(on_error="status")
        for row, (position, _) in enumerate(group):
            result = estimate.as_json((row,))
            if "error" in result:
                result["error"] = f"design point {position}: {result['error']}"
            results[position] = result
    return results
