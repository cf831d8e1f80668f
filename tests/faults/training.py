"""A training of seconds in the published cells, and how it ends when nothing goes wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
        assert (folder / "t.csv").read_bytes() == self.lines
        assert (folder / "t.h5").read_bytes() == self.traces
