"""When physical cells fail: clocks of the write errors and the read disturbs of one image and array.

Write errors come from a clock with events at unit rate: a trial of probability p takes -ln(1 - p) of its time
and fails if an event falls into it. That is exactly a Bernoulli trial for each pulse. Times are integers (of
2^-50), hence the same in any order of adding. Read disturbs are a Poisson process over the reads.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neuro.machine_code import compiled
from neuro.random import PURPOSE_DISTURB, PURPOSE_WRITE, minus_log, philox, unit

AGE_SCALE = 2.0**50  # parts of the unit of time
DISTURB_LIMIT = 4096  # disturb candidates per image and array
READ_PARTS = 4096.0  # the process of read disturbs counts in these parts of a read
GAP_LIMIT = 2.0**48  # a gap between candidates beyond all reads, in such parts


def most_events(expected: float) -> int:
    """How many events of a Poisson process are drawn when at most `expected` come in the mean.

    More would come less than once in 10^20 times.
    """
    return math.ceil(expected + 12.0 * math.sqrt(expected)) + 24


@compiled()
def lifetime(seed: Any, replica: Any, step: Any, draw: Any, array: Any) -> Any:
    """Age (int64) between event `draw` - 1 and event `draw` of the error clock of one image and array."""
    low = np.uint64(step) & np.uint64(0xFFFFFFFF)
    high = np.uint64(step) >> np.uint64(32)
    stream = (
        (high << np.uint64(16)) | ((np.uint64(draw) & np.uint64(0xFF)) << np.uint64(8)) | np.uint64(array)
    )
    words = philox(seed, replica, low, np.uint64(draw) >> np.uint64(8), stream, PURPOSE_WRITE)
    return np.int64(minus_log(unit(words[0], words[1])) * AGE_SCALE)


@compiled()
def disturbs(
    seed: Any, replica: Any, step: Any, array: Any, reads: Any, rate: Any, places: Any, marks: Any
) -> Any:
    """Candidates of read disturb among `reads` cell reads, a Poisson process of `rate` per read.

    places int64: which read; marks float64 in (0, 1): the thinning variate; returns how many there are.
    """
    if rate <= 0.0:
        return 0
    low = np.uint64(step) & np.uint64(0xFFFFFFFF)
    high = np.uint64(step) >> np.uint64(32)
    stream = (high << np.uint64(16)) | np.uint64(array)
    found = 0
    at = np.int64(0)
    while found < places.shape[0]:
        words = philox(seed, replica, low, np.uint64(found), stream, PURPOSE_DISTURB)
        at += np.int64(min(minus_log(unit(words[0], words[1])) / rate * READ_PARTS, GAP_LIMIT))
        place = at // np.int64(READ_PARTS)
        if place >= reads:
            break
        places[found] = place
        marks[found] = unit(words[2], words[3])
        found += 1
    return found
