"""The nominal device's figures, each against its definition and measurements made apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from flow.measure.bench import Bench
from flow.measure.bitcell import Nominal, characterize_nominal, search_nominal
from flow.measure.leakage import measure_leakage
from flow.measure.load_line import measure_load_line, state_nodes
from flow.measure.operating_point import error_rate
from flow.measure.pieces import NominalSearch, nominal_from
from flow.measure.transient import Pulse, measure_pulse
from flow.spec import Line
from flow.spice.deck import render
from flow.table import CellVariant
from tests.conftest import CELLS, MakeBench
from tests.near import approx


@pytest.fixture(scope="module", params=CELLS)
def measured(request: pytest.FixtureRequest, make_bench: MakeBench) -> tuple[Bench, CellVariant]:
    bench = make_bench(request.param)
    return bench, characterize_nominal(bench, 7, 0.05)


def test_geometry_by_the_layout_rule(measured: tuple[Bench, CellVariant]) -> None:
    """Fins counted by hand in the netlist, pitches of the card: n + p + spacings wide, gate pitches high."""
    bench, variant = measured
    fins_n, fins_p = {CELLS[0]: (3, 2), CELLS[1]: (2, 2)}[bench.name]
    found = variant.quantities
    rule, card = bench.spec.area, bench.card
    width = (fins_n + fins_p + rule.n_to_p_spacing_fins + rule.edge_spacing_fins) * card["fin_pitch"]
    height = rule.gate_pitches * card["gate_pitch"]
    assert found["cell_width"].value == approx(width)
    assert found["cell_height"].value == approx(height)
    assert found["cell_area"].value == approx(width * height)
    # A gate wraps both sides and the top of a fin: 2 x 30 + 10 nm.
    assert found["access_width_n"].value == approx(fins_n * 70e-9)
    assert found["access_width_p"].value == approx(fins_p * 70e-9)


def test_device_figures_are_the_junctions(measured: tuple[Bench, CellVariant]) -> None:
    bench, variant = measured
    found, junction = variant.quantities, bench.junction
    for name, value in (
        ("delta", junction.delta),
        ("tau_d", junction.tau_d),
        ("critical_current_0to1", junction.critical_current_0to1()),
        ("critical_current_1to0", junction.critical_current_1to0()),
    ):
        assert found[name].value == approx(float(np.asarray(value))), name
    assert found["critical_current_0to1"].value > 0


def writes(bench: Bench, variant: CellVariant) -> Iterator[tuple[str, Line, float, Pulse]]:
    """Direction, line and voltage of both writes of the table, and their pulse."""
    write = bench.spec.write
    for stored, name, line in ((0, "0to1", write.line_0to1), (1, "1to0", write.line_1to0)):
        voltage = variant.quantities[f"write_voltage_{name}"].value
        yield (
            name,
            line,
            voltage,
            measure_pulse(bench, "write", line, voltage, bench.variant.write_pulse, stored=stored),
        )


def test_each_write_is_that_of_its_line_and_state(measured: tuple[Bench, CellVariant]) -> None:
    bench, variant = measured
    found, write = variant.quantities, bench.spec.write
    energies = []
    for name, line, voltage, pulse in writes(bench, variant):
        assert pulse.switched
        # To the end of the pulse: lines at 0 V, the word lines of the row closed.
        rest = {
            "vbl": 0.0,
            "vsl": 0.0,
            "vwl": bench.spec.bias.wl_unselected,
            "vwlb": bench.spec.bias.wlb_unselected,
        }
        for source, level in rest.items():
            assert pulse.voltage[source][-1] == approx(level, abs=1e-6)
            assert pulse.voltage[source][0] == approx(level, abs=1e-6)
        # Line, gates and wells: everything that a source gives is paid for.
        delivered = sum(np.trapezoid(pulse.voltage[s] * pulse.current[s], pulse.time) for s in pulse.voltage)
        energies.append(float(delivered))
        assert found[f"write_energy_{name}"].value == approx(energies[-1], rel=1e-6)
        assert found[f"write_switching_time_{name}"].value == approx(pulse.switching_time, rel=1e-6)
        wave = variant.waveforms
        drawn = np.trapezoid(wave[f"v_{line}_{name}"].values * wave[f"i_{line}_{name}"].values, pulse.time)
        assert float(drawn) == approx(pulse.energy[f"v{line}"], rel=1e-6)
        # From the middle of the rising edge of the line itself to m_z = 0.
        state, time = wave[f"mz_{name}"].values, wave[f"time_{name}"].values
        line_voltage = wave[f"v_{line}_{name}"].values
        rise = np.interp(
            0.5 * voltage, line_voltage[: line_voltage.argmax() + 1], time[: line_voltage.argmax() + 1]
        )
        at = int(np.flatnonzero(state * state[0] < 0)[0])
        share = state[at - 1] / (state[at - 1] - state[at])
        crossing = time[at - 1] + share * (time[at] - time[at - 1])
        assert pulse.switching_time == approx(float(crossing - rise), rel=1e-3)
        rate = found[f"wer_{name}_nominal"].value
        assert rate == approx(write.wer, rel=0.05)
    assert found["write_energy"].value == approx(sum(energies) / 2, rel=1e-6)
    lines = {write.line_0to1: "write_voltage_0to1", write.line_1to0: "write_voltage_1to0"}
    assert found["ltd_voltage"].value == found[lines["bl"]].value
    assert found["ltp_voltage"].value == found[lines["sl"]].value


def test_the_read_is_ohms_law_and_its_energy_comes_from_the_supply(
    measured: tuple[Bench, CellVariant],
) -> None:
    bench, variant = measured
    found, read = variant.quantities, bench.spec.read
    voltage = found["read_voltage"].value
    line = measure_load_line(bench, read.line, np.array([voltage - 1e-3, voltage]), np.array([-1.0, 1.0]))
    current, junction = line.current[-1], line.v_top[-1] + line.v_bottom[-1]
    for name, value in {
        "r_on": voltage / current[1],
        "r_off": voltage / current[0],
        "r_mtj_p": junction[1] / current[1],
        "r_mtj_ap": junction[0] / current[0],
        # The switch carries the current of state 0 at what the junction leaves of the voltage.
        "r_access": (voltage - junction[1]) / current[1],
    }.items():
        assert found[name].value == approx(float(value), rel=1e-4), name
    charges = [
        measure_pulse(bench, "read", read.line, voltage, bench.variant.read_pulse, stored=stored).charge
        for stored in (0, 1)
    ]
    assert found["read_energy"].value == approx(bench.card["vdd"] * sum(charges) / 2, rel=1e-6)
    fine = measure_load_line(bench, read.line, np.array([voltage - 1e-3, voltage]), state_nodes(13))
    rate = error_rate(bench.junction, fine, voltage, bench.variant.read_pulse, stored=0, side="leave")
    assert found["rdr_nominal"].value == approx(float(rate), rel=1e-3)
    assert float(rate) == approx(read.rdr, rel=0.05)


def test_load_lines_of_the_table_are_physical(measured: tuple[Bench, CellVariant]) -> None:
    """Signs by direction, and each barrier's voltage at its own name: the twin gives current and drive."""
    bench, variant = measured
    arrays = variant.load_lines
    for name, sign in (("0to1", 1.0), ("1to0", -1.0)):
        current, drive = arrays[f"current_{name}"].values, arrays[f"drive_{name}"].values
        top, bottom = arrays[f"v_top_{name}"].values, arrays[f"v_bottom_{name}"].values
        assert (sign * current[1:] > 0).all()
        assert (sign * drive[1:] > 0).all()
        assert "top barrier" in arrays[f"v_top_{name}"].long_name
        assert "bottom barrier" in arrays[f"v_bottom_{name}"].long_name
        state = arrays["mz"].values[None, :]
        twin_top, twin_bottom = bench.junction.barrier_voltages(state, top + bottom)
        np.testing.assert_allclose(top, twin_top, rtol=1e-4, atol=1e-9)
        np.testing.assert_allclose(bottom, twin_bottom, rtol=1e-4, atol=1e-9)
        np.testing.assert_allclose(
            current, bench.junction.current(state, top + bottom), rtol=1e-4, atol=1e-10
        )


