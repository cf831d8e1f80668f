"""Closed forms of macrospin switching, each with the domain where it holds; they test the solvers.

Dimensionless throughout: times in tau_D, rates in 1/tau_D, drive i positive towards z = -1
(conventions as in `flow.device.fokker_planck`). All functions broadcast NumPy arrays.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def kramers_rate(delta: npt.ArrayLike, drive: npt.ArrayLike, start: int = 1) -> Array:
    """Escape rate of the well `start` over the barrier, in 1/tau_D.

    `sqrt(Delta/pi) (1 - i)(1 - i^2) exp(-Delta (1 - i)^2)` with i seen from the starting well (Brown,
    Phys. Rev. 130, 1677 (1963); with spin torque Li and Zhang, Phys. Rev. B 69, 134416 (2004)).
    Domain: |i| < 1, drive independent of z, Delta (1 - i)^2 above about 5; the true rate is lower by
    a relative 1/Delta at i = 0 (10 % at 10, 5 % at 20) and more near i = 1.
    Errors: ValueError outside |i| < 1.
    """
    stability = np.asarray(delta, dtype=float)
    i = start * np.asarray(drive, dtype=float)
    if np.any(np.abs(i) >= 1.0):
        raise ValueError("Kramers' rate needs a barrier: |drive| < 1")
    rate: Array = np.sqrt(stability / np.pi) * (1.0 - i) * (1.0 - i * i) * np.exp(-stability * (1.0 - i) ** 2)
    return rate


def relaxation_rate(delta: npt.ArrayLike, drive: npt.ArrayLike = 0.0) -> Array:
    """Slowest decay rate of the two-well system, `k(0->1) + k(1->0)`, so 2k at i = 0; domain as Kramers."""
    return kramers_rate(delta, drive, 1) + kramers_rate(delta, drive, -1)


def switching_time(z_from: npt.ArrayLike, z_to: npt.ArrayLike, drive: npt.ArrayLike) -> Array:
    """Noiseless time from `z_from` down to `z_to` < `z_from`, in tau_D: `int dz / [(1 - z^2)(i - z)]`.

    Domain: constant i > z_from (else it never arrives: inf), -1 < z_to <= z_from < 1.
    """
    begin, end, i = np.broadcast_arrays(
        np.asarray(z_from, dtype=float), np.asarray(z_to, dtype=float), np.asarray(drive, dtype=float)
    )

    def primitive(z: Array) -> Array:
        # Partial fractions; at |i| = 1 two poles merge and the limit is taken by hand.
        minus, plus = np.log1p(-z), np.log1p(z)
        safe = np.where(np.abs(i) == 1.0, 2.0, i)
        value = (
            -minus / (2.0 * (safe - 1.0))
            + plus / (2.0 * (safe + 1.0))
            - np.log(np.abs(safe - z)) / (1.0 - safe * safe)
        )
        at_one = 0.5 / (1.0 - z) + 0.25 * (plus - minus)
        result: Array = np.where(i == 1.0, at_one, value)
        return result

    arrives = i > begin
    with np.errstate(divide="ignore", invalid="ignore"):
        time: Array = np.where(arrives, primitive(begin) - primitive(end), np.inf)
    return time


def write_error_exponent(drive: npt.ArrayLike) -> Array:
    """Decay rate of ln WER in 1/tau_D at long pulses, `2 (i - 1)` with i at the starting pole.

    Domain: i > 1, pulses beyond a few 1/(i - 1), large Delta: for a constant drive the true rate is
    higher by about `(3 - i)/(Delta (i - 1))`.
    """
    exponent: Array = 2.0 * (np.asarray(drive, dtype=float) - 1.0)
    return exponent


def butler_write_error(delta: npt.ArrayLike, drive: npt.ArrayLike, tau: npt.ArrayLike) -> Array:
    """Butler's analytic write error rate, `1 - exp(-pi^2 Delta (i-1) / (4 (i exp(2 (i-1) tau) - 1)))`.

    Butler et al., IEEE Trans. Magn. 48, 4684 (2012). Domain: constant i > 1. Its decay exponent is exact,
    its value up to a factor 4 off at small overdrive: not to be used as an error rate.
    """
    stability, i, time = (np.asarray(a, dtype=float) for a in (delta, drive, tau))
    growth = i * np.exp(2.0 * (i - 1.0) * time) - 1.0
    error: Array = -np.expm1(-(np.pi**2) * stability * (i - 1.0) / (4.0 * growth))
    return error


def stationary_log_density(
    delta: npt.ArrayLike, at: npt.ArrayLike, z: npt.ArrayLike, drive: npt.ArrayLike
) -> Array:
    """ln rho up to a constant, `Delta at^2 - 2 Delta int_0^at i dz`, exact for a piecewise linear drive.

    at: (M,) points; z, drive: (K,) load line, end pieces continued straight. Any Delta > 0.
    """
    points, nodes, values = (np.atleast_1d(np.asarray(a, dtype=float)) for a in (at, z, drive))
    if nodes.size == 1:
        integral = values[0] * points
    else:
        slopes = np.diff(values) / np.diff(nodes)

        def from_first_node(x: Array) -> Array:
            piece = np.clip(np.searchsorted(nodes, x, side="right") - 1, 0, nodes.size - 2)
            whole = np.concatenate([[0.0], np.cumsum(0.5 * (values[1:] + values[:-1]) * np.diff(nodes))])
            beyond = x - nodes[piece]
            result: Array = whole[piece] + beyond * (values[piece] + 0.5 * slopes[piece] * beyond)
            return result

        integral = from_first_node(points) - from_first_node(np.zeros(1))
    stability = np.asarray(delta, dtype=float)
    density: Array = stability * points**2 - 2.0 * stability * integral
    return density


def thermal_field(
    alpha: npt.ArrayLike, delta: npt.ArrayLike, step: npt.ArrayLike, mu0_hk: npt.ArrayLike = 1.0
) -> Array:
    """Standard deviation of one Cartesian component of mu0 H_th, in the unit of `mu0_hk`; step in tau_D.

    `sqrt(2 alpha k_B T / (gamma Ms V dt))` written with Delta: `alpha Hk / sqrt((1 + alpha^2) Delta dtau)`
    (Brown 1963; Stratonovich). Any Delta > 0.
    """
    damping, stability, time, field = (np.asarray(a, dtype=float) for a in (alpha, delta, step, mu0_hk))
    deviation: Array = damping * field / np.sqrt((1.0 + damping**2) * stability * time)
    return deviation
