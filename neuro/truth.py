"""The array estimates against SPICE: columns of real bitcells with their wires and drivers.

`mtj-flow column` simulates the columns (spice/testbenches/column.cir); its table, `build/tables/columns.h5`,
also holds the cells' and the card's quantities, so the estimate is of the very cell that was simulated.
Beside the estimate of `--model physical` stands a refined one, from the same closed formulas with the
simulated fins and resistances of the pass gates and, for writes, the simulated supply voltage: what the
estimate lacks beyond them is the formula's. docs/theory/columns.md explains each of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from flow.table import BitcellTable, CellVariant, UserError, open_table
from neuro.analog_kernel import wire_loss
from neuro.array import Estimate, SynapticCore
from neuro.cells import Bitcell, table_cells
from neuro.circuit.bitcell_array import bitcell_array
from neuro.circuit.column_mux import column_mux
from neuro.model import PHYSICAL
from neuro.technology import Core, Technology, technology_from_table

LIMIT = 0.15
"""Largest relative deviation of an estimate that counts as agreement."""
SYNAPSES = 100
LN10 = math.log(10.0)
_COLUMNS = 16
"""Columns that share a multiplexer in the simulation."""
DIRECTIONS = ("0to1", "1to0")


@dataclass(frozen=True)
class Comparison:
    """One figure of one column: SPICE, the estimate of the physical model, and the refined one (SI units).

    `figure` is one of FIGURES, `condition` the active rows of a read (half of
    them, rounded down, hold 1) or the direction of a write.
    """

    cell: str
    variant: str
    rows: int
    figure: str
    condition: str
    unit: str
    spice: float
    estimate: float
    refined: float

    @property
    def deviation(self) -> float:
        """Relative deviation of the estimate from SPICE."""
        return self.estimate / self.spice - 1.0

    @property
    def refined_deviation(self) -> float:
        """Relative deviation of the refined estimate from SPICE."""
        return self.refined / self.spice - 1.0

    @property
    def agrees(self) -> bool:
        """Whether the estimate is within LIMIT."""
        return abs(self.deviation) <= LIMIT


FIGURES = {
    "read_current": "column current into a virtual ground at its end",
    "read_current_mux": "column current into a virtual ground behind two pass gates",
    "settling": "settling to 10 % of the final column current through two pass gates",
    "line_energy": "raising the unselected column line once",
    "write_energy": "writing one cell through the reference model's driver, half an ON cell",
    "write_energy_strong": "writing one cell through the physical model's driver, a fortieth of an ON cell",
}


def shared_wire_current(voltage_V: float, conductance_S: float, wire_ohm: float) -> float:
    """Current (A) of cells spread evenly over a column wire that they share, into its end.

    A line of series resistance and shunt conductance: V G tanh(t)/t with t = sqrt(G R). With `wire_ohm` in
    series with each cell alone the drop would be underestimated by the number of active cells.
    """
    t = math.sqrt(conductance_S * wire_ohm)
    return voltage_V * conductance_S * (math.tanh(t) / t if t > 0 else 1.0)


def behind(voltage_V: float, current_A: float, series_ohm: float) -> float:
    """Current (A) of a column that gives `current_A` alone, behind a series resistance."""
    return voltage_V / (voltage_V / current_A + series_ohm)


def settling_time(gate_ohm: float, node_F: float, line_F: float, wire_ohm: float, column_F: float) -> float:
    """Settling (s) to 10 % through two pass gates of `gate_ohm` each, by Elmore's delay.

    `node_F` is the capacitance between the gates, `line_F` that at the column's end, its own `column_F`
    included. Cells spread evenly over the wire see a third of its RC in the mean, not the half of a far end.
    """
    return LN10 * (gate_ohm * node_F + 2 * gate_ohm * line_F + wire_ohm * column_F / 3)


def compare(columns: Path) -> list[Comparison]:
    """Every figure of every column in the table `columns` (made by `mtj-flow column`).

    Raises UserError for a file that is no such table.
    """
    table = open_table(columns)
    result: list[Comparison] = []
    for bitcell in table_cells(table, columns):
        content = table.cells[bitcell.name][bitcell.variant]
        if "settling_time_10" not in content.samples:
            raise UserError("holds no columns; run `mtj-flow column`", file=columns, key=bitcell.name)
        result += _Columns(table, columns, bitcell, content).comparisons()
    return result


class _Columns:
    """The columns of one cell."""

    def __init__(self, table: BitcellTable, path: Path, bitcell: Bitcell, content: CellVariant) -> None:
        card = str(content.attributes["card"])
        self.name, self.variant = bitcell.name, bitcell.variant
        self.bitcell = bitcell
        self.technology: Technology = technology_from_table(path, card)
        self.card = {name: quantity.value for name, quantity in table.technologies[card].items()}
        self.cell = {name: quantity.value for name, quantity in content.quantities.items()}
        self.found: dict[str, NDArray[Any]] = {name: array.values for name, array in content.samples.items()}

    def comparisons(self) -> list[Comparison]:
        return [item for place in range(self.found["rows"].size) for item in self._column(place)]

    def _column(self, place: int) -> Iterator[Comparison]:
        rows = int(self.found["rows"][place])
        cell = self.bitcell.for_circuit("physical")
        core = Core(rows=rows, synapses=SYNAPSES, column_mux=_COLUMNS)
        estimate = SynapticCore(self.technology, cell, core).evaluate()
        array = bitcell_array(self.technology, cell, core, PHYSICAL)
        gate = float(column_mux(self.technology, core, array, PHYSICAL, rows).near_ground_ohm)
        yield from self._reads(place, rows, estimate, gate)
        yield from self._writes(place, rows, estimate)

    def _item(
        self, rows: int, figure: str, condition: str, unit: str, spice: Any, estimate: float, refined: float
    ) -> Comparison:
        return Comparison(
            self.name, self.variant, rows, figure, condition, unit, float(spice), float(estimate), refined
        )

    def _reads(
        self, place: int, rows: int, estimate: Estimate, estimated_gate: float
    ) -> Iterator[Comparison]:
        found, voltage = self.found, self.cell["read_voltage"]
        wire = self.card["wire_resistance"] * self.cell["cell_height"] * rows
        core = estimate.read_latency_per_batch_s
        for share in range(found["share"].size):
            active, ones = int(found["active"][place, share]), int(found["ones"][place, share])
            condition = f"{active} active"
            conductance = (active - ones) / self.cell["r_on"] + ones / self.cell["r_off"]
            # As the networks' arrays do it.
            line = voltage * wire_loss(conductance, float(estimate.column_resistance_ohm))
            shared = shared_wire_current(voltage, conductance, wire)
            gate = float(found["mux_resistance"][place, share])
            yield self._item(
                rows, "read_current", condition, "A", found["read_current"][place, share], line, shared
            )
            yield self._item(
                rows,
                "read_current_mux",
                condition,
                "A",
                found["read_current_mux"][place, share],
                behind(voltage, line, 2 * estimated_gate),
                behind(voltage, shared, 2 * gate),
            )
            yield self._item(
                rows,
                "settling",
                condition,
                "s",
                found["settling_time_10"][place, share],
                float(core["column_mux"]) + float(core["column"]),
                self._settling(place, rows, gate, wire),
            )

    def _line_capacitance(self, rows: int) -> float:
        """Wire and drains of the half-selected cells (F), with the drain capacitance of the card."""
        drains = self.cell["access_width_n"] + self.cell["access_width_p"]
        wire = self.card["wire_capacitance"] * self.cell["cell_height"]
        return rows * (wire + self.card["drain_capacitance"] * drains)

    def _settling(self, place: int, rows: int, gate_ohm: float, wire_ohm: float) -> float:
        fin = 2 * self.card["fin_height"] + self.card["fin_width"]
        n, p = (float(self.found[f"mux_fins_{kind}"][place]) * fin for kind in ("n", "p"))
        drain = self.card["drain_capacitance"] * (n + p)
        # Only the n-FinFET conducts near ground; its channel's charge comes from either side by halves.
        channel = self.card["gate_capacitance"] * n / 2
        column = self._line_capacitance(rows)
        reset = 2 * 33.33 * self.card["feature_size"] * self.card["drain_capacitance"]
        node = (_COLUMNS + 1) * drain + 2 * channel + reset
        return settling_time(gate_ohm, node, column + drain + channel, wire_ohm, column)

    def _writes(self, place: int, rows: int, estimate: Estimate) -> Iterator[Comparison]:
        line = self._line_capacitance(rows)
        source_line = self._source_line_direction()
        for number, direction in enumerate(DIRECTIONS):
            voltage = self.cell[f"write_voltage_{direction}"]
            energy = self.cell[f"write_energy_{direction}"]
            stored = float(estimate.column_capacitance_F) * voltage**2
            yield self._item(
                rows,
                "line_energy",
                direction,
                "J",
                self.found["line_energy"][place, number],
                stored,
                line * voltage**2,
            )
            raised = 1.0 if direction == source_line else 0.0
            for ending in ("", "_strong"):
                supply = float(self.found[f"supply_voltage{ending}"][place, number])
                refined = energy + raised * line * voltage**2
                if not ending:
                    refined = self._driven(direction, energy, supply / voltage) + raised * line * supply**2
                yield self._item(
                    rows,
                    f"write_energy{ending}",
                    direction,
                    "J",
                    self.found[f"supply_energy{ending}"][place, number],
                    energy + raised * stored,
                    refined,
                )

    def _source_line_direction(self) -> str:
        """The direction that is written with the source line, that is the column, high."""
        return "1to0" if self.cell["ltp_voltage"] == self.cell["write_voltage_1to0"] else "0to1"

    def _driven(self, direction: str, energy: float, factor: float) -> float:
        """Supply energy (J) of a cell behind a driver that needs `factor` times the cell's voltage.

        With the bit line high the driver stands in the source of the access transistors: it holds their
        current, which is drawn from a higher rail. With the source line high it is a resistance R, and the
        supply is set for the state before: factor = 1 + R/R_before. After switching the current is
        V factor/(R_after + R), the energy of the rest of the pulse factor**2/(1 + R/R_after) of the cell's.
        """
        if direction != self._source_line_direction():
            return energy * factor
        on, off = self.cell["r_on"], self.cell["r_off"]
        before_to_after = on / off if direction == "0to1" else off / on
        return energy * factor**2 / (1 + (factor - 1) * before_to_after)
