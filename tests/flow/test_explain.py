"""From a number back to what it depends on, and the same number again."""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from flow.characterize import benches_of, technology_plan
from flow.errors import UserError
from flow.explain import explain, find
from flow.parallel import run_inline
from flow.provenance import collect
from flow.replay import Recorded, recorded_study
from flow.sizing import Candidate, Sizing
from flow.sizing_table import design_of, sizing_table
from flow.table import Array, BitcellTable, CellVariant, Quantity, digest, known, open_table, write_table
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


def test_an_element_of_an_array_has_a_place(project: Path, table: Path) -> None:
    content = open_table(table)
    content.cells[CELL]["0.85"].samples = {
        "rows": Array(("rows",), np.array([8, 16]), "1", "rows"),
        "direction": Array(("direction",), np.array(["0to1", "1to0"]), "1", "direction"),
        "energy": Array(("rows", "direction"), np.array([[1e-15, 2e-15], [3e-15, np.nan]]), "J", "energy"),
        "energy_status": Array(("rows", "direction"), np.array([[0, 0], [0, 2]]), "1", "status of energy"),
        "y": Array(("sample",), np.array([0.5, 1.5]), "1", "deviation"),
    }
    write_table(table, content)
    found = explain(project, table, f"{CELL}/0.85/samples/energy/16/0to1")
    assert (found.value, found.unit, found.status) == (3e-15, "J", "ok")
    assert found.replay.endswith(f"{CELL}/0.85/samples/energy/16/0to1")
    failed = explain(project, table, f"{CELL}/0.85/samples/energy/16.0/1to0")
    assert (failed.value, failed.status) == (None, "not_converged")
    assert explain(project, table, f"{CELL}/0.85/samples/y/1").value == 1.5
    for bad, message in (
        (f"{CELL}/0.85/samples/energy/17/0to1", "there are 8, 16, not '17'"),
        (f"{CELL}/0.85/samples/energy/8", "along rows, direction"),
        (f"{CELL}/0.85/samples/energi/8/0to1", "did you mean 'energy'"),
        (f"{CELL}/0.85/samples/y/2", "there are 0 to 1, not '2'"),
        (f"{CELL}/0.85/samples/direction/0to1", "text, no number"),
        (f"{CELL}/0.7/samples/y/0", f"it has {CELL}/0.80"),
    ):
        with pytest.raises(UserError, match=message):
            explain(project, table, bad)


def test_the_command_that_wrote_a_table_tells_how_to_replay() -> None:
    column = Recorded.of("mtj-flow column --tables=mine.h5 --rows 8 --rows 16 --json")
    assert (column.name, column.options["tables"]) == ("column", "mine.h5")
    assert Recorded.of("mtj-flow size CELL --voltage 1.2 --json").options == {"voltage": "1.2"}
    for command in ("", "mtj-flow", "mtj-neuro train"):
        with pytest.raises(UserError, match="not made by"):
            Recorded.of(command)


def test_a_sized_design_says_what_it_is() -> None:
    candidate = Candidate({"nn": 2, "np": 3}, 1.7e-9, 0.5, 0.6, 0.1, 5e-14, 1e-14)
    found = Sizing("0.85", [candidate], [(candidate, CellVariant(attributes={"device": "dmtj"}))])
    content = sizing_table(found, OTHER, 1.2).cells[OTHER]["0.85.p1"]
    design = design_of(content)
    assert design is not None
    assert (design.variant, dict(design.fins), design.pulse) == ("0.85", {"nn": 2, "np": 3}, 1.7e-9)
    assert design.max_voltage == 1.2
    assert design_of(CellVariant()) is None
    del content.attributes["pulse_s"]
    with pytest.raises(UserError, match="incomplete"):
        design_of(content)


def test_a_column_comes_out_again(project: Path, run: Run) -> None:
    table = table_of(project)
    table.technologies = run_inline(technology_plan(benches_of(ROOT, [CELL])[0])).technologies
    content = table.cells[CELL]["0.85"]
    for name, value in (
        ("read_voltage", 0.3), ("cell_height", 1.8e-7), ("write_pulse", 3.39e-9),
        ("write_voltage_0to1", 0.8), ("write_voltage_1to0", 0.9),
    ):  # fmt: skip
        content.quantities[name] = known(name, value)
    source, file = project / "mine.h5", project / "columns.h5"
    write_table(source, table)
    done = run(project, "flow", "column", CELL, "--rows", "8", "--tables", "mine.h5", "--output", str(file))
    assert done.returncode == 0, done.stderr
    wanted = [f"{CELL}/0.85/samples/read_current/8/0.5", f"{CELL}/0.85/r_on"]
    again = run(project, "flow", "replay", str(file), *wanted, "--json")
    assert again.returncode == 0, (again.stdout, again.stderr)
    document = json.loads(again.stdout)
    assert [one["difference"] for one in document["numbers"]] == [0, 0]
    assert document["numbers"][0]["samples"]["simulated"] == 1
    content.quantities["r_on"] = known("r_on", 9500.0)
    write_table(source, table)
    moved = run(project, "flow", "replay", str(file), f"{CELL}/0.85/r_on")
    assert moved.returncode == 1
    assert "mine.h5 (changed)" in moved.stdout


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
    content = open_table(file).cells[CELL]["0.85"]
    output = project / "again.h5"
    again = run(project, "flow", "replay", str(file), f"{CELL}/0.85", "--json", "--output", str(output))
    assert again.returncode == 0, (again.stdout, again.stderr)
    numbers = json.loads(again.stdout)["numbers"]
    assert len(numbers) == len(content.quantities)
    assert {one["difference"] for one in numbers if one["table"] is not None} == {0}
    assert digest(open_table(output)) == digest(open_table(file))
    name = random.Random(1).choice(sorted(content.quantities))
    reused = run(project, "flow", "replay", str(file), f"{CELL}/0.85/{name}", "--json", "--reuse")
    assert json.loads(reused.stdout)["samples"]["simulated"] == 0


@pytest.mark.slow
def test_a_design_found_by_sizing_replays(project: Path, run: Run) -> None:
    study = project / "study.toml"
    text = study.read_text().replace("samples = 512", "samples = 32", 1)
    study.write_text(
        text.replace("check_samples = 128", "check_samples = 32").replace("pulses = 64", "pulses = 16")
    )
    file = project / "size.h5"
    bounds = ["--fins", "1", "--points", "1", "--shortest", "1", "--longest", "2", "--voltage", "1.3"]
    done = run(project, "flow", "size", OTHER, *bounds, "--output", str(file))
    assert done.returncode == 0, done.stderr
    names = [f"{OTHER}/0.85.p1/write_energy", f"{OTHER}/0.85.p1/samples/ln_rdr/3"]
    again = run(project, "flow", "replay", str(file), *names, "--json")
    assert again.returncode == 0, (again.stdout, again.stderr)
    assert [one["difference"] for one in json.loads(again.stdout)["numbers"]] == [0, 0]
