"""A training of seconds in the published cells, and how it ends when nothing goes wrong."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np


def train_options(epochs: int = 3) -> list[str]:
    """`mtj-neuro train`: traces `t.h5` and `t.csv`, checkpoints `kept`, all in the working directory."""
    words = "train --cells paper --cell dmtj/0.85 --images 4000 --replicas 2 --jobs 2 --checkpoint-seconds 0"
    return [*words.split(), "--epochs", str(epochs), "--output", "t.h5", "--checkpoints", "kept"]


@dataclass(frozen=True)
class Trained:
    """What an undisturbed training wrote, and how long it took."""

    traces: bytes
    lines: bytes
    seconds: float

    def assert_same(self, folder: Path) -> None:
        """The same data; where they come from may have changed, while someone works on the code."""
        assert (folder / "t.csv").read_bytes() == self.lines
        with h5py.File(folder / "t.h5") as found, h5py.File(io.BytesIO(self.traces)) as right:
            assert found.attrs["settings"] == right.attrs["settings"]
            assert list(found) == list(right)
            for name in right:
                if isinstance(right[name], h5py.Dataset):
                    np.testing.assert_array_equal(found[name][()], right[name][()])
