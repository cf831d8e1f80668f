"""`mtj-neuro estimate`: the reference file in, its results out; mistakes told point by point."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flow.table import UserError
from neuro.array import estimate_documents
from neuro.cli import app
from tests.near import approx
from tests.neuro.designs import POINTS, REFERENCE


def run(document: object, tmp_path: Path, *options: str) -> Any:
    path = tmp_path / "designs.json"
    path.write_text(json.dumps(document))
    result = CliRunner().invoke(app, ["estimate", str(path), "--json", *options])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_reference_file_itself_is_an_input(tmp_path: Path) -> None:
    results = run(REFERENCE, tmp_path, "--model", "neurosim")
    assert len(results) == len(POINTS)
    for result, point in zip(results, POINTS, strict=True):
        assert result["area_m2"] == approx(point["result"]["area_m2"], rel=1e-9)
        assert result["read_batches"] == point["result"]["read_batches"]
        assert isinstance(result["read_batches"], int)
        assert set(result) == set(point["result"])


def test_the_physical_model_is_the_default(tmp_path: Path) -> None:
    designs = [point["design"] for point in POINTS]
    assert run(designs, tmp_path) == run(designs, tmp_path, "--model", "physical")
    assert run(designs[0], tmp_path) == run(designs[:1], tmp_path)


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("core.rows", 0, "core.rows"),
        ("core.rows", "400", "core.rows"),
        ("core.rows", True, "core.rows"),
        ("core.rows", None, "core.rows"),
        ("core.rows", float("nan"), "core.rows"),
        ("core.rows", 10**400, "core.rows"),
        ("core.rows", [400], "core.rows"),
        ("core.colour", 1, "core.colour"),
        ("core.relaxed_cell_width", 1, "core.relaxed_cell_width"),
        ("core.column_mux", 4096, "core.column_mux"),
        ("cell.r_access_ohm", 10.0, "cell.r_access_ohm"),
        ("cell", None, "cell"),
        ("technology.fin", {"height_m": 1e-8, "width_m": 1e-8}, "technology.fin.pitch_m"),
        ("technology.fin.pitch_m", float("-inf"), "technology.fin.pitch_m"),
        ("technology.vdd_V", -0.8, "technology.vdd_V"),
    ],
)
def test_a_bad_point_answers_with_its_error_and_the_others_with_results(
    path: str, value: object, field: str
) -> None:
    good = POINTS[0]["design"]
    bad: Any = copy.deepcopy(good)
    *parents, last = path.split(".")
    place = bad
    for parent in parents:
        place = place[parent]
    place[last] = value
    first, second, third = estimate_documents([good, bad, good], "neurosim")
    assert first == third
    assert "area_m2" in first
    assert set(second) == {"error", "field"}
    assert second["field"] == field
    assert second["error"].startswith("design point 1: ")


def test_a_missing_field_is_named() -> None:
    design = copy.deepcopy(POINTS[0]["design"])
    del design["cell"]["r_off_ohm"]
    assert estimate_documents([design])[0]["field"] == "cell.r_off_ohm"
    del design["core"]
    assert estimate_documents([design])[0]["field"] == "core"
    assert estimate_documents([3])[0]["field"] == "design"
    assert estimate_documents([]) == []


def test_names_stand_for_technologies_and_cells(tmp_path: Path) -> None:
    design = {"technology": "28nm", "cell": "smtj", "core": {"rows": 400, "synapses": 100}}
    (result,) = run([design], tmp_path, "--model", "neurosim")
    # The published SMTJ array of 28 nm: 0.0788 mm2 for both cores, of which this is the larger.
    assert 0.07e-6 < result["area_m2"]["total"] < 0.0788e-6


def test_the_table_for_people(tmp_path: Path) -> None:
    path = tmp_path / "designs.json"
    path.write_text(json.dumps([POINTS[0]["design"], 7]))
    result = CliRunner().invoke(app, ["estimate", str(path)])
    assert result.exit_code == 0
    assert "design point 1" in result.stderr


def test_files_that_are_no_list_of_designs(tmp_path: Path) -> None:
    for text, words in (("[1,", "JSON"), ("3", "list"), ('{"points": 3}', "list")):
        path = tmp_path / "designs.json"
        path.write_text(text)
        result = CliRunner().invoke(app, ["estimate", str(path)])
        assert isinstance(result.exception, UserError)
        assert words in str(result.exception)
        assert "designs.json" in str(result.exception)
    missing = CliRunner().invoke(app, ["estimate", str(tmp_path / "none.json")])
    assert isinstance(missing.exception, UserError)
