"""The population of cells and the chips drawn from it, by limits that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from neuro.network import Network, Settings
from neuro.population import Population, Spread, chip, sampled
from neuro.request import wired
from neuro.synapse import Adc
from neuro.technology import bundled_technology
from tests.near import approx
from tests.neuro.learning import faulty, published

R_ON, R_OFF = 9513.0, 16390.0


def uniform(**rates: float) -> Population:
    """One member without errors but for these."""
    one = np.ones(1)
    rate = {name: rates.get(name, 0.0) * one for name in ("wer_0to1", "wer_1to0", "rdr")}
    return Population(R_ON * one, R_OFF * one, **rate, weight=one)


def test_each_cell_sees_the_wire_between_its_driver_and_its_converter() -> None:
    """Drivers stand left of the rows, converters below the columns, the reference column is the last."""
    rows, synapses, bits = 6, 3, 4
    along_row, along_column = 50.0, 700.0
    cells = chip(uniform(), (R_ON, R_OFF), rows, synapses, bits, 1, 0, 0, (along_row, along_column))
    difference = 1 / R_ON - 1 / R_OFF
    for row in range(rows):
        below = along_column * (rows - row)
        for synapse in range(synapses):
            for bit in range(bits):
                wire = along_row * (synapse * bits + bit + 1) + below
                place = bit * 8 + synapse
                for state, ohm in ((cells.on, R_ON), (cells.off, R_OFF)):
                    expected = cells.unit / (ohm + wire) / difference
                    assert int(state[row, place]) == approx(expected, abs=0.51, rel=0)
        expected = cells.unit / (R_OFF + along_row * (synapses * bits + 1) + below) / difference
        assert int(cells.reference[row]) == approx(expected, abs=0.51, rel=0)
    # Padded synapses conduct nothing.
    assert not cells.on.reshape(rows, bits, 8)[:, :, synapses:].any()


def test_members_are_drawn_by_their_weights() -> None:
    two = np.array([1.0, 1.0])
    uneven = Population(R_ON * two, R_OFF * two, 0 * two, 0 * two, 0 * two, np.array([0.9, 0.1]))
    drawn = chip(uneven, (R_ON, R_OFF), 400, 96, 6, 1, 0, 0).member
    cells = 400 * 96 * 6
    assert abs(drawn.sum() - 0.1 * cells) < 5 * np.sqrt(0.09 * cells)


def test_sampled_spreads_are_those_asked_for() -> None:
    access = 1462.0
    found = sampled(R_ON, R_OFF, access, 1e-7, 3e-7, 1e-12, Spread(0.08, 0.0, 1.0, 2.0))
    assert np.log(found.r_on - access).std() == approx(0.08, rel=0.05)
    # The access switch does not vary, and with one TMR every junction has the nominal ratio.
    ratio = (found.r_off - access) / (found.r_on - access)
    assert ratio == approx(np.full(ratio.shape, (R_OFF - access) / (R_ON - access)))
    for rates, sigma in ((found.wer_0to1, 1.0), (found.wer_1to0, 1.0), (found.rdr, 2.0)):
        assert np.log(rates).std() == approx(sigma, rel=0.05)
    tmr = sampled(R_ON, R_OFF, access, 0.0, 0.0, 0.0, Spread(tmr=0.03))
    assert (tmr.r_off / tmr.r_on).std() == approx(0.03 * (R_OFF - R_ON) / R_ON, rel=0.05)
    assert np.ptp(tmr.r_on) == 0.0


@pytest.mark.parametrize("step", [1.0, 2.0])
def test_a_code_is_a_step_of_the_nominal_difference(step: float) -> None:
    network = Network(published("smtj"), Settings(adc=Adc(8, step)))
    assert network.inverse * network.chips[0].unit == approx(1 / step)


def test_reads_disturb_at_the_rate_of_their_cell() -> None:
    network = Network(faulty(published("smtj"), rdr=1e-9), Settings())
    # A Poisson process: no event in one read with probability 1 - rdr.
    assert -np.expm1(-network.disturb_rate) == approx(network.bitcell.population.rdr)


def test_a_shared_column_is_no_wire_of_the_single_cells() -> None:
    shared = Network(published("smtj"), Settings(wire_ohm=(0.0, 5.0), shared_column=True))
    without = Network(published("smtj"), Settings())
    np.testing.assert_array_equal(shared.chips[0].on, without.chips[0].on)


def test_wires_of_a_cell_are_as_long_as_the_cell_is_wide_and_high() -> None:
    technology = bundled_technology().for_model("physical")
    found = wired(Settings(), technology, published("smtj")).wire_ohm
    per_metre = float(technology.wire_resistance_ohm_per_m)
    # Along a row a cell of 33 F, along a column one of 7 F.
    assert found == approx((33 * 28e-9 * per_metre, 7 * 28e-9 * per_metre))
    assert wired(Settings(model="neurosim"), technology, published("smtj")).wire_ohm == (0.0, 0.0)
