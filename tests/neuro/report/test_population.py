"""Weighted quantiles, and the part of the page about the population."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.stats import norm

from flow.table import Array, BitcellTable, Quantity, write_table
from neuro.report.bitcells import open_bitcells
from neuro.report.figures.distribution import normal_quantiles, quantiles
from neuro.report.paper import Paper
from neuro.report.results import Results
from neuro.report.sections import population
from tests.near import approx
from tests.neuro.report.material import CELLS, bitcells, run, variant


def test_equal_weights_give_the_usual_plotting_positions() -> None:
    x, y = normal_quantiles(np.array([3.0, 1.0, 2.0]), np.ones(3))
    assert y.tolist() == [1.0, 2.0, 3.0]
    assert x == approx(norm.ppf([1 / 6, 3 / 6, 5 / 6]), abs=1e-12)


def test_importance_weights_give_back_the_nominal_distribution() -> None:
    rng = np.random.default_rng(3)
    shifted = rng.normal(4.0, 1.0, 20000)
    x, y = normal_quantiles(shifted, np.exp(-4.0 * shifted + 8.0))
    seen = (y > 2.5) & (y < 5.5)
    assert seen.sum() > 5000
    assert x[seen] == approx(y[seen], abs=0.05)


def test_the_far_right_tail_is_not_lost_in_rounding() -> None:
    weights = np.array([1.9, 2e-30])
    x, _ = normal_quantiles(np.array([0.0, 1.0]), weights)
    assert x[1] == approx(-norm.ppf(0.5e-30), rel=1e-9)


def test_a_nominal_table_has_no_such_part(tmp_path: Path) -> None:
    assert population.section(Results(bitcells(tmp_path), [run()], Paper(), [])) is None


def test_rates_are_shown_with_their_intervals(tmp_path: Path) -> None:
    table = BitcellTable(history="h", references="r")
    rng = np.random.default_rng(1)
    for device, name in CELLS.items():
        content = variant(device)
        content.quantities["wer_0to1_rare_cell"] = Quantity(9e-6, "1", 8e-6, 1e-5, long_name="99.9 % cell")
        for direction, rate in (("0to1", "wer_0to1"), ("1to0", "wer_1to0"), ("read", "rdr")):
            along = (f"sample_{direction}",)
            content.samples[f"ln_{rate}"] = Array(along, rng.normal(-18.0, 3.0, 40), "1", "ln of the rate")
            content.samples[f"weight_{direction}"] = Array(along, np.ones(40), "1", "weight")
        table.cells[name] = {"0.85": content}
    write_table(tmp_path / "bitcells.h5", table)
    found = open_bitcells(tmp_path / "bitcells.h5")
    part = population.section(Results(found, [run()], Paper(), []))
    assert part is not None
    assert [cell.text for cell in part.tables[0].rows[3][1:3]] == ["9.00e-06", "8.00e-06 … 1.00e-05"]
    (figure,) = part.figures
    assert [len(axis.lines) for axis in figure.canvas.axes] == [2, 2, 2]
    assert quantiles(found).canvas.axes[-1].get_xlabel().endswith("(standard deviations)")
