"""Pulses on process samples: transients of many varied bitcells in one deck, for energies and times.

The copies share sources and time steps; a zero-volt source at every port of every copy measures what that
copy draws.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flow.measure.bench import Bench
from flow.measure.samples import CONVERGED, FAILED, RETRIED, SAFE_OPTIONS
from flow.measure.transient import MAX_STEP, SOURCES, crossing, pulse_parameters
from flow.parallel import Arrays, digest
from flow.spec import Line
from flow.spice.deck import Overrides, mtj_paths, render
from flow.spice.session import SimulatorError
from flow.statistics.variation import variation_of

Array = NDArray[np.float64]

BATCH = 16
"""Copies a deck: more make the matrix slow, fewer share too little."""

_INSTANCE = re.compile(r"^xcell(?:_(?P<index>\d+))? (?P<ports>.+) (?P<cell>\S+)$", re.IGNORECASE)


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
        bench, mtj = self.bench, self.bench.cell.mtj.lower()
        started = [{**copy, mtj: {**copy.get(mtj, {}), "state": float(self.stored)}} for copy in copies]
        parameters, stop, start = pulse_parameters(bench, self.line, self.voltage, self.width)
        ports = [source[1:] for source in SOURCES]
        senses = [f"vsense_{index}_{port}" for index in range(len(copies)) for port in ports]
        deck = render(
            bench.testbench(self.testbench),
            bench.cell,
            parameters,
            copies=started,
            save=["@{mtj}[mz]", *ports, *(f"{sense}#branch" for sense in senses)],
            options=options,
        )
        simulator = bench.simulator()
        simulator.load(_with_senses(deck))
        try:
            vectors = simulator.run(f"tran {MAX_STEP:.12g} {stop:.12g} 0 {MAX_STEP:.12g}")
        finally:
            simulator.unload()
        time = vectors["time"]
        if time[-1] < stop * (1 - 1e-9):
            raise SimulatorError([f"the transient stopped at {time[-1]:.4g} s of {stop:.4g} s"])
        energy, charge, switching = (np.empty(len(copies)) for _ in range(3))
        for index, path in enumerate(mtj_paths(bench.cell, len(copies))):
            current = {port: vectors[f"vsense_{index}_{port}#branch"] for port in ports}
            energy[index] = sum(np.trapezoid(vectors[port] * current[port], time) for port in ports)
            charge[index] = np.trapezoid(current[self.line], time)
            switching[index] = crossing(time, vectors[f"@{path}[mz]"]) - start
        if not (np.isfinite(energy).all() and np.isfinite(charge).all()):
            raise SimulatorError(["the transient gave no finite energy"])
        return {"energy": energy, "charge": charge, "switching_time": switching}


def _with_senses(deck: str) -> str:
    """The deck with a zero-volt source between every port of every copy and the shared line."""
    lines = []
    for line in deck.splitlines():
        match = _INSTANCE.match(line)
        if match is None:
            lines.append(line)
            continue
        index = match["index"] or "0"
        ports = match["ports"].split()
        lines += [f"vsense_{index}_{port} {port} {port}_{index} 0" for port in ports]
        lines.append(f"{line.split()[0]} {' '.join(f'{port}_{index}' for port in ports)} {match['cell']}")
    return "\n".join([*lines, ""])
