"""Intervals over seeds and over the table; the study of the oxide in the report."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from neuro.report.comparison import Measured
from neuro.report.figures.oxide import oxide
from neuro.report.oxide import OxideStudy, open_oxide
from neuro.report.paper import Paper
from neuro.report.runs import mean_interval, whole_interval
from tests.near import approx
from tests.neuro.report.material import run


def test_whole_interval_holds_seeds_and_table() -> None:
    one = run()
    seeds = mean_interval(one.write_energy_J[-1])
    assert whole_interval(one, "write_energy_J") == seeds
    value = seeds.value
    samples = np.linspace(0.9 * value, 1.1 * value, 401)
    both = whole_interval(
        dataclasses.replace(one, table_costs={"write_energy_J": np.stack([samples] * one.epochs)}),
        "write_energy_J",
    )
    assert both.low is not None
    assert both.seeds is not None
    half = 0.0 if seeds.low is None else value - seeds.low
    assert value - both.low == approx(np.hypot(half, 0.095 * value), rel=1e-6)
    assert both.seeds == approx((value - half, value + half))


def test_accuracy_takes_from_the_table_only_what_seeds_do_not_explain() -> None:
    one = run()
    calm = dataclasses.replace(one, accuracy_table=np.repeat(one.accuracy[:, :1], 4, axis=1))
    seeds = mean_interval(one.accuracy[-1])
    assert whole_interval(calm, "accuracy").low == approx(seeds.low)
    wild = dataclasses.replace(one, accuracy_table=one.accuracy[:, :1] + np.array([-9.0, -3.0, 3.0, 9.0]))
    found = whole_interval(wild, "accuracy")
    assert found.low is not None
    assert found.value - found.low > 1.9 * 7.0


def test_figure_with_and_without_a_study(tmp_path: Path) -> None:
    runs = [run(device=device) for device in ("smtj", "dmtj")]
    assert open_oxide(tmp_path) is None
    assert open_oxide(None) is None
    plain = oxide(runs, Paper())
    ratios = {device: {"0.80": Measured(1.9), "0.85": Measured(1.8, 1.7, 1.9)} for device in ("smtj", "dmtj")}
    curve = oxide(runs, Paper(), OxideStudy(ratios, runs, []))
    assert len(plain.canvas.axes) == 1
    assert len(curve.canvas.axes) == 2
    assert "assumed" in curve.caption
