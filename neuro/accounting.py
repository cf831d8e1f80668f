"""From exact event counts and the estimate of each synaptic core to latency and energy.

`neurosim` charges as the reference simulator does: per image every array is read once and all its rows are
written; a synapse whose weight was touched pays the remembered energy of all its cells; the first array's row
energy is paid twice. `physical` pays what happens: read energy of the cells on active rows, write pulses and
energies of true flips in their direction, row circuits of rows that are written, leakage over the time that
everything takes.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from flow.table import UserError
from neuro.array import Estimate, SynapticCore
from neuro.cells import Bitcell
from neuro.kernel import (
    COUNTERS,
    RESET_COUNTED,
    RESET_FLIPS,
    RESET_ROWS,
    SET_COUNTED,
    SET_FLIPS,
    SET_ROWS,
    WORK_ROWS,
    WRITES,
    WRITTEN_BATCHES,
    WRITTEN_ROWS,
)
from neuro.synapse import Integers
from neuro.technology import Cell, Core, Technology


@dataclass(frozen=True, slots=True)
class ArrayEvents:
    """What happened in one array: all int64, exact.

    `histogram` (rows + 1,): images that had n active rows; `counters` (COUNTERS,) in the order of
    `neuro.kernel`: flips, remembered cells, changed synapses, written rows and batches, errors.
    """

    histogram: Integers
    counters: Integers

    def __add__(self, other: ArrayEvents) -> ArrayEvents:
        return ArrayEvents(self.histogram + other.histogram, self.counters + other.counters)

    @classmethod
    def none(cls, rows: int) -> ArrayEvents:
        """Nothing happened yet in an array of `rows` rows."""
        return cls(np.zeros(rows + 1, dtype=np.int64), np.zeros(COUNTERS, dtype=np.int64))

    @property
    def images(self) -> int:
        """Images that the array has seen."""
        return int(self.histogram.sum())

    @property
    def active_rows(self) -> int:
        """Active rows, summed over the images."""
        return int(self.histogram @ np.arange(self.histogram.size))


@dataclass(frozen=True, slots=True)
class Costs:
    """Latencies (s) and energies (J), each split into named parts that add up to the total.

    Numbers, or arrays (samples,) where the costs are those of samples of a bitcell.
    """

    read_latency: dict[str, Any]
    write_latency: dict[str, Any]
    read_energy: dict[str, Any]
    write_energy: dict[str, Any]

    @property
    def totals(self) -> tuple[Any, Any, Any, Any]:
        """(read latency, write latency, read energy, write energy)."""
        return (
            _sum(self.read_latency),
            _sum(self.write_latency),
            _sum(self.read_energy),
            _sum(self.write_energy),
        )


@dataclass(frozen=True, slots=True)
class CoreOptions:
    """Organisation of the cores: column and write multiplexers, bits of the partial sum, clock."""

    column_mux: int = 16
    write_column_mux: int = 16
    partial_sum_bits: int = 8
    clock_Hz: float = 2e9


class CostModel:
    """Costs of a network of `layers` in cores of one bitcell. Raises UserError for a core that cannot be.

    With `samples` of the bitcell (what its table may have meant) all costs are arrays, one entry a sample.
    """

    def __init__(
        self,
        technology: Technology,
        bitcell: Bitcell,
        layers: tuple[int, ...],
        bits: int,
        model: str,
        options: CoreOptions | None = None,
        samples: Sequence[Bitcell] = (),
    ) -> None:
        self.technology, self.bitcell, self.model, self.bits = technology, bitcell, model, bits
        self.options = options or CoreOptions()
        self.shapes = list(itertools.pairwise(layers))
        # A scalar without samples, else one entry for each of them.
        self._cell = bitcell.cell if not samples else _stack([one.cell for one in samples])
        circuit = [one.for_circuit(model) for one in samples or [bitcell]]
        self._circuit = circuit[0] if not samples else _stack(circuit, axes=2)
        energies = [one.write_energies for one in samples]
        self._write_energies = np.array(energies).T if samples else bitcell.write_energies
        self.estimates = [self._estimate(place) for place in range(len(self.shapes))]

    def _estimate(self, place: int) -> Estimate:
        """The core of array `place` at every number of active rows, 0 to all (the last axis)."""
        rows, synapses = self.shapes[place]
        options = self.options
        # A small array cannot have more multiplexed columns than columns.
        columns = synapses * self.bits + 1
        core = Core(
            rows=rows,
            synapses=synapses,
            bits=self.bits,
            column_mux=min(options.column_mux, columns),
            write_column_mux=min(options.write_column_mux, columns),
            partial_sum_bits=options.partial_sum_bits,
            row_activity=np.arange(rows + 1) / rows,
            clock_Hz=options.clock_Hz,
            relaxed_cell_width=place > 0,
        )
        try:
            return SynapticCore(self.technology, self._circuit, core, self.model).evaluate()
        except UserError as error:
            name = f"{self.bitcell.name} {self.bitcell.variant}, array of {rows} x {synapses}"
            raise UserError(f"{name}: {error.message}", key=error.key) from None

    @property
    def area_m2(self) -> float:
        """Area of all cores and their neurons."""
        return math.fsum(float(estimate.area_m2["total"].flat[0]) for estimate in self.estimates)

    @property
    def area_parts_m2(self) -> dict[str, float]:
        """Area by block, summed over the cores."""
        return {
            name: math.fsum(float(estimate.area_m2[name].flat[0]) for estimate in self.estimates)
            for name in self.estimates[0].area_m2
        }

    @property
    def leakage_W(self) -> Any:
        """Standby power of all cores, neurons and (where characterised) cells."""
        parts = {
            (place, part): _first(estimate.leakage_W[part])
            for place, estimate in enumerate(self.estimates)
            for part in ("core", "neuron")
        }
        cells = sum(rows * (synapses * self.bits + 1) for rows, synapses in self.shapes)
        return _sum(parts) + np.nan_to_num(self._cell.leakage_W) * cells

    def costs(self, events: list[ArrayEvents]) -> Costs:
        """Costs of the events (one entry an array); sums are exact to the last bit, whatever the order."""
        charge = self._neurosim if self.model == "neurosim" else self._physical
        parts = [charge(place, seen) for place, seen in enumerate(events)]
        total = Costs({}, {}, {}, {})
        for part in parts:
            for mine, other in zip(_fields(total), _fields(part), strict=True):
                for name, value in other.items():
                    mine[name] = mine.get(name, 0.0) + value
        if self.model != "neurosim":
            # While one array works the others wait: all of them leak all the time.
            read, write = _sum(total.read_latency), _sum(total.write_latency)
            total.read_energy["leakage"] = self.leakage_W * read
            total.write_energy["leakage"] = self.leakage_W * write
        return total

    def _read_periphery(self, place: int, seen: ArrayEvents) -> tuple[dict[str, Any], dict[str, Any]]:
        """Read latency and energy of the circuits: every image at its own number of active rows."""
        estimate = self.estimates[place]
        latency: dict[str, Any] = {}
        energy: dict[str, Any] = {}
        for part in ("core", "neuron"):
            latency[part] = _dot(
                seen.histogram, estimate.read_batches * estimate.read_latency_per_batch_s[part]
            )
            energy[part] = _dot(
                seen.histogram, estimate.read_batches * estimate.read_energy_per_batch_J[part]
            )
        return latency, energy

    def _neurosim(self, place: int, seen: ArrayEvents) -> Costs:
        estimate, cell = self.estimates[place], self._cell
        rows, synapses = self.shapes[place]
        vdd = float(self.technology.vdd_V)
        word_line = _first(estimate.row_capacitance_2_F) * vdd**2
        latency, energy = self._read_periphery(place, seen)
        energy["word_line"] = seen.images * synapses * word_line
        energy["cells"] = seen.images * (synapses * self.bits * rows) * cell.read_energy_J

        idle = _first(estimate.write_energy_per_row_J["no_active_batch"])
        batch = _first(estimate.write_energy_per_row_J["one_active_batch"]) - idle
        nop = _first(estimate.write_batches)
        # The reference simulator evaluates the row energies of the first array twice (its defect D6).
        writes, active = int(seen.counters[WRITES]), int(seen.counters[WORK_ROWS])
        times = 2 if place == 0 else 1
        bit_line = rows * cell.height_F * float(self.technology.feature_size_m)
        bit_line *= float(self.technology.wire_capacitance_F_per_m)
        conductance = 0.5 * (1.0 / cell.r_on_ohm + 1.0 / cell.r_off_ohm)
        moved = conductance * cell.write_pulse_s + bit_line
        counted = seen.counters
        write = {
            "periphery": times * (writes * rows * idle + active * nop * batch),
            "word_line": active * nop * 2.0 * word_line,
            "cells_set": int(counted[SET_COUNTED]) * cell.ltp_voltage_V**2 * moved,
            "cells_reset": int(counted[RESET_COUNTED]) * cell.ltd_voltage_V**2 * moved,
        }
        return Costs(latency, {"rows": writes * _first(estimate.write_latency_s)}, energy, write)

    def _physical(self, place: int, seen: ArrayEvents) -> Costs:
        estimate, cell = self.estimates[place], self._cell
        synapses = self.shapes[place][1]
        latency, energy = self._read_periphery(place, seen)
        active = seen.active_rows
        energy["word_line"] = active * _first(estimate.wire_read_energy_J)
        energy["cells"] = active * (synapses * self.bits + 1) * cell.read_energy_J

        idle = _first(estimate.write_energy_per_row_J["no_active_batch"])
        batch = _first(estimate.write_energy_per_row_J["one_active_batch"]) - idle
        counted = seen.counters
        set_energy, reset_energy = self._write_energies
        pulse = cell.write_pulse_s
        # One image's write ends with half a clock, as in the estimate of writing all rows.
        clock = 0.5 / self.options.clock_Hz
        written = {
            "set": int(counted[SET_ROWS]) * pulse,
            "reset": int(counted[RESET_ROWS]) * pulse,
            "clock": int(counted[WRITES]) * clock,
        }
        rows = int(counted[WRITTEN_ROWS])
        write = {
            "periphery": rows * idle + int(counted[WRITTEN_BATCHES]) * batch,
            "word_line": rows * _first(estimate.wire_write_energy_per_row_J),
            "cells_set": int(counted[SET_FLIPS]) * set_energy,
            "cells_reset": int(counted[RESET_FLIPS]) * reset_energy,
        }
        return Costs(latency, written, energy, write)


def _fields(costs: Costs) -> tuple[dict[str, Any], ...]:
    return costs.read_latency, costs.write_latency, costs.read_energy, costs.write_energy


def _stack(cells: Sequence[Cell], axes: int = 1) -> Cell:
    """One cell whose numbers are arrays over `cells`, with further axes of length 1 behind."""
    shape = (len(cells), *(1,) * (axes - 1))
    values: dict[str, Any] = {
        field.name: np.array([float(getattr(cell, field.name)) for cell in cells]).reshape(shape)
        for field in dataclasses.fields(Cell)
        if field.name != "name"
    }
    return dataclasses.replace(cells[0], **values)


def _first(values: Any) -> Any:
    """The figure at no active row: a float, or an array over samples."""
    first = np.asarray(values)[..., 0]
    return float(first) if first.ndim == 0 else first


def _sum(parts: Mapping[Any, Any]) -> Any:
    """Sum of named parts; of numbers correctly rounded, so that no order of adding shows."""
    values = list(parts.values())
    if all(np.ndim(value) == 0 for value in values):
        return math.fsum(values)
    return np.sum(np.broadcast_arrays(*values), axis=0)


def _dot(counts: Integers, values: Any) -> Any:
    """Sum of counts times values along the last axis; of one row correctly rounded."""
    products = counts * np.asarray(values)
    return math.fsum(products.tolist()) if products.ndim == 1 else products.sum(axis=-1)
