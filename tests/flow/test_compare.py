"""Comparing tables: what counts as moved, and the exit code that CI sees."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from flow.characterize import previous
from flow.cli import app
from flow.compare import compare
from flow.errors import UserError
from flow.table import BitcellTable, CellVariant, Quantity, known, write_table
from tests.conftest import ROOT, Run
from tests.near import approx


def table(**quantities: Quantity) -> BitcellTable:
    feature = {"feature_size": known("feature_size", 28e-9)}
    return BitcellTable(cells={"cell": {"0.85": CellVariant(quantities={**feature, **quantities})}})


def volt(value: float, half: float | None = None, status: str = "ok") -> Quantity:
    if half is None:
        return Quantity(value, "V", status=status)
    return Quantity(value, "V", value - half, value + half, status=status)


def test_equal_tables_do_not_differ() -> None:
    one = table(read_voltage=volt(0.3, 0.01), r_on=Quantity(9e3, "ohm"))
    assert compare(one, one).changes == []


@pytest.mark.parametrize(
    ("before", "after", "beyond"),
    [
        (volt(0.30, 0.01), volt(0.31, 0.01), False),
        (volt(0.30, 0.01), volt(0.33, 0.01), True),
        (volt(0.30), volt(0.30001), True),
        (volt(0.30), volt(0.30 * (1 + 1e-9)), False),
        (volt(0.30, 0.05), volt(0.33), False),
        (volt(0.30, 0.05), volt(0.30, 0.05, status="not_converged"), True),
        # Independent errors of 0.01 each add up to 0.0141.
        (volt(0.30, 0.01), volt(0.3138, 0.01), False),
        (volt(0.30, 0.01), volt(0.3145, 0.01), True),
        # An interval is as long as it is on the side of the other value.
        (Quantity(0.30, "V", 0.299, 0.35), volt(0.33), False),
        (Quantity(0.30, "V", 0.25, 0.301), volt(0.33), True),
        (Quantity(0.30, "V", 0.25, 0.301), volt(0.27), False),
        (Quantity(0.30, "V", 0.299, 0.35), volt(0.27), True),
        (volt(0.30), volt(0.30 * (1 + 3e-6)), True),
    ],
)
def test_a_change_counts_if_it_exceeds_both_intervals(
    before: Quantity, after: Quantity, beyond: bool
) -> None:
    (change,) = compare(table(read_voltage=before), table(read_voltage=after)).changes
    assert change.beyond is beyond
    assert change.where == "cell/0.85"


def test_what_appears_or_disappears_is_told() -> None:
    found = compare(table(read_voltage=volt(0.3)), table(r_on=Quantity(9e3, "ohm")))
    assert [(change.name, change.relative, change.beyond) for change in found.changes] == [
        ("read_voltage", None, True),
        ("r_on", None, True),
    ]


def test_a_relative_change_has_the_sign_of_the_change() -> None:
    for before, after, expected in (
        (0.2, 0.3, 0.5),
        (-0.2, -0.1, 0.5),
        (-0.2, -0.3, -0.5),
        (0.2, -0.2, -2.0),
    ):
        (change,) = compare(table(x=volt(before)), table(x=volt(after))).changes
        assert change.relative == approx(expected)


def test_a_card_that_is_new_or_gone_is_told() -> None:
    with_card = replace(table(), technologies={"finfet28": {"vdd": known("vdd", 0.8)}})
    for before, after in ((table(), with_card), (with_card, table())):
        (change,) = compare(before, after).changes
        assert (change.where, change.name, change.beyond) == ("technology/finfet28", "vdd", True)


def test_changed_inputs_are_named() -> None:
    before, after = table(), table()
    before.provenance = {"sha256:a.cir": "1", "tool:ngspice": "46", "tool:openvaf": "1", "command": "x"}
    after.provenance = {"sha256:a.cir": "2", "tool:ngspice": "46", "tool:openvaf": "2", "command": "y"}
    assert compare(before, after).inputs == ["sha256:a.cir", "tool:openvaf"]


@given(
    a=st.floats(1e-3, 1e3),
    b=st.floats(1e-3, 1e3),
    half_a=st.floats(0, 10),
    half_b=st.floats(0, 10),
)
def test_direction_does_not_matter(a: float, b: float, half_a: float, half_b: float) -> None:
    one, two = table(read_voltage=volt(a, half_a)), table(read_voltage=volt(b, half_b))
    forth, back = compare(one, two).beyond, compare(two, one).beyond
    assert len(forth) == len(back)


def test_exit_codes(tmp_path: Path, run: Run) -> None:
    old, same, moved = (tmp_path / name for name in ("old.h5", "same.h5", "moved.h5"))
    base = table(read_voltage=volt(0.30, 0.01))
    write_table(old, base)
    write_table(same, replace(base, title="another title"))
    write_table(moved, table(read_voltage=volt(0.40, 0.01)))
    assert run(ROOT, "flow", "compare", str(old), str(same)).returncode == 0
    done = run(ROOT, "flow", "compare", str(old), str(moved), "--json")
    assert done.returncode == 2
    document = json.loads(done.stdout)
    assert document["beyond_interval"] == 1
    assert document["changes"][0]["relative"] == approx(1 / 3)
    missing = run(ROOT, "flow", "compare", str(old), str(tmp_path / "none.h5"))
    assert missing.returncode == 1
    assert "none.h5" in missing.stderr


def test_without_names_the_last_run_is_compared_with_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compare_all() -> Result:
        return CliRunner().invoke(app, ["compare", "--json"])

    for name in ("spice", "veriloga"):
        (tmp_path / name).mkdir()
    tables = tmp_path / "build" / "tables"
    tables.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    write_table(tables / "bitcells.h5", table(read_voltage=volt(0.40, 0.01)))
    first = compare_all()
    assert isinstance(first.exception, UserError)
    assert "no earlier table to compare with" in str(first.exception)
    write_table(previous(tables / "bitcells.h5"), table(read_voltage=volt(0.30, 0.01)))
    assert compare_all().exit_code == 2
    write_table(previous(tables / "bitcells.h5"), table(read_voltage=volt(0.405, 0.01)))
    within = compare_all()
    assert within.exit_code == 0
    assert json.loads(within.stdout)["changes"][0]["beyond_interval"] is False


def test_a_number_that_failed_is_beyond_any_interval_and_valid_json(tmp_path: Path) -> None:
    old, new = tmp_path / "old.h5", tmp_path / "new.h5"
    write_table(old, table(read_voltage=volt(float("nan"), status="not_converged")))
    write_table(new, table(read_voltage=volt(0.3, 0.01)))
    done = CliRunner().invoke(app, ["compare", str(old), str(new), "--json"])
    assert done.exit_code == 2
    (change,) = json.loads(done.stdout, parse_constant=pytest.fail)["changes"]
    assert (change["before"]["value"], change["relative"]) == (None, None)


def test_people_see_what_matters_first(tmp_path: Path, run: Run) -> None:
    old, new = tmp_path / "old.h5", tmp_path / "new.h5"
    write_table(
        old,
        table(r_on=Quantity(9e3, "ohm", 8.9e3, 9.1e3), r_on_sd=Quantity(600.0, "ohm", long_name="spread")),
    )
    write_table(
        new,
        table(r_on=Quantity(9.9e3, "ohm", 9.8e3, 1e4), r_on_sd=Quantity(700.0, "ohm", long_name="spread")),
    )
    short = run(ROOT, "flow", "compare", str(old), str(new)).stdout
    assert "cell/0.85" in short
    assert ["r_on", "9000±100", "9900±100", "ohm", "+10.00", "%"] in [
        line.split() for line in short.splitlines()
    ]
    assert "r_on_sd" not in short
    assert "2 moved beyond their intervals (1 of them, and those within, only with --all)" in short
    assert "r_on_sd" in run(ROOT, "flow", "compare", str(old), str(new), "--all").stdout
