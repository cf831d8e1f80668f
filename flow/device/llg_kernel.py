"""Compiled CPU loops of the stochastic macrospin, one trajectory after the other.

Same equations, same steps and same random bits as the torch code in `flow.device.llg`, which runs
anywhere; this one spares the memory traffic of some hundred tensor operations per step.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from flow.device.philox import MULTIPLIERS, ROUNDS, STREAM_NOISE, WEYL

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_M0, _M1 = np.uint64(MULTIPLIERS[0]), np.uint64(MULTIPLIERS[1])
_W0, _W1 = np.uint64(WEYL[0]), np.uint64(WEYL[1])
_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_STREAM = np.uint64(STREAM_NOISE)
_ROUNDS = ROUNDS

_compiled = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})


@_compiled
def words(
    seed: np.uint64, trajectory: np.uint64, step: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Four 32-bit words of Philox4x32-10 for the noise of one step."""
    a, b, c, d = trajectory & _MASK, trajectory >> _SHIFT, step & _MASK, _STREAM
    k0, k1 = seed & _MASK, seed >> _SHIFT
    for _ in range(_ROUNDS):
        first = a * _M0
        second = c * _M1
        a, b, c, d = (second >> _SHIFT) ^ b ^ k0, second & _MASK, (first >> _SHIFT) ^ d ^ k1, first & _MASK
        k0 = (k0 + _W0) & _MASK
        k1 = (k1 + _W1) & _MASK
    return a, b, c, d


@_compiled
def uniform(word: np.uint64) -> float:
    """Float in (0, 1) from a 32-bit word."""
    value: float = (np.float64(word) + 0.5) * 2.0**-32
    return value


@_compiled
def drive_at(z: float, first: Array, bends: Array) -> float:
    """Drive at z: `first` = (value, slope) at z = 0 of the lowest piece, `bends` (n, 2) = (z_k, change)."""
    value: float = first[0] + first[1] * z
    for k in range(bends.shape[0]):
        value += bends[k, 1] * max(z - bends[k, 0], 0.0)
    return value


@_compiled
def slope_of(
    x: float, y: float, z: float, hx: float, hy: float, hz: float, pull: float, alpha: float
) -> tuple[float, float, float]:
    """Increment of m without precession: damping and torque `pull` along z, thermal field h (m x h + ...)."""
    # m x h
    cx, cy, cz = y * hz - z * hy, z * hx - x * hz, x * hy - y * hx
    # m x (m x h)
    dx, dy, dz = y * cz - z * cy, z * cx - x * cz, x * cy - y * cx
    return (
        -x * z * pull - cx - alpha * dx,
        -y * z * pull - cy - alpha * dy,
        (1.0 - z * z) * pull - cz - alpha * dz,
    )


@_compiled
def march_cartesian(
    m: Array,
    trajectories: Integers,
    first: Array,
    bends: Array,
    alpha: float,
    noise: float,
    step: float,
    begin: int,
    end: int,
    exit_z: float,
    seed: np.uint64,
) -> None:
    """Advance m (R, 3) in place by the steps begin..end-1; a trajectory below `exit_z` stops there."""
    for row in range(m.shape[0]):
        x, y, z = m[row, 0], m[row, 1], m[row, 2]
        trajectory = np.uint64(trajectories[row])
        for number in range(begin, end):
            if z < exit_z:
                break
            a, b, c, d = words(seed, trajectory, np.uint64(number))
            radius = noise * np.sqrt(-2.0 * np.log(uniform(a)))
            angle = 2.0 * np.pi * uniform(b)
            hx, hy = radius * np.cos(angle), radius * np.sin(angle)
            hz = noise * np.sqrt(-2.0 * np.log(uniform(c))) * np.cos(2.0 * np.pi * uniform(d))
            i = drive_at(z, first, bends)
            turn = 0.5 * step * (z + alpha * alpha * i) / alpha
            cosine, sine = np.cos(turn), np.sin(turn)
            x, y = x * cosine - y * sine, x * sine + y * cosine
            fx, fy, fz = slope_of(x, y, z, hx, hy, hz, (z - i) * step, alpha)
            px, py, pz = x + fx, y + fy, z + fz
            pull = (pz - drive_at(pz, first, bends)) * step
            gx, gy, gz = slope_of(px, py, pz, hx, hy, hz, pull, alpha)
            x += 0.5 * (fx + gx)
            y += 0.5 * (fy + gy)
            z += 0.5 * (fz + gz)
            scale = 1.0 / np.sqrt(x * x + y * y + z * z)
            x, y, z = x * scale, y * scale, z * scale
            turn = 0.5 * step * (z + alpha * alpha * drive_at(z, first, bends)) / alpha
            cosine, sine = np.cos(turn), np.sin(turn)
            x, y = x * cosine - y * sine, x * sine + y * cosine
        m[row, 0], m[row, 1], m[row, 2] = x, y, z


@_compiled
def drifted(z: float, first: Array, bends: Array, step: float) -> float:
    """Deterministic flow `dz/dtau = (1 - z^2)(z - i)` over `step`, by the midpoint rule."""
    middle = z + 0.5 * step * (1.0 - z) * (1.0 + z) * (z - drive_at(z, first, bends))
    return z + step * (1.0 - middle) * (1.0 + middle) * (middle - drive_at(middle, first, bends))


@_compiled
def march_reduced(
    z_of: Array,
    trajectories: Integers,
    first: Array,
    bends: Array,
    delta: float,
    step: float,
    begin: int,
    end: int,
    exit_z: float,
    seed: np.uint64,
) -> None:
    """Advance z (R,) in place by steps of the z-only equation; as `march_cartesian`.

    Half a step of drift, a rotation by a random angle in a random direction (the thermal field,
    which has no drift of its own on the sphere), half a step of drift.
    """
    spread = np.sqrt(step / delta)
    for row in range(z_of.shape[0]):
        z = z_of[row]
        trajectory = np.uint64(trajectories[row])
        for number in range(begin, end):
            if z < exit_z:
                break
            a, b, _, _ = words(seed, trajectory, np.uint64(number))
            tilt = spread * np.sqrt(-2.0 * np.log(uniform(a)))
            z = drifted(z, first, bends, 0.5 * step)
            room = np.sqrt(max((1.0 - z) * (1.0 + z), 0.0))
            z = z * np.cos(tilt) + room * np.sin(tilt) * np.cos(2.0 * np.pi * uniform(b))
            z = drifted(z, first, bends, 0.5 * step)
        z_of[row] = z
