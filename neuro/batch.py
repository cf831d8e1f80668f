"""Millions of design points: the estimator in chunks that stay in the cache, compiled where it pays."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from neuro.array import READ_MODES, SynapticCore
from neuro.circuit.namespace import as_arrays, leaves, shape_of
from neuro.estimate import Estimate
from neuro.model import model_named
from neuro.technology import Cell, Core, Technology

CHUNK = 8192
"""Points evaluated together; the temporaries of one chunk (64 KiB each) stay in the second-level cache."""
COMPILED_FROM = 2_000_000
"""Points from which compiling pays, which takes about ten seconds once on a machine."""

Record = TypeVar("Record")
Block = npt.NDArray[np.float64]


def _mapped(record: Record, function: Any) -> Record:
    """The record with `function` of its arrays; single numbers stay."""
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(record):  # type: ignore[arg-type]
        value = getattr(record, field.name)
        if dataclasses.is_dataclass(value):
            changed[field.name] = _mapped(value, function)
        elif isinstance(value, np.ndarray) and value.ndim:
            changed[field.name] = function(value)
    return dataclasses.replace(record, **changed)  # type: ignore[type-var]


def _points(core: SynapticCore, part: slice) -> SynapticCore:
    parts = {
        name: _mapped(getattr(core, name), lambda array: array[part])
        for name in ("technology", "cell", "core")
    }
    return dataclasses.replace(core, **parts)


def figure_names(estimate: Estimate) -> list[str]:
    """Names of all figures, the entries of the breakdowns as `area_m2.total`; `status` is the last."""
    return [name for name, _ in estimate.named_figures()]


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


def evaluate_many(
    technology: Technology,
    cell: Cell,
    core: Core,
    model: str = "physical",
    jobs: int = 1,
    read_mode: str = "parallel",
    compiled: bool | None = None,
) -> Estimate:
    """As `SynapticCore.evaluate(on_error="status")` for NumPy arrays of any size.

    `compiled` (by default: from `COMPILED_FROM` points on) uses the loop of `neuro.compiled` in `jobs`
    threads; its figures agree with the others to the last bits of powers and logarithms, and do not depend
    on `jobs`. Raises UserError for an unknown model or a field that is no number.
    """
    technology, cell, core = as_arrays(technology), as_arrays(cell), as_arrays(core)
    shape = shape_of(*leaves(technology), *leaves(cell), *leaves(core))
    points = int(np.prod(shape, dtype=np.int64))
    use = points >= COMPILED_FROM if compiled is None else compiled
    if not shape or points == 0 or (points <= CHUNK and not use):
        return SynapticCore(technology, cell, core, model, read_mode).evaluate(on_error="status")

    def flatten(array: Any) -> Any:
        return np.broadcast_to(array, shape).reshape(-1)

    flat = SynapticCore(
        _mapped(technology, flatten), _mapped(cell, flatten), _mapped(core, flatten), model, read_mode
    )
    # The names of figures and checks; also tells a wrong model or mode.
    first = _points(flat, slice(0, 1)).evaluate(on_error="status")
    block = np.empty((len(figure_names(first)), points))
    chunks = [slice(start, min(start + CHUNK, points)) for start in range(0, points, CHUNK)]
    if use:
        _run_compiled(flat, chunks, block, jobs)
    else:
        for chunk in chunks:
            estimate = _points(flat, chunk).evaluate(on_error="status")
            for row, (_, value) in zip(block, estimate.named_figures(), strict=True):
                row[chunk] = value
    return _rebuild(first, block, shape)


def _run_compiled(flat: SynapticCore, chunks: list[slice], block: Block, jobs: int) -> None:
    from neuro.compiled import compiled_core, fill

    assert flat.read_mode in READ_MODES
    core = compiled_core(model_named(flat.model), flat.read_mode, flat.technology.fin is not None)

    def work(share: list[slice]) -> None:
        # Whole, contiguous chunks only: one machine code for all. The rest of the last one is ignored.
        inputs = np.ones((len(core.inputs), CHUNK))
        figures = np.empty((len(core.figures), CHUNK))
        for chunk in share:
            points, size = _points(flat, chunk), chunk.stop - chunk.start
            records = {"technology": points.technology, "cell": points.cell, "core": points.core}
            fill(core, records, inputs[:, :size])
            core.kernel(inputs, figures)
            block[:, chunk] = figures[:, :size]

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(work, (chunks[first::jobs] for first in range(jobs))))
