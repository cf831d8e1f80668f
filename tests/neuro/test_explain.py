"""From every number of the report back to its origin, and numbers again."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flow.table import UserError, known, open_table, write_table
from neuro.cli import app
from neuro.explain.address import addresses, find, numbers
from neuro.explain.command import training_command
from neuro.explain.explanation import explain
from neuro.explain.published import published
from neuro.explain.replay import replay
from neuro.explain.report import Report, open_report
from neuro.explain.trace_file import open_trace
from neuro.report.page import render
from neuro.report.paper import Paper
from neuro.report.sections import sections
from tests.conftest import Run
from tests.near import approx
from tests.neuro.report.material import CELLS, write_trace
from tests.neuro.report.material import run as run_of
from tests.neuro.tables import write_cells

SMALL = ["--epochs", "2", "--images", "40", "--replicas", "2", "--seed", "5"]


def train(folder: Path, name: str, *words: str) -> None:
    """Traces of a small training, by the command itself: its trace names the command."""
    arguments = ["train", *SMALL, *words, "--output", str(folder / "traces" / name), "--checkpoints", "kept"]
    done = subprocess.run(
        [sys.executable, "-m", "neuro", *arguments],
        cwd=folder,
        env=os.environ | {"TERM": "dumb"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A report on hand-made cells, really trained; the published cells with hand-made traces."""
    folder = tmp_path_factory.mktemp("report")
    table = write_cells(folder / "cells.h5")
    train(folder, "physical.h5", "--tables", "cells.h5")
    write_trace(folder / "traces" / "paper.h5", [run_of(device, cell=device) for device in CELLS])
    return open_report(table, folder / "traces")


def test_every_number_of_the_results_document_resolves(report: Report) -> None:
    known_numbers = numbers(report.document)
    assert len(known_numbers) > 150
    sections = {number.section for number in known_numbers.values()}
    assert {"comparisons", "advantages", "accuracy_by_epoch", "core_fronts"} <= sections
    for address, number in known_numbers.items():
        found = explain(report, address)
        assert found.value == number.value
        assert found.quantities or found.trainings or found.paper or found.file, address
        # Whatever comes from a table or a trace says which files it was made from.
        assert not found.quantities or found.origins, address
        assert all(one.command.startswith("mtj-neuro train") for one in found.trainings)
        assert found.replay.startswith(f"mtj-neuro replay {address}")
        json.dumps(found.as_json(), allow_nan=False)


def test_no_number_hides_from_the_addresses(report: Report) -> None:
    def count(content: object) -> int:
        if isinstance(content, dict):
            return sum(count(value) for value in content.values())
        if isinstance(content, list):
            return sum(count(value) for value in content)
        return isinstance(content, int | float) and not isinstance(content, bool)

    repeated = {"deviations": 0}
    total = sum(count(value) for name, value in report.document.items() if name not in repeated)
    assert len([one for one in numbers(report.document).values() if one.section not in repeated]) == total


def test_ids_are_unique_but_for_repeated_numbers(report: Report) -> None:
    ids = [
        item["id"]
        for name, content in report.document.items()
        if isinstance(content, list) and name != "deviations"
        for item in content
        if isinstance(item, dict) and "id" in item
    ]
    assert len(ids) == len(set(ids))


def test_every_address_on_the_page_is_one_of_the_document(report: Report) -> None:
    page = render(report.results, sections(report.results))
    shown = re.findall(r'title="mtj-neuro explain ([^"]+)" data-number="([^"]+)">([^<]+)<', page)
    assert len(shown) > 100
    for command, address, text in shown:
        assert command == address
        assert explain(report, address).value is not None, (address, text)
    cells = re.findall(r'<td class="(?:number|far|faint)"( title)?[^>]*>([^<]*)<', page)
    assert [text for title, text in cells if re.search(r"\d", text) and not title] == []
    number = next(text for _, address, text in shown if address == "table_2/r_off/smtj/0.85")
    assert float(number.split()[0]) == approx(16390, rel=0.01)


