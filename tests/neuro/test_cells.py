"""Cells from a characterised table: their population is that of the stored samples."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from flow.table import Array, BitcellTable, CellVariant, UserError, known, write_table
from neuro.cells import cells_from_table, table_cells
from neuro.population import Spread
from neuro.technology import TABLE_NAMES
from tests.near import approx
from tests.neuro.designs import FINFET
from tests.neuro.learning import published

VARIABLES = np.array(["nmtj.t_fl", "nmtj.t_ox_t", "nmtj.tmr0", "nmtj.area_scale"])
FIGURES = {
    "cell_width": 9e-7,
    "cell_height": 2e-7,
    "feature_size": 2.8e-8,
    "r_on": 9500.0,
    "r_off": 16400.0,
    "r_access": 1500.0,
    "read_voltage": 0.3,
    "write_voltage_0to1": 0.75,
    "write_voltage_1to0": 0.85,
    "write_pulse": 3e-9,
    "read_energy": 2e-14,
    "write_energy_0to1": 1.7e-13,
    "write_energy_1to0": 2.0e-13,
    "wer_0to1": 1e-7,
    "wer_1to0": 2e-7,
    "rdr": 1e-9,
}


def variant(slope: np.ndarray, shift: float, count: int = 400) -> CellVariant:
    """Samples whose ln(rate) is linear, drawn around `shift` along the slope, with their true weights."""
    random = np.random.default_rng(5)
    direction = slope / np.linalg.norm(slope)
    arrays = {"variable": Array(("variable",), VARIABLES, "1", "varied quantity")}
    for name, operation in (("ln_wer_0to1", "0to1"), ("ln_wer_1to0", "1to0"), ("ln_rdr", "read")):
        y = random.normal(size=(count, 4)) + shift * direction
        weight = np.exp(-shift * (y @ direction) + shift**2 / 2)
        dim = f"sample_{operation}"
        arrays[name] = Array((dim,), y @ slope - 20.0, "1", "ln of the rate")
        arrays[f"y_{operation}"] = Array((dim, "variable"), y, "1", "deviation")
        arrays[f"weight_{operation}"] = Array((dim,), weight, "1", "weight")
    return CellVariant(
        quantities={name: known(name, value) for name, value in FIGURES.items()}, samples=arrays
    )


def test_population_has_the_stored_slopes_and_the_characterised_means() -> None:
    slope = np.array([-0.1, 2.3, 0.1, 0.5])
    table = BitcellTable(cells={"mine": {"0.85": variant(slope, 2.0)}})
    population = table_cells(table, Path("t.h5"))[0].population
    for rates, mean in ((population.wer_0to1, 1e-7), (population.wer_1to0, 2e-7), (population.rdr, 1e-9)):
        np.testing.assert_allclose((rates * population.weight).sum(), mean, rtol=1e-9)
        assert np.log(rates).std() == approx(np.linalg.norm(slope), rel=0.05)
    spread = np.log(population.r_on - 1500.0).std()
    assert spread == approx(np.hypot(0.065, 0.05), rel=0.05)
    # A thicker oxide resists more and switches worse: the members know both.
    assert np.corrcoef(np.log(population.wer_0to1), np.log(population.r_on))[0, 1] > 0.5


def test_too_few_samples_and_missing_figures() -> None:
    few = BitcellTable(cells={"mine": {"0.85": variant(np.ones(4), 1.0, count=10)}})
    cell = table_cells(few, Path("t.h5"))[0]
    assert cell.members is None
    assert cell.population.r_on.tolist() == [9500.0]
    bare = variant(np.ones(4), 1.0)
    del bare.quantities["r_off"]
    with pytest.raises(UserError, match="missing from the table") as caught:
        table_cells(BitcellTable(cells={"mine": {"0.85": bare}}), Path("t.h5"))
    assert caught.value.key == "/cells/mine/0.85/r_off"


def test_the_technology_of_a_table_is_that_of_its_cells(tmp_path: Path) -> None:
    card = {name: known(name, float(getattr(FINFET, field))) for field, name in TABLE_NAMES.items()}
    other = card | {"vdd": known("vdd", 0.7)}
    cell = variant(np.array([0.5, 1.0, 0.2, -0.5]), 1.0)
    cell.attributes["card"] = "mine"
    path = tmp_path / "bitcells.h5"
    write_table(path, BitcellTable({"another": other, "mine": card}, {"cell": {"0.85": cell}}))
    assert cells_from_table(path)[0].vdd_V == FINFET.vdd_V
    assert cells_from_table(path, "another")[0].vdd_V == 0.7
    with pytest.raises(UserError, match="another, mine"):
        cells_from_table(path, "third")


def test_quantities_of_a_table_become_fields_of_the_cell_by_direction() -> None:
    """SET is the write 1 -> 0 (LTP), RESET the write 0 -> 1 (LTD)."""
    content = variant(np.ones(4), 1.0)
    content.quantities |= {"access_width_n": known("access_width_n", 3e-7)}
    content.quantities |= {"access_width_p": known("access_width_p", 1e-7)}
    content.quantities |= {"leakage": known("leakage", 1e-9)}
    content.attributes["card"] = "mine"
    card = {name: known(name, float(getattr(FINFET, field))) for field, name in TABLE_NAMES.items()}
    (found,) = table_cells(BitcellTable({"mine": card}, {"mine": {"0.85": content}}), Path("t.h5"))
    cell = found.cell
    assert (cell.ltp_voltage_V, cell.ltd_voltage_V) == (0.85, 0.75)
    assert found.write_energies == (2.0e-13, 1.7e-13)
    assert (cell.wer_0to1, cell.wer_1to0, cell.rdr) == (1e-7, 2e-7, 1e-9)
    assert (cell.width_F, cell.height_F) == approx((9e-7 / 28e-9, 2e-7 / 28e-9))
    assert cell.access_width_m == approx(4e-7)
    assert cell.leakage_W == 1e-9
    # kappa VDD over the on current of the n-FinFETs.
    assert found.switch_ohm == approx(1.5 * 0.8 / (1650.0 * 3e-7))
    # The resistances hold the access switch; the circuit gets them without it.
    circuit = found.for_circuit("physical")
    assert (circuit.r_on_ohm, circuit.r_off_ohm, circuit.r_access_ohm) == (8000.0, 14900.0, 1500.0)
    assert found.resistances == (9500.0, 16400.0)


def test_a_larger_or_thinner_junction_resists_less_and_tmr_raises_the_high_state() -> None:
    names = ("nmtj.t_ox_t", "nmtj.area_scale", "nmtj.tmr0", "nmtj.tmr0_t")
    content = variant(np.array([1.0, 0.0, 0.0, 0.0]), 1.0)
    content.samples["variable"] = Array(("variable",), np.array(names), "1", "varied quantity")
    (found,) = table_cells(BitcellTable(cells={"mine": {"0.85": content}}), Path("t.h5"))
    members = found.population
    on, off = members.r_on - 1500.0, members.r_off - 1500.0
    # ln(rate) is the first deviation, that of the oxide: a regression on it gives the slope of the barrier.
    thickness = np.log(members.wer_0to1) - np.log(members.wer_0to1).mean()
    slope = np.polyfit(thickness, np.log(on), 1)[0]
    assert slope == approx(0.065, rel=0.1)
    rest = np.log(on) - 0.065 * thickness
    assert rest.std() == approx(0.05, rel=0.05)
    # The two TMR of a stack vary by 3 % each, one by one.
    ratio = (14900.0 / 8000.0 - 1.0) * np.hypot(0.03, 0.03)
    assert (off / on).std() == approx(ratio, rel=0.05)


@pytest.mark.parametrize(("place", "resistance", "tmr"), [(1, -0.05, 0.0), (2, 0.0, 0.03), (3, 0.0, 0.03)])
def test_deviations_move_resistance_and_tmr_in_their_direction(
    place: int, resistance: float, tmr: float
) -> None:
    """ln(rate) is one deviation: area, or the TMR of either barrier; a regression on it gives its effect."""
    names = ("nmtj.t_ox_t", "nmtj.area_scale", "nmtj.tmr0", "nmtj.tmr0_t")
    content = variant(np.eye(4)[place], 1.0)
    content.samples["variable"] = Array(("variable",), np.array(names), "1", "varied quantity")
    (found,) = table_cells(BitcellTable(cells={"mine": {"0.85": content}}), Path("t.h5"))
    members = found.population
    on, off = members.r_on - 1500.0, members.r_off - 1500.0
    deviation = np.log(members.rdr)
    assert np.polyfit(deviation, np.log(on), 1)[0] == approx(resistance, rel=0.1, abs=5e-3)
    nominal = 14900.0 / 8000.0 - 1.0
    assert np.polyfit(deviation, (off / on - 1.0) / nominal, 1)[0] == approx(tmr, rel=0.1, abs=3e-3)


def test_the_population_of_a_cell_with_its_switch_keeps_the_switch() -> None:
    cell = published("smtj")
    assert cell.included_access_ohm > 0.0
    spread = dataclasses.replace(cell, spread=Spread(junction_resistance=0.1))
    junction = spread.population.r_on - cell.included_access_ohm
    assert np.log(junction).std() == approx(0.1, rel=0.05)


def test_samples_count_by_their_weights() -> None:
    """Half of the samples follow another line, but weigh next to nothing."""
    slope = np.array([0.5, 1.0, 0.2, -0.5])
    content = variant(slope, 0.0)
    for operation, name in (("0to1", "ln_wer_0to1"), ("1to0", "ln_wer_1to0"), ("read", "ln_rdr")):
        y = content.samples[f"y_{operation}"].values
        rate, weight = (np.array(content.samples[key].values) for key in (name, f"weight_{operation}"))
        rate[::2], weight[::2] = y[::2] @ (slope + 1.0) - 20.0, 1e-4
        content.samples[name] = dataclasses.replace(content.samples[name], values=rate)
        old = content.samples[f"weight_{operation}"]
        content.samples[f"weight_{operation}"] = dataclasses.replace(old, values=weight)
    (found,) = table_cells(BitcellTable(cells={"mine": {"0.85": content}}), Path("t.h5"))
    assert np.log(found.population.rdr).std() == approx(np.linalg.norm(slope), rel=0.03)
