"""The synaptic core: equal to the reference, consistent with itself, and never silent about nonsense."""

from __future__ import annotations

import dataclasses
import doctest
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neuro.array
from flow.table import UserError
from neuro.array import SynapticCore, estimate_documents
from neuro.batch import evaluate_many, figure_names
from neuro.circuit.namespace import leaves
from neuro.design import design_from_json
from neuro.model import MODELS, NEUROSIM, PHYSICAL, Model
from tests.near import approx
from tests.neuro.designs import CELL, CORE, FINFET, PLANAR, POINTS, random_design


def flat(document: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for key, value in document.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


@pytest.mark.parametrize("number", range(len(POINTS)))
def test_reference_points_one_by_one(number: int) -> None:
    point = POINTS[number]
    estimate = SynapticCore(*design_from_json(point["design"]), "neurosim").evaluate()
    computed = dict(flat(estimate.as_json()))
    expected = dict(flat(point["result"]))
    assert list(computed) == list(expected)
    for name, value in expected.items():
        assert computed[name] == approx(value, rel=1e-9), name


def test_reference_points_together() -> None:
    results = estimate_documents([point["design"] for point in POINTS], "neurosim")
    for result, point in zip(results, POINTS, strict=True):
        for (name, value), (_, expected) in zip(flat(result), flat(point["result"]), strict=True):
            assert value == approx(expected, rel=1e-9), name


@pytest.mark.parametrize("model", sorted(MODELS))
@pytest.mark.parametrize("fin", [True, False])
def test_arrays_give_the_figures_of_single_points(model: str, fin: bool) -> None:
    designs = random_design(40, fin)
    together = SynapticCore(*designs, model).evaluate(on_error="status")
    for i in range(40):
        single = SynapticCore(*(_point(record, i) for record in designs), model).evaluate(on_error="status")
        assert int(single.status) == int(together.status[i])
        if not single.status:
            for (name, a), (_, b) in zip(flat(single.as_json()), flat(together.as_json((i,))), strict=True):
                assert a == approx(b, rel=1e-12), name


def _point(record: Any, i: int) -> Any:
    changed = {}
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if dataclasses.is_dataclass(value):
            changed[field.name] = _point(value, i)
        elif isinstance(value, np.ndarray):
            changed[field.name] = float(value[i])
    return dataclasses.replace(record, **changed)


@pytest.mark.parametrize("model", sorted(MODELS))
def test_totals_are_the_sums_of_their_parts(model: str) -> None:
    estimate = SynapticCore(*random_design(200, True), model).evaluate(on_error="status")
    good = estimate.status == 0
    area = {name: value[good] for name, value in estimate.area_m2.items()}
    total = area.pop("total")
    np.testing.assert_allclose(total, sum(area.values()), rtol=1e-12)
    energy = {name: value[good] for name, value in estimate.read_energy_per_batch_J.items()}
    core = energy.pop("core")
    energy.pop("neuron")
    np.testing.assert_allclose(core, sum(energy.values()), rtol=1e-12)
    assert ("subtractor" in energy) == (model == "physical")
    latency = {name: value[good] for name, value in estimate.read_latency_per_batch_s.items()}
    select = np.maximum(latency["wl_bl_switch_matrix"], latency["mux_decoder"] + latency["column_mux"])
    np.testing.assert_allclose(
        latency["core"],
        select + latency["read_circuit"] + latency["subtractor"] + latency["column"],
        rtol=1e-12,
    )


@pytest.mark.parametrize("model", sorted(MODELS))
@pytest.mark.parametrize("technology", [FINFET, PLANAR])
def test_all_activities_in_one_call(model: str, technology: Any) -> None:
    activity = np.arange(401) / 400
    core = dataclasses.replace(CORE, row_activity=activity)
    estimate = SynapticCore(technology, CELL, core, model).evaluate()
    energy = estimate.read_energy_per_batch_J["core"]
    assert energy.shape == (401,)
    assert estimate.area_m2["total"].shape == (401,)
    assert np.ptp(estimate.area_m2["total"]) == 0
    assert np.all(np.diff(energy) > 0)
    # Linear in the number of active rows, in either model.
    np.testing.assert_allclose(energy, energy[0] + activity * (energy[-1] - energy[0]), rtol=1e-12)


def test_activity_does_not_change_the_time_of_a_physical_read() -> None:
    core = dataclasses.replace(CORE, row_activity=np.array([0.0, 0.3, 1.0]))
    physical = SynapticCore(FINFET, CELL, core, "physical").evaluate()
    assert np.ptp(physical.read_latency_per_batch_s["core"]) == 0
    old = SynapticCore(FINFET, CELL, core, "neurosim").evaluate()
    assert np.all(np.diff(old.read_latency_per_batch_s["wl_bl_switch_matrix"]) > 0)


@pytest.mark.parametrize(
    ("part", "field", "value", "named"),
    [
        ("core", "rows", 0, "core.rows"),
        ("core", "rows", 1, "core.rows"),
        ("core", "rows", 64.5, "core.rows"),
        ("core", "rows", float("nan"), "core.rows"),
        ("core", "rows", 3, "core.rows"),
        ("core", "synapses", 0, "core.synapses"),
        ("core", "synapses", float("inf"), "core.synapses"),
        ("core", "column_mux", 2, "core.column_mux"),
        ("core", "column_mux", 65, "core.column_mux"),
        ("core", "write_column_mux", 602, "core.write_column_mux"),
        ("core", "row_activity", 1.01, "core.row_activity"),
        ("core", "row_activity", -0.1, "core.row_activity"),
        ("core", "clock_Hz", 0, "core.clock_Hz"),
        ("cell", "r_access_ohm", 100.0, "cell.r_access_ohm"),
        ("cell", "r_access_ohm", -1.0, "cell.r_access_ohm"),
        ("cell", "r_off_ohm", 9000.0, "cell.r_off_ohm"),
        ("cell", "read_voltage_V", float("nan"), "cell.read_voltage_V"),
        ("cell", "write_pulse_s", 0.0, "cell.write_pulse_s"),
        ("technology", "vdd_V", 0.0, "technology.vdd_V"),
        ("technology", "pn_ratio", float("-inf"), "technology.pn_ratio"),
        ("fin", "pitch_m", 3.6 * 28e-9, "technology.fin.pitch_m"),
        ("fin", "height_m", 0.0, "technology.fin.height_m"),
    ],
)
def test_an_impossible_design_names_its_field(part: str, field: str, value: float, named: str) -> None:
    records: dict[str, Any] = {"technology": FINFET, "cell": CELL, "core": CORE}
    if part == "fin":
        fin = dataclasses.replace(FINFET.fin, **{field: value})  # type: ignore[type-var]
        records["technology"] = dataclasses.replace(FINFET, fin=fin)
    else:
        records[part] = dataclasses.replace(records[part], **{field: value})
    with pytest.raises(UserError) as caught:
        SynapticCore(**records, model="neurosim").evaluate()
    assert caught.value.key == named


def test_a_row_shorter_than_a_peripheral_unit() -> None:
    short = dataclasses.replace(CORE, synapses=3, bits=1, column_mux=3, write_column_mux=2)
    with pytest.raises(UserError, match=r"core\.synapses.*shorter"):
        SynapticCore(FINFET, CELL, short, "neurosim").evaluate()


def test_mux_larger_than_the_columns() -> None:
    small = dataclasses.replace(CORE, synapses=10, bits=1, column_mux=12)
    with pytest.raises(UserError, match=r"core\.column_mux.*number of columns"):
        SynapticCore(FINFET, CELL, small, "neurosim").evaluate()


def test_the_first_bad_point_of_many_is_named() -> None:
    core = dataclasses.replace(CORE, rows=np.array([[400.0, 64.0], [0.0, -3.0]]))
    with pytest.raises(UserError, match="design point 1, 0"):
        SynapticCore(FINFET, CELL, core).evaluate()
    estimate = SynapticCore(FINFET, CELL, core).evaluate(on_error="status")
    assert (estimate.status > 0).tolist() == [[False, False], [True, True]]
    assert np.isfinite(estimate.area_m2["total"][0]).all()
    assert np.isnan(estimate.area_m2["total"][1]).all()
    assert estimate.as_json((1, 1))["field"] == "core.rows"


def test_no_number_is_refused() -> None:
    with pytest.raises(UserError):
        SynapticCore(FINFET, CELL, dataclasses.replace(CORE, rows="many")).evaluate()
    with pytest.raises(UserError, match=r"core\.rows"):
        SynapticCore(FINFET, CELL, dataclasses.replace(CORE, rows=None)).evaluate()
    with pytest.raises(UserError, match="unknown model"):
        SynapticCore(FINFET, CELL, CORE, "spice").evaluate()


extreme = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=150, deadline=None)
@given(
    model=st.sampled_from(sorted(MODELS)),
    fin=st.booleans(),
    seed=st.integers(0, 1000),
    part=st.sampled_from(["technology", "cell", "core"]),
    which=st.integers(0, 100),
    value=st.one_of(extreme, st.floats(1e-12, 1e6), st.integers(0, 2000).map(float)),
)
def test_no_figure_is_infinite_or_nan_unless_marked(
    model: str, fin: bool, seed: int, part: str, which: int, value: float
) -> None:
    records = dict(zip(("technology", "cell", "core"), random_design(4, fin, seed), strict=True))
    record: Any = records[part]
    names = [f.name for f in dataclasses.fields(record) if f.name not in ("fin", "name")]
    records[part] = dataclasses.replace(record, **{names[which % len(names)]: value})
    estimate = SynapticCore(**records, model=model).evaluate(on_error="status")
    good = estimate.status == 0
    for figure in leaves(dataclasses.replace(estimate, checks=())):
        if isinstance(figure, np.ndarray):
            assert np.isfinite(figure[good]).all()


