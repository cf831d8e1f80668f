"""Pulses on process samples: transients of many varied bitcells in one deck, for energies and times.

The copies share sources and time steps; a zero-volt source at every port of every copy measures what that
copy draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flow.measure.bench import Bench
from flow.measure.samples import CONVERGED, FAILED, RETRIED, SAFE_OPTIONS
from flow.measure.transient import COARSE, pulse_circuit
from flow.parallel import Arrays, digest
from flow.spec import Line
from flow.spice.deck import Overrides
from flow.spice.session import SimulatorError
from flow.statistics.variation import variation_of

Array = NDArray[np.float64]

BATCH = 16
"""Copies a deck: more make the matrix slow, fewer share too little."""


@dataclass(frozen=True)
class SamplePulses:
    """One batch of samples under one pulse.

    Attributes:
        testbench: "write" or "read"; `line` is driven to `voltage` (V) for `width` (s).
        stored: state at the start, at the typical thermal angle.
        y: (S, D) standardised deviations.
    """

    bench: Bench
    testbench: str
    line: Line
    voltage: float
    width: float
    stored: int
    y: Array

    @property
    def label(self) -> str:
        """What a progress bar shows."""
        return f"{self.bench.name} {self.bench.variant_name} {self.testbench} pulses"

    @property
    def samples(self) -> int:
        """SPICE samples of this batch."""
        return int(self.y.shape[0])

    @property
    def key(self) -> str:
        """Hash of everything that the result depends on."""
        variation = variation_of(self.bench)
        values = np.stack(
            [variable.at(self.y[:, k]) for k, variable in enumerate(variation.variables)], axis=1
        )
        return digest(
            "pulses",
            self.bench.fingerprint,
            [self.testbench, self.line, self.voltage, self.width, self.stored, *variation.names],
            values,
        )

    def run(self) -> Arrays:
        """Simulate the batch.

        Returns:
            (S,) each: `energy` delivered by all sources (J), `charge` by the driven line (C),
            `switching_time` (s, NaN without a crossing of m_z = 0) and `status` as in SampleRates.
        """
        copies = variation_of(self.bench).overrides(self.y)
        result = self.failed()
        attempts = [(list(range(self.samples)), "", CONVERGED)]
        attempts += [([row], "", RETRIED) for row in range(self.samples)]
        attempts += [([row], SAFE_OPTIONS, RETRIED) for row in range(self.samples)]
        for rows, options, mark in attempts:
            todo = [row for row in rows if result["status"][row] == FAILED]
            if not todo:
                continue
            try:
                part = self._simulate([copies[row] for row in todo], options)
            except SimulatorError:
                continue
            for name, values in part.items():
                result[name][todo] = values
            result["status"][todo] = mark
        self.bench.refuse_changed_files()
        return result

    def split(self) -> Sequence[SamplePulses]:
        """One sample each."""
        if self.samples == 1:
            return ()
        return [
            SamplePulses(
                self.bench,
                self.testbench,
                self.line,
                self.voltage,
                self.width,
                self.stored,
                self.y[row : row + 1],
            )
            for row in range(self.samples)
        ]

    def merge(self, parts: Sequence[Arrays]) -> Arrays:
        """The result of the whole from those of `split`."""
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def failed(self) -> Arrays:
        """Every sample flagged."""
        return {
            "energy": np.full(self.samples, np.nan),
            "charge": np.full(self.samples, np.nan),
            "switching_time": np.full(self.samples, np.nan),
            "status": np.full(self.samples, FAILED, dtype=np.int64),
        }

    def _simulate(self, copies: Sequence[Overrides], options: str) -> dict[str, Array]:
        pulses = pulse_circuit(
            self.bench,
            self.testbench,
            self.line,
            self.voltage,
            self.width,
            stored=self.stored,
            samples=copies,
            resolution=COARSE,
            options=options,
        ).simulate()
        return {
            "energy": np.array([pulse.total_energy for pulse in pulses]),
            "charge": np.array([pulse.charge for pulse in pulses]),
            "switching_time": np.array([pulse.switching_time for pulse in pulses]),
        }
