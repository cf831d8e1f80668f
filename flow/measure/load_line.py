"""Load lines: the current that the whole bitcell drives through an MTJ held at m_z, by DC analysis.

This is the contract between SPICE and the statistics (quasi-static cell): `i(z)` at every line
voltage, from which the Fokker-Planck equation gives error rates. One DC sweep over many frozen
copies of the cell gives the whole surface.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BarycentricInterpolator, make_interp_spline

from flow.errors import UserError
from flow.measure.bench import Bench
from flow.spec import Line
from flow.spice.deck import STATIC, mtj_paths, render

_VARIABLES = ("v_top", "v_bottom", "resistance", "drive")


@dataclass(frozen=True)
class LoadLine:
    """A surface over line voltage and frozen state.

    Attributes:
        line: the line that is driven, `bl` or `sl`; the other one is at 0 V.
        voltage: (V,) line voltage, V.
        state: (K,) frozen m_z, ascending.
        current: (V, K) current into terminal t of the MTJ, A; positive drives 0 -> 1.
        drive: (V, K) reduced drive i, positive towards m_z = -1.
        v_top, v_bottom: (V, K) barrier voltages, V.
    """

    line: Line
    voltage: NDArray[np.float64]
    state: NDArray[np.float64]
    current: NDArray[np.float64]
    drive: NDArray[np.float64]
    v_top: NDArray[np.float64]
    v_bottom: NDArray[np.float64]

    def drive_at(
        self, voltage: NDArray[np.float64] | float, state: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Drive at other line voltages, cubic between the grid points, and other states (default: the own).

        Between the Chebyshev nodes of m_z the polynomial through them is exact to 1e-4 with 7 nodes.
        Shape: that of `voltage` + (number of states,).
        """
        drive = self._at(self.drive, voltage)
        if state is None:
            return drive
        return polynomial(self.state, drive, state)

    def current_at(self, voltage: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """MTJ current (A) at other line voltages, cubic between the grid points."""
        return self._at(self.current, voltage)

    def _at(self, values: NDArray[np.float64], voltage: NDArray[np.float64] | float) -> NDArray[np.float64]:
        wanted = np.asarray(voltage, dtype=np.float64)
        if np.any(wanted < self.voltage[0]) or np.any(wanted > self.voltage[-1]):
            raise ValueError("line voltage outside the measured range")
        degree = min(3, self.voltage.size - 1)
        result: NDArray[np.float64] = make_interp_spline(self.voltage, values, k=degree, axis=0)(wanted)
        return result


def polynomial(
    nodes: NDArray[np.float64], values: NDArray[np.float64], at: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """The polynomial through `values` (..., K) at `nodes` (K,), at other points."""
    # The library shuffles the nodes for its weights; without a seed no two results are the same.
    result: NDArray[np.float64] = BarycentricInterpolator(nodes, values, axis=-1, rng=0)(at)
    return result


def state_nodes(count: int) -> NDArray[np.float64]:
    """Chebyshev-Lobatto nodes of m_z from -1 to 1, ascending."""
    return -np.cos(np.pi * np.arange(count) / (count - 1))


def measure_load_line(
    bench: Bench, line: Line, voltage: NDArray[np.float64], state: NDArray[np.float64]
) -> LoadLine:
    """Sweep one line over `voltage` (V, uniform, ascending) with the MTJ frozen at every `state`.

    Raises:
        UserError: the MTJ's current has the wrong sign for the declared connection.
        SimulatorError: ngspice did not converge.
    """
    cell = bench.cell
    copies = [{cell.mtj: {"freeze": 1.0, "z_frozen": float(z)}} for z in state]
    paths = mtj_paths(cell, len(copies))
    deck = render(
        bench.testbench("load_line"),
        cell,
        bench.static_bias(selected=True),
        copies=copies,
        save=[f"@{{mtj}}[{name}]" for name in _VARIABLES],
        accuracy=STATIC,
    )
    simulator = bench.simulator()
    simulator.load(deck)
    step = float(voltage[1] - voltage[0])
    # Half a step beyond the end: rounding must not drop the last point.
    vectors = simulator.run(f"dc v{line} {voltage[0]:.12g} {voltage[-1] + step / 2:.12g} {step:.12g}")
    simulator.unload()

    def surface(name: str) -> NDArray[np.float64]:
        return np.stack([vectors[f"@{path}[{name}]"] for path in paths], axis=1)[: voltage.size]

    v_top, v_bottom = surface("v_top"), surface("v_bottom")
    result = LoadLine(
        line=line,
        voltage=voltage,
        state=state,
        current=(v_top + v_bottom) / surface("resistance"),
        drive=surface("drive"),
        v_top=v_top,
        v_bottom=v_bottom,
    )
    _check_direction(bench, result)
    return result


def _check_direction(bench: Bench, load_line: LoadLine) -> None:
    write = bench.spec.write
    expected = 1.0 if load_line.line == write.line_0to1 else -1.0
    if expected * load_line.current[-1].mean() <= 0:
        direction = "0 -> 1" if expected > 0 else "1 -> 0"
        raise UserError(
            f"driving {load_line.line} does not push {direction}: the MTJ's terminals in the netlist and "
            "write.line_0to1 / write.line_1to0 disagree",
            file=bench.cell.netlist.with_suffix(".toml"),
            key="write",
        )
