"""Table II from a table."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from flow.table import BitcellTable, Quantity, UserError, known, write_table
from neuro.report.bitcells import measured, open_bitcells, statistics_of, table_2
from neuro.report.paper import Paper
from tests.near import approx
from tests.neuro.report.material import CELLS, bitcells, variant


def test_the_papers_own_figures_deviate_only_where_it_contradicts_itself(tmp_path: Path) -> None:
    rows = table_2(bitcells(tmp_path), Paper())
    far = {(row.device, row.quantity) for row in rows if row.needs_reason}
    assert far == {("dmtj", "write_energy")}
    ratio = next(row for row in rows if (row.device, row.quantity) == ("smtj", "on_off"))
    assert ratio.measured.value == approx(16390 / 9513)
    assert ratio.paper == 1.79


def test_pulses_are_inputs_and_prove_nothing(tmp_path: Path) -> None:
    rows = table_2(bitcells(tmp_path), Paper())
    assert {row.quantity for row in rows if row.given} == {"read_pulse", "write_pulse"}
    assert all(row.deviation_percent is None for row in rows if row.given)


def test_both_readings_of_the_misprinted_write_energy_are_shown(tmp_path: Path) -> None:
    rows = {row.quantity: row for row in table_2(bitcells(tmp_path), Paper()) if row.device == "dmtj"}
    assert rows["write_energy"].deviation_percent == approx(900.0)
    assert rows["write_energy_meant"].deviation_percent == approx(0.0, abs=1e-9)


def test_intervals_come_in_display_units_and_reach_the_ratio() -> None:
    content = variant("smtj", interval=0.01)
    energy = measured(content, "write_energy")
    assert energy is not None
    assert (energy.value, energy.low, energy.high) == approx((185.0, 183.15, 186.85))
    ratio = measured(content, "on_off")
    assert ratio is not None
    assert ratio.low is not None
    # Two relative half widths of 1 %, in quadrature.
    assert (ratio.value - ratio.low) / ratio.value == approx(0.01 * 2**0.5)


def test_a_quantity_that_was_not_measured_is_left_out() -> None:
    content = variant("smtj")
    old = content.quantities["read_voltage"]
    content.quantities["read_voltage"] = dataclasses.replace(old, value=float("nan"), status="not_measured")
    assert measured(content, "read_voltage") is None
    assert measured(content, "no_such") is None


def test_a_table_without_one_of_the_junctions_is_refused(tmp_path: Path) -> None:
    table = BitcellTable(history="h", references="r")
    table.cells[CELLS["smtj"]] = {"0.85": variant("smtj")}
    write_table(tmp_path / "half.h5", table)
    with pytest.raises(UserError, match="dmtj"):
        open_bitcells(tmp_path / "half.h5")


def test_a_table_without_the_papers_oxide_is_refused(tmp_path: Path) -> None:
    table = BitcellTable(history="h", references="r")
    for device, name in CELLS.items():
        table.cells[name] = {"0.80": variant(device)}
    write_table(tmp_path / "thin.h5", table)
    with pytest.raises(UserError, match=r"0\.85"):
        open_bitcells(tmp_path / "thin.h5")


def test_one_pulse_serves_both_directions_so_the_slower_counts() -> None:
    for slow, fast in (("0to1", "1to0"), ("1to0", "0to1")):
        content = variant("smtj")
        for way, pulse in ((slow, 3e-9), (fast, 2e-9)):
            content.quantities[f"write_pulse_at_given_voltage_{way}"] = Quantity(pulse, "s")
        found = measured(content, "write_pulse_published")
        assert found is not None
        assert found.value == approx(3.0)


def test_a_population_has_mean_error_rates_of_both_directions() -> None:
    for present in ((), ("wer_0to1",), ("wer_1to0",), ("wer_0to1", "wer_1to0")):
        content = variant("smtj")
        content.quantities |= {name: known(name, 1e-7) for name in present}
        assert statistics_of(content) == ("population" if len(present) == 2 else "nominal")
