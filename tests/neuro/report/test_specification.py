"""Limits of the cells' files: what passes, what fails, and that a failure cannot be overlooked."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from flow.table import BitcellTable, write_table
from neuro.report.bitcells import open_bitcells
from neuro.report.page import render
from neuro.report.paper import Paper
from neuro.report.results import Results
from neuro.report.sections import specification as part
from neuro.report.sections import status
from neuro.report.specification import Limited, specification
from tests.near import approx
from tests.neuro.report.material import CELLS, add_limits, bitcells, full_table, run, variant


def results(directory: Path, table: BitcellTable) -> Results:
    write_table(directory / "bitcells.h5", table)
    return Results(open_bitcells(directory / "bitcells.h5"), [run()], Paper(), [])


def rows(table: BitcellTable, cell: str = CELLS["smtj"]) -> dict[str, Limited]:
    return {row.quantity: row for row in specification(table) if row.cell == cell}


def test_every_limit_of_every_variant_is_there(tmp_path: Path) -> None:
    table = full_table()
    table.cells["1t1mtj_of_somebody"] = {"0.80": variant("smtj")}
    add_limits(table.cells["1t1mtj_of_somebody"]["0.80"])
    found = results(tmp_path, table)
    assert len(found.specification) == 3 * 6
    assert {row.verdict for row in found.specification} == {"pass"}
    section = part.section(found)
    assert "18 are met, 0 are violated" in section.text[0]
    assert 'href="#specification">which' not in render(found, [section])
    stored = table.cells[CELLS["smtj"]]["0.85"].quantities
    for document in found.as_json()["specification"]:
        if document["cell"] == CELLS["smtj"]:
            assert document["value"] == stored[document["quantity"]].value
            assert document["margin_percent"] == approx(100 * (1 - document["value"] / document["limit"]))


@pytest.mark.parametrize(
    ("limit", "quantity"),
    [({"wer": 5e-8}, "wer_0to1"), ({"rdr": 1e-10}, "rdr"), ({"write": 0.85}, "write_voltage_1to0")],
)
def test_a_tightened_limit_fails_loudly(tmp_path: Path, limit: dict[str, float], quantity: str) -> None:
    table = full_table()
    add_limits(table.cells[CELLS["smtj"]]["0.85"], **limit)
    found = results(tmp_path, table)
    failed = [row for row in found.specification if row.verdict == "fail"]
    assert quantity in {row.quantity for row in failed}
    assert {row.cell for row in failed} == {CELLS["smtj"]}
    assert all((row.margin_percent or 0.0) < 0.0 for row in failed)
    page = render(found, [status.section(found), part.section(found)])
    # In words, not by colour alone: in its row and at the top of the page.
    assert page.count("✗ FAIL") == len(failed)
    assert re.search(r'<p class="alarm">\d limits? of [^<]* violated: <a href="#specification">', page)


def test_an_interval_that_holds_the_limit_is_no_violation() -> None:
    table = full_table()
    add_limits(table.cells[CELLS["smtj"]]["0.85"], wer=0.985e-7)
    assert rows(table)["wer_0to1"].verdict == "pass"
    add_limits(table.cells[CELLS["smtj"]]["0.85"], wer=0.975e-7)
    assert rows(table)["wer_0to1"].verdict == "fail"
    # Without an interval the value itself counts.
    quantities = table.cells[CELLS["smtj"]]["0.85"].quantities
    quantities["wer_1to0"] = dataclasses.replace(quantities["wer_1to0"], ci_low=None, ci_high=None)
    add = dataclasses.replace(quantities["wer_limit"], value=0.99e-7)
    quantities["wer_limit"] = add
    assert rows(table)["wer_1to0"].verdict == "fail"


def test_what_was_not_measured_does_not_pass(tmp_path: Path) -> None:
    table = full_table()
    quantities = table.cells[CELLS["dmtj"]]["0.85"].quantities
    quantities["rdr"] = dataclasses.replace(quantities["rdr"], value=float("nan"), status="not_measured")
    del quantities["wer_0to1"]
    found = results(tmp_path, table)
    verdicts = {row.quantity: row.verdict for row in found.specification if row.cell == CELLS["dmtj"]}
    assert verdicts["rdr"] == verdicts["wer_0to1"] == "not measured"
    assert "2 could not be checked" in part.section(found).text[0]
    assert render(found, [part.section(found)]).count("? not measured") == 2


def test_a_table_without_limits_says_what_to_do(tmp_path: Path) -> None:
    section = part.section(Results(bitcells(tmp_path), [run()], Paper(), []))
    assert section.tables == ()
    assert "mtj-flow characterize" in section.text[0]
