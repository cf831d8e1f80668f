"""Stochastic Landau-Lifshitz-Gilbert dynamics of the macrospin: the second, independent way to error rates.

    dm/dt = -g' [ m x (H + alpha a z^) + m x (m x (alpha H - a z^)) ],
    a = alpha Hk i(z),   g' = gamma mu0/(1 + alpha^2)

(Slonczewski, J. Magn. Magn. Mater. 159, L1 (1996); thermal field of Brown, Phys. Rev. 130, 1677 (1963),
Stratonovich). Conventions and reduced units as in `flow.device.fokker_planck`: times in tau_D, the
reduced drive i(z) is positive towards z = -1.

Precession about the axis, 1/alpha times faster than the rest, is done exactly, half a turn before
and half after a Heun step of damping, torque and thermal field. A Heun step of the whole equation
feeds energy into the precession and so understates the write error rate; see tests and
docs/theory/switching.md for the bias of both against the step.

`backend="torch"` runs on any device; `"compiled"` is the same arithmetic in a CPU loop. Both draw
the noise from (seed, trajectory, step), so results do not depend on batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from flow.device.load_line import checked
from flow.device.philox import STREAM_NOISE, STREAM_START, normals, philox, uniform

Array = npt.NDArray[np.float64]

DEFAULT_STEP = 0.009
"""Time step in tau_D, 2 ps for tau_D = 0.225 ns; bias below 1 % (below 2 % at four times the step)."""
_EXIT_CLIMB = 30.0
_COMPACT_EVERY = 32


@dataclass(frozen=True)
class Macrospin:
    """One cell and its load line, for many trajectories.

    delta: thermal stability; z, drive: (K,) load line as in `switching_probabilities`; alpha: damping;
    start: +1 or -1. Errors: ValueError for a bad value.
    """

    delta: float
    z: Sequence[float] | Array
    drive: Sequence[float] | Array
    alpha: float = 0.025
    start: int = 1

    def __post_init__(self) -> None:
        checked(self.delta, self.z, self.drive, 0.0, self.start)
        if not 0.0 < self.alpha < 1.0:
            raise ValueError(f"alpha must lie between 0 and 1, not {self.alpha:g}")

    def pieces(self) -> tuple[Array, Array]:
        """Load line, mirrored to start at z = +1: (value, slope) at 0 of the lowest piece, and bends."""
        cases = checked(self.delta, self.z, self.drive, 0.0, self.start)
        z, drive = cases.z[0], cases.drive[0]
        slope = np.diff(drive) / np.diff(z)
        first = np.array([drive[0] - slope[0] * z[0], slope[0]])
        return first, np.ascontiguousarray(np.stack([z[1:-1], np.diff(slope)], axis=1))

    def pole_drive(self) -> float:
        """Drive at the starting pole, positive if it pushes out of the well."""
        first, bends = self.pieces()
        return float(first[0] + first[1] + (bends[:, 1] * (1.0 - bends[:, 0])).sum())

    def exit_point(self) -> float:
        """z below which a trajectory comes back with a chance of about e^-30 only; -2 if there is none."""
        first, bends = self.pieces()
        z = np.linspace(0.0, -0.95, 951)
        drive = (
            first[0] + first[1] * z + (bends[:, 1] * np.maximum(z[:, None] - bends[:, 0], 0.0)).sum(axis=1)
        )
        impulse = np.concatenate([[0.0], np.cumsum(0.5 * (drive[1:] + drive[:-1]) * 0.001)])
        climb = self.delta * (z * z + 2.0 * impulse)
        # The highest point on the way back counts from there on, not from the equator.
        deep = np.flatnonzero(climb - np.minimum.accumulate(climb) > _EXIT_CLIMB)
        return float(z[deep[0]]) if deep.size and climb.min() > -_EXIT_CLIMB / 3 else -2.0


def start_angles(spin: Macrospin, trajectories: torch.Tensor, seed: int) -> torch.Tensor:
    """Starting m, (R, 3), mirrored to z > 0: Boltzmann distribution exp(Delta z^2) cut at z = 0.

    Rejection-free: z from the inverse distribution by Newton on Dawson's integral, longitude uniform.
    """
    word = philox(seed, trajectories, 0, STREAM_START)
    share = uniform(word[0]).cpu().numpy()
    from scipy.special import dawsn

    # P(Z > z) = 1 - z-integral; with w = Delta (1 - z^2) nearly exponential start from that.
    root = np.sqrt(spin.delta)
    norm = dawsn(root)
    table = np.concatenate([np.linspace(0.0, 0.9, 2001)[:-1], 1.0 - 0.1 * np.linspace(1.0, 0.0, 20001) ** 2])
    # ln of the distribution function is smooth in z; e^{-Delta (1 - z^2)} dawsn(root z)/norm is P(Z < z).
    below = np.exp(-spin.delta * (1.0 - table**2)) * dawsn(root * table) / norm
    z = np.interp(share, below, table)
    for _ in range(3):
        value = np.exp(-spin.delta * (1.0 - z * z)) * dawsn(root * z) / norm
        density = np.exp(-spin.delta * (1.0 - z * z)) * root / norm
        z = np.clip(z - (value - share) / np.maximum(density, 1e-300), 0.0, 1.0)
    height = torch.from_numpy(z).to(trajectories.device)
    angle = 2.0 * np.pi * uniform(word[1])
    radius = torch.sqrt((1.0 - height) * (1.0 + height))
    return torch.stack([radius * torch.cos(angle), radius * torch.sin(angle), height], dim=1)


def simulate(
    spin: Macrospin,
    tau: float,
    trajectories: int,
    *,
    seed: int,
    first: int = 0,
    step: float = DEFAULT_STEP,
    reduced: bool = False,
    split: bool = True,
    device: str = "cpu",
    backend: str = "auto",
    early_exit: bool = True,
) -> Array:
    """Final z of trajectories first..first+trajectories-1, (R,), mirrored so that the start is z > 0.

    tau: pulse width in tau_D; step: wanted time step in tau_D (rounded down to divide tau); reduced: the
    z-only equation instead of the Cartesian one; split=False: plain Heun of the whole
    equation, kept (torch only) to show its bias. Trajectories that passed `exit_point` stop there.
    Errors: ValueError for a bad step, width or backend.
    """
    steps, step = whole_steps(tau, step)
    numbers = torch.arange(first, first + trajectories, dtype=torch.int64, device=device)
    m = start_angles(spin, numbers, seed)
    state = m[:, 2].clone() if reduced else m
    exit_z = spin.exit_point() if early_exit else -2.0
    march(spin, state, numbers, seed, 0, steps, step, exit_z, reduced=reduced, split=split, backend=backend)
    final: Array = (state if reduced else state[:, 2]).cpu().numpy()
    return final


def march(
    spin: Macrospin,
    state: torch.Tensor,
    numbers: torch.Tensor,
    seed: int,
    begin: int,
    end: int,
    step: float,
    exit_z: float,
    *,
    reduced: bool = False,
    split: bool = True,
    backend: str = "auto",
) -> None:
    """Advance `state`, (R, 3) or reduced (R,), in place by steps begin..end-1; rest as `simulate`."""
    if backend not in ("auto", "torch", "compiled"):
        raise ValueError(f"backend must be auto, torch or compiled, not {backend!r}")
    on_cpu = state.device.type == "cpu"
    if backend == "compiled" and not (on_cpu and split):
        raise ValueError("the compiled backend runs on the CPU, with the precession split off")
    first, bends = spin.pieces()
    noise = float(np.sqrt(step / (spin.delta * (1.0 + spin.alpha**2))))
    if backend == "compiled" or (backend == "auto" and on_cpu and split):
        from flow.device.llg_kernel import march_cartesian, march_reduced

        key = np.uint64(seed)
        rows, labels = state.numpy(), numbers.numpy()
        if reduced:
            march_reduced(rows, labels, first, bends, spin.delta, step, begin, end, exit_z, key)
        else:
            march_cartesian(rows, labels, first, bends, spin.alpha, noise, step, begin, end, exit_z, key)
        return
    alive = torch.arange(len(numbers), device=state.device)
    part = state.clone()
    for number in range(begin, end):
        if (number - begin) % _COMPACT_EVERY == 0:
            # Leave out what has passed the exit; within the interval they are simply held.
            keep = (part if reduced else part[:, 2]) >= exit_z
            state[alive] = part
            alive, part = alive[keep], part[keep]
            if len(alive) == 0:
                return
        words = philox(seed, numbers[alive], number, STREAM_NOISE)
        if reduced:
            part = _reduced(part, words, first, bends, spin.delta, step, exit_z)
        else:
            part = _heun(part, words, first, bends, spin.alpha, noise, step, exit_z, split)
    state[alive] = part


def whole_steps(tau: float, step: float) -> tuple[int, float]:
    if not (np.isfinite(tau) and tau > 0.0):
        raise ValueError(f"tau must be positive, not {tau:g}")
    if not (np.isfinite(step) and step > 0.0):
        raise ValueError(f"the step must be positive, not {step:g}")
    count = max(1, int(np.ceil(tau / step - 1e-9)))
    return count, tau / count


def _drive(z: torch.Tensor, first: Array, bends: Array) -> torch.Tensor:
    value = float(first[0]) + float(first[1]) * z
    for at, change in bends.tolist():
        value = value + change * torch.clamp(z - at, min=0.0)
    return value


def _turned(
    x: torch.Tensor, y: torch.Tensor, z: torch.Tensor, i: torch.Tensor, alpha: float, step: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Half a step of precession about the axis, exact while z is held."""
    turn = 0.5 * step * (z + alpha * alpha * i) / alpha
    cosine, sine = torch.cos(turn), torch.sin(turn)
    return x * cosine - y * sine, x * sine + y * cosine


