"""The examples of the manual, run as a designer would, and what they find."""

from __future__ import annotations

import re
import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from PIL import Image

from flow.characterize import technology_plan
from flow.parallel import run_inline
from flow.spec import Study, load_study
from flow.statistics.cell_plan import variant_plan
from flow.table import BitcellTable, open_table, write_table
from neuro.dataset import read_idx
from tests.conftest import ROOT, MakeBench
from tests.near import approx

EXAMPLES = ROOT / "docs" / "examples"
CELL = "2t1mtj_rc_smtj"


def run_example(name: str) -> dict[str, Any]:
    """Execute an example in this process; returns its variables."""
    with mpl.rc_context({"backend": "agg"}):
        return runpy.run_path(str(EXAMPLES / name), run_name="__main__")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the examples work."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def small_study() -> Study:
    """The project's study with few samples, and no cards that no cell is made of."""
    study = load_study(ROOT / "study.toml")
    few = study.population.model_copy(update={"samples": 32, "check_samples": 32, "pulses": 16})
    cards = study.characterize.model_copy(update={"cards": ()})
    return study.model_copy(update={"population": few, "characterize": cards})


@pytest.fixture
def tables(folder: Path, make_bench: MakeBench) -> Path:
    """Two tables of one cell and variant: now, and before it got its third fin."""
    bench, study = make_bench(CELL), small_study()
    technologies = run_inline(technology_plan(bench)).technologies
    place = folder / "build/tables"
    place.mkdir(parents=True)
    for fins, name in ((3, "bitcells.h5"), (2, "bitcells.previous.h5")):
        variant = run_inline(variant_plan(replace(bench, fins={"nn": fins}), study))
        table = BitcellTable(cells={CELL: {"0.85": variant}}, technologies=technologies)
        table.provenance = {f"sha256:{CELL}.cir": str(fins)}
        write_table(place / name, table)
    return place


def test_every_example_is_tested_and_shown() -> None:
    tests = Path(__file__).read_text()
    page = "".join((ROOT / "docs" / name).read_text() for name in ("examples.md", "own/data.md"))
    for example in EXAMPLES.glob("*.py"):
        assert f'run_example("{example.name}")' in tests
        assert f'--8<-- "{example.name}' in page


def test_examples_that_read_tables(tables: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quantities = open_table(tables / "bitcells.h5").cells[CELL]["0.85"].quantities

    run_example("read_table.py")
    printed = capsys.readouterr().out
    energy = quantities["write_energy"]
    assert energy.ci_low is not None
    assert f"write_energy [fJ] {energy.value * 1e15:.4g} (95 %: {energy.ci_low * 1e15:.4g} to" in printed
    assert re.search(r"load line: \{'voltage_0to1': \d+, 'mz': 7\} in A", printed)

    array = run_example("array_estimate.py")
    assert array["low"] < array["energy"] < array["high"]
    assert (array["cores"].area_m2["total"][1:] > array["cores"].area_m2["total"][:-1]).all()

    run_example("compare_tables.py")
    printed = capsys.readouterr().out
    # One fin more: less resistance and voltage, more area.
    moved = {name: float(value) for name, value in re.findall(r"0\.85 (\w+): ([+-][\d.]+)%", printed)}
    assert set(moved) == {"r_on", "write_voltage_0to1", "cell_area"}
    assert moved["r_on"] < -1
    assert moved["write_voltage_0to1"] < -1
    assert moved["cell_area"] > 1
    assert f"changed inputs: sha256:{CELL}.cir" in printed


def test_load_line(folder: Path) -> None:
    found = run_example("load_line.py")
    current, wer = found["line"].current, found["wer"]
    assert (current[1:] > current[:-1]).all()
    assert (wer[1:] < 0.2 * wer[:-1]).all()
    # The voltage at which the table says that the nominal cell meets 1e-7.
    assert wer[found["voltage"].searchsorted(0.75)] == approx(2e-7, rel=0.5)


def test_device_datasheet(folder: Path) -> None:
    found = run_example("device_datasheet.py")
    assert found["sheet"].delta == approx(90, rel=0.01)
    assert found["thinner"].resistance_0.max() < 0.8 * found["sheet"].resistance_0.max()
    assert looks_like_a_figure(folder / "dmtj.png")


def test_population(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run_example("population.py")
    population = found["found"]
    assert population.mean.low <= 1e-7 <= population.mean.high
    assert population.point.value > found["nominal"].writes[0].voltage
    # The top oxide dominates, as docs/theory/population.md says.
    first = capsys.readouterr().out.splitlines()[-4].split()
    assert first[0] == "nmtj.t_ox_t"
    assert 43 <= float(first[1].rstrip("%")) <= 97


def test_design_sweep(folder: Path) -> None:
    result = run_example("design_sweep.py")["result"]
    assert (result.status == 0).all()
    assert 0 < result.pareto.sum() < result.pareto.size
    # Of each organisation the DMTJ core is better, so no SMTJ core can be optimal.
    assert not result.pareto[0].any()
    assert looks_like_a_figure(folder / "pareto.png")


def test_training(folder: Path) -> None:
    cells = run_example("training.py")["cells"]
    last = {name: variants["0.85"]["epochs"][-1] for name, variants in cells.items()}
    for epoch in last.values():
        assert len(epoch["accuracy"]) == 2
        assert min(epoch["accuracy"]) > 50
    assert sum(last["dmtj"]["write_energy_J"]) < sum(last["smtj"]["write_energy_J"])


def test_own_data_set(folder: Path) -> None:
    found = run_example("own_data_set.py")
    assert found["data"].classes == 16
    assert found["run"].records[-1].accuracy > 95
    assert read_idx(folder / "bars/t10k-images-idx3-ubyte").shape == (500, 8, 8)


def test_netlist_to_figure(folder: Path) -> None:
    found = run_example("netlist_to_figure.py")
    rates = found["rates"]
    assert all((rates[fins] > rates[fins + 1]).all() for fins in (1, 2, 3))
    assert looks_like_a_figure(folder / "error_rate.png")
    source = (EXAMPLES / "netlist_to_figure.py").read_text().splitlines()
    assert len([line for line in source if line.strip() and not line.startswith("#")]) <= 30


def looks_like_a_figure(file: Path) -> bool:
    """Not blank: wide enough, and drawn in several colours."""
    with Image.open(file) as image:
        colours = image.convert("RGB").getcolors(maxcolors=1 << 20)
        return image.width >= 800 and colours is not None and len(colours) > 50
