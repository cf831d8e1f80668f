"""The array estimate against simulated columns: formulas by themselves, and the stored SPICE figures."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flow.table import BitcellTable, UserError, open_table, write_table
from neuro.analog_kernel import behind_wire, wire_loss
from neuro.truth import (
    FIGURES,
    LIMIT,
    Comparison,
    behind,
    compare,
    settling_time,
    shared_wire_current,
)
from tests.conftest import Run
from tests.near import approx

COLUMNS = Path(__file__).parents[1] / "reference" / "columns.h5"
"""Columns of both cells with 8 to 256 rows, by `mtj-flow column`."""
ROWS = (8, 16, 32, 64, 128, 256)


@pytest.fixture(scope="module")
def found() -> list[Comparison]:
    return compare(COLUMNS)


def _of(found: list[Comparison], figure: str, keep: Callable[[Comparison], bool]) -> list[Comparison]:
    chosen = [item for item in found if item.figure == figure and keep(item)]
    assert {item.cell for item in chosen} == {"2t1mtj_rc_smtj", "2t1mtj_sc_dmtj"}
    return chosen


def _active(item: Comparison) -> int:
    return int(item.condition.split()[0])


@given(
    cells=st.integers(20, 60),
    conductance=st.floats(1e-6, 1e-3),
    wire=st.floats(1e-3, 1e3),
)
def test_the_shared_wire_is_a_ladder(cells: int, conductance: float, wire: float) -> None:
    """Node equations of the ladder: with many cells it becomes the even line."""
    g = cells / wire
    matrix = np.diag(np.full(cells, 2 * g + conductance / cells))
    matrix[-1, -1] -= g
    matrix -= np.diag(np.full(cells - 1, g), 1) + np.diag(np.full(cells - 1, g), -1)
    voltage = np.linalg.solve(matrix, np.full(cells, conductance / cells))
    exact = g * voltage[0]
    # A lump at the end of each piece of wire sees half a piece more than the even line.
    assert shared_wire_current(1.0, conductance, wire * (1 + 1.5 / cells)) == approx(exact, rel=1e-2)


def test_limits_of_the_formulas() -> None:
    assert shared_wire_current(0.1, 1e-3, 0.0) == approx(1e-4)
    # Of a long line only the first sqrt(R/G) counts.
    assert shared_wire_current(1.0, 1.0, 1e4) == approx(math.sqrt(1.0 / 1e4), rel=1e-6)
    assert behind(1.0, 1e-3, 1000.0) == approx(0.5e-3)
    assert settling_time(100.0, 1e-15, 2e-15, 0.0, 0.0) == approx(math.log(10) * 0.5e-12)


def test_every_figure_of_every_column_is_there(found: list[Comparison]) -> None:
    for figure in FIGURES:
        for rows in ROWS:
            _of(found, figure, lambda item, rows=rows: item.rows == rows)  # type: ignore[misc]
    assert all(math.isfinite(item.deviation) and item.spice > 0 for item in found)


@pytest.mark.parametrize("figure", [figure for figure in FIGURES if figure != "write_energy"])
def test_the_estimate_agrees_with_every_column(found: list[Comparison], figure: str) -> None:
    items = _of(found, figure, lambda item: True)
    assert len(items) >= 24
    assert [item for item in items if not item.agrees] == []
    # The refined formula differs by simulated resistances only, so it cannot be far from the estimate.
    limit = 0.05 if figure in ("read_current", "line_energy", "write_energy_strong") else 0.1
    assert all(abs(item.refined_deviation) < limit for item in items)


def test_the_shared_wire_matters_where_many_rows_are_active(found: list[Comparison]) -> None:
    """Without the wire the current of 256 active rows would be a third too high: the agreement is earned."""
    for item in _of(found, "read_current", lambda item: item.rows == 256 and _active(item) == 256):
        single = next(
            other
            for other in found
            if other.cell == item.cell and other.figure == item.figure and other.rows == 8
            if _active(other) == 8
        )
        assert 32 * single.spice > 1.25 * item.spice
        assert item.estimate == approx(item.spice, rel=0.05)


def test_the_driver_of_the_reference_model_costs_more_than_the_cell(found: list[Comparison]) -> None:
    """Half an ON cell in series: SPICE draws more than the estimate, and the formula says how much."""
    for item in _of(found, "write_energy", lambda item: True):
        assert item.deviation < 0.0
        assert abs(item.refined_deviation) < LIMIT
    assert min(item.deviation for item in found if item.figure == "write_energy") < -0.35


@settings(deadline=None)  # the first call compiles
@given(current=st.floats(0.0, 1.0), loss=st.floats(0.0, 12.0))
def test_the_networks_quotient_is_the_line(current: float, loss: float) -> None:
    """G R up to ten times that of any column here; and no wire at all changes no bit."""
    exact = shared_wire_current(1.0, current, loss / current) if current > 1e-6 else current
    if current > 1e-6:
        assert wire_loss(current, loss / current) == approx(exact, rel=2e-3)
    assert wire_loss(current, 0.0) == current
    assert float(behind_wire(current, loss)) == wire_loss(current, loss)


def test_a_table_without_columns_is_refused(tmp_path: Path) -> None:
    table = open_table(COLUMNS)
    for variants in table.cells.values():
        for content in variants.values():
            content.samples = {}
    path = tmp_path / "empty.h5"
    write_table(path, BitcellTable(table.technologies, table.cells))
    with pytest.raises(UserError, match="mtj-flow column"):
        compare(path)


def test_the_command_prints_one_document(run: Run, tmp_path: Path, found: list[Comparison]) -> None:
    done = run(tmp_path, "neuro", "truth", "--columns", str(COLUMNS), "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert len(document) == len(found)
    assert document[0]["deviation"] == approx(found[0].deviation)
    failed = run(tmp_path, "neuro", "truth", "--columns", "nowhere.h5", "--json")
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["file"] == "nowhere.h5"
