"""Closed forms against direct numerical integration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp

from flow.device import limits
from flow.device.constants import GYROMAGNETIC, K_BOLTZMANN
from flow.device.mtj import DMTJ, SMTJ
from flow.device.retention import loss_probability, retention_time
from tests.near import approx


@settings(max_examples=50, deadline=None)
@given(
    drive=st.floats(0.2, 5) | st.just(1.0),
    high=st.floats(-0.9, 0.995),
    fall=st.floats(0.01, 1.5),
)
def test_switching_time_is_its_integral(drive, high, fall):
    high = min(high, drive - 0.01)
    low = max(high - fall, -0.999)
    if abs(drive - 1) < 1e-3 and drive != 1:
        drive = 1.01  # the partial fractions cancel beside i = 1, where the closed form changes
    expected = quad(lambda z: 1 / ((1 - z * z) * (drive - z)), low, high, limit=200)[0]
    assert float(limits.switching_time(high, low, drive)) == approx(expected, rel=1e-6, abs=1e-9)


def test_switching_time_is_the_time_of_the_trajectory():
    z0, drive, time = 0.99, 1.8, float(limits.switching_time(0.99, -0.5, 1.8))
    path = solve_ivp(lambda _, z: (1 - z * z) * (z - drive), (0, time), [z0], rtol=1e-10, atol=1e-12)
    assert path.y[0, -1] == approx(-0.5, abs=1e-7)


def test_a_drive_below_the_start_never_switches():
    assert float(limits.switching_time(0.9, 0.0, 0.8)) == np.inf


def test_kramers_domain_and_symmetry():
    with pytest.raises(ValueError, match="barrier"):
        limits.kramers_rate(40, 1.0)
    assert limits.kramers_rate(40, 0.3, 1) == limits.kramers_rate(40, -0.3, -1)
    assert float(limits.relaxation_rate(40)) == approx(2 * float(limits.kramers_rate(40, 0)))
    # Under a drive either well has its own barrier, Delta (1 - i)^2 and Delta (1 + i)^2.
    both = limits.kramers_rate(40, 0.1, 1) + limits.kramers_rate(40, 0.1, -1)
    assert float(limits.relaxation_rate(40, 0.1)) == approx(float(both))
    assert float(limits.relaxation_rate(40, 0.1)) == approx(float(limits.relaxation_rate(40, -0.1)))


def test_stationary_density_of_a_bent_load_line():
    z, drive = np.array([-1.0, -0.2, 0.5, 1.0]), np.array([1.0, 0.2, 0.4, -0.5])
    for at in (-0.7, 0.0, 0.3, 0.9):
        integral = quad(lambda x: np.interp(x, z, drive), 0, at, points=[-0.2, 0.5])[0]
        expected = 30 * at**2 - 60 * integral
        assert limits.stationary_log_density(30, at, z, drive)[0] == approx(expected, rel=1e-8)


def test_stationary_density_of_a_constant_drive():
    at = np.array([-0.7, 0.3, 0.9])
    expected = 30 * at**2 - 60 * 0.4 * at
    assert limits.stationary_log_density(30, at, 0.0, 0.4) == approx(expected)
    assert limits.stationary_log_density(30, at, [-1.0, 1.0], [0.4, 0.4]) == approx(expected)


@pytest.mark.parametrize("device", [SMTJ(), DMTJ()])
def test_thermal_field_is_browns_in_si_units(device):
    step = 1e-12
    brown = np.sqrt(
        2
        * device.alpha
        * K_BOLTZMANN
        * device.temperature
        / (GYROMAGNETIC * device.ms * device.volume * step)
    )
    reduced = limits.thermal_field(device.alpha, device.delta, step / device.tau_d, device.mu0_hk)
    assert float(reduced) == approx(brown, rel=1e-9)


def test_retention_of_the_default_cell_and_of_one_with_ten_years():
    tau_d = float(SMTJ().tau_d)
    assert float(retention_time(90, tau_d)) > 1e20
    ten_years = 10 * 3.156e7
    times = retention_time(np.array([38.0, 44.0]), np.array([tau_d, tau_d]))
    assert times[0] < ten_years < times[1]
    lost = loss_probability(44, ten_years / tau_d)
    assert float(lost) == approx(-0.5 * np.expm1(-2 * ten_years / times[1]), rel=1e-9)
    assert float(loss_probability(20, 1e12)) == approx(0.5)
