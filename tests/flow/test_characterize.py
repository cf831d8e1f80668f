"""The whole flow: table, cache, and a designer's mistakes told in one line with the table left whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flow.table import open_table
from tests.conftest import CELLS, Run
from tests.near import approx

RC, SC = CELLS
CELL = "spice/bitcells/2t1mtj_rc_smtj.cir"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """One real characterisation of the project itself, shared by the tests that only look at it."""
    from tests.conftest import ROOT

    output = tmp_path_factory.mktemp("table") / "bitcells.h5"
    done = run(ROOT, "flow", "characterize", "--output", str(output), "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert set(document["cells"]) == set(CELLS)
    assert document["samples"]["failed"] == 0
    return output


def test_the_double_barrier_wins_at_cell_level(finished: Path) -> None:
    cells = open_table(finished).cells
    for variant in ("0.85", "0.80"):
        single, double = cells[RC][variant].quantities, cells[SC][variant].quantities
        for name in ("write_energy", "read_energy", "write_pulse", "cell_area"):
            assert double[name].value < single[name].value, (variant, name)


def test_table_two_is_within_reach_of_the_paper(finished: Path) -> None:
    cells = open_table(finished).cells
    paper = {
        RC: {"r_on": 9513, "r_off": 16390, "read_energy": 20.9e-15, "write_energy": 185e-15},
        SC: {"r_on": 11370, "r_off": 22170},
    }
    for cell, figures in paper.items():
        for name, value in figures.items():
            assert cells[cell]["0.85"].quantities[name].value == approx(value, rel=0.15), (cell, name)


def test_targets_are_met_by_simulation_at_the_stored_point(finished: Path) -> None:
    for variants in open_table(finished).cells.values():
        for variant in variants.values():
            quantities = variant.quantities
            for name in ("wer_0to1_nominal", "wer_1to0_nominal"):
                assert 0 < quantities[name].value < 1.1e-7
            assert 0 < quantities["rdr_nominal"].value < 1.1e-9
            assert quantities["r_on"].value < quantities["r_off"].value
            access = quantities["r_on"].value - quantities["r_mtj_p"].value
            assert quantities["r_access"].value == approx(access, rel=1e-6)


def test_technology_and_provenance_are_there(finished: Path) -> None:
    table = open_table(finished)
    assert {"ion_n", "ioff_p", "gate_capacitance", "effective_resistance_multiplier", "fin_pitch"} <= set(
        table.technologies["finfet28"]
    )
    # The study asks for this card; no cell is made of it.
    assert table.technologies["asap7"]["vdd"].value == 0.7
    assert set(table.technologies["asap7"]) == set(table.technologies["finfet28"])
    assert {str(v.attributes["card"]) for cell in table.cells.values() for v in cell.values()} == {"finfet28"}
    for name in (
        CELL,
        "veriloga/smtj.va",
        "study.toml",
        "spice/models/finfet28.lib",
        "spice/models/asap7.lib",
    ):
        assert len(table.provenance[f"sha256:{name}"]) == 64
    assert table.provenance["tool:ngspice"]


MISTAKES = {
    "undefined model": (CELL, "nfet", "nfett", "Nn ", "nfett"),
    "wrong port count": (CELL, "Nmtj bl x mtj", "Nmtj bl x sl mtj", "Nmtj", "connect t and b only"),
    "misspelt instance parameter": (CELL, "nfin=", "nfni=", "nfni", "nfni"),
    "misspelt model parameter": ("spice/models/finfet28.lib", "phig=4.439", "phgi=4.439", "phgi", "phgi"),
    "ports differ": (CELL, "bl sl wl wlb nw pw", "sl bl wl wlb nw pw", ".subckt", "ports"),
    "a command": (CELL, ".subckt", ".control\nshell true\n.endc\n.subckt", ".control", "not allowed"),
    "a target out of reach": (
        "spice/bitcells/2t1mtj_rc_smtj.toml",
        "max_voltage = 1.4",
        "max_voltage = 0.7",
        None,
        "not reached",
    ),
    "no fins": (CELL, " nfin=", " l=", None, "nfin"),
}


@pytest.mark.parametrize("mistake", sorted(MISTAKES))
def test_a_mistake_is_one_line_and_leaves_the_old_table(project: Path, run: Run, mistake: str) -> None:
    file, old, new, line_holds, said = MISTAKES[mistake]
    table = project / "build/tables/bitcells.h5"
    table.parent.mkdir(parents=True)
    table.write_bytes(b"the old table")
    path = project / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    done = run(project, "flow", "characterize", RC)
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert said in errors[0]
    assert Path(file).name in errors[0]
    if line_holds is not None:
        number = int(errors[0].split(Path(file).name + ":")[1].split(":")[0])
        assert line_holds in path.read_text().splitlines()[number - 1]
    assert table.read_bytes() == b"the old table"


def test_an_unknown_card_of_the_study_is_told(project: Path, run: Run) -> None:
    study = project / "study.toml"
    study.write_text(study.read_text().replace('"asap7"', '"asap5"'))
    done = run(project, "flow", "characterize", RC, "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"] == "no card 'asap5'; known: asap7, finfet28"


def test_a_missing_file_is_told(project: Path, run: Run) -> None:
    (project / "spice/models/finfet28.lib").unlink()
    done = run(project, "flow", "characterize", RC, "--json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["error"] == "no such file"
    assert document["file"].endswith("finfet28.lib")
    assert not (project / "build/tables").exists()


def test_an_unknown_cell_lists_the_known_ones(project: Path, run: Run) -> None:
    done = run(project, "flow", "characterize", "2t1mtj_rc_dmtj")
    assert done.returncode == 1
    assert RC in done.stderr