def test_a_number_of_the_bitcell_table(report: Report) -> None:
    found = explain(report, "table_2/on_off/dmtj/0.85")
    cell = f"{CELLS['dmtj']}/0.85"
    assert [one.place for one in found.quantities] == [f"{cell}/r_on", f"{cell}/r_off"]
    shown = {one.place.split("/")[-1]: one.shown["value"] for one in found.quantities}
    assert found.value == approx(shown["r_off"] / shown["r_on"])  # type: ignore[operator]
    (origin,) = found.origins
    states = {item.file: item.state for item in origin.inputs}
    # The netlist of the other cell has no part in it; a path out of the project is not followed.
    assert states == {"spice/bitcells/2t1mtj_sc_dmtj.cir": "changed", "../secret": "missing"}
    assert (origin.command, origin.commit, origin.seeds) == (
        "mtj-flow characterize",
        "abc",
        {"population": 3},
    )
    assert any(text.startswith("numpy 0.1 -> ") for text in found.changed)
    assert not any("ngspice" in text for text in found.changed)
    assert found.deeper[0] == f"mtj-flow explain {report.tables} {cell}/r_on"


def test_a_number_of_the_paper_has_its_table(report: Report) -> None:
    found = explain(report, "table_3/write_latency_training/dmtj/0.85/physical")
    assert not found.paper
    published = explain(report, "table_2/write_energy_meant/dmtj/0.85/paper").paper[0]
    assert (published.value, published.key) == (48.0, "table_2/dmtj/write_energy_fJ_probably_meant")
    assert "misprint" in published.place
    advantage = explain(report, "advantage/write_pulse/paper_percent")
    assert [one.value for one in advantage.paper] == [3.39, 1.16]
    assert {one.place for one in advantage.paper} == {"Table II"}
    assert advantage.value == approx(100 * (1.16 / 3.39 - 1))


def test_a_number_of_a_training(report: Report) -> None:
    found = explain(report, "fig_4/accuracy/smtj/0.85/physical")
    (training,) = found.trainings
    assert training.file.endswith("physical.h5")
    assert (training.dataset, training.epochs, training.replicas) == ("accuracy", 2, 2)
    assert training.table == "same"
    assert f"{CELLS['smtj']}/0.85/r_on" in training.quantities
    assert "technology/card/ion_n" in training.quantities
    assert f"{CELLS['smtj']}/0.85/cell_area" not in training.quantities
    assert training.origin.seeds == {"training": 5}
    files = {Path(item.file).name.removesuffix(".gz"): item.state for item in training.origin.inputs}
    assert files["train-images-idx3-ubyte"] == files["t10k-labels-idx1-ubyte"] == "same"
    assert {"numpy", "numba"} <= {tool.name for tool in training.origin.tools}
    assert "--images 40" in training.command
    assert f"--cell {CELLS['smtj']}/0.85" in training.command


def test_wrong_addresses_name_the_nearest(report: Report) -> None:
    with pytest.raises(UserError, match=r"did you mean 'table_2/on_off/dmtj/0\.85'"):
        explain(report, "table_2/onoff/dmtj/0.85")
    same = find(addresses(report.document), "table_2/r_on/smtj/0.85/value")
    assert same.address == "table_2/r_on/smtj/0.85"
    with pytest.raises(UserError, match="no such number"):
        explain(report, "")


def test_the_command_pins_what_the_trace_was_trained_with(report: Report, tmp_path: Path) -> None:
    trace = open_trace(report.traces / "paper.h5")
    words = training_command(trace, ["dmtj/0.85"], tmp_path / "again.h5", report.tables)
    assert words[words.index("--cells") + 1] == "paper"
    assert "--tables" not in words
    assert words.count("--cell") == words.count("--output") == 1
    assert (words[words.index("--epochs") + 1], words[words.index("--model") + 1]) == ("15", "neurosim")
    trained = open_trace(report.traces / "physical.h5")
    words = training_command(trace=trained, cells=["a/b"], output=tmp_path, tables=tmp_path / "t.h5")
    assert words[words.index("--tables") + 1] == str(tmp_path / "t.h5")
    # What the recorded command said of places is said anew, or not at all.
    assert "kept" not in words
    assert (words[words.index("--seed") + 1], words.count("--tables")) == ("5", 1)
    with pytest.raises(UserError, match="not a trace"):
        open_trace(report.tables)