def test_many_points_in_chunks_equal_one_evaluation() -> None:
    designs = random_design(20_000, True)
    whole = SynapticCore(*designs, "physical").evaluate(on_error="status")
    chunked = evaluate_many(*designs, "physical")
    assert "area_m2.total" in figure_names(chunked)
    np.testing.assert_array_equal(chunked.status, whole.status)
    np.testing.assert_array_equal(chunked.area_m2["total"], whole.area_m2["total"])
    np.testing.assert_array_equal(
        chunked.read_latency_per_batch_s["core"], whole.read_latency_per_batch_s["core"]
    )


def test_the_documented_example() -> None:
    assert doctest.testmod(neuro.array).failed == 0
    assert doctest.testmod(neuro.array).attempted > 0


def test_torch_gives_the_figures_of_numpy() -> None:
    torch = pytest.importorskip("torch")
    for fin in (True, False):
        designs = random_design(300, fin)
        numpy = SynapticCore(*designs, "neurosim").evaluate(on_error="status")
        tensors = tuple(_tensors(record, torch) for record in designs)
        estimate = SynapticCore(*tensors, "neurosim").evaluate(on_error="status")
        np.testing.assert_array_equal(estimate.status.numpy(), numpy.status)
        for (name, a), (_, b) in zip(
            estimate.read_latency_per_batch_s.items(), numpy.read_latency_per_batch_s.items(), strict=True
        ):
            np.testing.assert_allclose(a.numpy(), b, rtol=1e-12, err_msg=name)
        np.testing.assert_allclose(
            estimate.write_energy_per_row_J["one_active_batch"].numpy(),
            numpy.write_energy_per_row_J["one_active_batch"],
            rtol=1e-12,
        )


