"""Switching statistics of the axially symmetric macrospin from its Fokker-Planck equation.

    d rho/d tau = -d/dz[(1-z^2)(z - i) rho] + d/dz[(1-z^2)/(2 Delta) d rho/dz],   tau = t/tau_D

(Brown, Phys. Rev. 130, 1677 (1963); with spin torque Li and Zhang, Phys. Rev. B 69, 134416 (2004),
and Butler et al., IEEE Trans. Magn. 48, 4684 (2012)). Conventions: z = m_z, +z along the top
reference layer; state 0 (low resistance) is z = +1, state 1 is z = -1; the reduced drive i(z) pushes
towards z = -1 when positive. A cell starts in the Boltzmann distribution exp(Delta z^2) of the well on
the side `start`, cut at z = 0; it "stays" if it ends on that side of z = 0 and "leaves" otherwise.
`stay` is the write error rate of a write that drives it out, `leave` the disturb rate of a read.

Method: finite volumes with Scharfetter-Gummel fluxes (positive, conservative, exact stationary state),
time steps with the rational fit of degree 16, always the smaller of the two probabilities summed,
extrapolated in ln p over three grids. Cases whose estimated error is above the wanted one are solved
again on finer grids.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flow.device import rational
from flow.device.fokker_planck_kernel import march
from flow.device.grid import grid
from flow.device.load_line import Cases, checked
from flow.device.retention import mean_first_passage_time

__all__ = ["Probabilities", "mean_first_passage_time", "switching_probabilities", "waveform_probabilities"]

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# Cell numbers of the three grids of each level of refinement.
LEVELS: tuple[tuple[int, int, int], ...] = ((96, 128, 192), (192, 256, 384), (384, 512, 768))
_LONGEST_STEP_DECADES = 5.0
_MAX_MULTIPLIER = 16
# A leg is (drive (R, S, K), durations (R, M), steps (R, M)), listed backward from the end of the pulse.
Legs = tuple[Array, Array, Integers]
LegBuilder = Callable[[npt.NDArray[np.intp], int], Legs]


@dataclass(frozen=True)
class Probabilities:
    """Result of a batch, every field in the shape of the pulse widths after broadcasting.

    stay, leave: probabilities to end on and off the starting side; the smaller is computed, the
    larger is one minus it. grid_error, time_error: estimated relative numerical errors of the smaller
    one (not a bound; 1 where it is too small to be told from zero).
    """

    stay: Array
    leave: Array
    grid_error: Array
    time_error: Array

    @property
    def error(self) -> Array:
        """Estimated relative error of the smaller probability, grid and time together."""
        return self.grid_error + self.time_error


def switching_probabilities(
    delta: npt.ArrayLike,
    z: npt.ArrayLike,
    drive: npt.ArrayLike,
    tau: npt.ArrayLike,
    start: npt.ArrayLike,
    *,
    tolerance: float = 3e-4,
    floor: float = 1e-14,
    device: str = "cpu",
) -> Probabilities:
    """Probability to stay and to leave after rectangular pulses of constant voltage.

    Parameters (all dimensionless; B cases, leading axes of length 1 or missing are broadcast):
        delta: (B,) thermal stability E_b/(k_B T), > 0.
        z: (K,) or (B, K) nodes of the load line, strictly ascending in [-1, 1].
        drive: (B, K) or (K,) reduced drive i at the nodes, linear between them; the end pieces go on
            in a straight line to the poles. One node means a constant drive.
        tau: (), (B,) or (B, T) pulse widths in units of tau_D, >= 0. T widths cost little more than one.
        start: (B,) starting side, +1 or -1.
        tolerance: wanted relative error of the smaller probability where it is above `floor`.
        device: "cpu" runs compiled loops, a torch device such as "cuda" the same algorithm on whole batches.

    Errors: ValueError, naming the index of the first bad case and what is wrong with it.
    """
    cases = checked(delta, z, drive, tau, start)
    order = np.argsort(cases.tau, axis=1, kind="stable")
    widths = np.take_along_axis(cases.tau, order, axis=1)
    durations = np.diff(widths, axis=1, prepend=0.0)
    least = np.ones(durations.shape, dtype=np.int64)
    least[:, 0] = 2
    steps = np.maximum(least, _steps_for(cases.drive_at(1.0)[:, None], durations))

    def legs(rows: npt.NDArray[np.intp], multiplier: int) -> Legs:
        return cases.drive[rows, None, :], durations[rows], steps[rows] * multiplier

    solved = _solve(cases, durations.shape[1], legs, tolerance, floor, device)
    back = np.argsort(order, axis=1, kind="stable")
    return _shaped([np.take_along_axis(field, back, axis=1) for field in solved], cases)


def waveform_probabilities(
    delta: npt.ArrayLike,
    z: npt.ArrayLike,
    drive: npt.ArrayLike,
    tau: npt.ArrayLike,
    start: npt.ArrayLike,
    *,
    tolerance: float = 3e-4,
    floor: float = 1e-14,
    device: str = "cpu",
) -> Probabilities:
    """Probability to stay and to leave after a pulse of arbitrary shape i(z, tau).

    drive: (B, S, K) or (S, K), the drive at the nodes `z` at the S instants `tau`, (S,) or (B, S),
    ascending, linear in time between them; two equal instants make a jump. The other parameters
    and errors are those of `switching_probabilities`. Results have shape (B,).

    Each interval is advanced by two exponentials with the drives `mean -+ change/3`, which is the
    commutator-free Magnus step of fourth order for a drive linear in time (Blanes and Moan,
    Appl. Numer. Math. 56, 1519 (2006)).
    """
    cases = checked(delta, z, drive, tau, start, waveform=True)
    instants = cases.tau
    durations = np.diff(instants, axis=1)
    first, last = cases.waveform[:, :-1], cases.waveform[:, 1:]

    def legs(rows: npt.NDArray[np.intp], multiplier: int) -> Legs:
        parts_drive, parts_time = [], []
        for part in range(multiplier):
            begin = first[rows] + (last - first)[rows] * (part / multiplier)
            change = (last - first)[rows] / multiplier
            middle = begin + 0.5 * change
            parts_drive += [middle - change / 3.0, middle + change / 3.0]
            parts_time += [durations[rows] / (2.0 * multiplier)] * 2
        shape = (len(rows), -1)
        every_drive = np.stack(parts_drive, axis=2).reshape(*shape, cases.z.shape[1])[:, ::-1]
        every_time = np.stack(parts_time, axis=2).reshape(shape)[:, ::-1]
        steps = np.maximum(1, _steps_for(np.abs(every_drive).max(axis=2), every_time))
        return np.ascontiguousarray(every_drive), np.ascontiguousarray(every_time), steps

    solved = _solve(cases, 1, legs, tolerance, floor, device)
    return _shaped(solved, cases)


def _steps_for(drive: Array, durations: Array) -> Integers:
    """Steps short enough for the fall of the answer, 2 (i - 1) per tau_D at the starting pole in ln p.

    Below the smallest number a float can hold there is nothing to resolve.
    """
    decades = 2.0 * np.maximum(drive - 1.0, 0.0) * durations / np.log(10.0)
    steps: Integers = np.ceil(np.minimum(decades, 320.0) / _LONGEST_STEP_DECADES).astype(np.int64)
    return steps


def _march(
    cases: Cases, rows: npt.NDArray[np.intp], side: Array, cells: int, legs: Legs, keep: int, device: str
) -> Array:
    """One solve of `rows` on one grid; the last `keep` legs' answers, (R, keep)."""
    mesh = grid(cells)
    drive, durations, steps = legs
    if device != "cpu":
        # Imported here: torch takes a second, and most calls never need it.
        from flow.device.fokker_planck_torch import march_on

        return march_on(device, cases.delta[rows], cases.z[rows], drive, durations, steps, side, mesh)[
            :, -keep:
        ]
    answer: Array = march(
        np.ascontiguousarray(cases.delta[rows]),
        np.ascontiguousarray(cases.z[rows]),
        np.ascontiguousarray(drive),
        np.ascontiguousarray(durations),
        np.ascontiguousarray(steps),
        np.ascontiguousarray(side),
        mesh.faces,
        mesh.nodes,
        mesh.volumes,
        mesh.conductances,
        rational.POLES.real.copy(),
        rational.POLES.imag.copy(),
        rational.RESIDUES.real.copy(),
        rational.RESIDUES.imag.copy(),
        rational.LIMIT,
    )
    return answer[:, -keep:]


