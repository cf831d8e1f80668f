"""Points of the unit cube, the same for any number of workers and any batch size.

A set of samples consists of R replicates of M points. Replicates are independent, so their spread gives
the confidence interval also where the M points of one replicate depend on each other, as those of a
scrambled Sobol set do (Owen, J. Complexity 14, 466 (1998)). Every replicate has a generator of its
own, keyed by (seed, stream, replicate): no point depends on how many others are drawn, where or when.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

Method = Literal["sobol", "random"]

LEAST_REPLICATES = 16
_SMALLEST = 2.0**-40


def layout(samples: int) -> tuple[int, int]:
    """(replicates, points): at least 16 replicates of a power of two points, at most `samples` in all.

    Raises ValueError for fewer than 16 samples.
    """
    if samples < LEAST_REPLICATES:
        raise ValueError(f"at least {LEAST_REPLICATES} samples are needed for an interval, not {samples}")
    points = 1 << int(np.floor(np.log2(samples / LEAST_REPLICATES)))
    return samples // points, points


@lru_cache(maxsize=64)
def uniforms(
    method: Method, dimension: int, replicates: int, points: int, *, seed: int, stream: str
) -> NDArray[np.float64]:
    """Points inside the unit cube, (replicates, points, dimension).

    Args:
        method: "sobol" (scrambled; `points` a power of two) or "random" (Philox, counter-based).
        seed: of the study; `stream`: what the points are for, so that two uses never share points.
    """
    result = np.empty((replicates, points, dimension))
    for index in range(replicates):
        key = np.random.SeedSequence([seed, zlib.crc32(stream.encode()), index])
        generator = np.random.Generator(np.random.Philox(key))
        if method == "sobol":
            result[index] = qmc.Sobol(dimension, scramble=True, rng=generator).random(points)
        else:
            result[index] = generator.random((points, dimension))
    # The inverse normal distribution needs the open cube.
    result = np.clip(result, _SMALLEST, 1.0 - _SMALLEST)
    result.flags.writeable = False
    return result
