"""Cells from a characterised table: their population is that of the stored samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flow.table import Array, BitcellTable, CellVariant, UserError, known, write_table
from neuro.cells import cells_from_table, table_cells
from neuro.technology import TABLE_NAMES
from tests.near import approx
from tests.neuro.designs import FINFET

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
