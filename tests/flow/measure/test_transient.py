"""Transients of the whole cell: quasi-static current, energy balance, switching."""

from __future__ import annotations

import math

import numpy as np
import pytest

from flow.measure.leakage import measure_leakage
from flow.measure.load_line import measure_load_line, state_nodes
from flow.measure.transient import Pulse, crossing, measure_pulse
from tests.conftest import CELLS, MakeBench
from tests.near import approx

PULSES = {"2t1mtj_rc_smtj": (0.80, 3.39e-9), "2t1mtj_sc_dmtj": (0.75, 1.16e-9)}


@pytest.mark.parametrize("name", CELLS)
def test_transient_current_is_the_dc_load_line(make_bench: MakeBench, name: str) -> None:
    """The contract between SPICE and the statistics: the cell follows its load line within 0.3 %."""
    bench = make_bench(name)
    voltage, width = PULSES[name]
    line = bench.spec.write.line_0to1
    pulse = measure_pulse(bench, "write", line, voltage, width, stored=0)
    surface = measure_load_line(bench, line, np.array([voltage - 1e-3, voltage]), state_nodes(13))
    inside = (pulse.time > 0.25e-9) & (pulse.time < 0.1e-9 + 0.9 * width)
    assert inside.sum() > 15
    order = np.argsort(surface.state)
    expected = np.interp(pulse.state[inside], surface.state[order], surface.current[-1][order])
    np.testing.assert_allclose(pulse.current[f"v{line}"][inside], expected, rtol=3e-3)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("stored", [0, 1])
def test_a_write_switches_and_its_energy_is_v_times_charge(
    make_bench: MakeBench, name: str, stored: int
) -> None:
    bench = make_bench(name)
    write = bench.spec.write
    line = write.line_0to1 if stored == 0 else write.line_1to0
    voltage, width = PULSES[name][0] + 0.15, PULSES[name][1]
    pulse = measure_pulse(bench, "write", line, voltage, width, stored=stored)
    assert pulse.switched
    assert 0.05e-9 < pulse.switching_time < width
    assert pulse.energy[f"v{line}"] == approx(voltage * pulse.charge, rel=0.02)
    # Gates and wells together cost less than 1 % of the line.
    assert abs(pulse.total_energy - pulse.energy[f"v{line}"]) < 0.01 * pulse.total_energy


@pytest.mark.parametrize("name", CELLS)
def test_a_weak_pulse_leaves_the_state(make_bench: MakeBench, name: str) -> None:
    bench = make_bench(name)
    pulse = measure_pulse(bench, "read", bench.spec.read.line, 0.1, 1e-9, stored=0)
    assert not pulse.switched
    assert math.isnan(pulse.switching_time)
    assert pulse.state[0] > 0.98


@pytest.mark.parametrize("name", CELLS)
def test_unselected_cells_leak_little_even_beside_a_write(make_bench: MakeBench, name: str) -> None:
    leakage = measure_leakage(make_bench(name), 0.85, 1.0)
    assert 0 < leakage.idle < 1e-10
    assert leakage.idle < leakage.half_selected < 1e-8


def test_a_free_layer_that_comes_back_has_not_switched() -> None:
    def pulse(*state: float) -> Pulse:
        path, none = np.array(state), np.zeros(len(state))
        return Pulse(none, {}, {}, path, none, {}, 0.0, 0.0)

    assert pulse(0.99, 0.2, -0.9).switched
    assert pulse(-0.99, 0.2, 0.9).switched
    assert not pulse(0.99, -0.4, 0.9).switched
    time = np.array([0.0, 1.0, 3.0])
    assert crossing(time, np.array([0.9, 0.5, -0.5])) == approx(2.0)
    assert crossing(time, np.array([-0.9, 0.3, 0.5])) == approx(0.75)
