"""The row-by-row read: no reference exists, so limits and trends."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from flow.table import UserError
from neuro.array import SynapticCore, estimate_documents
from neuro.model import MODELS
from neuro.technology import Cell
from tests.near import approx
from tests.neuro.designs import CELL, CORE, FINFET, POINTS, random_design


@pytest.mark.parametrize("model", sorted(MODELS))
@pytest.mark.parametrize("fin", [True, False])
def test_every_figure_is_finite_and_positive(model: str, fin: bool) -> None:
    estimate = SynapticCore(*random_design(200, fin), model, read_mode="row").evaluate("status")
    good = estimate.status == 0
    assert good.mean() > 0.9
    for group in (estimate.area_m2, estimate.read_latency_per_batch_s, estimate.read_energy_per_batch_J):
        for name, value in group.items():
            assert (value[good] > 0).all(), name


def test_time_and_energy_grow_with_the_rows_that_are_read() -> None:
    core = dataclasses.replace(CORE, row_activity=np.array([0.0, 0.25, 0.5]))
    estimate = SynapticCore(FINFET, CELL, core, read_mode="row").evaluate()
    latency = estimate.read_latency_per_batch_s
    assert latency["sense_amplifier"][0] == 0
    assert latency["sense_amplifier"][2] == approx(2 * latency["sense_amplifier"][1])
    assert np.all(np.diff(latency["core"]) > 0)
    parallel = SynapticCore(FINFET, CELL, core).evaluate()
    assert latency["core"][2] > 10 * parallel.read_latency_per_batch_s["core"][2]


def test_a_small_read_voltage_is_slow_to_sense() -> None:
    # The published cells: DMTJ at 0.121 V develops its difference more slowly than SMTJ at 0.338 V.
    dmtj = Cell(26.2, 5.0, 11370.0, 22170.0, 5222.0, 0.121, 0.564, 1.09, 1.16e-9)
    times = [
        float(
            SynapticCore(FINFET, cell, CORE, "neurosim", "row")
            .evaluate()
            .read_latency_per_batch_s["sense_amplifier"]
        )
        for cell in (CELL, dmtj)
    ]
    assert 1.2 < times[1] / times[0] < 3.5


def test_a_row_is_written_batch_by_batch_in_two_phases() -> None:
    estimate = SynapticCore(FINFET, CELL, CORE, read_mode="row").evaluate()
    pulses = 400 * 15 * 2 * 3.39e-9
    assert float(estimate.write_latency_s) == approx(pulses, rel=0.01)


def test_the_mode_is_an_option_and_checked() -> None:
    (result,) = estimate_documents([POINTS[0]["design"]], "neurosim", "row")
    assert "sense_amplifier" in result["area_m2"]
    with pytest.raises(UserError, match="read mode"):
        SynapticCore(FINFET, CELL, CORE, read_mode="diagonal").evaluate()
