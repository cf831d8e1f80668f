"""What the tests of learning share: the data set (read once), the published cells, short runs."""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neuro import dataset
from neuro.cells import Bitcell, paper_cells
from neuro.network import Settings
from neuro.training import Run, train_all

REFERENCE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "reference" / "learning_paper.json").read_text(encoding="utf-8")
)


@functools.cache
def mnist() -> dataset.Dataset:
    return dataset.load()


@functools.cache
def short_mnist() -> dataset.Dataset:
    full = mnist()
    return dataset.Dataset(full.train, full.test.head(300), full.classes)


def published(name: str, variant: str = "0.85") -> Bitcell:
    return next(cell for cell in paper_cells() if (cell.name, cell.variant) == (name, variant))


def faulty(cell: Bitcell, wer: float = 2e-3, rdr: float = 1e-5) -> Bitcell:
    """The same cell with error rates so high that a short run meets many."""
    return dataclasses.replace(
        cell, cell=dataclasses.replace(cell.cell, wer_0to1=wer, wer_1to0=2 * wer, rdr=rdr)
    )


@functools.cache
def published_run(name: str) -> Run:
    """15 epochs exactly as published: the C library's sequence, the reference model."""
    run = Run(published(name), Settings(model="neurosim", rng="libc"), 0)
    train_all([run], mnist(), 15)
    return run


def same_traces(first: Run, second: Run) -> None:
    """Assert that two runs are equal bit for bit: records, events, and state of the arrays."""
    assert len(first.records) == len(second.records) > 0
    for one, other in zip(first.records, second.records, strict=True):
        assert one.accuracy == other.accuracy
        np.testing.assert_equal(one.unclamped, other.unclamped)
        for seen, again in zip(one.events, other.events, strict=True):
            np.testing.assert_array_equal(seen.histogram, again.histogram)
            np.testing.assert_array_equal(seen.counters, again.counters)
    for place, (one, other) in enumerate(zip(first.network.arrays, second.network.arrays, strict=True)):
        synapses = first.settings.shapes[place][1]
        np.testing.assert_array_equal(one.weights[:, :synapses], other.weights[:, :synapses])
        for name in ("digits", "actual", "current"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def recorded(path: Path) -> dict[str, str]:
    """Every dataset and attribute of a trace, to the last digit, but what says which command made it."""
    with h5py.File(path) as file:
        found = {f"/{name}": repr(np.asarray(file[name][()]).tolist()) for name in file}
        found |= {name: repr(value) for name, value in file.attrs.items() if name != "provenance"}
    return found
