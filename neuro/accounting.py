"""From exact event counts and the estimate of each synaptic core to latency and energy.

`neurosim` charges as the reference simulator does: per image every array is read once and all its rows are
written; a synapse whose weight was touched pays the remembered energy of all its cells; the first array's row
energy is paid twice. `physical` pays what happens: read energy of the cells on active rows, write pulses and
energies of true flips in their direction, row circuits of rows that are written, leakage over the time that
everything takes.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

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
from neuro.technology import Core, Technology


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
    """Latencies (s) and energies (J), each split into named parts that add up to the total."""

    read_latency: dict[str, float]
    write_latency: dict[str, float]
    read_energy: dict[str, float]
    write_energy: dict[str, float]

    @property
    def totals(self) -> tuple[float, float, float, float]:
        """(read latency, write latency, read energy, write energy)."""
        parts = (self.read_latency, self.write_latency, self.read_energy, self.write_energy)
        first, second, third, fourth = (math.fsum(part.values()) for part in parts)
        return first, second, third, fourth


@dataclass(frozen=True, slots=True)
class CoreOptions:
    """Organisation of the cores: column and write multiplexers, bits of the partial sum, clock."""

    column_mux: int = 16
    write_column_mux: int = 16
    partial_sum_bits: int = 8
    clock_Hz: float = 2e9


class CostModel:
    """Costs of a network of `layers` in cores of one bitcell. Raises UserError for a core that cannot be."""

    def __init__(
        self,
        technology: Technology,
        bitcell: Bitcell,
        layers: tuple[int, ...],
        bits: int,
        model: str,
        options: CoreOptions | None = None,
    ) -> None:
        self.technology, self.bitcell, self.model, self.bits = technology, bitcell, model, bits
        self.options = options or CoreOptions()
        self.shapes = list(itertools.pairwise(layers))
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
            return SynapticCore(
                self.technology, self.bitcell.for_circuit(self.model), core, self.model
            ).evaluate()
        except UserError as error:
            name = f"{self.bitcell.name} {self.bitcell.variant}, array of {rows} x {synapses}"
            raise UserError(f"{name}: {error.message}", key=error.key) from None

    @property
    def area_m2(self) -> float:
        """Area of all cores and their neurons."""
        return math.fsum(float(estimate.area_m2["total"][0]) for estimate in self.estimates)

    @property
    def area_parts_m2(self) -> dict[str, float]:
        """Area by block, summed over the cores."""
        return {
            name: math.fsum(float(estimate.area_m2[name][0]) for estimate in self.estimates)
            for name in self.estimates[0].area_m2
        }

    @property
    def leakage_W(self) -> float:
        """Standby power of all cores, neurons and (where characterised) cells."""
        periphery = math.fsum(
            float(e.leakage_W[part][0]) for e in self.estimates for part in ("core", "neuron")
        )
        cell = float(self.bitcell.cell.leakage_W)
        cells = sum(rows * (synapses * self.bits + 1) for rows, synapses in self.shapes)
        return periphery + (0.0 if math.isnan(cell) else cell * cells)

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
            read, write = (math.fsum(part.values()) for part in (total.read_latency, total.write_latency))
            total.read_energy["leakage"] = self.leakage_W * read
            total.write_energy["leakage"] = self.leakage_W * write
        return total

    def _read_periphery(self, place: int, seen: ArrayEvents) -> tuple[dict[str, float], dict[str, float]]:
        """Read latency and energy of the circuits: every image at its own number of active rows."""
        estimate = self.estimates[place]
        latency, energy = {}, {}
        for part in ("core", "neuron"):
            latency[part] = _dot(
                seen.histogram, estimate.read_batches * estimate.read_latency_per_batch_s[part]
            )
            energy[part] = _dot(
                seen.histogram, estimate.read_batches * estimate.read_energy_per_batch_J[part]
            )
        return latency, energy

    def _neurosim(self, place: int, seen: ArrayEvents) -> Costs:
        estimate, cell = self.estimates[place], self.bitcell.cell
        rows, synapses = self.shapes[place]
        vdd = float(self.technology.vdd_V)
        word_line = float(estimate.row_capacitance_2_F[0]) * vdd**2
        latency, energy = self._read_periphery(place, seen)
        energy["word_line"] = seen.images * synapses * word_line
        energy["cells"] = seen.images * (synapses * self.bits * rows) * float(cell.read_energy_J)

        idle = float(estimate.write_energy_per_row_J["no_active_batch"][0])
        batch = float(estimate.write_energy_per_row_J["one_active_batch"][0]) - idle
        nop = int(estimate.write_batches[0])
        # The reference simulator evaluates the row energies of the first array twice (its defect D6).
        writes, active = int(seen.counters[WRITES]), int(seen.counters[WORK_ROWS])
        times = 2 if place == 0 else 1
        bit_line = rows * float(cell.height_F) * float(self.technology.feature_size_m)
        bit_line *= float(self.technology.wire_capacitance_F_per_m)
        conductance = 0.5 * (1.0 / float(cell.r_on_ohm) + 1.0 / float(cell.r_off_ohm))
        moved = conductance * float(cell.write_pulse_s) + bit_line
        counted = seen.counters
        write = {
            "periphery": times * (writes * rows * idle + active * nop * batch),
            "word_line": active * nop * 2.0 * word_line,
            "cells_set": int(counted[SET_COUNTED]) * float(cell.ltp_voltage_V) ** 2 * moved,
            "cells_reset": int(counted[RESET_COUNTED]) * float(cell.ltd_voltage_V) ** 2 * moved,
        }
        return Costs(latency, {"rows": writes * float(estimate.write_latency_s[0])}, energy, write)

    def _physical(self, place: int, seen: ArrayEvents) -> Costs:
        estimate, cell = self.estimates[place], self.bitcell.cell
        synapses = self.shapes[place][1]
        latency, energy = self._read_periphery(place, seen)
        active = seen.active_rows
        energy["word_line"] = active * float(estimate.wire_read_energy_J[0])
        energy["cells"] = active * (synapses * self.bits + 1) * float(cell.read_energy_J)

        idle = float(estimate.write_energy_per_row_J["no_active_batch"][0])
        batch = float(estimate.write_energy_per_row_J["one_active_batch"][0]) - idle
        counted = seen.counters
        set_energy, reset_energy = self.bitcell.write_energies
        pulse = float(cell.write_pulse_s)
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
            "word_line": rows * float(estimate.wire_write_energy_per_row_J[0]),
            "cells_set": int(counted[SET_FLIPS]) * set_energy,
            "cells_reset": int(counted[RESET_FLIPS]) * reset_energy,
        }
        return Costs(latency, written, energy, write)


def _fields(costs: Costs) -> tuple[dict[str, float], ...]:
    return costs.read_latency, costs.write_latency, costs.read_energy, costs.write_energy


def _dot(counts: Integers, values: object) -> float:
    """Correctly rounded sum of counts times values, so that no order of adding shows."""
    return math.fsum((counts * np.asarray(values)).tolist())
