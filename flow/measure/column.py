"""Columns of real bitcells with their wires and drivers in ngspice: the truth that array estimates meet.

N instances of the bitcell's netlist hang on one column line (the source line) whose wire is one resistance
and capacitance a cell pitch (`spice/testbenches/column.cir` and `column_write.cir` document the circuit).
Bit lines run along the rows, as in the parallel-read synaptic array; with `bit_line="column"` they run
beside the source line, as in a plain memory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from flow.measure.bench import Bench
from flow.measure.transient import GUARD, MAX_STEP
from flow.spice.deck import Overrides, render
from flow.spice.session import SimulatorError

BitLine = Literal["row", "column"]
_KINDS = 3
"""Subcircuits in a deck: a cell frozen in state 0, one frozen in state 1, one whose free layer moves."""
_MOVING = 2
_ROW = ("rsl", "csl", "rbl", "cbl")
_START = 50e-12
_FAR_OPEN = 1e12
_SHORT = 1e-3
_LEVELS = (0.1, 0.01)
_FIRST_STOP, _LONGEST_STOP = 100e-12, 50e-9
_RESET_WIDTH_F = 33.33
"""Width (F) of either transistor of the reset switch at the read circuit's input."""
_TOLERANCE = 1e-4


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

    @property
    def wire_resistance(self) -> float:
        """Resistance of the whole column line, ohm."""
        return self.rows * self.pitch_resistance

    def as_memory(self) -> Column:
        """The same column with its bit line beside the source line, as in a plain memory."""
        return replace(self, bit_line="column")


@dataclass(frozen=True)
class Rows:
    """Which rows are active (word line on) and the state (0 or 1) that every row's cell stores."""

    active: NDArray[np.bool_]
    stored: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.active.shape != self.stored.shape or self.active.ndim != 1:
            raise ValueError("active and stored are of different length")


@dataclass(frozen=True)
class Settling:
    """Read of a column after its line was driven by a step.

    `current` (A) is the final column current; `time` (s) after the step until the current stays within the
    share `level` of it, by level.
    """

    current: float
    time: Mapping[float, float]


@dataclass(frozen=True)
class Write:
    """One cell of a column written through the column's driver.

    Attributes:
        supply_voltage: V, at which the cell, still in its old state, sees the wanted voltage.
        cell_energy: energy that the written cell takes at its two line terminals, J.
        supply_energy: energy that the supplies of source line and bit line deliver, J.
        switched: whether the cell ended in the other state.
    """

    supply_voltage: float
    cell_energy: float
    supply_energy: float
    switched: bool


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


def pass_gate(resistance: float, resistance_n: float, resistance_p: float, fin_width: float) -> PassGate:
    """The pass gate whose two transistors have twice `resistance` (ohm) each, in whole fins.

    `resistance_n`, `resistance_p` are switching resistances times width, ohm m; `fin_width` in m.
    """
    n, p = (max(1, round(each / (2 * resistance) / fin_width)) for each in (resistance_n, resistance_p))
    return PassGate(n, p)


def read_current(bench: Bench, column: Column, rows: Rows, voltage: float, *, through_mux: bool) -> float:
    """Column current (A) at the read voltage (V), by DC analysis.

    The read circuit is a perfect virtual ground: at the very end of the column, or behind the two pass gates.

    Raises:
        SimulatorError: ngspice did not converge.
    """
    simulator = bench.simulator()
    values = _read_parameters(bench, column, voltage) | {"r_bypass": _FAR_OPEN if through_mux else _SHORT}
    simulator.load(_deck(bench, "column", column, rows, values, ("vcol#branch",)))
    vectors = simulator.run("op")
    simulator.unload()
    return abs(float(vectors["vcol#branch"][0]))


def settle(bench: Bench, column: Column, rows: Rows, voltage: float) -> Settling:
    """Settling of the column's current through the pass gates after a step of the read line.

    The step comes on the line that the cell's TOML reads from: on the active rows' bit lines, or from the
    read circuit on the column line; word lines are already on. The current is taken on the other side, where
    no charging current of the stepped line itself is seen: in the read circuit, or in the bit lines.

    Raises:
        SimulatorError: ngspice did not converge, or the column had not settled at the end.
    """
    watched = "vend#branch" if bench.spec.read.line == "bl" else "vbl#branch"
    simulator = bench.simulator()
    values = _read_parameters(bench, column, voltage) | {"t_start": _START}
    simulator.load(_deck(bench, "column", column, rows, values, (watched,)))
    final = abs(float(simulator.run("op")[watched][0]))
    stop = _FIRST_STOP
    while True:
        vectors = simulator.run(f"tran {stop / 400:.6g} {_START + stop:.12g} 0 {stop / 400:.6g}")
        time, current = vectors["time"], np.abs(vectors[watched])
        times = {level: _beyond(time, current, final, level) - _START for level in _LEVELS}
        if max(times.values()) < 0.7 * stop:
            break
        stop *= 2
        if stop > _LONGEST_STOP:
            raise SimulatorError([f"a column of {column.rows} rows had not settled after {stop:.3g} s"])
    simulator.unload()
    return Settling(final, times)


