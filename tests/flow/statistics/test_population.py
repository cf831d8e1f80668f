"""Populations whose truth is known in closed form: ln(error rate) linear in the process variables.

With ln p = a - s ln(V/V0) + g.y and standard normal y the error rates are lognormal: mean, quantiles, share
above a target and the voltage that meets a target follow from a, s and |g| alone. No circuit is simulated.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from flow.errors import UserError
from flow.measure.bench import Bench
from flow.measure.samples import CONVERGED, FAILED, Operation, SampleRates, operations_of
from flow.parallel import Arrays, run_inline
from flow.spec import PopulationSpec
from flow.statistics.family import PULSES, SHARES, Family, family_plan
from flow.statistics.population import Population, population_plan, predicted_plan
from flow.statistics.variation import variation_of
from tests.conftest import CELLS, MakeBench
from tests.near import approx

V0 = 0.7
OFFSET, STEEPNESS, SPREAD = float(np.log(3e-9)), 40.0, 2.0
"""ln p of the nominal cell at V0, its fall with ln V, and its standard deviation over the population."""
SETTINGS = PopulationSpec(samples=1024, check_samples=512)

Fails = Callable[[np.ndarray], np.ndarray]


def gradient(dimension: int) -> np.ndarray:
    weights = np.cos(1.0 + np.arange(dimension))
    return np.asarray(SPREAD * weights / np.linalg.norm(weights))


@pytest.fixture
def world(make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> tuple[Bench, Operation]:
    """A cell whose errors obey the closed form."""
    return closed_form(make_bench, monkeypatch, lambda y: np.zeros(len(y), dtype=np.bool_))


def closed_form(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch, fails: Fails
) -> tuple[Bench, Operation]:
    bench = make_bench(CELLS[1])
    own = operations_of(bench)[0].pulse

    def run(self: SampleRates) -> Arrays:
        voltage = np.log(self.voltage / V0)[None, :, None]
        pulse = np.log(self.pulse / own)[None, None, :]
        deviation = (self.y @ gradient(self.y.shape[1]))[:, None, None]
        ln_rate = OFFSET - STEEPNESS * voltage - 10.0 * pulse + deviation
        bad = fails(self.y)
        ln_rate[bad] = np.nan
        return {"ln_rate": ln_rate, "status": np.where(bad, FAILED, CONVERGED)}

    monkeypatch.setattr(SampleRates, "run", run)
    return bench, operations_of(bench)[0]


def test_the_voltage_meets_the_target_and_every_rate_is_that_of_the_lognormal(
    world: tuple[Bench, Operation],
) -> None:
    bench, operation = world
    found: Population = run_inline(population_plan(bench, operation, SETTINGS, V0))
    # E[exp(a + |g| t)] = exp(a + |g|^2/2), so the voltage is had from a straight line in ln V.
    ln_target = float(np.log(operation.target))
    voltage = V0 * np.exp((OFFSET + SPREAD**2 / 2 - ln_target) / STEEPNESS)
    assert found.point.value == approx(voltage, rel=1e-3)
    assert found.mean.value == approx(operation.target, rel=1e-6)
    assert found.slope == approx(-STEEPNESS, rel=1e-3)
    median = ln_target - SPREAD**2 / 2
    for value, share in (
        (found.beyond_rare, 1e-3),
        # The median over memories of their worst of 2^20 cells: P(all below) = 1/2.
        (found.worst, -np.expm1(np.log(0.5) / 2**20)),
    ):
        truth = np.exp(median - SPREAD * ndtri(share))
        assert value.value == approx(truth, rel=0.15)
        assert abs(np.log(value.value / truth)) < 4 * value.log_error
    assert found.above_target.value == approx(float(ndtr((median - ln_target) / SPREAD)), rel=0.1)
    np.testing.assert_allclose(found.gradient, gradient(variation_of(bench).dimension), rtol=1e-6, atol=1e-9)
    # The voltage is as uncertain as ln(mean) over the steepness.
    assert found.point.high / found.point.low == approx(
        float(np.exp(np.log(found.mean.high / found.mean.low) / STEEPNESS)), rel=1e-6
    )
    assert found.point.log_error == approx(found.mean.log_error / STEEPNESS, rel=1e-3)
    assert found.failed == 0


def test_the_pilot_alone_finds_the_voltage_of_a_lognormal_population(world: tuple[Bench, Operation]) -> None:
    """The second-order estimate of sizing is exact where ln(rate) is linear, wherever the search begins."""
    bench, operation = world
    voltage = V0 * np.exp((OFFSET + SPREAD**2 / 2 - np.log(operation.target)) / STEEPNESS)
    for start in (0.95 * voltage, V0, 1.05 * voltage):
        found = run_inline(predicted_plan(bench, operation, SETTINGS, start))
        assert found == approx(voltage, rel=1e-4)


def test_given_the_voltage_the_pulse_is_found(world: tuple[Bench, Operation]) -> None:
    bench, operation = world
    voltage = 0.72
    found: Population = run_inline(
        population_plan(bench, operation, SETTINGS, operation.pulse, axis="pulse", voltage=voltage)
    )
    excess = OFFSET - STEEPNESS * np.log(voltage / V0) + SPREAD**2 / 2 - np.log(operation.target)
    assert found.point.value == approx(operation.pulse * float(np.exp(excess / 10.0)), rel=3e-3)
    assert found.slope == approx(-10.0, rel=1e-3)


def test_curves_are_those_of_the_lognormal(world: tuple[Bench, Operation]) -> None:
    bench, operation = world
    known: Population = run_inline(population_plan(bench, operation, SETTINGS, V0, solve=False))
    found: Family = run_inline(family_plan(bench, SETTINGS, known))
    np.testing.assert_allclose(found.grid, operation.pulse * PULSES)
    nominal = np.exp(OFFSET - 10.0 * np.log(PULSES))
    np.testing.assert_allclose(found.nominal, nominal, rtol=1e-9)
    for at in range(PULSES.size):
        truth = nominal[at] * np.exp(SPREAD**2 / 2)
        assert abs(np.log(found.mean[at].value / truth)) < 4 * found.mean[at].log_error
        for share, row in zip(SHARES, found.quantile, strict=True):
            assert row[at].value == approx(nominal[at] * float(np.exp(-SPREAD * ndtri(share))), rel=0.35)


def test_a_sample_without_an_answer_counts_as_the_worst_and_is_counted(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The safe side: what could not be simulated must never make a cell look better."""
    whole_bench, operation = closed_form(make_bench, monkeypatch, lambda y: np.zeros(len(y), dtype=np.bool_))
    settings = PopulationSpec(samples=64, check_samples=32, estimator="plain", sampling="random")
    whole: Population = run_inline(population_plan(whole_bench, operation, settings, V0, solve=False))
    whole_family: Family = run_inline(family_plan(whole_bench, settings, whole))

    def fails(y: np.ndarray) -> np.ndarray:
        # Of all cells the best have no answer.
        return np.asarray(y @ gradient(y.shape[1]) < -2.0)

    bench, operation = closed_form(make_bench, monkeypatch, fails)
    found: Population = run_inline(population_plan(bench, operation, settings, V0, solve=False))
    lost = found.status == FAILED
    assert 0 < lost.sum() < 32
    assert found.simulated == 64 + 32
    assert lost.sum() < found.failed <= lost.sum() + 32
    worst = found.ln_rate[~lost].max()
    assert found.ln_rate[lost] == approx(np.full(lost.sum(), worst))
    assert found.ln_rate[~lost] == approx(whole.ln_rate[~lost])
    assert found.mean.value > whole.mean.value
    family: Family = run_inline(family_plan(bench, settings, found))
    assert all(a.value > b.value for a, b in zip(family.mean, whole_family.mean, strict=True))


