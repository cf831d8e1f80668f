"""The FinFET cards against their stated targets, measured in ngspice."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from flow.measure.technology import measure_technology
from flow.spec import load_card
from flow.spice.session import session
from flow.table import Quantity
from tests.conftest import ROOT
from tests.near import approx

MODELS = ROOT / "spice" / "models"


CARDS = ("finfet28", "asap7")


@cache
def measured(card: str, osdi: tuple[Path, ...], corner: str = "tt") -> dict[str, Quantity]:
    library = MODELS / f"{card}.lib"
    return measure_technology(
        session(osdi), ROOT, load_card(library.with_suffix(".toml")), library, corner, 300.0
    )


TARGETS = [(card, name) for card in CARDS for name in load_card(MODELS / f"{card}.toml").targets]


@pytest.mark.parametrize(("card", "name"), TARGETS)
def test_card_meets_its_target(osdi: tuple[Path, ...], card: str, name: str) -> None:
    spec = load_card(MODELS / f"{card}.toml")
    target = spec.targets[name]
    found = measured(card, osdi)
    if name == "gate_capacitance_per_fin":
        value = found["gate_capacitance"].value * (2 * spec["fin_height"] + spec["fin_width"])
    else:
        value = found[name].value
    assert value == approx(target.value, rel=target.tolerance)


@pytest.mark.parametrize("card", CARDS)
def test_switching_resistance_is_that_of_the_chain(osdi: tuple[Path, ...], card: str) -> None:
    found = measured(card, osdi)
    # vdd/Ion is the resistance scale; a fan-out-of-four delay is worth 0.7 to 2 of it for any FinFET.
    assert 0.7 < found["effective_resistance_multiplier"].value < 2.0
    assert found["drain_capacitance"].value < found["gate_capacitance"].value
    assert found["pn_ratio"].value == approx(found["ion_n"].value / found["ion_p"].value, rel=1e-12)


@pytest.mark.parametrize(("card", "known_ohm_um"), [("finfet28", 233.4), ("asap7", 428.2)])
def test_a_switch_near_ground_conducts_better_than_one_that_discharges(
    osdi: tuple[Path, ...], card: str, known_ohm_um: float
) -> None:
    found = measured(card, osdi)
    linear = found["linear_resistance_n"].value
    assert linear == approx(known_ohm_um * 1e-6, rel=1e-3)
    vdd = found["vdd"].value
    switching = found["effective_resistance_multiplier"].value * vdd / found["ion_n"].value
    # The channel would draw more than Ion from vdd if it stayed linear, and not ten times as much.
    assert 0.1 * vdd / found["ion_n"].value < linear < 0.5 * switching


@pytest.mark.parametrize("card", CARDS)
def test_wire_resistance_is_resistivity_over_section(osdi: tuple[Path, ...], card: str) -> None:
    spec = load_card(MODELS / f"{card}.toml")
    section = spec["wire_width"] * spec["wire_width"] * spec["wire_aspect_ratio"]
    assert measured(card, osdi)["wire_resistance"].value == approx(
        spec["wire_resistivity"] / section, rel=1e-12
    )


@pytest.mark.parametrize("card", CARDS)
def test_corners_are_ordered(osdi: tuple[Path, ...], card: str) -> None:
    corners = {name: measured(card, osdi, name) for name in ("tt", "ff", "ss", "sf", "fs")}
    for name in ("ion", "ioff"):
        n = {corner: found[f"{name}_n"].value for corner, found in corners.items()}
        p = {corner: found[f"{name}_p"].value for corner, found in corners.items()}
        # n first: sf is a slow n- and a fast p-FinFET.
        assert n["ss"] < n["sf"] < n["tt"] < n["fs"] < n["ff"]
        assert p["ss"] < p["fs"] < p["tt"] < p["sf"] < p["ff"]


@pytest.mark.parametrize("card", CARDS)
def test_mismatch_is_stated_with_its_source(card: str) -> None:
    mismatch = load_card(MODELS / f"{card}.toml").mismatch
    assert set(mismatch) == {"a_vt", "a_u0", "sigma_l", "sigma_tfin"}
    for quantity in mismatch.values():
        assert quantity.value > 0
        assert quantity.provenance
