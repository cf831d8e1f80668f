"""Decks: what is filled in, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from flow.errors import UserError
from flow.spice.deck import mtj_paths, render
from tests.conftest import ROOT, MakeBench

BENCHES = ROOT / "spice" / "testbenches"


def test_one_copy_keeps_the_names(make_bench: MakeBench) -> None:
    cell = make_bench("2t1mtj_rc_smtj").cell
    deck = render(BENCHES / "load_line.cir", cell, {"v_bl": 0.5}, save=["@{mtj}[mz]"])
    lines = deck.splitlines()
    assert any(line.lower().startswith("xcell ") for line in lines)
    assert ".save @n.xcell.nmtj[mz]" in lines
    assert any("v_bl=0.5" in line for line in lines)
    assert any(line.startswith(".model mtj smtj_va ") and "t_ox_t=8.5e-10" in line for line in lines)
    assert ".options temp=26.85 reltol=1e-5" in lines


def test_copies_differ_only_in_their_overrides(make_bench: MakeBench) -> None:
    cell = make_bench("2t1mtj_rc_smtj").cell
    copies = [{"nmtj": {"freeze": 1.0, "z_frozen": z}} for z in (-1.0, 0.0, 1.0)]
    deck = render(BENCHES / "load_line.cir", cell, {}, copies=copies).lower()
    for index, z in enumerate(("-1", "0", "1")):
        assert f"cell_{index}" in deck
        assert f"freeze=1 z_frozen={z}\n" in deck
    assert mtj_paths(cell, 3) == ("n.xcell_0.nmtj", "n.xcell_1.nmtj", "n.xcell_2.nmtj")


def test_an_unknown_parameter_is_refused(make_bench: MakeBench) -> None:
    cell = make_bench("2t1mtj_rc_smtj").cell
    with pytest.raises(UserError, match=r"no \.param v_blx"):
        render(BENCHES / "load_line.cir", cell, {"v_blx": 0.5})


def test_an_unknown_element_is_refused(make_bench: MakeBench) -> None:
    cell = make_bench("2t1mtj_rc_smtj").cell
    with pytest.raises(UserError, match="no element nmjt"):
        render(BENCHES / "load_line.cir", cell, {}, copies=[{"nmjt": {"freeze": 1.0}}])


def test_an_unknown_corner_is_refused(make_bench: MakeBench) -> None:
    cell = dataclasses.replace(make_bench("2t1mtj_rc_smtj").cell, corner="xx")
    with pytest.raises(UserError, match="no section 'xx'"):
        render(BENCHES / "load_line.cir", cell, {})


def test_a_testbench_without_the_cell_is_refused(make_bench: MakeBench, project: Path) -> None:
    cell = dataclasses.replace(make_bench("2t1mtj_rc_smtj").cell, root=project)
    cell = dataclasses.replace(
        cell,
        netlist=project / "spice/bitcells/2t1mtj_rc_smtj.cir",
        card=project / "spice/models/finfet28.lib",
    )
    bench = project / "spice/testbenches/load_line.cir"
    bench.write_text("* none\n.param v_bl=0\nVbl bl 0 {v_bl}\n")
    with pytest.raises(UserError, match="no element `Xcell"):
        render(bench, cell, {})
