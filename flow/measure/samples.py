"""Error rates of process samples: load lines of many varied bitcells in one deck, then Fokker-Planck.

One deck holds one copy of the bitcell a sample; one nested DC sweep over the line voltage and the angle of
all junctions gives the whole surface, each point starting from its neighbour's solution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from flow.device.fokker_planck import switching_probabilities
from flow.device.mtj import Z_OF_STATE
from flow.measure.bench import Bench
from flow.measure.load_line import polynomial, state_nodes
from flow.measure.operating_point import Side
from flow.parallel import Arrays, digest
from flow.spec import Line
from flow.spice.deck import STATIC, Overrides, mtj_paths, render, with_parameters
from flow.spice.session import SimulatorError
from flow.statistics.variation import variation_of

Array = NDArray[np.float64]

BATCH = 64
"""Samples a deck. Fixed, so that no result depends on the number of workers."""

SAFE_OPTIONS = "itl1=2000 itl2=1000 gminsteps=50 srcsteps=50"
"""For a sample that does not converge at the first try: more iterations, the same equations."""

CONVERGED, RETRIED, FAILED = 0, 1, 2

_FINE = state_nodes(49)
_LEAST = 1e-300
_VARIABLES = ("drive", "resistance", "v_top", "v_bottom")


@dataclass(frozen=True)
class Operation:
    """A write or a read: `name` is "0to1", "1to0" or "read"; `pulse` in s; `target` an error rate.

    `side="stay"` makes the error rate that of a write, `side="leave"` that of a read.
    """

    name: Literal["0to1", "1to0", "read"]
    stored: int
    line: Line
    side: Side
    pulse: float
    target: float
    limit: float


def operations_of(bench: Bench) -> tuple[Operation, ...]:
    """Both writes and the read of a bitcell.

    The read is that of state 0: its current pushes 0 -> 1, so state 1 is held by it, not disturbed.
    """
    write, read, variant = bench.spec.write, bench.spec.read, bench.variant
    pulse, reach = variant.write_pulse, write.max_voltage
    return (
        Operation("0to1", 0, write.line_0to1, "stay", pulse, write.wer, reach),
        Operation("1to0", 1, write.line_1to0, "stay", pulse, write.wer, reach),
        Operation("read", 0, read.line, "leave", variant.read_pulse, read.rdr, read.max_voltage),
    )


@dataclass(frozen=True)
class SampleRates:
    """One batch of samples to simulate.

    Attributes:
        y: (S, D) standardised deviations.
        voltage: (P,) line voltages, uniform, ascending, V.
        pulse: (Q,) pulse widths, s.
        states: nodes of m_z.
    """

    bench: Bench
    operation: Operation
    y: Array
    voltage: Array
    pulse: Array
    states: int

    @property
    def label(self) -> str:
        """What a progress bar shows."""
        return f"{self.bench.name} {self.bench.variant_name} {self.operation.name}"

    @property
    def samples(self) -> int:
        """SPICE samples of this batch."""
        return int(self.y.shape[0])

    @property
    def key(self) -> str:
        """Hash of everything that the result depends on."""
        operation, variation = self.operation, variation_of(self.bench)
        values = np.stack(
            [variable.at(self.y[:, k]) for k, variable in enumerate(variation.variables)], axis=1
        )
        return digest(
            "rates",
            self.bench.fingerprint,
            [operation.stored, operation.line, operation.side, self.states, *variation.names],
            values,
            self.voltage,
            self.pulse,
        )

    def run(self) -> Arrays:
        """Simulate the batch.

        Returns:
            `ln_rate` (S, P, Q); `current` and `junction` (S, P, 2), the current (A) and the voltage (V) of
            the junction in states 0 and 1; `status` (S,): 0 converged, 1 after a retry, 2 failed (NaN).
        """
        variation = variation_of(self.bench)
        copies = variation.overrides(self.y)
        shape = (self.samples, self.voltage.size, self.states)
        found = {name: np.full(shape, np.nan) for name in _VARIABLES}
        status = np.zeros(self.samples, dtype=np.int64)
        missing = np.ones(self.samples, dtype=np.bool_)
        for rows, options, mark in _attempts(self.samples):
            todo = [row for row in rows if missing[row]]
            if not todo:
                continue
            status[todo] = mark
            try:
                part = self.load_lines([copies[row] for row in todo], options)
            except SimulatorError:
                continue
            for name in _VARIABLES:
                found[name][todo] = part[name]
            missing = _missing(found)
        self.bench.refuse_changed_files()
        status[missing] = FAILED
        good = status != FAILED
        ln_rate = np.full((self.samples, self.voltage.size, self.pulse.size), np.nan)
        if good.any():
            ln_rate[good] = self._ln_rate(self.y[good], found["drive"][good])
        junction = found["v_top"] + found["v_bottom"]
        ends = [int(np.argmin(np.abs(state_nodes(self.states) - z))) for z in Z_OF_STATE]
        return {
            "ln_rate": ln_rate,
            "current": (junction / found["resistance"])[:, :, ends],
            "junction": junction[:, :, ends],
            "status": status,
        }

    def split(self) -> Sequence[SampleRates]:
        """Smaller batches, to find the sample that kills or hangs the simulator."""
        if self.samples == 1:
            return ()
        pieces = np.array_split(np.arange(self.samples), min(8, self.samples))
        return [
            SampleRates(self.bench, self.operation, self.y[rows], self.voltage, self.pulse, self.states)
            for rows in pieces
        ]

    def merge(self, parts: Sequence[Arrays]) -> Arrays:
        """The result of the whole from those of `split`."""
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def failed(self) -> Arrays:
        """The result of a batch that cannot be simulated: every sample flagged."""
        rows, points = self.samples, self.voltage.size
        return {
            "ln_rate": np.full((rows, points, self.pulse.size), np.nan),
            "current": np.full((rows, points, 2), np.nan),
            "junction": np.full((rows, points, 2), np.nan),
            "status": np.full(rows, FAILED, dtype=np.int64),
        }

    def load_lines(self, copies: Sequence[Overrides], options: str = "") -> dict[str, Array]:
        """Load lines of copies of the bitcell, (S, P, K) each: drive, resistance (ohm), v_top, v_bottom (V).

        Raises SimulatorError if ngspice does not converge with all of them in one deck.
        """
        bench, voltage = self.bench, self.voltage
        frozen = [with_parameters(copy, bench.cell.mtj, {"freeze": 1.0}) for copy in copies]
        deck = render(
            bench.testbench("load_surface"),
            bench.cell,
            bench.static_bias(selected=True),
            copies=frozen,
            save=[f"@{{mtj}}[{name}]" for name in _VARIABLES],
            accuracy=STATIC,
            options=options,
            angle="held_angle",
        )
        paths = mtj_paths(bench.cell, len(copies))
        step = float(voltage[1] - voltage[0]) if voltage.size > 1 else 1e-3
        # Equal steps of the angle are the Chebyshev nodes of m_z = cos(angle), here from z = 1 down to -1.
        turn = np.pi / (self.states - 1)
        simulator = bench.simulator()
        simulator.load(deck)
        try:
            vectors = simulator.run(
                f"dc v{self.operation.line} {voltage[0]:.12g} {voltage[-1] + step / 2:.12g} {step:.12g} "
                f"vheld 0 {np.pi + turn / 2:.12g} {turn:.16g}"
            )
        finally:
            simulator.unload()
        try:
            found = {}
            for name in _VARIABLES:
                rows = np.stack([vectors[f"@{path}[{name}]"] for path in paths])
                surface = rows.reshape(len(copies), self.states, -1)[:, ::-1, : voltage.size]
                found[name] = surface.transpose(0, 2, 1)
        except ValueError as error:
            # A sweep that stopped early has fewer points than asked for.
            raise SimulatorError([f"the sweep stopped early: {error}"]) from None
        return found

    def _ln_rate(self, y: Array, drive: Array) -> Array:
        count, points, _ = drive.shape
        population = variation_of(self.bench).junctions(y)
        delta = np.broadcast_to(np.asarray(population.delta), count)
        tau_d = np.broadcast_to(np.asarray(population.tau_d), count)
        fine = polynomial(state_nodes(self.states), drive.reshape(count * points, -1), _FINE)
        result = switching_probabilities(
            np.repeat(delta, points),
            _FINE,
            fine,
            self.pulse[None, :] / np.repeat(tau_d, points)[:, None],
            int(Z_OF_STATE[self.operation.stored]),
        )
        rate = result.stay if self.operation.side == "stay" else result.leave
        ln_rate: Array = np.log(np.maximum(rate, _LEAST)).reshape(count, points, self.pulse.size)
        return ln_rate


def _attempts(samples: int) -> list[tuple[list[int], str, int]]:
    """All at once; then each alone, so that one bad sample spoils no other; then each with safer options."""
    alone = [[row] for row in range(samples)]
    return [
        (list(range(samples)), "", CONVERGED),
        *((rows, "", RETRIED) for rows in alone),
        *((rows, SAFE_OPTIONS, RETRIED) for rows in alone),
    ]


def _missing(found: dict[str, Array]) -> NDArray[np.bool_]:
    """Samples of which a number is missing."""
    whole = [np.isfinite(values).all(axis=(1, 2)) for values in found.values()]
    missing: NDArray[np.bool_] = ~np.all(whole, axis=0)
    return missing
