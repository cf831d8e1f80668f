"""Training traces as the report uses them: one run for each cell, oxide and model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from neuro.report.comparison import DEVICES, Comparison, Measured
from neuro.report.paper import TABLE_3, Paper

Floats = npt.NDArray[np.float64]
MODELS = ("neurosim", "physical")
"""Order of the columns: first the arithmetic that the paper used, then ours."""

_SETTLED = 5  # epochs at the end that count as settled


@dataclass(frozen=True, eq=False)
class Run:
    """One training, all replicas: arrays (epochs, replicas) float64.

    `accuracy` in per cent after each epoch; latencies (s) and energies (J) are cumulative. `area_m2` is that
    of all cores, `area_parts_m2` by block (empty where unknown). `source` is "table" for characterised cells,
    "published" for the paper's own; `statistics` whether the cell is nominal or the mean of a population.
    `table_costs`, by field: (epochs, samples) means over the replicas with cells as the table's intervals
    allow; `accuracy_table` (epochs, runs): of networks trained in such cells.
    """

    device: str
    cell: str
    variant: str
    model: str
    images_per_epoch: int
    accuracy: Floats
    read_latency_s: Floats
    write_latency_s: Floats
    read_energy_J: Floats
    write_energy_J: Floats
    area_m2: float
    area_parts_m2: dict[str, float] = field(default_factory=dict)
    source: str = "table"
    statistics: str = ""
    table_costs: dict[str, Floats] = field(default_factory=dict)
    accuracy_table: Floats | None = None

    @property
    def epochs(self) -> int:
        """Trained epochs."""
        return int(self.accuracy.shape[0])

    @property
    def replicas(self) -> int:
        """Independent repetitions with other random numbers."""
        return int(self.accuracy.shape[1])


def mean_interval(values: Floats) -> Measured:
    """Mean over the last axis with its 95 % interval (Student's t); no interval for fewer than two values.

    `values`: (replicas,).
    """
    count = values.size
    mean = float(np.mean(values))
    spread = float(np.std(values, ddof=1)) if count > 1 else 0.0
    # What does not depend on the random numbers differs by rounding only and has no interval.
    if count < 2 or spread <= 1e-12 * abs(mean):
        return Measured(mean)
    from scipy.stats import t

    half = float(t.ppf(0.975, count - 1)) * spread / float(np.sqrt(count))
    return Measured(mean, mean - half, mean + half)


def whole_interval(run: Run, name: str, factor: float = 1.0) -> Measured:
    """`mean_interval` of the field `name` after the last epoch with the uncertainty of the table added.

    The two are independent, so half-widths add in quadrature. What the table does to the accuracy is what the
    networks trained in cells drawn from its intervals scatter more than those that differ in seeds alone, in
    the mean of the last epochs.
    """
    values: Floats = factor * getattr(run, name)[-1]
    seeds = mean_interval(values)
    mean, below, above = seeds.value, 0.0, 0.0
    if name in run.table_costs:
        low, high = np.quantile(factor * run.table_costs[name][-1], [0.025, 0.975])
        below, above = max(mean - low, 0.0), max(high - mean, 0.0)
    elif name == "accuracy" and run.accuracy_table is not None and run.accuracy_table.shape[1] > 1:
        # Over several epochs, since one alone scatters by itself, whatever the cells.
        drawn, alone = (factor * part[-_SETTLED:].mean(axis=0) for part in (run.accuracy_table, run.accuracy))
        excess = np.var(drawn, ddof=1) - (np.var(alone, ddof=1) if alone.size > 1 else 0.0)
        below = above = 1.959964 * float(np.sqrt(max(excess, 0.0)))
    else:
        return seeds
    half = 0.0 if seeds.low is None else mean - seeds.low
    down, up = float(np.hypot(half, below)), float(np.hypot(half, above))
    if max(down, up) <= 1e-12 * abs(mean):
        return seeds
    return Measured(mean, mean - down, mean + up, (mean - half, mean + half))


def interval_band(values: Floats) -> tuple[Floats, Floats, Floats]:
    """(mean, low, high), each (epochs,), of values (epochs, replicas); low = high = mean without replicas."""
    rows = [mean_interval(row) for row in values]
    mean = np.array([row.value for row in rows])
    low = np.array([row.value if row.low is None else row.low for row in rows])
    high = np.array([row.value if row.high is None else row.high for row in rows])
    return mean, low, high


def ordered(runs: Iterable[Run]) -> list[Run]:
    """Runs by device (SMTJ first), oxide and model."""
    return sorted(
        runs, key=lambda run: (DEVICES.index(run.device), run.variant, MODELS.index(run.model), run.cell)
    )


def table_3(runs: Iterable[Run], paper: Paper) -> list[Comparison]:
    """Table III for every run: energies (mJ) and latencies (ms) of the whole training.

    A run of other length than the paper's is shown without comparison: the totals grow with every image.
    """
    rows = []
    for run in runs:
        remark = _other_length(run, paper)
        for name, quantity, label, unit, field_name, factor in TABLE_3:
            published = None if remark else paper.table_3(run.device, run.variant, name)
            rows.append(
                _comparison(
                    run,
                    "Table III",
                    quantity,
                    label,
                    unit,
                    whole_interval(run, field_name, factor),
                    published,
                    remark,
                )
            )
    return rows


def accuracy(runs: Iterable[Run], paper: Paper) -> list[Comparison]:
    """Accuracy (per cent) after the last epoch, beside the paper's."""
    rows = []
    for run in runs:
        remark = _other_length(run, paper)
        published = None if remark else paper.accuracy(run.device).get(run.variant)
        found = whole_interval(run, "accuracy")
        rows.append(_comparison(run, "Fig. 4", "accuracy", "accuracy", "%", found, published, remark))
    return rows


def area(runs: Iterable[Run], paper: Paper) -> list[Comparison]:
    """Area (mm2) of both synaptic cores at 0.85 nm, beside the paper's Fig. 3."""
    return [
        _comparison(
            run, "Fig. 3", "area", "core area", "mm²", Measured(1e6 * run.area_m2),
            paper.area_mm2(run.device), "",
        )
        for run in runs
        if run.variant == "0.85"
    ]  # fmt: skip


def _comparison(
    run: Run,
    table: str,
    quantity: str,
    label: str,
    unit: str,
    found: Measured,
    published: float | None,
    remark: str,
) -> Comparison:
    return Comparison(
        table=table,
        quantity=quantity,
        label=label,
        unit=unit,
        device=run.device,
        variant=run.variant,
        measured=found,
        paper=published,
        model=run.model,
        statistics=run.statistics,
        remark=remark,
    )


def _other_length(run: Run, paper: Paper) -> str:
    if (run.epochs, run.images_per_epoch) == (paper.epochs, paper.images_per_epoch):
        return ""
    return (
        f"{run.epochs} epochs of {run.images_per_epoch} images; the paper's figures are for "
        f"{paper.epochs} of {paper.images_per_epoch}"
    )
