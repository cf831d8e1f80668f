"""The compiled fast path: a two-layer network learning image by image in two synaptic arrays.

Both arrays are row-major with the row being the driven line (pixel, hidden neuron), so an active row is
contiguous; the digits lie beside the software weights, 8 to a machine word, so that cells are compared and
counted 64 at a time. Rows are padded to a multiple of 8 synapses whose weight is -1 (digit 0): they never
change. All event counts are exact integers. No fused multiply-add, no reordering of float sums: every path
(this one, torch on CPU or GPU) gives the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic

from neuro.machine_code import compiled

# Layout of the event counters of one array (int64).
SET_FLIPS, RESET_FLIPS, SET_COUNTED, RESET_COUNTED, CHANGED = 0, 1, 2, 3, 4
SET_ROWS, RESET_ROWS, WRITTEN_ROWS, WRITTEN_BATCHES, WRITE_ERRORS, DISTURBS = 5, 6, 7, 8, 9, 10
WRITES, WORK_ROWS = 11, 12
COUNTERS = 13


def _popcount(typingcontext: Any, word: Any) -> Any:
    """Number of ones in a uint64: one machine instruction."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), emit


def _lowest_one(typingcontext: Any, word: Any) -> Any:
    """Position of the lowest one in a uint64 that is not 0."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), emit


popcount: Any = intrinsic(_popcount)
lowest_one: Any = intrinsic(_lowest_one)


@compiled(inline="always")
def _move_row(w: Any, delta: Any, new: Any, top: Any) -> None:
    """Add `delta` to one row of software weights and find their digits."""
    half = 0.5 * top
    for j in range(w.shape[0]):
        value = w[j] + delta[j]
        w[j] = value
        level = (value + 1.0) * half
        level = level if level > 0.0 else 0.0
        level = level if level < top else top
        new[j] = np.uint8(np.int32(level))


@compiled(inline="always")
def _write_row(old_words: Any, new_words: Any, touched: Any, mask: Any, count: Any) -> None:
    """Rewrite the cells of one row; `count` takes the events."""
    set_flips = np.uint64(0)
    reset_flips = np.uint64(0)
    ones = np.uint64(0)
    ever = np.uint64(0)
    for q in range(old_words.shape[0]):
        before = old_words[q]
        after = new_words[q]
        turned = before ^ after
        memory = touched[q] | after
        touched[q] = memory
        old_words[q] = after
        set_flips += popcount(turned & after)
        reset_flips += popcount(turned & before)
        ones += popcount(after & mask[q])
        ever += popcount(memory & mask[q])
    count[SET_FLIPS] += np.int64(set_flips)
    count[RESET_FLIPS] += np.int64(reset_flips)
    # A cell remembers its last flip: one that holds 1 a SET, one that holds 0 a RESET if it ever flipped.
    count[SET_COUNTED] += np.int64(ones)
    count[RESET_COUNTED] += np.int64(ever - ones)


@compiled(nogil=True)
def train(
    lit: Any,
    start: Any,
    labels: Any,
    order: Any,
    w1: Any,
    d1: Any,
    t1: Any,
    w2: Any,
    d2: Any,
    t2: Any,
    reference1: Any,
    reference2: Any,
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
) -> None:
    """Learn the images `order`, one by one (ARRAY.md 4a with the readings of 4i).

    w1 float64 (pixels, padded hidden), d1 and t1 uint8 alike (digits; cells that ever flipped), w2, d2, t2
    alike for (hidden, padded outputs); reference: the reference column's count for each number of active
    rows; sigmoid[m + zero] = 1/(1 + exp(-m/top)) for the integer m that a column adds up to.
    """
    wide1, wide2 = w1.shape[1], w2.shape[1]
    d1_words, t1_words = d1.view(np.uint64), t1.view(np.uint64)
    d2_words, t2_words = d2.view(np.uint64), t2.view(np.uint64)
    new1, new2 = np.zeros(w1.shape, np.uint8), np.zeros(w2.shape, np.uint8)
    new1_words, new2_words = new1.view(np.uint64), new2.view(np.uint64)
    mask1, mask2 = np.zeros(wide1, np.uint8), np.zeros(w2.shape, np.uint8)
    mask1_words, mask2_words = mask1.view(np.uint64), mask2.view(np.uint64)
    sum1, sum2 = np.zeros(wide1, np.int32), np.zeros(wide2, np.int32)
    analog = np.zeros(wide1)
    delta1, delta2, error2 = np.zeros(wide1), np.zeros(wide2), np.zeros(wide2)
    for position in range(order.shape[0]):
        image = order[position]
        first, last = start[image], start[image + 1]
        active1 = last - first
        sum1[:] = 0
        for i in range(first, last):
            row = d1[lit[i]]
            for j in range(wide1):
                sum1[j] += row[j]
        sum2[:] = 0
        active2 = 0
        shift = reference1[active1] * middle
        for j in range(hidden):
            m = sum1[j] - shift
            analog[j] = sigmoid[m + zero]
            if m >= 0:
                active2 += 1
                row = d2[j]
                for k in range(wide2):
                    sum2[k] += row[k]
        histogram1[active1] += 1
        histogram2[active2] += 1
        shift = reference2[active2] * middle
        label = labels[image]
        for k in range(outputs):
            out = sigmoid[sum2[k] - shift + zero]
            target = 1.0 if k == label else 0.0
            error2[k] = -2.0 * out * (1.0 - out) * (target - out)
        changed = 0
        for j in range(hidden):
            back = 0.0
            row = w2[j]
            for k in range(outputs):
                back += row[k] * error2[k]
            step = -rate1 * (analog[j] * (1.0 - analog[j]) * back)
            delta1[j] = step
            if step != 0.0:
                changed += 1
                mask1[j] = 255
            else:
                mask1[j] = 0
        # First all weights, then all cells: digits just stored byte by byte are slow to load as words.
        for i in range(first, last):
            _move_row(w1[lit[i]], delta1, new1[i - first], top)
        for i in range(first, last):
            k = lit[i]
            _write_row(d1_words[k], new1_words[i - first], t1_words[k], mask1_words, count1)
        count1[CHANGED] += changed * active1
        count1[WORK_ROWS] += active1
        for j in range(hidden):
            for k in range(outputs):
                step = -rate2 * error2[k] * analog[j]
                delta2[k] = step
                if step != 0.0:
                    mask2[j, k] = 255
                    count2[CHANGED] += 1
                else:
                    mask2[j, k] = 0
            _move_row(w2[j], delta2, new2[j], top)
        for j in range(hidden):
            _write_row(d2_words[j], new2_words[j], t2_words[j], mask2_words[j], count2)
    count1[WRITES] += order.shape[0]
    count2[WRITES] += order.shape[0]
    count2[WORK_ROWS] += order.shape[0] * hidden


@compiled(nogil=True)
def test(
    lit: Any,
    start: Any,
    labels: Any,
    d1: Any,
    d2: Any,
    bits: Any,
    reference1: Any,
    reference2: Any,
    offset1: Any,
    offset2: Any,
    ceiling: Any,
    sigmoid: Any,
    zero: Any,
    hidden: Any,
    outputs: Any,
    middle: Any,
) -> Any:
    """(with the ADC's clamp, without): images classified right, both from the same weights.

    offset[n] = n*rho, the OFF current of n active rows in units of the ON-OFF difference; both the column's
    code floor(n1 + n*rho) and the reference code floor(n*rho) stop at `ceiling` in each bit plane.
    """
    wide1, wide2 = d1.shape[1], d2.shape[1]
    planes1 = np.zeros((d1.shape[0], bits * wide1), np.uint8)
    planes2 = np.zeros((d2.shape[0], bits * wide2), np.uint8)
    for array in range(2):
        digits, planes = (d1, planes1) if array == 0 else (d2, planes2)
        wide = digits.shape[1]
        for i in range(digits.shape[0]):
            for b in range(bits):
                for j in range(wide):
                    planes[i, b * wide + j] = (digits[i, j] >> b) & 1
    sum1, sum2 = np.zeros(wide1, np.int32), np.zeros(wide2, np.int32)
    ones1, ones2 = np.zeros(bits * wide1, np.uint16), np.zeros(bits * wide2, np.uint16)
    right_clamped = 0
    right_free = 0
    for image in range(labels.shape[0]):
        first, last = start[image], start[image + 1]
        active1 = last - first
        sum1[:] = 0
        for i in range(first, last):
            row = d1[lit[i]]
            for j in range(wide1):
                sum1[j] += row[j]
        shift1 = reference1[active1] * middle
        free = _classify(sum1, shift1, hidden, d2, outputs, reference2, middle, sigmoid, zero, sum2)
        right_free += free == labels[image]
        clamped = free
        # Below this bound no code can reach the ceiling: the clipped reading is the plain one.
        if active1 + offset1[active1] >= ceiling + 1 or d2.shape[0] + offset2[d2.shape[0]] >= ceiling + 1:
            ones1[:] = 0
            for i in range(first, last):
                row = planes1[lit[i]]
                for c in range(row.shape[0]):
                    ones1[c] += row[c]
            _clip_planes(ones1, offset1[active1], ceiling, bits, wide1, sum1)
            active2 = 0
            ones2[:] = 0
            for j in range(hidden):
                if sum1[j] - shift1 >= 0:
                    active2 += 1
                    row = planes2[j]
                    for c in range(row.shape[0]):
                        ones2[c] += row[c]
            _clip_planes(ones2, offset2[active2], ceiling, bits, wide2, sum2)
            clamped = _largest(sum2, reference2[active2] * middle, outputs, sigmoid, zero)
        right_clamped += clamped == labels[image]
    return right_clamped, right_free


@compiled(inline="always")
def _clip_planes(ones: Any, offset: Any, ceiling: Any, bits: Any, wide: Any, total: Any) -> None:
    """total[j] = sum over the bit planes of 2^b times the difference of the two clipped codes."""
    reference = min(np.int64(np.floor(offset)), ceiling)
    total[:] = 0
    for b in range(bits):
        for j in range(wide):
            code = min(np.int64(np.floor(ones[b * wide + j] + offset)), ceiling)
            total[j] += (code - reference) << b


@compiled(inline="always")
def _largest(total: Any, shift: Any, outputs: Any, sigmoid: Any, zero: Any) -> Any:
    """Index of the largest output, the first of equals (the sigmoid saturates, so sums may differ)."""
    best = 0
    highest = 0.0
    for k in range(outputs):
        out = sigmoid[total[k] - shift + zero]
        if out > highest:
            highest = out
            best = k
    return best


@compiled(inline="always")
def _classify(
    sum1: Any,
    shift1: Any,
    hidden: Any,
    d2: Any,
    outputs: Any,
    reference2: Any,
    middle: Any,
    sigmoid: Any,
    zero: Any,
    sum2: Any,
) -> Any:
    """Class of an image from the column sums of the first array, without a clamp."""
    sum2[:] = 0
    active2 = 0
    for j in range(hidden):
        if sum1[j] - shift1 >= 0:
            active2 += 1
            row = d2[j]
            for k in range(sum2.shape[0]):
                sum2[k] += row[k]
    return _largest(sum2, reference2[active2] * middle, outputs, sigmoid, zero)
