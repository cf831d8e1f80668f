"""Batches of real transients in which one sample misbehaves: by ngspice itself or by its process."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import flow.measure.pulses
from flow.measure.bench import Bench
from flow.measure.pulses import SamplePulses
from flow.measure.transient import COARSE
from flow.parallel import digest
from flow.spice.deck import Overrides
from flow.statistics.variation import variation_of

MARK = 0.4321
"""First deviation of the sample that misbehaves."""

NEVER_TIGHT_ENOUGH = "itl4=1 reltol=1e-15 abstol=1e-40 vntol=1e-40 chgtol=1e-40"


@dataclass(frozen=True)
class TroubledPulses(SamplePulses):
    """Pulses whose marked samples misbehave in the way of `how`, as long as the file `armed` is there.

    hang: time steps so small that ngspice does not come back; crash: a transistor without fins beside others,
    at which ngspice 46 ends with SIGSEGV (alone it is refused); lost: a number that ngspice cannot read,
    after which it refuses all others; stop: SIGSTOP; impossible: a transistor of 1e12 fins, for which no time
    step is small enough; fragile: the same by tolerances, unless the safer options come.
    """

    how: str = ""
    armed: str = ""
    once: bool = False

    @property
    def key(self) -> str:
        return digest("troubled", self.how, super().key)

    def split(self) -> Sequence[TroubledPulses]:
        if self.samples == 1:
            return ()
        return [replace(self, y=self.y[row : row + 1]) for row in range(self.samples)]

    def _simulate(self, copies: Sequence[Overrides], options: str) -> dict[str, NDArray[np.float64]]:
        marked = self._marked()
        bad = [copy["nmtj"]["t_fl"] == marked for copy in copies]
        if not any(bad) or not Path(self.armed).exists():
            return super()._simulate(copies, options)
        if self.once:
            Path(self.armed).unlink()
        if self.how == "hang":
            flow.measure.pulses.COARSE = replace(COARSE, max_step=1e-22)
        elif self.how == "stop":
            # With ngspice loaded and its models in use, as in the middle of a batch.
            super()._simulate(copies, options)
            os.kill(os.getpid(), signal.SIGSTOP)
        elif self.how == "fragile" and not options:
            options = NEVER_TIGHT_ENOUGH
        fins = {"crash": 0.0, "lost": float("nan"), "impossible": 1e12}.get(self.how)
        if fins is not None:
            copies = [
                {**copy, "nn": {**copy["nn"], "nfin": fins}} if is_bad else copy
                for copy, is_bad in zip(copies, bad, strict=True)
            ]
        return super()._simulate(copies, options)

    def _marked(self) -> float:
        y = np.zeros((1, variation_of(self.bench).dimension))
        y[0, 0] = MARK
        return variation_of(self.bench).overrides(y)[0]["nmtj"]["t_fl"]


def pulses(bench: Bench, samples: int = 6, marked: Sequence[int] = (2,), seed: int = 3) -> SamplePulses:
    """A batch of write pulses; the samples `marked` carry the mark."""
    y = np.random.default_rng(seed).standard_normal((samples, variation_of(bench).dimension))
    y[list(marked), 0] = MARK
    return SamplePulses(bench, "write", "sl", 0.64, 1.16e-9, 0, y)


def troubled(batch: SamplePulses, how: str, armed: Path, *, once: bool = False) -> TroubledPulses:
    """The same batch with trouble in it, which `armed` starts: the file is made here."""
    armed.touch()
    return TroubledPulses(**vars(batch), how=how, armed=str(armed), once=once)
