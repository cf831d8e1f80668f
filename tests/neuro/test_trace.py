"""What a trace says, in JSON, HDF5 and CSV, against the events and costs it was made of."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from neuro import kernel
from neuro.accounting import CostModel
from neuro.network import Settings
from neuro.technology import bundled_technology
from neuro.trace import TableSpread, Trace, document, trace, write_csv, write_hdf5
from neuro.training import Run, train_all
from tests.near import approx
from tests.neuro.learning import faulty, published, short_mnist

ARRAYS = ("input_hidden", "hidden_output")
COSTS = ("read_latency_s", "write_latency_s", "read_energy_J", "write_energy_J")


@pytest.fixture(scope="module")
def found() -> Trace:
    """Two replicas of two epochs; no two counters and no two costs are alike."""
    cell, settings = faulty(published("smtj")), Settings(images_per_epoch=40)
    runs = [Run(cell, settings, replica) for replica in range(2)]
    train_all(runs, short_mnist(), 2, jobs=1)
    model = CostModel(bundled_technology().for_model("physical"), cell, settings.layers, 6, "physical")
    samples = np.linspace(1.0, 2.0, 1001)[:, None, None] * np.array([1.0, 2.0, 3.0, 4.0]) * np.ones((1, 2, 1))
    return replace(trace(model, runs), table=TableSpread(samples, []))


def test_the_files_hold_each_count_under_its_name(found: Trace, tmp_path: Path) -> None:
    (epochs,) = (variant["0.85"]["epochs"] for variant in document([found], 1.0)["cells"].values())
    write_hdf5([found], tmp_path / "t.h5", {})
    write_csv([found], tmp_path / "t.csv")
    lines = list(csv.DictReader((tmp_path / "t.csv").read_text().splitlines()))
    seen = set()
    with h5py.File(tmp_path / "t.h5") as file:
        for place, array in enumerate(ARRAYS):
            for replica, run in enumerate(found.runs):
                for epoch, record in enumerate(run.records):
                    counters = record.events[place].counters
                    for name, index in {
                        "set_flips": kernel.SET_FLIPS,
                        "reset_flips": kernel.RESET_FLIPS,
                        "changed_synapses": kernel.CHANGED,
                        "written_rows": kernel.WRITTEN_ROWS,
                        "written_batches": kernel.WRITTEN_BATCHES,
                        "write_errors": kernel.WRITE_ERRORS,
                        "disturbs": kernel.DISTURBS,
                    }.items():
                        count = int(counters[index])
                        assert epochs[epoch]["events"][array][name][replica] == count
                        assert file[name][0, replica, epoch, place] == count
                        assert int(lines[2 * replica + epoch][f"{array}_{name}"]) == count
                        seen.add(count)
    assert len(seen) > 20
    for place, array in enumerate(ARRAYS):
        both = [run.records[1].events[place].counters for run in found.runs]
        flips = sum(int(one[kernel.SET_FLIPS] + one[kernel.RESET_FLIPS]) for one in both)
        assert epochs[1]["cell_flips"][array] == flips


def test_the_files_hold_each_cost_under_its_name(found: Trace, tmp_path: Path) -> None:
    (epochs,) = (variant["0.85"]["epochs"] for variant in document([found], 1.0)["cells"].values())
    write_hdf5([found], tmp_path / "t.h5", {})
    write_csv([found], tmp_path / "t.csv")
    lines = list(csv.DictReader((tmp_path / "t.csv").read_text().splitlines()))
    with h5py.File(tmp_path / "t.h5") as file:
        for replica, costs in enumerate(found.costs):
            for epoch, cost in enumerate(costs):
                parts = (cost.read_latency, cost.write_latency, cost.read_energy, cost.write_energy)
                for name, part in zip(COSTS, parts, strict=True):
                    total = sum(part.values())
                    assert epochs[epoch][name][replica] == approx(total)
                    assert file[name.rpartition("_")[0]][0, replica, epoch] == approx(total)
                    assert float(lines[2 * replica + epoch][name]) == approx(total)
                assert epochs[epoch]["write_energy_parts_J"][replica] == cost.write_energy


def test_intervals_of_the_table_are_those_of_95_per_cent(found: Trace, tmp_path: Path) -> None:
    """Samples evenly from 1 to 2 times the number of the cost."""
    (epochs,) = (variant["0.85"]["epochs"] for variant in document([found], 1.0)["cells"].values())
    write_csv([found], tmp_path / "t.csv")
    (line, *_) = csv.DictReader((tmp_path / "t.csv").read_text().splitlines())
    for number, name in enumerate(COSTS, start=1):
        assert epochs[1]["table"][name] == approx([1.025 * number, 1.975 * number])
        ends = [float(line[f"{name}_table_{end}"]) for end in ("low", "high")]
        assert ends == approx([1.025 * number, 1.975 * number])
