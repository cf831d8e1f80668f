"""Lint: every mistake at once, each with file, line and key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flow.errors import UserError
from flow.lint import Finding, lint
from tests.conftest import CELLS, ROOT, Run

CELL = CELLS[0]
NETLIST = f"spice/bitcells/{CELL}.cir"
TOML = f"spice/bitcells/{CELL}.toml"
DEVICE = "spice/devices/smtj.toml"
CARD = "spice/models/finfet28"


def change(project: Path, file: str, old: str, new: str) -> None:
    """Replace the first `old` in a designer's file."""
    text = (project / file).read_text()
    assert old in text, (file, old)
    (project / file).write_text(text.replace(old, new, 1))


def errors(findings: list[Finding]) -> list[Finding]:
    """The errors among them."""
    return [finding for finding in findings if finding.severity == "error"]


def test_the_projects_own_files_have_no_errors() -> None:
    findings = lint(ROOT, ())
    assert not errors(findings), [str(finding) for finding in findings]
    # A cell of one transistor leaves wlb and nw alone on purpose.
    assert not any(finding.key in ("wlb", "nw") for finding in findings)
    boosted = [finding.file for finding in findings if finding.key == "bias.wl_selected"]
    assert "spice/bitcells/1t1mtj_rc_smtj.toml" in boosted
    assert TOML not in boosted


MISTAKES = {
    "undefined model": (NETLIST, "pfet", "pfett", "pfett", "did you mean 'pfet'"),
    "unknown instance parameter": (NETLIST, "nfin=", "nfni=", "nfni", "no such instance parameter"),
    "half a fin": (NETLIST, "nfin=3", "nfin=2.5", "nfin", "whole number"),
    "ports": (NETLIST, "bl sl wl wlb nw pw", "sl bl wl wlb nw pw", CELL, "differ from"),
    "a command": (NETLIST, ".subckt", ".control\n.subckt", ".control", "not allowed"),
    "unknown model parameter": (f"{CARD}.lib", "phig=4.439", "phgi=4.439", "phgi", "no such parameter"),
    "unit": (DEVICE, 'unit = "m"', 'unit = "nm"', None, "expected 'm'"),
    "nanometres as metres": (TOML, "t_ox_t = 0.85e-9", "t_ox_t = 0.85", None, "SI units"),
    "picoseconds as seconds": (TOML, "write_pulse = 3.39e-9", "write_pulse = 3.39", None, "pulses are in s"),
    "no room for edges": (TOML, "edge = 20e-12", "edge = 2e-9", None, "no room for edges"),
    "misspelt key": (TOML, "max_voltage = 1.4", "max_volatge = 1.4", "write.max_volatge", "did you mean"),
    "never opens": (TOML, "wl_selected = 0.8", "wl_selected = 0.0", "bias.wl_selected", "never opens"),
    "p never opens": (TOML, "wlb_selected = 0.0", "wlb_selected = 1.2", "bias.wlb_selected", "never opens"),
    "forward biased p-well": (TOML, "p_well = 0.0", "p_well = 0.5", "bias.p_well", "forward biases"),
    "no such device": (TOML, 'device = "smtj"', 'device = "mtj"', None, "no such file"),
    "not TOML": (TOML, "[bias]", "[bias", None, "not valid TOML"),
}


@pytest.mark.parametrize("mistake", sorted(MISTAKES))
def test_a_mistake_is_found_on_its_line(mistake: str, project: Path) -> None:
    file, old, new, key, said = MISTAKES[mistake]
    change(project, file, old, new)
    found = errors(lint(project, [CELL]))
    match = [finding for finding in found if said in finding.message]
    assert match, [str(finding) for finding in found]
    assert key is None or match[0].key == key
    assert not Path(match[0].file).is_absolute() or mistake == "no such device"
    if mistake not in ("no such device", "unit"):
        assert match[0].line is not None
    if match[0].line is not None and mistake not in ("not TOML", "no room for edges"):
        line = (project / file).read_text().splitlines()[match[0].line - 1]
        assert new.split()[0].split("\n")[0] in line or "write_pulse" in line or "parameters" in line


