"""Philox and the error processes of the physical cells in torch: many replicas and images at once.

The same integers as `neuro.random` and `neuro.clock` on any device: 32-bit words live in int64
tensors, whose products wrap as unsigned ones do, and the logarithm is made of rounded basic operations.
"""

from __future__ import annotations

import torch

from neuro.clock import AGE_SCALE, GAP_LIMIT, READ_PARTS
from neuro.random import LN_2, PURPOSE_DISTURB, PURPOSE_WRITE, SQRT_HALF, log_series

_LOW = 0xFFFFFFFF
_M0, _M1, _W0, _W1 = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85
_MANTISSA, _HALF = (1 << 52) - 1, 1022 << 52

Words = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def philox(
    k0: torch.Tensor, k1: torch.Tensor, c0: torch.Tensor, c1: torch.Tensor, c2: torch.Tensor, c3: int
) -> Words:
    """Four int64 tensors of 32-bit words (shapes broadcast), as `neuro.random.philox`."""
    x0, x1, x2, x3 = c0, c1, c2, torch.full_like(c0, c3)
    for turn in range(10):
        p0, p1 = x0 * _M0, x2 * _M1
        x0, x1, x2, x3 = (
            ((p1 >> 32) & _LOW) ^ x1 ^ ((k0 + turn * _W0) & _LOW),
            p1 & _LOW,
            ((p0 >> 32) & _LOW) ^ x3 ^ ((k1 + turn * _W1) & _LOW),
            p0 & _LOW,
        )
    return x0, x1, x2, x3


def unit(high: torch.Tensor, low: torch.Tensor) -> torch.Tensor:
    """float64 in (0, 1) from two words, as `neuro.random.unit`."""
    return (((high << 20) | (low >> 12)).double() + 0.5) * 2.0**-52


def minus_log(value: torch.Tensor) -> torch.Tensor:
    """-ln(value) of float64 in (0, 1), as `neuro.random.minus_log`."""
    bits = value.view(torch.int64)
    exponent = (bits >> 52) - 1022
    mantissa = ((bits & _MANTISSA) | _HALF).view(torch.float64)
    small = mantissa < SQRT_HALF
    mantissa = torch.where(small, 2.0 * mantissa, mantissa)
    exponent = torch.where(small, exponent - 1, exponent)
    series: torch.Tensor = log_series(mantissa)
    return -(exponent.double() * LN_2 + series)


def _keys(seeds: torch.Tensor, replicas: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return seeds[None, :, None], replicas[None, :, None]


def _numbers(first: int, count: int, draws: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    steps = torch.arange(first, first + count, device=device)[:, None, None]
    return steps, torch.arange(draws, device=device)[None, None, :]


def failure_events(
    seeds: torch.Tensor, replicas: torch.Tensor, first: int, count: int, place: int, draws: int
) -> torch.Tensor:
    """int64 (step, network, draw): ages at which the writes of `count` images from `first` on fail."""
    steps, draw = _numbers(first, count, draws, seeds.device)
    stream = ((steps >> 32) << 16) | ((draw & 0xFF) << 8) | place
    words = philox(*_keys(seeds, replicas), steps & _LOW, draw >> 8, stream, int(PURPOSE_WRITE))
    return (minus_log(unit(words[0], words[1])) * AGE_SCALE).long().cumsum(2)


def disturb_candidates(
    seeds: torch.Tensor,
    replicas: torch.Tensor,
    rates: torch.Tensor,
    first: int,
    count: int,
    place: int,
    draws: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """(reads, marks), int64 and float64 (step, network, draw): see `neuro.clock.disturbs`."""
    steps, draw = _numbers(first, count, draws, seeds.device)
    stream = ((steps >> 32) << 16) | place
    words = philox(*_keys(seeds, replicas), steps & _LOW, draw, stream, int(PURPOSE_DISTURB))
    gaps = (minus_log(unit(words[0], words[1])) / rates[None, :, None] * READ_PARTS).clamp(max=GAP_LIMIT)
    return gaps.long().cumsum(2).div(int(READ_PARTS), rounding_mode="floor"), unit(words[2], words[3])