def _tensors(record: Any, torch: Any) -> Any:
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if dataclasses.is_dataclass(value):
            changed[field.name] = _tensors(value, torch)
        elif isinstance(value, np.ndarray):
            changed[field.name] = torch.from_numpy(value)
    return dataclasses.replace(record, **changed)


@pytest.mark.parametrize("model", sorted(MODELS))
def test_gradients_agree_with_differences(model: str) -> None:
    torch = pytest.importorskip("torch")
    vdd = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    estimate = SynapticCore(dataclasses.replace(FINFET, vdd_V=vdd), CELL, CORE, model).evaluate()
    energy = estimate.read_energy_per_batch_J["core"] + estimate.write_energy_per_row_J["one_active_batch"]
    energy.backward()
    step = 1e-7

    def at(value: float) -> float:
        e = SynapticCore(dataclasses.replace(FINFET, vdd_V=value), CELL, CORE, model).evaluate()
        return float(e.read_energy_per_batch_J["core"] + e.write_energy_per_row_J["one_active_batch"])

    assert float(vdd.grad) == approx((at(0.8 + step) - at(0.8 - step)) / (2 * step), rel=1e-4)


def test_each_switch_changes_a_figure() -> None:
    """No switch is dead: mending one defect alone moves at least one figure of some design."""
    cores = dataclasses.replace(CORE, column_mux=np.array([4.0, 10.0, 16.0, 20.0, 64.0]))
    designs = [(FINFET, CELL, cores), (PLANAR, CELL, cores), random_design(300, True)]
    # An exact tie: nine switches of 28 F in a column of nine times 28 F, off by a rounding.
    ties = dataclasses.replace(CORE, rows=np.arange(8.0, 400.0, 4.0), synapses=128)
    designs += [(PLANAR, dataclasses.replace(CELL, height_F=7.0), ties)]
    card = dataclasses.replace(FINFET, drain_capacitance_F_per_m=1.8e-10, linear_resistance_n_ohm_m=2.3e-4)
    designs += [(card, CELL, cores)]
    base = [SynapticCore(*design, NEUROSIM).evaluate(on_error="status") for design in designs]
    for name in (f.name for f in dataclasses.fields(Model) if f.name != "name"):
        switched = dataclasses.replace(NEUROSIM, **{name: getattr(PHYSICAL, name)})
        moved = False
        for design, before in zip(designs, base, strict=True):
            after = SynapticCore(*design, switched).evaluate(on_error="status")
            for a, b in zip(leaves(after), leaves(before), strict=False):
                if isinstance(a, np.ndarray) and not np.array_equal(a, b, equal_nan=True):
                    moved = True
        assert moved, name


