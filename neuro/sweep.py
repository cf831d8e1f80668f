"""Sweeps: every combination of ranges of design fields, estimated, with the Pareto-optimal points marked.

A sweep is described by a TOML or JSON document:

    technology = "28nm"            # a name, or a table of fields
    cell = "smtj"
    model = "physical"

    [core]
    rows = 400
    synapses = 100

    [sweep]                        # the axes; the last one varies fastest
    "cell" = ["smtj", "dmtj"]      # names of cells or of technologies ...
    "core.rows" = [64, 128, 256]   # ... values of a field ...
    "core.row_activity" = {from = 0.1, to = 0.9, steps = 9}                       # ... equally spaced ...
    "technology.wire_resistance_ohm_per_m" = {from = 1e5, to = 1e8, steps = 7, scale = "log"}

    [pareto]                       # optional: what to minimise
    minimise = ["area_per_bit", "read_latency", "energy_per_operation"]
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flow.table import UserError, load_json, parse_toml, read_text
from neuro.array import Estimate
from neuro.batch import evaluate_many
from neuro.design import BOUNDS, Design, cell_from_json, core_from_json, technology_from_json
from neuro.lookup import Lookup
from neuro.model import model_named
from neuro.technology import Cell, Core, Technology

Values = npt.NDArray[np.float64]
MOST_POINTS = 10_000_000
LARGEST_TOML_BYTES = 16 << 20


def _per_read(figures: dict[str, Any], batches: Any) -> Any:
    return batches * (figures["core"] + figures["neuron"])


def _read_energy(e: Estimate, core: Core) -> Any:
    return _per_read(e.read_energy_per_batch_J, e.read_batches)


def _write_energy(e: Estimate, core: Core) -> Any:
    idle, one = e.write_energy_per_row_J["no_active_batch"], e.write_energy_per_row_J["one_active_batch"]
    return idle + e.write_batches * (one - idle)


MERITS: dict[str, tuple[str, Callable[[Estimate, Core], Any]]] = {
    "area": ("m2", lambda e, core: e.area_m2["total"]),
    "area_per_bit": ("m2", lambda e, core: e.area_m2["total"] / (core.rows * core.synapses * core.bits)),
    "read_latency": ("s", lambda e, core: _per_read(e.read_latency_per_batch_s, e.read_batches)),
    "read_energy": ("J", _read_energy),
    "energy_per_operation": ("J", lambda e, core: _read_energy(e, core) / (core.rows * core.synapses)),
    "write_latency": ("s", lambda e, core: e.write_latency_s),
    "write_energy_per_row": ("J", _write_energy),
    "leakage": ("W", lambda e, core: e.leakage_W["core"] + e.leakage_W["neuron"]),
}
"""Figures of merit of a core: unit and definition.

Latency and energy are those of the periphery in one whole read (all batches); an operation is one
multiplication and addition, of which a read does rows * synapses.
"""
OBJECTIVES = ("area_per_bit", "read_latency", "energy_per_operation")


@dataclass(frozen=True)
class Axis:
    """One axis: the path of a field with its values, or `technology`/`cell` with names."""

    path: str
    values: Values | tuple[str, ...]

    @property
    def named(self) -> bool:
        """Whether the values are names."""
        return isinstance(self.values, tuple)


@dataclass(frozen=True)
class Sweep:
    """What to sweep: a design of single numbers, and the axes that replace some of them."""

    technology: Technology
    cell: Cell
    core: Core
    axes: tuple[Axis, ...]
    model: str = "physical"
    objectives: tuple[str, ...] = OBJECTIVES
    lookup: Lookup = field(default_factory=Lookup)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values along each axis."""
        return tuple(len(axis.values) for axis in self.axes)


@dataclass(frozen=True)
class SweepResult:
    """A sweep's figures, each of the shape of the axes; `status` and `checks` as in `Estimate`."""

    sweep: Sweep
    merits: dict[str, Values]
    breakdown: dict[str, Values]
    pareto: npt.NDArray[np.bool_]
    status: npt.NDArray[np.int64]
    checks: tuple[tuple[str, str], ...]


def load_sweep(path: str | Path, tables: str | Path | None = None, model: str | None = None) -> Sweep:
    """The sweep of a TOML (or `.json`) file. Raises UserError naming file and key."""
    place = Path(path)
    document = (
        load_json(place)
        if place.suffix == ".json"
        else parse_toml(read_text(place, most_bytes=LARGEST_TOML_BYTES), place)
    )
    try:
        return sweep_from(document, tables, model)
    except UserError as error:
        raise UserError(error.message, file=error.file or path, key=error.key) from None


