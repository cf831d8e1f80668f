"""The compiled models against the NumPy twin at held magnetisation."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from flow.device import constants
from flow.device.mtj import SIMULATION_CONTROLS, device_from_mapping, parameter_names
from tests.near import approx
from tests.veriloga.simulate import Simulator

SOURCES = Path(__file__).parents[2] / "veriloga"
KINDS = pytest.mark.parametrize("kind", ["smtj", "dmtj"])
COSINES = (-1.0, -0.6, 0.0, 0.35, 1.0)
# Far tighter than needed to converge: the comparison is about equations, not about Newton's last step.
TIGHT = ".options reltol=1e-9 vntol=1e-13 abstol=1e-19"
# Steps around zero, without zero itself: relative agreement means nothing there.
SWEEP = "dc v1 -1.175 1.2 0.19"
OUTPUTS = ("v_top", "v_bottom", "drive", "resistance", "delta", "tau_d", "i_c0_0to1", "i_c0_1to0", "mz")


def variants(kind: str) -> list[dict[str, float]]:
    """The default, each parameter changed alone, and scattered sets."""
    default = device_from_mapping(kind, {})
    names = sorted(parameter_names(kind) - {"temperature"})
    center = {name: default.v_h if name == "v_h_pol" else getattr(default, name) for name in names}
    rng = np.random.default_rng(3)
    alone = [{name: center[name] * 1.07} for name in names]
    scattered: list[dict[str, float]] = [
        {name: center[name] * (1 + 0.08 * rng.uniform(-1, 1)) for name in names if rng.random() < 0.7}
        for _ in range(8)
    ]
    return [{}, *alone, *scattered]


@KINDS
def test_twin_agrees_with_the_compiled_model(kind: str, simulator: Simulator) -> None:
    """Current, barrier voltages, drive and energetics over a grid of voltage, z and parameters."""
    for parameters in variants(kind):
        device = device_from_mapping(kind, parameters)
        given = " ".join(f"{name}={value!r}" for name, value in parameters.items())
        lines, vectors = [TIGHT, "v1 t 0 0"], []
        for k, z in enumerate(COSINES):
            lines += [f"va{k} t t{k} 0", f"n{k} t{k} 0 {kind} freeze=1 z_frozen={z} {given}"]
            vectors += [f"i(va{k})", *(f"@n{k}[{name}]" for name in OUTPUTS)]
        found = simulator.run("\n".join(lines), SWEEP, vectors)
        v = found["scale"]
        assert len(v) == 13

        for k, z in enumerate(COSINES):
            v_top, v_bottom = device.barrier_voltages(z, v)
            expected = {
                f"i(va{k})": device.current(z, v),
                f"@n{k}[v_top]": v_top,
                f"@n{k}[v_bottom]": v_bottom,
                f"@n{k}[drive]": device.drive(z, v),
                f"@n{k}[resistance]": device.resistance(z, v),
                f"@n{k}[delta]": device.delta,
                f"@n{k}[tau_d]": device.tau_d,
                f"@n{k}[i_c0_0to1]": device.critical_current_0to1(v_top, v_bottom),
                f"@n{k}[i_c0_1to0]": device.critical_current_1to0(v_top, v_bottom),
                f"@n{k}[mz]": z,
            }
            for name, value in expected.items():
                np.testing.assert_allclose(found[name], value, rtol=1e-6, err_msg=f"{name} {z} {parameters}")


@KINDS
def test_every_parameter_matters(kind: str) -> None:
    """Each changed parameter moves a compared quantity, so the grid above does compare it."""
    # phi acts only away from the reference thickness, where the default top oxide sits.
    base = {"t_ox_t": 0.8e-9}
    default = device_from_mapping(kind, base)
    for parameters in variants(kind)[1:]:
        device = device_from_mapping(kind, base | parameters)
        assert (
            device.current(0.35, 0.5) != default.current(0.35, 0.5)
            or device.drive(0.35, 0.5) != default.drive(0.35, 0.5)
            or device.tau_d != default.tau_d
        ), parameters


@KINDS
def test_load_line_tolerance(kind: str, simulator: Simulator) -> None:
    """Behind an access resistance, at the tolerance that README.md asks of a load line.

    The default reltol of 1e-3 is not enough: Newton may stop a whole 1e-3 away in current.
    """
    access = ".options reltol=1e-6\nv1 s 0 0\nr1 s t 2k\nva t x 0\n"
    found = simulator.run(
        f"{access}n1 x 0 {kind} freeze=1 z_frozen=-0.6",
        "dc v1 0.1 1.2 0.1",
        ["v(x)", "i(va)", "@n1[drive]"],
    )
    device = device_from_mapping(kind, {})
    np.testing.assert_allclose(found["i(va)"], device.current(-0.6, found["v(x)"]), rtol=1e-5)
    np.testing.assert_allclose(found["@n1[drive]"], device.drive(-0.6, found["v(x)"]), rtol=1e-5)


@KINDS
def test_the_third_terminal_holds_the_polar_angle(kind: str, simulator: Simulator) -> None:
    """Swept like a voltage, `m_z` is its cosine; the drive is that of `z_frozen` there."""
    lines = [TIGHT, "v1 t 0 0.3", "vangle h 0 0", f"n1 t 0 h {kind} freeze=1"]
    found = simulator.run("\n".join(lines), "dc vangle 0 3.15 0.45", ["@n1[mz]", "@n1[drive]"])
    cosine = np.cos(found["scale"])
    np.testing.assert_allclose(found["@n1[mz]"], cosine, atol=1e-12)
    device = device_from_mapping(kind, {})
    np.testing.assert_allclose(found["@n1[drive]"], device.drive(cosine, 0.3), rtol=1e-6)


@KINDS
def test_temperature_sets_delta(kind: str, simulator: Simulator) -> None:
    found = simulator.run(f"v1 t 0 0.1\nn1 t 0 {kind}", "dc temp 0 100 50", ["@n1[delta]", "@n1[tau_d]"])
    for celsius, delta, tau_d in zip(found["scale"], found["@n1[delta]"], found["@n1[tau_d]"], strict=True):
        device = device_from_mapping(kind, {"temperature": celsius + 273.15})
        assert delta == approx(device.delta, rel=1e-9)
        assert tau_d == approx(device.tau_d, rel=1e-9)


@KINDS
def test_a_static_analysis_holds_the_stored_state(kind: str, simulator: Simulator) -> None:
    """Even far above the critical voltage: a DC analysis asks for the resistance of a state."""
    found = simulator.run(
        f"v1 t 0 0\nn1 t 0 {kind} state=0\nn2 t 0 {kind} state=1 quantile=0.9",
        "dc v1 -1 1 0.5",
        ["@n1[mz]", "@n2[mz]"],
    )
    device = device_from_mapping(kind, {})
    np.testing.assert_allclose(found["@n1[mz]"], np.cos(device.initial_angle(0.5)), rtol=1e-9)
    np.testing.assert_allclose(found["@n2[mz]"], -np.cos(device.initial_angle(0.9)), rtol=1e-9)


@KINDS
def test_defaults_and_names_are_those_of_the_twin(kind: str) -> None:
    """Read from the source text: a default that only the other side has would hide in the grid above."""
    text = (SOURCES / f"{kind}.va").read_text() + (SOURCES / "include" / "parameters.include").read_text()
    stated = dict(re.findall(r"^\s*`(?:REAL_\w+|SWITCH)\((\w+), ([^,]+),", text, re.MULTILINE))
    assert set(stated) - SIMULATION_CONTROLS == parameter_names(kind) - {"temperature"}
    assert set(stated) >= SIMULATION_CONTROLS
    default = device_from_mapping(kind, {})
    assert stated.pop("v_h_pol") == "v_h"
    assert default.v_h_pol is None
    for name in set(stated) - SIMULATION_CONTROLS:
        assert float(stated[name]) == getattr(default, name), name


def test_constants_are_those_of_the_twin() -> None:
    text = (SOURCES / "include" / "torque.include").read_text()
    stated = {
        name: float(value) for name, value in re.findall(r"`define (\w+) ([\d.e+-]+)$", text, re.MULTILINE)
    }
    assert stated.pop("PI_") == np.pi
    assert stated == {name: getattr(constants, name) for name in stated}
    assert len(stated) == 5


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("eta=1.5", "eta is out of bounds"),
        ("freez=1", "unknown parameter (freez)"),
        ("k_i=1e-4", "not perpendicular"),
    ],
)
def test_bad_parameters_stop_the_simulation(wrong: str, message: str, simulator: Simulator) -> None:
    done = simulator.execute(f"v1 t 0 0.1\nn1 t 0 smtj {wrong}", "op\nprint i(v1)")
    assert message in done.stdout + done.stderr
    assert "i(v1) =" not in done.stdout
