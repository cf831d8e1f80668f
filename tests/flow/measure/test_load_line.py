"""Load lines from ngspice against the NumPy twin and against Kirchhoff."""

from __future__ import annotations

import numpy as np
import pytest

from flow.errors import UserError
from flow.measure.load_line import measure_load_line, state_nodes
from tests.conftest import CELLS, MakeBench

GRID = np.linspace(0.0, 1.2, 25)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("line", ["bl", "sl"])
def test_drive_is_the_twins_at_the_barrier_voltages(make_bench: MakeBench, name: str, line: str) -> None:
    bench = make_bench(name)
    surface = measure_load_line(bench, line, GRID, state_nodes(5))
    voltage = surface.v_top + surface.v_bottom
    # At the MTJ's own voltage the twin must give SPICE's current, split and drive.
    np.testing.assert_allclose(
        surface.current, bench.junction.current(surface.state, voltage), rtol=1e-5, atol=1e-12
    )
    np.testing.assert_allclose(
        surface.drive, bench.junction.drive(surface.state, voltage), rtol=1e-5, atol=1e-9
    )


@pytest.mark.parametrize("name", CELLS)
def test_directions_and_magnitudes(make_bench: MakeBench, name: str) -> None:
    bench = make_bench(name)
    up = measure_load_line(bench, bench.spec.write.line_0to1, GRID, state_nodes(5))
    down = measure_load_line(bench, bench.spec.write.line_1to0, GRID, state_nodes(5))
    assert np.all(up.current[1:] > 0)
    assert np.all(down.current[1:] < 0)
    # More voltage, more current; and the parallel state (z = +1) carries more than the antiparallel one.
    assert np.all(np.diff(up.current, axis=0) > 0)
    assert np.all(np.diff(np.abs(up.current[1:]), axis=1) > 0)
    # The switch costs voltage: the junction never sees the whole line voltage.
    across = np.abs(down.v_top + down.v_bottom)[1:]
    assert np.all(across < down.voltage[1:, None])


def test_seven_nodes_give_the_drive_of_seventeen(make_bench: MakeBench) -> None:
    bench = make_bench("2t1mtj_sc_dmtj")
    voltage = np.linspace(0.0, 1.2, 13)
    coarse = measure_load_line(bench, "bl", voltage, state_nodes(7))
    fine = measure_load_line(bench, "bl", voltage, state_nodes(17))
    np.testing.assert_allclose(coarse.drive_at(1.05, fine.state), fine.drive_at(1.05), rtol=2e-4)


def test_interpolation_in_voltage_is_as_good_as_a_simulation(make_bench: MakeBench) -> None:
    bench = make_bench("2t1mtj_rc_smtj")
    surface = measure_load_line(bench, "bl", np.linspace(0, 1.4, 29), state_nodes(5))
    exact = measure_load_line(bench, "bl", np.array([0.766, 0.767]), state_nodes(5))
    np.testing.assert_allclose(surface.drive_at(0.767), exact.drive[-1], rtol=2e-4)


def test_swapped_terminals_are_told(make_bench: MakeBench) -> None:
    bench = make_bench("2t1mtj_rc_smtj")
    write = bench.spec.write.model_copy(update={"line_0to1": "sl", "line_1to0": "bl"})
    spec = bench.spec.model_copy(update={"write": write})
    wrong = type(bench)(**{**vars(bench), "spec": spec})
    with pytest.raises(UserError, match="does not push"):
        measure_load_line(wrong, "bl", GRID, state_nodes(5))


def test_nodes_are_chebyshev_and_span_both_states() -> None:
    nodes = state_nodes(7)
    assert nodes[0] == -1.0
    assert nodes[-1] == 1.0
    np.testing.assert_allclose(nodes, -nodes[::-1], atol=1e-15)
    assert np.all(np.diff(nodes) > 0)
