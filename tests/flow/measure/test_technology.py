"""The FinFET card against its stated targets, measured in ngspice."""

from __future__ import annotations

import pytest

from flow.measure.technology import measure_technology
from flow.spec import load_card
from flow.table import Quantity
from tests.conftest import ROOT, MakeBench

MODELS = ROOT / "spice" / "models"


@pytest.fixture(scope="module")
def measured(make_bench: MakeBench) -> dict[str, Quantity]:
    bench = make_bench("2t1mtj_rc_smtj")
    return measure_technology(bench.simulator(), ROOT, bench.card, bench.cell.card, "tt", 300.0)


@pytest.mark.parametrize("name", sorted(load_card(MODELS / "finfet28.toml").targets))
def test_card_meets_its_target(measured: dict[str, Quantity], name: str) -> None:
    card = load_card(MODELS / "finfet28.toml")
    target = card.targets[name]
    if name == "gate_capacitance_per_fin":
        value = measured["gate_capacitance"].value * (2 * card["fin_height"] + card["fin_width"])
    else:
        value = measured[name].value
    assert value == pytest.approx(target.value, rel=target.tolerance)


def test_switching_resistance_is_that_of_the_chain(measured: dict[str, Quantity]) -> None:
    # vdd/Ion is the resistance scale; a fan-out-of-four delay is worth 0.7 to 2 of it for any FinFET.
    assert 0.7 < measured["effective_resistance_multiplier"].value < 2.0
    assert measured["drain_capacitance"].value < measured["gate_capacitance"].value
    assert measured["pn_ratio"].value == pytest.approx(
        measured["ion_n"].value / measured["ion_p"].value, rel=1e-12
    )


def test_wire_resistance_is_resistivity_over_section(measured: dict[str, Quantity]) -> None:
    card = load_card(MODELS / "finfet28.toml")
    section = card["wire_width"] * card["wire_width"] * card["wire_aspect_ratio"]
    assert measured["wire_resistance"].value == pytest.approx(card["wire_resistivity"] / section, rel=1e-12)
