"""The population of bitcells behind one characterised cell, and the cells of one chip drawn from it.

A member has its two resistances, its two write error rates and its read disturb rate, so their correlation
is kept. The chip of a replica draws a member for every cell with the counter-based generator: the same seed
and replica give the same chip, whatever else is simulated beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flow.table import UserError
from neuro.clock import AGE_SCALE
from neuro.random import PURPOSE_SPREAD, PURPOSE_TABLE, philox_normal, philox_uniform
from neuro.synapse import Floats, padded

# The age of a trial that always fails; no exponential clock lasts that long (64 bits of uniform: < 45).
AGE_LIMIT = 2.0**56
_MEMBERS = 4096
_MEMBER_LIMIT = 32768


@dataclass(frozen=True, slots=True)
class Population:
    """Members of a population, float64 (members,) each; resistances in ohm with the access switch included.

    `weight` sums to 1 (importance sampling gives unequal ones). Rates are probabilities per pulse or read:
    `wer_0to1` and `wer_1to0` by junction state (0 = low resistance), `rdr` of a read in state 0.
    """

    r_on: Floats
    r_off: Floats
    wer_0to1: Floats
    wer_1to0: Floats
    rdr: Floats
    weight: Floats

    def __post_init__(self) -> None:
        for name in ("wer_0to1", "wer_1to0", "rdr"):
            rates = getattr(self, name)
            if not bool(np.all((rates >= 0.0) & (rates <= 1.0))):
                raise UserError("an error rate lies outside 0..1", key=name)
        if not bool(np.all((self.r_on > 0.0) & (self.r_off > 0.0))):
            raise UserError("a resistance is not positive", key="r_on, r_off")
        if self.r_on.size > _MEMBER_LIMIT:
            raise UserError(f"a population of more than {_MEMBER_LIMIT} members", key="samples")


@dataclass(frozen=True, slots=True)
class Spread:
    """Standard deviations: of ln(junction resistance), of the relative TMR, of ln(WER) and ln(RDR)."""

    junction_resistance: float = 0.0
    tmr: float = 0.0
    ln_wer: float = 0.0
    ln_rdr: float = 0.0

    @property
    def none(self) -> bool:
        """Whether every cell is the nominal one."""
        return self == Spread()


@dataclass(frozen=True, slots=True)
class Chip:
    """The cells of one array of one replica, as the analog kernel wants them.

    off, on, member int16 (rows, bits * padded synapses): currents with a 0 and with a 1, member of the
    population; swing int16 alike: the bits that differ between off and on; reference int16 (rows,): the
    reference column's OFF cells. One unit of current is the nominal ON-OFF difference over `unit`.
    """

    off: npt.NDArray[np.int16]
    on: npt.NDArray[np.int16]
    member: npt.NDArray[np.int16]
    swing: npt.NDArray[np.int16]
    reference: npt.NDArray[np.int16]
    unit: float


def sampled(
    r_on: float, r_off: float, r_access: float, wer_0to1: float, wer_1to0: float, rdr: float, spread: Spread
) -> Population:
    """A population from standard deviations, its mean error rates being those given.

    The rates are log-normal and scaled so that the mean over the members is exact: an error rate is the mean
    over the population (a random write to a random cell). Resistances vary around the nominal ones.
    """
    if spread.none:
        one = np.ones(1)
        return Population(r_on * one, r_off * one, wer_0to1 * one, wer_1to0 * one, rdr * one, one)
    z = np.stack([philox_normal(0, 0, int(PURPOSE_TABLE), stream, _MEMBERS) for stream in range(3)])
    junction = (r_on - r_access) * np.exp(spread.junction_resistance * z[0, :, 0])
    ratio = (r_off - r_on) / (r_on - r_access) * (1.0 + spread.tmr * z[0, :, 1])

    def rates(mean: float, sigma: float, deviate: Floats) -> Floats:
        factor = np.exp(sigma * deviate)
        return np.asarray(np.minimum(mean * factor / factor.mean(), 1.0))

    return Population(
        r_access + junction,
        r_access + junction * (1.0 + ratio),
        rates(wer_0to1, spread.ln_wer, z[1, :, 0]),
        rates(wer_1to0, spread.ln_wer, z[1, :, 1]),
        rates(rdr, spread.ln_rdr, z[2, :, 0]),
        np.full(_MEMBERS, 1.0 / _MEMBERS),
    )


def ages(population: Population) -> npt.NDArray[np.int64]:
    """(members, 2) -ln(1 - p) in units of 2^-50 of a RESET (0 to 1) and a SET (1 to 0) pulse: by how much
    one pulse ages the error clock.
    """
    rates = np.stack([population.wer_0to1, population.wer_1to0], axis=1)
    with np.errstate(divide="ignore"):
        age = -np.log1p(-rates) * AGE_SCALE
    return np.minimum(age, AGE_LIMIT).astype(np.int64)


def shared_wire(nominal: tuple[float, float], unit: float, column_ohm: float) -> float:
    """G R of a column for each unit of current that its cells conduct; `column_ohm` is all of its wire.

    All current of the cells before it flows through each piece of a column's wire. Cells spread evenly over
    it are a line of shunt conductance G and series resistance R, which gives tanh(t)/t of the current V G
    that the cells alone would, t^2 = G R. SPICE columns of 8 to 256 rows agree within 2.3 %
    (docs/theory/columns.md).
    `neuro.analog_kernel` divides two polynomials of G R instead, so that every engine finds the same bits.
    """
    return column_ohm * (1.0 / nominal[0] - 1.0 / nominal[1]) / unit


def chip(
    population: Population,
    nominal: tuple[float, float],
    rows: int,
    synapses: int,
    bits: int,
    seed: int,
    replica: int,
    array: int,
    wire: tuple[float, float] = (0.0, 0.0),
) -> Chip:
    """Draw the cells of array number `array`; `nominal` = (r_on, r_off) in ohm defines the unit of current.

    `wire` = (ohm per cell along a row, ohm per cell along a column): every cell sees the wire between its
    row's driver (left), its column's converter (bottom) and itself in series, as if it were alone (see
    `shared_wire`). Padded synapses conduct nothing.
    """
    columns = synapses * bits + 1
    uniform = philox_uniform(seed, replica, int(PURPOSE_SPREAD), array, rows * columns)[:, 0]
    edges = np.cumsum(population.weight)
    member = np.minimum(np.searchsorted(edges / edges[-1], uniform, side="right"), population.weight.size - 1)
    member = member.reshape(rows, columns)
    row, column = np.arange(rows)[:, None], np.arange(columns)[None, :]
    series = wire[0] * (column + 1) + wire[1] * (rows - row)
    difference = 1.0 / nominal[0] - 1.0 / nominal[1]
    on = 1.0 / (population.r_on[member] + series) / difference
    off = 1.0 / (population.r_off[member] + series) / difference
    # From the population, not from the cells drawn: every array and replica has the same unit.
    largest = 1.0 / float(min(population.r_on.min(), population.r_off.min())) / difference
    unit = 2.0 ** math.floor(math.log2(32767.0 / largest))
    wide = padded(synapses)

    def planes(values: npt.NDArray[Any]) -> npt.NDArray[np.int16]:
        # Column s*bits + b of the array holds bit b of synapse s; the kernel wants whole bit planes.
        plane = np.zeros((rows, bits, wide), dtype=np.int16)
        plane[:, :, :synapses] = np.rint(values[:, :-1]).reshape(rows, synapses, bits).transpose(0, 2, 1)
        return plane.reshape(rows, bits * wide)

    reference = np.rint(off[:, -1] * unit).astype(np.int16)
    low, high = planes(off * unit), planes(on * unit)
    return Chip(low, high, planes(member), low ^ high, reference, unit)