@given(rows=st.integers(20, 1000), scale=st.integers(2, 4))
@settings(max_examples=40, deadline=None)
def test_more_rows_take_more_of_everything(rows: int, scale: int) -> None:
    small = dataclasses.replace(CORE, rows=np.array([rows, rows * scale]))
    estimate = SynapticCore(FINFET, CELL, small, "physical").evaluate()
    for figure in (
        estimate.area_m2["array"],
        estimate.area_m2["total"],
        estimate.write_latency_s,
        estimate.leakage_W["core"],
        estimate.column_capacitance_F,
    ):
        assert figure[1] > figure[0]


def test_loads_for_the_learning_algorithm() -> None:
    estimate = SynapticCore(FINFET, CELL, CORE, "neurosim").evaluate()
    length = 601 * 33 * 28e-9
    assert float(estimate.row_capacitance_1_F) == approx(2e-10 * length)
    width = 1.5 * 0.8 / (1650 * 28e-9) / 3829
    assert float(estimate.access_width_F) == approx(width)
    assert float(estimate.row_capacitance_2_F) == approx(2e-10 * length + 601 * 1.2e-9 * width * 28e-9)
    assert float(estimate.write_latency_s) == approx(400 * 3.39e-9 + 0.25e-9)
    physical = SynapticCore(FINFET, CELL, CORE, "physical").evaluate()
    assert float(physical.write_latency_per_row_s) == approx(2 * 3.39e-9)
