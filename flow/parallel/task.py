"""Tasks and plans: what there is to do, and how much of it is done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from flow.table import BitcellTable

Arrays = dict[str, NDArray[Any]]
Result = Arrays | BitcellTable


class Task(Protocol):
    """A piece of simulation; small and picklable, and the same result wherever it runs."""

    @property
    def key(self) -> str:
        """Hash of everything that the result depends on."""

    @property
    def label(self) -> str:
        """What a progress bar shows."""

    @property
    def samples(self) -> int:
        """How many SPICE samples it stands for."""

    def run(self) -> Result:
        """Do it, in a worker."""

    def split(self) -> Sequence[Task]:
        """The same work in smaller tasks; none if it cannot be split."""

    def merge(self, parts: Sequence[Any]) -> Any:
        """The result from those of `split`."""

    def failed(self) -> Any:
        """The result that says it cannot be done. May raise UserError instead."""


Plan = Generator[Sequence["Task | Plan"], list[Any], Any]


@dataclass
class Count:
    """SPICE samples of a run."""

    simulated: int = 0
    reused: int = 0
    retried: int = 0
    failed: int = 0


@dataclass
class Progress:
    """Work done and known so far; `expected` grows when a plan asks for more than was foreseen."""

    expected: int
    done: int = 0
    tell: Callable[[int, int, str], None] = lambda done, expected, label: None

    def step(self, label: str) -> None:
        """One more task is finished."""
        self.done += 1
        self.expected = max(self.expected, self.done)
        self.tell(self.done, self.expected, label)


def digest(*content: object) -> str:
    """SHA-256 over values and arrays, exact to the last bit."""
    sha = hashlib.sha256()
    for part in content:
        if isinstance(part, np.ndarray):
            sha.update(f"{part.dtype.str}{part.shape}".encode() + np.ascontiguousarray(part).tobytes())
        else:
            sha.update(json.dumps(part, sort_keys=True).encode())
        sha.update(b"\0")
    return sha.hexdigest()
