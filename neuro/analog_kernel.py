"""The compiled path of the `physical` model: cells with their own currents, write errors and read disturbs.

A cell's current is a fixed-point integer (units of the nominal ON-OFF difference over 2^k), so a column's sum
does not depend on the order of adding, and torch or another batch split finds the same codes. Each cell has
a member of the characterised population: it gives its two currents, its two write error rates and its read
disturb rate.

Write pulses are in `neuro.pulse`, the clocks of their errors and of read disturbs in `neuro.clock`.

SET writes a 1 (junction state 1 -> 0, resistance falls), RESET a 0; reading drives 0 -> 1, so it disturbs
cells that hold a 1.

Hot loops address the rows of an array by index and do not slice them: the machine code counts the references
to every slice, with locked instructions, which once took two fifths of a training epoch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuro.clock import disturbs
from neuro.kernel import CHANGED, DISTURBS, WORK_ROWS, WRITES
from neuro.machine_code import compiled
from neuro.pulse import READ_BACK, write_rows


def wire_loss(current: Any, shared: Any) -> Any:
    """Current of a column at the end of its wire, of cells that without it would conduct `current`.

    tanh(t)/t, t^2 = shared * current, as a quotient of polynomials (the continued fraction of tanh to its
    fifth term; 3e-6 off at t^2 = 2.5, 1e-3 at 12): only operations that IEEE 754 rounds alike everywhere.
    """
    t2 = current * shared
    return current * ((945.0 + t2 * (105.0 + t2)) / (945.0 + t2 * (420.0 + 15.0 * t2)))


behind_wire: Any = compiled(inline="always")(wire_loss)


@compiled(inline="always")
def _add_rows(current: Any, reference: Any, lit: Any, first: Any, last: Any, total: Any) -> Any:
    """total[c] = the currents of the rows lit[first:last] in column c; returns that of the reference column.

    Four rows at a time: the totals are read and written a quarter as often.
    """
    total[:] = 0
    base = 0
    for i in range(first, last):
        base += reference[lit[i]]
    whole = first + (last - first) // 4 * 4
    for i in range(first, whole, 4):
        a, b, c, d = lit[i], lit[i + 1], lit[i + 2], lit[i + 3]
        for j in range(total.shape[0]):
            upper = np.int32(current[a, j]) + np.int32(current[b, j])
            total[j] += upper + np.int32(current[c, j]) + np.int32(current[d, j])
    for i in range(whole, last):
        a = lit[i]
        for j in range(total.shape[0]):
            total[j] += current[a, j]
    return base


@compiled(inline="always")
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
    alone = shared == 0.0
    for b in range(bits):
        for j in range(wide):
            # Without a shared wire the loss divides by one: left out, it changes no bit but saves time.
            flow = np.float64(current[b * wide + j])
            level = (flow if alone else behind_wire(flow, shared)) * inverse + start
            level = level if level > 0.0 else 0.0
            level = level if level < ceiling else ceiling
            total[j] += (np.int32(level) - base) << b
    for j in range(wide):
        total[j] = np.int32(np.rint(total[j] * step))


@compiled(inline="always")
def _move_row(w: Any, k: Any, delta: Any, new: Any, r: Any, top: Any, bound: Any) -> None:
    """Add `delta` to row k of the software weights, cut them, and find their digits: row r of `new`."""
    half = 0.5 * top
    for j in range(w.shape[1]):
        value = w[k, j] + delta[j]
        value = value if value > -bound else -bound
        value = value if value < bound else bound
        w[k, j] = value
        level = (value + 1.0) * half
        level = level if level > 0.0 else 0.0
        level = level if level < top else top
        new[r, j] = np.uint8(np.int32(level))


@compiled()
def _read_back(w: Any, actual: Any, k: Any, top: Any) -> None:
    """Row k of software weights becomes what its cells hold."""
    for j in range(w.shape[1]):
        w[k, j] = min((actual[k, j] + 0.5) / (0.5 * top) - 1.0, 1.0)


@compiled(inline="always")
def _disturb(
    k: Any,
    c: Any,
    mark: Any,
    w: Any,
    target: Any,
    actual: Any,
    current: Any,
    swing: Any,
    member: Any,
    disturb_rate: Any,
    highest: Any,
    top: Any,
    mode: Any,
    count: Any,
) -> None:
    """A disturb candidate at cell c of row k: the cell loses its 1 with probability rate/highest."""
    wide = w.shape[1]
    b, j = c // wide, c % wide
    if (actual[k, j] >> b) & 1 == 0 or mark * highest >= disturb_rate[member[k, c]]:
        return
    actual[k, j] &= np.uint8(255 - (1 << b))
    current[k, c] ^= swing[k, c]
    count[DISTURBS] += 1
    if mode == READ_BACK:
        target[k, j] = actual[k, j]
        w[k, j] = min((actual[k, j] + 0.5) / (0.5 * top) - 1.0, 1.0)


@compiled(nogil=True)
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
    swing1: Any,
    member1: Any,
    oldest1: Any,
    w2: Any,
    target2: Any,
    actual2: Any,
    current2: Any,
    reference2: Any,
    swing2: Any,
    member2: Any,
    oldest2: Any,
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
    batch_words1: Any,
    batch_span1: Any,
    batch_words2: Any,
    batch_span2: Any,
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
    candidates1: Any,
    candidates2: Any,
    seed: Any,
    replica: Any,
) -> None:
    """Learn the images `order` one by one; step numbers `first_step`.. key the errors.

    current int16 (rows, bits * padded synapses): what each cell conducts now; swing, member int16 alike: the
    bits of that which a flip changes, and its member of the population; oldest float64 (rows,): at least the
    largest age of a pulse in each row; reference int16 (rows,): the reference column's currents; age int64
    (members, 2): of a RESET and of a SET pulse; shared1, shared2: see `_convert`; bound: software weights are
    cut to -bound..bound; batch_words uint64 (batches, words of a row): ones where a batch has its synapses,
    which is in the words batch_span int64 (batches, 2) from .. to; candidates: how many disturbs are drawn at
    most.
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
    lit2 = np.zeros(hidden + 1, np.int32)
    every2 = np.arange(hidden)
    turned1, turned2 = np.zeros(new1_words.shape, np.uint64), np.zeros(new2_words.shape, np.uint64)
    digits1, digits2 = turned1.view(np.uint8), turned2.view(np.uint8)
    columns1, columns2 = np.zeros(turned1.T.shape, np.uint64), np.zeros(turned2.T.shape, np.uint64)
    hit1, hit2 = np.zeros(w1.shape[0], np.uint64), np.zeros(hidden, np.uint64)
    pulses1, pulses2 = np.zeros(w1.shape[0], np.int64), np.zeros(hidden, np.int64)
    places1, marks1 = np.zeros(candidates1, np.int64), np.zeros(candidates1)
    places2, marks2 = np.zeros(candidates2, np.int64), np.zeros(candidates2)
    for position in range(order.shape[0]):
        step = first_step + position
        image = order[position]
        first, last = start[image], start[image + 1]
        active1 = last - first
        base = _add_rows(current1, reference1, lit, first, last, amps1)
        _convert(amps1, base, shared1, inverse, analog_reference, ceiling, adc_step, bits, wide1, sum1)
        active2 = 0
        for j in range(hidden):
            m = sum1[j] - active1 * middle
            analog[j] = sigmoid[m + zero]
            lit2[active2] = j
            active2 += m >= 0
        base = _add_rows(current2, reference2, lit2, 0, active2, amps2)
        _convert(amps2, base, shared2, inverse, analog_reference, ceiling, adc_step, bits, wide2, sum2)
        histogram1[active1] += 1
        histogram2[active2] += 1
        cells1, cells2 = bits * hidden, bits * outputs
        for q in range(disturbs(seed, replica, step, 0, active1 * cells1, highest, places1, marks1)):
            place = places1[q] % cells1
            c = place // hidden * wide1 + place % hidden
            _disturb(
                lit[first + places1[q] // cells1],
                c,
                marks1[q],
                w1,
                target1,
                actual1,
                current1,
                swing1,
                member1,
                disturb_rate,
                highest,
                top,
                mode,
                count1,
            )
        for q in range(disturbs(seed, replica, step, 1, active2 * cells2, highest, places2, marks2)):
            place = places2[q] % cells2
            c = place // outputs * wide2 + place % outputs
            _disturb(
                lit2[places2[q] // cells2],
                c,
                marks2[q],
                w2,
                target2,
                actual2,
                current2,
                swing2,
                member2,
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
        # First all weights, then all cells: digits just stored byte by byte are slow to load as words.
        for i in range(first, last):
            _move_row(w1, lit[i], delta1, new1, i - first, top, bound)
        write_rows(
            lit[first:last],
            target1_words,
            actual1_words,
            current1,
            swing1,
            member1,
            oldest1,
            new1_words,
            turned1,
            digits1,
            columns1,
            hit1,
            pulses1,
            age,
            batch_words1,
            batch_span1,
            bits,
            mode,
            count1,
            seed,
            replica,
            step,
            0,
        )
        if mode == READ_BACK:
            for i in range(first, last):
                _read_back(w1, actual1, lit[i], top)
        for j in range(hidden):
            changed = 0
            for k in range(outputs):
                delta2[k] = -rate2 * error2[k] * analog[j]
                changed += delta2[k] != 0.0
            count2[CHANGED] += changed
            _move_row(w2, j, delta2, new2, j, top, bound)
        write_rows(
            every2,
            target2_words,
            actual2_words,
            current2,
            swing2,
            member2,
            oldest2,
            new2_words,
            turned2,
            digits2,
            columns2,
            hit2,
            pulses2,
            age,
            batch_words2,
            batch_span2,
            bits,
            mode,
            count2,
            seed,
            replica,
            step,
            1,
        )
        if mode == READ_BACK:
            for j in range(hidden):
                _read_back(w2, actual2, j, top)
    count1[WRITES] += order.shape[0]
    count2[WRITES] += order.shape[0]
    count2[WORK_ROWS] += order.shape[0] * hidden


@compiled(nogil=True)
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
    lit2 = np.zeros(hidden + 1, np.int32)
    right = 0
    for image in range(labels.shape[0]):
        first, last = start[image], start[image + 1]
        base = _add_rows(current1, reference1, lit, first, last, amps1)
        _convert(amps1, base, shared1, inverse, analog_reference, ceiling, adc_step, bits, wide1, sum1)
        active2 = 0
        for j in range(hidden):
            lit2[active2] = j
            active2 += sum1[j] - (last - first) * middle >= 0
        base = _add_rows(current2, reference2, lit2, 0, active2, amps2)
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
