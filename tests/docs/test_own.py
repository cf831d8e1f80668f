"""Bring your own: what the manual's pages tell a designer to do, done."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from flow.characterize import benches_of, technology_plan
from flow.errors import UserError
from flow.lint import lint
from flow.measure.bench import Bench
from flow.measure.bitcell import search_nominal
from flow.parallel import run_inline
from flow.spec import DEVICE_UNITS
from flow.template import new_cell, template_for
from tests.conftest import ROOT, Run
from tests.near import approx


def bench_in(project: Path, name: str) -> Bench:
    """The first variant of a cell; this process's simulator keeps the models of the project itself."""
    osdi = tuple(ROOT / "build/osdi" / f"{model}.osdi" for model in ("bsimcmg", "dmtj", "smtj"))
    return replace(benches_of(project, [name])[0], osdi=osdi)


def copy_edited(source: Path, name: str, old: str, new: str) -> Path:
    """A copy beside `source` called `name`, one text replaced."""
    text = source.read_text()
    assert text.count(old) >= 1
    target = source.with_name(name)
    target.write_text(text.replace(old, new))
    return target


def test_own_device(project: Path) -> None:
    devices = project / "spice/devices"
    copy_edited(devices / "dmtj.toml", "thin.toml", "t_fl = {value = 1.2e-9", "t_fl = {value = 1.1e-9")
    assert lint(project, [str(devices / "thin.toml")]) == []
    new_cell(project, "mine", template_for(project, "thin", "sc", 2))
    bench, old = bench_in(project, "mine"), bench_in(project, "2t1mtj_sc_dmtj")
    assert (bench.device_spec.kind, bench.variant_name, bench.fins) == ("dmtj", "0.85", {})
    # A thinner free layer is the more stable one (d ln Delta / d ln t_fl = -0.93), and sits in this cell.
    assert bench.junction.delta == approx(old.junction.delta * (1.1 / 1.2) ** -0.93, rel=0.01)
    found = search_nominal(bench, 5, 0.1)
    assert 0.3 < found.writes[0].voltage < found.writes[1].voltage < 1.2


def test_a_device_that_is_not_there_is_told(project: Path) -> None:
    with pytest.raises(UserError, match="no device 'thin'; known: dmtj, smtj"):
        template_for(project, "thin", "rc", 2)
    with pytest.raises(UserError, match="no device"):
        template_for(project, "../devices/smtj", "rc", 2)


def test_every_device_parameter_is_on_the_page() -> None:
    page = (ROOT / "docs/own/device.md").read_text()
    table = page[page.index("## Parameters") : page.index("## Other physics")]
    assert set(re.findall(r"`([a-z]\w*)`", table)) == set(DEVICE_UNITS)


def test_own_card(project: Path) -> None:
    models = project / "spice/models"
    shutil.copy(models / "finfet28.toml", models / "mine.toml")
    # A lower work function is a lower threshold of the n-FinFET.
    card = copy_edited(models / "finfet28.lib", "mine.lib", "phig=4.439", "phig=4.409")
    warning = lint(project, [str(card)])[0]
    assert (warning.severity, warning.line) == ("warning", 41)
    assert "takes the section models from finfet28.lib" in warning.message
    card.write_text(card.read_text().replace("finfet28.lib", "mine.lib"))
    new_cell(project, "mycell", template_for(project, "smtj", "rc", 2))
    settings = project / "spice/bitcells/mycell.toml"
    settings.write_text(settings.read_text().replace('card = "finfet28"', 'card = "mine"'))
    found = lint(project, [str(card), str(card.with_suffix(".toml")), "mycell"])
    assert {(finding.severity, finding.file) for finding in found} == {
        ("warning", "spice/bitcells/mycell.toml")
    }
    own, old = (
        run_inline(technology_plan(bench_in(project, name))).technologies
        for name in ("mycell", "2t1mtj_rc_smtj")
    )
    assert own["mine"]["ioff_n"].value > 2 * old["finfet28"]["ioff_n"].value
    assert own["mine"]["ioff_p"].value == old["finfet28"]["ioff_p"].value


def test_own_cell_without_a_circuit(tmp_path: Path, run: Run) -> None:
    cells = ROOT / "docs/examples/cells.json"
    done = run(
        tmp_path,
        "neuro",
        "train",
        "--cells",
        str(cells),
        "--images",
        "200",
        "--epochs",
        "1",
        "--output",
        str(tmp_path / "trace.h5"),
        "--json",
    )
    assert done.returncode == 0, done.stderr
    (epoch,) = json.loads(done.stdout)["cells"]["measured"]["lot 7"]["epochs"]
    assert epoch["write_energy_J"][0] > 0
