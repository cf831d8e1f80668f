"""Process variation: what varies, by how much, and that SPICE and the NumPy twin see the same samples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flow.errors import UserError
from flow.measure.bench import Bench
from flow.measure.load_line import measure_load_line, state_nodes
from flow.measure.operating_point import error_rate
from flow.measure.pulses import SamplePulses
from flow.measure.samples import FAILED, RETRIED, SampleRates, operations_of
from flow.measure.transient import measure_pulse
from flow.parallel import run_inline
from flow.spec import PopulationSpec, Spread
from flow.spice.session import SimulatorError
from flow.statistics import population
from flow.statistics.importance import Proposal
from flow.statistics.population import Population, population_plan
from flow.statistics.variation import variation_of
from tests.conftest import CELLS, MakeBench
from tests.near import approx

RC, SC = CELLS


def column(bench: Bench, name: str) -> int:
    return variation_of(bench).names.index(name)


def batch(bench: Bench, y: np.ndarray, voltage: np.ndarray, index: int = 0, states: int = 5) -> SampleRates:
    operation = operations_of(bench)[index]
    return SampleRates(bench, operation, y, voltage, np.array([operation.pulse]), states)


def test_the_paper_s_sigmas_and_pelgrom_s_law(make_bench: MakeBench) -> None:
    bench = make_bench(SC)
    variables = {variable.name: variable for variable in variation_of(bench).variables}
    for name, sigma in (
        ("t_fl", 0.01),
        ("t_ox_t", 0.01),
        ("t_ox_b", 0.01),
        ("tmr0_t", 0.03),
        ("area_scale", 0.05),
    ):
        variable = variables[f"nmtj.{name}"]
        assert variable.spread / variable.nominal == approx(sigma)
    # A_vt / sqrt(W L) for two fins of 2 x 30 + 10 nm around and 30 nm long.
    area = 2 * 70e-9 * 30e-9
    assert variables["nn.delvtrand"].spread == approx(1.2e-9 / np.sqrt(area))
    assert variables["nn.l"].spread == approx(0.6e-9 / np.sqrt(2))
    mismatch = bench.card.mismatch
    assert variables["nn.u0mult"].spread == approx(mismatch["a_u0"].value / np.sqrt(area))
    assert variables["nn.tfin"].spread == approx(mismatch["sigma_tfin"].value / np.sqrt(2))
    one_fin = {v.name: v for v in variation_of(replace(bench, fins={"nn": 1})).variables}
    assert one_fin["nn.delvtrand"].spread == approx(np.sqrt(2) * variables["nn.delvtrand"].spread)
    assert one_fin["np.delvtrand"].spread == variables["np.delvtrand"].spread


def test_the_variant_s_own_oxide_varies(make_bench: MakeBench) -> None:
    bench = make_bench(RC, "0.80")
    variable = variation_of(bench).variables[column(bench, "nmtj.t_ox_t")]
    assert variable.nominal == approx(0.80e-9)
    assert variable.spread == approx(0.008e-9)


def test_without_variation_the_population_is_the_nominal_cell(make_bench: MakeBench) -> None:
    bench = make_bench(RC)
    quiet = replace(
        bench,
        device_spec=bench.device_spec.model_copy(
            update={"variation": {"t_fl": Spread(sigma=0, provenance="")}}
        ),
        card=bench.card.model_copy(update={"mismatch": {}}),
    )
    settings = PopulationSpec(samples=32, check_samples=32)
    found: Population = run_inline(
        population_plan(quiet, operations_of(quiet)[0], settings, 0.80, solve=False)
    )
    y = np.zeros((1, variation_of(bench).dimension))
    nominal = float(np.exp(batch(bench, y, np.array([0.80])).run()["ln_rate"][0, 0, 0]))
    for value in (found.mean, found.beyond_rare, found.worst):
        assert value.value == approx(nominal, rel=1e-3)
    assert found.mean.high / found.mean.low == approx(1.0)


def test_the_self_check_fails_loudly(make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that are wrong by a third in one of both estimates stop the run."""
    bench = make_bench(RC)
    settings = PopulationSpec(samples=128, check_samples=64)
    monkeypatch.setattr(
        population, "proposals", lambda settings, gradient: _with_wrong_weights(gradient), raising=True
    )
    with pytest.raises(UserError, match="self-check failed"):
        run_inline(population_plan(bench, operations_of(bench)[0], settings, 0.807))


def _with_wrong_weights(gradient: np.ndarray) -> tuple[Proposal, Proposal]:
    length = float(np.linalg.norm(gradient))
    right = Proposal.along(gradient, np.array([0.0, length]), np.array([0.3, 0.7]))

    class Wrong(Proposal):
        def weight(self, along: np.ndarray) -> np.ndarray:
            return 1.33 * super().weight(along)

    return right, Wrong(right.direction, right.centres, right.shares)


def test_a_sample_of_no_deviation_is_the_nominal_cell(make_bench: MakeBench) -> None:
    """Batched load lines against the sweep of one cell, twice over: the copy in the middle of a batch."""
    bench = make_bench(SC)
    y = np.zeros((5, variation_of(bench).dimension))
    y[[0, 1, 3, 4]] = np.random.default_rng(0).standard_normal((4, y.shape[1]))
    voltage = np.array([0.60, 0.62, 0.64])
    found = batch(bench, y, voltage, states=9).run()
    operation = operations_of(bench)[0]
    line = measure_load_line(bench, operation.line, voltage, state_nodes(9))
    rates = error_rate(bench.junction, line, voltage, operation.pulse, stored=0, side="stay")
    assert found["ln_rate"][2, :, 0] == approx(np.log(rates), rel=1e-4)
    assert found["current"][2, :, 0] == approx(line.current[:, -1], rel=1e-6)
    assert (found["status"] == 0).all()


