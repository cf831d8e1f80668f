"""The FinFET cards against their stated targets, measured in ngspice."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from flow.measure.technology import measure_technology
from flow.spec import load_card
from flow.spice.deck import render
from flow.spice.session import Waveforms, session
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


def simulated(
    osdi: tuple[Path, ...], card: str, testbench: str, values: dict[str, float], analysis: str, *save: str
) -> Waveforms:
    """One analysis of a testbench with a card's typical section at 300 K."""
    simulator = session(osdi)
    file = ROOT / "spice" / "testbenches" / f"{testbench}.cir"
    library = (MODELS / f"{card}.lib", "tt")
    simulator.load(render(file, None, values, save=["all", *save], root=ROOT, card=library))
    return simulator.run(analysis)


@pytest.mark.parametrize("card", CARDS)
def test_drain_induced_barrier_lowering_by_its_definition(osdi: tuple[Path, ...], card: str) -> None:
    """Shift of the voltage at 100 nA W/L between 50 mV and V_DD on the drain, for a volt of difference."""
    spec, found = load_card(MODELS / f"{card}.toml"), measured(card, osdi)
    vdd, width = spec["vdd"], 2 * spec["fin_height"] + spec["fin_width"]

    def threshold(drain: float) -> float:
        sweep = simulated(
            osdi, card, "transistor", {"vdd": vdd, "v_dn": drain}, f"dc vgn 0 {vdd} 1e-3", "@nn[l]"
        )
        current = np.log(-sweep["vdn#branch"])
        return float(np.interp(np.log(1e-7 * width / sweep["@nn[l]"][0]), current, sweep["v-sweep"]))

    shift = threshold(0.05) - threshold(vdd)
    assert found["dibl_n"].value == approx(shift / (vdd - 0.05), rel=0.01)


@pytest.mark.parametrize("card", CARDS)
def test_capacitances_and_switching_resistance_by_their_definitions(
    osdi: tuple[Path, ...], card: str
) -> None:
    """C_gg of a conducting channel, C_dd of a blocking one; R = t_50/(ln 2 C) of the loaded inverter."""
    spec, found = load_card(MODELS / f"{card}.toml"), measured(card, osdi)
    vdd, width = spec["vdd"], 2 * spec["fin_height"] + spec["fin_width"]
    on = {"vdd": vdd, "v_gn": vdd, "v_dn": 0.0, "v_gp": 0.0, "v_dp": vdd}
    off = {"vdd": vdd, "v_gn": 0.0, "v_dn": vdd, "v_gp": vdd, "v_dp": 0.0}
    gate = simulated(osdi, card, "transistor", on, "op", "@nn[cgg]", "@np[cgg]")
    drain = simulated(osdi, card, "transistor", off, "op", "@nn[cdd]", "@np[cdd]")
    gates = abs(gate["@nn[cgg]"][0]) + abs(gate["@np[cgg]"][0])
    drains = abs(drain["@nn[cdd]"][0]) + abs(drain["@np[cdd]"][0])
    assert found["gate_capacitance"].value == approx(gates / 2 / width, rel=1e-3)
    assert found["drain_capacitance"].value == approx(drains / 2 / width, rel=1e-3)
    wave = simulated(osdi, card, "inverter", {"vdd": vdd, "fins": 2.0}, "tran 0.1p 420p 0 0.1p")
    time, middle = wave["time"], vdd / 2

    def crossings(node: str) -> NDArray[np.float64]:
        volts = wave[node] - middle
        at = np.flatnonzero(volts[1:] * volts[:-1] < 0)
        return time[at] + volts[at] / (volts[at] - volts[at + 1]) * (time[at + 1] - time[at])

    falling, rising = np.subtract(crossings("s3"), crossings("s2"))
    # Every stage drives a fan-out of four: its successor and a load three times as wide.
    resistance = np.array([falling, rising]) / (np.log(2) * 2 * (4 * gates + drains))
    current = np.array([found["ion_n"].value, found["ion_p"].value]) * 2 * width
    multiplier = float(np.mean(resistance * current)) / vdd
    assert found["effective_resistance_multiplier"].value == approx(multiplier, rel=5e-3)


def test_a_warmer_card_leaks_more_and_says_its_temperature(osdi: tuple[Path, ...]) -> None:
    library = MODELS / "finfet28.lib"
    spec = load_card(library.with_suffix(".toml"))
    warm = measure_technology(session(osdi), ROOT, spec, library, "tt", 350.0)
    cold = measured("finfet28", osdi)
    assert (cold["temperature"].value, warm["temperature"].value) == (300.0, 350.0)
    # The swing goes with the absolute temperature.
    assert warm["subthreshold_swing_n"].value / cold["subthreshold_swing_n"].value == approx(
        350 / 300, rel=0.02
    )
    assert warm["ioff_n"].value > 3 * cold["ioff_n"].value
