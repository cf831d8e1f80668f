"""The arithmetic of a comparison, and how numbers are written."""

from __future__ import annotations

import json

import pytest

from neuro.report.comparison import (
    Comparison,
    Measured,
    shown,
    shown_deviation,
    shown_measured,
)
from tests.near import approx


def row(value: float, paper: float | None, *, given: bool = False) -> Comparison:
    return Comparison("T", "q", "a label", "fJ", "dmtj", "0.85", Measured(value), paper, given=given)


@pytest.mark.parametrize(
    ("value", "paper", "deviation", "needs"),
    [
        (115.0, 100.0, 15.0, False),
        (115.1, 100.0, 15.1, True),
        (85.0, 100.0, -15.0, False),
        (84.0, 100.0, -16.0, True),
        (57.8, 4.80, 1104.1666666, True),
    ],
)
def test_deviation_is_relative_to_the_paper(
    value: float, paper: float, deviation: float, needs: bool
) -> None:
    assert row(value, paper).deviation_percent == approx(deviation)
    assert row(value, paper).needs_reason is needs


def test_nothing_to_compare_needs_no_reason_but_nan_does() -> None:
    assert row(1.0, None).deviation_percent is None
    assert not row(1.0, None).needs_reason
    assert not row(9.0, 1.0, given=True).needs_reason
    assert row(float("nan"), 1.0).needs_reason


def test_json_holds_no_nan() -> None:
    document = row(float("nan"), 1.0).as_json()
    assert document["value"] is None
    json.dumps(document, allow_nan=False)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (9513.0, "9513"),
        (0.0788, "0.0788"),
        (203.46, "203"),
        (1e-7, "1.00e-07"),
        (0.0, "0.000"),
        (4.8, "4.80"),
    ],
)
def test_three_significant_digits(number: float, text: str) -> None:
    assert shown(number) == text


@pytest.mark.parametrize(
    ("measured", "text"),
    [
        (Measured(188.74, 188.3, 189.12), "188.7 ± 0.4"),
        (Measured(188.74), "189"),
        (Measured(0.748, 0.748, 0.748), "0.748"),
        (Measured(0.748, 0.74799, 0.74801), "0.748"),
        (Measured(93.4, 70.0, 117.0), "93 ± 24"),
    ],
)
def test_interval_and_value_end_at_the_same_place(measured: Measured, text: str) -> None:
    assert shown_measured(measured) == text


def test_deviations_are_signed_and_large_ones_are_factors() -> None:
    assert shown_deviation(12.34) == "+12.3 %"
    assert shown_deviation(-12.34) == "-12.3 %"
    assert shown_deviation(-0.02) == "0.0 %"
    assert shown_deviation(1104.0) == "×12"
    assert shown_deviation(None) == ""
