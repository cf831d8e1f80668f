"""Reversal in the compiled models: closed forms, quadrature, repeated writes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.linalg import solve_banded

from flow.device.mtj import DMTJ, SMTJ, Z_OF_STATE, device_from_mapping
from tests.near import approx
from tests.veriloga.simulate import Columns, Simulator

KINDS = pytest.mark.parametrize("kind", ["smtj", "dmtj"])
STATES = pytest.mark.parametrize("state", [0, 1])


def crossing(found: Columns, level: float) -> float:
    """Time (s) at which m_z passes `level`, interpolated in atanh(m_z), the variable of the model."""
    z = found["@n1[mz]"]
    k = np.nonzero((z[:-1] - level) * (z[1:] - level) < 0)[0]
    assert len(k) == 1
    t = found["scale"][k[0] : k[0] + 2]
    left, right = np.arctanh(z[k[0] : k[0] + 2]) - np.arctanh(level)
    return float(t[0] - left * (t[1] - t[0]) / (right - left))


def reversal(simulator: Simulator, kind: str, voltage: float, state: int, extra: str) -> Columns:
    """A constant voltage from t = 0 on; the magnetisation is let go at t = 0."""
    return simulator.run(
        f"v1 t 0 {voltage}\nn1 t 0 {kind} state={state} {extra}", "tran 100p 8n", ["@n1[mz]", "@n1[drive]"]
    )


def closed_form(z0: float, z1: float, i: float) -> float:
    """`int_z1^z0 dz/[(1 - z^2)(i - z)]`, the noiseless switching time over tau_D, by partial fractions."""

    def primitive(z: float) -> float:
        return (
            -np.log(1 - z) / (2 * (i - 1)) + np.log(1 + z) / (2 * (i + 1)) - np.log(abs(i - z)) / (1 - i**2)
        )

    return float(primitive(z0) - primitive(z1))


@STATES
@pytest.mark.parametrize("overdrive", [1.15, 1.5, 2.5, 5.0])
def test_noiseless_switching_time_is_the_closed_form(
    simulator: Simulator, state: int, overdrive: float
) -> None:
    """Without TMR the single barrier is a resistor and the drive does not depend on z."""
    device = SMTJ(tmr0=0.0)
    z0 = Z_OF_STATE[state] * np.cos(device.initial_angle(0.5))
    i = Z_OF_STATE[state] * overdrive
    voltage = i / device.drive(0.0, 1.0)
    found = reversal(simulator, "smtj", voltage, state, "tmr0=0 thermal_floor=0")
    np.testing.assert_allclose(found["@n1[drive]"], i, rtol=1e-9)
    for level in (0.0, -0.9 * Z_OF_STATE[state]):
        expected = closed_form(z0, level, i) * device.tau_d
        assert crossing(found, level) == approx(expected, rel=3e-3)


@KINDS
@STATES
@pytest.mark.parametrize("floor", [0.0, None], ids=["noiseless", "floor"])
@pytest.mark.parametrize("multiple", [1.15, 2.0])
def test_switching_time_with_real_transport(
    simulator: Simulator, kind: str, state: int, floor: float | None, multiple: float
) -> None:
    """i(z) from the twin, the time by quadrature over u: `du/(Gamma (z - i - floor sinh u cosh u/Delta))`."""
    device = device_from_mapping(kind, {})
    sign = Z_OF_STATE[state]
    voltage = sign * multiple * threshold(device, state)
    weight = np.log(2) if floor is None else floor

    def slowness(u: float) -> float:
        z = np.tanh(u)
        return 1 / (z - device.drive(z, voltage) - weight * 0.5 * np.sinh(2 * u) / device.delta)

    start = sign * np.arctanh(np.cos(device.initial_angle(0.5)))
    expected = quad(slowness, start, 0, epsrel=1e-8)[0] * device.tau_d
    found = reversal(simulator, kind, voltage, state, "" if floor is None else f"thermal_floor={floor}")
    assert crossing(found, 0.0) == approx(expected, rel=3e-3)


def threshold(device: SMTJ | DMTJ, state: int) -> float:
    """Lowest voltage (V, magnitude) with |i| > 1 all the way, so that the noiseless state leaves its well."""
    z = np.linspace(-1, 1, 41)
    v = np.linspace(0.05, 1.5, 300)[:, None] * Z_OF_STATE[state]
    enough = np.all(np.abs(device.drive(z, v)) > 1, axis=1)
    return float(np.abs(v[np.argmax(enough), 0]))


@KINDS
def test_eight_of_eight_alternating_writes(simulator: Simulator, kind: str) -> None:
    """Through an access resistance, from where the last write left the state."""
    up, down = (1.0, -1.1) if kind == "smtj" else (0.6, -0.9)
    corners = ["0 0"]
    for k in range(8):
        v = (up, down)[k % 2]
        corners += [f"{6 * k + 1}n 0 {6 * k + 1.05}n {v} {6 * k + 4}n {v} {6 * k + 4.05}n 0"]
    found = simulator.run(
        f"v1 s 0 pwl({' '.join(corners)})\nr1 s t 2k\nn1 t 0 {kind}", "tran 100p 48n", ["@n1[mz]"]
    )
    ends = np.interp(6e-9 * np.arange(1, 9), found["scale"], found["@n1[mz]"])
    assert list(np.sign(ends)) == [-1, 1] * 4
    assert np.all(np.abs(ends) > 0.99)
    assert len(found["scale"]) < 8 * 250


@KINDS
@STATES
def test_a_cell_at_rest_stays_on_its_quantile(simulator: Simulator, kind: str, state: int) -> None:
    """The default thermal floor balances the anisotropy just there: a write may start at any time."""
    for quantile in (0.5, 0.01, 0.999):
        found = simulator.run(
            f"v1 t 0 0\nn1 t 0 {kind} state={state} quantile={quantile}", "tran 100p 20n", ["@n1[mz]"]
        )
        z0 = Z_OF_STATE[state] * np.cos(device_from_mapping(kind, {}).initial_angle(quantile))
        assert found["@n1[mz]"][0] == approx(z0, rel=1e-9)
        angle = np.arccos(np.abs(found["@n1[mz]"]))
        np.testing.assert_allclose(angle, np.arccos(abs(z0)), rtol=0.02)


@KINDS
def test_subcritical_current_does_not_switch(simulator: Simulator, kind: str) -> None:
    device = device_from_mapping(kind, {})
    for state in (0, 1):
        sign = Z_OF_STATE[state]
        # Weak enough nowhere to overcome the anisotropy from the equator on.
        voltage = 0.1 * sign * threshold(device, state)
        assert np.all(np.abs(device.drive(np.linspace(-1, 1, 21), voltage)) < 0.5)
        found = reversal(simulator, kind, voltage, state, "")
        assert np.all(sign * found["@n1[mz]"] > 0.95)


@KINDS
def test_a_frozen_state_does_not_move(simulator: Simulator, kind: str) -> None:
    found = simulator.run(
        f"v1 t 0 pulse(0 1.2 1n 50p 50p 3n)\nn1 t 0 {kind} state=0 freeze=1 z_frozen=-0.25",
        "tran 100p 6n",
        ["@n1[mz]", "v(t)"],
    )
    assert found["v(t)"].max() == approx(1.2)
    np.testing.assert_array_equal(found["@n1[mz]"], -0.25)


def bernoulli(x: NDArray[np.float64]) -> NDArray[np.float64]:
    small = np.abs(x) < 1e-8
    safe = np.where(small, 1.0, x)
    return np.where(small, 1 - x / 2, safe / np.expm1(safe))


def ensemble_median_time(delta: float, i: float) -> float:
    """Median time (tau_D) at which an ensemble has left z > 0: Fokker-Planck on z, finite volumes."""
    faces = np.cos(np.linspace(0, np.pi, 401))
    center, width = 0.5 * (faces[1:] + faces[:-1]), faces[:-1] - faces[1:]
    inner = faces[1:-1]
    mobility = (1 - inner**2) / (2 * delta) / (center[:-1] - center[1:])
    peclet = 2 * delta * (inner - i) * (center[:-1] - center[1:])
    out_of_low, out_of_high = mobility * bernoulli(-peclet), mobility * bernoulli(peclet)
    dt = 2e-3
    banded = np.zeros((3, 400))
    banded[1] = 1
    banded[1, 1:] += dt * out_of_low / width[1:]
    banded[1, :-1] += dt * out_of_high / width[:-1]
    banded[0, 1:] = -dt * out_of_low / width[:-1]
    banded[2, :-1] = -dt * out_of_high / width[1:]
    density = np.where(center > 0, np.exp(delta * (center**2 - 1)), 0.0)
    density /= np.sum(density * width)
    left, time = 1.0, 0.0
    while True:
        density = solve_banded((1, 1), banded, density)
        time += dt
        now = float(np.sum((density * width)[center > 0]))
        if now < 0.5:
            return time - dt * (0.5 - now) / (left - now)
        left = now


@pytest.mark.parametrize("overdrive", [1.5, 2.5])
def test_the_typical_transient_takes_the_median_time(simulator: Simulator, overdrive: float) -> None:
    """The weight -ln(1 - q) of the thermal floor makes the transient follow the quantile of the ensemble."""
    device = SMTJ(tmr0=0.0)
    found = reversal(simulator, "smtj", overdrive / device.drive(0.0, 1.0), 0, "tmr0=0")
    expected = ensemble_median_time(float(device.delta), overdrive) * device.tau_d
    assert crossing(found, 0.0) == approx(expected, rel=0.01)