def _slope(
    m: torch.Tensor, field: torch.Tensor, first: Array, bends: Array, alpha: float, step: float, split: bool
) -> torch.Tensor:
    """Increment of m (R, 3): damping, torque, thermal field and, unless split off, precession."""
    z = m[:, 2]
    i = _drive(z, first, bends)
    pull = (z - i) * step
    cross = torch.linalg.cross(m, field)
    double = torch.linalg.cross(m, cross)
    drift = -m * (z * pull)[:, None]
    drift[:, 2] += pull
    if not split:
        turn = step * (z + alpha * alpha * i) / alpha
        drift[:, 0] -= m[:, 1] * turn
        drift[:, 1] += m[:, 0] * turn
    increment: torch.Tensor = drift - cross - alpha * double
    return increment


def _heun(
    m: torch.Tensor,
    words: tuple[torch.Tensor, ...],
    first: Array,
    bends: Array,
    alpha: float,
    noise: float,
    step: float,
    exit_z: float,
    split: bool,
) -> torch.Tensor:
    before = m
    field = noise * torch.stack(normals(words, 3), dim=1)
    if split:
        z = m[:, 2]
        x, y = _turned(m[:, 0], m[:, 1], z, _drive(z, first, bends), alpha, step)
        m = torch.stack([x, y, z], dim=1)
    slope = _slope(m, field, first, bends, alpha, step, split)
    m = m + 0.5 * (slope + _slope(m + slope, field, first, bends, alpha, step, split))
    m = m / torch.linalg.vector_norm(m, dim=1, keepdim=True)
    if split:
        z = m[:, 2]
        x, y = _turned(m[:, 0], m[:, 1], z, _drive(z, first, bends), alpha, step)
        m = torch.stack([x, y, z], dim=1)
    return torch.where(before[:, 2:] < exit_z, before, m)


def _drifted(z: torch.Tensor, first: Array, bends: Array, step: float) -> torch.Tensor:
    """Deterministic flow of the z-only equation over `step`, by the midpoint rule."""
    middle = z + 0.5 * step * (1.0 - z) * (1.0 + z) * (z - _drive(z, first, bends))
    after: torch.Tensor = z + step * (1.0 - middle) * (1.0 + middle) * (middle - _drive(middle, first, bends))
    return after


def _reduced(
    z: torch.Tensor,
    words: tuple[torch.Tensor, ...],
    first: Array,
    bends: Array,
    delta: float,
    step: float,
    exit_z: float,
) -> torch.Tensor:
    """Half a step of drift, an isotropic random rotation, half a step of drift: z is all that is needed."""
    tilt = torch.sqrt(-2.0 * (step / delta) * torch.log(uniform(words[0])))
    new = _drifted(z, first, bends, 0.5 * step)
    room = torch.sqrt(torch.clamp((1.0 - new) * (1.0 + new), min=0.0))
    new = new * torch.cos(tilt) + room * torch.sin(tilt) * torch.cos(2.0 * np.pi * uniform(words[1]))
    return torch.where(z < exit_z, z, _drifted(new, first, bends, 0.5 * step))