def line_charge(bench: Bench, column: Column, voltage: float, width: float) -> float:
    """Charge (C) that the driver puts on the column line of half-selected cells to raise it to `voltage`.

    No cell is selected; what the half-selected cells leak during the pulse of `width` (s) is included.

    Raises:
        SimulatorError: ngspice did not converge.
    """
    rows = Rows(np.zeros(column.rows, dtype=np.bool_), np.arange(column.rows) % 2)
    values = _write_parameters(bench, column, width, voltage) | {"v_end": voltage}
    simulator = bench.simulator()
    simulator.load(_deck(bench, "column_write", column, rows, values, ("vcol#branch", "sl_0")))
    end = _START + GUARD + width
    vectors = simulator.run(f"tran {MAX_STEP:.6g} {end:.12g} 0 {MAX_STEP:.6g}")
    simulator.unload()
    return float(np.trapezoid(vectors["vcol#branch"], vectors["time"]))


def write(bench: Bench, column: Column, row: int, stored: int, voltage: float, width: float) -> Write:
    """Write the cell of `row` (0 is nearest to the driver) from `stored` to the other state.

    The supply is raised until the cell, in its old state, sees `voltage` (V) between its lines; then a pulse
    of `width` (s at half height) is simulated with the free layer moving.

    Raises:
        SimulatorError: ngspice did not converge.
    """
    line = bench.spec.write.line_0to1 if stored == 0 else bench.spec.write.line_1to0
    cells = np.arange(column.rows) % 2
    cells[row] = stored
    active = np.arange(column.rows) == row
    rows = Rows(active, cells)
    source = "v_end" if line == "sl" else "v_bl"
    simulator = bench.simulator()
    supply = voltage
    values: dict[str, float] = {}
    for _ in range(20):
        values = _write_parameters(bench, column, width, supply) | {source: supply}
        simulator.load(_deck(bench, "column_write", column, rows, values, ("ts", "tb"), written=row))
        at_cell = simulator.run("op")
        seen = abs(float(at_cell["ts"][0] - at_cell["tb"][0]))
        if abs(seen - voltage) < _TOLERANCE * voltage:
            break
        supply *= voltage / seen
    else:
        raise SimulatorError([f"no supply voltage brings {voltage:.3g} V to the cell of row {row}"])
    state = f"@n.x{row}.{bench.cell.mtj.lower()}[mz]"
    saved = ("ts", "tb", "bl", "end", "vts#branch", "vtb#branch", "vbl#branch", "vend#branch", state)
    simulator.load(
        _deck(bench, "column_write", column, rows, values, saved, written=row, moving=float(stored))
    )
    stop = 4 * GUARD + width + 2 * bench.spec.write.edge
    wave = simulator.run(f"tran {MAX_STEP:.6g} {stop:.12g} 0 {MAX_STEP:.6g}")
    simulator.unload()
    time = wave["time"]
    cell = wave["ts"] * wave["vts#branch"] + wave["tb"] * wave["vtb#branch"]
    supplied = -wave["end"] * wave["vend#branch"] - wave["bl"] * wave["vbl#branch"]
    return Write(
        supply_voltage=supply,
        cell_energy=float(np.trapezoid(cell, time)),
        supply_energy=float(np.trapezoid(supplied, time)),
        switched=bool(wave[state][0] * wave[state][-1] < 0),
    )


def _read_parameters(bench: Bench, column: Column, voltage: float) -> dict[str, float]:
    bias = bench.spec.bias
    return {
        **_wire(column),
        "v_bl" if bench.spec.read.line == "bl" else "v_end": voltage,
        "v_wl": bias.wl_selected,
        "v_wlb": bias.wlb_selected,
        "v_wi": bias.wl_unselected,
        "v_wib": bias.wlb_unselected,
        "v_nw": bias.n_well,
        "v_pw": bias.p_well,
        "v_on": bench.card["vdd"],
        "v_off": bias.n_well,
        "fins_n": float(column.mux.fins_n),
        "fins_p": float(column.mux.fins_p),
        "fins_r": float(column.reset_fins),
        "others": float(column.columns - 1),
    }


def _write_parameters(bench: Bench, column: Column, width: float, supply: float) -> dict[str, float]:
    bias = bench.spec.bias
    return {
        **bench.pulsed_bias(),
        **_wire(column),
        "v_wi": bias.wl_unselected,
        "v_wib": bias.wlb_unselected,
        "v_on": max(bias.n_well, supply),
        "fins_n": float(column.driver.fins_n),
        "fins_p": float(column.driver.fins_p),
        "t_pulse": width,
        "t_edge": bench.spec.write.edge,
        "t_start": _START,
        "t_guard": GUARD,
    }


