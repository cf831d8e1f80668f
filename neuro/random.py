"""Random numbers: a counter-based generator of our own, and the C library's `rand()`.

`philox` (Philox-4x32-10; Salmon et al., SC 2011, DOI 10.1145/2063384.2063405) is a function of key and
counter: key = (seed, replica), counter = (what is drawn). Whatever the order, the thread or the batch in
which replicas run, every draw is the same. `LibcRandom` is the additive feedback generator behind glibc's
`rand()` (r[i] = r[i-3] + r[i-31]), because the published accuracies belong to that sequence.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from flow.table import UserError
from neuro.machine_code import compiled

# What a Philox block is drawn for: the last word of the counter, so that purposes never share numbers.
PURPOSE_WEIGHT = np.uint32(1)
PURPOSE_IMAGE = np.uint32(2)
PURPOSE_WRITE = np.uint32(3)
PURPOSE_DISTURB = np.uint32(4)
PURPOSE_SPREAD = np.uint32(5)
PURPOSE_TABLE = np.uint32(6)
PURPOSE_OFFLINE = np.uint32(7)

_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint32(0x9E3779B9)
_W1 = np.uint32(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
SQRT_HALF = 0.7071067811865476
LN_2 = 0.6931471805599453
_SHIFT = np.uint64(32)


@compiled(inline="always")
def philox(k0: Any, k1: Any, c0: Any, c1: Any, c2: Any, c3: Any) -> Any:
    """Four independent 32-bit words of Philox-4x32-10 for key (k0, k1) and counter (c0, c1, c2, c3)."""
    x0, x1, x2, x3 = np.uint64(c0), np.uint64(c1), np.uint64(c2), np.uint64(c3)
    y0, y1 = np.uint64(k0), np.uint64(k1)
    for _ in range(10):
        p0 = _M0 * x0
        p1 = _M1 * x2
        x0, x1, x2, x3 = (p1 >> _SHIFT) ^ x1 ^ y0, p1 & _LOW, (p0 >> _SHIFT) ^ x3 ^ y1, p0 & _LOW
        y0 = (y0 + np.uint64(_W0)) & _LOW
        y1 = (y1 + np.uint64(_W1)) & _LOW
    return x0, x1, x2, x3


@compiled(inline="always")
def unit(high: Any, low: Any) -> Any:
    """A float64 in (0, 1) from two 32-bit words: 52 bits and a half, so neither 0 nor 1 can come out."""
    return (np.float64((high << np.uint64(20)) | (low >> np.uint64(12))) + 0.5) * 2.0**-52


def log_series(mantissa: Any) -> Any:
    """ln(mantissa) for sqrt(1/2) <= mantissa <= sqrt(2) by the series of the inverse hyperbolic tangent.

    Only operations that IEEE 754 rounds alike everywhere, so that a compiled loop and torch on any device
    find the same bits; a library's logarithm differs in the last one.
    """
    s = (mantissa - 1.0) / (mantissa + 1.0)
    z = s * s
    tail = 1.0 / 19.0 + z * (1.0 / 21.0 + z * (1.0 / 23.0))
    tail = 1.0 / 13.0 + z * (1.0 / 15.0 + z * (1.0 / 17.0 + z * tail))
    tail = 1.0 / 7.0 + z * (1.0 / 9.0 + z * (1.0 / 11.0 + z * tail))
    return 2.0 * s * (1.0 + z * (1.0 / 3.0 + z * (1.0 / 5.0 + z * tail)))


_log_series: Any = compiled(inline="always")(log_series)


@compiled()
def minus_log(value: Any) -> Any:
    """-ln(value) of a float64 in (0, 1), the same bits as `neuro.tensor_random.minus_log`."""
    mantissa, exponent = math.frexp(value)
    if mantissa < SQRT_HALF:
        mantissa *= 2.0
        exponent -= 1
    return -(exponent * LN_2 + _log_series(mantissa))


@compiled()
def _philox_words(seed: Any, replica: Any, purpose: Any, stream: Any, first: Any, words: Any) -> None:
    for i in range(words.shape[0]):
        index = np.uint64(first + i)
        block = philox(seed, replica, index & _LOW, index >> _SHIFT, stream, purpose)
        words[i, 0], words[i, 1], words[i, 2], words[i, 3] = block[0], block[1], block[2], block[3]


@compiled()
def _libc_draw(state: Any, position: Any, out: Any) -> Any:
    """Fill `out` with the next draws; `state` is the ring of 31 words, `position` where r[i-31] lies."""
    for i in range(out.shape[0]):
        front = position - 3
        if front < 0:
            front += 31
        word = (state[position] + state[front]) & np.uint64(0xFFFFFFFF)
        state[position] = word
        position += 1
        if position == 31:
            position = 0
        out[i] = np.int64(word >> np.uint64(1))
    return position


class LibcRandom:
    """The sequence of glibc's `srand(seed)`, `rand()`, `rand()`, ... (TYPE_3 feedback, period about 2^35)."""

    def __init__(self, seed: int) -> None:
        word = seed if seed != 0 else 1
        ring = np.zeros(31, dtype=np.uint64)
        for i in range(31):
            ring[i] = word & 0xFFFFFFFF
            # The seeding rule is a signed 31-bit Lehmer generator with a wrapped negative remainder.
            quotient, remainder = divmod(abs(word), 127773)
            if word < 0:
                quotient, remainder = -quotient, -remainder
            word = 16807 * remainder - 2836 * quotient
            if word < 0:
                word += 2147483647
        self.state = ring
        # r[31..33] repeat r[0..2]: in a ring of 31 they are there already, so the feedback starts at word 3.
        self.position = 3
        self.draw(310)

    def draw(self, count: int) -> npt.NDArray[np.int64]:
        """The next `count` values of `rand()`, int64 in 0..2^31-1."""
        out = np.empty(count, dtype=np.int64)
        self.position = int(_libc_draw(self.state, self.position, out))
        return out


