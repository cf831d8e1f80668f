"""The search of sizing where a closed form of the pulse stands for the circuit, and one point simulated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flow.measure.bitcell import cell_area
from flow.measure.samples import operations_of
from flow.measure.transient import measure_pulse
from flow.parallel import Arrays, run_inline
from flow.sizing import Bounds, Candidate, SizePoint, _fin_counts, _search_plan, pareto, thinned
from flow.spec import load_study
from tests.conftest import CELLS, ROOT, MakeBench
from tests.near import approx

STUDY = load_study(ROOT / "study.toml")


def test_candidates_carry_their_own_voltages_and_the_best_pulse_of_their_energy(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    best, least = 2.3e-9, 1e-13

    def run(self: SizePoint) -> Arrays:
        pulse = self.bench.variant.write_pulse
        energy = least * np.exp(0.3 * np.log(pulse / best) ** 2)
        # The voltage falls all the way: its least value is no criterion.
        point = [0.8 * (1e-9 / pulse) ** 0.1, 0.9, 0.1, energy]
        return {"point": np.array(point) if pulse > 0.6e-9 else np.full(4, np.nan)}

    monkeypatch.setattr(SizePoint, "run", run)
    bench = replace(make_bench(CELLS[1]), fins={"nn": 2, "np": 3})
    found: list[Candidate] = run_inline(_search_plan(bench, STUDY, Bounds()))
    assert len(found) == 7
    assert found[-1].pulse == approx(best, rel=0.02)
    assert found[-1].energy == approx(least, rel=1e-3)
    for one in found:
        assert (one.voltage_1to0, one.read_voltage) == (0.9, 0.1)
        assert one.voltage_0to1 == approx(0.8 * (1e-9 / one.pulse) ** 0.1)
        assert one.fins == {"nn": 2, "np": 3}
        assert one.area == approx(cell_area(bench))


def test_every_count_of_fins_is_tried(make_bench: MakeBench) -> None:
    counts = _fin_counts(make_bench(CELLS[0]), 3)
    assert sorted(tuple(fins.values()) for fins in counts) == [(n, p) for n in (1, 2, 3) for p in (1, 2, 3)]
    assert all(set(fins) == {"nn", "np"} for fins in counts)


def test_the_energy_of_a_point_is_the_mean_of_both_writes_at_its_voltages(make_bench: MakeBench) -> None:
    bench = make_bench(CELLS[1])
    point = SizePoint(bench, STUDY).run()["point"]
    energies = [
        measure_pulse(bench, "write", operation.line, voltage, operation.pulse, stored=stored).total_energy
        for stored, (operation, voltage) in enumerate(zip(operations_of(bench)[:2], point[:2], strict=True))
    ]
    assert point[3] == approx(float(np.mean(energies)), rel=1e-6)
    assert point[2] < min(point[:2])


def test_a_thinned_front_keeps_the_smallest_cell_and_the_order_of_pulses() -> None:
    """Energy falls and area grows along the front, but for the smallest cell in its middle."""
    front = [
        Candidate({"nn": 1}, pulse, 0.5, 0.5, 0.1, energy, area)
        for pulse, energy, area in (
            (1e-9, 9.0, 5.0), (2e-9, 7.0, 4.0), (3e-9, 6.0, 1.0), (4e-9, 4.0, 3.0), (5e-9, 3.0, 6.0),
        )
    ]  # fmt: skip
    assert pareto(front[::-1]) == front
    few = thinned(front, 2)
    assert [one.pulse for one in few] == [3e-9, 5e-9]