def test_leakage_is_the_worse_state_and_the_worse_line(measured: tuple[Bench, CellVariant]) -> None:
    """By power into the cell for each line and state in turn."""
    bench, variant = measured
    found, write = variant.quantities, bench.spec.write
    voltages = found["write_voltage_0to1"].value, found["write_voltage_1to0"].value
    both = measure_leakage(bench, *voltages)
    assert found["leakage"].value == both.idle
    assert found["leakage_half_selected"].value == both.half_selected
    bias = bench.spec.bias
    quiet = {
        "v_wl": bias.wl_unselected,
        "v_wlb": bias.wlb_unselected,
        "v_nw": bias.n_well,
        "v_pw": bias.p_well,
    }

    def power(lines: dict[str, float], z: float) -> float:
        held = [{bench.cell.mtj: {"freeze": 1.0, "z_frozen": z}}]
        deck = render(bench.testbench("leakage"), bench.cell, {**quiet, **lines}, copies=held, save=["all"])
        simulator = bench.simulator()
        simulator.load(deck)
        vectors = simulator.run("op")
        simulator.unload()
        ports = ("bl", "sl", "wl", "wlb", "nw", "pw")
        return -sum(float(vectors[port][0] * vectors[f"v{port}#branch"][0]) for port in ports)

    assert both.idle == approx(max(power({}, z) for z in (1.0, -1.0)), rel=1e-3)
    driven = [
        power({f"v_{line}": voltage}, z)
        for line, voltage in zip((write.line_0to1, write.line_1to0), voltages, strict=True)
        for z in (1.0, -1.0)
    ]
    assert both.half_selected == approx(max(driven), rel=1e-3)


