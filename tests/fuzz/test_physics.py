"""What physics demands of every answer, over ranges of inputs rather than at chosen points.

Beside what the tests of the parts hold: probabilities and mirror images of the solver, the balanced junction
as its own mirror image, currents odd and rising (tests/flow/device).
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flow.device.fokker_planck import switching_probabilities
from flow.device.mtj import DMTJ, SMTJ
from flow.device.retention import retention_time
from flow.measure.load_line import measure_load_line, state_nodes
from flow.measure.samples import operations_of
from flow.measure.transient import FINE, SOURCES, pulse_parameters
from flow.spice.deck import render
from neuro.array import SynapticCore
from neuro.model import MODELS
from tests.conftest import CELLS, ROOT, MakeBench
from tests.fuzz.test_hostile import bench_of
from tests.near import approx
from tests.neuro.designs import CELL, CORE, FINFET

SEEDED = settings(
    max_examples=30, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
Z = np.linspace(-1.0, 1.0, 9)
ALL_CELLS = sorted(path.stem for path in (ROOT / "spice" / "bitcells").glob("*.cir"))
SOLVER_ERROR = 1e-3

deltas = st.floats(20.0, 120.0)
bends = st.floats(-0.4, 0.4)


# ---- error rates ------------------------------------------------------------------------------------


@SEEDED
@given(delta=deltas, drive=st.floats(1.2, 6.0), bend=bends, start=st.sampled_from([1, -1]))
def test_a_longer_pulse_above_threshold_writes_better(
    delta: float, drive: float, bend: float, start: int
) -> None:
    load = start * drive * (1 + bend * Z)
    tau = np.linspace(0.0, 12.0, 13)[None]
    found = switching_probabilities(delta, Z, load, tau, start)
    stay, leave = found.stay[0], found.leave[0]
    assert np.all((stay >= 0) & (stay <= 1) & (leave >= 0) & (leave <= 1))
    assert np.max(np.abs(stay + leave - 1)) < 1e-12
    assert np.all(np.diff(np.log(np.maximum(stay, 1e-30))) <= SOLVER_ERROR)


@SEEDED
@given(delta=deltas, tau=st.floats(0.5, 12.0), bend=bends, start=st.sampled_from([1, -1]))
def test_more_voltage_writes_better_and_disturbs_more(
    delta: float, tau: float, bend: float, start: int
) -> None:
    """Through zero drive and far beyond threshold: more push out of a state never holds it better."""
    pushes = np.array([-0.5, 0.0, 0.3, 0.8, 1.2, 1.6, 2.0, 3.0, 5.0])
    load = start * pushes[:, None] * (1 + bend * Z)
    found = switching_probabilities(delta, Z, load, tau, start)
    # At zero drive what leaves is the solver's own error in 1e-30 and less.
    seen = np.log(np.maximum(found.leave, 1e-18))
    assert np.all(np.diff(seen) >= -SOLVER_ERROR)
    assert np.all(np.diff(np.log(np.maximum(found.stay, 1e-30))) <= SOLVER_ERROR)


@SEEDED
@given(
    delta=st.floats(2.0, 80.0),
    tau=st.floats(0.01, 30.0),
    t_t=st.floats(0.7e-9, 1e-9),
    t_b=st.floats(0.3e-9, 1e-9),
)
def test_a_double_barrier_at_rest_knows_no_side(delta: float, tau: float, t_t: float, t_b: float) -> None:
    """However unequal its barriers: without a voltage there is no torque, and both states leave alike."""
    device = DMTJ(t_ox_t=t_t, t_ox_b=t_b)
    drive = np.asarray(device.drive(Z, 0.0)) * np.ones_like(Z)
    assert np.all(drive == 0.0)
    up, down = (switching_probabilities(delta, Z, drive, tau, start) for start in (1, -1))
    assert float(up.leave) == approx(float(down.leave), rel=1e-9, abs=1e-15)


@SEEDED
@given(t=st.floats(0.4e-9, 1e-9), v=st.floats(0.01, 1.0), tau=st.floats(0.5, 10.0), tmr=st.floats(0.2, 2.5))
def test_equal_barriers_write_both_ways_alike(t: float, v: float, tau: float, tmr: float) -> None:
    """The device turned upside down is itself with the voltage reversed, and so are its error rates."""
    device = DMTJ(t_ox_t=t, t_ox_b=t, tmr0_t=tmr, tmr0_b=tmr, beta_b=1.0)
    z = np.linspace(-1, 1, 9)
    forth, back = np.asarray(device.drive(z, v)), np.asarray(device.drive(z, -v))
    np.testing.assert_allclose(back, -forth[::-1], rtol=1e-9, atol=1e-12)
    assert np.asarray(device.resistance(z, v)) == approx(np.asarray(device.resistance(-z, -v)))
    rates = [switching_probabilities(60.0, z, drive, tau, start) for drive, start in ((forth, 1), (back, -1))]
    assert float(rates[0].stay) == approx(float(rates[1].stay), rel=1e-6, abs=1e-15)


@SEEDED
@given(delta=st.floats(2.0, 200.0), more=st.floats(0.05, 20.0), tau_d=st.floats(1e-10, 1e-8))
def test_a_higher_barrier_retains_longer(delta: float, more: float, tau_d: float) -> None:
    assert float(retention_time(delta + more, tau_d)) > float(retention_time(delta, tau_d))


@SEEDED
@given(factor=st.floats(1.01, 3.0), kind=st.sampled_from([SMTJ, DMTJ]))
def test_a_larger_free_layer_is_more_stable(factor: float, kind: type[SMTJ] | type[DMTJ]) -> None:
    device = kind()
    larger = dataclasses.replace(device, area_scale=factor)
    assert float(larger.delta) > float(device.delta)
    assert float(retention_time(float(larger.delta), float(larger.tau_d))) > float(
        retention_time(float(device.delta), float(device.tau_d))
    )


# ---- arrays -----------------------------------------------------------------------------------------


@SEEDED
@given(
    model=st.sampled_from(sorted(MODELS)),
    rows=st.integers(2, 2000),
    synapses=st.integers(4, 500),
    more=st.integers(1, 500),
)
def test_more_rows_or_columns_need_more_area(model: str, rows: int, synapses: int, more: int) -> None:
    core = dataclasses.replace(
        CORE, rows=np.array([rows, rows + more, rows]), synapses=np.array([synapses] * 2 + [synapses + more])
    )
    estimate = SynapticCore(FINFET, CELL, core, model).evaluate("status")
    area, array = estimate.area_m2["total"], estimate.area_m2["array"]
    good = np.asarray(estimate.status) == 0
    for larger in (1, 2):
        if good[0] and good[larger]:
            assert array[larger] > array[0]
            assert area[larger] > area[0]


# ---- circuits, in ngspice ---------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ALL_CELLS)
@pytest.mark.parametrize("line", ["bl", "sl"])
def test_current_and_drive_rise_with_the_line_voltage(cell: str, line: str, make_bench: MakeBench) -> None:
    found = measure_load_line(make_bench(cell), line, np.linspace(0.0, 1.2, 13), state_nodes(5))  # type: ignore[arg-type]
    size = np.abs(found.current)
    assert np.all(np.diff(size, axis=0) > 0)
    # In the state of low resistance, z = +1, flows the most.
    assert np.all(np.diff(size[1:], axis=1) > 0)


@pytest.mark.parametrize("cell", CELLS)
def test_error_rates_of_a_real_load_line_fall_with_voltage_and_pulse(
    cell: str, make_bench: MakeBench
) -> None:
    bench = make_bench(cell)
    operation = operations_of(bench)[0]
    voltage, state = np.linspace(0.5, 1.0, 6), state_nodes(7)
    drive = measure_load_line(bench, operation.line, voltage, state).drive
    junction = bench.junction
    tau = np.linspace(0.5, 2.0, 7) * operation.pulse / float(junction.tau_d)
    stay = switching_probabilities(
        float(junction.delta), state, drive, np.broadcast_to(tau, (voltage.size, tau.size)), 1
    ).stay
    ln_rate = np.log(np.maximum(stay, 1e-30))
    assert np.all(np.diff(ln_rate, axis=0) <= SOLVER_ERROR)
    assert np.all(np.diff(ln_rate, axis=1) <= SOLVER_ERROR)
    assert ln_rate[-1, -1] < np.log(1e-12) < np.log(1e-2) < ln_rate[0, 0]


def metered(netlist: Path, capacitance: float) -> dict[str, list[str]]:
    """Put an ammeter at every terminal of every device, and a capacitor at the node inside.

    Returns the nodes of each device; `x` is the node between junction and transistors.
    """
    devices: dict[str, list[str]] = {}
    lines = []
    for line in netlist.read_text().splitlines():
        match = re.match(r"(N\w+)\s+(.*?)\s+(mtj|nfet|pfet)\b(.*)", line)
        if not match:
            lines.append(line)
            continue
        name, nodes = match[1].lower(), match[2].split()
        devices[name] = nodes
        lines += [f"Va_{name}_{k} {node} {name}_{k} 0" for k, node in enumerate(nodes)]
        inside = " ".join(f"{name}_{k}" for k in range(len(nodes)))
        lines.append(f"{match[1]} {inside} {match[3]}{match[4]}")
    devices["cx"] = ["x", "0"]
    place = next(k for k, line in enumerate(lines) if line.lower().startswith(".ends"))
    lines[place:place] = ["Va_cx_0 x cx_0 0", f"Cx cx_0 0 {capacitance!r}"]
    netlist.write_text("\n".join(lines) + "\n")
    return devices


def test_energy_of_a_write_is_conserved(project: Path, osdi: tuple[Path, ...]) -> None:
    """What the sources give is the heat of junction and transistors, and what the capacitor holds.

    Currents and voltages of a real ngspice transient. Over the whole pulse, which ends at the bias it began
    with, nothing is stored and every device has taken up energy; in its middle the capacitor holds C V^2/2.
    """
    bench = bench_of(project, osdi)
    capacitance, voltage = 20e-15, 0.8
    devices = metered(bench.cell.netlist, capacitance)
    parameters, stop, _ = pulse_parameters(bench, "sl", voltage, 3e-9)
    save = ["all", *(f"@{{mtj}}[{name}]" for name in ("mz", "v_top", "v_bottom", "resistance"))]
    simulator = bench.simulator()
    simulator.load(render(bench.testbench("write"), bench.cell, parameters, save=save))
    vectors = simulator.run(f"tran {FINE.max_step:.12g} {stop:.12g} 0 {FINE.max_step:.12g}")
    simulator.unload()
    time = vectors["time"]

    def node(name: str) -> np.ndarray:
        return np.zeros_like(time) if name == "0" else vectors.get(name, vectors.get(f"xcell.{name}"))

    def until(power: np.ndarray) -> np.ndarray:
        """Energy up to every time, by the trapezoidal rule as in our own measurements."""
        return np.concatenate([[0.0], np.cumsum(0.5 * (power[1:] + power[:-1]) * np.diff(time))])

    given = until(-sum(vectors[source[1:]] * vectors[f"{source}#branch"] for source in SOURCES))
    taken = {
        name: until(
            sum(
                node(place) * vectors[f"v.xcell.va_{name}_{k}#branch"]
                for k, place in enumerate(nodes)
                if place != "0"
            )
        )
        for name, nodes in devices.items()
    }
    total = given[-1]
    assert np.max(np.abs(sum(taken.values()) - given)) < 1e-6 * total
    # The junction is a resistance: its heat from the model's own voltage and resistance.
    junction = next(iter(vectors[name] for name in vectors if name.endswith("[v_top]")))
    junction = junction + next(iter(vectors[name] for name in vectors if name.endswith("[v_bottom]")))
    resistance = next(iter(vectors[name] for name in vectors if name.endswith("[resistance]")))
    assert until(junction**2 / resistance)[-1] == approx(taken["nmtj"][-1], rel=1e-5)
    # The capacitor gives back what it took.
    held = 0.5 * capacitance * (node("x") ** 2 - node("x")[0] ** 2)
    middle = int(np.searchsorted(time, 0.5 * time[-1]))
    assert held[middle] > 0.01 * total
    # An edge of 20 ps has few time steps: v i summed over them is right to about one per cent.
    assert np.max(np.abs(taken["cx"] - held)) < 0.02 * np.max(held)
    assert all(energy[-1] > 0 for name, energy in taken.items() if name != "cx")
    assert given[-1] == approx(sum(taken[name][-1] for name in ("nmtj", "nn", "np")), rel=2e-3)