def sweep_from(document: object, tables: str | Path | None = None, model: str | None = None) -> Sweep:
    """The sweep described by a document (see the module). Raises UserError naming the key."""
    if not isinstance(document, Mapping):
        raise UserError(f"a sweep must be a table, not {document!r}", key="sweep")
    known = ("technology", "cell", "core", "sweep", "pareto", "model")
    for key in document:
        if key not in known:
            raise UserError(f"is no part of a sweep ({', '.join(known)})", key=str(key))
    name = model or document.get("model", "physical")
    if not isinstance(name, str):
        raise UserError(f"must be text, not {name!r}", key="model")
    model_named(name)
    lookup = Lookup(tables, name)
    axes_document = document.get("sweep", {})
    if not isinstance(axes_document, Mapping) or not axes_document:
        raise UserError("must be a table of axes, at least one", key="sweep")
    axes = tuple(_axis(path, value) for path, value in axes_document.items())
    points = int(np.prod([len(axis.values) for axis in axes]))
    if points > MOST_POINTS:
        raise UserError(f"has {points} points, more than {MOST_POINTS}", key="sweep")
    named = {axis.path: axis.values[0] for axis in axes if axis.named}
    technology = named.get("technology", document.get("technology", "28nm"))
    cell = named.get("cell", document.get("cell"))
    core = dict(_table(document.get("core", {}), "core"))
    for axis in axes:  # a swept field need not be given
        part, _, name_of_field = axis.path.partition(".")
        if part == "core":
            core.setdefault(name_of_field, float(axis.values[0]))
    objectives = document.get("pareto", {})
    minimise = _table(objectives, "pareto").get("minimise", list(OBJECTIVES))
    if (
        not isinstance(minimise, list)
        or not minimise
        or not all(isinstance(item, str) and item in MERITS for item in minimise)
    ):
        raise UserError(f"must be a list of {', '.join(MERITS)}", key="pareto.minimise")
    if cell is None:
        raise UserError("is missing", key="cell")
    return Sweep(
        technology=lookup.technology(technology)
        if isinstance(technology, str)
        else technology_from_json(technology),
        cell=lookup.cell(cell) if isinstance(cell, str) else cell_from_json(cell),
        core=core_from_json(core),
        axes=axes,
        model=name,
        objectives=tuple(minimise),
        lookup=lookup,
    )