def test_the_largest_deviation_from_the_load_line_is_relative(measured: tuple[Bench, CellVariant]) -> None:
    """By linear interpolation in m_z between many states, for both writes."""
    bench, variant = measured
    found = variant.quantities
    worst = []
    for _, line, voltage, pulse in writes(bench, variant):
        exact = measure_load_line(bench, line, np.array([voltage - 1e-3, voltage]), np.linspace(-1, 1, 65))
        high = np.flatnonzero(pulse.voltage[f"v{line}"] > 0.999999 * voltage)
        rows = high[pulse.time[high] > pulse.time[high[0]] + 50e-12]
        expected = np.interp(pulse.state[rows], exact.state, exact.current[-1])
        off = np.abs(pulse.junction_current[rows] - expected).max()
        worst.append(off / np.abs(expected).max())
    stored_value = found["quasi_static_deviation"].value
    assert 0 < stored_value < 5e-3
    assert stored_value == approx(max(worst), rel=0.3)


def test_a_search_comes_back_from_its_arrays(make_bench: MakeBench) -> None:
    bench = make_bench(CELLS[1])
    found: Nominal = search_nominal(bench, 5, 0.2)
    again = nominal_from(NominalSearch(bench, 5, 0.2).run())
    assert again.writes == found.writes
    assert again.read == found.read
    for line, surface in found.surfaces.items():
        for name in ("voltage", "state", "current", "drive", "v_top", "v_bottom"):
            np.testing.assert_array_equal(getattr(again.surfaces[line], name), getattr(surface, name))
    moved = nominal_from(NominalSearch(bench, 5, 0.2).run(), (0.5, 0.6, 0.1))
    assert [moved.writes[0].voltage, moved.writes[1].voltage, moved.read.voltage] == [0.5, 0.6, 0.1]
