"""Counter-based random numbers, Philox4x32-10 (Salmon et al., SC'11), as torch integers on any device.

The four 32-bit words are a pure function of key and counter, so the noise of a trajectory depends only on
(seed, trajectory, step) and not on how trajectories are split into batches, nor on the device.
The compiled twin in `flow.device.llg_kernel` gives the same bits.
"""

from __future__ import annotations

import math

import torch

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
_MASK = 0xFFFFFFFF

# The fourth counter word: what the numbers are for.
STREAM_START = 1
STREAM_NOISE = 2
STREAM_SPLIT = 3


def philox(seed: int, trajectory: torch.Tensor, step: int, stream: int) -> tuple[torch.Tensor, ...]:
    """Four int64 tensors, shape of `trajectory` (int64), holding 32-bit words.

    Key: low and high word of `seed` (64 bits); counter: low and high word of the trajectory, step, stream.
    """
    words = [
        trajectory & _MASK,
        (trajectory >> 32) & _MASK,
        torch.full_like(trajectory, step & _MASK),
        torch.full_like(trajectory, stream & _MASK),
    ]
    key = [seed & _MASK, (seed >> 32) & _MASK]
    for _ in range(ROUNDS):
        # A signed product wraps modulo 2^64, which leaves its bits as wanted.
        first, second = words[0] * MULTIPLIERS[0], words[2] * MULTIPLIERS[1]
        words = [
            ((second >> 32) & _MASK) ^ words[1] ^ key[0],
            second & _MASK,
            ((first >> 32) & _MASK) ^ words[3] ^ key[1],
            first & _MASK,
        ]
        key = [(key[0] + WEYL[0]) & _MASK, (key[1] + WEYL[1]) & _MASK]
    return tuple(words)


def uniform(word: torch.Tensor) -> torch.Tensor:
    """Float64 in (0, 1), never an end point, from 32-bit words."""
    return (word.to(torch.float64) + 0.5) * 2.0**-32


def normals(words: tuple[torch.Tensor, ...], count: int) -> list[torch.Tensor]:
    """`count` (1 to 4) independent standard normals from four words (Box and Muller)."""
    found: list[torch.Tensor] = []
    for pair in range((count + 1) // 2):
        radius = torch.sqrt(-2.0 * torch.log(uniform(words[2 * pair])))
        angle = (2.0 * math.pi) * uniform(words[2 * pair + 1])
        found += [radius * torch.cos(angle), radius * torch.sin(angle)]
    return found[:count]
