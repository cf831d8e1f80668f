from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flow.table import UserError
from neuro.synapse import Adc, WeightCoding, off_ratio, reference_count, sigmoid_table


def test_published_digits() -> None:
    thirds = np.arange(-3, 4) / 3.0
    assert WeightCoding(6).encode(thirds).tolist() == [0, 10, 21, 31, 42, 52, 63]


@given(st.integers(1, 8))
def test_digits_cut_and_return(bits: int) -> None:
    coding = WeightCoding(bits)
    digits = np.arange(coding.top + 1, dtype=np.uint8)
    np.testing.assert_array_equal(coding.encode(coding.decode(digits)), digits)
    assert coding.encode(np.array([-5.0, 5.0])).tolist() == [0, coding.top]
    assert coding.middle == coding.top // 2


def test_reference_column_miscounts_as_the_peer_does() -> None:
    wrong = np.flatnonzero(reference_count(400, 16390.0, 0.338) != np.arange(401))
    assert (wrong.size, wrong[0], wrong[-1], (wrong <= 100).sum()) == (121, 7, 211, 44)
    assert reference_count(400, 16390.0, 0.338)[wrong].tolist() == (wrong - 1).tolist()
    wrong = np.flatnonzero(reference_count(400, 22170.0, 0.121) != np.arange(401))
    assert wrong.tolist() == list(range(10, 50))


@pytest.mark.parametrize(("r_on", "r_off"), [(9513.0, 16390.0), (11370.0, 22170.0)])
def test_code_difference_is_the_number_of_ones(r_on: float, r_off: float) -> None:
    rho = off_ratio(r_on, r_off)
    n = np.arange(401)
    for ones in range(401):
        active = n[ones:]
        difference = np.floor(ones + active * rho) - np.floor(active * rho)
        assert (difference == ones).all()


def test_off_ratio_needs_a_ratio() -> None:
    assert off_ratio(1.0, 2.0) == 1.0
    for r_on, r_off in ((1.0, 1.0), (2.0, 1.0), (0.0, 1.0)):
        with pytest.raises(UserError, match="OFF resistance"):
            off_ratio(r_on, r_off)


def test_sigmoid_is_the_c_librarys() -> None:
    table = sigmoid_table(63, -60000, 2000)
    for m in (-60000, -12000, -63, -1, 0, 1, 40, 2000):
        exact = 0.0 if m < -50000 else 1.0 / (1.0 + math.exp(-m / 63))
        assert table.values[m + table.zero] == exact
    assert (np.diff(table.values) >= 0.0).all()


def test_converter_limits() -> None:
    assert Adc(8).ceiling == 255
    for wrong in ({"bits": 0}, {"bits": 17}, {"step": 0.0}, {"step": math.inf}, {"reference": "none"}):
        with pytest.raises(UserError, match="ADC"):
            Adc(**wrong)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="bits"):
        WeightCoding(9)
