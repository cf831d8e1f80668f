"""A synaptic core composed of its circuit modules: area, read, write and leakage with their breakdowns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from flow.table import UserError
from neuro.circuit.namespace import (
    Array,
    any_true,
    as_arrays,
    as_integers,
    blank_where,
    broadcast_to,
    is_tensor,
    isfinite,
    leaves,
    shape_of,
    to_numpy,
    where,
)
from neuro.design import Check, Design, design_from_json, field_checks, stack
from neuro.estimate import FIGURES, Estimate
from neuro.model import PHYSICAL, Model, model_named
from neuro.parallel_read import parallel_figures
from neuro.row_read import row_figures
from neuro.technology import Cell, Core, Technology

__all__ = ["FIGURES", "READ_MODES", "Estimate", "SynapticCore", "estimate_documents", "evaluate_arrays"]

READ_MODES = {"parallel": parallel_figures, "row": row_figures}
"""How a core is read: all rows at once, or row by row (not checked against any reference)."""


@dataclass(frozen=True)
class SynapticCore:
    """A core of `cell` bitcells in `technology`; `model` is "physical", "neurosim" or one's own switches.

    `read_mode` is "parallel" (all rows at once into an ADC) or "row" (one row at a time into sense
    amplifiers; see `neuro.row_read`, not checked against any reference).

    Fields may be arrays of design points; NumPy and torch (any device) broadcast alike.

    >>> from neuro.technology import Cell, Core, Fin, Technology
    >>> technology = Technology(28e-9, 0.8, 1000, 850, 3e-3, 3e-3, 1.5, 1.2e-9, 1.0, 1.2e6, 2e-10,
    ...                         Fin(30e-9, 10e-9, 48e-9))
    >>> cell = Cell(33, 7, 9513, 16390, 3829, 0.338, 0.898, 0.788, 3.39e-9)
    >>> estimate = SynapticCore(technology, cell, Core(rows=400, synapses=[100, 200])).evaluate()
    >>> bool(estimate.area_m2["total"][1] > estimate.area_m2["total"][0])
    True
    """

    technology: Technology
    cell: Cell
    core: Core
    model: str | Model = "physical"
    read_mode: str = "parallel"

    def evaluate(self, on_error: Literal["raise", "status"] = "raise") -> Estimate:
        """All figures at all design points.

        A point that cannot be built raises UserError naming point and field, or with `on_error="status"` is
        marked in `Estimate.status`, its figures NaN. No figure of an accepted point is infinite or NaN.
        """
        model = model_named(self.model)
        if self.read_mode not in READ_MODES:
            raise UserError(f"unknown read mode {self.read_mode!r}; parallel or row", key="read_mode")
        technology, cell, core = _as_design(self.technology, self.cell, self.core)
        with np.errstate(all="ignore"):
            estimate = evaluate_arrays(technology, cell, core, model, self.read_mode)
        if on_error == "raise":
            _raise_first(estimate)
        return estimate


def _as_design(technology: Technology, cell: Cell, core: Core) -> Design:
    """The records as float64 arrays of one namespace. Raises UserError that names what is no number."""
    values = [*leaves(technology), *leaves(cell), *leaves(core)]
    like = next((value for value in values if is_tensor(value)), None)
    records: dict[str, Any] = {"technology": technology, "cell": cell, "core": core}
    try:
        arrays = {name: as_arrays(record, like) for name, record in records.items()}
    except (TypeError, ValueError) as error:
        raise UserError(
            f"a field of the design is no number or array of numbers: {error}", key="design"
        ) from None
    return arrays["technology"], arrays["cell"], arrays["core"]


def _raise_first(estimate: Estimate) -> None:
    status = to_numpy(estimate.status)
    if not status.any():
        return
    index = tuple(int(i) for i in np.unravel_index(int(np.flatnonzero(status.reshape(-1))[0]), status.shape))
    path, message = estimate.checks[int(status[index]) - 1]
    point = f"design point {', '.join(map(str, index))}: " if index else ""
    raise UserError(f"{point}{message}", key=path)


def evaluate_arrays(technology: Technology, cell: Cell, core: Core, model: Model, read_mode: str) -> Estimate:
    figures, geometry = READ_MODES[read_mode](technology, cell, core, model)
    checks = [
        *field_checks(technology, cell, core),
        *geometry,
        *(
            Check(path, "is not finite: the design lies outside what the model can compute", ~isfinite(value))
            for path, value in _paths(figures)
        ),
    ]
    inputs = (*leaves(technology), *leaves(cell), *leaves(core))
    shape = shape_of(*inputs)
    like = next((value for value in inputs if is_tensor(value)), None)
    status: Array = 0
    for number, check in reversed(list(enumerate(checks, start=1))):
        if any_true(check.bad):
            status = where(check.bad, number, status)
    status = broadcast_to(status, shape, like)
    figures = _map(figures, lambda value: broadcast_to(value, shape, like))
    refused = status != 0
    if any_true(refused):
        figures = _map(figures, lambda value: blank_where(refused, value))
    return Estimate(
        **figures,
        status=as_integers(status),
        checks=tuple((check.field, check.message) for check in checks),
    )


def _paths(figures: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Array]]:
    for key, value in figures.items():
        if isinstance(value, dict):
            yield from _paths(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _map(figures: dict[str, Any], function: Any) -> dict[str, Any]:
    return {
        key: _map(value, function) if isinstance(value, dict) else function(value)
        for key, value in figures.items()
    }


def estimate_documents(
    documents: list[object], model: str | Model = PHYSICAL, read_mode: str = "parallel"
) -> list[dict[str, Any]]:
    """Design points as JSON documents in, results or `{"error", "field"}` out, in the same order.

    Points are evaluated together, planar and FinFET apart. Raises UserError for an unknown model or mode.
    """
    model = model_named(model)
    results: list[dict[str, Any]] = [{} for _ in documents]
    groups: dict[bool, list[tuple[int, Design]]] = {}
    for position, document in enumerate(documents):
        try:
            design = design_from_json(document)
        except UserError as error:
            results[position] = {
                "error": f"design point {position}: {error.key} {error.message}",
                "field": error.key,
            }
            continue
        groups.setdefault(design[0].fin is None, []).append((position, design))
    for group in groups.values():
        estimate = SynapticCore(*stack([design for _, design in group]), model, read_mode).evaluate("status")
        for row, (position, _) in enumerate(group):
            result = estimate.as_json((row,))
            if "error" in result:
                result["error"] = f"design point {position}: {result['error']}"
            results[position] = result
    return results
