"""The Fokker-Planck solver against an independent method, exact limits and its own promises."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import eigvalsh_tridiagonal
from scipy.special import expit

from flow.device import limits
from flow.device.fokker_planck import (
    mean_first_passage_time,
    switching_probabilities,
    waveform_probabilities,
)
from flow.device.fokker_planck_kernel import fill_rates, fill_start
from flow.device.grid import grid
from flow.device.retention import escape_rate
from tests.flow.device import legendre
from tests.near import approx

ROOT = Path(__file__).parents[3]
REFERENCE = json.loads((ROOT / "tests" / "reference" / "switching_reference.json").read_text())["cases"]


def generator(delta, z, drive, cells):
    """Rates of one case and the dense backward generator they make."""
    mesh = grid(cells)
    down, up = np.empty(cells), np.empty(cells)
    z, drive = np.asarray(z, float), np.asarray(drive, float)
    fill_rates(delta, z, drive, mesh.nodes, mesh.volumes, mesh.conductances, down, up)
    dense = np.diag(up[:-1], 1) + np.diag(down[1:], -1)
    return mesh, dense - np.diag(dense.sum(axis=1))


def small(result, case):
    return result.stay if "stay" in case else result.leave


# The second method


def test_agrees_with_the_second_method_from_one_half_to_1e_minus_12():
    worst = {}
    for case in REFERENCE:
        expected = case.get("stay", case.get("leave"))
        found = switching_probabilities(*(case[key] for key in ("delta", "z", "drive", "tau", "start")))
        off = abs(float(small(found, case)) / expected - 1)
        worst[off] = case
        promised = 1e-3 if expected >= 1e-9 else 2e-2
        assert off < promised, case
        assert found.error < promised
    exponents = [np.log10(case.get("stay", case.get("leave"))) for case in REFERENCE]
    assert len(REFERENCE) >= 90
    assert min(exponents) < -11.5
    assert max(exponents) > -0.6
    assert max(worst) < 5e-4, worst[max(worst)]  # better than promised, and to stay so


def test_error_estimate_covers_the_true_error():
    covered = 0
    for case in REFERENCE:
        found = switching_probabilities(*(case[key] for key in ("delta", "z", "drive", "tau", "start")))
        off = abs(float(small(found, case)) / case.get("stay", case.get("leave")) - 1)
        assert off < 2.5 * found.error + 1e-6, case
        covered += off <= found.error + 1e-6
    assert covered >= 0.9 * len(REFERENCE)


@pytest.mark.parametrize("index", [0, 1])
def test_stored_reference_is_what_the_second_method_says(index):
    case = REFERENCE[index]
    stay, leave = legendre.probabilities(
        *(case[key] for key in ("delta", "z", "drive", "tau", "start")), degree=14
    )
    assert min(stay, leave) == approx(case.get("stay", case.get("leave")), rel=1e-4)


@pytest.mark.slow
def test_every_stored_reference_is_what_the_second_method_says():
    for case in REFERENCE:
        arguments = [case[key] for key in ("delta", "z", "drive", "tau", "start")]
        value = min(legendre.probabilities(*arguments, degree=16, width=0.2))
        assert value == approx(case.get("stay", case.get("leave")), rel=1e-6)


def test_second_method_has_converged():
    arguments = (94.0, [-1.0, 0.2, 1.0], [3.4, 3.0, 2.9], 6.0, 1)
    coarse = legendre.probabilities(*arguments, degree=12)[0]
    fine = legendre.probabilities(*arguments, degree=15)[0]
    assert coarse == approx(fine, rel=1e-3)
    assert float(switching_probabilities(*arguments).stay) == approx(fine, rel=5e-4)


def test_the_published_value():
    assert float(switching_probabilities(40, [-1, 1], [2.5, 2.5], 8, 1).stay) == approx(1.717e-9, rel=1e-3)


# Exact properties of the discrete equation

load_lines = st.lists(st.floats(-4, 4), min_size=2, max_size=7)


@settings(max_examples=40, deadline=None)
@given(delta=st.floats(5, 150), drive=load_lines)
def test_stationary_state_is_the_boltzmann_state_to_round_off(delta, drive):
    z = np.linspace(-1, 1, len(drive))
    mesh, dense = generator(delta, z, drive, 96)
    log_density = limits.stationary_log_density(delta, mesh.nodes, z, drive)
    mass = np.exp(log_density - log_density.max()) * mesh.volumes
    flow_up, flow_down = mass[:-1] * np.diag(dense, 1), mass[1:] * np.diag(dense, -1)
    held = (mass[:-1] > 1e-280) & (mass[1:] > 1e-280)
    np.testing.assert_allclose(flow_up[held], flow_down[held], rtol=1e-10)


@settings(max_examples=40, deadline=None)
@given(delta=st.floats(1, 300), drive=load_lines)
def test_generator_is_positive_and_conserves_probability(delta, drive):
    _, dense = generator(delta, np.linspace(-1, 1, len(drive)), drive, 64)
    off_diagonal = dense[~np.eye(64, dtype=bool)]
    assert off_diagonal.min() >= 0
    assert np.abs(dense.sum(axis=1)).max() <= 1e-12 * np.abs(dense).max()


@settings(max_examples=30, deadline=None)
@given(
    delta=st.floats(20, 100),
    drive=load_lines,
    tau=st.floats(0.01, 50),
    start=st.sampled_from([1, -1]),
)
def test_probabilities_are_probabilities_and_mirror(delta, drive, tau, start):
    z = np.linspace(-1, 1, len(drive))
    found = switching_probabilities(delta, z, drive, tau, start)
    assert 0 <= found.stay <= 1
    assert 0 <= found.leave <= 1
    assert float(found.stay + found.leave) == approx(1, abs=1e-12)
    mirrored = switching_probabilities(delta, -z[::-1], -np.asarray(drive)[::-1], tau, -start)
    assert float(mirrored.stay) == approx(float(found.stay), rel=1e-9, abs=1e-30)


def test_starting_distribution_is_the_cut_boltzmann_well():
    mesh = grid(192)
    for delta in (20.0, 60.0, 95.0):
        mass = np.empty(192)
        fill_start(delta, mesh.faces, mass)
        assert mass.sum() == approx(1)
        assert mass[mesh.nodes < 0].max() == 0
        # Rayleigh in the small angle: <theta^2> = 1/Delta up to corrections of the same order.
        angle = np.arccos(mesh.nodes)
        assert (mass * angle**2).sum() * delta == approx(1, rel=2 / delta)


def test_grids_have_the_equator_and_the_poles_as_faces():
    for cells in (96, 128, 192, 256):
        mesh = grid(cells)
        assert mesh.faces[0] == 1
        assert mesh.faces[-1] == -1
        assert mesh.faces[cells * 3 // 4] == 0
        assert (np.diff(mesh.faces) < 0).all()
    with pytest.raises(ValueError, match="multiple of 4"):
        grid(98)


# Limits of the physics


def test_two_well_relaxation_is_twice_the_kramers_rate():
    for delta in (10.0, 20.0):
        _, dense = generator(delta, [-1, 1], [0, 0], 512)
        # Detailed balance makes the generator similar to this symmetric matrix.
        coupling = np.sqrt(np.diag(dense, 1) * np.diag(dense, -1))
        slowest = eigvalsh_tridiagonal(-np.diag(dense), -coupling, select="i", select_range=(1, 1))[0]
        kramers = float(limits.relaxation_rate(delta))
        assert slowest == approx(2 * float(escape_rate(delta, [-1, 1], [0, 0], 1)), rel=5e-3)
        assert slowest / kramers == approx({10.0: 0.90, 20.0: 0.95}[delta], abs=0.012)


@pytest.mark.parametrize("delta", [20.0, 40.0, 80.0])
def test_kramers_is_approached_as_one_over_delta(delta):
    ratio = float(escape_rate(delta, [-1, 1], [0, 0], 1) / limits.kramers_rate(delta, 0))
    assert ratio == approx(1 - 1 / delta, abs=2 / delta**2)


@pytest.mark.parametrize("drive", [-0.2, 0.1, 0.3])
@pytest.mark.parametrize("start", [1, -1])
def test_long_reads_grow_at_the_escape_rate(drive, start):
    early, late = switching_probabilities(60, [-1, 1], [drive] * 2, [[200.0, 300.0]], start).leave[0]
    rate = float(escape_rate(60, [-1, 1], [drive] * 2, start))
    # A probability of 1e-38 grows by less than its last digit.
    assert (late - early) / 100 == approx(rate, rel=1e-3, abs=1e-40)
    # The Kramers formula itself is low order: 1/Delta and more when the barrier is lowered.
    assert rate == approx(float(limits.kramers_rate(60, drive, start)), rel=0.06)


@pytest.mark.parametrize("tau", [1e4, 1e8, 1e12])
def test_any_pulse_width_up_to_full_relaxation(tau):
    rate = float(escape_rate(30, [-1, 1], [0, 0], 1))
    expected = -0.5 * np.expm1(-2 * rate * tau)
    assert float(switching_probabilities(30, [-1, 1], [0, 0], tau, 1).leave) == approx(expected, rel=1e-3)


@pytest.mark.parametrize(("delta", "drive"), [(40.0, 2.5), (80.0, 1.6), (60.0, 3.5)])
def test_write_error_decays_with_butlers_exponent(delta, drive):
    width = 10.0 / (drive - 1)
    stay = switching_probabilities(delta, [-1, 1], [drive] * 2, [[width, width + 1]], 1).stay[0]
    excess = np.log(stay[0] / stay[1]) - float(limits.write_error_exponent(drive))
    assert excess == approx((3 - drive) / (delta * (drive - 1)), rel=0.25)
    ratio = stay[0] / limits.butler_write_error(delta, drive, width)
    assert 0.25 < ratio < 4


def test_noise_free_limit_is_the_noiseless_switching_time():
    # At large Delta every cell starts near its typical angle; half have switched when that one has.
    delta, drive = 300.0, 2.0
    z_start = np.cos(np.sqrt(np.log(2) / delta))
    time = float(limits.switching_time(z_start, 0.0, drive))
    # Noise during the pulse adds 1/(2(i-1)) of the starting spread: the median angle grows accordingly.
    gain = 1 / (1 + 1 / (drive - 1))
    shifted = time + 0.5 * np.log(gain) / (drive - 1)
    assert float(switching_probabilities(delta, [-1, 1], [drive] * 2, shifted, 1).stay) == approx(
        0.5, abs=0.02
    )


def test_mean_first_passage_time_by_an_independent_quadrature():
    from scipy.integrate import dblquad, quad

    delta, drive = 12.0, 0.2

    def potential(z):
        return -delta * z * z + 2 * delta * drive * z

    norm = quad(lambda z: np.exp(delta * (z * z - 1)), 0, 1)[0]

    def integrand(u, y):
        above = 1.0 if y <= 0 else quad(lambda z: np.exp(delta * (z * z - 1)), y, 1)[0] / norm
        return 2 * delta * above * np.exp(potential(y) - potential(u)) / (1 - y * y)

    expected = dblquad(integrand, -0.3, 1, lambda y: y, lambda y: 1, epsrel=1e-6)[0]
    found = float(mean_first_passage_time(delta, [-1, 1], [drive] * 2, 1, wall=-0.3))
    assert found == approx(expected, rel=1e-5)


def test_passage_beyond_any_number_is_infinite():
    assert mean_first_passage_time(2000, [-1, 1], [0, 0], 1) == np.inf


@pytest.mark.parametrize("delta", [0.1, 5.0, 400.0])
def test_extreme_cases_are_answered_with_probabilities(delta):
    drive = np.array([-50.0, 0.0, 1.0, 50.0])
    widths = np.array([[1e-6, 1.0, 1e3, 1e9]])
    found = switching_probabilities(delta, [0.0], drive[:, None], widths.repeat(4, axis=0), 1)
    for p in (found.stay, found.leave):
        assert ((p >= 0) & (p <= 1)).all()
    # At the end of time the stationary state; by then a strong drive has left nothing behind.
    assert found.stay[3, 3] == approx(expit(-2 * delta * 50), rel=0.1, abs=1e-100)
    assert found.stay[1, 3] == approx(0.5 if delta < 20 else 1, rel=1e-3)


# The interface


def test_many_pulse_widths_agree_with_one_at_a_time_in_any_order():
    widths = np.array([6.0, 0.5, 0.0, 3.0, 9.0, 3.0])
    many = switching_probabilities(50, [-1, 0, 1], [2.2, 2.3, 2.6], widths[None], 1)
    single = switching_probabilities(50, [-1, 0, 1], [2.2, 2.3, 2.6], widths, 1)
    assert many.stay.shape == (1, 6)
    assert single.stay.shape == (6,)
    np.testing.assert_allclose(many.stay[0], single.stay, rtol=2e-4)
    np.testing.assert_allclose(many.leave[0], single.leave, rtol=2e-4, atol=1e-12)
    assert many.stay[0, 2] == 1
    assert many.leave[0, 2] == 0


def test_result_of_a_case_does_not_depend_on_its_batch():
    cases = [case for case in REFERENCE if len(case["z"]) == 5]
    columns = [np.array([case[key] for case in cases]) for key in ("delta", "z", "drive", "tau", "start")]
    together = switching_probabilities(*columns)
    for k in range(len(cases)):
        alone = switching_probabilities(*(column[k] for column in columns))
        assert alone.stay == together.stay[k]
        assert alone.leave == together.leave[k]


def test_one_node_is_a_constant_drive_and_end_pieces_go_on_straight():
    constant = switching_probabilities(40, [0.3], [2.5], 4, 1)
    assert constant.stay == switching_probabilities(40, [-1, 1], [2.5, 2.5], 4, 1).stay
    inner = switching_probabilities(40, [-0.5, 0.5], [2.4, 2.6], 4, 1)
    full = switching_probabilities(40, [-1, 1], [2.3, 2.7], 4, 1)
    assert float(inner.stay) == approx(float(full.stay), rel=1e-9)


def test_looser_tolerance_keeps_its_promise():
    for case in REFERENCE[::7]:
        arguments = [case[key] for key in ("delta", "z", "drive", "tau", "start")]
        found = small(switching_probabilities(*arguments, tolerance=1e-2), case)
        assert float(found) == approx(case.get("stay", case.get("leave")), rel=1e-2)


# Waveforms


def test_flat_waveform_is_a_rectangular_pulse():
    flat = waveform_probabilities(40, [-1, 1], np.full((3, 2), 2.5), [0, 2, 6], 1)
    assert float(flat.stay) == approx(
        float(switching_probabilities(40, [-1, 1], [2.5, 2.5], 6, 1).stay), rel=1e-4
    )


def test_waiting_without_drive_costs_nothing_and_a_jump_is_allowed():
    drive = [[0, 0], [0, 0], [2.4, 2.6], [2.4, 2.6]]
    waited = waveform_probabilities(50, [-1, 1], drive, [0, 5, 5, 10], 1)
    direct = switching_probabilities(50, [-1, 1], [2.4, 2.6], 5, 1)
    assert float(waited.stay) == approx(float(direct.stay), rel=2e-3)


def test_ramp_agrees_with_many_small_stairs():
    edges = np.linspace(0, 6, 241)
    middle = 0.5 * (edges[1:] + edges[:-1])
    stairs = np.repeat(middle / 2.0, 2)[:, None] * np.ones(2)
    instants = np.repeat(edges, 2)[1:-1]
    fine = waveform_probabilities(40, [-1, 1], stairs, instants, 1, tolerance=1e-2)
    ramp = waveform_probabilities(40, [-1, 1], [[0, 0], [3, 3]], [0, 6], 1)
    assert ramp.time_error < 1e-3
    assert float(ramp.stay) == approx(float(fine.stay), rel=1e-3)


def test_waveform_batches():
    drive = np.stack([np.full((2, 2), 2.0), np.full((2, 2), -2.0)])
    found = waveform_probabilities(40, [-1, 1], drive, [0, 4], [1, -1])
    assert found.stay.shape == (2,)
    assert found.stay[0] == approx(found.stay[1], rel=1e-9)


# Refusals

GOOD = {
    "delta": [40.0, 40.0],
    "z": [-1.0, 1.0],
    "drive": [[2.0, 2.0]] * 2,
    "tau": [1.0, 1.0],
    "start": [1, 1],
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"delta": [40, -1]}, "case 1: delta must be a positive number, not -1"),
        ({"delta": [np.nan, 40]}, "case 0: delta must be a positive number, not nan"),
        ({"z": [1.0, -1.0]}, "case 0: z must be in strictly ascending order"),
        ({"z": [0.0, 0.0]}, "case 0: z must be in strictly ascending order"),
        ({"z": [-1.5, 1.0]}, "case 0: z must lie between -1 and 1"),
        ({"z": [np.nan, 1.0]}, "case 0: z holds a value that is not a finite number"),
        ({"drive": [[2, 2], [2, np.inf]]}, "case 1: drive holds a value that is not a finite number"),
        ({"drive": [[2, 2, 2]]}, "z has 2 nodes but drive has 3 values"),
        ({"tau": [1, -1]}, "case 1: tau must be zero or a positive number"),
        ({"tau": [1, np.nan]}, "case 1: tau must be zero or a positive number"),
        ({"start": [1, 0]}, "case 1: start must be 1 or -1, not 0"),
        ({"start": [1, 1, 1]}, "the numbers of cases do not agree"),
    ],
)
def test_bad_cases_are_refused_by_name_and_index(change, message):
    with pytest.raises(ValueError, match=message):
        switching_probabilities(**{**GOOD, **change})


def test_bad_waveforms_are_refused():
    with pytest.raises(ValueError, match="tau has 3 instants but drive is given at 2"):
        waveform_probabilities(40, [-1, 1], np.zeros((2, 2)), [0, 1, 2], 1)
    with pytest.raises(ValueError, match="case 0: the instants tau must be in ascending order"):
        waveform_probabilities(40, [-1, 1], np.zeros((2, 2)), [1, 0], 1)
