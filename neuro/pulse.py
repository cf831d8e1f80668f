"""Write pulses of the `physical` model: rows of new digits go into the cells of one array.

A pulse goes to every cell whose target changes and may fail (`neuro.clock`). An image whose pulses cannot
last until the first event of the clock, whatever cells they meet, needs no clock at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuro.clock import lifetime
from neuro.kernel import (
    RESET_FLIPS,
    RESET_ROWS,
    SET_FLIPS,
    SET_ROWS,
    WRITE_ERRORS,
    WRITTEN_BATCHES,
    WRITTEN_ROWS,
    lowest_one,
    popcount,
)
from neuro.machine_code import compiled

READ_BACK, CLIPPED, FREE = 0, 1, 2  # where the software weight comes from


@compiled(inline="always")
def _turn_row(
    k: Any, r: Any, target_words: Any, new_words: Any, turned_words: Any, columns: Any, count: Any
) -> Any:
    """Find and count the cells of row k whose target changes to row r of `new_words`; how many they are.

    They go into row r of `turned_words` and column r of `columns`.
    """
    sets = np.uint64(0)
    pulses = np.uint64(0)
    for q in range(new_words.shape[1]):
        after = new_words[r, q]
        turned = target_words[k, q] ^ after
        turned_words[r, q] = turned
        columns[q, r] = turned
        pulses += popcount(turned)
        sets += popcount(turned & after)
    count[SET_FLIPS] += np.int64(sets)
    count[RESET_FLIPS] += np.int64(pulses - sets)
    count[SET_ROWS] += sets > 0
    count[RESET_ROWS] += pulses > sets
    count[WRITTEN_ROWS] += pulses > 0
    return np.int64(pulses)


@compiled()
def _written_batches(rows: Any, columns: Any, hit: Any, batch_words: Any, batch_span: Any) -> Any:
    """Batches with a pulse, summed over the rows; a loop along the rows does many of them at a time."""
    batches = 0
    for b in range(batch_words.shape[0]):
        hit[:rows] = 0
        for q in range(batch_span[b, 0], batch_span[b, 1]):
            mask = batch_words[b, q]
            for r in range(rows):
                hit[r] |= columns[q, r] & mask
        for r in range(rows):
            batches += hit[r] != 0
    return batches


@compiled()
def _fail(
    rows: Any,
    wide: Any,
    pulses: Any,
    new_words: Any,
    turned_words: Any,
    member: Any,
    age: Any,
    event: Any,
    count: Any,
    seed: Any,
    replica: Any,
    step: Any,
    array: Any,
) -> None:
    """Take the pulses that fail out of `turned_words`, in the order row, synapse, bit.

    `event`: time to the next event of the clock.
    """
    one_bit = np.uint64(1)
    draw = 0
    for r in range(rows.shape[0]):
        if pulses[r] == 0:
            continue
        for q in range(new_words.shape[1]):
            left = turned_words[r, q]
            while left != np.uint64(0):
                place = lowest_one(left)
                left &= left - one_bit
                c = np.int64(place & np.uint64(7)) * wide + q * 8 + np.int64(place >> np.uint64(3))
                event -= age[member[rows[r], c], np.int64((new_words[r, q] >> place) & one_bit)]
                if event <= 0:
                    turned_words[r, q] &= ~(one_bit << place)
                    count[WRITE_ERRORS] += 1
                while event <= 0:
                    draw += 1
                    event += lifetime(seed, replica, step, draw, array)


@compiled(inline="always")
def _store_row(
    k: Any,
    r: Any,
    target_words: Any,
    actual_words: Any,
    current: Any,
    swing: Any,
    new_words: Any,
    turned_words: Any,
    turned_digits: Any,
    bits: Any,
    mode: Any,
) -> None:
    """Row k takes row r of `new_words` where `turned_words` says that the pulse held."""
    planes = np.uint64(0)
    for q in range(new_words.shape[1]):
        # A failed pulse leaves the cell as it is, which need not be what its target was.
        after = new_words[r, q]
        turned = turned_words[r, q] & (actual_words[k, q] ^ after)
        turned_words[r, q] = turned
        planes |= turned
        held = actual_words[k, q] ^ turned
        actual_words[k, q] = held
        target_words[k, q] = held if mode == READ_BACK else after
    planes |= planes >> np.uint64(32)
    planes |= planes >> np.uint64(16)
    planes |= planes >> np.uint64(8)
    wide = turned_digits.shape[1]
    for b in range(bits):
        if (planes >> np.uint64(b)) & np.uint64(1):
            # The whole plane of the row: a machine does many cells at a time, but one alone slowly.
            mask = np.uint8(1 << b)
            plane = b * wide
            for j in range(wide):
                flip = swing[k, plane + j]
                current[k, plane + j] ^= flip if turned_digits[r, j] & mask else np.int16(0)


@compiled(inline="always")
def write_rows(
    rows: Any,
    target_words: Any,
    actual_words: Any,
    current: Any,
    swing: Any,
    member: Any,
    oldest: Any,
    new_words: Any,
    turned_words: Any,
    turned_digits: Any,
    columns: Any,
    hit: Any,
    pulses: Any,
    age: Any,
    batch_words: Any,
    batch_span: Any,
    bits: Any,
    mode: Any,
    count: Any,
    seed: Any,
    replica: Any,
    step: Any,
    array: Any,
) -> None:
    """Write `new_words` (one row for each of `rows`) into the cells of one array."""
    most = 0.0
    for r in range(rows.shape[0]):
        pulses[r] = _turn_row(rows[r], r, target_words, new_words, turned_words, columns, count)
        most += pulses[r] * oldest[rows[r]]
    count[WRITTEN_BATCHES] += _written_batches(rows.shape[0], columns, hit, batch_words, batch_span)
    event = lifetime(seed, replica, step, 0, array)
    if event <= most:
        _fail(
            rows,
            turned_digits.shape[1],
            pulses,
            new_words,
            turned_words,
            member,
            age,
            event,
            count,
            seed,
            replica,
            step,
            array,
        )
    for r in range(rows.shape[0]):
        if pulses[r]:
            _store_row(
                rows[r],
                r,
                target_words,
                actual_words,
                current,
                swing,
                new_words,
                turned_words,
                turned_digits,
                bits,
                mode,
            )
