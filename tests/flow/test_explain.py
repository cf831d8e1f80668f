"""From a number back to what it depends on, and the same number again."""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path

import pytest

from flow.characterize import benches_of, technology_plan
from flow.errors import UserError
from flow.explain import explain, find
from flow.parallel import run_inline
from flow.provenance import collect
from flow.replay import recorded_study
from flow.table import BitcellTable, CellVariant, Quantity, known, open_table, write_table
from flow.toolchain import tool_versions
from tests.conftest import ROOT, Run

CELL = "2t1mtj_rc_smtj"
OTHER = "2t1mtj_sc_dmtj"


@cache
def tools() -> dict[str, str]:
    """Versions of now; asked once, because that starts programs."""
    return tool_versions()


def table_of(project: Path, command: str = "mtj-flow characterize --samples 32 --jobs 2") -> BitcellTable:
    """A table of the project with its real provenance and hand-made cell figures."""
    benches = [benches_of(project, [name])[0] for name in (CELL, OTHER)]
    inputs = {path for bench in benches for path in bench.input_files()} | set(
        (project / "veriloga").rglob("*.*")
    )
    provenance = collect(
        root=project,
        inputs=[*sorted(inputs), project / "study.toml"],
        tools=tools(),
        seeds={"population": 7},
        command=command.split(),
    )

    def variant(device: str, energy: float) -> CellVariant:
        quantities = {
            "write_energy": Quantity(energy, "J", 0.9 * energy, 1.1 * energy),
            "r_on": known("r_on", 9000.0),
        }
        return CellVariant(
            quantities=quantities, attributes={"device": device, "card": "finfet28", "seed": 3}
        )

    return BitcellTable(
        technologies={"finfet28": {"vdd": known("vdd", 0.8)}},
        cells={
            CELL: {"0.85": variant("smtj", 2e-13), "0.80": variant("smtj", 1e-13)},
            OTHER: {"0.85": variant("dmtj", 6e-14)},
        },
        provenance=provenance.as_dict(),
        history=provenance.history,
    )


@pytest.fixture
def table(project: Path) -> Path:
    """That table as a file."""
    file = project / "table.h5"
    write_table(file, table_of(project))
    return file


def test_inputs_tools_and_command_are_those_of_the_number(project: Path, table: Path) -> None:
    found = explain(project, table, f"{CELL}/0.85/write_energy")
    assert (found.value, found.unit, found.ci_low) == (2e-13, "J", 0.9 * 2e-13)
    assert found.status == "ok"
    assert "write" in found.long_name
    states = {item.file: item.state for item in found.inputs}
    assert set(states.values()) == {"same"}
    for name in (
        f"spice/bitcells/{CELL}.cir", f"spice/bitcells/{CELL}.toml", "spice/devices/smtj.toml",
        "spice/models/finfet28.lib", "spice/testbenches/write.cir", "veriloga/smtj.va", "study.toml",
        "veriloga/include/dynamics.include",
    ):  # fmt: skip
        assert name in states
    for name in (f"spice/bitcells/{OTHER}.cir", "spice/devices/dmtj.toml", "veriloga/dmtj.va"):
        assert name not in states
    assert {"ngspice", "numpy", "openvaf"} <= {tool.name for tool in found.tools}
    assert not found.changed
    assert found.seeds == {"population": 7}
    assert found.replay == f"mtj-flow replay {table} {CELL}/0.85/write_energy"


def test_what_changed_since_is_told(project: Path, table: Path) -> None:
    netlist = project / f"spice/bitcells/{CELL}.cir"
    netlist.write_text(netlist.read_text() + "* a remark\n")
    (project / "study.toml").unlink()
    found = explain(project, table, f"{CELL}/0.85/r_on")
    states = {item.file: item.state for item in found.inputs}
    assert states[f"spice/bitcells/{CELL}.cir"] == "changed"
    assert states["study.toml"] == "missing"
    assert found.changed == [f"spice/bitcells/{CELL}.cir (changed)", "study.toml (missing)"]
    other = explain(project, table, f"{OTHER}/0.85/r_on")
    assert other.changed == ["study.toml (missing)"]


