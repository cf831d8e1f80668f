"""The NumPy twin against analytic limits, the published cell resistances and properties."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import constants
from scipy.optimize import brentq

from flow.device import constants as own_constants
from flow.device.mtj import (
    DMTJ,
    SMTJ,
    device_from_mapping,
    parameter_names,
)
from flow.errors import UserError
from tests.near import approx

ROOT = Path(__file__).parents[3]
BOTH = pytest.mark.parametrize("device", [SMTJ(), DMTJ()], ids=["smtj", "dmtj"])

cosines = st.floats(-1, 1)
voltages = st.floats(-1.5, 1.5).filter(lambda v: abs(v) > 1e-6)
scales = st.floats(0.9, 1.1)


@st.composite
def junctions(draw: st.DrawFn) -> SMTJ | DMTJ:
    """Either junction with its transport parameters scattered by up to 10 %."""
    common = {
        "t_ox_t": 0.85e-9 * draw(scales),
        "area_scale": draw(scales),
        "v_h": 0.354 * draw(scales),
        "v_h_pol": 0.354 * draw(scales),
        "phi": 0.4 * draw(scales),
    }
    if draw(st.booleans()):
        return SMTJ(tmr0=draw(st.floats(0, 3)), **common)
    return DMTJ(
        tmr0_t=draw(st.floats(0, 3)),
        tmr0_b=draw(st.floats(0, 3)),
        t_ox_b=draw(st.floats(0.3e-9, 0.9e-9)),
        beta_b=draw(st.floats(0, 2)),
        **common,
    )


@BOTH
def test_default_energetics(device: SMTJ | DMTJ) -> None:
    """The derived figures stated with the calibration: Delta, anisotropy field, time scale."""
    assert device.delta == approx(90, rel=1e-4)
    assert device.mu0_hk == approx(1.009, abs=5e-4)
    assert device.tau_d == approx(0.2253e-9, abs=5e-14)


def test_constants_are_those_of_codata() -> None:
    assert constants.e == own_constants.E_CHARGE
    assert constants.k == own_constants.K_BOLTZMANN
    assert approx(constants.hbar, rel=1e-15) == own_constants.H_BAR
    # mu_0 and gamma are measured and move with the CODATA year.
    assert approx(constants.mu_0, rel=1e-8) == own_constants.MU_0
    gamma = constants.physical_constants["electron gyromag. ratio"][0]
    assert approx(gamma, rel=1e-8) == own_constants.GYROMAGNETIC


def test_a_thicker_free_layer_is_less_stable() -> None:
    """d ln Delta/d ln t_FL: -1.08 from the volume of the demagnetising energy, +0.15 from its shape."""
    device = SMTJ()
    step = 1e-5
    varied = device.with_variation(t_fl=np.array([-step, step]))
    slope = np.diff(np.log(varied.delta))[0] / (2 * step)
    demagnetising = device.k_i * device.area / device.energy_barrier - 1
    assert demagnetising == approx(1.08, abs=0.01)
    q = 2 * device.t_fl / (device.d / 2 * np.sqrt(np.pi))
    n_z = 1 / (1 + q)
    # N_z - N_x = (3 N_z - 1)/2 and d ln N_z/d ln t = -q/(1 + q).
    shape = -3 * n_z * (q / (1 + q)) / (3 * n_z - 1)
    assert slope == approx(-demagnetising * (1 + shape), rel=1e-5)
    assert slope == approx(-0.93, abs=0.01)


@BOTH
def test_delta_is_proportional_to_the_area(device: SMTJ | DMTJ) -> None:
    varied = device.with_variation(area_scale=0.1)
    assert varied.delta == approx(1.1 * device.delta, rel=1e-12)
    assert varied.mu0_hk == approx(device.mu0_hk, rel=1e-12)
    assert varied.area == approx(1.1 * device.area, rel=1e-12)


def test_thickness_law_of_the_barrier() -> None:
    device = SMTJ()
    area = np.pi * (14e-9) ** 2
    assert device.parallel_resistance(0.85e-9) == approx(4.957e-12 / area, rel=1e-12)
    ratio = device.parallel_resistance(0.80e-9) / device.parallel_resistance(0.85e-9)
    assert ratio == approx(0.80 / 0.85 * np.exp(-10.25 * np.sqrt(0.4) * 0.05), rel=1e-12)


def test_resistance_at_the_ends() -> None:
    single, double = SMTJ(), DMTJ()
    top, bottom = double.parallel_resistance(0.85e-9), double.parallel_resistance(0.40e-9)
    assert single.resistance(1, 0) == approx(top, rel=1e-12)
    assert single.resistance(-1, 0) == approx(2.5 * top, rel=1e-12)
    assert double.resistance(1, 0) == approx(top + 2.5 * bottom, rel=1e-12)
    assert double.resistance(-1, 0) == approx(2.5 * top + bottom, rel=1e-12)
    # At V_h the TMR is halved; far above it is gone.
    assert single.resistance(-1, 0.354) == approx(1.75 * top, rel=1e-12)
    assert single.tmr_top(0.354) == approx(0.75)
    assert single.resistance(-1, 1e4) == approx(top, rel=1e-6)


@pytest.mark.parametrize(
    ("device", "access", "voltage", "published"),
    [(SMTJ(), 1462, 0.338, (9513, 16390)), (DMTJ(), 2807, 0.121, (11370, 22170))],
    ids=["smtj", "dmtj"],
)
def test_published_cell_resistances(
    device: SMTJ | DMTJ, access: float, voltage: float, published: tuple[float, float]
) -> None:
    """Table II of DOI 10.1109/TCSII.2023.3240474: R_on, R_off with a linear access resistance in series."""
    for z, expected in zip((1, -1), published, strict=True):
        across = brentq(lambda v, z=z: device.current(z, v) * access + v - voltage, 0, voltage)
        assert voltage / device.current(z, across) == approx(expected, rel=5e-4)


def test_critical_currents_of_the_single_barrier() -> None:
    """I_1 = 2 e alpha mu0 Ms V Hk/hbar (the other form of the definition), and the asymmetry both ways."""
    device = SMTJ()
    unit = 2 * constants.e * device.alpha * device.ms * device.volume * device.mu0_hk / constants.hbar
    nu = 1.5 / 3.5
    assert device.unit_current == approx(unit, rel=1e-12)
    assert device.critical_current_0to1() == approx(unit * (1 + nu) / (0.67 * 1.93), rel=1e-12)
    assert device.critical_current_1to0() == approx(unit * (1 - nu) / (0.67 * 1.93), rel=1e-12)
    # The asymmetry dies with the voltage, and without TMR there is none.
    assert device.critical_current_0to1(1e4) == approx(device.critical_current_1to0(1e4), rel=1e-6)
    flat = SMTJ(tmr0=0.0)
    assert flat.critical_current_0to1() == flat.critical_current_1to0()


@BOTH
def test_drive_is_one_at_the_critical_current(device: SMTJ | DMTJ) -> None:
    v_top, v_bottom = 0.3, 0.1
    up = device.critical_current_0to1(v_top, v_bottom)
    down = device.critical_current_1to0(v_top, v_bottom)
    assert device.drive_from_current(1, up, v_top, v_bottom) == approx(1, rel=1e-12)
    assert device.drive_from_current(-1, -down, v_top, v_bottom) == approx(-1, rel=1e-12)


def test_second_barrier_lowers_the_critical_current() -> None:
    """Both reference layers push the same way, and without the second one the single barrier is back."""
    single, double = SMTJ(), DMTJ()
    assert double.critical_current_0to1() < 0.5 * single.critical_current_0to1()
    assert double.critical_current_1to0() < single.critical_current_1to0()
    alone = DMTJ(beta_b=0.0)
    assert alone.critical_current_0to1() == approx(single.critical_current_0to1(), rel=1e-12)
    assert alone.critical_current_1to0() == approx(single.critical_current_1to0(), rel=1e-12)


def test_each_barrier_has_its_own_tmr_and_voltage_in_the_torque() -> None:
    """G = 1/(1 + nu_T z) + beta_B/(1 - nu_B z) with nu = TMR/(TMR + 2) of each barrier at its own voltage."""
    device = DMTJ(tmr0_t=2.0, tmr0_b=0.5, v_h=0.4, beta_b=0.7)
    # At V_h the top barrier's TMR is 1; the bottom one keeps 0.5 at no voltage: nu = 1/3 and 1/5.
    for z in (-1.0, -0.3, 0.6, 1.0):
        expected = 1 / (1 + z / 3) + 0.7 / (1 - z / 5)
        assert device.torque_factor(z, 0.4, 0.0) == approx(expected, rel=1e-12)
    assert (device.tmr_top(0.4), device.tmr_bottom(0.4)) == (1.0, 0.25)


@given(z=cosines, v=voltages)
def test_a_balanced_double_junction_is_its_own_mirror_image(z: float, v: float) -> None:
    """Upside down: z -> -z and V -> -V swap the barriers and reverse the drive."""
    device = DMTJ(t_ox_b=0.85e-9)
    top, bottom = device.barrier_voltages(z, v)
    mirror_top, mirror_bottom = device.barrier_voltages(-z, -v)
    assert top == approx(-mirror_bottom, rel=1e-10)
    assert bottom == approx(-mirror_top, rel=1e-10)
    assert device.resistance(z, v) == approx(device.resistance(-z, -v), rel=1e-10)
    assert device.drive(z, v) == approx(-device.drive(-z, -v), rel=1e-10)
    assert device.critical_current_0to1() == approx(device.critical_current_1to0(), rel=1e-12)


@given(device=junctions(), z=cosines, v=voltages)
def test_current_is_odd_and_drive_follows_its_sign(device: SMTJ | DMTJ, z: float, v: float) -> None:
    assert device.current(z, -v) == approx(-device.current(z, v), rel=1e-9)
    assert np.sign(device.current(z, v)) == np.sign(v) == np.sign(device.drive(z, v))


@given(device=junctions(), z=cosines, v=st.floats(1e-3, 1.5), more=st.floats(1e-3, 0.5))
def test_current_rises_with_voltage(device: SMTJ | DMTJ, z: float, v: float, more: float) -> None:
    assert device.current(z, v + more) > device.current(z, v)
    assert device.resistance(z, v + more) <= device.resistance(z, v) * (1 + 1e-12)


@given(device=junctions(), z=cosines, v=voltages)
def test_divider_conserves_current(device: SMTJ | DMTJ, z: float, v: float) -> None:
    """The barrier voltages add up, and each barrier, taken as a single junction, carries the same current."""
    v_top, v_bottom = device.barrier_voltages(z, v)
    assert v_top + v_bottom == approx(v, rel=1e-12)
    if isinstance(device, SMTJ):
        assert v_bottom == 0
        return
    shared = {name: getattr(device, name) for name in parameter_names("smtj") - {"tmr0", "t_ox_t"}}
    top = SMTJ(tmr0=device.tmr0_t, t_ox_t=device.t_ox_t, **shared)
    bottom = SMTJ(tmr0=device.tmr0_b, t_ox_t=device.t_ox_b, **shared)
    assert top.current(z, v_top) == approx(bottom.current(-z, v_bottom), rel=1e-9)
    assert device.current(z, v) == approx(top.current(z, v_top), rel=1e-9)


@BOTH
@given(z=cosines, v=voltages)
def test_resistance_lies_between_the_two_states(device: SMTJ | DMTJ, z: float, v: float) -> None:
    low, high = device.resistance(1, v), device.resistance(-1, v)
    assert low <= high
    assert low * (1 - 1e-12) <= device.resistance(z, v) <= high * (1 + 1e-12)


@BOTH
def test_a_population_equals_its_members(device: SMTJ | DMTJ) -> None:
    rng = np.random.default_rng(7)
    deviations = {name: 0.02 * rng.standard_normal((20, 1)) for name in ("t_fl", "t_ox_t", "area_scale")}
    z, v = np.linspace(-1, 1, 5), 0.6
    population = device.with_variation(**deviations)
    drive, current = population.drive(z, v), population.current(z, v)
    assert drive.shape == current.shape == (20, 5)
    assert population.tau_d.shape == (20, 1)
    for k in range(20):
        member = device.with_variation(**{name: float(dev[k, 0]) for name, dev in deviations.items()})
        assert drive[k] == approx([member.drive(c, v) for c in z], rel=1e-11)
        assert current[k] == approx([member.current(c, v) for c in z], rel=1e-11)


def test_divider_at_zero_and_at_the_poles() -> None:
    top, bottom = DMTJ().barrier_voltages(np.array([-1.0, 1.0, 0.3]), np.array([0.0, 3.0, -3.0]))
    assert top[0] == bottom[0] == 0
    assert np.all(np.isfinite(DMTJ(tmr0_t=0.0, tmr0_b=0.0).drive(np.array([-1.0, 1.0]), 1.0)))


@BOTH
def test_half_voltage_of_the_torque_follows_that_of_transport(device: SMTJ | DMTJ) -> None:
    explicit = dataclasses.replace(device, v_h=0.5, v_h_pol=0.5)
    assert dataclasses.replace(device, v_h=0.5).drive(0.3, 0.4) == explicit.drive(0.3, 0.4)
    assert device.drive(0.3, 0.4) != dataclasses.replace(device, v_h_pol=0.5).drive(0.3, 0.4)


@pytest.mark.parametrize("kind", ["smtj", "dmtj"])
def test_defaults_are_those_of_the_device_file(kind: str) -> None:
    file = tomllib.loads((ROOT / "spice" / "devices" / f"{kind}.toml").read_text())
    assert file["kind"] == kind
    stated = {name: entry["value"] for name, entry in file["parameters"].items()}
    default = device_from_mapping(kind, {})
    assert set(stated) | {"temperature", "area_scale"} == parameter_names(kind)
    assert file["temperature"]["value"] == default.temperature
    for name, value in stated.items():
        expected = default.v_h if name == "v_h_pol" else getattr(default, name)
        assert value == expected, name


def test_mapping_leaves_simulation_controls_out() -> None:
    device = device_from_mapping("dmtj", {"t_ox_t": 0.8e-9, "state": 1, "freeze": 1, "z_frozen": 0.5})
    assert isinstance(device, DMTJ)
    assert device.t_ox_t == 0.8e-9


@pytest.mark.parametrize(
    ("kind", "parameters", "key"),
    [
        ("tmr", {}, "kind"),
        ("smtj", {"t_ox_b": 4e-10}, "t_ox_b"),
        ("smtj", {"d": -1e-9}, "d"),
        ("smtj", {"alpha": 1.0}, "alpha"),
        ("dmtj", {"tmr0_b": -0.1}, "tmr0_b"),
        ("dmtj", {"v_h": float("nan")}, "v_h"),
        ("dmtj", {"k_i": 1e-4}, "k_i"),
    ],
)
def test_bad_parameters_are_named(kind: str, parameters: dict[str, float], key: str) -> None:
    with pytest.raises(UserError) as caught:
        device_from_mapping(kind, parameters)
    assert caught.value.key == key


@pytest.mark.parametrize("name", ["tmr0_b", "colour", "v_h_pol"])
def test_variation_of_an_unknown_or_unset_parameter_is_refused(name: str) -> None:
    with pytest.raises(UserError) as caught:
        SMTJ().with_variation(**{name: 0.01})
    assert caught.value.key == name


@settings(max_examples=20)
@given(q=st.floats(1e-6, 0.999))
def test_initial_angle_is_the_rayleigh_quantile(q: float) -> None:
    """P(theta < theta_q) = q for the density theta exp(-Delta theta^2)."""
    angle = SMTJ().initial_angle(q)
    assert 1 - np.exp(-SMTJ().delta * angle**2) == approx(q, rel=1e-6)