def test_samples_do_not_see_each_other(make_bench: MakeBench) -> None:
    bench = make_bench(RC)
    y = np.random.default_rng(1).standard_normal((6, variation_of(bench).dimension))
    voltage = np.array([0.80, 0.82])
    together = batch(bench, y, voltage).run()
    alone = [batch(bench, y[row : row + 1], voltage).run() for row in range(6)]
    assert together["ln_rate"] == approx(np.concatenate([part["ln_rate"] for part in alone]), rel=1e-5)


@pytest.mark.parametrize(
    ("name", "sign"), [("nmtj.t_ox_t", 1), ("nn.delvtrand", -1), ("nn.u0mult", -1), ("nmtj.t_fl", 0)]
)
def test_errors_move_the_way_physics_says(make_bench: MakeBench, name: str, sign: int) -> None:
    """A thicker oxide makes writes fail more; a lower threshold (delvtrand > 0) or more mobility less."""
    bench = make_bench(RC)
    y = np.zeros((3, variation_of(bench).dimension))
    y[0, column(bench, name)], y[2, column(bench, name)] = -1.0, 1.0
    low, middle, high = batch(bench, y, np.array([0.80, 0.81])).run()["ln_rate"][:, 0, 0]
    assert np.isfinite([low, middle, high]).all()
    if sign:
        assert sign * (high - middle) > 0
        assert sign * (middle - low) > 0


def test_a_sample_that_does_not_converge_is_retried_then_flagged(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(RC)
    y = np.random.default_rng(2).standard_normal((4, variation_of(bench).dimension))
    voltage = np.array([0.80, 0.82])
    good = batch(bench, y, voltage).run()
    simulate = SampleRates.load_lines
    marks = [copy["nmtj"]["t_fl"] for copy in variation_of(bench).overrides(y)]

    def stubborn(self: SampleRates, copies: list, options: str = "") -> dict:  # type: ignore[type-arg]
        names = [copy["nmtj"]["t_fl"] for copy in copies]
        # Sample 1 needs the safer options, sample 2 never converges.
        if marks[2] in names or (marks[1] in names and not options):
            raise SimulatorError(["timestep too small"])
        return simulate(self, copies, options)

    monkeypatch.setattr(SampleRates, "load_lines", stubborn)
    found = batch(bench, y, voltage).run()
    assert found["status"].tolist() == [RETRIED, RETRIED, FAILED, RETRIED]
    assert np.isnan(found["ln_rate"][2]).all()
    kept = [0, 1, 3]
    assert found["ln_rate"][kept] == approx(good["ln_rate"][kept], rel=1e-5)


def test_a_key_changes_with_what_a_result_depends_on_and_nothing_else(make_bench: MakeBench) -> None:
    bench = make_bench(RC)
    y = np.zeros((2, variation_of(bench).dimension))
    voltage = np.array([0.8, 0.82])
    key = batch(bench, y, voltage).key
    target = bench.spec.write.model_copy(update={"wer": 1e-6})
    assert batch(replace(bench, spec=bench.spec.model_copy(update={"write": target})), y, voltage).key == key
    assert batch(replace(bench, variant_name="renamed"), y, voltage).key == key
    other_gate = bench.spec.bias.model_copy(update={"wl_selected": 0.81})
    for changed in (
        batch(bench, y + 1e-9, voltage),
        batch(bench, y, voltage + 1e-9),
        batch(bench, y, voltage, states=7),
        batch(bench, y, voltage, index=1),
        batch(replace(bench, fins={"nn": 4}), y, voltage),
        batch(replace(bench, stamp="another simulator"), y, voltage),
        batch(replace(bench, spec=bench.spec.model_copy(update={"bias": other_gate})), y, voltage),
        batch(make_bench(RC, "0.80"), y, voltage),
        batch(make_bench(SC), np.zeros((2, variation_of(make_bench(SC)).dimension)), voltage),
    ):
        assert changed.key != key


def test_a_file_edited_during_the_run_poisons_no_cache(make_bench: MakeBench, project: Path) -> None:
    bench = replace(make_bench(RC), root=project)
    y = np.zeros((1, variation_of(bench).dimension))
    task = batch(bench, y, np.array([0.8, 0.81]))
    _ = task.key
    assert np.isfinite(task.run()["ln_rate"]).all()
    bench.cell.netlist.write_text(bench.cell.netlist.read_text().replace("nfin=3", "nfin=4"))
    with pytest.raises(UserError, match="changed during the run"):
        task.run()


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("write", [0, 1])
def test_pulses_in_one_deck_draw_what_each_draws_alone(make_bench: MakeBench, name: str, write: int) -> None:
    """And what a pulse with fine time steps draws: energies to 1.5e-3, switching times to 2e-3."""
    bench = make_bench(name)
    operation = operations_of(bench)[write]
    voltage = {RC: (0.81, 0.9), SC: (0.64, 0.64)}[name][write]
    y = np.zeros((4, variation_of(bench).dimension))
    y[1:] = np.random.default_rng(3).standard_normal((3, y.shape[1]))
    found = SamplePulses(bench, "write", operation.line, voltage, operation.pulse, write, y).run()
    single = measure_pulse(bench, "write", operation.line, voltage, operation.pulse, stored=write)
    assert found["energy"][0] == approx(single.total_energy, rel=1.5e-3)
    assert found["charge"][0] == approx(single.charge, rel=1e-3)
    assert found["switching_time"][0] == approx(single.switching_time, rel=2e-3)
    assert np.unique(found["energy"]).size == 4
    assert (found["status"] == 0).all()
