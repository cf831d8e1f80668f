"""Means and intervals over replicas, and the comparisons made from traces."""

from __future__ import annotations

import numpy as np

from neuro.report.paper import Paper
from neuro.report.runs import accuracy, area, interval_band, mean_interval, ordered, table_3
from tests.near import approx
from tests.neuro.report.material import run


def test_interval_is_students_t() -> None:
    found = mean_interval(np.array([1.0, 2.0, 3.0, 4.0]))
    # t(0.975, 3) = 3.1824; standard error sqrt(5/3)/2
    half = 3.182446305284263 * np.sqrt(5.0 / 3.0) / 2.0
    assert found.value == 2.5
    assert found.low == approx(2.5 - half)
    assert found.high == approx(2.5 + half)


def test_one_replica_or_equal_ones_have_no_interval() -> None:
    assert mean_interval(np.array([3.0])).low is None
    assert mean_interval(np.array([0.1, 0.1 * (1 + 1e-16), 0.1])).low is None
    mean, low, high = interval_band(np.array([[3.0], [4.0]]))
    assert mean.tolist() == low.tolist() == high.tolist() == [3.0, 4.0]


def test_interval_covers_the_mean_in_95_of_100_experiments() -> None:
    samples = np.random.default_rng(5).normal(10.0, 2.0, (4000, 4))
    _, low, high = interval_band(samples)
    covered = float(np.mean((low <= 10.0) & (high >= 10.0)))
    assert covered == approx(0.95, abs=0.011)


def test_table_3_takes_the_last_epoch_in_the_papers_units() -> None:
    rows = {row.quantity: row for row in table_3([run()], Paper())}
    assert rows["read_energy_training"].measured.value == approx(1.0)
    assert rows["write_energy_training"].measured.value == approx(2.0)
    assert rows["read_latency_training"].measured.value == approx(50.0)
    assert rows["write_latency_training"].measured.value == approx(100.0)
    assert rows["write_latency_training"].paper == 204
    assert rows["write_latency_training"].deviation_percent == approx(100 * (100 / 204 - 1))


def test_a_training_of_other_length_is_not_compared() -> None:
    short = run()
    short = run(
        **{
            name: getattr(short, name)[:3]
            for name in ("accuracy", "read_latency_s", "write_latency_s", "read_energy_J", "write_energy_J")
        }
    )
    for row in [*table_3([short], Paper()), *accuracy([short], Paper())]:
        assert row.paper is None
        assert "3 epochs" in row.remark
    assert all(row.paper is None for row in table_3([run(images_per_epoch=100)], Paper()))


def test_accuracy_and_area_stand_beside_the_papers() -> None:
    (row,) = accuracy([run(replicas=1)], Paper())
    assert (row.measured.value, row.paper) == (approx(90.0), 83)
    (row,) = area([run("dmtj")], Paper())
    assert (row.measured.value, row.paper) == (approx(0.07), 0.0531)


def test_order_is_smtj_first_and_the_papers_model_first() -> None:
    runs = [run(device, model) for device in ("dmtj", "smtj") for model in ("physical", "neurosim")]
    assert [(one.device, one.model) for one in ordered(runs)] == [
        ("smtj", "neurosim"),
        ("smtj", "physical"),
        ("dmtj", "neurosim"),
        ("dmtj", "physical"),
    ]