class _Solves:
    """One task a row: what to solve, and every answer found so far, so that none is computed twice."""

    def __init__(
        self,
        cases: Cases,
        rows: npt.NDArray[np.intp],
        side: Array,
        legs: LegBuilder,
        widths: int,
        device: str,
    ) -> None:
        self.cases, self.rows, self.side = cases, rows, side
        self.legs, self.widths, self.device = legs, widths, device
        self.known: dict[tuple[int, int], Array] = {}

    def answer(self, tasks: npt.NDArray[np.intp], cells: int, multiplier: int) -> Array:
        """Probabilities of `tasks` on the grid of `cells` cells, steps `multiplier` times as many, (R, T)."""
        key = (cells, multiplier)
        known = self.known.setdefault(key, np.full((len(self.rows), self.widths), np.nan))
        missing = tasks[np.isnan(known[tasks, 0])]
        if missing.size:
            rows = self.rows[missing]
            known[missing] = _march(
                self.cases,
                rows,
                self.side[missing],
                cells,
                self.legs(rows, multiplier),
                self.widths,
                self.device,
            )
        return known[tasks]


def _solve(
    cases: Cases, widths: int, legs: LegBuilder, tolerance: float, floor: float, device: str
) -> list[Array]:
    """stay, leave, grid error, time error, each (B, widths), every case refined until it is good enough."""
    count = cases.delta.size
    everything = np.arange(count)
    # Which side is the small one is guessed from a coarse solve; where it changes along the pulse
    # widths, both are solved. side = +1 is "stays" (the start is always north here).
    guess = np.where(cases.drive_at(1.0) > 1.0, 1.0, -1.0)
    rough = _march(cases, everything, guess, LEVELS[0][0], legs(everything, 1), widths, device)
    wrong, right = (rough > 0.5).any(axis=1), (rough <= 0.5).any(axis=1)
    rows = np.concatenate([everything[right], everything[wrong]])
    side = np.concatenate([guess[right], -guess[wrong]])
    tasks = len(rows)
    solves = _Solves(cases, rows, side, legs, widths, device)
    solves.known[LEVELS[0][0], 1] = np.concatenate(
        [rough[right], np.full((tasks - int(right.sum()), widths), np.nan)]
    )
    p = np.zeros((tasks, widths))
    grid_error = np.zeros((tasks, widths))
    time_error = np.zeros((tasks, widths))
    level = np.zeros(tasks, dtype=np.int64)
    multiplier = np.ones(tasks, dtype=np.int64)
    todo = np.ones(tasks, dtype=bool)
    while todo.any():
        pending = np.flatnonzero(todo)
        todo[:] = False
        for key in sorted(set(zip(level[pending].tolist(), multiplier[pending].tolist(), strict=True))):
            some = pending[(level[pending] == key[0]) & (multiplier[pending] == key[1])]
            p[some], grid_error[some], time_error[some] = _attempt(solves, some, key[0], key[1])
        matters = (p[pending] >= floor) & (p[pending] <= 0.5)
        coarse = ((grid_error[pending] > tolerance) & matters).any(axis=1) & (
            level[pending] < len(LEVELS) - 1
        )
        slow = ((time_error[pending] > 0.1 * tolerance) & matters).any(axis=1) & (
            multiplier[pending] < _MAX_MULTIPLIER
        )
        level[pending[coarse]] += 1
        multiplier[pending[slow]] *= 2
        todo[pending[coarse | slow]] = True
    stay, leave = np.full((count, widths), np.nan), np.full((count, widths), np.nan)
    errors = np.zeros((2, count, widths))
    # Large probabilities first, then the small ones over them: a small one is never 1 - p.
    for small in (False, True):
        for sign, mine, other in ((1.0, stay, leave), (-1.0, leave, stay)):
            chosen = np.flatnonzero(side == sign)
            put = (p[chosen] <= 0.5) if small else np.ones(p[chosen].shape, dtype=bool)
            at = rows[chosen]
            mine[at] = np.where(put, p[chosen], mine[at])
            other[at] = np.where(put, 1.0 - p[chosen], other[at])
            errors[0, at] = np.where(put, grid_error[chosen], errors[0, at])
            errors[1, at] = np.where(put, time_error[chosen], errors[1, at])
    return [stay, leave, errors[0], errors[1]]