def _table(value: object, key: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UserError(f"must be a table, not {value!r}", key=key)
    return value


def _axis(path: str, value: object) -> Axis:
    key = f"sweep.{path}"
    if path in ("technology", "cell"):
        if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
            raise UserError("must be a list of names", key=key)
        return Axis(path, tuple(value))
    if path not in BOUNDS and path != "core.relaxed_cell_width":
        raise UserError("is no field that can be swept", key=key)
    if isinstance(value, Mapping):
        return Axis(path, _range(value, key))
    if not isinstance(value, list) or not value:
        raise UserError("must be a list of values or a range {from, to, steps}", key=key)
    return Axis(path, np.array([_number(item, key) for item in value]))


def _number(value: object, key: str) -> float:
    if not isinstance(value, int | float) or not np.isfinite(value):
        raise UserError(f"must be a finite number, not {value!r}", key=key)
    return float(value)


def _range(value: Mapping[str, Any], key: str) -> Values:
    for name in value:
        if name not in ("from", "to", "steps", "scale"):
            raise UserError("is no part of a range (from, to, steps, scale)", key=f"{key}.{name}")
    for name in ("from", "to", "steps"):
        if name not in value:
            raise UserError("is missing", key=f"{key}.{name}")
    first, last = _number(value["from"], f"{key}.from"), _number(value["to"], f"{key}.to")
    steps = value["steps"]
    if isinstance(steps, bool) or not isinstance(steps, int) or not 2 <= steps <= MOST_POINTS:
        raise UserError(f"must be a whole number of 2 or more, not {steps!r}", key=f"{key}.steps")
    scale = value.get("scale", "linear")
    if scale == "linear":
        return np.linspace(first, last, steps)
    if scale != "log":
        raise UserError("must be linear or log", key=f"{key}.scale")
    if not (first > 0 and last > 0):
        raise UserError("a logarithmic range needs positive ends", key=key)
    return np.geomspace(first, last, steps)


def _with(record: Any, path: str, value: Any) -> Any:
    head, _, rest = path.partition(".")
    if not rest:
        return dataclasses.replace(record, **{head: value})
    inner = getattr(record, head)
    if inner is None:
        raise UserError("cannot be swept in a planar technology", key=f"sweep.technology.{path}")
    return dataclasses.replace(record, **{head: _with(inner, rest, value)})


def run_sweep(sweep: Sweep, jobs: int = 1) -> SweepResult:
    """Evaluate every combination; points that cannot be built are marked in `status`, not raised.

    Names (technologies, cells) are combined one by one, the numeric axes in one vectorised evaluation each.
    """
    numeric = [axis for axis in sweep.axes if not axis.named]
    named = [axis for axis in sweep.axes if axis.named]
    arrays: dict[str, Values] = {}
    for place, axis in enumerate(numeric):
        shape = [1] * len(numeric)
        shape[place] = len(axis.values)
        arrays[axis.path] = np.asarray(axis.values, dtype=np.float64).reshape(shape)
    inner = tuple(len(axis.values) for axis in numeric)
    outer = tuple(len(axis.values) for axis in named)
    merits = {name: np.empty(outer + inner) for name in MERITS}
    breakdown: dict[str, Values] = {}
    status = np.empty(outer + inner, dtype=np.int64)
    checks: tuple[tuple[str, str], ...] = ()
    for index in itertools.product(*(range(size) for size in outer)):
        chosen = {axis.path: axis.values[i] for axis, i in zip(named, index, strict=True)}
        technology, cell, core = _design(sweep, chosen, arrays)
        estimate = evaluate_many(technology, cell, core, sweep.model, jobs=jobs)
        for name, (_, merit) in MERITS.items():
            merits[name][index] = merit(estimate, core)
        for name, figure in _breakdown(estimate).items():
            breakdown.setdefault(name, np.empty(outer + inner))[index] = figure
        status[index] = estimate.status
        checks = estimate.checks
    # Back from (names..., numbers...) to the order of the document.
    order = [axis.path for axis in (*named, *numeric)]
    axes = tuple(order.index(axis.path) for axis in sweep.axes)
    merits = {name: np.transpose(value, axes) for name, value in merits.items()}
    status = np.transpose(status, axes)
    objectives = np.stack([merits[name].reshape(-1) for name in sweep.objectives], axis=1)
    good = status.reshape(-1) == 0
    pareto = np.zeros(good.shape, dtype=np.bool_)
    pareto[good] = pareto_optimal(objectives[good])
    return SweepResult(
        sweep=sweep,
        merits=merits,
        breakdown={name: np.transpose(value, axes) for name, value in breakdown.items()},
        pareto=pareto.reshape(status.shape),
        status=status,
        checks=checks,
    )


def _design(sweep: Sweep, chosen: Mapping[str, Any], arrays: Mapping[str, Values]) -> Design:
    records: dict[str, Any] = {
        "technology": sweep.lookup.technology(chosen["technology"])
        if "technology" in chosen
        else sweep.technology,
        "cell": sweep.lookup.cell(chosen["cell"]) if "cell" in chosen else sweep.cell,
        "core": sweep.core,
    }
    for path, values in arrays.items():
        part, _, inner = path.partition(".")
        records[part] = _with(records[part], inner, values)
    return records["technology"], records["cell"], records["core"]


def _breakdown(estimate: Estimate) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for group in ("area_m2", "read_latency_per_batch_s", "read_energy_per_batch_J", "leakage_W"):
        name, _, unit = group.rpartition("_")
        for block, value in getattr(estimate, group).items():
            if (name, block) != ("area", "total"):
                figures[f"{name}.{block}_{unit}"] = value
    return figures


def pareto_optimal(objectives: Values) -> npt.NDArray[np.bool_]:
    """Which of the points (rows of `objectives`, all to be minimised) no other point dominates.

    A point dominates another that is nowhere smaller and somewhere larger; equal points all stay.
    """
    points, inverse = np.unique(objectives, axis=0, return_inverse=True)
    # In lexicographic order a point can only be dominated by an earlier one: what is first is optimal.
    optimal = np.zeros(len(points), dtype=np.bool_)
    left = np.arange(len(points))
    while left.size:
        best = left[0]
        optimal[best] = True
        left = left[(points[left] < points[best]).any(axis=1)]
    return optimal[np.asarray(inverse).reshape(-1)]
