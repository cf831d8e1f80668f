"""What `study.toml` says of the training: the defaults of `mtj-neuro train --study`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from flow.table import load_toml


class Training(BaseModel):
    """The table `[training]`: cells and variants of the bitcell table, and how long to train in them.

    `replicas` have other random numbers; `table_replicas` are trained on top of them, each in cells drawn
    from the intervals of the table.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cells: Annotated[tuple[str, ...], Field(min_length=1)]
    variants: Annotated[tuple[str, ...], Field(min_length=1)]
    epochs: Annotated[int, Field(ge=1, le=10_000)]
    images_per_epoch: Annotated[int, Field(ge=1, le=10_000_000)]
    replicas: Annotated[int, Field(ge=1, le=100_000)]
    table_replicas: Annotated[int, Field(ge=0, le=100_000)] = 0
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    weight_bits: Annotated[int, Field(ge=1, le=8)]

    @property
    def names(self) -> list[str]:
        """`CELL/VARIANT` of everything that is trained in."""
        return [f"{cell}/{variant}" for cell in self.cells for variant in self.variants]


class _Study(BaseModel):
    """Only `[training]` is the networks' business; the rest of the file is the flow's."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    training: Training


def load_training(path: Path) -> Training:
    """The `[training]` of a study file. Raises UserError with file, line and key."""
    return load_toml(path, _Study).training
