"""Intervals of the inputs, propagated by samples."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from flow.table import UserError
from neuro.cli import app
from neuro.uncertainty import Interval, propagate
from tests.near import approx
from tests.neuro.designs import CELL, CORE, FINFET, POINTS


def test_samples_have_the_interval_they_were_drawn_from() -> None:
    for interval in (Interval(10.0, 8.0, 15.0), Interval(0.5, -1.0, 1.0)):
        values = interval.sample(np.random.default_rng(1), 200_000)
        low, median, high = np.quantile(values, [0.025, 0.5, 0.975])
        assert median == approx(interval.value, rel=0.01)
        assert low == approx(interval.low, rel=0.02)
        assert high == approx(interval.high, rel=0.02)


def test_a_linear_figure_takes_over_the_relative_interval() -> None:
    # The write latency is the pulse times the rows, but for half a clock period.
    pulse = Interval(3.39e-9, 3.0e-9, 4.0e-9)
    result = propagate(FINFET, CELL, CORE, {"cell.write_pulse_s": pulse}, "neurosim", samples=20_000)
    low, high = result.intervals["write_latency_s"]
    assert low == approx(400 * 3.0e-9 + 0.25e-9, rel=0.01)
    assert high == approx(400 * 4.0e-9 + 0.25e-9, rel=0.01)
    area = result.intervals["area_m2"]["total"]
    assert area[0] == area[1]


def test_intervals_do_not_depend_on_what_else_is_uncertain() -> None:
    pulse = Interval(3.39e-9, 3.0e-9, 4.0e-9)
    vdd = Interval(0.8, 0.78, 0.82)
    one = propagate(FINFET, CELL, CORE, {"cell.write_pulse_s": pulse}, samples=500)
    two = propagate(FINFET, CELL, CORE, {"technology.vdd_V": vdd, "cell.write_pulse_s": pulse}, samples=500)
    assert one.intervals["write_latency_s"] == two.intervals["write_latency_s"]
    assert one.intervals["leakage_W"]["core"][1] < two.intervals["leakage_W"]["core"][1]


def test_samples_that_cannot_be_built_are_counted_or_too_many() -> None:
    few = propagate(FINFET, CELL, CORE, {"cell.r_access_ohm": Interval(3829.0, 500.0, 5000.0)}, samples=4000)
    assert 0 < few.refused < 1000
    with pytest.raises(UserError, match="cannot be built"):
        propagate(FINFET, CELL, CORE, {"cell.r_access_ohm": Interval(500.0, 300.0, 900.0)})
    with pytest.raises(UserError, match="within its interval"):
        Interval(1.0, 2.0, 3.0)
    with pytest.raises(UserError, match="no field"):
        propagate(FINFET, CELL, CORE, {"cell.colour": Interval(1.0, 1.0, 1.0)})


def test_the_command_adds_intervals(tmp_path: Path) -> None:
    design: Any = copy.deepcopy(POINTS[0]["design"])
    pulse = design["cell"]["write_pulse_s"]
    design["cell"]["write_pulse_s"] = {"value": pulse, "ci_low": 0.9 * pulse, "ci_high": 1.2 * pulse}
    broken = copy.deepcopy(design)
    broken["cell"]["write_pulse_s"]["ci_high"] = 0.95 * pulse
    path = tmp_path / "designs.json"
    path.write_text(json.dumps([design, broken, POINTS[1]["design"]]))
    run = CliRunner().invoke(
        app, ["estimate", str(path), "--json", "--model", "neurosim", "--samples", "300"]
    )
    assert run.exit_code == 0, run.output
    first, second, third = json.loads(run.stdout)
    low, high = first["intervals"]["write_latency_s"]
    assert low < first["write_latency_s"] < high
    assert first["area_m2"] == approx(POINTS[0]["result"]["area_m2"], rel=1e-9)
    assert first["samples"] == {"drawn": 300, "refused": 0}
    assert second["field"] == "cell.write_pulse_s"
    low, high = third["intervals"]["write_latency_s"]
    assert low == high == third["write_latency_s"]
