"""`mtj-neuro train`: what people and machines get from the command."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from flow.table import UserError
from neuro.cli import app
from tests.near import approx
from tests.neuro.learning import REFERENCE, published, recorded


def run(directory: Path, *words: str) -> Any:
    options = ["--output", str(directory / "t.h5"), "--checkpoints", str(directory / "kept")]
    return CliRunner().invoke(app, ["train", *words, *options])


def test_json_document_has_the_agreed_shape(tmp_path: Path) -> None:
    words = "--cells paper --model neurosim --rng libc --epochs 2 --json --cell smtj/0.85 --cell dmtj/0.85"
    result = run(tmp_path, *words.split())
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert {"cells", "seconds", "train_seconds_per_epoch"} <= set(document)
    assert "training" in result.stderr
    for name in ("smtj", "dmtj"):
        variant = document["cells"][name]["0.85"]
        assert variant["area_m2"] > 0.0
        assert [epoch["epoch"] for epoch in variant["epochs"]] == [1, 2]
        accuracy = [round(epoch["accuracy"][0], 2) for epoch in variant["epochs"]]
        assert accuracy == REFERENCE["accuracy"][name][:2]
        first, second = variant["epochs"]
        flips = REFERENCE["epochs_1"][name]["flips"]
        assert first["cell_flips"] == {"input_hidden": flips[0], "hidden_output": flips[1]}
        for key in ("read_latency_s", "write_latency_s", "read_energy_J", "write_energy_J"):
            assert 0.0 < first[key][0] < second[key][0]
    assert not (tmp_path / "kept").exists() or not list((tmp_path / "kept").iterdir())


def test_traces_in_hdf5_and_csv(tmp_path: Path) -> None:
    words = "--cells paper --cell dmtj --epochs 2 --images 200 --replicas 2 --seed 9 --jobs 1"
    result = run(tmp_path, *words.split())
    assert result.exit_code == 0, result.output
    assert "dmtj/0.80" in result.stdout
    content = recorded(tmp_path / "t.h5")
    with h5py.File(tmp_path / "t.h5") as file:
        assert file["accuracy"].shape == (2, 2, 2)
        assert file["set_flips"].shape == (2, 2, 2, 2)
        assert [dim.keys()[0] for dim in file["set_flips"].dims] == ["cell", "replica", "epoch", "array"]
        assert file["read_energy"].attrs["units"] == "J"
        energy, accuracy = file["write_energy"][()], file["accuracy"][()]
    lines = list(csv.DictReader((tmp_path / "t.csv").read_text().splitlines()))
    assert len(lines) == 8
    assert [float(line["write_energy_J"]) for line in lines] == energy.ravel().tolist()
    assert [float(line["accuracy_percent"]) for line in lines] == accuracy.ravel().tolist()
    assert run(tmp_path, *words.split(), "--jobs", "2").exit_code == 0
    assert recorded(tmp_path / "t.h5") == content


def test_own_cells_from_a_file(tmp_path: Path) -> None:
    block = {
        "name": "mine",
        "width_F": 30,
        "height_F": 7,
        "r_on_ohm": 9513,
        "r_off_ohm": 16390,
        "r_access_ohm": 3829,
        "read_voltage_V": 0.338,
        "ltp_voltage_V": 0.898,
        "ltd_voltage_V": 0.788,
        "write_pulse_s": 3.39e-9,
        "read_energy_J": 20.9e-15,
    }
    path = tmp_path / "cells.json"
    path.write_text(json.dumps([block]))
    words = f"--cells {path} --rng libc --epochs 1 --json"
    neurosim = json.loads(run(tmp_path, *words.split(), "--model", "neurosim").stdout)
    epoch = neurosim["cells"]["mine"]["default"]["epochs"][0]
    assert round(epoch["accuracy"][0], 2) == REFERENCE["accuracy"]["smtj"][0]
    assert epoch["read_energy_J"][0] > 8000 * 246000 * 20.9e-15
    physical = json.loads(run(tmp_path, *words.split(), "--images", "500").stdout)
    assert physical["cells"]["mine"]["default"]["epochs"][0]["write_energy_J"][0] > 0.0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--cells paper --cell other", "no cell 'other'"),
        ("--cells paper --layers 400,x,10", "layers"),
        ("--cells paper --layers 401,100,10", "square window"),
        ("--cells paper --data-dir /nonexistent", "mtj-flow setup"),
        ("--cells paper --model ideal", "model"),
        ("--cells paper --engine magic", "engine"),
        ("--cells paper --engine compiled --batch 2", "compiled"),
        ("--cells /nonexistent.json", "no such file"),
        ("--tables /nonexistent.h5", "nonexistent.h5"),
    ],
)
def test_wrong_options_are_one_clear_error(tmp_path: Path, words: str, message: str) -> None:
    result = run(tmp_path, *words.split(), "--epochs", "1", "--images", "10")
    assert isinstance(result.exception, UserError)
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"r_off_ohm": 1.0}, "r_off_ohm"),
        ({"name": None}, "name"),
        ({"spread": {"luck": 1.0}}, "spread"),
        ({"spread": {"tmr": -1.0}}, "spread.tmr"),
        ({"colour": 1}, "colour"),
        ({"r_on_ohm": "many"}, "r_on_ohm"),
    ],
)
def test_wrong_cells_name_file_and_key(tmp_path: Path, change: dict[str, object], message: str) -> None:
    from neuro.cells import cells_from_file

    block: dict[str, object] = {
        "name": "mine",
        **dict.fromkeys(("width_F", "height_F", "r_access_ohm", "read_voltage_V", "write_pulse_s"), 1.0),
        **{"r_on_ohm": 1e4, "r_off_ohm": 2e4, "ltp_voltage_V": 1.0, "ltd_voltage_V": 1.0},
    }
    path = tmp_path / "c.json"
    path.write_text(json.dumps([block]))
    assert cells_from_file(path)[0].resistances == (10001.0, 20001.0)
    path.write_text(json.dumps([{**block, **change}]))
    with pytest.raises(UserError, match=message) as caught:
        cells_from_file(path)
    assert caught.value.file == str(path)


def test_published_cells_keep_their_figures() -> None:
    for name, ratio, pulse in (("smtj", 1.91, 128e-3), ("dmtj", 1.88, 55.4e-3)):
        thin = published(name, "0.80").cell
        assert float(thin.r_off_ohm) / float(thin.r_on_ohm) == approx(ratio, rel=1e-4)
        assert 120000 * (500 * float(thin.write_pulse_s) + 0.5e-9) == approx(pulse, rel=1e-5)
    assert np.isclose(published("smtj").cell.width_F * published("smtj").cell.height_F, 231.0)


def test_table_replicas_need_a_table(tmp_path: Path) -> None:
    result = run(tmp_path, *["--cells", "paper", "--table-replicas", "2", "--epochs", "1", "--images", "10"])
    assert isinstance(result.exception, UserError)
    assert "table_replicas" in str(result.exception)


def test_cell_energy_of_reading_is_images_times_cells_times_energy() -> None:
    """Exactly, whatever the images: 400 x 100 and 100 x 10 synapses of 6 cells."""
    from fractions import Fraction

    from neuro.accounting import CostModel
    from neuro.network import Settings
    from neuro.technology import bundled_technology
    from neuro.training import Run, train_all
    from tests.neuro.learning import short_mnist

    cell, settings = published("dmtj"), Settings(model="neurosim", images_per_epoch=77)
    one = Run(cell, settings, 0)
    train_all([one], short_mnist(), 1)
    charged = CostModel(bundled_technology().for_model("neurosim"), cell, settings.layers, 6, "neurosim")
    costs = charged.costs(one.records[0].events)
    energy = float(cell.cell.read_energy_J)
    exact = [Fraction(77 * cells) * Fraction(energy) for cells in (240000, 6000)]
    assert costs.read_energy["cells"] == float(exact[0]) + float(exact[1])
    assert costs.write_latency["rows"] == approx(77 * (500 * 1.16e-9 + 0.5e-9), rel=1e-12)


def test_a_shorter_training_does_not_take_over_a_longer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an interrupted training of more epochs left is of another run."""
    options = "--cells paper --cell dmtj/0.85 --images 100 --checkpoint-seconds 0 --jobs 1 --json"
    words = options.split()
    monkeypatch.setattr("neuro.checkpoint.Checkpoints.forget", lambda self, runs: None)
    assert run(tmp_path, *words, "--epochs", "2").exit_code == 0
    short = run(tmp_path, *words, "--epochs", "1")
    assert "unfinished" not in short.stderr
    assert len(json.loads(short.stdout)["cells"]["dmtj"]["0.85"]["epochs"]) == 1
    # One that is not yet so far goes on.
    assert "unfinished" in run(tmp_path, *words, "--epochs", "2").stderr
