"""`mtj-flow device`: the figures of a bare junction against its twin and the solver."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from flow.cli import app
from flow.device.datasheet import NODES, datasheet, load_line
from flow.device.fokker_planck import switching_probabilities
from flow.device.mtj import DMTJ, SMTJ
from flow.errors import UserError
from tests.near import approx

ROOT = Path(__file__).parents[3]
DEVICES = ROOT / "spice" / "devices"
BOTH = pytest.mark.parametrize("device", [SMTJ(), DMTJ()], ids=["smtj", "dmtj"])


@BOTH
def test_critical_points_are_where_the_pole_loses_its_stability(device):
    sheet = datasheet(device)
    assert float(device.drive(1.0, sheet.critical_voltage_0to1)) == approx(1, rel=1e-6)
    assert float(device.drive(-1.0, sheet.critical_voltage_1to0)) == approx(-1, rel=1e-6)
    top, bottom = device.barrier_voltages(1.0, sheet.critical_voltage_0to1)
    assert sheet.critical_current_0to1 == approx(
        float(device.critical_current_0to1(float(top), float(bottom))), rel=1e-6
    )
    assert sheet.critical_voltage_1to0 < 0 < sheet.critical_voltage_0to1
    assert sheet.torque_prefactor == device.s


@BOTH
def test_curves_are_those_of_the_solver_and_fall_or_rise(device):
    sheet = datasheet(device, write=[0.6, -1.0], read=[0.1])
    assert [curve.state for curve in sheet.write] == [0, 1]
    for curve in sheet.write:
        assert curve.probability[0] == 1
        assert (np.diff(curve.probability) <= 1e-12).all()
    curve = sheet.write[1]
    chosen = int(np.argmin(np.abs(np.log10(np.maximum(curve.probability, 1e-300)) + 6)))
    alone = switching_probabilities(
        float(device.delta), NODES, load_line(device, -1.0), curve.time[chosen] / float(device.tau_d), -1
    )
    assert curve.probability[chosen] == approx(float(alone.stay), rel=1e-3)
    assert (np.diff(sheet.read[0].probability) >= 0).all()


@BOTH
def test_nodes_carry_the_load_line(device):
    voltage = 0.6 if device.kind == "smtj" else 0.5
    many = np.linspace(-1, 1, 513)
    width = 8.0 if device.kind == "smtj" else 2.5
    few = switching_probabilities(50, NODES, load_line(device, voltage), width, 1)
    all_of_it = switching_probabilities(
        50, many, np.asarray(device.drive(many, voltage)) * np.ones(513), width, 1
    )
    assert float(few.stay) == approx(float(all_of_it.stay), rel=1e-3)


@pytest.mark.parametrize("kind", ["smtj", "dmtj"])
def test_json_document(kind):
    result = CliRunner().invoke(app, ["device", str(DEVICES / f"{kind}.toml"), "--json", "-w", "0.9"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["kind"] == kind
    assert document["delta"]["value"] == approx(90, abs=0.5)
    assert set(document["critical_current_0to1"]) == {"value", "unit", "ci_low", "ci_high"}
    assert len(document["voltage_V"]) == len(document["tmr"]) == len(document["resistance_state0_ohm"])
    assert [curve["voltage"] for curve in document["write_error_rate"]] == [0.9]
    assert len(document["read_disturb_rate"]) == 2


def test_readable_tables():
    result = CliRunner().invoke(app, ["device", str(DEVICES / "smtj.toml")])
    assert result.exit_code == 0
    for words in ("thermal stability", "critical current", "Write error rate", "Read disturb rate"):
        assert words in result.stdout


@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")])
def test_figure(tmp_path, suffix, magic):
    file = tmp_path / f"figure{suffix}"
    result = CliRunner().invoke(app, ["device", str(DEVICES / "dmtj.toml"), "--figure", str(file)])
    assert result.exit_code == 0, result.output
    assert file.read_bytes().startswith(magic)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--write", "0"], "must not be zero"),
        (["--read", "nan"], "must not be zero"),
        (["--write", "9"], "at most 5 V"),
        (["--longest-write", "-1"], "must be a positive time"),
        (["--figure", "figure.abc"], "unknown figure format"),
        (["--figure", "/nowhere/figure.png"], "cannot be written"),
    ],
)
def test_refusals(tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["device", str(DEVICES / "smtj.toml"), *options])
    assert isinstance(result.exception, UserError)
    assert message in str(result.exception)
