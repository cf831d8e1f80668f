"""Curves of the population: the same cells as in the mean, seen at further pulses and voltages."""

from __future__ import annotations

import numpy as np
import pytest

from flow.measure.samples import operations_of
from flow.parallel import run_inline
from flow.spec import PopulationSpec
from flow.statistics.estimate import Estimate
from flow.statistics.family import PULSES, SHARES, VOLTAGES, Family, family_plan
from flow.statistics.population import Population, draw, population_plan, proposals
from flow.statistics.quantities import _curves
from flow.statistics.variation import variation_of
from tests.conftest import CELLS, MakeBench
from tests.near import approx

RC, SC = CELLS
SETTINGS = PopulationSpec(samples=64, check_samples=32)


@pytest.mark.parametrize(("cell", "index", "start"), [(RC, 0, 0.807), (SC, 2, 0.1242)], ids=["write", "read"])
def test_a_curve_goes_through_the_stored_point(
    make_bench: MakeBench, cell: str, index: int, start: float
) -> None:
    bench = make_bench(cell)
    operation = operations_of(bench)[index]
    known: Population = run_inline(population_plan(bench, operation, SETTINGS, start, solve=False))
    found: Family = run_inline(family_plan(bench, SETTINGS, known))
    multiples = PULSES if index == 0 else VOLTAGES
    at = int(np.argmin(np.abs(multiples - 1.0)))
    assert found.grid[at] == approx(operation.pulse if index == 0 else known.point.value, rel=1e-12)
    # 64 of 64: the same samples, there interpolated between four voltages, here simulated at one.
    assert found.mean[at].value == approx(known.mean.value, rel=2e-3)
    assert found.mean[at].low < known.mean.value < found.mean[at].high
    quantile = np.array([[one.value for one in row] for row in found.quantile])
    assert quantile[SHARES.index(1e-3), at] == approx(known.beyond_rare.value, rel=5e-3)
    # Errors fall with the pulse of a write and rise with the voltage of a read, for every kind of cell.
    sign = -1.0 if index == 0 else 1.0
    curves = [found.nominal, np.array([one.value for one in found.mean]), *quantile]
    assert all((sign * np.diff(np.log(curve)) > 0).all() for curve in curves)
    assert (np.diff(quantile, axis=0) > 0).all()
    good, _, bad, rare = quantile[:, at]
    assert good < found.nominal[at] < bad < rare


def test_few_samples_are_the_first_of_many(make_bench: MakeBench) -> None:
    bench = make_bench(RC)
    operation = operations_of(bench)[0]
    proposal, _ = proposals(SETTINGS, np.full(variation_of(bench).dimension, 0.5))
    few, light = draw(bench, operation, SETTINGS, proposal, 64, "voltage", "estimate")
    many, weight = draw(bench, operation, SETTINGS, proposal, 256, "voltage", "estimate")
    np.testing.assert_array_equal(few, many[:, :4])
    np.testing.assert_array_equal(light, weight[:, :4])


def test_the_table_gets_units_and_an_error_rate_never_exceeds_one(make_bench: MakeBench) -> None:
    operation = operations_of(make_bench(RC))[0]
    grid = np.array([1e-9, 2e-9])
    mean = (Estimate(0.98, 0.9, 1.05, 0.04, 9.0), Estimate(1e-7, 9e-8, 1.1e-7, 0.1, 9.0))
    none = np.zeros(3, dtype=np.int64)
    family = Family(operation, "pulse", grid, grid * 10, mean, tuple(mean for _ in SHARES), none)
    arrays = _curves(family)
    assert arrays["pulse_0to1"].unit == "s"
    assert arrays["wer_0to1_mean_ci_high"].values.tolist() == [1.0, 1.1e-7]
    assert arrays["wer_0to1_quantile"].dims == ("share", "pulse_0to1")
    assert arrays["wer_0to1_quantile_ci_low"].values.tolist() == [[0.9, 9e-8]] * len(SHARES)
