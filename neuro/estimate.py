"""What is known of a synaptic core after its evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from neuro.circuit.namespace import Array

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

    def named_figures(self) -> Iterator[tuple[str, Array]]:
        """All figures by name, the entries of the breakdowns as `area_m2.total`; `status` is the last."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, dict):
                for key, item in value.items():
                    yield f"{field.name}.{key}", item
            elif field.name != "checks":
                yield field.name, value

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
