"""Millions of design points: the estimator in chunks that stay in the cache, on several processes."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from neuro.array import Estimate, SynapticCore
from neuro.circuit.namespace import as_arrays, leaves, shape_of
from neuro.technology import Cell, Core, Technology

CHUNK = 8192
"""Points evaluated together; the temporaries of one chunk (64 KiB each) stay in the second-level cache."""
BLOCK = 8 * CHUNK
"""Points of one task of a worker process."""

Record = TypeVar("Record")
Block = npt.NDArray[np.float64]


def _take(record: Record, part: slice) -> Record:
    """The points of `part` of a record whose arrays are flat; single numbers stay."""
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(record):  # type: ignore[arg-type]
        value = getattr(record, field.name)
        if dataclasses.is_dataclass(value):
            changed[field.name] = _take(value, part)
        elif isinstance(value, np.ndarray) and value.ndim:
            changed[field.name] = value[part]
    return dataclasses.replace(record, **changed)  # type: ignore[type-var]


def _flat(record: Record, shape: tuple[int, ...]) -> Record:
    """A record whose arrays are all broadcast to `shape` and flattened; single numbers stay."""
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(record):  # type: ignore[arg-type]
        value = getattr(record, field.name)
        if dataclasses.is_dataclass(value):
            changed[field.name] = _flat(value, shape)
        elif isinstance(value, np.ndarray) and value.ndim:
            changed[field.name] = np.broadcast_to(value, shape).reshape(-1)
    return dataclasses.replace(record, **changed)  # type: ignore[type-var]


def figure_names(estimate: Estimate) -> list[str]:
    """Names of all figures, the entries of the breakdowns as `area_m2.total`; `status` is the last."""
    return [name for name, _ in _figures(estimate)]


def _figures(estimate: Estimate) -> Iterator[tuple[str, Any]]:
    for field in dataclasses.fields(estimate):
        value = getattr(estimate, field.name)
        if isinstance(value, dict):
            for key, item in value.items():
                yield f"{field.name}.{key}", item
        elif field.name != "checks":
            yield field.name, value


def _rebuild(estimate: Estimate, block: Block, shape: tuple[int, ...]) -> Estimate:
    rows = iter(block)

    def take(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: take(item) for key, item in value.items()}
        return next(rows).reshape(shape)

    changed = {
        field.name: take(getattr(estimate, field.name))
        for field in dataclasses.fields(estimate)
        if field.name != "checks"
    }
    changed["status"] = changed["status"].astype(np.int64)
    return dataclasses.replace(estimate, **changed)


def _points(core: SynapticCore, part: slice) -> SynapticCore:
    return dataclasses.replace(
        core,
        technology=_take(core.technology, part),
        cell=_take(core.cell, part),
        core=_take(core.core, part),
    )


def _work(core: SynapticCore, points: int, start: int, out: Block) -> None:
    """Evaluate `points` points chunk by chunk into the columns of `out` from `start` on."""
    for first in range(0, points, CHUNK):
        last = min(first + CHUNK, points)
        estimate = _points(core, slice(first, last)).evaluate(on_error="status")
        for row, (_, value) in zip(out, _figures(estimate), strict=True):
            row[start + first : start + last] = value


def _work_in_file(
    core: SynapticCore, points: slice, inputs: str, outputs: str, rows: tuple[int, int, int]
) -> None:
    """Evaluate the points of one task: inputs from one shared file, figures into another (see `_packed`)."""
    given, figures, total = rows
    block = np.memmap(inputs, dtype=np.float64, mode="r", shape=(max(given, 1), total))
    out = np.memmap(outputs, dtype=np.float64, mode="r+", shape=(figures, total))
    _work(_unpacked(core, block[:, points]), points.stop - points.start, points.start, out)


@dataclasses.dataclass(frozen=True)
class _Row:
    """Stands for the row `number` of the file of inputs."""

    number: int


def _packed(record: Record, arrays: list[Any]) -> Record:
    """The record with a `_Row` for every array, the arrays appended to `arrays`."""
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(record):  # type: ignore[arg-type]
        value = getattr(record, field.name)
        if dataclasses.is_dataclass(value):
            changed[field.name] = _packed(value, arrays)
        elif isinstance(value, np.ndarray) and value.ndim:
            changed[field.name] = _Row(len(arrays))
            arrays.append(value)
    return dataclasses.replace(record, **changed)  # type: ignore[type-var]


def _unpacked(record: Record, block: Block) -> Record:
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(record):  # type: ignore[arg-type]
        value = getattr(record, field.name)
        if isinstance(value, _Row):
            changed[field.name] = block[value.number]
        elif dataclasses.is_dataclass(value):
            changed[field.name] = _unpacked(value, block)
    return dataclasses.replace(record, **changed)  # type: ignore[type-var]


def evaluate_many(
    technology: Technology, cell: Cell, core: Core, model: str = "physical", jobs: int = 1
) -> Estimate:
    """As `SynapticCore.evaluate(on_error="status")` for NumPy arrays of any size, `jobs` processes at work.

    The figures do not depend on `jobs`. Raises UserError for an unknown model or a field that is no number.
    """
    technology, cell, core = as_arrays(technology), as_arrays(cell), as_arrays(core)
    shape = shape_of(*leaves(technology), *leaves(cell), *leaves(core))
    points = int(np.prod(shape, dtype=np.int64))
    if points <= CHUNK or not shape:
        return SynapticCore(technology, cell, core, model).evaluate(on_error="status")
    flat = SynapticCore(_flat(technology, shape), _flat(cell, shape), _flat(core, shape), model)
    first = _points(flat, slice(0, 1)).evaluate(on_error="status")
    size = (len(figure_names(first)), points)
    if jobs == 1 or points <= BLOCK:
        block = np.empty(size)
        _work(flat, points, 0, block)
        return _rebuild(first, block, shape)

    from joblib import Parallel, delayed

    # Workers read from and write into shared files in memory; no array passes through a pipe.
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        inputs, outputs = str(Path(folder) / "inputs"), str(Path(folder) / "figures")
        arrays: list[Any] = []
        packed = _packed(flat, arrays)
        block = np.memmap(inputs, dtype=np.float64, mode="w+", shape=(max(len(arrays), 1), points))
        for row, array in zip(block, arrays, strict=False):
            row[:] = array
        out = np.memmap(outputs, dtype=np.float64, mode="w+", shape=size)
        rows = (len(arrays), *size)
        Parallel(n_jobs=jobs, max_nbytes=None)(
            delayed(_work_in_file)(packed, slice(start, min(start + BLOCK, points)), inputs, outputs, rows)
            for start in range(0, points, BLOCK)
        )
        return _rebuild(first, out, shape)
