"""The compiled kernels against plain loops written straight from the definition."""

from __future__ import annotations

import numpy as np

from neuro import kernel
from neuro.clock import AGE_SCALE, disturbs, lifetime
from neuro.network import Network, Settings
from neuro.population import Spread, ages, sampled
from neuro.synapse import Adc
from neuro.training import Run, train_all
from tests.neuro.learning import faulty, published, short_mnist


def test_digital_kernel_equals_a_plain_loop() -> None:
    data, settings = short_mnist(), Settings(model="neurosim", images_per_epoch=60, seed=3)
    run = Run(published("smtj"), settings, 0)
    fresh = Network(run.bitcell, settings, 0)
    order = run.next_images(len(data.train), 60)
    train_all([run], data, 1)

    w1, w2 = fresh.arrays[0].weights[:, :100].copy(), fresh.arrays[1].weights[:, :10].copy()
    encode = fresh.coding.encode
    held = [encode(w1), encode(w2)]
    # The cell remembers its last flip: 1 SET, -1 RESET, 0 none. Erased to digit 31, then written.
    memory = [np.zeros((*d.shape, 6), dtype=int) for d in held]
    for m, d in zip(memory, held, strict=True):
        m[..., :5] = 1
        before = (np.full_like(d, 31)[..., None] >> np.arange(6)) & 1
        after = (d[..., None] >> np.arange(6)) & 1
        m[(before == 0) & (after == 1)] = 1
        m[(before == 1) & (after == 0)] = -1
    counters = np.zeros((2, kernel.COUNTERS), dtype=int)
    for image in order:
        x = data.train.dense(np.array([image]))[0]
        z1 = (held[0].astype(int).T @ x - fresh.reference[0][x.sum()] * 31) / 63
        a = 1 / (1 + np.exp(-z1))
        y = (z1 >= 0).astype(int)
        z2 = (held[1].astype(int).T @ y - fresh.reference[1][y.sum()] * 31) / 63
        out = 1 / (1 + np.exp(-z2))
        s2 = -2 * out * (1 - out) * ((np.arange(10) == data.train.labels[image]) - out)
        s1 = a * (1 - a) * (w2 @ s2)
        steps = [-0.4 * np.outer(x, s1), -0.2 * np.outer(a, s2)]
        for place, w in enumerate((w1, w2)):
            w += steps[place]
            new = encode(w)
            before = (held[place][..., None] >> np.arange(6)) & 1
            after = (new[..., None] >> np.arange(6)) & 1
            memory[place][(before == 0) & (after == 1)] = 1
            memory[place][(before == 1) & (after == 0)] = -1
            changed = steps[place] != 0
            counters[place, kernel.SET_FLIPS] += ((before == 0) & (after == 1)).sum()
            counters[place, kernel.RESET_FLIPS] += ((before == 1) & (after == 0)).sum()
            counters[place, kernel.SET_COUNTED] += (memory[place][changed] == 1).sum()
            counters[place, kernel.RESET_COUNTED] += (memory[place][changed] == -1).sum()
            counters[place, kernel.CHANGED] += changed.sum()
            held[place] = new
    np.testing.assert_array_equal(run.network.arrays[0].digits[:, :100], held[0])
    np.testing.assert_array_equal(run.network.arrays[1].digits[:, :10], held[1])
    np.testing.assert_allclose(run.network.arrays[0].weights[:, :100], w1, rtol=1e-12, atol=1e-13)
    for place in range(2):
        seen = run.network.events[place].counters
        np.testing.assert_array_equal(seen[: kernel.CHANGED + 1], counters[place, : kernel.CHANGED + 1])


def test_ideal_cells_read_like_digits() -> None:
    """No spread, no errors, a converter that does not clip: currents must learn as digits do."""
    data = short_mnist()
    ideal = faulty(published("dmtj"), 0.0, 0.0)
    object.__setattr__(ideal, "spread", Spread())
    adc = Adc(12, 1.0, "analog")
    analog = Run(ideal, Settings(images_per_epoch=400, adc=adc, software_weights="free"), 0)
    digital = Run(ideal, Settings(model="neurosim", images_per_epoch=400), 0)
    # Take the peer's miscounting reference column (its defect D9) out of the comparison.
    digital.network.reference = [np.arange(401), np.arange(101)]
    train_all([analog, digital], data, 1)
    for one, other in zip(analog.network.arrays, digital.network.arrays, strict=True):
        np.testing.assert_array_equal(one.digits, other.digits)
        np.testing.assert_array_equal(one.actual, one.digits)
    for one, other in zip(analog.network.events, digital.network.events, strict=True):
        flips = [kernel.SET_FLIPS, kernel.RESET_FLIPS, kernel.CHANGED]
        np.testing.assert_array_equal(one.counters[flips], other.counters[flips])
        assert one.counters[kernel.WRITE_ERRORS] == one.counters[kernel.DISTURBS] == 0


def test_write_errors_come_at_their_rate() -> None:
    data = short_mnist()
    cell = faulty(published("smtj"), 1e-3, 1e-6)
    object.__setattr__(cell, "spread", Spread(junction_resistance=0.05))
    run = Run(cell, Settings(images_per_epoch=2000), 0)
    train_all([run], data, 1)
    counters = run.network.events[0].counters
    expected = 2e-3 * counters[kernel.SET_FLIPS] + 1e-3 * counters[kernel.RESET_FLIPS]
    assert abs(counters[kernel.WRITE_ERRORS] - expected) < 5 * np.sqrt(expected)
    # Half of the cells or so hold a 1, which alone can be lost; 100 rows of 600 cells an image.
    reads = run.network.events[0].active_rows * 600 * 1e-6
    assert 0.2 * reads < counters[kernel.DISTURBS] < reads
    state = run.network.arrays[0]
    assert (state.actual != state.digits).any()
    np.testing.assert_array_equal(state.current, run.network.currents(0, state.actual))


def test_population_mean_is_the_error_rate() -> None:
    population = sampled(9513.0, 16390.0, 1462.0, 1e-7, 3e-7, 1e-9, Spread(0.08, 0.03, 3.0, 3.0))
    for rates, mean in ((population.wer_0to1, 1e-7), (population.wer_1to0, 3e-7), (population.rdr, 1e-9)):
        np.testing.assert_allclose((rates * population.weight).sum(), mean, rtol=1e-12)
    assert (population.r_off > population.r_on).all()
    np.testing.assert_allclose(ages(population)[:, 1] / AGE_SCALE, population.wer_1to0, rtol=1e-2, atol=2e-15)


def test_clocks_are_exponential_and_disturbs_poisson() -> None:
    seed, replica = np.uint32(1), np.uint32(0)
    lives = np.array([lifetime(seed, replica, step, 0, 0) for step in range(4000)]) / AGE_SCALE
    assert abs(lives.mean() - 1.0) < 5 / np.sqrt(4000)
    assert abs(np.mean(lives > 1.0) - np.exp(-1.0)) < 0.04
    places, marks = np.zeros(64, np.int64), np.zeros(64)
    found = np.array([disturbs(seed, replica, step, 0, 1000, 3e-3, places, marks) for step in range(2000)])
    assert abs(found.mean() - 3.0) < 0.2
    assert abs(found.var() - 3.0) < 0.5