LIMITS = {
    "boosted word line": ("wl_selected = 0.8", "wl_selected = 1.2", "bias.wl_selected", "gate oxide"),
    "writes beyond the well": ("n_well = 1.2", "n_well = 1.0", "write.max_voltage", "n-well at 1 V"),
    "half-selected cells open": (
        "wlb_unselected = 1.2",
        "wlb_unselected = 0.8",
        "bias.wlb_unselected",
        "open",
    ),
    "leaking cells": ("wl_unselected = 0.0", "wl_unselected = 0.1", "bias.wl_unselected", "leak"),
    "reads reach further": ("max_voltage = 0.6", "max_voltage = 1.5", "read.max_voltage", "further"),
    "a high error rate": ("rdr = 1e-9", "rdr = 0.1", "read.rdr", "high error rate"),
}


@pytest.mark.parametrize("limit", sorted(LIMITS))
def test_a_limit_is_a_warning(limit: str, project: Path) -> None:
    old, new, key, said = LIMITS[limit]
    change(project, TOML, old, new)
    findings = lint(project, [CELL])
    assert not errors(findings)
    match = [finding for finding in findings if finding.key == key and said in finding.message]
    assert match, [str(finding) for finding in findings]
    assert match[0].line is not None


def test_mistakes_in_several_files_are_told_together(project: Path) -> None:
    change(project, NETLIST, "pfet", "pfett")
    change(project, DEVICE, 'unit = "K"', 'unit = "C"')
    change(project, f"{CARD}.toml", 'unit = "V"', 'unit = "mV"')
    files = {finding.file for finding in errors(lint(project, ()))}
    assert {DEVICE, f"{CARD}.toml"} <= files


def test_nodes_that_lead_nowhere_and_missing_partners(project: Path) -> None:
    change(project, NETLIST, "Np   x wlb", "Np   y wlb")
    loose = [finding for finding in lint(project, [CELL]) if finding.key == "y"]
    assert [finding.severity for finding in loose] == ["warning"]
    assert "Np" in (project / NETLIST).read_text().splitlines()[(loose[0].line or 0) - 1]
    (project / TOML).unlink()
    assert any("there is no" in finding.message for finding in lint(project, [str(project / NETLIST)]))


def test_files_by_path_and_what_is_no_target(project: Path) -> None:
    assert not errors(lint(project, [str(project / name) for name in (NETLIST, TOML, DEVICE, "study.toml")]))
    for _ in range(2):  # to be characterised, and to be trained in
        change(project, "study.toml", CELLS[1], "no_such_cell")
    found = errors(lint(project, [str(project / "study.toml")]))
    assert [finding.message for finding in found] == ["no bitcell 'no_such_cell'"] * 2
    assert [finding.key for finding in found] == ["characterize.cells", "training.cells"]
    for target in ("nothing", str(project / "constraints.txt"), str(project / "missing.toml")):
        with pytest.raises(UserError):
            lint(project, [target])


def test_a_study_names_cells_cards_and_variants_that_are_there(project: Path) -> None:
    (project / "studies").mkdir()
    study = project / "studies/mine.toml"
    text = (project / "study.toml").read_text().replace('"asap7"', '"asap5"').replace('"0.80"]', '"0.75"]')
    variant = 'write_pulse = 1e-9\nread_pulse = 1e-9\nprovenance = "me"'
    study.write_text(f'{text}\n[variants.{CELL}."0.75"]\n{variant}\n')
    found = errors(lint(project, ()))
    assert [(finding.file, finding.key, finding.message) for finding in found] == [
        ("studies/mine.toml", "characterize.cards", "no card 'asap5'"),
        ("studies/mine.toml", "training.variants", f"{CELLS[1]} has no variant '0.75'"),
    ]
    assert all(finding.line is not None for finding in found)


def test_the_command(project: Path, run: Run) -> None:
    good = run(project, "flow", "check", CELL, "--json")
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout)["errors"] == 0
    change(project, NETLIST, "nfin=", "nfni=")
    bad = run(project, "flow", "check", CELL)
    assert bad.returncode == 1
    assert f"error: {NETLIST}:" in bad.stdout
    assert "Traceback" not in bad.stderr
