"""Pulses: transients of the whole bitcell with a moving free layer, for energy, delay and waveforms."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flow.measure.bench import Bench
from flow.spec import Line
from flow.spice.deck import GENERAL, Overrides, mtj_paths, render, with_parameters
from flow.spice.session import SimulatorError, Waveforms

SOURCES = ("vbl", "vsl", "vwl", "vwlb", "vnw", "vpw")
GUARD = 50e-12


@dataclass(frozen=True)
class Resolution:
    """How exactly a transient is computed.

    Attributes:
        max_step: longest time step, s; edges and a moving free layer get shorter ones anyway.
        step_scale: factor on the steps that the junction model allows while its free layer moves.
        accuracy: the simulator's tolerances.
    """

    max_step: float
    step_scale: float
    accuracy: str


FINE = Resolution(100e-12, 1.0, GENERAL)
"""For single pulses: energies to 1e-3 (the corners of the edges), switching times to 5e-4."""

COARSE = Resolution(500e-12, 2.5, "reltol=3e-4 vntol=1e-5 abstol=1e-9")
"""For thousands of samples, in half the time: energies to 1.5e-3, switching times to 1.2e-3."""

_JUNCTION = ("mz", "v_top", "v_bottom", "resistance")
_INSTANCE = re.compile(r"^xcell_(?P<index>\d+) (?P<ports>.+) (?P<cell>\S+)$", re.IGNORECASE)


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


@dataclass(frozen=True)
class PulseCircuit:
    """The circuit of one pulse on one or several copies of a bitcell, made to be simulated.

    Attributes:
        line: the driven line.
        copies: copies of the bitcell; they share sources and time steps.
        deck: what the simulator loads.
        analysis: the command that runs the transient.
        start: middle of the line's rising edge, s.
        stop: end of the transient, s.
    """

    bench: Bench
    line: Line
    copies: int
    deck: str
    analysis: str
    start: float
    stop: float

    def simulate(self) -> list[Pulse]:
        """The pulse of every copy.

        Raises:
            SimulatorError: ngspice did not converge, the transient ended early, or gave no finite energy.
        """
        simulator = self.bench.simulator()
        simulator.load(self.deck)
        try:
            vectors = simulator.run(self.analysis)
        finally:
            simulator.unload()
        return [self._pulse(vectors, copy) for copy in range(self.copies)]

    def _pulse(self, vectors: Waveforms, copy: int) -> Pulse:
        time = vectors["time"]
        if time[-1] < self.stop * (1 - 1e-9):
            raise SimulatorError([f"the transient stopped at {time[-1]:.4g} s of {self.stop:.4g} s"])
        node = {source: vectors[source[1:]] for source in SOURCES}
        drawn = {source: drawn_current(source, self.copies, copy) for source in SOURCES}
        current = {source: sign * vectors[name] for source, (sign, name) in drawn.items()}
        path = mtj_paths(self.bench.cell, self.copies)[copy]
        state, top, bottom, resistance = (vectors[f"@{path}[{name}]"] for name in _JUNCTION)
        pulse = Pulse(
            time=time,
            voltage=node,
            current=current,
            state=state,
            junction_current=(top + bottom) / resistance,
            energy={source: float(np.trapezoid(node[source] * current[source], time)) for source in SOURCES},
            charge=float(np.trapezoid(current[f"v{self.line}"], time)),
            switching_time=crossing(time, state) - self.start,
        )
        if not np.isfinite([pulse.total_energy, pulse.charge]).all():
            raise SimulatorError(["the transient gave no finite energy"])
        return pulse


def pulse_circuit(
    bench: Bench,
    testbench: str,
    line: Line,
    voltage: float,
    width: float,
    *,
    stored: int,
    samples: Sequence[Overrides] = ({},),
    resolution: Resolution = FINE,
    options: str = "",
) -> PulseCircuit:
    """The circuit of one pulse of `voltage` (V) and `width` (s, at half height) on `line`.

    Every sample is a copy of the cell with these instance parameters; none but the nominal one without any.
    It starts in state `stored` at the typical thermal angle (quantile 0.5), is selected for the pulse and
    deselected after it.
    """
    parameters, stop, start = pulse_parameters(bench, line, voltage, width)
    step = resolution.max_step
    analysis = f"tran {step:.12g} {stop:.12g} 0 {step:.12g}"
    controls = {"state": float(stored), "step_scale": resolution.step_scale}
    copies = range(len(samples))
    deck = render(
        bench.testbench(testbench),
        bench.cell,
        parameters,
        copies=[with_parameters(sample, bench.cell.mtj, controls) for sample in samples],
        save=[
            *(source[1:] for source in SOURCES),
            *(drawn_current(source, len(copies), copy)[1] for copy in copies for source in SOURCES),
            *(f"@{{mtj}}[{name}]" for name in _JUNCTION),
        ],
        accuracy=resolution.accuracy,
        options=options,
    )
    return PulseCircuit(bench, line, len(samples), _with_senses(deck), analysis, start, stop)


def measure_pulse(
    bench: Bench, testbench: str, line: Line, voltage: float, width: float, *, stored: int
) -> Pulse:
    """Simulate one pulse on the nominal cell, as `pulse_circuit` describes it.

    Raises:
        SimulatorError: ngspice did not converge or stopped early.
    """
    (pulse,) = pulse_circuit(bench, testbench, line, voltage, width, stored=stored).simulate()
    return pulse


def drawn_current(source: str, copies: int, copy: int) -> tuple[float, str]:
    """Sign and vector of the current that one of the copies in a pulse circuit draws from a source."""
    # ngspice counts a current as positive into a source's + terminal: a source delivers the negative,
    # and through the zero-volt source between line and copy flows what the copy draws.
    return (-1.0, f"{source}#branch") if copies == 1 else (1.0, f"{_sense(copy, source)}#branch")


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
        # The cell is at rest before: nothing would be seen there.
        "t_start": 0.0,
    }
    return parameters, 3 * GUARD + width + 2 * edge, GUARD + edge / 2


def crossing(time: NDArray[np.float64], state: NDArray[np.float64]) -> float:
    """First time (s) at which m_z passes zero; nan if it does not."""
    beyond = np.flatnonzero(state * state[0] < 0)
    if beyond.size == 0:
        return float("nan")
    after = int(beyond[0])
    span = state[after] - state[after - 1]
    return float(time[after - 1] - state[after - 1] / span * (time[after] - time[after - 1]))


def _sense(copy: int, source: str) -> str:
    return f"vsense_{copy}_{source[1:]}"


def _with_senses(deck: str) -> str:
    """The deck with a zero-volt source between every port of each of several copies and the shared line."""
    lines = []
    for line in deck.splitlines():
        match = _INSTANCE.match(line)
        if match is None:
            lines.append(line)
            continue
        copy = int(match["index"])
        ports = match["ports"].split()
        lines += [f"{_sense(copy, f'v{port}')} {port} {port}_{copy} 0" for port in ports]
        lines.append(f"{line.split()[0]} {' '.join(f'{port}_{copy}' for port in ports)} {match['cell']}")
    return "\n".join([*lines, ""])
