"""Operating points: line voltages at which a nominal cell just meets its error-rate target.

Load lines give the drive i(z) at any voltage, the Fokker-Planck equation the error rate of a pulse
(PHYSICS section 4 of the documentation); the voltage is the root of ln(error rate) - ln(target).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from flow.device.fokker_planck import switching_probabilities
from flow.device.mtj import Z_OF_STATE, Junction
from flow.errors import UserError
from flow.measure.load_line import LoadLine, state_nodes

Side = Literal["stay", "leave"]
_FLOOR = 1e-300
_FINE = state_nodes(65)
"""States at which the smooth load line is handed to the solver, which takes it as piecewise linear."""


def error_rate(
    junction: Junction,
    load_line: LoadLine,
    voltage: NDArray[np.float64] | float,
    pulse: float,
    *,
    stored: int,
    side: Side,
) -> NDArray[np.float64]:
    """Probability that a cell in state `stored` stays or leaves after a pulse (s) at line voltages (V).

    `side="stay"` is the write error rate, `side="leave"` the read disturb rate. Shape of `voltage`.
    """
    wanted = np.atleast_1d(np.asarray(voltage, dtype=np.float64))
    result = switching_probabilities(
        np.full(wanted.size, float(np.asarray(junction.delta))),
        _FINE,
        load_line.drive_at(wanted.ravel(), _FINE),
        np.full(wanted.size, pulse / float(np.asarray(junction.tau_d))),
        np.full(wanted.size, int(Z_OF_STATE[stored])),
    )
    rates = result.stay if side == "stay" else result.leave
    return np.asarray(rates, dtype=np.float64).reshape(np.shape(voltage))


@dataclass(frozen=True)
class OperatingPoint:
    """A line voltage (V) and the error rate reached there."""

    voltage: float
    error_rate: float


def voltage_for(
    junction: Junction,
    load_line: LoadLine,
    pulse: float,
    target: float,
    *,
    stored: int,
    side: Side,
    limit: float,
    what: str,
) -> OperatingPoint:
    """The line voltage (V, at most `limit`) at which the error rate meets `target`.

    A write error rate falls with voltage, a read disturb rate rises; the root returned is where the
    target is just met.

    Raises:
        UserError: the target is not met at any voltage up to `limit`.
    """
    grid = np.linspace(0.0, min(limit, load_line.voltage[-1]), 57)[1:]

    def rates(voltage: NDArray[np.float64] | float) -> NDArray[np.float64]:
        found = error_rate(junction, load_line, voltage, pulse, stored=stored, side=side)
        return np.asarray(np.log(np.maximum(found, _FLOOR)) - np.log(target))

    excess = rates(grid)
    met = excess <= 0
    if side == "stay":
        usable = np.flatnonzero(met)
        if usable.size == 0:
            reached = target * float(np.exp(excess.min()))
            raise UserError(
                f"{what}: an error rate of {target:g} is not reached up to {grid[-1]:.3g} V (best "
                f"{reached:.2g}); use more fins, a longer pulse or a higher write.max_voltage"
            )
        after = int(usable[0])
        if after == 0:
            return OperatingPoint(float(grid[0]), target * float(np.exp(excess[0])))
        bracket = (grid[after - 1], grid[after])
    else:
        broken = np.flatnonzero(~met)
        if broken.size == 0:
            return OperatingPoint(float(grid[-1]), target * float(np.exp(excess[-1])))
        after = int(broken[0])
        if after == 0:
            raise UserError(f"{what}: an error rate of {target:g} is exceeded even at {grid[0]:.3g} V")
        bracket = (grid[after - 1], grid[after])
    scalar: Callable[[float], float] = lambda voltage: float(rates(voltage))  # noqa: E731
    root = float(brentq(scalar, *bracket, xtol=1e-7))
    return OperatingPoint(root, target * float(np.exp(scalar(root))))
