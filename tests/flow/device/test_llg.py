"""Stochastic trajectories against the Fokker-Planck answer, and what they promise by themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from flow.device.fokker_planck import switching_probabilities
from flow.device.llg import Macrospin, march, simulate, start_angles
from flow.device.llg_kernel import words
from flow.device.mtj import DMTJ, SMTJ
from flow.device.philox import STREAM_NOISE, philox
from flow.device.trajectories import binomial_interval, plain_estimate, split_estimate
from tests.near import approx

NODES = np.cos(np.pi * np.arange(7)[::-1] / 6)
WRITE = Macrospin(40.0, [-1.0, 1.0], [2.5, 2.5])


@pytest.fixture(autouse=True)
def _one_thread():
    """Threads cost more than they bring on tensors of this size."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def cell(device, start, delta=45.0):
    """Load line of a bare junction at a voltage that writes from `start`, with a lowered barrier."""
    voltage = start * (0.62 if device.kind == "smtj" else 0.45)
    drive = np.asarray(device.drive(NODES, voltage))
    return Macrospin(delta, NODES, drive, alpha=float(device.alpha), start=start)


def width_for(spin, target):
    """Pulse width in tau_D at which the Fokker-Planck equation gives this error rate, and the rate."""
    widths = np.linspace(0.2, 24, 600)
    stay = switching_probabilities(
        spin.delta, spin.z, spin.drive, widths[None], spin.start, tolerance=1e-2
    ).stay[0]
    tau = float(np.exp(np.interp(np.log(target), np.log(stay[::-1]), np.log(widths[::-1]))))
    return tau, float(switching_probabilities(spin.delta, spin.z, spin.drive, tau, spin.start).stay)