def check_seed(seed: int) -> int:
    """`seed` if it fits the 32-bit key; raises UserError otherwise."""
    if not 0 <= seed < 2**32:
        raise UserError(f"the seed must lie in 0..{2**32 - 1}, not {seed}", key="seed")
    return seed


def philox_words(seed: int, replica: int, purpose: int, stream: int, first: int, count: int) -> Any:
    """(count, 4) uint32 words: blocks `first`..`first+count-1` of one purpose and stream of a replica."""
    words = np.empty((count, 4), dtype=np.uint32)
    _philox_words(
        np.uint32(seed), np.uint32(replica), np.uint32(purpose), np.uint32(stream), np.int64(first), words
    )
    return words


def philox_integers(
    seed: int, replica: int, purpose: int, stream: int, first: int, count: int, below: int
) -> npt.NDArray[np.int64]:
    """(count,) int64 uniform in 0..below-1, draw number `first` on.

    64 bits are reduced by remainder: the bias is below `below`/2^64, far under anything that can be measured.
    """
    words = philox_words(seed, replica, purpose, stream, first, count).astype(np.uint64)
    wide = (words[:, 0] << np.uint64(32)) | words[:, 1]
    return np.asarray(wide % np.uint64(below), dtype=np.int64)


def philox_uniform(seed: int, replica: int, purpose: int, stream: int, count: int) -> Any:
    """(count, 2) float64 uniform in (0, 1): two independent columns per block."""
    words = philox_words(seed, replica, purpose, stream, 0, count).astype(np.uint64)
    shift_up, shift_down = np.uint64(20), np.uint64(12)
    high = (words[:, [0, 2]] << shift_up) | (words[:, [1, 3]] >> shift_down)
    return (high.astype(np.float64) + 0.5) * 2.0**-52


def philox_normal(seed: int, replica: int, purpose: int, stream: int, count: int) -> Any:
    """(count, 2) standard normal deviates, by the inverse normal of `philox_uniform`."""
    from scipy.special import ndtri

    return ndtri(philox_uniform(seed, replica, purpose, stream, count))
