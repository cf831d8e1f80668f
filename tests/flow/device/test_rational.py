"""The rational time step against the exponential."""

from __future__ import annotations

import numpy as np

from flow.device import rational


def test_close_to_the_exponential_on_the_whole_half_line():
    x = -np.concatenate([[0.0], np.logspace(-8, 8, 4001)])
    assert np.abs(rational.evaluate(x) - np.exp(x)).max() < 5e-14  # rounding of the sum; the fit itself 1e-15


def test_conserves_probability_and_damps_infinitely_fast_modes():
    assert abs(rational.evaluate(0.0) - 1.0) < 1e-13
    assert abs(rational.evaluate(-1e300)) < 1e-15
