"""Columns of real bitcells with their wires and drivers in ngspice: the truth that array estimates meet.

N instances of the bitcell's netlist hang on one column line (the source line) whose wire is one resistance
and capacitance a cell pitch (`spice/testbenches/column.cir` and `column_write.cir` document the circuit).
Bit lines run along the rows, as in the parallel-read synaptic array; with `bit_line="column"` they run
beside the source line, as in a plain memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flow.measure.bench import Bench
from flow.measure.column_deck import Column, Rows, deck
from flow.measure.load_line import measure_load_line
from flow.measure.transient import GUARD
from flow.spice.session import SimulatorError

_START = 50e-12
_MAX_STEP = 20e-12
_FAR_OPEN = 1e12
_SHORT = 1e-3
_LEVELS = (0.1, 0.01)
_FIRST_STOP, _LONGEST_STOP = 100e-12, 50e-9
_TOLERANCE = 1e-4
_LOAD_LINE_STEP = 1e-3
_MOST_SUPPLY = 2


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
        supply_voltage: V, at which the cell, still in its old state, carries its characterised current.
        cell_energy: energy that the written cell takes at its two line terminals, J.
        supply_energy: energy drawn from the rail of the driven line, its voltage times the charge, J.
        switched: whether the cell ended in the other state.
    """

    supply_voltage: float
    cell_energy: float
    supply_energy: float
    switched: bool


def read_current(bench: Bench, column: Column, rows: Rows, voltage: float, *, through_mux: bool) -> float:
    """Column current (A) at the read voltage (V), by DC analysis.

    The read circuit is a perfect virtual ground: at the very end of the column, or behind the two pass gates.

    Raises:
        SimulatorError: ngspice did not converge.
    """
    simulator = bench.simulator()
    values = _read_parameters(bench, column, voltage) | {"r_bypass": _FAR_OPEN if through_mux else _SHORT}
    simulator.load(deck(bench, "column", column, rows, values, ("vcol#branch",)))
    vectors = simulator.run("op")
    simulator.unload()
    return abs(float(vectors["vcol#branch"][0]))


def mux_resistance(bench: Bench, column: Column, rows: Rows, voltage: float) -> float:
    """Resistance (ohm) of one of the two pass gates at the read voltage (V), by DC analysis.

    Raises:
        SimulatorError: ngspice did not converge.
    """
    simulator = bench.simulator()
    values = _read_parameters(bench, column, voltage) | {"r_bypass": _FAR_OPEN}
    simulator.load(deck(bench, "column", column, rows, values, ("vcol#branch", "out", "end")))
    vectors = simulator.run("op")
    simulator.unload()
    drop = float(vectors["out"][0] - vectors["end"][0])
    return abs(drop / float(vectors["vcol#branch"][0])) / 2


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
    simulator.load(deck(bench, "column", column, rows, values, (watched,)))
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
    simulator.load(deck(bench, "column_write", column, rows, values, ("vcol#branch", "sl_0")))
    end = _START + GUARD + width
    vectors = simulator.run(f"tran {_MAX_STEP:.6g} {end:.12g} 0 {_MAX_STEP:.6g}")
    simulator.unload()
    return float(np.trapezoid(vectors["vcol#branch"], vectors["time"]))


def write(bench: Bench, column: Column, row: int, stored: int, voltage: float, width: float) -> Write:
    """Write the cell of `row` (0 is nearest to the driver) from `stored` to the other state.

    The supply is raised until the cell, in its old state, carries the junction current that it carries at
    `voltage` (V) between perfect lines; then a pulse of `width` (s at half height) is simulated with the free
    layer moving. A bit line that is pulsed is a perfect source; the source line always has its driver.

    Raises:
        SimulatorError: ngspice did not converge, or no supply up to twice `voltage` gives it.
    """
    line = bench.spec.write.line_0to1 if stored == 0 else bench.spec.write.line_1to0
    source = "v_end" if line == "sl" else "v_bl"
    cells = np.arange(column.rows) % 2
    cells[row] = stored
    rows = Rows(np.arange(column.rows) == row, cells)
    grid = np.array([voltage - _LOAD_LINE_STEP, voltage])
    wanted = abs(float(measure_load_line(bench, line, grid, np.array([-1.0, 1.0])).current[-1, 1 - stored]))

    def prepare(supply: float, save: Sequence[str], *, moving: bool) -> None:
        values = _write_parameters(bench, column, width, supply) | {source: supply}
        simulator.load(deck(bench, "column_write", column, rows, values, save, written=row, moving=moving))

    simulator = bench.simulator()
    supply, slope = voltage, 1 / voltage
    before: tuple[float, float] | None = None
    for _ in range(40):
        prepare(supply, ("vts#branch",), moving=False)
        missing = 1 - abs(float(simulator.run("op")["vts#branch"][0])) / wanted
        if abs(missing) < _TOLERANCE:
            break
        if before is not None:
            slope = (before[1] - missing) / (supply - before[0])
        before = supply, missing
        supply += missing / slope
        if not 0 < supply < _MOST_SUPPLY * voltage:
            raise SimulatorError([f"no supply up to {_MOST_SUPPLY} x {voltage:.3g} V writes row {row}"])
    state = f"@n.x{row}.{bench.cell.mtj.lower()}[mz]"
    saved = ("ts", "tb", "vts#branch", "vtb#branch", "vbl#branch", "vend#branch", state)
    prepare(supply, saved, moving=True)
    stop = 4 * GUARD + width + 2 * bench.spec.write.edge
    wave = simulator.run(f"tran {_MAX_STEP:.6g} {stop:.12g} 0 {_MAX_STEP:.6g}")
    simulator.unload()
    time = wave["time"]
    cell = wave["ts"] * wave["vts#branch"] + wave["tb"] * wave["vtb#branch"]
    # A driver switches the line from its rail to ground: what flows back at the falling edge is lost.
    charge = np.trapezoid(np.maximum(-wave[f"{source.replace('_', '')}#branch"], 0.0), time)
    return Write(
        supply_voltage=supply,
        cell_energy=float(np.trapezoid(cell, time)),
        supply_energy=supply * float(charge),
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
