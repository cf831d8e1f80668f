"""New cells: two files that characterise at once, and nothing is overwritten."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from flow.characterize import benches_of
from flow.errors import UserError
from flow.measure.bitcell import characterize_nominal
from flow.spec import load_cell
from flow.spice.netlist import parse
from flow.template import Template, new_cell
from tests.conftest import ROOT, Run

ALL = [
    Template(device, connection, transistors)
    for device in ("smtj", "dmtj")
    for connection in ("rc", "sc")
    for transistors in (1, 2)
]  # type: ignore[arg-type]


@pytest.mark.parametrize("template", ALL, ids=str)
def test_a_new_cell_is_two_files_that_fit(template: Template, project: Path) -> None:
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    files = new_cell(project, "mine", template)
    after = {path for path in project.rglob("*") if path.is_file()}
    assert after - set(before) == set(files)
    assert all(path.read_bytes() == content for path, content in before.items())
    benches = benches_of(project, ["mine"])
    assert [bench.variant_name for bench in benches] == ["0.85", "0.80"]
    fins = [name for name in parse(files[0], root=project).subcircuits["mine"].elements if name != "nmtj"]
    assert len(fins) == template.transistors
    read, write = benches[0].spec.read.line, benches[0].spec.write
    assert read == write.line_0to1 == ("bl" if template.connection == "rc" else "sl")


@pytest.mark.parametrize("template", [Template("smtj", "rc", 1), Template("dmtj", "sc", 1)], ids=str)
def test_a_new_cell_characterises(template: Template, project: Path) -> None:
    new_cell(project, "mine", template)
    # The simulator of this process has the models of the project itself.
    bench = replace(
        benches_of(project, ["mine"])[0],
        osdi=tuple(ROOT / "build/osdi" / f"{name}.osdi" for name in ("bsimcmg", "dmtj", "smtj")),
    )
    quantities = characterize_nominal(bench, 5, 0.1).quantities
    assert 0.3 < quantities["write_voltage_0to1"].value < 1.2
    assert quantities["r_on"].value < quantities["r_off"].value
    assert quantities["access_width_p"].value == 0


@pytest.mark.parametrize("name", ["1t1mtj_rc_smtj", "1t1mtj_sc_smtj", "1t1mtj_rc_dmtj", "1t1mtj_sc_dmtj"])
def test_the_cells_of_one_transistor_are_the_templates(name: str) -> None:
    _, connection, device = name.split("_")
    template = Template(device, connection, 1)  # type: ignore[arg-type]
    folder = ROOT / "spice" / "bitcells"
    assert (folder / f"{name}.cir").read_text() == template.netlist(name)
    assert (folder / f"{name}.toml").read_text() == template.settings(name)
    assert load_cell(folder / f"{name}.toml").device == device


def test_nothing_is_overwritten(project: Path) -> None:
    folder = project / "spice/bitcells"
    old = (folder / "2t1mtj_rc_smtj.cir").read_bytes()
    with pytest.raises(UserError, match="there already"):
        new_cell(project, "2t1mtj_rc_smtj", Template())
    assert (folder / "2t1mtj_rc_smtj.cir").read_bytes() == old
    (folder / "mine.toml").write_text("my own")
    with pytest.raises(UserError, match="there already"):
        new_cell(project, "mine", Template())
    assert (folder / "mine.toml").read_text() == "my own"
    assert not (folder / "mine.cir").exists()


@pytest.mark.parametrize("name", ["", "../mine", "a/b", "Mine", "2024", "a b", "x" * 65, "cell\n"])
def test_a_bad_name_writes_nothing(name: str, project: Path) -> None:
    before = sorted(project.rglob("*"))
    with pytest.raises(UserError, match="not a cell name"):
        new_cell(project, name, Template())
    assert sorted(project.rglob("*")) == before


def test_the_command(project: Path, run: Run) -> None:
    done = run(project, "flow", "new-cell", "mine", "--device", "dmtj", "--transistors", "1", "--json")
    assert done.returncode == 0, done.stderr
    files = json.loads(done.stdout)["files"]
    assert files == ["spice/bitcells/mine.cir", "spice/bitcells/mine.toml"]
    assert all((project / file).exists() for file in files)
    again = run(project, "flow", "new-cell", "mine", "--json")
    assert again.returncode == 1
    assert json.loads(again.stdout)["file"].endswith("mine.cir")
