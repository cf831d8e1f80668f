"""Voltages that meet an error-rate target: roots, monotony, and targets out of reach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flow.errors import UserError
from flow.measure.load_line import LoadLine, measure_load_line, state_nodes
from flow.measure.operating_point import error_rate, voltage_for
from tests.conftest import CELLS, MakeBench
from tests.near import approx


def surface(make_bench: MakeBench, name: str, line: str) -> LoadLine:
    return measure_load_line(make_bench(name), line, np.linspace(0.0, 1.4, 29), state_nodes(7))


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize(("target", "pulse"), [(1e-4, 2e-9), (1e-7, 2e-9), (1e-7, 4e-9)])
def test_the_root_meets_the_target(make_bench: MakeBench, name: str, target: float, pulse: float) -> None:
    bench = make_bench(name)
    line = bench.spec.write.line_0to1
    found = voltage_for(
        bench.junction, surface(make_bench, name, line), pulse, target,
        stored=0, side="stay", limit=1.4, what="write",
    )  # fmt: skip
    exact = measure_load_line(bench, line, np.array([found.voltage - 1e-3, found.voltage]), state_nodes(13))
    rate = error_rate(bench.junction, exact, found.voltage, pulse, stored=0, side="stay")
    # Interpolation and node number together move ln WER by less than 3 %, that is 0.1 mV.
    assert float(rate) == approx(target, rel=0.03)


@pytest.mark.parametrize("name", CELLS)
def test_error_rates_fall_and_rise_with_voltage(make_bench: MakeBench, name: str) -> None:
    bench = make_bench(name)
    lines = surface(make_bench, name, bench.spec.read.line)
    voltage = np.linspace(0.05, 1.2, 24)
    write = error_rate(bench.junction, lines, voltage, 2e-9, stored=0, side="stay")
    read = error_rate(bench.junction, lines, voltage, 1e-9, stored=0, side="leave")
    assert np.all(np.diff(write) <= 1e-12)
    assert np.all(np.diff(read) >= -1e-12)
    assert np.all((write >= 0) & (write <= 1) & (read >= 0) & (read <= 1))


def test_longer_pulses_need_less_voltage_to_write_and_less_to_disturb(make_bench: MakeBench) -> None:
    bench = make_bench("2t1mtj_rc_smtj")
    lines = surface(make_bench, "2t1mtj_rc_smtj", "bl")
    options = {"stored": 0, "limit": 1.4, "what": "x"}
    write = [
        voltage_for(bench.junction, lines, pulse, 1e-7, side="stay", **options).voltage
        for pulse in (2e-9, 4e-9)
    ]
    read = [
        voltage_for(bench.junction, lines, pulse, 1e-9, side="leave", **options).voltage
        for pulse in (1e-9, 4e-9)
    ]
    assert write[1] < write[0]
    assert read[1] < read[0]


def test_a_target_out_of_reach_says_so(make_bench: MakeBench) -> None:
    bench = make_bench("2t1mtj_rc_smtj")
    lines = surface(make_bench, "2t1mtj_rc_smtj", "bl")
    with pytest.raises(UserError, match=r"not reached up to 0\.6 V"):
        voltage_for(bench.junction, lines, 1e-9, 1e-7, stored=0, side="stay", limit=0.6, what="write")


def test_bounds_where_the_target_is_met_everywhere(make_bench: MakeBench) -> None:
    """A read that never disturbs takes the highest voltage, a write that always succeeds the lowest."""
    bench = make_bench("2t1mtj_rc_smtj")
    lines = surface(make_bench, "2t1mtj_rc_smtj", "bl")
    read = voltage_for(bench.junction, lines, 1e-9, 0.5, stored=0, side="leave", limit=0.11, what="read")
    assert read.voltage == approx(0.11)
    exact = error_rate(bench.junction, lines, read.voltage, 1e-9, stored=0, side="leave")
    assert read.error_rate == approx(float(exact), rel=1e-6)
    hot = replace(bench.junction, temperature=1500.0)  # no state lasts a second
    write = voltage_for(hot, lines, 1.0, 0.9, stored=0, side="stay", limit=1.4, what="write")
    exact = error_rate(hot, lines, write.voltage, 1.0, stored=0, side="stay")
    assert write.voltage == approx(1.4 / 56)
    assert write.error_rate == approx(float(exact), rel=1e-6)
    with pytest.raises(UserError, match="exceeded even at"):
        voltage_for(hot, lines, 1e-3, 1e-9, stored=0, side="leave", limit=0.6, what="read")
    root = voltage_for(bench.junction, lines, 2e-9, 1e-7, stored=0, side="stay", limit=1.4, what="write")
    assert root.error_rate == approx(1e-7, rel=1e-3)
