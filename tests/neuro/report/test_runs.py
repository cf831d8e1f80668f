"""Means and intervals over replicas, and the comparisons made from traces."""

from __future__ import annotations

import numpy as np

from neuro.report.paper import Paper
from neuro.report.results import training_advantage
from neuro.report.runs import accuracy, area, interval_band, mean_interval, ordered, table_3, whole_interval
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


def test_the_intervals_of_the_table_add_in_quadrature_to_those_of_the_seeds() -> None:
    """Replicas of 0.98, 1 and 1.02 mJ; in cells of the table's samples evenly 0.9 to 1.2 mJ."""
    energy = run().read_energy_J * np.array([0.98, 1.0, 1.02])
    samples = np.linspace(0.9e-3, 1.2e-3, 1001) * np.ones((15, 1))
    found = whole_interval(
        run(read_energy_J=energy, table_costs={"read_energy_J": samples}), "read_energy_J", 1e3
    )
    # t(0.975, 2) = 4.3027; the 2.5 % and 97.5 % points of the samples lie 0.0925 below and 0.1925 above.
    half = 4.302652729911275 * 0.02 / np.sqrt(3.0)
    assert found.value == approx(1.0)
    assert found.low == approx(1.0 - np.hypot(half, 0.0925))
    assert found.high == approx(1.0 + np.hypot(half, 0.1925))
    assert found.seeds == approx((1.0 - half, 1.0 + half))


def test_what_the_table_does_to_the_accuracy_is_the_excess_of_the_scatter() -> None:
    """Variance 1 of the seeds alone, 9 of networks in cells as the table allows: 8 are the table's."""
    drawn = 90.0 + np.zeros((15, 1)) + 3.0 * np.arange(3)
    found = whole_interval(run(accuracy_table=drawn), "accuracy")
    half = 4.302652729911275 / np.sqrt(3.0)
    assert found.value == approx(91.0)
    assert found.low == approx(91.0 - np.hypot(half, 1.959964 * np.sqrt(8.0)))
    assert found.seeds == approx((91.0 - half, 91.0 + half))


def test_advantages_are_those_of_the_dmtj_within_one_model() -> None:
    published = {quantity: percent for quantity, _, percent in Paper().advantage()}
    assert published["area"] == approx(100 * (0.0531 / 0.0788 - 1))
    assert published["write_latency_training"] == approx(100 * (70.0 / 204.0 - 1), rel=1e-3)
    runs = [run("smtj"), run("dmtj", write_latency_s=0.3 * run().write_latency_s, area_m2=5.6e-8)]
    others = [run(device, "physical", area_m2=1e-6) for device in ("smtj", "dmtj")]
    for order in (runs + others, others + runs):
        assert training_advantage(order, "write_latency_training", "neurosim") == approx(-70.0)
        assert training_advantage(order, "area", "neurosim") == approx(-20.0)
