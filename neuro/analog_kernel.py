"""The compiled path of the `physical` model: cells with their own currents, write errors and read disturbs.

A cell's current is a fixed-point integer (units of the nominal ON-OFF difference over 2^k), so a column's sum
does not depend on the order of adding, and torch or another batch split finds the same codes. Each cell has
a member of the characterised population: it gives its two currents, its two write error rates and its read
disturb rate.

Errors come from an exponential clock: a trial of probability p ages it by -ln(1 - p), and the trial at which
it passes a unit exponential fails. That is exactly a Bernoulli trial for each pulse, at the price of one
integer addition. Ages are integers of 2^-50, hence the same in any order of adding.

SET writes a 1 (junction state 1 -> 0, resistance falls), RESET a 0; reading drives 0 -> 1, so it disturbs
cells that hold a 1.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from neuro.kernel import (
    CHANGED,
    DISTURBS,
    RESET_FLIPS,
    RESET_ROWS,
    SET_FLIPS,
    SET_ROWS,
    WORK_ROWS,
    WRITE_ERRORS,
    WRITES,
    WRITTEN_BATCHES,
    WRITTEN_ROWS,
    lowest_one,
    popcount,
)
from neuro.population import AGE_SCALE
from neuro.random import PURPOSE_DISTURB, PURPOSE_WRITE, philox, unit

DISTURB_LIMIT = 4096  # disturb candidates per image and array
READ_BACK, CLIPPED, FREE = 0, 1, 2  # where the software weight comes from


@numba.njit(cache=True)
def lifetime(seed: Any, replica: Any, step: Any, draw: Any, array: Any) -> Any:
    """Age (int64) at which the error clock of one image and array runs out for the `draw`-th time."""
    low = np.uint64(step) & np.uint64(0xFFFFFFFF)
    high = np.uint64(step) >> np.uint64(32)
    stream = (high << np.uint64(16)) | (np.uint64(draw) << np.uint64(8)) | np.uint64(array)
    words = philox(seed, replica, low, np.uint64(draw) >> np.uint64(8), stream, PURPOSE_WRITE)
    return np.int64(-np.log(unit(words[0], words[1])) * AGE_SCALE)


@numba.njit(cache=True)
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
    at = 0.0
    while found < places.shape[0]:
        words = philox(seed, replica, low, np.uint64(found), stream, PURPOSE_DISTURB)
        at += -np.log(unit(words[0], words[1])) / rate
        if at >= reads:
            break
        places[found] = np.int64(at)
        marks[found] = unit(words[2], words[3])
        found += 1
    return found


def wire_loss(current: Any, shared: Any) -> Any:
    """Current of a column at the end of its wire, of cells that without it would conduct `current`.

    tanh(t)/t, t^2 = shared * current, as a quotient of polynomials (the continued fraction of tanh to its
    fifth term; 3e-6 off at t^2 = 2.5, 1e-3 at 12): only operations that IEEE 754 rounds alike everywhere.
    """
    t2 = current * shared
    return current * ((945.0 + t2 * (105.0 + t2)) / (945.0 + t2 * (420.0 + 15.0 * t2)))


behind_wire: Any = numba.njit(cache=True, inline="always")(wire_loss)


@numba.njit(cache=True, inline="always")
def _convert(
    current: Any,
    reference: Any,
    shared: Any,
    inverse: Any,
    analog: Any,
    ceiling: Any,
    step: Any,
    bits: Any,
    wide: Any,
    total: Any,
) -> None:
    """total[j] = `step` times the sum over the planes of 2^b (code of the column - code of the reference).

    `shared`: G R of the column's wire for each unit of current (`neuro.population.shared_wire`).
    """
    base = 0
    start = 0.0
    taken = behind_wire(np.float64(reference), shared)
    if analog:
        start = 0.5 - taken * inverse
    else:
        base = min(np.int64(np.floor(taken * inverse)), ceiling)
    total[:] = 0
    for b in range(bits):
        for j in range(wide):
            level = behind_wire(np.float64(current[b * wide + j]), shared) * inverse + start
            level = level if level > 0.0 else 0.0
            level = level if level < ceiling else ceiling
            total[j] += (np.int32(level) - base) << b
    for j in range(wide):
        total[j] = np.int32(np.rint(total[j] * step))


@numba.njit(cache=True, inline="always")
def _move_row(w: Any, delta: Any, new: Any, top: Any, bound: Any) -> None:
    """Add `delta` to one row of software weights, cut them, and find their digits."""
    half = 0.5 * top
    for j in range(w.shape[0]):
        value = w[j] + delta[j]
        value = value if value > -bound else -bound
        value = value if value < bound else bound
        w[j] = value
        level = (value + 1.0) * half
        level = level if level > 0.0 else 0.0
        level = level if level < top else top
        new[j] = np.uint8(np.int32(level))


@numba.njit(cache=True)
def _read_back(w: Any, actual: Any, top: Any) -> None:
    """One row of software weights becomes what its cells hold."""
    for j in range(w.shape[0]):
        w[j] = min((actual[j] + 0.5) / (0.5 * top) - 1.0, 1.0)


@numba.njit(cache=True, inline="always")
def _pulse_row(
    k: Any,
    r: Any,
    w: Any,
    target_words: Any,
    actual_words: Any,
    current: Any,
    new_words: Any,
    turned_words: Any,
    cell: Any,
    age: Any,
    clock: Any,
    top: Any,
    batch_of: Any,
    mode: Any,
    count: Any,
    seed: Any,
    replica: Any,
    step: Any,
    array: Any,
) -> None:
    """Pulse the cells of row k whose target changes to row r of `new_words`; no views, which cost more.

    clock int64 (3,): age, age at which it runs out, draws so far.
    """
    wide = w.shape[1]
    none = np.uint64(0)
    one_bit = np.uint64(1)
    sets = none
    pulses = none
    for q in range(new_words.shape[1]):
        turned = target_words[k, q] ^ new_words[r, q]
        turned_words[q] = turned
        pulses += popcount(turned)
        sets += popcount(turned & new_words[r, q])
    if pulses == none:
        return
    last_batch: Any = -1
    batches: Any = 0
    for q in range(new_words.shape[1]):
        turned = turned_words[q]
        if turned == none:
            continue
        after = new_words[r, q]
        held = actual_words[k, q]
        actual_words[k, q] = (held & ~turned) | (after & turned)
        target_words[k, q] = after
        while turned != none:
            place = lowest_one(turned)
            turned &= turned - one_bit
            synapse = q * 8 + np.int64(place >> np.uint64(3))
            one = np.int64((after >> place) & one_bit)
            c = np.int64(place & np.uint64(7)) * wide + synapse
            batches += batch_of[synapse] != last_batch
            last_batch = batch_of[synapse]
            before = current[k, c]
            current[k, c] = cell[k, c, one]
            clock[0] += age[cell[k, c, 2], one]
            if clock[0] > clock[1]:
                clock[2] += 1
                clock[1] = clock[0] + lifetime(seed, replica, step, clock[2], array)
                count[WRITE_ERRORS] += 1
                # The pulse failed: the cell is what it was, which need not be what its target was.
                current[k, c] = before
                bit = one_bit << place
                actual_words[k, q] = (actual_words[k, q] & ~bit) | (held & bit)
        if mode == READ_BACK:
            target_words[k, q] = actual_words[k, q]
    count[SET_FLIPS] += np.int64(sets)
    count[RESET_FLIPS] += np.int64(pulses - sets)
    count[SET_ROWS] += sets > 0
    count[RESET_ROWS] += pulses > sets
    count[WRITTEN_ROWS] += 1
    count[WRITTEN_BATCHES] += batches


@numba.njit(cache=True, inline="always")
def _disturb(
    k: Any,
    c: Any,
    mark: Any,
    w: Any,
    target: Any,
    actual: Any,
    current: Any,
    cell: Any,
    disturb_rate: Any,
    highest: Any,
    top: Any,
    mode: Any,
    count: Any,
) -> None:
    """A disturb candidate at cell c of row k: the cell loses its 1 with probability rate/highest."""
    wide = w.shape[1]
    b, j = c // wide, c % wide
    if (actual[k, j] >> b) & 1 == 0 or mark * highest >= disturb_rate[cell[k, c, 2]]:
        return
    actual[k, j] &= np.uint8(255 - (1 << b))
    current[k, c] = cell[k, c, 0]
    count[DISTURBS] += 1
    if mode == READ_BACK:
        target[k, j] = actual[k, j]
        w[k, j] = min((actual[k, j] + 0.5) / (0.5 * top) - 1.0, 1.0)


@numba.njit(cache=True, nogil=True)
def train(
    lit: Any,
    start: Any,
    labels: Any,
    order: Any,
    first_step: Any,
    w1: Any,
    target1: Any,
    actual1: Any,
    current1: Any,
    reference1: Any,
    cell1: Any,
    w2: Any,
    target2: Any,
    actual2: Any,
    current2: Any,
    reference2: Any,
    cell2: Any,
    age: Any,
    disturb_rate: Any,
    highest: Any,
    shared1: Any,
    shared2: Any,
    inverse: Any,
    analog_reference: Any,
    ceiling: Any,
    adc_step: Any,
    bits: Any,
    batch_of1: Any,
    batch_of2: Any,
    bound: Any,
    mode: Any,
    sigmoid: Any,
    zero: Any,
    rate1: Any,
    rate2: Any,
    hidden: Any,
    outputs: Any,
    top: Any,
    middle: Any,
    count1: Any,
    count2: Any,
    histogram1: Any,
    histogram2: Any,
    seed: Any,
    replica: Any,
) -> None:
    """Learn the images `order` one by one; step numbers `first_step`.. key the errors.

    current int16 (rows, bits * padded synapses): what each cell conducts now; cell int16 (same, 4): OFF
    current, ON current, population member, nothing (a cell is one aligned word); reference int16 (rows,): the
    reference column's currents; age int64 (members, 2): of a RESET and of a SET pulse; shared1, shared2: see
    `_convert`; bound: software
    weights are cut to -bound..bound; batch_of: the write batch of each synapse.
    """
    wide1, wide2 = w1.shape[1], w2.shape[1]
    target1_words, target2_words = target1.view(np.uint64), target2.view(np.uint64)
    actual1_words, actual2_words = actual1.view(np.uint64), actual2.view(np.uint64)
    new1, new2 = np.zeros(w1.shape, np.uint8), np.zeros(w2.shape, np.uint8)
    new1_words, new2_words = new1.view(np.uint64), new2.view(np.uint64)
    amps1, amps2 = np.zeros(bits * wide1, np.int32), np.zeros(bits * wide2, np.int32)
    sum1, sum2 = np.zeros(wide1, np.int32), np.zeros(wide2, np.int32)
    analog = np.zeros(wide1)
    delta1, delta2, error2 = np.zeros(wide1), np.zeros(wide2), np.zeros(wide2)
    on2 = np.zeros(hidden, np.int64)
    clock = np.zeros(3, np.int64)
    turned_words = np.zeros(max(wide1, wide2) // 8, np.uint64)
    places, marks = np.zeros(DISTURB_LIMIT, np.int64), np.zeros(DISTURB_LIMIT)
    for position in range(order.shape[0]):
        step = first_step + position
        image = order[position]
        first, last = start[image], start[image + 1]
        active1 = last - first
        amps1[:] = 0
        base = 0
        for i in range(first, last):
            base += reference1[lit[i]]
            row = current1[lit[i]]
            for c in range(row.shape[0]):
                amps1[c] += row[c]
        _convert(amps1, base, shared1, inverse, analog_reference, ceiling, adc_step, bits, wide1, sum1)
        amps2[:] = 0
        base = 0
        active2 = 0
        for j in range(hidden):
            m = sum1[j] - active1 * middle
            analog[j] = sigmoid[m + zero]
            if m >= 0:
                on2[active2] = j
                active2 += 1
                base += reference2[j]
                row = current2[j]
                for c in range(row.shape[0]):
                    amps2[c] += row[c]
        _convert(amps2, base, shared2, inverse, analog_reference, ceiling, adc_step, bits, wide2, sum2)
        histogram1[active1] += 1
        histogram2[active2] += 1
        cells1, cells2 = bits * hidden, bits * outputs
        for q in range(disturbs(seed, replica, step, 0, active1 * cells1, highest, places, marks)):
            place = places[q] % cells1
            c = place // hidden * wide1 + place % hidden
            _disturb(
                lit[first + places[q] // cells1],
                c,
                marks[q],
                w1,
                target1,
                actual1,
                current1,
                cell1,
                disturb_rate,
                highest,
                top,
                mode,
                count1,
            )
        for q in range(disturbs(seed, replica, step, 1, active2 * cells2, highest, places, marks)):
            place = places[q] % cells2
            c = place // outputs * wide2 + place % outputs
            _disturb(
                on2[places[q] // cells2],
                c,
                marks[q],
                w2,
                target2,
                actual2,
                current2,
                cell2,
                disturb_rate,
                highest,
                top,
                mode,
                count2,
            )
        label = labels[image]
        for k in range(outputs):
            out = sigmoid[sum2[k] - active2 * middle + zero]
            wanted = 1.0 if k == label else 0.0
            error2[k] = -2.0 * out * (1.0 - out) * (wanted - out)
        changed = 0
        for j in range(hidden):
            back = 0.0
            for k in range(outputs):
                back += w2[j, k] * error2[k]
            delta1[j] = -rate1 * (analog[j] * (1.0 - analog[j]) * back)
            changed += delta1[j] != 0.0
        count1[CHANGED] += changed * active1
        count1[WORK_ROWS] += active1
        clock[0] = 0
        clock[2] = 0
        clock[1] = lifetime(seed, replica, step, 0, 0)
        # First all weights, then all cells: digits just stored byte by byte are slow to load as words.
        for i in range(first, last):
            _move_row(w1[lit[i]], delta1, new1[i - first], top, bound)
        for i in range(first, last):
            k = lit[i]
            _pulse_row(
                k,
                i - first,
                w1,
                target1_words,
                actual1_words,
                current1,
                new1_words,
                turned_words,
                cell1,
                age,
                clock,
                top,
                batch_of1,
                mode,
                count1,
                seed,
                replica,
                step,
                0,
            )
        if mode == READ_BACK:
            for i in range(first, last):
                _read_back(w1[lit[i]], actual1[lit[i]], top)
        clock[0] = 0
        clock[2] = 0
        clock[1] = lifetime(seed, replica, step, 0, 1)
        for j in range(hidden):
            for k in range(outputs):
                delta2[k] = -rate2 * error2[k] * analog[j]
                count2[CHANGED] += delta2[k] != 0.0
            _move_row(w2[j], delta2, new2[j], top, bound)
        for j in range(hidden):
            _pulse_row(
                j,
                j,
                w2,
                target2_words,
                actual2_words,
                current2,
                new2_words,
                turned_words,
                cell2,
                age,
                clock,
                top,
                batch_of2,
                mode,
                count2,
                seed,
                replica,
                step,
                1,
            )
        if mode == READ_BACK:
            for j in range(hidden):
                _read_back(w2[j], actual2[j], top)
    count1[WRITES] += order.shape[0]
    count2[WRITES] += order.shape[0]
    count2[WORK_ROWS] += order.shape[0] * hidden


@numba.njit(cache=True, nogil=True)
def test(
    lit: Any,
    start: Any,
    labels: Any,
    current1: Any,
    reference1: Any,
    current2: Any,
    reference2: Any,
    shared1: Any,
    shared2: Any,
    inverse: Any,
    analog_reference: Any,
    ceiling: Any,
    adc_step: Any,
    bits: Any,
    sigmoid: Any,
    zero: Any,
    hidden: Any,
    outputs: Any,
    middle: Any,
) -> Any:
    """Images classified right by the currents as they are; a test neither writes nor disturbs."""
    wide1, wide2 = current1.shape[1] // bits, current2.shape[1] // bits
    amps1, amps2 = np.zeros(bits * wide1, np.int32), np.zeros(bits * wide2, np.int32)
    sum1, sum2 = np.zeros(wide1, np.int32), np.zeros(wide2, np.int32)
    right = 0
    for image in range(labels.shape[0]):
        first, last = start[image], start[image + 1]
        amps1[:] = 0
        base = 0
        for i in range(first, last):
            base += reference1[lit[i]]
            row = current1[lit[i]]
            for c in range(row.shape[0]):
                amps1[c] += row[c]
        _convert(amps1, base, shared1, inverse, analog_reference, ceiling, adc_step, bits, wide1, sum1)
        amps2[:] = 0
        base = 0
        active2 = 0
        for j in range(hidden):
            if sum1[j] - (last - first) * middle >= 0:
                active2 += 1
                base += reference2[j]
                row = current2[j]
                for c in range(row.shape[0]):
                    amps2[c] += row[c]
        _convert(amps2, base, shared2, inverse, analog_reference, ceiling, adc_step, bits, wide2, sum2)
        best = 0
        highest = 0.0
        for k in range(outputs):
            out = sigmoid[sum2[k] - active2 * middle + zero]
            if out > highest:
                highest = out
                best = k
        right += best == labels[image]
    return right
