"""Weights trained in software and written once into the arrays."""

from __future__ import annotations

import csv
import dataclasses
import functools
import itertools
import json
import math
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from neuro import kernel
from neuro.cli import app
from neuro.dataset import Dataset
from neuro.network import Network, Settings
from neuro.offline import classify, infer, program, software_run, weights_of
from neuro.synapse import Adc
from neuro.training import CompiledEngine, Run, train_all
from tests.near import approx
from tests.neuro.learning import faulty, mnist, published, short_mnist


@functools.cache
def software() -> Run:
    run = software_run(published("smtj"), Settings(images_per_epoch=8000), 0)
    train_all([run], some(), 2)
    return run


@functools.cache
def some() -> Dataset:
    full = mnist()
    return Dataset(full.train, full.test.head(2000), full.classes)


def test_weights_from_software_survive_real_cells() -> None:
    trained = software()
    before = trained.records[-1].accuracy
    assert before > 84.0
    assert sum(int(seen.counters[kernel.WRITE_ERRORS]) for seen in trained.network.events) == 0
    for name in ("smtj", "dmtj"):
        (found,) = classify([trained], published(name), Settings(adc=Adc(9, 1.0, "column")), some())
        assert before - 6.0 < found.accuracy < before + 1.0
        assert math.isnan(found.unclamped)
        assert found.software == before
    # The reference simulator's converter saturates: worse with the smaller ON/OFF ratio, harmless without.
    clamped = [
        classify([trained], published(name), Settings(model="neurosim"), some())[0]
        for name in ("smtj", "dmtj")
    ]
    assert clamped[0].accuracy < clamped[1].accuracy < before + 0.5
    assert abs(clamped[0].unclamped - before) < 1.5


@pytest.mark.parametrize("model", ["neurosim", "physical"])
def test_inference_agrees_with_the_examination_of_a_training(model: str) -> None:
    settings = Settings(model=model)
    network = Network(published("smtj"), settings)
    program(network, weights_of(software()))
    run = Run(published("smtj"), settings, 0)
    run.network = network
    assert infer([network], short_mnist())[0] == CompiledEngine(short_mnist()).examine([run])


def test_errors_of_writing_and_reading_come_at_their_rates() -> None:
    cell = faulty(published("smtj"), 1e-2, 1e-6)
    cell = dataclasses.replace(cell, spread=dataclasses.replace(cell.spread, ln_wer=0.0, ln_rdr=0.0))
    (found,) = classify([software()], cell, Settings(), some())
    written = found.programming[0].counters
    assert written[kernel.SET_FLIPS] + written[kernel.RESET_FLIPS] == 400 * 600
    # Half of the cells held the other bit before.
    expected = 0.5 * (2e-2 * written[kernel.SET_FLIPS] + 1e-2 * written[kernel.RESET_FLIPS])
    assert abs(written[kernel.WRITE_ERRORS] - expected) < 5 * math.sqrt(expected)
    read = found.inference[0]
    assert read.images == 2000
    assert read.active_rows == int(some().test.lit_count.sum())
    ones = int(written[kernel.SET_FLIPS]) / (400 * 600)
    expected = ones * read.active_rows * 600 * 1e-6
    assert 0.5 * expected < read.counters[kernel.DISTURBS] < 1.5 * expected
    errors = sum(int(e.counters[kernel.WRITE_ERRORS]) for e in found.programming)
    assert 0 < found.wrong <= errors + sum(int(e.counters[kernel.DISTURBS]) for e in found.inference)
    ideal = dataclasses.replace(cell, cell=dataclasses.replace(cell.cell, wer_0to1=0, wer_1to0=0, rdr=0))
    (clean,) = classify([software()], ideal, Settings(), some())
    assert clean.wrong == 0
    assert found.accuracy < clean.accuracy


def test_replicas_together_are_replicas_apart() -> None:
    runs = [software_run(published("dmtj"), Settings(images_per_epoch=300), replica) for replica in range(3)]
    train_all(runs, short_mnist(), 1)
    cell = faulty(published("dmtj"))
    together = classify(runs, cell, Settings(), short_mnist())
    for run, one in zip(runs, together, strict=True):
        (alone,) = classify([run], cell, Settings(), short_mnist())
        assert (alone.accuracy, alone.wrong, alone.replica) == (one.accuracy, one.wrong, one.replica)


