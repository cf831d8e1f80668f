"""The population of cells at one operation: the voltage that meets the target, and the error rates there.

A plan (see flow/parallel.py) in three steps, every number from SPICE load lines and Fokker-Planck:

1. Pilot: central differences of ln(error rate) around the point y0 where errors come from, in all
   standardised variables. The fixed point y0 = gradient(y0) is where the density of the errors is
   highest; with it the mean is about exp(ln rate(y0) - g.y0 + |g|^2/2), which says near which voltage
   the target is met.
2. Samples by importance sampling along the gradient (flow/statistics/importance.py), each simulated at four
   voltages around that one. The same samples at all voltages (common random numbers) give a smooth
   mean(V); the stored voltage is where it meets the target.
3. Check: other samples, another shift, more states, simulated at exactly the stored voltage. Two means that
   differ by more than their errors allow stop the run with an error.

What is solved for is the line voltage at a given pulse, or the pulse at a given voltage (`axis`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from flow.errors import UserError
from flow.measure.bench import Bench
from flow.measure.load_line import polynomial
from flow.measure.samples import BATCH, FAILED, Operation, SampleRates
from flow.parallel import Arrays, Plan
from flow.spec import PopulationSpec
from flow.statistics import estimate
from flow.statistics.estimate import Estimate
from flow.statistics.importance import Proposal
from flow.statistics.sampling import layout, uniforms
from flow.statistics.variation import Variation, variation_of

Array = NDArray[np.float64]
Axis = Literal["voltage", "pulse"]

WORST_OF = 2**20
"""Cells of the memory whose worst cell is reported."""
RARE = 1e-3
"""The "99.9 % cell": the share of cells beyond it."""

_HALF_WIDTH = 0.05
_POINTS = 4
_LONGEST_MOVE = 0.10
_MOST_MOVES = 12
_PILOT_STEP = 0.7
_PILOT_ROUNDS = 40
_PILOT_STATES = 5
_FURTHEST = 4.75  # standard deviations: the worst of 2^20 cells
_SHARES = (0.15, 0.6, 0.25)
_CHECK_SHARES = (0.25, 0.75)
_CHECK_SHIFT = 0.8
_CHECK_SIGMAS = 5.0
_CHECK_FLOOR = 0.02


@dataclass(frozen=True)
class Population:
    """What is known of the population at one operation.

    Attributes:
        point: the stored voltage (V), or pulse (s), with its interval.
        mean, beyond_rare, worst: error rate of a random access to a random cell, of the 99.9 % cell, and
            of the worst of 2^20 cells (median over memories).
        above_target: share of the cells whose own error rate is above the target.
        check: the mean by the second estimate.
        slope: d ln(mean)/d ln(point).
        y: (N, D) samples; weight, ln_rate (at the point), status: (N,); replicate: (N,).
        simulated, failed: samples of pilot, estimate and check together, and those of them without an answer.
    """

    operation: Operation
    variation: Variation
    point: Estimate
    mean: Estimate
    beyond_rare: Estimate
    worst: Estimate
    above_target: Estimate
    check: Estimate
    slope: float
    gradient: Array
    y: Array
    weight: Array
    ln_rate: Array
    status: Array
    replicate: Array
    simulated: int
    failed: int


def population_plan(
    bench: Bench,
    operation: Operation,
    settings: PopulationSpec,
    start: float,
    *,
    axis: Axis = "voltage",
    voltage: float = 0.0,
    solve: bool = True,
) -> Plan:
    """Plan that returns the `Population` of one operation.

    Args:
        start: voltage (V) or pulse (s) at which the nominal cell meets the target.
        axis: what is solved for; with "pulse" the line voltage is `voltage`.
        solve: False keeps the point at `start` and estimates the population there.

    Raises:
        UserError: the target is not met below the operation's limit, or the check failed.
    """
    work = _Work(bench, operation, settings, axis, voltage, variation_of(bench))
    if settings.estimator == "plain":
        centre, gradient = start, np.zeros(work.variation.dimension)
    else:
        centre, gradient = yield from work.pilot(start, solve)
    proposal, other = proposals(settings, gradient)
    for _ in range(_MOST_MOVES):
        grid = work.grid(centre)
        y, weight = work.draw(proposal, settings.samples, "estimate")
        found = yield from work.simulate(y, grid, settings.state_nodes)
        point = work.meets(found, weight, grid) if solve else start
        if grid[0] <= point <= grid[-1]:
            break
        work.refuse_beyond(point)
        centre = float(np.clip(point, centre * (1 - _LONGEST_MOVE), centre * (1 + _LONGEST_MOVE)))
    else:
        raise UserError(
            f"{work.what}: no {axis} was found at which the population mean meets its target",
            file=bench.cell.netlist.with_suffix(".toml"),
            key="given_voltages" if axis == "pulse" else "population",
        )
    rates = found.at(point)
    mean = estimate.mean(rates, weight)
    check_y, check_weight = work.draw(other, settings.check_samples, "check")
    checked = yield from work.simulate(check_y, np.array([point]), 2 * settings.state_nodes - 1)
    check = estimate.mean(checked.at(point), check_weight)
    work.compare(mean, check)
    return work.summary(found, weight, y, gradient, point, mean, check, solve=solve)


def predicted_plan(bench: Bench, operation: Operation, settings: PopulationSpec, start: float) -> Plan:
    """Plan that returns the voltage near which the population mean meets the target, from the pilot alone.

    A second-order estimate, for searches; what is reported is estimated by `population_plan`.
    """
    work = _Work(bench, operation, settings, "voltage", 0.0, variation_of(bench))
    centre, _ = yield from work.pilot(start, True)
    return centre


@dataclass(frozen=True)
class _Found:
    """Simulated samples on a grid of points: ln_rate (R, M, P), failed samples at the worst rate seen."""

    grid: Array
    ln_rate: Array
    status: Array

    def at(self, point: float) -> Array:
        """ln(error rate) of every sample (R, M) at a point of the grid or between."""
        if self.grid.size == 1:
            return self.ln_rate[:, :, 0]
        return polynomial(self.grid, self.ln_rate, point)


@dataclass
class _Work:
    bench: Bench
    operation: Operation
    settings: PopulationSpec
    axis: Axis
    voltage: float
    variation: Variation
    simulated: int = 0
    failed: int = 0

    @property
    def what(self) -> str:
        name = self.operation.name
        return f"{self.bench.name} {self.bench.variant_name}, {name if name == 'read' else 'write ' + name}"

    def grid(self, centre: float) -> Array:
        return centre * (1 + np.linspace(-_HALF_WIDTH, _HALF_WIDTH, _POINTS))

    def draw(self, proposal: Proposal, samples: int, purpose: str) -> tuple[Array, Array]:
        return draw(self.bench, self.operation, self.settings, proposal, samples, self.axis, purpose)

    def tasks(self, y: Array, grid: Array, states: int) -> list[SampleRates]:
        operation, flat = self.operation, y.reshape(-1, y.shape[-1])
        voltage, pulse = (
            (grid, np.array([operation.pulse]))
            if self.axis == "voltage"
            else (np.array([self.voltage]), grid)
        )
        return [
            SampleRates(self.bench, operation, flat[first : first + BATCH], voltage, pulse, states)
            for first in range(0, flat.shape[0], BATCH)
        ]

    def simulate(self, y: Array, grid: Array, states: int) -> Plan:
        parts = cast(list[Arrays], (yield self.tasks(y, grid, states)))
        self.simulated += y.size // y.shape[-1]
        ln_rate = np.concatenate([part["ln_rate"] for part in parts]).reshape(*y.shape[:-1], grid.size)
        status = np.concatenate([part["status"] for part in parts]).reshape(y.shape[:-1])
        failed = status == FAILED
        self.failed += int(failed.sum())
        if failed.all():
            raise UserError(
                f"{self.what}: no sample could be simulated",
                file=self.bench.cell.netlist,
                key=self.bench.name,
            )
        # A sample without an answer stays in the mean, as the worst that was seen.
        ln_rate = np.where(failed[..., None], np.nanmax(ln_rate, axis=(0, 1)), ln_rate)
        return _Found(grid, ln_rate, status)

    def pilot(self, start: float, solve: bool) -> Plan:
        """Returns (centre, gradient)."""
        dimension = self.variation.dimension
        centre, y0 = start, np.zeros(dimension)
        target = np.log(self.operation.target)
        for _ in range(_PILOT_ROUNDS):
            steps = _PILOT_STEP * np.concatenate(
                [np.zeros((1, dimension)), np.eye(dimension), -np.eye(dimension)]
            )
            grid = self.grid(centre)
            found = yield from self.simulate((y0 + steps)[None], grid, _PILOT_STATES)
            values = found.ln_rate[0]
            gradients = (values[1 : dimension + 1] - values[dimension + 1 :]) / (2 * _PILOT_STEP)
            ln_mean = values[0] - y0 @ gradients + 0.5 * (gradients**2).sum(axis=0)
            moved = centre
            if solve:
                # Straight line in ln(point): also where the target lies beyond the grid.
                slope, offset = np.polyfit(np.log(grid / centre), ln_mean - target, 1)
                step = float(np.clip(-offset / slope, -_LONGEST_MOVE, _LONGEST_MOVE)) if slope else 0.0
                moved = centre * float(np.exp(step))
            at = np.clip(moved, grid[0], grid[-1])
            gradient = polynomial(grid, gradients, at)
            settled = abs(moved / centre - 1) < 0.3 * _HALF_WIDTH and np.linalg.norm(gradient - y0) < 0.4
            self.refuse_beyond(moved)
            centre, y0 = moved, gradient
            if settled:
                break
        return centre, y0

    def meets(self, found: _Found, weight: Array, grid: Array) -> float:
        """The point where the mean meets the target; beyond the grid in a straight line."""
        target = np.log(self.operation.target)

        def excess(ln_point: float) -> float:
            value = estimate.mean(found.at(float(np.exp(ln_point))), weight).value
            return float(np.log(value) - target)

        ends = np.log(grid[0]), np.log(grid[-1])
        low, high = excess(ends[0]), excess(ends[1])
        if low * high > 0:
            return float(np.exp(ends[0] - low * (ends[1] - ends[0]) / (high - low)))
        return float(np.exp(float(brentq(excess, *ends, xtol=1e-9))))

    def refuse_beyond(self, point: float) -> None:
        """Stop where the target needs more than the drivers give."""
        if self.axis == "voltage" and point > self.operation.limit * (1 + 1e-9):
            key = "read" if self.operation.name == "read" else "write"
            raise UserError(
                f"{self.what}: a population mean of {self.operation.target:g} is not reached up to "
                f"{self.operation.limit:.3g} V; use more fins, a longer pulse or a higher {key}.max_voltage",
                file=self.bench.cell.netlist.with_suffix(".toml"),
                key=key,
            )

    def compare(self, mean: Estimate, check: Estimate) -> None:
        """Stop if two estimates of the mean contradict each other."""
        if not (mean.value > 0 and check.value > 0):
            if self.settings.estimator == "plain":
                return
            raise UserError(f"{self.what}: no sample shows an error; raise --samples", key="samples")
        apart = abs(np.log(mean.value / check.value))
        allowed = _CHECK_SIGMAS * float(np.hypot(mean.log_error, check.log_error)) + _CHECK_FLOOR
        if apart > allowed:
            raise UserError(
                f"{self.what}: the self-check failed: a mean error rate of {mean.value:.4g} by one estimate, "
                f"of {check.value:.4g} by another with a different shift, {apart:.2f} apart in ln where "
                f"{allowed:.2f} is allowed; raise --samples",
                key="samples",
            )

    def summary(
        self,
        found: _Found,
        weight: Array,
        y: Array,
        gradient: Array,
        point: float,
        mean: Estimate,
        check: Estimate,
        *,
        solve: bool,
    ) -> Population:
        rates = found.at(point)
        beside = [
            float(np.log(estimate.mean(found.at(point * factor), weight).value)) for factor in (0.99, 1.01)
        ]
        slope = (beside[1] - beside[0]) / float(np.log(1.01 / 0.99))
        located = Estimate(point, point, point, 0.0, mean.effective_samples)
        if solve and slope:
            # The point is as uncertain as the mean there, through the slope.
            ends = sorted(point * np.exp(np.log([mean.low, mean.high] / np.array(mean.value)) / slope))
            located = Estimate(
                point, float(ends[0]), float(ends[1]), mean.log_error / abs(slope), mean.effective_samples
            )
        replicates, points = weight.shape
        return Population(
            operation=self.operation,
            variation=self.variation,
            point=located,
            mean=mean,
            beyond_rare=estimate.exceeded_by(rates, RARE, weight),
            worst=estimate.exceeded_by(rates, 1 - 0.5 ** (1 / WORST_OF), weight),
            above_target=estimate.probability_above(rates, float(np.log(self.operation.target)), weight),
            check=check,
            slope=slope,
            gradient=gradient,
            y=y.reshape(-1, y.shape[-1]),
            weight=weight.ravel(),
            ln_rate=rates.ravel(),
            status=found.status.ravel(),
            replicate=np.repeat(np.arange(replicates), points),
            simulated=self.simulated,
            failed=self.failed,
        )


def draw(
    bench: Bench,
    operation: Operation,
    settings: PopulationSpec,
    proposal: Proposal,
    samples: int,
    axis: Axis,
    purpose: str,
) -> tuple[Array, Array]:
    """Samples (R, M, D) and weights (R, M); fewer samples are the first of more."""
    replicates, points = layout(samples)
    # The two oxides of one cell and the two directions share no points; nor do estimate and check.
    uniform = uniforms(
        settings.sampling,
        variation_of(bench).dimension,
        replicates,
        points,
        seed=settings.seed,
        stream=f"{bench.name}/{operation.name}/{axis}/{purpose}",
    )
    return proposal.draw(uniform)


def proposals(settings: PopulationSpec, gradient: Array) -> tuple[Proposal, Proposal]:
    """Of the estimate, and of the check with its other shift."""
    if settings.estimator == "plain" or not gradient.any():
        plain = Proposal.plain(gradient.size)
        return plain, plain
    shift = float(np.linalg.norm(gradient))
    further = max(_FURTHEST, shift)
    return (
        Proposal.along(gradient, np.array([0.0, shift, further]), np.array(_SHARES)),
        Proposal.along(gradient, np.array([0.0, _CHECK_SHIFT * shift]), np.array(_CHECK_SHARES)),
    )
