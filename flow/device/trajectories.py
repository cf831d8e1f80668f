"""Error rates from stochastic trajectories, by counting or by splitting in time, with their intervals."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch

from flow.device.llg import DEFAULT_STEP, Macrospin, march, simulate, start_angles, whole_steps
from flow.device.philox import STREAM_SPLIT, philox, uniform


@dataclass(frozen=True)
class Estimate:
    """A probability with its two-sided 95 % confidence interval, and what it was estimated from."""

    probability: float
    low: float
    high: float
    trajectories: int
    events: int


def binomial_interval(events: int, trajectories: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact (Clopper and Pearson, Biometrika 26, 404 (1934)) two-sided interval of a probability."""
    from scipy.stats import beta

    tail = 0.5 * (1.0 - confidence)
    low = 0.0 if events == 0 else float(beta.ppf(tail, events, trajectories - events + 1))
    high = 1.0 if events == trajectories else float(beta.ppf(1.0 - tail, events + 1, trajectories - events))
    return low, high


def plain_estimate(
    spin: Macrospin,
    tau: float,
    trajectories: int,
    *,
    seed: int,
    stay: bool = True,
    step: float = DEFAULT_STEP,
    reduced: bool = False,
    device: str = "cpu",
    backend: str = "auto",
    batch: int = 1 << 18,
) -> Estimate:
    """Probability to end on (stay) or off the starting side of z = 0, by counting trajectories."""
    events = 0
    for first in range(0, trajectories, batch):
        z = simulate(
            spin,
            tau,
            min(batch, trajectories - first),
            seed=seed,
            first=first,
            step=step,
            reduced=reduced,
            device=device,
            backend=backend,
        )
        events += int(np.count_nonzero((z > 0.0) == stay))
    low, high = binomial_interval(events, trajectories)
    return Estimate(events / trajectories, low, high, trajectories, events)


def split_estimate(
    spin: Macrospin,
    tau: float,
    trajectories: int,
    *,
    seed: int,
    checkpoints: int,
    replicas: int = 10,
    step: float = DEFAULT_STEP,
    reduced: bool = False,
    device: str = "cpu",
    backend: str = "auto",
) -> Estimate:
    """Small probability to STAY under a write drive, by splitting in time; unbiased.

    At the start and at each of `checkpoints` instants the population is drawn again with weights
    in proportion to an importance function, and the estimate multiplied by the mean weight (Del Moral,
    Feynman-Kac Formulae, 2004; Kahn and Harris 1951). The function is the chance to stay of the
    linear stage near the pole, `exp(-(1 - z)/s^2)` with
    `s^2 = (1 - e^{-2 (i-1) t})/(2 (i-1) Delta) + e^{-2 (i-1) t}/2`, t the time left; a poor choice costs
    variance, never bias. `trajectories` is the population of one replica; the interval comes from the
    scatter of the replicas (Student).
    Errors: ValueError if the drive at the starting pole is not above 1.
    """
    growth = 2.0 * (spin.pole_drive() - 1.0)
    if growth <= 0.0:
        raise ValueError("splitting in time needs a write: the drive at the starting pole must exceed 1")
    exit_z = spin.exit_point()
    steps, step = whole_steps(tau, step)
    stops = np.unique(np.linspace(0, steps, checkpoints + 2).round().astype(int)).tolist()
    values, survivors = [], 0
    for replica in range(replicas):
        base = replica * trajectories
        numbers = torch.arange(base, base + trajectories, dtype=torch.int64, device=device)
        m = start_angles(spin, numbers, seed)
        state = m[:, 2].clone() if reduced else m
        product = 1.0
        given = torch.ones(trajectories, dtype=torch.float64, device=device)
        for k, (begin, end) in enumerate(itertools.pairwise(stops)):
            height = state if reduced else state[:, 2]
            faded = np.exp(-growth * (steps - begin) * step)
            worth = torch.exp((height - 1.0) / float((1.0 - faded) / (growth * spin.delta) + 0.5 * faded))
            weight = worth / given
            product *= float(weight.mean())
            # Systematic drawing: one random offset, evenly spaced marks on the running sum.
            offset = uniform(philox(seed, numbers[:1], k, STREAM_SPLIT)[0])
            marks = (torch.arange(trajectories, dtype=torch.float64, device=device) + offset) / trajectories
            running = torch.cumsum(weight, 0)
            chosen = torch.searchsorted(running, marks * running[-1]).clamp(max=trajectories - 1)
            state, given = state[chosen].clone(), worth[chosen]
            march(spin, state, numbers, seed, begin, end, step, exit_z, reduced=reduced, backend=backend)
        height = state if reduced else state[:, 2]
        survivors += int((height > 0.0).sum())
        values.append(product * float(((height > 0.0) / given).mean()))
    from scipy.stats import t as student

    mean = float(np.mean(values))
    reach = float(student.ppf(0.975, replicas - 1) * np.std(values, ddof=1) / np.sqrt(replicas))
    return Estimate(mean, max(mean - reach, 0.0), mean + reach, trajectories * replicas, survivors)
