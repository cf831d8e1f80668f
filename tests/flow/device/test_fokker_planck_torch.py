"""The torch march is the compiled march, on any device."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from flow.device.fokker_planck import switching_probabilities, waveform_probabilities

DEVICES = ["cuda"] if torch.cuda.is_available() else ["cpu:0"]  # cpu:0 takes the torch path on the CPU
DELTA = np.array([30.0, 60.0, 90.0])
DRIVE = np.array([[2.4, 2.5, 2.9], [0.4, 0.45, 0.5], [-2.9, -2.6, -2.2]])
START = np.array([1, 1, -1])


@pytest.fixture(autouse=True)
def _one_thread():
    """Threads cost more than they bring on tensors of this size."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("device", DEVICES)
def test_pulses(device):
    widths = np.array([[1.0, 0.0, 5.0], [3.0, 9.0, 9.0], [2.0, 4.0, 6.0]])
    one = switching_probabilities(DELTA, [-1, 0, 1], DRIVE, widths, START)
    other = switching_probabilities(DELTA, [-1, 0, 1], DRIVE, widths, START, device=device)
    np.testing.assert_allclose(one.stay, other.stay, rtol=1e-8)
    np.testing.assert_allclose(one.leave, other.leave, rtol=1e-8)


@pytest.mark.parametrize("device", DEVICES)
def test_waveforms(device):
    drive = np.stack([0.0 * DRIVE, DRIVE, DRIVE], axis=1)
    one = waveform_probabilities(DELTA, [-1, 0, 1], drive, [0, 0.2, 2], START, tolerance=1e-2)
    other = waveform_probabilities(
        DELTA, [-1, 0, 1], drive, [0, 0.2, 2], START, tolerance=1e-2, device=device
    )
    np.testing.assert_allclose(one.stay, other.stay, rtol=1e-8)
    np.testing.assert_allclose(one.leave, other.leave, rtol=1e-8)
