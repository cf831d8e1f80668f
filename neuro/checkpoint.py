"""Stopping and going on: the whole state of a run in one file, written as a whole or not at all.

Images, errors and chips are functions of seed, replica and step number, so a run that goes on from here ends
with the same traces, bit for bit, wherever it was cut. The file is NumPy's `.npz` without pickled objects; it
ends with a checksum.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from flow.table import UserError, check_seal, replace_file, sealed
from neuro.accounting import ArrayEvents
from neuro.dataset import Dataset
from neuro.training import EpochRecord, Run

_VERSION = 2
_STATE = ("weights", "digits", "touched", "actual", "current", "moments", "gradient")


def data_digest(data: Dataset) -> str:
    """Hash of all images and labels."""
    sha = hashlib.sha256()
    for part in (data.train, data.test):
        for array in (part.lit, part.start, part.labels):
            sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def run_digest(run: Run, data: str) -> str:
    """Hash of everything that the traces of a run depend on."""
    bitcell = run.bitcell
    cell = {key: repr(value) for key, value in dataclasses.asdict(bitcell.cell).items()}
    parts = [run.settings.canonical(), json.dumps(cell, sort_keys=True), repr(bitcell.spread)]
    parts += [bitcell.name, bitcell.variant, repr(bitcell.included_access_ohm), str(run.replica), data]
    sha = hashlib.sha256("\n".join([str(_VERSION), *parts]).encode())
    if bitcell.members is not None:
        for field in dataclasses.fields(bitcell.members):
            sha.update(np.ascontiguousarray(getattr(bitcell.members, field.name)).tobytes())
    return sha.hexdigest()


def save(run: Run, path: Path, digest: str) -> None:
    """Write the state of `run`; raises UserError if the file cannot be written."""
    content: dict[str, Any] = {
        "digest": np.array(digest),
        "image": np.array(run.image),
        "seconds": np.array([run.train_seconds, run.test_seconds]),
        "accuracy": np.array([[r.accuracy, r.unclamped] for r in run.records]).reshape(-1, 2),
    }
    for place, array in enumerate(run.network.arrays):
        for name in _STATE:
            content[f"{name}_{place}"] = getattr(array, name)
        seen = [record.events[place] for record in run.records] + [run.network.events[place]]
        content[f"histogram_{place}"] = np.stack([events.histogram for events in seen])
        content[f"counters_{place}"] = np.stack([events.counters for events in seen])
    buffer = io.BytesIO()
    np.savez(buffer, **content)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot be written: {(error.strerror or str(error)).lower()}", file=path) from None
    replace_file(path, sealed(buffer.getvalue()))


def restore(run: Run, path: Path, digest: str, epochs: int | None = None) -> bool:
    """Put `run` where the file left it; False if there is no such file, or it belongs to another run.

    A longer training of the same cell keeps its state in the same file: one with more than `epochs` epochs
    behind it is of another run, too.

    Raises UserError for a damaged file.
    """
    if not path.exists():
        return False
    try:
        check_seal(path, needed=True)
        # Read first: a damaged archive must not leave its file open.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            content = {name: stored[name] for name in stored.files}
        if str(content["digest"]) != digest:
            return False
        if epochs is not None and len(content["accuracy"]) > epochs:
            return False
        _restore(run, content)
    except (UserError, OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        reason = error.message if isinstance(error, UserError) else error
        message = f"a damaged checkpoint ({reason}); delete it, or train with --fresh"
        raise UserError(message, file=path) from None
    return True


def _restore(run: Run, content: dict[str, Any]) -> None:
    network = run.network
    for place, array in enumerate(network.arrays):
        for name in _STATE:
            fresh, stored = getattr(array, name), content[f"{name}_{place}"]
            if fresh.shape != stored.shape or fresh.dtype != stored.dtype:
                raise ValueError(f"{name} of array {place} has another shape")
            setattr(array, name, np.ascontiguousarray(stored))
    places = range(len(network.arrays))
    accuracy = content["accuracy"]

    def events(row: int) -> list[ArrayEvents]:
        return [
            ArrayEvents(content[f"histogram_{p}"][row].copy(), content[f"counters_{p}"][row].copy())
            for p in places
        ]

    run.records = [
        EpochRecord(row + 1, float(accuracy[row, 0]), float(accuracy[row, 1]), events(row))
        for row in range(len(accuracy))
    ]
    network.events = events(len(accuracy))
    run.image = int(content["image"])
    run.train_seconds, run.test_seconds = (float(value) for value in content["seconds"])


class Checkpoints:
    """The checkpoints of a training job in one directory, one file a run, at most every `seconds`."""

    def __init__(self, directory: Path, data: Dataset, seconds: float = 5.0) -> None:
        self.directory, self.seconds = directory, seconds
        self.data = data_digest(data)
        self.digests: dict[int, str] = {}
        self.saved: dict[int, float] = {}

    def path(self, run: Run) -> Path:
        """The file of a run."""
        return self.directory / f"{self._digest(run)[:32]}.npz"

    def _digest(self, run: Run) -> str:
        if id(run) not in self.digests:
            self.digests[id(run)] = run_digest(run, self.data)
        return self.digests[id(run)]

    def resume(self, runs: Sequence[Run], epochs: int | None = None) -> int:
        """Put every run where its file left it; how many found one that is not beyond `epochs`."""
        found = 0
        for run in runs:
            self.saved[id(run)] = time.monotonic()
            found += restore(run, self.path(run), self._digest(run), epochs)
        return found

    def keep(self, runs: Sequence[Run], *, now: bool = False) -> None:
        """Save the runs whose last checkpoint is old enough (all of them `now`)."""
        for run in runs:
            if now or time.monotonic() - self.saved.get(id(run), 0.0) >= self.seconds:
                save(run, self.path(run), self._digest(run))
                self.saved[id(run)] = time.monotonic()

    def forget(self, runs: Sequence[Run]) -> None:
        """Delete the files of runs that are finished and written out."""
        for run in runs:
            self.path(run).unlink(missing_ok=True)
