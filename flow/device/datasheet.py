"""What a circuit designer asks of a bare junction: resistance, critical currents, retention, error rates.

A bare junction has its voltage held across itself, without a transistor in series; a bitcell's error
rates come from its own load line instead. Sign convention of `flow.device.mtj`: V(t) - V(b) and current
into `t`, positive drives 0 -> 1, that is z from +1 to -1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flow.device.fokker_planck import switching_probabilities
from flow.device.mtj import DMTJ, SMTJ
from flow.device.retention import retention_time
from flow.errors import UserError

Array = npt.NDArray[np.float64]

# The solver goes straight from node to node: with 65 nodes the bends cost below 1e-3 of an error rate
# (7 nodes would cost 3 % of a WER and 25 % of an RDR of the DMTJ).
NODES = np.cos(np.pi * np.arange(65)[::-1] / 64.0)
VOLTAGE_POINTS = 121
TIME_POINTS = 121
_WRITE_OVERDRIVE = 2.5
_READ_DRIVE = 0.5
_LARGEST_VOLTAGE = 5.0


@dataclass(frozen=True)
class Curve:
    """Error rate against pulse width at one voltage (V) from one state; times in s."""

    voltage: float
    state: int
    time: Array
    probability: Array
    error: Array


@dataclass(frozen=True)
class Datasheet:
    """Figures of one junction, SI units.

    voltage (M,) with resistance_0, resistance_1 (ohm) and tmr = R1/R0 - 1 on it; write curves are the
    probability to stay (WER), read curves the probability to leave (RDR).
    """

    kind: str
    delta: float
    tau_d: float
    mu0_hk: float
    torque_prefactor: float
    critical_current_0to1: float
    critical_current_1to0: float
    critical_voltage_0to1: float
    critical_voltage_1to0: float
    retention_time: float
    voltage: Array
    resistance_0: Array
    resistance_1: Array
    tmr: Array
    write: tuple[Curve, ...]
    read: tuple[Curve, ...]


def datasheet(
    device: SMTJ | DMTJ,
    write: Sequence[float] | None = None,
    read: Sequence[float] | None = None,
    longest_write: float | None = None,
    longest_read: float | None = None,
) -> Datasheet:
    """The datasheet of a junction (scalar parameters).

    write, read: voltages in V, signed; by default those with a drive of 2.5 and of 0.5 at the starting pole,
    both ways. A positive one acts on state 0, a negative one on state 1. longest_write, longest_read: end
    of the curves in s; by default 20 tau_D and 1 ms.
    Critical currents and voltages are those at which the drive at the starting pole is 1, with the torque
    asymmetry at that voltage. Errors: UserError for a voltage of zero or one that is no number.
    """
    critical = [_voltage_for(device, 1.0, state) for state in (0, 1)]
    writes = write if write else [_voltage_for(device, _WRITE_OVERDRIVE, state) for state in (0, 1)]
    reads = read if read else [_voltage_for(device, _READ_DRIVE, state) for state in (0, 1)]
    for name, voltages in (("--write", writes), ("--read", reads)):
        for given in voltages:
            if not np.isfinite(given) or given == 0.0 or abs(given) > _LARGEST_VOLTAGE:
                message = f"a voltage must not be zero and at most {_LARGEST_VOLTAGE:g} V, not {given:g}"
                raise UserError(message, key=name)
    tau_d = float(device.tau_d)
    write_end = 20.0 * tau_d if longest_write is None else longest_write
    read_end = 1e-3 if longest_read is None else longest_read
    for name, end in (("--longest-write", write_end), ("--longest-read", read_end)):
        if not (np.isfinite(end) and end > 0.0):
            raise UserError(f"must be a positive time in s, not {end:g}", key=name)
    reach = 1.1 * max(abs(v) for v in [*writes, *reads, *critical])
    voltage = np.linspace(-reach, reach, VOLTAGE_POINTS)
    low, high = (np.asarray(device.resistance(z, voltage), dtype=float) for z in (1.0, -1.0))
    return Datasheet(
        kind=device.kind,
        delta=float(device.delta),
        tau_d=tau_d,
        mu0_hk=float(device.mu0_hk),
        torque_prefactor=float(device.s),
        critical_current_0to1=abs(float(device.current(1.0, critical[0]))),
        critical_current_1to0=abs(float(device.current(-1.0, critical[1]))),
        critical_voltage_0to1=critical[0],
        critical_voltage_1to0=critical[1],
        retention_time=float(retention_time(float(device.delta), tau_d)),
        voltage=voltage,
        resistance_0=low,
        resistance_1=high,
        tmr=high / low - 1.0,
        write=tuple(_curve(device, v, np.linspace(0.0, write_end, TIME_POINTS), True) for v in writes),
        read=tuple(
            _curve(device, v, np.geomspace(min(tau_d, read_end / 10.0), read_end, TIME_POINTS), False)
            for v in reads
        ),
    )


def load_line(device: SMTJ | DMTJ, voltage: float) -> Array:
    """Reduced drive at NODES with `voltage` (V) held across the junction."""
    drive: Array = np.asarray(device.drive(NODES, voltage), dtype=float) * np.ones_like(NODES)
    return drive


def _curve(device: SMTJ | DMTJ, voltage: float, time: Array, write: bool) -> Curve:
    state = 0 if voltage > 0.0 else 1
    found = switching_probabilities(
        float(device.delta),
        NODES,
        load_line(device, voltage),
        (time / float(device.tau_d))[None],
        1 if state == 0 else -1,
    )
    probability = found.stay[0] if write else found.leave[0]
    return Curve(voltage, state, time, probability, found.error[0])


def _voltage_for(device: SMTJ | DMTJ, drive: float, state: int) -> float:
    """Signed voltage at which the drive at the pole of `state`, out of it, has this value."""
    from scipy.optimize import brentq

    sign = 1.0 if state == 0 else -1.0

    def excess(voltage: float) -> float:
        return sign * float(device.drive(sign, sign * voltage)) - drive

    if excess(_LARGEST_VOLTAGE) < 0.0:
        raise UserError(
            f"no voltage up to {_LARGEST_VOLTAGE:g} V reaches a drive of {drive:g} out of state {state}",
            key="parameters",
        )
    return sign * float(brentq(excess, 0.0, _LARGEST_VOLTAGE, xtol=1e-9))
