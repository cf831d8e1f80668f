"""Pareto fronts of whole synaptic cores of the table's cells: the shapes that no other shape beats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from flow.table import UserError
from neuro.cells import Bitcell
from neuro.report.bitcells import MAIN_VARIANT, Bitcells
from neuro.report.comparison import DEVICES, finite, number_id
from neuro.sweep import Axis, Sweep, run_sweep
from neuro.technology import Core, Technology

ROWS = (32, 64, 128, 256, 512, 1024)
SYNAPSES = (16, 64, 256)
SHARED = (4, 8, 16, 32, 64)
"""What is swept: rows, weights in a row, and columns that share one converter."""

BITS = 6
MODEL = "physical"


@dataclass(frozen=True, slots=True)
class Merit:
    """A figure of merit as `neuro.sweep` names it; `factor` makes the unit shown of the SI one."""

    name: str
    label: str
    short: str
    unit: str
    factor: float
    key: str


MERITS = (
    Merit("read_latency", "read latency", "latency", "ns", 1e9, "read_latency_ns"),
    Merit(
        "energy_per_operation",
        "read energy per operation",
        "energy/op.",
        "fJ",
        1e15,
        "energy_per_operation_fJ",
    ),
    Merit("area_per_bit", "area per bit", "area/bit", "µm²", 1e12, "area_per_bit_um2"),
)
"""All are to be small. An operation is one multiplication and addition, a bit one bit of a weight."""


@dataclass(frozen=True)
class CorePoint:
    """A core that no other of its cell beats in every merit; `merits` in the units shown, by name."""

    device: str
    cell: str
    rows: int
    synapses: int
    shared: int
    merits: dict[str, float]

    @property
    def id(self) -> str:
        """Address in the results document."""
        shape = f"{self.rows}x{self.synapses}x{self.shared}"
        return number_id("core_front", self.cell, MAIN_VARIANT, shape)

    def as_json(self) -> dict[str, Any]:
        """The point as a JSON object."""
        return {
            "id": self.id,
            "device": self.device,
            "cell": self.cell,
            "variant": MAIN_VARIANT,
            "model": MODEL,
            "rows": self.rows,
            "synapses": self.synapses,
            "column_mux": self.shared,
            **{merit.key: finite(self.merits[merit.name]) for merit in MERITS},
            "sources": [f"table:{self.cell}/{MAIN_VARIANT}"],
        }


def core_fronts(bitcells: Bitcells) -> list[CorePoint]:
    """The front of each device at the main oxide; empty for a table without a technology."""
    try:
        technology, cells = bitcells.circuit
    except UserError:
        return []
    known = {(cell.name, cell.variant): cell for cell in cells}
    return [
        point
        for device in DEVICES
        for point in _front(device, technology, known[bitcells.name[device], MAIN_VARIANT])
    ]


def _front(device: str, technology: Technology, cell: Bitcell) -> list[CorePoint]:
    axes = tuple(
        Axis(path, np.array(values, dtype=np.float64))
        for path, values in (("core.rows", ROWS), ("core.synapses", SYNAPSES), ("core.column_mux", SHARED))
    )
    core = Core(ROWS[0], SYNAPSES[0], BITS)
    names = tuple(merit.name for merit in MERITS)
    found = run_sweep(Sweep(technology, cell.for_circuit(MODEL), core, axes, MODEL, names))
    points = [
        CorePoint(
            device,
            cell.name,
            ROWS[row],
            SYNAPSES[synapse],
            SHARED[column],
            {
                merit.name: merit.factor * float(found.merits[merit.name][row, synapse, column])
                for merit in MERITS
            },
        )
        for row, synapse, column in np.argwhere(found.pareto)
    ]
    return sorted(points, key=lambda point: point.merits["read_latency"])
