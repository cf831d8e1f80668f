"""A second simulator agrees: the same compiled models in VACASK and in ngspice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flow.errors import UserError
from flow.measure.bench import Bench
from flow.measure.load_line import measure_load_line, state_nodes
from flow.measure.transient import SOURCES, crossing, measure_pulse, pulse_parameters
from flow.spice.deck import mtj_paths
from flow.spice.deck import render as ngspice_deck
from flow.spice.session import SimulatorError
from flow.spice.vacask import find_vacask, mtj_path, read_raw, render, simulate
from tests.conftest import CELLS, ROOT, MakeBench
from tests.near import approx

AGREEMENT = 2e-3
WRITES = {
    "2t1mtj_rc_smtj": 0.77,
    "2t1mtj_sc_dmtj": 0.64,
    "1t1mtj_rc_smtj": 1.0,
    "1t1mtj_sc_smtj": 1.0,
    "1t1mtj_rc_dmtj": 0.8,
    "1t1mtj_sc_dmtj": 0.8,
}
"""Line voltage (V) that writes 0 -> 1 in a typical cell, for every cell of the project."""


def test_every_cell_is_here() -> None:
    assert set(WRITES) == {path.stem for path in (ROOT / "spice" / "bitcells").glob("*.cir")}


def vacask_load_line(bench: Bench, line: str, voltage: np.ndarray, state: np.ndarray) -> np.ndarray:
    """Current (V, K) into terminal t of the MTJ, A."""
    mtj = bench.cell.mtj
    netlist = render(
        bench.testbench("load_line"),
        bench.cell,
        bench.static_bias(selected=True),
        osdi=bench.osdi,
        copies=[{mtj: {"freeze": 1.0, "z_frozen": float(z)}} for z in state],
        save=["v_top", "v_bottom", "resistance"],
        analysis=[
            f'sweep v_line instance="v{line}" parameter="dc" from={voltage[0]:.12g} to={voltage[-1]:.12g} '
            f'mode="lin" points={voltage.size - 1}',
            "  analysis result op",
        ],
    )
    found = simulate(netlist)
    np.testing.assert_allclose(found["v_line"], voltage, atol=1e-12)
    paths = [mtj_path(bench.cell, index) for index in range(state.size)]
    return np.stack(
        [(found[f"{p}.v_top"] + found[f"{p}.v_bottom"]) / found[f"{p}.resistance"] for p in paths], axis=1
    )


@pytest.mark.parametrize("cell", WRITES)
@pytest.mark.parametrize("line", ["bl", "sl"])
def test_load_lines_agree(cell: str, line: str, make_bench: MakeBench) -> None:
    bench, voltage, state = make_bench(cell), np.linspace(0.1, 0.9, 5), state_nodes(5)
    ours = measure_load_line(bench, line, voltage, state).current  # type: ignore[arg-type]
    other = vacask_load_line(bench, line, voltage, state)
    assert np.max(np.abs(other / ours - 1)) < AGREEMENT
    # Two simulators that solve the same equations: much closer than the agreement that is asked for.
    assert np.max(np.abs(other / ours - 1)) < 1e-4


@pytest.mark.parametrize("cell", WRITES)
def test_writes_agree(cell: str, make_bench: MakeBench) -> None:
    bench = make_bench(cell)
    line, voltage, width = bench.spec.write.line_0to1, WRITES[cell], bench.variant.write_pulse
    ours = measure_pulse(bench, "write", line, voltage, width, stored=0)
    assert ours.switched
    parameters, stop, start = pulse_parameters(bench, line, voltage, width)
    netlist = render(
        bench.testbench("write"),
        bench.cell,
        parameters,
        osdi=bench.osdi,
        copies=[{bench.cell.mtj: {"state": 0.0}}],
        save=["mz"],
        # Its own steps at the edges are too long by far: at 5 ps both energy and delay are 0.3 % off.
        analysis=[f"analysis result tran step=1e-13 stop={stop!r} maxstep=1e-12"],
    )
    found = simulate(netlist)
    time = found["time"]
    power = -sum(found[source[1:]] * found[f"{source}:flow(br)"] for source in SOURCES)
    assert np.trapezoid(power, time) == approx(ours.total_energy, rel=AGREEMENT)
    delay = crossing(time, found[f"{mtj_path(bench.cell, 0)}.mz"]) - start
    assert delay == approx(ours.switching_time, rel=AGREEMENT)


def test_a_process_sample_reaches_the_second_simulator(make_bench: MakeBench) -> None:
    bench = make_bench(CELLS[0])
    parameters = {**bench.static_bias(selected=True), "v_bl": 0.5}
    mtj = {bench.cell.mtj: {"freeze": 1.0, "z_frozen": 1.0}}
    copies = [mtj, {**mtj, "Nn": {"delvtrand": -0.1, "tfin": 9e-9}}]
    netlist = render(
        bench.testbench("load_line"),
        bench.cell,
        parameters,
        osdi=bench.osdi,
        copies=copies,
        save=["v_top"],
        analysis=["analysis result op"],
    )
    found = simulate(netlist)
    other = [found[f"{mtj_path(bench.cell, index)}.v_top"].item() for index in range(2)]
    simulator = bench.simulator()
    simulator.load(
        ngspice_deck(
            bench.testbench("load_line"), bench.cell, parameters, copies=copies, save=["@{mtj}[v_top]"]
        )
    )
    vectors = simulator.run("op")
    simulator.unload()
    ours = [vectors[f"@{path}[v_top]"].item() for path in mtj_paths(bench.cell, 2)]
    assert abs(ours[1] - ours[0]) > 1e-3
    assert other == approx(ours, rel=1e-4)


def test_what_cannot_be_translated_is_told_by_line(project: Path, make_bench: MakeBench) -> None:
    bench = make_bench(CELLS[0])
    spice = project / "spice"
    cell = replace(
        bench.cell,
        root=project,
        netlist=spice / "bitcells" / bench.cell.netlist.name,
        card=spice / "models" / bench.cell.card.name,
    )
    text = cell.netlist.read_text()
    cell.netlist.write_text(text.replace("Np ", "Lp x sl 1n\nNp ", 1))
    number = 1 + cell.netlist.read_text().splitlines().index("Lp x sl 1n")
    with pytest.raises(UserError, match="not translated for VACASK") as caught:
        render(project / "spice/testbenches/load_line.cir", cell, {}, osdi=bench.osdi, analysis=[])
    assert (caught.value.line, caught.value.key) == (number, "lp")
    with pytest.raises(UserError, match="v_wrong"):
        render(bench.testbench("load_line"), bench.cell, {"v_wrong": 1}, osdi=bench.osdi, analysis=[])


def test_its_errors_are_ours() -> None:
    with pytest.raises(SimulatorError, match="nosuchmodel"):
        simulate("test\nground 0\nx (a 0) nosuchmodel\ncontrol\n  analysis result op\nendc\n")
    with pytest.raises(SimulatorError, match="no ASCII raw file"):
        read_raw("")
    with pytest.raises(SimulatorError, match="cut off"):
        read_raw("Title: x\nVariables:\n\t0\ttime\tnotype\n\t1\tx\tnotype\nValues:\n 0\t1\n")


def test_a_missing_simulator_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MTJFLOW_VACASK", str(tmp_path / "vacask"))
    with pytest.raises(UserError, match="is no program"):
        find_vacask()
