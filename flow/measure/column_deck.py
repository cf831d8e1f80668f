"""Columns as decks: the rows of a column, the pass gates at its end, and the text that ngspice runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from flow.measure.bench import Bench
from flow.spice.deck import Overrides, render

BitLine = Literal["row", "column"]
_MOVING = 2
"""Number of the subcircuit whose free layer moves; 0 and 1 are frozen in these states."""
_ROW = ("rsl", "csl", "rbl", "cbl")
_RESET_WIDTH_F = 33.33
"""Width (F) of either transistor of the reset switch at the read circuit's input."""


@dataclass(frozen=True)
class PassGate:
    """Fins of the n- and the p-FinFET of a pass gate."""

    fins_n: int
    fins_p: int


@dataclass(frozen=True)
class Column:
    """A column of `rows` bitcells and what stands at its end.

    `pitch_resistance` (ohm) and `pitch_capacitance` (F) are those of one cell's piece of wire; `mux` is one
    pass gate of the column multiplexer, which serves `columns` columns, `driver` one of the write drivers.
    """

    rows: int
    pitch_resistance: float
    pitch_capacitance: float
    mux: PassGate
    driver: PassGate
    columns: int = 16
    reset_fins: int = 13
    bit_line: BitLine = "row"

    def __post_init__(self) -> None:
        # A device without fins stops the simulator's process.
        if min(self.rows, self.columns - 1, self.reset_fins) < 1 or min(self.mux.fins_n, self.mux.fins_p) < 1:
            raise ValueError("a column needs a row, another column beside it, and fins in every switch")

    @property
    def wire_resistance(self) -> float:
        """Resistance of the whole column line, ohm."""
        return self.rows * self.pitch_resistance

    def as_memory(self) -> Column:
        """The same column with its bit line beside the source line, as in a plain memory."""
        return replace(self, bit_line="column")

    def driven_by(self, driver: PassGate) -> Column:
        """The same column with other write drivers."""
        return replace(self, driver=driver)


@dataclass(frozen=True)
class Rows:
    """Which rows are active (word line on) and the state (0 or 1) that every row's cell stores."""

    active: NDArray[np.bool_]
    stored: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.active.shape != self.stored.shape or self.active.ndim != 1:
            raise ValueError("active and stored are of different length")


def spread_rows(rows: int, active: int, ones: int) -> Rows:
    """`active` of `rows` rows spread evenly over the column; of these `ones` store 1, evenly spread too.

    Idle rows store 0 and 1 in turn.
    """
    if not 0 <= ones <= active <= rows:
        raise ValueError("more ones than active rows, or more active rows than rows")
    stored = np.arange(rows) % 2
    on = np.zeros(rows, dtype=np.bool_)
    places = np.floor((np.arange(active) + 0.5) * rows / max(active, 1)).astype(np.int64)
    on[places] = True
    high = np.floor((np.arange(ones) + 0.5) * active / max(ones, 1)).astype(np.int64)
    stored[places] = 0
    stored[places[high]] = 1
    return Rows(on, stored)


def pass_gate(technology: Mapping[str, float], resistance: float) -> PassGate:
    """The pass gate of `resistance` (ohm), in whole fins of a card (`/technology/<card>`, SI units).

    Each of its two transistors has twice that, by the switching resistance kappa vdd/(Ion W).
    """
    width = 2 * technology["fin_height"] + technology["fin_width"]
    switching = technology["effective_resistance_multiplier"] * technology["vdd"]
    n, p = (max(1, round(switching / technology[on] / (2 * resistance) / width)) for on in ("ion_n", "ion_p"))
    return PassGate(n, p)


def column_of(technology: Mapping[str, float], rows: int, *, r_on: float, cell_height: float) -> Column:
    """The column of `rows` cells in a characterised technology, its pass gates sized as array models do.

    The multiplexer's pass gates have r_on/(2 rows), those of the write drivers r_on/2. Technology as in
    `pass_gate`, `r_on` (ohm) of the whole bitcell, `cell_height` in m.
    """
    fin_width = 2 * technology["fin_height"] + technology["fin_width"]
    return Column(
        rows=rows,
        pitch_resistance=technology["wire_resistance"] * cell_height,
        pitch_capacitance=technology["wire_capacitance"] * cell_height,
        mux=pass_gate(technology, r_on / (2 * rows)),
        driver=pass_gate(technology, r_on / 2),
        reset_fins=max(1, math.floor(_RESET_WIDTH_F * technology["feature_size"] / fin_width)),
    )


def deck(
    bench: Bench,
    testbench: str,
    column: Column,
    rows: Rows,
    parameters: Mapping[str, float],
    save: Sequence[str],
    *,
    written: int | None = None,
    moving: bool = False,
) -> str:
    """The testbench with its row repeated.

    Every cell is frozen in its state but, if `moving`, that of row `written`.

    Raises:
        UserError: a parameter that the testbench does not have.
    """
    if rows.active.size != column.rows:
        raise ValueError(f"{rows.active.size} rows given for a column of {column.rows}")
    mtj = bench.cell.mtj
    start = 0.0 if written is None else float(rows.stored[written])
    copies: list[Overrides] = [
        {mtj: {"freeze": 1.0, "z_frozen": 1.0}},
        {mtj: {"freeze": 1.0, "z_frozen": -1.0}},
        {mtj: {"state": start}},
    ]
    text = render(bench.testbench(testbench), bench.cell, parameters, copies=copies)
    kept: list[str] = []
    template: dict[str, list[str]] = {}
    for line in text.splitlines():
        words = line.split()
        first = words[0].lower() if words else ""
        if first in _ROW:
            template[first] = words
        elif first.startswith("xcell_"):
            template["xcell"] = [*words[:-1], "cell"]
        elif first != ".end":
            kept.append(line)
    kinds = rows.stored.copy()
    if moving and written is not None:
        kinds[written] = _MOVING
    for row in range(column.rows):
        kept += _row(template, column, row, bool(rows.active[row]), int(kinds[row]), written=row == written)
    return "\n".join([*kept, *(f".save {_vector(name)}" for name in save), ".end", ""])


def _vector(name: str) -> str:
    return name if "#" in name or name.startswith("@") else f"v({name})"


def _row(
    template: Mapping[str, Sequence[str]], column: Column, row: int, active: bool, kind: int, *, written: bool
) -> list[str]:
    """Elements of one row: the template's nodes moved on by `row`, its gates and bit line by `active`."""
    nodes = {"sl_0": f"sl_{row}", "sl_1": f"sl_{row + 1}", "bl_0": f"bl_{row}", "bl_1": f"bl_{row + 1}"}
    names = _ROW if column.bit_line == "column" else _ROW[:2]
    lines = []
    for name in names:
        words = template[name]
        lines.append(" ".join([f"{words[0]}{row}", *(nodes.get(word.lower(), word) for word in words[1:])]))
    bit_line = nodes["bl_1"] if column.bit_line == "column" else "bl" if active else "bi"
    ends = {"bl": bit_line, "sl_1": nodes["sl_1"]}
    if not active:
        ends |= {"wl": "wi", "wlb": "wib"}
    if written:
        lines += [f"Vts {ends['sl_1']} ts 0", f"Vtb {ends['bl']} tb 0"]
        ends |= {"sl_1": "ts", "bl": "tb"}
    ports = [ends.get(word.lower(), word) for word in template["xcell"][1:-1]]
    return [*lines, " ".join([f"X{row}", *ports, f"cell_{kind}"])]
