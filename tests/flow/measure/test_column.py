"""Columns in ngspice: sums of single cells, wires and drivers against their closed formulas."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from flow.measure.bench import Bench
from flow.measure.column import line_charge, mux_resistance, read_current, settle, write
from flow.measure.column_deck import Column, PassGate, Rows, column_of, deck, pass_gate, spread_rows
from flow.measure.column_study import STRONG, study_columns
from flow.measure.load_line import measure_load_line
from flow.measure.transient import measure_pulse
from flow.table import BitcellTable, CellVariant, known, open_table
from tests.conftest import CELLS, ROOT, MakeBench, Run
from tests.near import approx

CARD = {
    "fin_height": 30e-9,
    "fin_width": 10e-9,
    "effective_resistance_multiplier": 1.03,
    "vdd": 0.8,
    "ion_n": 1000.0,
    "ion_p": 850.0,
    "feature_size": 28e-9,
    "wire_resistance": 1.187e6,
    "wire_capacitance": 2e-10,
}
DRAIN = 1.8e-10
"""Drain capacitance of the card finfet28 (F/m), as its technology measurement finds it."""
VOLTAGE = 0.12
HEIGHT = 180e-9
WRITES = {"2t1mtj_rc_smtj": (0.90, 3.39e-9), "2t1mtj_sc_dmtj": (0.75, 1.16e-9)}


def _column(rows: int, **changes: object) -> Column:
    return dataclasses.replace(column_of(CARD, rows, r_on=1e4, cell_height=HEIGHT), **changes)  # type: ignore[arg-type]


def _cell_currents(bench: Bench) -> tuple[float, float]:
    """Current of a single cell in states 0 and 1 at the read voltage, A."""
    grid = np.array([VOLTAGE - 1e-3, VOLTAGE])
    current = np.abs(measure_load_line(bench, bench.spec.read.line, grid, np.array([-1.0, 1.0])).current[-1])
    return float(current[1]), float(current[0])


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("rows", [8, 16])
def test_a_column_carries_the_sum_of_its_cells(make_bench: MakeBench, name: str, rows: int) -> None:
    bench = make_bench(name)
    low, high = _cell_currents(bench)
    for active, ones in ((1, 0), (1, 1), (rows // 2, rows // 4), (rows, rows // 2)):
        current = read_current(
            bench, _column(rows), spread_rows(rows, active, ones), VOLTAGE, through_mux=False
        )
        # The wire takes less than 0.5 % in so short a column, idle cells leak less than that.
        assert current == approx((active - ones) * low + ones * high, rel=5e-3)


def test_the_shared_wire_acts_as_a_line_with_shunt_conductance(make_bench: MakeBench) -> None:
    """V G tanh(t)/t, t^2 = G R: with a wire 200 times as resistive the column loses a third."""
    bench = make_bench(CELLS[0])
    rows = 16
    low, _ = _cell_currents(bench)
    column = _column(rows, pitch_resistance=50.0)
    conductance = rows * low / VOLTAGE
    t = math.sqrt(conductance * column.wire_resistance)
    assert 0.6 < math.tanh(t) / t < 0.8
    current = read_current(bench, column, spread_rows(rows, rows, 0), VOLTAGE, through_mux=False)
    # 16 lumps of wire, the nearest of which carries everything, lose a little more than the even line.
    expected = VOLTAGE * conductance * math.tanh(t) / t
    assert current == approx(expected, rel=0.04)
    assert current < expected
    # In a plain memory the bit line's wire drops as much again.
    memory = read_current(bench, column.as_memory(), spread_rows(rows, rows, 0), VOLTAGE, through_mux=False)
    assert memory < 0.85 * current


def test_two_pass_gates_are_in_series_with_the_column(make_bench: MakeBench) -> None:
    bench = make_bench(CELLS[1])
    column, rows = _column(8), spread_rows(8, 8, 4)
    alone = read_current(bench, column, rows, VOLTAGE, through_mux=False)
    behind = read_current(bench, column, rows, VOLTAGE, through_mux=True)
    gate = mux_resistance(bench, column, rows, VOLTAGE)
    assert behind == approx(VOLTAGE / (VOLTAGE / alone + 2 * gate), rel=0.03)
    # The linear n-FinFET alone conducts: less than the switching resistance says, more than both would.
    assert 0.4 < gate / (1e4 / (2 * 8)) < 0.8


@pytest.mark.parametrize("name", CELLS)
def test_settling_is_elmores(make_bench: MakeBench, name: str) -> None:
    bench = make_bench(name)
    column, rows = _column(16), spread_rows(16, 4, 2)
    settled = settle(bench, column, rows, VOLTAGE)
    gate = mux_resistance(bench, column, rows, VOLTAGE)
    fin = 70e-9
    drain = DRAIN * (column.mux.fins_n + column.mux.fins_p) * fin
    channel = 87e-18 * column.mux.fins_n / 2
    cell = 5 if name == CELLS[0] else 4
    line = 16 * (column.pitch_capacitance + DRAIN * cell * fin)
    node = 17 * drain + 2 * channel + 2 * column.reset_fins * fin * DRAIN
    elmore = gate * node + 2 * gate * (line + drain + channel)
    assert settled.time[0.1] == approx(math.log(10) * elmore, rel=0.10)
    # One pole dominates: ten times closer takes up to another ln 10 of it.
    assert 1.6 < settled.time[0.01] / settled.time[0.1] < 2.05


def test_settling_through_the_wire_alone(make_bench: MakeBench) -> None:
    """Wide gates, a resistive wire with much capacitance: an RC line, the first mode of which is known."""
    bench = make_bench(CELLS[0])
    rows, resistance, capacitance = 16, 20.0, 20e-15
    column = _column(
        rows,
        pitch_resistance=resistance,
        pitch_capacitance=capacitance,
        mux=PassGate(2000, 2000),
        columns=2,
    )
    far = np.arange(rows) == rows - 1
    settled = settle(bench, column, Rows(far, np.zeros(rows, dtype=np.int64)), VOLTAGE)
    # dv/dt = (v[k-1] - 2 v[k] + v[k+1])/RC, grounded before the first node and open after the last.
    slowest = resistance * capacitance / (2 - 2 * math.cos(math.pi / (2 * rows + 1)))
    # The last decade falls with the slowest mode alone.
    assert settled.time[0.01] - settled.time[0.1] == approx(math.log(10) * slowest, rel=0.10)


@pytest.mark.parametrize("name", CELLS)
def test_line_energy_is_c_v_squared_and_proportional_to_the_rows(make_bench: MakeBench, name: str) -> None:
    bench = make_bench(name)
    fins = 5 if name == CELLS[0] else 4
    pitch = 2e-10 * HEIGHT + DRAIN * fins * 70e-9
    charges = {
        (rows, voltage): line_charge(bench, _column(rows), voltage, 1e-9)
        for rows in (8, 16)
        for voltage in (0.5, 1.0)
    }
    assert charges[16, 1.0] == approx(2 * charges[8, 1.0], rel=0.01)
    assert charges[8, 1.0] == approx(2 * charges[8, 0.5], rel=0.05)
    for (rows, voltage), charge in charges.items():
        assert charge == approx(rows * pitch * voltage, rel=0.05)


@pytest.mark.parametrize("name", CELLS)
def test_a_strong_driver_gives_the_cells_own_energy_and_a_weak_one_costs(
    make_bench: MakeBench, name: str
) -> None:
    bench = make_bench(name)
    voltage, width = WRITES[name]
    line = bench.spec.write.line_0to1
    alone = measure_pulse(bench, "write", line, voltage, width, stored=0).energy[f"v{line}"]
    weak = _column(8)
    strong = weak.driven_by(pass_gate(CARD, 1e4 / STRONG))
    by_strong, by_weak = (write(bench, column, 7, 0, voltage, width) for column in (strong, weak))
    assert by_strong.switched
    assert by_weak.switched
    assert by_strong.cell_energy == approx(alone, rel=0.03)
    # Voltage drop of the driver and the line's C V^2 come on top.
    assert 1.0 < by_strong.supply_energy / alone < 1.1
    assert 1.15 < by_weak.supply_energy / alone < 1.9
    assert 1.1 < by_weak.supply_voltage / voltage < 1.7


def test_rows_are_spread_evenly_and_hold_as_many_ones_as_asked() -> None:
    for rows, active, ones in ((8, 1, 0), (8, 3, 2), (16, 16, 8), (256, 64, 32)):
        found = spread_rows(rows, active, ones)
        assert found.active.sum() == active
        assert found.stored[found.active].sum() == ones
        places = np.flatnonzero(found.active)
        if active > 1:
            assert np.ptp(np.diff(places)) <= 1
    with pytest.raises(ValueError, match="more ones"):
        spread_rows(8, 2, 3)


def test_the_deck_repeats_the_row_and_freezes_all_cells_but_the_written(make_bench: MakeBench) -> None:
    bench = make_bench(CELLS[0])
    rows = spread_rows(8, 1, 0)
    row = int(np.flatnonzero(rows.active)[0])
    text = deck(bench, "column_write", _column(8), rows, {}, ("ts",), written=row, moving=True)
    cells = [line.split() for line in text.splitlines() if line.lower().startswith("x")]
    assert [words[0] for words in cells] == [f"X{index}" for index in range(8)]
    assert [words[-1] == "cell_2" for words in cells] == [index == row for index in range(8)]
    assert [words[3] == "wl" for words in cells] == [index == row for index in range(8)]
    assert {words[1] for words in cells} == {"tb", "bi"}
    assert sum(line.startswith("Rsl") for line in text.splitlines()) == 8
    with pytest.raises(ValueError, match="column of 4"):
        deck(bench, "column_write", _column(4), rows, {}, ())


def test_pass_gates_of_the_rule() -> None:
    """kappa vdd/(Ion W) of each transistor is twice the resistance of the pair."""
    gate = pass_gate(CARD, 100.0)
    assert 1.03 * 0.8 / 1000 / (gate.fins_n * 70e-9) == approx(200, rel=0.01)
    assert 1.03 * 0.8 / 850 / (gate.fins_p * 70e-9) == approx(200, rel=0.01)
    assert pass_gate(CARD, 1e9) == PassGate(1, 1)


def test_a_switch_without_fins_is_refused_before_the_simulator_sees_it() -> None:
    with pytest.raises(ValueError, match="another column"):
        _column(8, columns=1)
    with pytest.raises(ValueError, match="fins"):
        _column(8, mux=PassGate(0, 1))


def test_the_study_refuses_a_table_without_its_cell(make_bench: MakeBench) -> None:
    from flow.errors import UserError

    table = BitcellTable(cells={CELLS[0]: {"0.85": CellVariant(quantities={"r_on": known("r_on", 9e3)})}})
    with pytest.raises(UserError, match="mtj-flow characterize"):
        study_columns(make_bench(CELLS[0]), table, (8,))


def test_the_command_repeats_the_stored_columns(project: Path, run: Run) -> None:
    """The stored figures are what the simulation gives today; if not, store a new `mtj-flow column`."""
    reference = ROOT / "tests" / "reference" / "columns.h5"
    arguments = ("column", CELLS[1], "--rows", "8", "--tables", str(reference), "--json")
    done = run(project, "flow", *arguments)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["columns"][CELLS[1]]["0.85"]
    stored = open_table(reference).cells[CELLS[1]]["0.85"].samples
    for name, array in stored.items():
        if array.dims[0] == "rows":
            np.testing.assert_allclose(found[name][0], array.values[0], rtol=1e-3, err_msg=name)
    written = open_table(project / "build" / "tables" / "columns.h5").cells[CELLS[1]]["0.85"]
    assert written.samples["read_current"].dims == ("rows", "share")
    missing = run(project, "flow", "column", "--tables", "nowhere.h5", "--json")
    assert missing.returncode == 1
    assert json.loads(missing.stdout)["file"] == "nowhere.h5"