def test_the_check_has_other_samples_and_a_finer_load_line(
    world: tuple[Bench, Operation], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, operation = world
    answer = SampleRates.run
    asked: list[SampleRates] = []

    def watched(self: SampleRates) -> Arrays:
        asked.append(self)
        return answer(self)

    monkeypatch.setattr(SampleRates, "run", watched)
    settings = PopulationSpec(samples=64, check_samples=64, state_nodes=5)
    run_inline(population_plan(bench, operation, settings, V0, solve=False))
    *_, estimated, checked = asked
    assert (estimated.states, checked.states) == (5, 9)
    assert not np.isin(estimated.y, checked.y).any()


@pytest.mark.parametrize(("sigmas", "stops"), [(4.0, False), (7.0, True)])
def test_the_check_allows_what_chance_may_do_and_no_more(
    world: tuple[Bench, Operation], monkeypatch: pytest.MonkeyPatch, sigmas: float, stops: bool
) -> None:
    """Rates too high by so many errors of both means together, beyond the 2 % for the finer load line."""
    bench, operation = world
    known: Population = run_inline(population_plan(bench, operation, SETTINGS, V0, solve=False))
    error = float(np.hypot(known.mean.log_error, known.check.log_error))
    off = sigmas * error + 0.02 - float(np.log(known.check.value / known.mean.value))
    answer = SampleRates.run

    def shifted(self: SampleRates) -> Arrays:
        found = answer(self)
        if self.states == 2 * SETTINGS.state_nodes - 1:
            found["ln_rate"] += off
        return found

    monkeypatch.setattr(SampleRates, "run", shifted)
    plan = population_plan(bench, operation, SETTINGS, V0, solve=False)
    if stops:
        with pytest.raises(UserError, match="self-check failed"):
            run_inline(plan)
    else:
        run_inline(plan)