def idx(path: Path, values: np.ndarray) -> None:
    header = bytes([0, 0, 8, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
    path.write_bytes(header + values.astype(np.uint8).tobytes())


@pytest.fixture
def corners(tmp_path: Path) -> Path:
    """A data set of another size and other classes: which corner of 12 x 12 pixels is bright."""
    random = np.random.default_rng(1)
    for stem, count in (("train", 300), ("t10k", 200)):
        labels = random.integers(0, 4, count)
        images = random.integers(0, 160, (count, 12, 12))
        for image, label in zip(images, labels, strict=True):
            row, column = 6 * (label // 2), 6 * (label % 2)
            image[row : row + 6, column : column + 6] += 90
        idx(tmp_path / f"{stem}-images-idx3-ubyte", images)
        idx(tmp_path / f"{stem}-labels-idx1-ubyte", labels)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "sizes"),
    [
        ("--model physical", [100, 12, 4]),
        ("--model neurosim", [100, 12, 4]),
        ("--model physical --optimizer momentum --batch 2", [144, 16, 8, 4]),
    ],
    ids=["physical", "neurosim", "full images, three arrays"],
)
def test_command_accounts_for_writing_once_and_reading(
    tmp_path: Path, corners: Path, words: str, sizes: list[int]
) -> None:
    layers = ",".join(map(str, sizes))
    options = f"--cells paper --cell dmtj/0.85 --epochs 2 --images 300 --replicas 2 --layers {layers}"
    output = ["--data-dir", str(corners), "--output", str(tmp_path / "c.h5"), "--json"]
    result = CliRunner().invoke(app, ["classify", *words.split(), *options.split(), *output])
    assert result.exit_code == 0, result.output
    cell = json.loads(result.stdout)["cells"]["dmtj"]["0.85"]
    shapes = list(itertools.pairwise(sizes))
    assert cell["cells"] == 6 * sum(rows * synapses for rows, synapses in shapes)
    assert len(cell["accuracy"]) == len(cell["software_accuracy"]) == 2
    assert min(cell["software_accuracy"]) > 60.0
    written, read = cell["programming"], cell["inference"]
    assert read["images"] == 200
    rows, pulse = sum(sizes[:-1]), 1.16e-9
    # A row at a time: SET and RESET phase, or one pulse as the reference simulator counts.
    phases = 2 if "physical" in words else 1
    assert written["write_latency_s"][0] == approx(phases * rows * pulse + len(shapes) * 0.25e-9)
    assert written["write_energy_J"][0] == approx(sum(written["write_energy_parts_J"][0].values()))
    if "physical" in words:
        assert written["set_pulses"][0] + written["reset_pulses"][0] == cell["cells"]
    else:
        # Every cell's read energy for every image, exactly.
        assert read["read_energy_parts_J"][0]["cells"] == approx(200 * cell["cells"] * 5.76e-15)
    with h5py.File(tmp_path / "c.h5") as file:
        assert file["accuracy"].shape == (1, 2)
        assert file["read_energy"].attrs["units"] == "J"
        assert np.array_equal(file["accuracy"][0], cell["accuracy"])
    lines = list(csv.DictReader((tmp_path / "c.csv").read_text().splitlines()))
    assert [float(line["accuracy_percent"]) for line in lines] == cell["accuracy"]


def test_a_failed_set_leaves_a_zero_and_a_failed_reset_a_one() -> None:
    weights = weights_of(software())
    for set_rate, reset_rate in ((0.5, 0.0), (0.0, 0.5)):
        cell = faulty(published("smtj"), 0.0, 0.0)
        rates = dataclasses.replace(cell.cell, wer_1to0=set_rate, wer_0to1=reset_rate)
        plain = dataclasses.replace(cell.spread, ln_wer=0.0)
        network = Network(dataclasses.replace(cell, cell=rates, spread=plain), Settings())
        events = program(network, weights)
        for place, array in enumerate(network.arrays):
            lost, gained = array.digits & ~array.actual, array.actual & ~array.digits
            wrong, none = (lost, gained) if set_rate else (gained, lost)
            assert not none.any()
            flips = int(np.unpackbits(wrong).sum())
            counters = events[place].counters
            assert flips == counters[kernel.WRITE_ERRORS] > 0
            # Half of the cells held the other bit before, and half of those fail.
            tried = counters[kernel.SET_FLIPS if set_rate else kernel.RESET_FLIPS]
            assert abs(flips - 0.25 * tried) < 5 * math.sqrt(0.1875 * tried)
            np.testing.assert_array_equal(array.current, network.currents(place, array.actual))


def test_programming_visits_every_row_and_batch_once() -> None:
    network = Network(published("smtj"), Settings())
    ones, zeros = np.ones((400, 100)), -np.ones((100, 10))
    first, second = (events.counters for events in program(network, [ones, zeros]))
    # 15 batches of seven synapses, ten of one.
    assert (first[kernel.WRITTEN_ROWS], first[kernel.WRITTEN_BATCHES]) == (400, 400 * 15)
    assert (second[kernel.WRITTEN_ROWS], second[kernel.WRITTEN_BATCHES]) == (100, 100 * 10)
    # Rows of ones need no RESET phase, rows of zeros no SET.
    assert (first[kernel.SET_ROWS], first[kernel.RESET_ROWS]) == (400, 0)
    assert (second[kernel.SET_ROWS], second[kernel.RESET_ROWS]) == (0, 100)
    assert (first[kernel.SET_FLIPS], second[kernel.RESET_FLIPS]) == (240000, 6000)
