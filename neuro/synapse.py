"""A synapse of b digital cells: how a weight lies in them, and what a column of them reads as.

Digit d of a weight w in [-1, 1] is trunc((w + 1)/2 (2^b - 1)), bit k of d in a cell of its own; a cell that
stores 1 conducts well (r_on), 0 badly (r_off). A column of active cells adds up n1 ON and n - n1 OFF
currents; in units of their difference that is n1 + n rho, rho = 1/(r_off/r_on - 1) (ARRAY model, section 3).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flow.table import UserError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Digits = npt.NDArray[np.uint8]

WORD = 8  # digits to a machine word; rows of the arrays are padded to it


def padded(synapses: int) -> int:
    """`synapses` rounded up to a whole number of machine words of digits."""
    return -(-synapses // WORD) * WORD


@dataclass(frozen=True, slots=True)
class WeightCoding:
    """A weight in `bits` cells (1..8); raises UserError outside that range."""

    bits: int = 6

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 8:
            raise UserError(f"a weight has 1 to 8 bits, not {self.bits}", key="bits")

    @property
    def top(self) -> int:
        """The largest digit, 2^b - 1."""
        return int(2**self.bits - 1)

    @property
    def middle(self) -> int:
        """The digit that stands for weight 0, 2^(b-1) - 1: what the reference column takes away."""
        return int(2 ** (self.bits - 1) - 1)

    def encode(self, weights: Floats) -> Digits:
        """Digits (same shape) of the weights, cut to what the cells can hold."""
        level = (weights + 1.0) * (0.5 * self.top)
        return np.clip(level, 0.0, float(self.top)).astype(np.uint8)

    def decode(self, digits: Digits) -> Floats:
        """The weights that the digits stand for: the middle of each digit's interval, at most 1.

        The middle, because encoding truncates: what is read back must encode to the same digit.
        """
        return np.minimum((digits.astype(np.float64) + 0.5) / (0.5 * self.top) - 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class SigmoidTable:
    """values[m + zero] = 1/(1 + exp(-m/top)) for every integer m that a column can add up to.

    Pre-activations are integers over 2^b - 1, so one table of the C library's exp gives the same bits in the
    compiled kernel and in torch on any device.
    """

    values: Floats
    zero: int


@functools.lru_cache(maxsize=32)
def sigmoid_table(top: int, lowest: int, highest: int) -> SigmoidTable:
    """The table for m in lowest..highest."""
    values = [_sigmoid(m / top) for m in range(lowest, highest + 1)]
    return SigmoidTable(np.array(values), -lowest)


def _sigmoid(z: float) -> float:
    # exp overflows a float64 beyond 709; the sigmoid is 0 there to the last bit that anyone uses.
    return 1.0 / (1.0 + math.exp(-z)) if z > -700.0 else 0.0


def off_ratio(r_on: float, r_off: float) -> float:
    """rho, the OFF current in units of the ON-OFF difference; raises UserError unless r_off > r_on > 0."""
    if not 0.0 < r_on < r_off:
        raise UserError(f"the OFF resistance {r_off} ohm must exceed the ON resistance {r_on} ohm")
    on, off = 1.0 / r_on, 1.0 / r_off
    return off / (on - off)


def reference_count(rows: int, r_off: float, read_voltage: float) -> Integers:
    """(rows + 1,) int64: how many active rows the peer's reference column counts (its defect D9).

    It adds up n equal OFF currents in float64, one by one, and divides by one of them: for some n the
    quotient truncates to n - 1. Which n depends on the last bits of `r_off` and `read_voltage`.
    """
    current = (1.0 / r_off) * read_voltage
    total = 0.0
    count = np.zeros(rows + 1, dtype=np.int64)
    for n in range(1, rows + 1):
        total += current
        count[n] = int(total / current)
    return count


@dataclass(frozen=True, slots=True)
class Adc:
    """The partial-sum converter of a column.

    `bits`: codes 0..2^bits - 1, clipped. `step`: one code in units of the nominal ON-OFF current difference.
    `reference`: "column" converts the reference column too and subtracts its code (the OFF currents use up
    part of the range); "analog" subtracts the reference current before converting.
    """

    bits: int = 8
    step: float = 1.0
    reference: str = "column"

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 16:
            raise UserError(f"the ADC has 1 to 16 bits, not {self.bits}", key="adc_bits")
        if not (math.isfinite(self.step) and self.step > 0.0):
            raise UserError(f"the ADC's step must be positive, not {self.step}", key="adc_step")
        if self.reference not in ("column", "analog"):
            raise UserError(
                f"the ADC's reference is column or analog, not {self.reference}", key="adc_reference"
            )

    @property
    def ceiling(self) -> int:
        """The largest code."""
        return int(2**self.bits - 1)
