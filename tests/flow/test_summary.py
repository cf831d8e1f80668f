"""Numbers with uncertainties, short enough for a column."""

from __future__ import annotations

import pytest

from flow.summary import summary, uncertain
from flow.table import BitcellTable, CellVariant, Quantity


@pytest.mark.parametrize(
    ("value", "half", "text"),
    [
        (9164.3, 28.1, "9164±28"),
        (0.80712, 0.0004, "0.8071(4)"),
        (16676.0, 57.0, "16680±60"),
        (212.5, 1.3, "212.5(13)"),
        (1.0e-7, 2.1e-9, "1.00(2)e-7"),
        (0.22004, 2e-5, "0.22"),
        (3.0, 0.0, "3"),
        (9.9999e-8, 7e-11, "1.000(1)e-7"),
        (1.0e-7, 9.6e-10, "1.00(1)e-7"),
        (1.0e-7, 9.6e-9, "1.0(1)e-7"),
        (3.0e-9, 2.9e-9, "3(3)e-9"),
        (0.0, 0.0, "0"),
        (-9164.3, 28.1, "-9164±28"),
    ],
)
def test_uncertain(value: float, half: float, text: str) -> None:
    assert uncertain(value, half) == text


def test_the_summary_shows_half_the_interval() -> None:
    quantities = {"r_on": Quantity(9164.3, "ohm", 9164.3 - 28.1, 9164.3 + 28.1)}
    view = summary(BitcellTable(cells={"cell": {"0.85": CellVariant(quantities=quantities)}}))
    assert [list(column.cells) for column in view.columns] == [["r_on"], ["ohm"], ["9164±28"]]