def test_a_front_of_cells_has_its_document_and_no_other_command_is_run(
    report: Report, tmp_path: Path
) -> None:
    def quantity(value: float, unit: str) -> dict[str, object]:
        return {"value": value, "unit": unit, "ci_low": None, "ci_high": None}

    point = {
        "fins": {"nn": 1},
        "write_pulse": quantity(2.0, "ns"),
        "write_energy": quantity(70.0, "fJ"),
        "cell_area": quantity(80.0, "F2"),
    }
    document = {"cell": CELLS["dmtj"], "variant": "0.85", "front": [point], "best": 0, "candidates": []}
    document["command"] = f"mtj-flow characterize --output {tmp_path / 'trap'}"
    shutil.copy(report.tables, tmp_path / "cells.h5")
    (tmp_path / "size_dmtj.json").write_text(json.dumps(document))
    fronted = open_report(tmp_path / "cells.h5", report.traces)
    address = f"front/{CELLS['dmtj']}/0.85/p1/write_energy"
    found = explain(fronted, address)
    assert found.value == 70.0
    assert found.file is not None
    assert (Path(found.file.file).name, found.file.state) == ("size_dmtj.json", "now")
    with pytest.raises(UserError, match="was not made by `mtj-flow size`"):
        replay(fronted, [address])
    assert not (tmp_path / "trap").exists()


def test_numbers_come_out_again(report: Report) -> None:
    wanted = [
        "fig_4/accuracy/smtj/0.85/physical",
        "table_3/write_energy_training/dmtj/0.85/physical/ci_high",
        "accuracy_by_epoch/dmtj/0.85/physical/mean/0",
        "fig_3/area/dmtj/0.85/physical",
        "table_2/r_on/dmtj/0.85/paper",
    ]
    told: list[str] = []
    found = replay(report, wanted, tell=told.append)
    assert [one.number for one in found] == wanted
    assert [one.kind for one in found] == ["training", "training", "training", "estimate", "published"]
    assert [one.difference for one in found] == [0.0] * len(wanted)
    assert all(one.same for one in found)
    assert len(told) == 1


@pytest.mark.slow
def test_a_training_in_another_table_has_moved(report: Report, tmp_path: Path) -> None:
    table = open_table(report.tables)
    table.cells[CELLS["smtj"]]["0.85"].quantities["read_energy"] = known("read_energy", 3e-14)
    write_table(tmp_path / "other.h5", table)
    other = open_report(tmp_path / "other.h5", report.traces)
    (found,) = replay(other, ["table_3/read_energy_training/smtj/0.85/physical"])
    assert not found.same
    assert found.difference is not None
    assert found.difference > 1e-3
    assert any("another one than" in text for text in found.changed)


def test_the_commands(report: Report) -> None:
    where = ["--tables", str(report.tables), "--traces", str(report.traces)]

    def call(*words: str) -> Any:
        return CliRunner().invoke(app, [*words, *where])

    done = call("explain", "table_2/read_energy/smtj/0.85")
    assert done.exit_code == 0, done.output
    for text in ("quantities of", "2t1mtj_rc_smtj/0.85/read_energy = 20.9 fJ", "changed  spice/bitcells"):
        assert text in done.stdout
    again = call("replay", "table_2/r_on/smtj/0.85/paper", "--json")
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["same"]
    nothing = call("replay")
    assert isinstance(nothing.exception, UserError)
    assert "name a number" in str(nothing.exception)


