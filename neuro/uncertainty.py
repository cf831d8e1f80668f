"""Uncertainty of a core's figures: the intervals of its inputs, propagated by samples.

Every uncertain input is drawn independently from a two-piece lognormal distribution whose median is the
value and whose 2.5 % and 97.5 % points are the interval's ends (two-piece normal where an end is not
positive). Figures are evaluated at all samples at once; nothing is linearised.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flow.table import UserError
from neuro.array import FIGURES, SynapticCore
from neuro.design import design_from_json, uncertain_fields
from neuro.model import Model
from neuro.technology import Cell, Core, Technology

NORMAL_975 = 1.959963984540054
"""97.5 % point of the standard normal distribution."""


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval, low <= value <= high."""

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high or not np.isfinite(self.high - self.low):
            raise UserError(f"{self.value} does not lie within its interval [{self.low}, {self.high}]")

    def sample(self, random: np.random.Generator, samples: int) -> npt.NDArray[np.float64]:
        """`samples` values (float64)."""
        z = random.standard_normal(samples) / NORMAL_975
        if self.low > 0:
            up, down = np.log(self.high / self.value), np.log(self.value / self.low)
            return np.asarray(self.value * np.exp(np.where(z > 0, z * up, z * down)))
        return np.asarray(
            self.value + np.where(z > 0, z * (self.high - self.value), z * (self.value - self.low))
        )


@dataclass(frozen=True)
class Propagated:
    """Intervals of the figures laid out like an estimate's JSON document, `[low, high]` for each number.

    `samples` were drawn, of which `refused` gave a core that cannot be built and were left out.
    """

    intervals: dict[str, Any]
    samples: int
    refused: int


def propagate(
    technology: Technology,
    cell: Cell,
    core: Core,
    uncertain: Mapping[str, Interval],
    model: str | Model = "physical",
    samples: int = 1000,
    seed: int = 0,
) -> Propagated:
    """95 % intervals of all figures of one core; `uncertain` maps field paths (`cell.r_on_ohm`) to intervals.

    The same seed gives the same intervals, and adding an uncertain input does not change the samples of the
    others. Raises UserError if more than half of the samples cannot be built, or a path is no field.
    """
    records: dict[str, Any] = {"technology": technology, "cell": cell, "core": core}
    for path, interval in uncertain.items():
        # A stream of its own for every input, named by its path.
        random = np.random.default_rng([seed, *path.encode()])
        part, _, field = path.partition(".")
        if part not in records:
            raise UserError("is no field of a design", key=path)
        records[part] = _replaced(records[part], field, interval.sample(random, samples), path)
    if not uncertain:
        records["core"] = dataclasses.replace(core, row_activity=np.full(samples, float(core.row_activity)))
    estimate = SynapticCore(records["technology"], records["cell"], records["core"], model).evaluate(
        on_error="status"
    )
    good = estimate.status == 0
    refused = int((~good).sum())
    if 2 * refused > samples:
        raise UserError(f"{refused} of {samples} samples within the intervals cannot be built", key="design")
    return Propagated({name: _interval(getattr(estimate, name), good) for name in FIGURES}, samples, refused)


def _interval(value: Any, good: npt.NDArray[np.bool_]) -> Any:
    if isinstance(value, dict):
        return {key: _interval(item, good) for key, item in value.items()}
    low, high = np.quantile(value[good], [0.025, 0.975])
    return [float(low), float(high)]


def _replaced(record: Any, field: str, value: Any, path: str) -> Any:
    head, _, rest = field.partition(".")
    if not hasattr(record, head):
        raise UserError("is no field of a design", key=path)
    if rest:
        value = _replaced(getattr(record, head), rest, value, path)
    return dataclasses.replace(record, **{head: value})


def add_intervals(
    results: list[dict[str, Any]],
    documents: Sequence[object],
    model: str | Model = "physical",
    samples: int = 1000,
    seed: int = 0,
) -> None:
    """Add `intervals` and `samples` {drawn, refused} to the results of `neuro.array.estimate_documents`.

    A design whose intervals cannot be used turns into `{"error", "field"}`.
    """
    for position, (result, document) in enumerate(zip(results, documents, strict=True)):
        if "error" in result:
            continue
        try:
            uncertain = {path: Interval(*ends) for path, ends in uncertain_fields(document).items()}
            propagated = propagate(*design_from_json(document), uncertain, model, samples, seed)
        except UserError as error:
            result.clear()
            result |= {"error": f"design point {position}: {error.message}", "field": error.key}
            continue
        result["intervals"] = propagated.intervals
        result["samples"] = {"drawn": propagated.samples, "refused": propagated.refused}
