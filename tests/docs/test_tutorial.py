"""The tutorial, followed: every command of it, in a copy of the project."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT, Run

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
CELL = "spice/bitcells/2t1mtj_rc_smtj.cir"
# Fewer samples than a designer gets; `make` would set up an environment of its own.
CHARACTERIZE = ("flow", "characterize", "--samples", "64")


def commands() -> list[str]:
    """The console commands of the tutorial in their order."""
    blocks = re.findall(r"```\n(.*?)```", TUTORIAL, flags=re.DOTALL)
    return [block.strip() for block in blocks if block.startswith(("make", ".venv/bin/"))]


def test_the_tutorial_has_the_commands_that_are_followed_here() -> None:
    make, again, compare, explain, replay, train = commands()
    assert (make, again, train) == ("make characterize", "make characterize", "make train")
    assert compare == ".venv/bin/mtj-flow compare"
    assert explain.startswith(".venv/bin/mtj-flow explain build/tables/bitcells.h5 ")
    assert replay == explain.replace("explain", "replay")


def test_the_line_to_edit_fits_the_netlist() -> None:
    edited = next(line for line in TUTORIAL.splitlines() if line.startswith("Nn"))
    netlist = (ROOT / CELL).read_text()
    assert edited.replace("nfin=2", "nfin=3") in netlist.splitlines()


@pytest.mark.slow
def test_a_newcomer_changes_a_transistor(project: Path, run: Run) -> None:
    assert run(project, *CHARACTERIZE).returncode == 0
    netlist = project / CELL
    netlist.write_text(netlist.read_text().replace("nfet nfin=3", "nfet nfin=2"))
    done = run(project, *CHARACTERIZE)
    assert done.returncode == 0
    reused = re.search(r"(\d+) samples simulated, (\d+) reused", done.stdout + done.stderr)
    assert reused is not None
    assert int(reused[2]) > 1000
    moved = run(project, "flow", "compare")
    assert moved.returncode == 2
    assert re.search(r"write_voltage_0to1 .* \+7\.\d+ %", moved.stdout)
    assert not re.search(r"^ *write_voltage_1to0 ", moved.stdout, flags=re.MULTILINE)
    assert "2t1mtj_sc_dmtj/" not in moved.stdout
    number = commands()[3].split()[-1]
    explained = run(project, "flow", "explain", "build/tables/bitcells.h5", number)
    assert explained.returncode == 0
    assert CELL in explained.stdout
    replayed = run(project, "flow", "replay", "build/tables/bitcells.h5", number)
    assert replayed.returncode == 0
    assert "the same" in replayed.stdout
    netlist.write_text(netlist.read_text().replace("nfet nfin=2", "nfet nfni=2"))
    told = next(line for line in TUTORIAL.splitlines() if line.startswith("error:"))
    assert told in run(project, *CHARACTERIZE).stderr
