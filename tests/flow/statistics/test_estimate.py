"""Estimates on limit states whose truth is known: values, intervals, coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from flow.statistics import estimate
from flow.statistics.estimate import Estimate
from flow.statistics.importance import Proposal
from flow.statistics.sampling import Method, layout, uniforms
from tests.near import approx

DIMENSION = 12
GRADIENT = np.array([2.3, -0.4, 0.1, 0.5, -0.1, 0.0, 0.2, -0.05, 0.3, 0.0, 0.15, -0.2])


def samples(
    method: Method, count: int, proposal: Proposal, seed: int
) -> tuple[np.ndarray, np.ndarray]:  # y (R, M, D), weights (R, M)
    replicates, points = layout(count)
    uniform = uniforms(method, DIMENSION, replicates, points, seed=seed, stream="test")
    return proposal.draw(uniform)


def mixture(shift: float, direction: np.ndarray = GRADIENT) -> Proposal:
    return Proposal.along(direction, np.array([0.0, shift, max(4.75, shift)]), np.array([0.15, 0.6, 0.25]))


def covered(found: Estimate, truth: float) -> bool:
    return found.low <= truth <= found.high


def log_mean_rate(target: float, spread: float, bend: float) -> tuple[float, float]:
    """(offset, shift) so that E[exp(offset + spread t - bend t^2/2)] = target, and the best shift."""
    width = 1 + bend
    return np.log(target) + 0.5 * np.log(width) - spread**2 / (2 * width), spread / width


@pytest.mark.parametrize("method", ["sobol", "random"])
@pytest.mark.parametrize(
    ("target", "spread", "bend"),
    [
        (1e-4, 1.5, 0.0),
        (1e-5, 2.0, 0.05),
        (1e-6, 2.5, -0.05),
        (1e-7, 3.0, 0.1),
        (1e-8, 3.2, 0.0),
        (1e-9, 3.5, -0.1),
    ],
)
def test_intervals_of_a_mean_cover_the_truth(
    method: Method, target: float, spread: float, bend: float
) -> None:
    """200 repeats; ln(rate) is linear or curved along u, and also bent across it with a known mean."""
    offset, shift = log_mean_rate(target, spread, bend)
    direction = GRADIENT / np.linalg.norm(GRADIENT)
    across = np.zeros(DIMENSION)
    across[5] = 1.0  # orthogonal to the gradient
    proposal = mixture(shift)
    hits, errors = 0, []
    for seed in range(200):
        y, weight = samples(method, 256, proposal, seed)
        t, s = y @ direction, y @ across
        # E[exp(0.3 s - 0.045)] = 1
        found = estimate.mean(offset + spread * t - 0.5 * bend * t**2 + 0.3 * s - 0.045, weight)
        hits += covered(found, target)
        errors.append(found.value / target - 1)
    assert 0.92 <= hits / 200 <= 0.98
    assert abs(np.mean(errors)) < 4 * np.std(errors) / np.sqrt(200) + 2e-3
    assert np.std(errors) < (0.02 if method == "sobol" else 0.06)


@pytest.mark.parametrize("target", [1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9])
def test_intervals_of_a_failure_probability_cover_the_truth(target: float) -> None:
    beta = -float(ndtri(target))
    direction = GRADIENT / np.linalg.norm(GRADIENT)
    proposal = Proposal.along(GRADIENT, np.array([0.0, beta]), np.array([0.2, 0.8]))
    hits = 0
    for seed in range(200):
        y, weight = samples("random", 512, proposal, seed)
        hits += covered(estimate.probability_above(y @ direction, beta, weight), target)
    assert 0.92 <= hits / 200 <= 0.98


def test_intervals_of_a_quantile_cover_the_truth() -> None:
    """The 99.9 % cell and the worst of a megabit, from the same samples as the mean."""
    direction = GRADIENT / np.linalg.norm(GRADIENT)
    hits = {1e-3: 0, 6.6e-7: 0}
    for seed in range(200):
        y, weight = samples("random", 512, mixture(2.4), seed)
        for probability in hits:
            found = estimate.exceeded_by(-10 + 2.4 * (y @ direction), probability, weight)
            hits[probability] += covered(found, float(np.exp(-10 - 2.4 * ndtri(probability))))
    for probability, count in hits.items():
        assert 0.92 <= count / 200 <= 0.98, probability


def test_effective_samples_of_equal_contributions_is_their_number() -> None:
    assert estimate.effective_samples(np.full((4, 8), 3.0)) == approx(32)
    assert estimate.effective_samples(np.eye(1, 50)) == approx(1)


def test_nothing_seen_gives_an_upper_end_and_not_a_certain_zero() -> None:
    found = estimate.probability_above(np.zeros((16, 8)), 1.0, np.ones((16, 8)))
    assert found.value == 0.0
    assert found.high == approx(3 / 128)


def test_plain_sampling_of_rare_means_is_far_worse() -> None:
    """Why importance sampling: the same number of samples, the same truth, the spread of the estimate."""
    offset, shift = log_mean_rate(1e-7, 3.0, 0.0)
    direction = GRADIENT / np.linalg.norm(GRADIENT)
    spread = {}
    for name, proposal in (("plain", Proposal.plain(DIMENSION)), ("importance", mixture(shift))):
        values = []
        for seed in range(40):
            y, weight = samples("random", 512, proposal, seed)
            values.append(np.log(estimate.mean(offset + 3.0 * (y @ direction), weight).value / 1e-7))
        spread[name] = float(np.std(values))
    assert spread["plain"] > 10 * spread["importance"]


def test_arithmetic_mean_uses_its_weights() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(5.0, 1.0, (16, 64))
    found = estimate.arithmetic_mean(values, np.ones_like(values))
    assert covered(found, 5.0)
    assert found.value == approx(values.mean())
    half = np.zeros_like(values)
    half[:, ::2] = 1.0
    assert estimate.arithmetic_mean(values, half).value == approx(values[:, ::2].mean())


def test_mixture_is_a_density_and_its_weights_undo_it() -> None:
    """E_q[w f] = E_p[f] for functions of t, by the inverse distribution function itself."""
    proposal = mixture(3.0)
    uniform = np.full((1, 20001, DIMENSION), 0.5)
    uniform[0, :, 0] = (np.arange(20001) + 0.5) / 20001
    y, weight = proposal.draw(uniform)
    t = y[0] @ (GRADIENT / np.linalg.norm(GRADIENT))
    assert weight.mean() == approx(1.0, abs=2e-3)
    assert (weight[0] * (t > 3)).mean() == approx(ndtr(-3.0), rel=2e-3)
    assert (weight[0] * t**2).mean() == approx(1.0, rel=5e-3)
    assert weight.max() <= 1 / 0.15 + 1e-9
