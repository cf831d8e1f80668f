"""The second method: Legendre-Galerkin in pieces, dense exponential, in extended precision.

Independent of the solver under test in every part: backward equation in weak form instead of finite
volumes, polynomials of high degree instead of cells, a Taylor exponential with squaring instead of a
rational function. Pieces end where the load line bends and at z = 0, so that convergence is spectral;
a single polynomial stalls at 1e-2 to 1e-3 of a read disturb rate of 1e-10 when the drive has bends.
The 80-bit format puts the floor of the dense exponential near 1e-18.
"""

from __future__ import annotations

import numpy as np

REAL = np.longdouble


def gauss_nodes(count):
    """Gauss-Legendre nodes and weights, polished to the last digit by Newton's method."""
    x = np.polynomial.legendre.leggauss(count)[0].astype(REAL)
    for _ in range(2):
        value, slope = legendre_table(count + 1, x)
        x = x - value[count] / slope[count]
    slope = legendre_table(count + 1, x)[1][count]
    return x, 2 / ((1 - x * x) * slope * slope)


def legendre_table(count, x):
    """Values and slopes of the first `count` Legendre polynomials at |x| < 1."""
    value = np.zeros((count, x.size), REAL)
    slope = np.zeros_like(value)
    value[0], value[1], slope[1] = 1, x, 1
    for k in range(2, count):
        value[k] = ((2 * k - 1) * x * value[k - 1] - (k - 1) * value[k - 2]) / REAL(k)
        slope[k] = k * value[k - 1] + x * slope[k - 1]
    return value, slope


def solve(matrix, right):
    """Gauss elimination with partial pivoting in extended precision."""
    a, b = matrix.copy(), right.copy()
    for k in range(len(a)):
        pivot = k + int(np.argmax(np.abs(a[k:, k])))
        if pivot != k:
            a[[k, pivot]], b[[k, pivot]] = a[[pivot, k]], b[[pivot, k]]
        factor = a[k + 1 :, k] / a[k, k]
        a[k + 1 :, k:] -= factor[:, None] * a[k, k:]
        b[k + 1 :] -= factor[:, None] * b[k]
    for k in range(len(a) - 1, -1, -1):
        b[k] = (b[k] - a[k, k + 1 :] @ b[k + 1 :]) / a[k, k]
    return b


def exponential(matrix):
    """Taylor polynomial of degree 30 of the scaled matrix (Paterson and Stockmeyer), then squarings."""
    squarings = max(0, int(np.ceil(np.log2(float(np.abs(matrix).sum(axis=0).max()) / 2))))
    scaled = matrix / REAL(2) ** squarings
    powers = [np.eye(len(matrix), dtype=REAL)]
    for _ in range(6):
        powers.append(powers[-1] @ scaled)
    weight = [REAL(1)]
    for k in range(1, 31):
        weight.append(weight[-1] / REAL(k))
    total = weight[30] * powers[0]
    for block in range(4, -1, -1):
        total = total @ powers[6] + sum(weight[6 * block + j] * powers[j] for j in range(6))
    for _ in range(squarings):
        total = total @ total
    return total


def elements(z, width):
    """Ends of the pieces: bends of the load line and the equator, then cut to `width` in angle."""
    ends = sorted({-1.0, 0.0, 1.0} | {float(x) for x in z if 1e-9 < abs(x) < 1})
    angles = np.arccos(np.array(ends))
    cut = [-1.0]
    for left, right, high in zip(angles[:-1], angles[1:], ends[1:], strict=True):
        parts = int(np.ceil((left - right) / width - 1e-9))
        cut += [float(np.cos(left + (right - left) * k / parts)) for k in range(1, parts)]
        cut.append(high)
    return cut


def probabilities(delta, z, drive, tau, start, *, degree=14, width=0.25, steps=64):
    """(stay, leave) of one case with a constant load line; meaning as in `switching_probabilities`."""
    z, drive = np.asarray(z, float), np.asarray(drive, float)
    ends = elements(z, width)
    x, w = gauss_nodes(40)
    value, slope = legendre_table(degree + 1, x)
    shape, change = np.zeros((degree + 1, x.size), REAL), np.zeros((degree + 1, x.size), REAL)
    shape[0], shape[1] = (1 - x) / 2, (1 + x) / 2
    change[0], change[1] = -REAL(1) / 2, REAL(1) / 2
    for k in range(2, degree + 1):
        scale = 1 / np.sqrt(REAL(4 * k - 2))
        shape[k], change[k] = scale * (value[k] - value[k - 2]), scale * (slope[k] - slope[k - 2])
    pieces = len(ends) - 1
    size = pieces + 1 + pieces * (degree - 1)
    mass, stiffness = np.zeros((size, size), REAL), np.zeros((size, size), REAL)
    begin, wanted, norm = np.zeros(size, REAL), np.zeros((size, 2), REAL), REAL(0)
    for piece in range(pieces):
        low, high = REAL(ends[piece]), REAL(ends[piece + 1])
        half = (high - low) / 2
        at, weight = low + half * (1 + x), half * w
        rows = np.r_[piece, piece + 1, pieces + 1 + piece * (degree - 1) + np.arange(degree - 1)]
        if z.size == 1:
            i = np.full_like(at, drive[0])
        else:
            k = int(np.clip(np.searchsorted(z, float(low + high) / 2) - 1, 0, z.size - 2))
            rise = (REAL(drive[k + 1]) - REAL(drive[k])) / (REAL(z[k + 1]) - REAL(z[k]))
            i = REAL(drive[k]) + rise * (at - REAL(z[k]))
        room, there = 1 - at * at, np.ix_(rows, rows)
        mass[there] += (shape * weight) @ shape.T
        stiffness[there] += (shape * (room * (at - i) * weight)) @ (change / half).T
        stiffness[there] -= (change / half * (room * weight / (2 * REAL(delta)))) @ (change / half).T
        inside = float(low + high) * start > 0
        wanted[rows, 0 if inside else 1] += (shape * weight).sum(axis=1)
        if inside:
            density = np.exp(REAL(delta) * (at * at - 1)) * weight
            norm += density.sum()
            begin[rows] += (shape * density).sum(axis=1)
    solved = solve(mass, np.concatenate([stiffness, wanted], axis=1))
    step = exponential(solved[:, :-2] * REAL(tau) / steps)
    h = solved[:, -2:]
    for _ in range(steps):
        h = step @ h
    stay, leave = (begin / norm) @ h
    return float(stay), float(leave)
