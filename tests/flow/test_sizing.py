"""Sizing: the front, the best pulse, and (slow) a whole run whose points meet their targets."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flow.sizing import Candidate, SizePoint, at_pulse, best_pulse, pareto, thinned
from flow.spec import load_study
from tests.conftest import CELLS, ROOT, MakeBench, Run
from tests.near import approx

FIGURE = st.floats(0.1, 10).map(lambda x: round(x, 1))


def candidate(energy: float, pulse: float, area: float) -> Candidate:
    return Candidate({"nn": 1}, pulse, 0.5, 0.5, 0.1, energy, area)


@given(st.lists(st.tuples(FIGURE, FIGURE, FIGURE), min_size=1, max_size=40))
def test_a_front_holds_all_that_nothing_beats(points: list[tuple[float, float, float]]) -> None:
    candidates = [candidate(*point) for point in points]
    front = pareto(candidates)
    assert front

    def beats(a: Candidate, b: Candidate) -> bool:
        mine, other = (a.energy, a.pulse, a.area), (b.energy, b.pulse, b.area)
        return all(x <= y for x, y in zip(mine, other, strict=True)) and mine != other

    for one in candidates:
        assert (one in front) == (not any(beats(other, one) for other in candidates))
    few = thinned(front, 3)
    assert len(few) <= 3
    assert min(c.energy for c in few) == min(c.energy for c in front)


def test_the_best_pulse_lies_between_the_points() -> None:
    pulses = np.geomspace(0.5e-9, 8e-9, 7)
    energies = np.cosh(np.log(pulses / 2.3e-9))
    best = best_pulse(pulses, energies)
    assert best == approx(2.3e-9, rel=0.1)
    assert best_pulse(pulses, pulses) is None
    assert best_pulse(pulses[:2], energies[:2]) is None


def test_more_fins_need_less_voltage_and_more_area(make_bench: MakeBench) -> None:
    study = load_study(ROOT / "study.toml")
    bench = make_bench(CELLS[1])
    small, large = (SizePoint(replace(bench, fins={"nn": n, "np": n}), study).run()["point"] for n in (1, 3))
    assert (large[:2] < small[:2]).all()
    assert large[3] < small[3]


def test_an_impossible_design_is_infeasible_and_no_crash(make_bench: MakeBench) -> None:
    study = load_study(ROOT / "study.toml")
    bench = make_bench(CELLS[0])
    variant = bench.variant.model_copy(update={"write_pulse": 0.2e-9})
    point = SizePoint(replace(bench, variant=variant, fins={"nn": 1, "np": 1}), study).run()["point"]
    assert np.isnan(point).all()


def test_a_candidate_solves_no_pulse_for_given_voltages(make_bench: MakeBench) -> None:
    bench = make_bench(CELLS[0])
    assert bench.variant.given_voltages is not None
    moved = at_pulse(bench, {"nn": 1, "np": 2}, 8e-9)
    assert moved.variant.given_voltages is None
    assert (moved.variant.write_pulse, dict(moved.fins)) == (8e-9, {"nn": 1, "np": 2})


@pytest.mark.slow
def test_verified_points_meet_their_targets(run: Run) -> None:
    done = run(ROOT, "flow", "size", CELLS[1], "--fins", "2", "--points", "3", "--area", "100", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert 1 <= len(document["front"]) <= 3
    for point in document["front"]:
        for name, target in (("wer_0to1", 1e-7), ("wer_1to0", 1e-7), ("rdr", 1e-9)):
            assert point[name]["ci_low"] <= target * 1.001
            assert point[name]["value"] == approx(target, rel=0.02)
        assert point["cell_area"]["value"] <= 100
    energies = [point["write_energy"]["value"] for point in document["front"]]
    assert document["best"] == int(np.argmin(energies))