def test_every_way_to_name_a_quantity(project: Path, table: Path) -> None:
    content = open_table(table)
    assert str(find(content, f"cells/{OTHER}/0.85/r_on")[0]) == f"{OTHER}/0.85/r_on"
    assert str(find(content, "r_on", cell=CELL, variant="0.80")[0]) == f"{CELL}/0.80/r_on"
    assert str(find(content, "r_on", cell=OTHER)[0]) == f"{OTHER}/0.85/r_on"
    assert str(find(content, "vdd")[0]) == "technology/finfet28/vdd"
    with pytest.raises(UserError, match="several places"):
        find(content, "r_on")
    with pytest.raises(UserError, match="did you mean 'write_energy'"):
        find(content, "write_enrgy", cell=CELL)
    with pytest.raises(UserError, match=f"did you mean '{CELL}/0.85/r_on'"):
        find(content, f"{CELL}/0.85/r_onn")
    for bad in ("a/b", "", "/", "a/b/c/d"):
        with pytest.raises(UserError, match="expected"):
            find(content, bad)


def test_the_settings_of_the_recorded_command_come_back(project: Path) -> None:
    plain = recorded_study(project, "mtj-flow characterize --json")
    assert plain.population.samples != 48
    study = recorded_study(project, f"mtj-flow characterize {CELL} --samples=48 --estimator plain --jobs 4")
    assert (study.population.samples, study.population.estimator) == (48, "plain")
    variant = CellVariant(attributes={"samples_per_operation": 64, "seed": 9})
    study = recorded_study(project, "mtj-flow characterize --samples 48", variant)
    assert (study.population.samples, study.population.seed) == (64, 9)
    with pytest.raises(UserError, match="not made by"):
        recorded_study(project, "make-my-table now")


def test_a_number_comes_out_again_until_an_input_changes(project: Path, run: Run) -> None:
    table = table_of(project)
    table.technologies = run_inline(technology_plan(benches_of(ROOT, [CELL])[0])).technologies
    file = project / "table.h5"
    write_table(file, table)
    same = run(project, "flow", "replay", str(file), "technology/finfet28/ion_n", "--json")
    assert same.returncode == 0, same.stderr
    document = json.loads(same.stdout)
    assert document["same"]
    assert document["difference"] <= 1e-9
    assert document["samples"]["simulated"] == 1
    card = project / "spice/models/finfet28.lib"
    assert "phig=4.439" in card.read_text()
    card.write_text(card.read_text().replace("phig=4.439", "phig=4.43"))
    moved = run(project, "flow", "replay", str(file), "technology/finfet28/ion_n")
    assert moved.returncode == 1
    assert "MOVED" in moved.stdout
    assert "spice/models/finfet28.lib (changed)" in moved.stdout
    assert "Traceback" not in moved.stderr


def test_the_command_explains(project: Path, table: Path, run: Run) -> None:
    done = run(project, "flow", "explain", str(table), f"{OTHER}/0.85/write_energy", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["value"] == 6e-14
    assert document["unchanged"]
    missing = run(project, "flow", "explain", str(project / "no.h5"), "r_on", "--json")
    assert missing.returncode == 1
    assert json.loads(missing.stdout)["error"].startswith("no such table")


@pytest.mark.slow
def test_random_numbers_of_a_real_table_replay(project: Path, run: Run) -> None:
    study = project / "study.toml"
    text = study.read_text()
    for old, new in (("samples = 512", "samples = 32"), ("check_samples = 128", "check_samples = 32")):
        assert old in text
        text = text.replace(old, new, 1)
    study.write_text(text.replace("pulses = 64", "pulses = 16"))
    file = project / "table.h5"
    done = run(project, "flow", "characterize", CELL, "--output", str(file))
    assert done.returncode == 0, done.stderr
    names = sorted(open_table(file).cells[CELL]["0.85"].quantities)
    for number, name in enumerate(random.Random(1).sample(names, 4)):
        reuse = ["--reuse"] if number else []
        again = run(project, "flow", "replay", str(file), f"{CELL}/0.85/{name}", "--json", *reuse)
        assert again.returncode == 0, (name, again.stdout, again.stderr)
        assert json.loads(again.stdout)["difference"] == 0