# Random numbers


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [  # known answers of the Random123 distribution
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_published_words(counter, key, expected):
    trajectory = np.array([counter[0] | counter[1] << 32], dtype=np.uint64).view(np.int64)
    seed = key[0] | key[1] << 32
    found = philox(seed, torch.from_numpy(trajectory), counter[2], counter[3])
    assert tuple(int(word) for word in found) == expected


def test_compiled_philox_gives_the_same_words():
    numbers = torch.tensor([0, 1, 2**33 + 5, 2**62 + 3])
    for seed in (0, 12345678901234567890 % 2**63):
        for step in (0, 777):
            expected = torch.stack(philox(seed, numbers, step, STREAM_NOISE), dim=1).numpy()
            for row, number in enumerate(numbers.tolist()):
                found = words(np.uint64(seed), np.uint64(number), np.uint64(step))
                assert [int(word) for word in found] == expected[row].tolist()


# One trajectory is one trajectory


@pytest.mark.parametrize("reduced", [False, True])
def test_batches_do_not_matter(reduced):
    whole = simulate(WRITE, 1.0, 60, seed=5, reduced=reduced)
    parts = [simulate(WRITE, 1.0, 20, seed=5, first=first, reduced=reduced) for first in (0, 20, 40)]
    assert (whole == np.concatenate(parts)).all()
    assert (whole != simulate(WRITE, 1.0, 60, seed=6, reduced=reduced)).all()


@pytest.mark.parametrize("reduced", [False, True])
@pytest.mark.parametrize("start", [1, -1])
def test_torch_and_compiled_agree(reduced, start):
    spin = cell(DMTJ(), start)
    one, other = (
        simulate(spin, 1.5, 100, seed=3, reduced=reduced, backend=backend)
        for backend in ("torch", "compiled")
    )
    np.testing.assert_allclose(one, other, atol=1e-9)


def test_trajectories_past_the_exit_would_not_have_come_back():
    assert WRITE.exit_point() < 0
    with_exit = simulate(WRITE, 2.0, 2000, seed=9)
    without = simulate(WRITE, 2.0, 2000, seed=9, early_exit=False)
    assert ((with_exit > 0) == (without > 0)).all()
    assert Macrospin(30.0, [-1, 1], [0.3, 0.3]).exit_point() > -1  # deep in the other well
    assert Macrospin(30.0, [-1, 1], [-2.0, -2.0]).exit_point() == -2.0  # always driven back


def test_magnetisation_keeps_its_length():
    numbers = torch.arange(50)
    m = start_angles(WRITE, numbers, 1)
    march(WRITE, m, numbers, 1, 0, 200, 0.01, -2.0)
    np.testing.assert_allclose(torch.linalg.vector_norm(m, dim=1).numpy(), 1, atol=1e-12)


def test_starts_are_boltzmann_distributed():
    from scipy.special import dawsn
    from scipy.stats import kstest

    m = start_angles(WRITE, torch.arange(20000), 11).numpy()
    root = np.sqrt(WRITE.delta)

    def below(z):
        return np.exp(-WRITE.delta * (1 - z * z)) * dawsn(root * z) / dawsn(root)

    assert kstest(m[:, 2], below).pvalue > 1e-3
    assert kstest(np.arctan2(m[:, 1], m[:, 0]) / (2 * np.pi) + 0.5, "uniform").pvalue > 1e-3


def test_mean_relaxation_turns_at_the_larmor_rate():
    """Near the pole the equation is linear, so the mean of noisy moments moves like one without noise."""
    still = Macrospin(1e5, [-1, 1], [0, 0])
    m = torch.tensor([[np.sin(0.01), 0.0, np.cos(0.01)]], dtype=torch.float64).repeat(40000, 1)
    march(still, m, torch.arange(40000), 1, 0, 100, 0.001, -2.0)
    x, y, _ = m.mean(dim=0)
    # The standard error of the mean is 5e-4 of the radius.
    assert float(torch.atan2(y, x) % (2 * np.pi)) == approx((0.1 / 0.025) % (2 * np.pi), abs=3e-3)
    assert float(torch.hypot(x, y)) == approx(np.sin(0.01) * np.exp(-0.1), rel=3e-3)


# Against the Fokker-Planck equation


@pytest.mark.parametrize("start", [1, -1], ids=["0to1", "1to0"])
@pytest.mark.parametrize("device", [SMTJ(), DMTJ()], ids=["smtj", "dmtj"])
@pytest.mark.parametrize(("target", "trajectories"), [(1e-2, 20000), (1e-3, 40000), (1e-4, 100000)])
def test_cartesian_llg_agrees_within_its_binomial_error(device, start, target, trajectories):
    spin = cell(device, start)
    tau, expected = width_for(spin, target)
    # A fresh seed falls outside once in a thousand times.
    found = plain_estimate(spin, tau, trajectories, seed=101, step=0.036)
    low, high = binomial_interval(found.events, trajectories, 0.999)
    assert low <= expected <= high
    assert found.events > 4


@pytest.mark.slow
@pytest.mark.parametrize("start", [1, -1], ids=["0to1", "1to0"])
@pytest.mark.parametrize("device", [SMTJ(), DMTJ()], ids=["smtj", "dmtj"])
@pytest.mark.parametrize(("target", "trajectories"), [(1e-5, 2_000_000), (1e-6, 8_000_000)])
def test_cartesian_llg_agrees_at_small_rates(device, start, target, trajectories):
    """Minutes on a CPU, seconds on a GPU."""
    spin = cell(device, start)
    tau, expected = width_for(spin, target)
    where = "cuda" if torch.cuda.is_available() else "cpu"
    found = plain_estimate(spin, tau, trajectories, seed=23, step=0.036, device=where, batch=1 << 21)
    low, high = binomial_interval(found.events, trajectories, 0.999)
    assert low <= expected <= high


def test_cartesian_llg_agrees_on_a_read():
    spin = Macrospin(14.0, NODES, 0.4 + 0.1 * NODES)
    expected = float(switching_probabilities(14.0, NODES, 0.4 + 0.1 * NODES, 6.0, 1).leave)
    found = plain_estimate(spin, 6.0, 20000, seed=29, stay=False, step=0.018)
    low, high = binomial_interval(found.events, 20000, 0.999)
    assert low <= expected <= high


@pytest.mark.parametrize("reduced", [True, False])
def test_splitting_reaches_small_rates(reduced):
    spin = cell(SMTJ(), 1)
    tau, expected = width_for(spin, 7e-6)
    found = split_estimate(
        spin, tau, 2000, seed=31, checkpoints=8, reduced=reduced, step=0.04 if reduced else 0.018
    )
    assert found.high - found.low < 1.0 * expected
    assert found.low - 0.3 * (found.high - found.low) < expected < found.high + 0.3 * (found.high - found.low)


def test_splitting_agrees_with_counting():
    tau, expected = width_for(WRITE, 2e-2)
    split = split_estimate(WRITE, tau, 4000, seed=37, checkpoints=3, reduced=True, step=0.04)
    plain = plain_estimate(WRITE, tau, 60000, seed=37, reduced=True, step=0.04)
    assert split.probability == approx(expected, rel=0.06)
    assert plain.probability == approx(expected, rel=0.1)


# The bias of the time step


def test_step_bias_split_and_plain():
    """The splitting is right at 2 ps (0.009 tau_D) and at 8 ps; a plain Heun step is low at 2 ps already."""
    tau, expected = width_for(WRITE, 0.1)
    number = 30000
    deviation = np.sqrt(0.9 / (0.1 * number))
    for step in (0.009, 0.036):
        found = plain_estimate(WRITE, tau, number, seed=41, step=step).probability
        assert abs(found / expected - 1) < 3.3 * deviation
    plain = {
        step: float((simulate(WRITE, tau, 2000, seed=41, step=step, split=False) > 0).mean())
        for step in (0.009, 0.018)
    }
    assert plain[0.009] / expected < 0.7  # measured with 20000 trajectories: 0.51
    assert plain[0.018] / expected < 0.1


def test_reduced_equation_is_right_at_ten_times_the_step():
    tau, expected = width_for(WRITE, 0.1)
    found = plain_estimate(WRITE, tau, 100000, seed=43, reduced=True, step=0.04)
    assert found.probability == approx(expected, rel=0.03)


# Statistics and refusals


def test_binomial_interval_covers():
    generator = np.random.default_rng(1)
    inside = 0
    for events in generator.binomial(200, 0.03, 500).tolist():
        low, high = binomial_interval(events, 200)
        inside += low <= 0.03 <= high
    assert inside >= 0.94 * 500
    assert binomial_interval(0, 100)[0] == 0
    assert binomial_interval(100, 100)[1] == 1


def test_refusals():
    with pytest.raises(ValueError, match="delta must be a positive number"):
        Macrospin(-1.0, [-1, 1], [0, 0])
    with pytest.raises(ValueError, match="alpha must lie between 0 and 1"):
        Macrospin(40.0, [-1, 1], [0, 0], alpha=0.0)
    with pytest.raises(ValueError, match="step must be positive"):
        simulate(WRITE, 1.0, 10, seed=1, step=0.0)
    with pytest.raises(ValueError, match="tau must be positive"):
        simulate(WRITE, float("nan"), 10, seed=1)
    with pytest.raises(ValueError, match="backend must be"):
        simulate(WRITE, 1.0, 10, seed=1, backend="magic")
    with pytest.raises(ValueError, match="compiled backend"):
        simulate(WRITE, 1.0, 10, seed=1, backend="compiled", split=False)
    with pytest.raises(ValueError, match="must exceed 1"):
        split_estimate(Macrospin(40.0, [-1, 1], [0.3, 0.3]), 1.0, 10, seed=1, checkpoints=2)