def _attempt(
    solves: _Solves, tasks: npt.NDArray[np.intp], level: int, multiplier: int
) -> tuple[Array, Array, Array]:
    """Extrapolated answer of some tasks on one level of grids, and the two error estimates."""
    cells = LEVELS[level]
    found = np.stack([solves.answer(tasks, n, multiplier) for n in cells])
    # The error of the steps hardly depends on the grid: it is had from the cheapest one.
    once = solves.answer(tasks, LEVELS[0][0], multiplier)
    twice = solves.answer(tasks, LEVELS[0][0], 2 * multiplier)
    lost = (found <= 1e-290).any(axis=0) | (once <= 1e-290) | (twice <= 1e-290)
    logs = np.log(np.where(lost, 1.0, found))
    # Errors are even powers of 1/N: eliminate two of them with three grids, one with the finer two.
    inverse = np.array(cells, dtype=float) ** -2
    best = _extrapolate(inverse, logs)
    second = _extrapolate(inverse[1:], logs[1:])
    time_error = np.abs(np.log(np.where(lost, 1.0, twice / np.where(lost, 1.0, once))))
    value = np.where(lost, np.maximum(found[-1], 0.0), np.exp(np.minimum(best, 0.0)))
    unknown = lost & (found != 0.0).any(axis=0)
    # What the third grid changed, and a twentieth of what extrapolation changed for when the former
    # passes through zero: in 240 cases with a known answer the true error was at most 1.7 times this.
    grid_error = np.abs(best - second) + 0.05 * np.abs(best - logs[-1])
    return (
        value,
        np.where(unknown, 1.0, grid_error),
        np.where(unknown, 1.0, time_error),
    )


def _extrapolate(x: Array, y: Array) -> Array:
    """Value at x = 0 of the polynomial through the points (x, y), along the first axis of y."""
    total: Array = np.zeros(y.shape[1:])
    for k in range(x.size):
        others = np.delete(x, k)
        total = total + y[k] * np.prod(others / (others - x[k]))
    return total


def _shaped(fields: list[Array], cases: Cases) -> Probabilities:
    stay, leave, grid_error, time_error = (field.reshape(cases.shape) for field in fields)
    return Probabilities(stay, leave, grid_error, time_error)
