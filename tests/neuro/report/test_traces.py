"""Reading traces: what is taken, and what is refused in one line."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from flow.table import UserError, digest
from neuro.report.bitcells import Bitcells
from neuro.report.traces import outdated, read_traces
from tests.neuro.report.material import bitcells, run, write_trace


@pytest.fixture
def cells(tmp_path: Path) -> Bitcells:
    return bitcells(tmp_path)


def test_a_trace_comes_back_with_epochs_first(tmp_path: Path, cells: Bitcells) -> None:
    written = [run("smtj"), run("dmtj")]
    write_trace(tmp_path / "t" / "training.h5", written)
    found = {one.device: one for one in read_traces(tmp_path / "t", cells)}
    for one in written:
        assert found[one.device].epochs == 15
        assert found[one.device].replicas == 3
        np.testing.assert_array_equal(found[one.device].accuracy, one.accuracy)
        np.testing.assert_array_equal(found[one.device].write_energy_J, one.write_energy_J)
        assert found[one.device].area_m2 == one.area_m2
        assert found[one.device].statistics == "nominal"
        # The area was made up, so no breakdown may be shown for it.
        assert found[one.device].area_parts_m2 == {}


def test_the_younger_of_two_traces_counts(tmp_path: Path, cells: Bitcells) -> None:
    old = write_trace(tmp_path / "t" / "z_old.h5", [run(replicas=2)])
    write_trace(tmp_path / "t" / "a_new.h5", [run(replicas=5)])
    os.utime(old, (1.0, 1.0))
    (found,) = read_traces(tmp_path / "t", cells)
    assert found.replicas == 5


def test_traces_older_than_the_table_are_noted(tmp_path: Path, cells: Bitcells) -> None:
    trace = write_trace(tmp_path / "t" / "training.h5", [run()])
    assert outdated(tmp_path / "t", cells) == []
    os.utime(trace, (1.0, 1.0))
    (note,) = outdated(tmp_path / "t", cells)
    assert str(trace) in note
    assert "mtj-neuro train" in note


def test_a_trace_that_names_its_table_is_believed(tmp_path: Path, cells: Bitcells) -> None:
    path = tmp_path / "t" / "training.h5"
    os.utime(write_trace(path, [run()], table_content_sha256=digest(cells.table)), (1.0, 1.0))
    assert outdated(tmp_path / "t", cells) == []
    write_trace(path, [run()], table_content_sha256="0" * 64)
    assert len(outdated(tmp_path / "t", cells)) == 1
    # The published cells do not come from a table.
    write_trace(path, [run(cell="smtj")], table_content_sha256="0" * 64)
    assert outdated(tmp_path / "t", cells) == []


def test_published_cells_are_kept_apart_and_do_not_suffice(tmp_path: Path, cells: Bitcells) -> None:
    write_trace(tmp_path / "t" / "paper.h5", [run(cell="smtj"), run("dmtj", cell="dmtj")])
    with pytest.raises(UserError, match="mtj-neuro train"):
        read_traces(tmp_path / "t", cells)
    write_trace(tmp_path / "t" / "ours.h5", [run(), run(cell="some_other_cell")])
    found = read_traces(tmp_path / "t", cells)
    assert sorted((one.source, one.device) for one in found) == [
        ("published", "dmtj"),
        ("published", "smtj"),
        ("table", "smtj"),
    ]


def test_missing_traces_say_how_to_make_them(tmp_path: Path, cells: Bitcells) -> None:
    for place in (tmp_path / "nowhere", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(UserError, match="mtj-neuro train"):
            read_traces(place, cells)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:3000])


def _edit(path: Path, change: str) -> None:
    with h5py.File(path, "a") as file:
        if change == "schema":
            file.attrs["schema_name"] = "something"
        elif change == "unit":
            file["accuracy"].attrs["units"] = "1"
        elif change == "shape":
            values = file["accuracy"][()][:, :1]
            del file["accuracy"]
            file["accuracy"] = values
        elif change == "nan":
            file["write_energy"][0, 0, 3] = np.nan
        elif change == "missing":
            del file["area"]
        elif change == "settings":
            file.attrs["settings"] = "{"


@pytest.mark.parametrize("change", ["truncate", "schema", "unit", "shape", "nan", "missing", "settings"])
def test_a_bad_trace_is_one_error_that_names_the_file(tmp_path: Path, cells: Bitcells, change: str) -> None:
    path = write_trace(tmp_path / "t" / "bad.h5", [run()])
    _truncate(path) if change == "truncate" else _edit(path, change)
    with pytest.raises(UserError) as caught:
        read_traces(tmp_path / "t", cells)
    assert caught.value.file == str(path)
    assert "\n" not in str(caught.value)
