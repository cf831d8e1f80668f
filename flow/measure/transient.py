"""Pulses: transients of the whole bitcell with a moving free layer, for energy, delay and waveforms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flow.measure.bench import Bench
from flow.spec import Line
from flow.spice.deck import mtj_paths, render
from flow.spice.session import SimulatorError

SOURCES = ("vbl", "vsl", "vwl", "vwlb", "vnw", "vpw")
GUARD = 50e-12
MAX_STEP = 20e-12


@dataclass(frozen=True)
class Pulse:
    """One simulated pulse.

    Attributes:
        time: (T,) s, non-uniform.
        voltage: node voltage (T,), V, by source name.
        current: (T,) current that each source delivers to the cell, A, by source name.
        state: (T,) m_z.
        junction_current: (T,) current into terminal t of the MTJ, A.
        energy: energy delivered by each source over the whole pulse, J.
        charge: charge delivered by the driven line, C.
        switching_time: s from the middle of the rising edge to m_z = 0; nan if it is not crossed.
    """

    time: NDArray[np.float64]
    voltage: Mapping[str, NDArray[np.float64]]
    current: Mapping[str, NDArray[np.float64]]
    state: NDArray[np.float64]
    junction_current: NDArray[np.float64]
    energy: Mapping[str, float]
    charge: float
    switching_time: float

    @property
    def total_energy(self) -> float:
        """Energy delivered by all sources, lines, gates and wells together, J."""
        return sum(self.energy.values())

    @property
    def switched(self) -> bool:
        """Whether m_z ended on the other side."""
        return bool(self.state[0] * self.state[-1] < 0)


def measure_pulse(
    bench: Bench, testbench: str, line: Line, voltage: float, width: float, *, stored: int
) -> Pulse:
    """Simulate one pulse of `voltage` (V) and `width` (s, at half height) on `line`.

    The cell starts in state `stored` at the typical thermal angle (quantile 0.5); it is selected for
    the pulse and deselected after it.

    Raises:
        SimulatorError: ngspice did not converge or stopped early.
    """
    parameters, stop, start = pulse_parameters(bench, line, voltage, width)
    deck = render(
        bench.testbench(testbench),
        bench.cell,
        parameters,
        copies=[{bench.cell.mtj: {"state": float(stored)}}],
        save=["all", *(f"@{{mtj}}[{name}]" for name in ("mz", "v_top", "v_bottom", "resistance"))],
    )
    simulator = bench.simulator()
    simulator.load(deck)
    vectors = simulator.run(f"tran {MAX_STEP:.12g} {stop:.12g} 0 {MAX_STEP:.12g}")
    simulator.unload()
    time = vectors["time"]
    if time[-1] < stop * (1 - 1e-9):
        raise SimulatorError([f"the transient stopped at {time[-1]:.4g} s of {stop:.4g} s"])
    node = {source: vectors[source[1:]] for source in SOURCES}
    # ngspice counts a source's current as positive into its + terminal: delivered current is its negative.
    current = {source: -vectors[f"{source}#branch"] for source in SOURCES}
    (path,) = mtj_paths(bench.cell, 1)
    state = vectors[f"@{path}[mz]"]
    junction = vectors[f"@{path}[v_top]"] + vectors[f"@{path}[v_bottom]"]
    return Pulse(
        time=time,
        voltage=node,
        current=current,
        state=state,
        junction_current=junction / vectors[f"@{path}[resistance]"],
        energy={source: float(np.trapezoid(node[source] * current[source], time)) for source in SOURCES},
        charge=float(np.trapezoid(current[f"v{line}"], time)),
        switching_time=crossing(time, state) - start,
    )


def pulse_parameters(
    bench: Bench, line: Line, voltage: float, width: float
) -> tuple[dict[str, float], float, float]:
    """`.param` values of a pulse, the end of its transient and the middle of its rising edge, s."""
    edge = bench.spec.write.edge
    parameters = {
        **bench.pulsed_bias(),
        f"v_{line}": voltage,
        "t_pulse": width,
        "t_edge": edge,
        "t_guard": GUARD,
        "t_start": GUARD,
    }
    return parameters, 4 * GUARD + width + 2 * edge, 2 * GUARD + edge / 2


def crossing(time: NDArray[np.float64], state: NDArray[np.float64]) -> float:
    """First time (s) at which m_z passes zero; nan if it does not."""
    beyond = np.flatnonzero(state * state[0] < 0)
    if beyond.size == 0:
        return float("nan")
    after = int(beyond[0])
    span = state[after] - state[after - 1]
    return float(time[after - 1] - state[after - 1] / span * (time[after] - time[after - 1]))
