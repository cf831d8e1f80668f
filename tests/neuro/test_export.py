"""Exports: what another program reads is what the table holds, and what it cannot hold is said."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from flow.table import Quantity, UserError, open_table, write_table
from neuro.cli import app
from neuro.export import neurosim, nvsim, pandas_table, tidy_csv
from neuro.export.rows import rows
from neuro.export.selection import select
from tests.near import approx
from tests.neuro.report.material import CELLS
from tests.neuro.tables import CARD, write_cells


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_cells(tmp_path / "cells.h5")


def export(table: Path, *words: str) -> Any:
    return CliRunner().invoke(app, ["export", str(table), *words])


@pytest.mark.parametrize("device", ["smtj", "dmtj"])
def test_an_nvsim_cell_reads_back_to_the_printed_digits(table: Path, device: str) -> None:
    name = CELLS[device]
    text = nvsim.write(select(table, [name]), sense_voltage=0.03)
    found = nvsim.read(text)
    values = {key: one.value for key, one in open_table(table).cells[name]["0.85"].quantities.items()}
    feature = values["feature_size"]
    for line, expected in {
        "CellArea": values["cell_area"] / feature**2,
        "CellAspectRatio": values["cell_height"] / values["cell_width"],
        "ResistanceOn": values["r_mtj_p"],
        "ResistanceOff": values["r_mtj_ap"],
        "ReadVoltage": values["read_voltage"],
        "ReadEnergy": values["read_energy"],
        "ReadPower": values["read_energy"] / values["read_pulse"],
        "MinSenseVoltage": 0.03,
        "SetVoltage": values["write_voltage_1to0"],
        "SetPulse": values["write_pulse"],
        "SetEnergy": values["write_energy_1to0"],
        "ResetVoltage": values["write_voltage_0to1"],
        "ResetPulse": values["write_pulse"],
        "ResetEnergy": values["write_energy_0to1"],
        "AccessCMOSWidth": values["access_width_n"] / feature,
        "VoltageDropAccessDevice": values["read_voltage"] * values["r_access"] / values["r_on"],
    }.items():
        assert found.pop(line) == approx(expected, rel=1e-11), line
    assert not found
    lines = text.splitlines()
    # Words and units exactly as NVSim looks for them; it scans `-SetPulse (ns): %lf`.
    assert "-MemCellType: MRAM" in lines
    assert "-ReadMode: current" in lines
    assert f"-SetPulse (ns): {1e9 * values['write_pulse']:.12g}" in lines
    assert f"-ReadEnergy (pJ): {1e12 * values['read_energy']:.12g}" in lines
    assert f"-SetEnergy (pJ): {1e12 * values['write_energy_1to0']:.12g}" in lines
    assert f"-ResetEnergy (pJ): {1e12 * values['write_energy_0to1']:.12g}" in lines
    assert all(line.startswith(("-", "//")) or not line for line in lines)
    remarks = "\n".join(line for line in lines if line.startswith("//"))
    assert "command: mtj-flow characterize" in remarks
    assert "ReadVoltage: 95 % interval" in remarks
    assert "error rates" in remarks
    assert "p-FinFETs of 7.5 F" in remarks
    assert ("two barriers" in remarks) == (device == "dmtj")


def test_neurosim_parameters_are_those_that_the_model_trains_with(table: Path) -> None:
    text = neurosim.write(select(table, [f"{CELLS['dmtj']}/0.85"]))
    found = neurosim.read(text)
    values = {
        key: one.value for key, one in open_table(table).cells[CELLS["dmtj"]]["0.85"].quantities.items()
    }
    switching = CARD["effective_resistance_multiplier"] * CARD["vdd"] / CARD["ion_n"]
    for name, expected in {
        "Ron": values["r_on"],
        "Roff": values["r_off"],
        "Gmax": 1 / values["r_on"],
        "Gmin": 1 / values["r_off"],
        "Raccess": switching / values["access_width_n"],
        "Vread": values["read_voltage"],
        "Vltp": values["ltp_voltage"],
        "Vltd": values["ltd_voltage"],
        "tLTP": values["write_pulse"],
        "tLTD": values["write_pulse"],
        "e_read": values["read_energy"],
        "readPulseWidth": values["read_pulse"],
        "W": values["cell_width"] / values["feature_size"],
        "H": values["cell_height"] / values["feature_size"],
        "F": CARD["feature_size"],
        "Vdd": CARD["vdd"],
        "Ion_n": CARD["ion_n"],
        "Ion_p": CARD["ion_p"],
        "Ioff_n": CARD["ioff_n"],
        "Ioff_p": CARD["ioff_p"],
        "kappa": CARD["effective_resistance_multiplier"],
        "cg": CARD["gate_capacitance"],
        "pn": CARD["pn_ratio"],
        "Rwire": CARD["wire_resistance"],
    }.items():
        assert found.pop(name) == approx(expected, rel=1e-11), name
    assert not found
    assert "# Ron: 95 % interval" in text
    assert "connection: sl high writes 0 to 1" in text


def test_csv_holds_every_quantity_and_pandas_reads_it(table: Path) -> None:
    selection = select(table)
    text = tidy_csv.write(selection)
    assert tidy_csv.read(text) == list(rows(selection))
    frame = pd.read_csv(io.StringIO(text), comment="#", dtype={"variant": str})
    content = open_table(table)
    count = sum(len(one["0.85"].quantities) for one in content.cells.values())
    assert len(frame) == count + len(CARD)
    line = frame[(frame.cell == CELLS["smtj"]) & (frame.quantity == "read_energy")].iloc[0]
    stored = content.cells[CELLS["smtj"]]["0.85"].quantities["read_energy"]
    assert (line.variant, line.value, line.unit) == ("0.85", stored.value, "J")
    assert (line.ci_low, line.ci_high, line.status) == (stored.ci_low, stored.ci_high, "ok")
    failed = frame[frame.quantity == "wer_1to0"]
    assert failed.value.isna().all()
    assert set(failed.status) == {"not_converged"}


def test_the_pandas_table_is_read_without_pickle(table: Path) -> None:
    selection = select(table)
    text = pandas_table.write(selection)
    assert pandas_table.read(text) == list(rows(selection))
    frame = pd.read_json(io.StringIO(text), orient="table", precise_float=True)
    expected = pd.DataFrame([vars(row) for row in rows(selection)])
    assert list(frame.columns) == list(expected.columns)
    for name in ("cell", "variant", "quantity", "unit", "status"):
        assert list(frame[name]) == list(expected[name])
    for name in ("value", "ci_low", "ci_high"):
        pd.testing.assert_series_equal(frame[name], expected[name].astype(float), rtol=1e-15)
    document = json.loads(text)
    assert any("command: mtj-flow characterize" in line for line in document["origin"])
    assert document["left_out"]


def test_the_command_writes_whole_files_or_none(table: Path, tmp_path: Path) -> None:
    output = tmp_path / "new" / "cell.cell"
    done = export(table, "--format", "nvsim", "--cell", CELLS["smtj"], "-o", str(output), "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["cells"] == [f"{CELLS['smtj']}/0.85"]
    assert nvsim.read(output.read_text())["SetPulse"] == approx(3.39e-9)
    before = output.read_text()
    damaged = open_table(table)
    del damaged.cells[CELLS["smtj"]]["0.85"].quantities["r_access"]
    write_table(table, damaged)
    assert export(table, "--format", "nvsim", "--cell", CELLS["smtj"], "-o", str(output)).exit_code == 1
    assert output.read_text() == before
    assert [path.name for path in output.parent.iterdir()] == ["cell.cell"]
    shown = export(table, "--format", "csv", "-o", "-")
    assert shown.exit_code == 0
    assert shown.stdout.startswith("# bitcells")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "nvsim"], "holds one cell: choose with --cell from 2t1mtj_rc_smtj/0.85"),
        (["--format", "csv", "--cell", "mine"], "no cell 'mine'; there are 2t1mtj_rc_smtj/0.85"),
        (["--format", "csv", "--cell", "2t1mtj_rc_smtj/0.80"], "no cell '2t1mtj_rc_smtj/0.80'"),
    ],
)
def test_a_wrong_choice_is_one_clear_error(table: Path, words: list[str], message: str) -> None:
    done = export(table, *words, "-o", "-")
    assert isinstance(done.exception, UserError)
    assert message in str(done.exception)
    assert done.stdout == ""


def test_an_unknown_format_is_refused_with_the_known_ones(table: Path) -> None:
    done = export(table, "--format", "spice", "-o", "-")
    assert done.exit_code == 2
    assert "nvsim" in done.output


def test_a_quantity_without_a_value_stops_a_format_that_needs_it(table: Path) -> None:
    content = open_table(table)
    quantities = content.cells[CELLS["dmtj"]]["0.85"].quantities
    quantities["r_mtj_p"] = replace(quantities["r_mtj_p"], value=float("nan"), status="not_measured")
    write_table(table, content)
    with pytest.raises(UserError, match=r"r_mtj_p: has no value"):
        nvsim.write(select(table, [CELLS["dmtj"]]))


@pytest.mark.parametrize(
    ("reader", "text", "message"),
    [
        (nvsim.read, "-SetPulse (ns): many\n", "'many' is no number"),
        (nvsim.read, "SetPulse = 3\n", "no line of a cell file"),
        (neurosim.read, "# remark\nRon = \n", "expected `name = number`"),
        (tidy_csv.read, "cell,value\na,1\n", "expected the columns"),
        (pandas_table.read, '{"data": [{"cell": "a"}]}', "no table of rows"),
    ],
)
def test_foreign_files_are_refused(reader: Any, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        reader(text)


def test_a_missed_target_is_said_in_the_text_formats(table: Path) -> None:
    content = open_table(table)
    quantities = content.cells[CELLS["smtj"]]["0.85"].quantities
    voltage = quantities["read_voltage"]
    quantities["read_voltage"] = Quantity(voltage.value, "V", status="target_missed")
    write_table(table, content)
    assert "//ReadVoltage; status target_missed" in nvsim.write(select(table, [CELLS["smtj"]]))


def test_intervals_come_in_the_unit_of_their_line_and_beside_their_own_number(table: Path) -> None:
    content = open_table(table)
    variant = content.cells[CELLS["smtj"]]["0.85"]
    for name, low, high in (("write_energy_1to0", 1e-13, 5e-13), ("r_off", 16e3, 17e3)):
        variant.quantities[name] = replace(variant.quantities[name], ci_low=low, ci_high=high)
    write_table(table, content)
    assert "//SetEnergy: 95 % interval 0.1 to 0.5 pJ" in nvsim.write(select(table, [CELLS["smtj"]]))
    text = neurosim.write(select(table, [f"{CELLS['smtj']}/0.85"]))
    assert "# Roff: 95 % interval 16000 to 17000 ohm" in text