def _wire(column: Column) -> dict[str, float]:
    resistance, capacitance = column.pitch_resistance, column.pitch_capacitance
    return {"r_pitch": resistance, "c_pitch": capacitance, "r_bl": resistance, "c_bl": capacitance}


def _beyond(time: NDArray[np.float64], current: NDArray[np.float64], final: float, level: float) -> float:
    """Last time (s) at which the current is further than `level` from the final one."""
    outside = np.abs(current / final - 1) > level
    outside[: int(np.searchsorted(time, _START))] = True
    last = int(np.flatnonzero(outside)[-1])
    if last + 1 == time.size:
        return float("inf")
    error = np.abs(current[last : last + 2] / final - 1)
    share = (error[0] - level) / (error[0] - error[1])
    return float(time[last] + share * (time[last + 1] - time[last]))


def _deck(
    bench: Bench,
    testbench: str,
    column: Column,
    rows: Rows,
    parameters: Mapping[str, float],
    save: Sequence[str],
    *,
    written: int | None = None,
    moving: float = 0.0,
) -> str:
    """The testbench with its row repeated; the written row's free layer moves if it is `written`."""
    if rows.active.size != column.rows:
        raise ValueError(f"{rows.active.size} rows given for a column of {column.rows}")
    mtj = bench.cell.mtj
    copies: list[Overrides] = [
        *({mtj: {"freeze": 1.0, "z_frozen": 1.0 - 2.0 * state}} for state in (0, 1)),
        {mtj: {"state": moving}},
    ]
    assert len(copies) == _KINDS
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
    # A frozen cell has no dynamics; a DC analysis of the written cell must see its old state.
    lines = [
        line
        for row in range(column.rows)
        for line in _row(template, column, rows, row, written, frozen="@" not in " ".join(save))
    ]
    return "\n".join([*kept, *lines, *(f".save {_vector(name)}" for name in save), ".end", ""])


def _vector(name: str) -> str:
    return name if "#" in name or name.startswith("@") else f"v({name})"


def _row(
    template: Mapping[str, Sequence[str]],
    column: Column,
    rows: Rows,
    row: int,
    written: int | None,
    *,
    frozen: bool,
) -> list[str]:
    """The elements of one row: nodes `sl_0 sl_1` and `bl_0 bl_1` moved on by `row`, gates and bit line chosen."""
    nodes = {"sl_0": f"sl_{row}", "sl_1": f"sl_{row + 1}", "bl_0": f"bl_{row}", "bl_1": f"bl_{row + 1}"}
    names = _ROW if column.bit_line == "column" else _ROW[:2]
    lines = []
    for name in names:
        words = template[name]
        lines.append(" ".join([f"{words[0]}{row}", *(nodes.get(word.lower(), word) for word in words[1:])]))
    active = bool(rows.active[row])
    bit_line = nodes["bl_1"] if column.bit_line == "column" else "bl" if active else "bi"
    ends = {"bl": bit_line, "sl_1": nodes["sl_1"]}
    if not active:
        ends |= {"wl": "wi", "wlb": "wib"}
    if row == written:
        lines += [f"Vts {ends['sl_1']} ts 0", f"Vtb {ends['bl']} tb 0"]
        ends |= {"sl_1": "ts", "bl": "tb"}
    kind = int(rows.stored[row]) if frozen or row != written else _MOVING
    ports = [ends.get(word.lower(), word) for word in template["xcell"][1:-1]]
    return [*lines, " ".join([f"X{row}", *ports, f"cell_{kind}"])]


def column_of(technology: Mapping[str, float], rows: int, *, r_on: float, cell_height: float) -> Column:
    """The column of `rows` cells in a characterised technology, its pass gates sized as array models do.

    The multiplexer's pass gates have r_on/(2 rows), those of the write drivers r_on/2 by the switching
    resistance kappa vdd/(Ion W) of their transistors. Quantities of `/technology/<card>` by name, SI units.
    """
    fin_width = 2 * technology["fin_height"] + technology["fin_width"]
    switching = technology["effective_resistance_multiplier"] * technology["vdd"]
    resistances = switching / technology["ion_n"], switching / technology["ion_p"]
    return Column(
        rows=rows,
        pitch_resistance=technology["wire_resistance"] * cell_height,
        pitch_capacitance=technology["wire_capacitance"] * cell_height,
        mux=pass_gate(r_on / (2 * rows), *resistances, fin_width),
        driver=pass_gate(r_on / 2, *resistances, fin_width),
        reset_fins=max(1, math.floor(_RESET_WIDTH_F * technology["feature_size"] / fin_width)),
    )
