"""Error rates of the population against one operating condition: WER(t) of the writes, RDR(V) of the read.

The samples are the first of those that the mean was estimated with (flow/statistics/population.py), the
weights theirs: a write is simulated at its stored voltage and further pulses, the read with its pulse at
further voltages. The nominal cell goes with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from flow.errors import UserError
from flow.measure.bench import Bench
from flow.measure.samples import BATCH, FAILED, Operation, SampleRates
from flow.parallel import Arrays, Plan
from flow.spec import PopulationSpec
from flow.statistics import estimate
from flow.statistics.estimate import Estimate
from flow.statistics.population import RARE, Axis, Population, draw, proposals

Array = NDArray[np.float64]

SHARES = (0.9, 0.5, 0.1, RARE)
"""Shares of the cells whose error rate is higher: nine in ten, the median, one in ten, the 99.9 % cell."""

PULSES = np.arange(1, 9) / 5
"""Write pulses, as multiples of the cell's own."""
VOLTAGES = np.arange(7, 14) / 10
"""Read voltages, as multiples of the stored one."""

_SAMPLES = 128


@dataclass(frozen=True)
class Family:
    """Error rates of one operation along `grid`: pulses (s) of a write, line voltages (V) of the read.

    Attributes:
        nominal: (P,) error rate of the nominal cell.
        mean: P estimates, error rate of a random operation on a random cell.
        quantile: for each of `SHARES` P estimates, error rate that this share of the cells exceeds.
        status: (N,) of the samples, as in `SampleRates`.
    """

    operation: Operation
    axis: Axis
    grid: Array
    nominal: Array
    mean: tuple[Estimate, ...]
    quantile: tuple[tuple[Estimate, ...], ...]
    status: NDArray[np.int64]


def family_plan(bench: Bench, settings: PopulationSpec, population: Population) -> Plan:
    """Plan that returns the `Family` of the operation of `population`, around its stored point."""
    operation = population.operation
    axis: Axis = "voltage" if operation.name == "read" else "pulse"
    voltage, pulse = np.array([population.point.value]), np.array([operation.pulse])
    if axis == "pulse":
        grid = pulse = operation.pulse * PULSES
    else:
        grid = voltage = population.point.value * VOLTAGES
    estimated, _ = proposals(settings, population.gradient)
    # The stream of the estimate: these are its own first points.
    y, weight = draw(
        bench, operation, settings, estimated, min(settings.samples, _SAMPLES), "voltage", "estimate"
    )
    flat = np.concatenate([np.zeros((1, y.shape[-1])), y.reshape(-1, y.shape[-1])])
    parts = cast(
        list[Arrays],
        (
            yield [
                SampleRates(bench, operation, rows, voltage, pulse, settings.state_nodes)
                for rows in np.array_split(flat, batches(settings))
            ]
        ),
    )
    ln_rate = np.concatenate([part["ln_rate"] for part in parts]).reshape(-1, grid.size)
    status = np.concatenate([part["status"] for part in parts])
    if status[0] == FAILED:
        raise UserError(
            f"{bench.name} {bench.variant_name}, {operation.name}: the nominal cell could not be simulated "
            f"between {grid[0]:.3g} and {grid[-1]:.3g} {'V' if axis == 'voltage' else 's'}",
            file=bench.cell.netlist,
            key=bench.name,
        )
    # As in the mean: a sample without an answer counts as the worst that was seen.
    ln_rate[status == FAILED] = np.nanmax(ln_rate, axis=0)
    nominal, rates = ln_rate[0], ln_rate[1:].reshape(*y.shape[:-1], grid.size)
    return Family(
        operation=operation,
        axis=axis,
        grid=grid,
        nominal=np.exp(nominal),
        mean=tuple(estimate.mean(rates[..., k], weight) for k in range(grid.size)),
        quantile=tuple(
            tuple(estimate.exceeded_by(rates[..., k], share, weight) for k in range(grid.size))
            for share in SHARES
        ),
        status=status,
    )


def batches(settings: PopulationSpec) -> int:
    """Tasks of one family: the nominal cell rides along, so a batch may hold one sample more than others."""
    return -(-min(settings.samples, _SAMPLES) // BATCH)
