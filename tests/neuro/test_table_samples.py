"""What the intervals of a bitcell table make of learning."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from flow.table import Quantity
from neuro.accounting import CostModel
from neuro.cells import Bitcell
from neuro.network import Settings
from neuro.table_samples import relative_intervals, sampled_bitcells
from neuro.technology import bundled_technology
from neuro.trace import COSTS, trace
from neuro.training import Run, train_all
from neuro.uncertainty import Interval
from tests.near import approx
from tests.neuro.learning import faulty, published, short_mnist

INTERVALS = {
    "r_on_ohm": Interval(1.0, 0.98, 1.02),
    "r_off_ohm": Interval(1.0, 0.975, 1.025),
    "read_energy_J": Interval(1.0, 0.9, 1.1),
    "write_energy_0to1_J": Interval(1.0, 0.8, 1.2),
    "write_energy_1to0_J": Interval(1.0, 0.8, 1.2),
    "wer_0to1": Interval(1.0, 0.5, 2.0),
}


def characterised() -> Bitcell:
    cell = faulty(published("dmtj"))
    energies = dataclasses.replace(cell.cell, write_energy_0to1_J=3e-14, write_energy_1to0_J=9e-14)
    return dataclasses.replace(cell, cell=energies, members=cell.population)


def test_samples_fill_the_intervals_and_keep_the_resistances_together() -> None:
    cell = characterised()
    drawn = sampled_bitcells(cell, INTERVALS, 4000, 1)
    for field, interval in INTERVALS.items():
        values = np.array([float(getattr(one.cell, field)) for one in drawn])
        low, high = np.quantile(values, [0.025, 0.975]) / float(getattr(cell.cell, field))
        assert low == approx(interval.low, rel=0.02), field
        assert high == approx(interval.high, rel=0.02), field
    on = np.array([float(one.cell.r_on_ohm) for one in drawn])
    off = np.array([float(one.cell.r_off_ohm) for one in drawn])
    assert np.corrcoef(on, off)[0, 1] == approx(0.02 / 0.025, abs=0.05)
    first = drawn[0]
    assert first.members is not None
    assert cell.members is not None
    scale = float(first.cell.wer_0to1) / float(cell.cell.wer_0to1)
    np.testing.assert_allclose(first.members.wer_0to1, np.minimum(cell.members.wer_0to1 * scale, 1.0))
    for field in ("r_on", "r_off"):
        factor = float(getattr(first.cell, f"{field}_ohm")) / float(getattr(cell.cell, f"{field}_ohm"))
        np.testing.assert_allclose(getattr(first.members, field), factor * getattr(cell.members, field))
    # What no interval is known of stays.
    np.testing.assert_array_equal(first.members.wer_1to0, cell.members.wer_1to0)
    np.testing.assert_array_equal(first.members.rdr, cell.members.rdr)
    again = sampled_bitcells(cell, {"wer_0to1": INTERVALS["wer_0to1"]}, 3, 1)
    assert [float(one.cell.wer_0to1) for one in again] == [float(one.cell.wer_0to1) for one in drawn[:3]]


def test_intervals_of_a_table_are_relative() -> None:
    quantities = {
        "r_on": Quantity(1e4, "ohm", ci_low=9e3, ci_high=1.2e4),
        "read_energy": Quantity(2e-14, "J"),
    }
    found = relative_intervals(quantities)
    assert set(found) == {"r_on_ohm"}
    assert (found["r_on_ohm"].low, found["r_on_ohm"].high) == (approx(0.9), approx(1.2))


def test_each_direction_has_the_interval_of_its_own_quantity() -> None:
    names = ("write_energy_0to1", "write_energy_1to0", "wer_0to1", "wer_1to0", "rdr", "r_access")
    quantities = {
        name: Quantity(1.0, "1", ci_low=0.5, ci_high=2.0 + place) for place, name in enumerate(names)
    }
    found = relative_intervals(quantities)
    fields = ("write_energy_0to1_J", "write_energy_1to0_J", "wer_0to1", "wer_1to0", "rdr", "r_access_ohm")
    assert [found[field].high for field in fields] == approx([2.0, 3.0, 4.0, 5.0, 6.0, 7.0])


def test_the_switch_within_the_resistances_moves_with_its_interval() -> None:
    cell = characterised()
    assert cell.included_access_ohm > 0.0
    (drawn,) = sampled_bitcells(cell, {"r_access_ohm": Interval(1.0, 0.8, 1.2)}, 1, 5)
    factor = float(drawn.cell.r_access_ohm) / float(cell.cell.r_access_ohm)
    assert factor != approx(1.0)
    assert drawn.included_access_ohm == approx(factor * cell.included_access_ohm)


def test_cells_of_a_table_are_drawn_independently() -> None:
    cell = characterised()
    other = dataclasses.replace(cell, variant="0.80")
    interval = {"read_energy_J": INTERVALS["read_energy_J"]}
    one, two = (
        np.array([float(drawn.cell.read_energy_J) for drawn in sampled_bitcells(kind, interval, 500, 1)])
        for kind in (cell, other)
    )
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.2


@pytest.mark.parametrize("model", ["neurosim", "physical"])
def test_costs_of_samples_are_those_of_each_alone(model: str) -> None:
    """All samples in one go, without training again, against one cost model a sample."""
    cell, technology = characterised(), bundled_technology().for_model(model)
    settings = Settings(model=model, images_per_epoch=60)
    runs = [Run(cell, settings, replica) for replica in range(2)]
    train_all(runs, short_mnist(), 2)
    drawn = sampled_bitcells(cell, INTERVALS, 5, 3)
    together = CostModel(technology, cell, settings.layers, 6, model, samples=drawn)
    spread = trace(CostModel(technology, cell, settings.layers, 6, model), runs, together).table
    assert spread is not None
    assert spread.totals.shape == (5, 2, len(COSTS))
    for place, one in enumerate(drawn):
        alone = CostModel(technology, one, settings.layers, 6, model)
        for epoch in range(2):
            expected = np.mean([alone.costs(run.records[epoch].events).totals for run in runs], axis=0)
            np.testing.assert_allclose(spread.totals[place, epoch], expected, rtol=1e-12)
    assert np.ptp(spread.totals[:, -1, 2]) > 0.0