@pytest.mark.slow
def test_twenty_random_numbers_of_a_real_run_come_out_again(project: Path, run: Run) -> None:
    """The whole chain at small scale: cells from SPICE, networks trained in them, 20 numbers again."""
    study = project / "study.toml"
    text = study.read_text().replace("samples = 512", "samples = 32", 1)
    text = text.replace("check_samples = 128", "check_samples = 32").replace("pulses = 64", "pulses = 16")
    text = text.replace('cards = ["finfet28", "asap7"]', "cards = []")
    text = text.replace("epochs = 15", "epochs = 3").replace(
        "images_per_epoch = 8000", "images_per_epoch = 300"
    )
    study.write_text(text)
    commands = [["flow", "characterize"]]
    for name, words in (
        ("physical", ["--model", "physical"]),
        ("neurosim", ["--model", "neurosim"]),
        ("paper", ["--model", "neurosim", "--cells", "paper"]),
    ):
        output = ["--output", f"build/traces/{name}.h5"]
        commands.append(["neuro", "train", "--study", "study.toml", *words, *output])
    for command in commands:
        done = run(project, *command)
        assert done.returncode == 0, done.stderr
    listed = json.loads(run(project, "neuro", "explain", "--json").stdout)["numbers"]
    chosen = random.Random(7).sample(sorted(listed), 20)
    done = run(project, "neuro", "replay", *chosen, "--json")
    document = json.loads(done.stdout)
    assert {one["number"]: one["difference"] for one in document["numbers"]} == dict.fromkeys(chosen, 0)
    assert done.returncode == 0
    assert {"training", "simulation"} <= {one["kind"] for one in document["numbers"]}


def test_the_reading_of_the_misprint_is_that_of_the_dmtj(report: Report) -> None:
    found = explain(report, "advantage/write_energy_meant/paper_percent")
    keys = ["table_2/smtj/write_energy_fJ", "table_2/dmtj/write_energy_fJ_probably_meant"]
    assert [one.key for one in found.paper] == keys
    smtj, dmtj = (one.value for one in found.paper)
    assert found.value == approx(100.0 * (dmtj / smtj - 1.0))


@pytest.mark.parametrize(
    ("address", "kind", "within", "beyond"),
    [
        (f"quantity/{CELLS['smtj']}/0.85/r_off", "simulation", 1e-10, 1e-8),
        ("core_front", "estimate", 1e-13, 1e-11),
        ("table_3/read_energy_training/smtj/0.85/physical", "training", 0.0, 1e-14),
    ],
)
def test_a_replayed_number_is_compared_relative_to_its_size(
    report: Report, monkeypatch: pytest.MonkeyPatch, address: str, kind: str, within: float, beyond: float
) -> None:
    number = next(one for text, one in report.known.items() if text.startswith(address) and one.value)
    assert number.value is not None
    for moved, same in ((within, True), (beyond, False)):
        again = {number.address: dataclasses.replace(number, value=number.value * (1.0 + moved))}
        monkeypatch.setattr("neuro.explain.replay._remade", lambda *_, again=again: again)
        (found,) = replay(report, [number.address])
        assert found.kind == kind
        assert found.same == same, moved


def test_every_setting_of_a_training_is_pinned(report: Report) -> None:
    trace = open_trace(report.traces / "physical.h5")
    words = training_command(trace, [], Path("again.h5"), Path("cells.h5"))
    pinned = dict(itertools.pairwise(words))
    settings = trace.settings
    for option, value in {
        "--model": settings["model"],
        "--bits": settings["bits"],
        "--images": settings["images_per_epoch"],
        "--adc-bits": settings["adc"]["bits"],
        "--adc-step": settings["adc"]["step"],
        "--adc-reference": settings["adc"]["reference"],
        "--software-weights": settings["software_weights"],
        "--optimizer": settings["optimizer"],
        "--batch": settings["batch"],
        "--rng": settings["rng"],
        "--seed": settings["seed"],
    }.items():
        assert pinned[option] == str(value), option


def test_a_number_that_the_paper_does_not_have() -> None:
    data = Paper().data
    assert published(data, "table_2/dmtj/r_on_ohm").value == 11370
    for key in ("table_2/dmtj/none", "table_9/dmtj/r_on_ohm", "table_2/dmtj"):
        with pytest.raises(UserError, match="no such number"):
            published(data, key)
