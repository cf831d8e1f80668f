"""Compiled core of the Fokker-Planck solver: rates, factorisation and time steps, eight cases abreast.

Everything is solved backward in time: `h_j`, the probability of ending on the wanted side when
starting in cell j, obeys `dh_j/dtau = down_j (h_{j-1} - h_j) + up_j (h_{j+1} - h_j)` with positive
Scharfetter-Gummel rates. Its transpose is the conservative forward scheme, with the same answer.
The backward form keeps RELATIVE accuracy in the tail: for a write the whole of h decays with the
answer, and for a read each shifted solve below is free of subtractions, so the small entries
of h never see the rounding of the large ones.

The innermost axis of all work arrays has LANES entries, which the compiler turns into vector
instructions; it is a different case in each lane, so no result depends on its neighbours.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

LANES = 8
_GAUSS = 0.5773502691896257

# Contraction to fused multiply-add is the only liberty the compiler is given.
_compiled = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})


@_compiled
def bernoulli(x: float) -> float:
    """x / (exp(x) - 1) for x >= 0."""
    if abs(x) < 1e-5:
        return 1.0 - 0.5 * x + x * x / 12.0
    value: float = x / np.expm1(x)
    return value


@_compiled
def fill_rates(
    delta: float,
    z: Array,
    drive: Array,
    nodes: Array,
    volumes: Array,
    conductances: Array,
    down: Array,
    up: Array,
) -> None:
    """Hopping rates of the generator for one case; `down[j]` to cell j-1 (up in z), `up[j]` to j+1.

    The drive is linear between its nodes (two at least; the end pieces go on to the poles) and is
    integrated exactly from cell to cell, so the stationary state is exactly
    `exp(Delta z^2 - 2 Delta int i dz)` at the nodes.
    """
    count = nodes.size
    piece = z.size - 2
    down[0] = 0.0
    up[count - 1] = 0.0
    for j in range(1, count):
        high = nodes[j - 1]
        low = nodes[j]
        top = high
        impulse = 0.0
        while piece > 0 and z[piece] >= top:
            piece -= 1
        while piece > 0 and z[piece] > low:
            middle = 0.5 * (top + z[piece])
            slope = (drive[piece + 1] - drive[piece]) / (z[piece + 1] - z[piece])
            impulse += (top - z[piece]) * (drive[piece] + slope * (middle - z[piece]))
            top = z[piece]
            piece -= 1
        middle = 0.5 * (top + low)
        slope = (drive[piece + 1] - drive[piece]) / (z[piece + 1] - z[piece])
        impulse += (top - low) * (drive[piece] + slope * (middle - z[piece]))
        rise = delta * ((high - low) * (high + low) - 2.0 * impulse)
        # B(-x) = B(x) + x, taken on the side where nothing cancels.
        steep = abs(rise)
        low_rate = bernoulli(steep)
        high_rate = low_rate + steep
        g = conductances[j - 1] / (2.0 * delta)
        up[j - 1] = g / volumes[j - 1] * (low_rate if rise > 0.0 else high_rate)
        down[j] = g / volumes[j] * (high_rate if rise > 0.0 else low_rate)


@_compiled
def tabulate(
    delta: Array,
    z: Array,
    drive: Array,
    nodes: Array,
    volumes: Array,
    conductances: Array,
    down: Array,
    up: Array,
) -> None:
    """`fill_rates` for a batch: delta (B,), z and drive (B, K); down and up (B, N) are filled."""
    for case in range(delta.size):
        fill_rates(delta[case], z[case], drive[case], nodes, volumes, conductances, down[case], up[case])


@_compiled
def fill_start(delta: float, faces: Array, mass: Array) -> None:
    """Boltzmann distribution of the well z > 0, cut at z = 0: probability of each cell."""
    total = 0.0
    for j in range(mass.size):
        if faces[j + 1] >= 0.0:
            middle = 0.5 * (faces[j] + faces[j + 1])
            half = 0.5 * (faces[j] - faces[j + 1])
            inner = middle - _GAUSS * half
            outer = middle + _GAUSS * half
            mass[j] = half * (np.exp(delta * (inner * inner - 1.0)) + np.exp(delta * (outer * outer - 1.0)))
        else:
            mass[j] = 0.0
        total += mass[j]
    for j in range(mass.size):
        mass[j] /= total


@_compiled
def factorise(
    up: Array,
    down: Array,
    shift_re: Array,
    shift_im: Array,
    pivot_re: Array,
    pivot_im: Array,
    excess_re: Array,
    excess_im: Array,
) -> None:
    """Inverse pivots of `shift - generator` for all poles and lanes, eliminated from the north pole.

    The diagonal is never formed: the row sum in excess of the next rate is carried instead
    (Grassmann, Taksar and Heyman), so no digits are lost however long the time step is.
    up, down: (N, LANES); shift, excess: (P, LANES); pivot: (N, P, LANES).
    """
    count = up.shape[0]
    for k in range(shift_re.shape[0]):
        for lane in range(LANES):
            excess_re[k, lane] = shift_re[k, lane]
            excess_im[k, lane] = shift_im[k, lane]
    for j in range(count):
        for k in range(shift_re.shape[0]):
            for lane in range(LANES):
                re = up[j, lane] + excess_re[k, lane]
                im = excess_im[k, lane]
                scale = 1.0 / (re * re + im * im)
                re = re * scale
                im = -im * scale
                pivot_re[j, k, lane] = re
                pivot_im[j, k, lane] = im
                if j + 1 < count:
                    carried = excess_re[k, lane] * re - excess_im[k, lane] * im
                    turned = excess_re[k, lane] * im + excess_im[k, lane] * re
                    excess_re[k, lane] = shift_re[k, lane] + down[j + 1, lane] * carried
                    excess_im[k, lane] = shift_im[k, lane] + down[j + 1, lane] * turned


@_compiled
def advance(
    up: Array,
    down: Array,
    pivot_re: Array,
    pivot_im: Array,
    weight_re: Array,
    weight_im: Array,
    limit: float,
    active: npt.NDArray[np.bool_],
    h: Array,
    part_re: Array,
    part_im: Array,
    back_re: Array,
    back_im: Array,
) -> None:
    """One step of `h` (N, LANES), in place, in the lanes that are `active`."""
    count = up.shape[0]
    poles = weight_re.shape[0]
    for k in range(poles):
        for lane in range(LANES):
            part_re[0, k, lane] = h[0, lane] * pivot_re[0, k, lane]
            part_im[0, k, lane] = h[0, lane] * pivot_im[0, k, lane]
            back_re[k, lane] = 0.0
            back_im[k, lane] = 0.0
    for j in range(1, count):
        for k in range(poles):
            for lane in range(LANES):
                re = h[j, lane] + down[j, lane] * part_re[j - 1, k, lane]
                im = down[j, lane] * part_im[j - 1, k, lane]
                part_re[j, k, lane] = re * pivot_re[j, k, lane] - im * pivot_im[j, k, lane]
                part_im[j, k, lane] = re * pivot_im[j, k, lane] + im * pivot_re[j, k, lane]
    total = np.empty(LANES)
    for step in range(count):
        j = count - 1 - step
        for lane in range(LANES):
            total[lane] = limit * h[j, lane]
        for k in range(poles):
            for lane in range(LANES):
                re = up[j, lane] * back_re[k, lane]
                im = up[j, lane] * back_im[k, lane]
                new_re = part_re[j, k, lane] + re * pivot_re[j, k, lane] - im * pivot_im[j, k, lane]
                new_im = part_im[j, k, lane] + re * pivot_im[j, k, lane] + im * pivot_re[j, k, lane]
                back_re[k, lane] = new_re
                back_im[k, lane] = new_im
                total[lane] += weight_re[k, lane] * new_re - weight_im[k, lane] * new_im
        for lane in range(LANES):
            h[j, lane] = total[lane] if active[lane] else h[j, lane]


@_compiled
def march(
    delta: Array,
    z: Array,
    drive: Array,
    durations: Array,
    steps: Integers,
    side: Array,
    faces: Array,
    nodes: Array,
    volumes: Array,
    conductances: Array,
    poles_re: Array,
    poles_im: Array,
    residues_re: Array,
    residues_im: Array,
    limit: float,
) -> Array:
    """Probability of being on `side` (+1 or -1), from the well z > 0, after each of a chain of legs.

    delta (B,), z (B, K), drive (B, S, K) with S = 1 (the same drive in every leg) or S = M,
    durations and steps (B, M), side (B,). Legs are counted backward from the END of the pulse.
    Returns (B, M): the answer if the pulse began with leg m.
    """
    cases, legs = durations.shape
    count = nodes.size
    poles = poles_re.size
    answer = np.empty((cases, legs))
    up = np.empty((count, LANES))
    down = np.empty((count, LANES))
    mass = np.empty((count, LANES))
    h = np.empty((count, LANES))
    pivot_re = np.empty((count, poles, LANES))
    pivot_im = np.empty((count, poles, LANES))
    part_re = np.empty((count, poles, LANES))
    part_im = np.empty((count, poles, LANES))
    shift_re = np.empty((poles, LANES))
    shift_im = np.empty((poles, LANES))
    weight_re = np.empty((poles, LANES))
    weight_im = np.empty((poles, LANES))
    back_re = np.empty((poles, LANES))
    back_im = np.empty((poles, LANES))
    active = np.empty(LANES, dtype=np.bool_)
    one_up = np.empty(count)
    one_down = np.empty(count)
    one_mass = np.empty(count)
    for block in range((cases + LANES - 1) // LANES):
        for lane in range(LANES):
            # The last block repeats its last case rather than treat a partly filled vector.
            case = min(block * LANES + lane, cases - 1)
            fill_start(delta[case], faces, one_mass)
            for j in range(count):
                mass[j, lane] = one_mass[j]
                h[j, lane] = 1.0 if nodes[j] * side[case] > 0.0 else 0.0
        for leg in range(legs):
            most = 0
            for lane in range(LANES):
                case = min(block * LANES + lane, cases - 1)
                if leg == 0 or drive.shape[1] > 1:
                    fill_rates(
                        delta[case],
                        z[case],
                        drive[case, leg],
                        nodes,
                        volumes,
                        conductances,
                        one_down,
                        one_up,
                    )
                    for j in range(count):
                        down[j, lane] = one_down[j]
                        up[j, lane] = one_up[j]
                most = max(most, steps[case, leg])
                step = durations[case, leg] / max(steps[case, leg], 1)
                if step <= 0.0:
                    step = 1.0  # a leg of no length: its lane is never active
                for k in range(poles):
                    shift_re[k, lane] = poles_re[k] / step
                    shift_im[k, lane] = poles_im[k] / step
                    weight_re[k, lane] = -residues_re[k] / step
                    weight_im[k, lane] = -residues_im[k] / step
            if most > 0:
                factorise(up, down, shift_re, shift_im, pivot_re, pivot_im, back_re, back_im)
            for step_number in range(most):
                for lane in range(LANES):
                    case = min(block * LANES + lane, cases - 1)
                    active[lane] = step_number < steps[case, leg] and durations[case, leg] > 0.0
                advance(
                    up,
                    down,
                    pivot_re,
                    pivot_im,
                    weight_re,
                    weight_im,
                    limit,
                    active,
                    h,
                    part_re,
                    part_im,
                    back_re,
                    back_im,
                )
            for lane in range(LANES):
                case = block * LANES + lane
                if case < cases:
                    total = 0.0
                    for j in range(count):
                        total += mass[j, lane] * h[j, lane]
                    answer[case, leg] = total
    return answer
