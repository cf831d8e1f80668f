"""Load lines of process samples: one nested sweep against single load lines, and what must be refused."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from flow.device.fokker_planck import switching_probabilities
from flow.errors import UserError
from flow.measure.inspection import check_cell
from flow.measure.load_line import measure_load_line, state_nodes
from flow.measure.pulses import SamplePulses
from flow.measure.samples import CONVERGED, FAILED, SampleRates, operations_of
from flow.spice.deck import render
from flow.statistics.variation import variation_of
from tests.conftest import CELLS, MakeBench

VOLTAGE = np.array([0.70, 0.75, 0.80])
RELTOL = 3e-5
"""Decks ask for 1e-5; Newton's last step may have been just below."""


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("direction", [0, 1])
def test_the_nominal_sample_is_the_nominal_device(make_bench: MakeBench, name: str, direction: int) -> None:
    """The sweep of the angle gives what one frozen copy a state gives; every copy of a deck the same."""
    bench = make_bench(name)
    operation = operations_of(bench)[direction]
    batch = SampleRates(
        bench, operation, np.zeros((3, variation_of(bench).dimension)), VOLTAGE, np.array([1e-9]), 7
    )
    found = batch.load_lines(variation_of(bench).overrides(batch.y))
    expected = measure_load_line(bench, operation.line, VOLTAGE, state_nodes(7))
    for copy in range(3):
        np.testing.assert_allclose(found["drive"][copy], expected.drive, rtol=RELTOL)
        np.testing.assert_allclose(found["v_top"][copy], expected.v_top, rtol=RELTOL)
        np.testing.assert_allclose(found["v_bottom"][copy], expected.v_bottom, rtol=RELTOL)


def test_a_sample_does_not_depend_on_its_batch(make_bench: MakeBench) -> None:
    bench = make_bench("2t1mtj_sc_dmtj")
    operation = operations_of(bench)[0]
    y = np.random.default_rng(5).standard_normal((6, variation_of(bench).dimension))

    def rates(rows: np.ndarray) -> dict[str, np.ndarray]:
        return SampleRates(bench, operation, rows, VOLTAGE, np.array([operation.pulse]), 5).run()

    whole, part = rates(y), rates(y[4:])
    assert np.all(whole["status"] == CONVERGED)
    np.testing.assert_allclose(whole["current"][4:], part["current"], rtol=RELTOL)
    np.testing.assert_allclose(whole["ln_rate"][4:], part["ln_rate"], rtol=1e-4)


def test_the_node_of_the_angle_is_the_testbenchs(make_bench: MakeBench) -> None:
    bench = make_bench("2t1mtj_rc_smtj")
    with pytest.raises(UserError, match="belongs to the testbench"):
        render(bench.testbench("load_surface"), bench.cell, bench.static_bias(selected=True), angle="x")


def test_a_bitcell_connects_two_terminals_of_its_junction(make_bench: MakeBench, tmp_path: Path) -> None:
    bench = make_bench("2t1mtj_rc_smtj")
    text = bench.cell.netlist.read_text().replace("Nmtj bl x mtj", "Nmtj bl x y mtj")
    project = tmp_path
    shutil.copytree(bench.root / "spice", project / "spice")
    changed = dataclasses.replace(bench, root=project)
    changed.cell.netlist.write_text(text)
    with pytest.raises(UserError, match="third terminal") as caught:
        check_cell(changed)
    assert caught.value.key == "nmtj"
    assert caught.value.line == 11


@pytest.mark.parametrize("name", CELLS)
def test_operations_are_those_of_the_cells_file(make_bench: MakeBench, name: str) -> None:
    bench = make_bench(name)
    bench = dataclasses.replace(
        bench, variant=bench.variant.model_copy(update={"write_pulse": 3e-9, "read_pulse": 1.5e-9})
    )
    write, read = bench.spec.write, bench.spec.read
    up, down, disturb = operations_of(bench)
    for operation, stored, line in ((up, 0, write.line_0to1), (down, 1, write.line_1to0)):
        assert (operation.stored, operation.line, operation.side) == (stored, line, "stay")
        assert (operation.pulse, operation.target, operation.limit) == (3e-9, write.wer, write.max_voltage)
    assert (disturb.stored, disturb.line, disturb.side) == (0, read.line, "leave")
    assert (disturb.pulse, disturb.target, disturb.limit) == (1.5e-9, read.rdr, read.max_voltage)
    assert [operation.name for operation in (up, down, disturb)] == ["0to1", "1to0", "read"]


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("index", [0, 1, 2], ids=["0to1", "1to0", "read"])
def test_a_sample_has_its_own_stability_and_time_constant(
    make_bench: MakeBench, name: str, index: int
) -> None:
    """Its error rate by hand: its load line, the junction of its own dimensions, the well it starts in."""
    bench = make_bench(name)
    operation, variation = operations_of(bench)[index], variation_of(bench)
    voltage = np.array([0.10, 0.15]) if operation.name == "read" else np.array([0.70, 0.75])
    pulses = np.array([1e-9, 2e-9])
    y = np.random.default_rng(9).standard_normal((3, variation.dimension))
    batch = SampleRates(bench, operation, y, voltage, pulses, 5)
    found, drive = batch.run()["ln_rate"], batch.load_lines(variation.overrides(y))["drive"]
    states = np.linspace(-1, 1, 201)
    for sample in range(3):
        own = {
            variable.parameter: variable.nominal + variable.spread * y[sample, column]
            for column, variable in enumerate(variation.variables)
            if variable.element == bench.cell.mtj.lower()
        }
        junction = dataclasses.replace(bench.junction, **own)
        for at in range(2):
            line = np.polynomial.Polynomial.fit(state_nodes(5), drive[sample, at], 4)(states)
            result = switching_probabilities(
                float(junction.delta), states, line, pulses[None] / float(junction.tau_d), (1, -1, 1)[index]
            )
            expected = result.leave if operation.name == "read" else result.stay
            np.testing.assert_allclose(found[sample, at], np.log(expected[0]), rtol=0, atol=5e-3)


def test_what_could_not_be_simulated_is_flagged(make_bench: MakeBench) -> None:
    bench = make_bench("2t1mtj_rc_smtj")
    y = np.zeros((3, variation_of(bench).dimension))
    rates = SampleRates(bench, operations_of(bench)[0], y, VOLTAGE, np.array([1e-9]), 5).failed()
    pulses = SamplePulses(bench, "write", "bl", 0.8, 1e-9, 0, y).failed()
    for found in (rates, pulses):
        assert found["status"].tolist() == [FAILED] * 3
        assert all(np.isnan(values).all() for key, values in found.items() if key != "status")
