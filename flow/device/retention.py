"""Mean first passage and retention: the slow end of the Fokker-Planck equation, by quadrature.

A rational time step answers any pulse width, but a lifetime is better had directly:

    T(wall) = 2 Delta int_wall^1 dy P0(start above y) e^{phi(y)} / (1 - y^2) int_y^1 e^{-phi(u)} du,

phi = -Delta z^2 + 2 Delta int i dz (Pontryagin, Andronov and Vitt 1933; Gardiner, Handbook of Stochastic
Methods, section 5.2.7). Conventions as in `flow.device.fokker_planck`; times in tau_D.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flow.device.load_line import Cases, checked

Array = npt.NDArray[np.float64]

_PANELS = 96
_ORDER = 12
# Deep enough in the other well that a cell there does not come back by itself, far from its bottom.
_FAR_WELL = -0.7


def mean_first_passage_time(
    delta: npt.ArrayLike,
    z: npt.ArrayLike,
    drive: npt.ArrayLike,
    start: npt.ArrayLike,
    wall: float = 0.0,
) -> Array:
    """Mean time, in tau_D, to first reach the absorbing wall from the Boltzmann distribution of a well.

    Parameters as in `switching_probabilities`; `wall` is measured from the starting side: 0 is the equator
    and -0.7 a point deep in the other well, for a cell that starts on either side. Returns (B,);
    inf where the time is above 1e300. Relative error below 1e-8 for Delta up to 200.
    Errors: ValueError for a bad case, with its index, or a wall outside (-1, 1).
    """
    if not -1.0 < wall < 1.0:
        raise ValueError(f"the wall must lie between -1 and 1, not at {wall:g}")
    cases = checked(delta, z, drive, 0.0, start)
    return _passage(cases, wall).reshape(cases.shape)


def escape_rate(delta: npt.ArrayLike, z: npt.ArrayLike, drive: npt.ArrayLike, start: npt.ArrayLike) -> Array:
    """Rate, in 1/tau_D, at which a well loses cells for good: one over the passage time into the other well.

    Holds for a drive that leaves a barrier (|i| < 0.5 or so) and Delta above about 15; parameters and
    errors as in `mean_first_passage_time`.
    """
    rate: Array = 1.0 / mean_first_passage_time(delta, z, drive, start, wall=_FAR_WELL)
    return rate


def retention_time(delta: npt.ArrayLike, tau_d: npt.ArrayLike) -> Array:
    """Mean time, in the unit of `tau_d`, that an unpowered cell keeps its state (i = 0); Delta above 15."""
    rate = escape_rate(delta, [-1.0, 1.0], [0.0, 0.0], 1)
    time: Array = np.asarray(tau_d, dtype=float) / rate
    return time


def loss_probability(delta: npt.ArrayLike, tau: npt.ArrayLike) -> Array:
    """Probability that an unpowered cell is found in the wrong state after `tau` (in tau_D), 0 to 1/2."""
    rate = escape_rate(delta, [-1.0, 1.0], [0.0, 0.0], 1)
    loss: Array = -0.5 * np.expm1(-2.0 * rate * np.asarray(tau, dtype=float))
    return loss


def _passage(cases: Cases, wall: float) -> Array:
    """(B,) passage times, panel by panel from the starting pole down to the wall, in theta = arccos z."""
    x, weight = np.polynomial.legendre.leggauss(_ORDER)
    cumulative = _cumulative_matrix(x)
    edges = np.linspace(0.0, np.arccos(wall), _PANELS + 1)
    half = 0.5 * (edges[1] - edges[0])
    count = cases.delta.size
    inner = np.zeros(count)  # e^{phi(theta)} int_0^theta e^{-phi} sin
    above = np.zeros(count)  # probability to start above, before normalisation
    total = np.zeros(count)
    delta = cases.delta[:, None]
    equator = _start_norm(cases.delta)
    with np.errstate(over="ignore"):
        for left in edges[:-1]:
            theta = left + half * (x + 1.0)
            points = np.cos(np.concatenate([[left], theta, [left + 2.0 * half]]))
            rise = _potential(cases, points)
            rise = rise - rise[:, :1]
            sine = np.sin(theta)
            down = np.exp(-rise[:, 1:-1]) * sine
            outward = np.exp(rise[:, 1:-1]) * (inner[:, None] + half * down @ cumulative.T)
            begin = np.where(points[1:-1] > 0, np.exp(-delta * sine**2), 0.0) * sine
            share = np.minimum((above[:, None] + half * begin @ cumulative.T) / equator[:, None], 1.0)
            share = np.where(points[1:-1] > 0, share, 1.0)
            total += 2.0 * cases.delta * half * ((outward * share / sine) @ weight)
            inner = np.exp(rise[:, -1]) * (inner + half * down @ weight)
            above = above + half * begin @ weight
    return total


def _start_norm(delta: Array) -> Array:
    """`int_0^1 exp(-Delta (1 - z^2)) dz`: Dawson's integral over sqrt(Delta)."""
    from scipy.special import dawsn

    norm: Array = dawsn(np.sqrt(delta)) / np.sqrt(delta)
    return norm


def _potential(cases: Cases, at: Array) -> Array:
    """phi (B, M) at the points `at` (M,), zero at z = 0 up to a constant per case."""
    z, drive = cases.z, cases.drive
    slope = np.diff(drive, axis=1) / np.diff(z, axis=1)
    # i(z) is its first piece plus a bend at every inner node; each bend integrates to a parabola.
    x = at[None, :] - z[:, :1]
    integral = drive[:, :1] * x + 0.5 * slope[:, :1] * x * x
    for k in range(1, slope.shape[1]):
        beyond = np.maximum(at[None, :] - z[:, k : k + 1], 0.0)
        integral = integral + 0.5 * (slope[:, k] - slope[:, k - 1])[:, None] * beyond**2
    potential: Array = cases.delta[:, None] * (-(at[None, :] ** 2) + 2.0 * integral)
    return potential


def _cumulative_matrix(x: Array) -> Array:
    """(n, n) matrix that integrates a polynomial given at the Gauss nodes from -1 to each node."""
    order = x.size
    vandermonde = np.polynomial.legendre.legvander(x, order - 1)
    integrals = np.empty((order, order))
    for degree in range(order):
        unit = np.zeros(order)
        unit[degree] = 1.0
        primitive = np.polynomial.legendre.legint(unit, lbnd=-1)
        integrals[:, degree] = np.polynomial.legendre.legval(x, primitive)
    matrix: Array = integrals @ np.linalg.inv(vandermonde)
    return matrix
