from __future__ import annotations

import ctypes
import ctypes.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flow.table import UserError
from neuro.random import (
    LibcRandom,
    check_seed,
    philox,
    philox_integers,
    philox_normal,
    philox_uniform,
    unit,
)
from tests.neuro.learning import REFERENCE


# Known answers published with Random123 (key, counter, result).
@pytest.mark.parametrize(
    ("key", "counter", "result"),
    [
        ([0, 0], [0, 0, 0, 0], [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 2, [0xFFFFFFFF] * 4, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0xA4093822, 0x299F31D0],
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_philox_known_answers(key: list[int], counter: list[int], result: list[int]) -> None:
    assert [int(word) for word in philox(*(np.uint32(word) for word in key + counter))] == result


def test_libc_is_the_published_sequence() -> None:
    weights = LibcRandom(2)
    first = REFERENCE["first_thirds_of_weights"]
    assert (weights.draw(40000)[:8] % 7 - 3).tolist() == first["input_hidden"]
    assert (weights.draw(1000)[:8] % 7 - 3).tolist() == first["hidden_output"]
    assert (LibcRandom(0).draw(8) % 60000).tolist() == REFERENCE["first_images"]


@pytest.mark.parametrize("seed", [0, 1, 2, 12345, 2**31 - 1])
def test_libc_equals_the_c_library(seed: int) -> None:
    library = ctypes.CDLL(ctypes.util.find_library("c") or "libc.so.6")
    if not hasattr(library, "gnu_get_libc_version"):
        pytest.skip("not the GNU C library")
    library.srand(seed)
    assert [library.rand() for _ in range(1000)] == LibcRandom(seed).draw(1000).tolist()


@given(st.integers(0, 1000), st.integers(1, 50), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_any_part_of_a_stream_can_be_drawn_alone(first: int, count: int, seed: int, replica: int) -> None:
    whole = philox_integers(seed, replica, 2, 0, 0, first + count, 60000)
    np.testing.assert_array_equal(whole[first:], philox_integers(seed, replica, 2, 0, first, count, 60000))


def test_purposes_streams_and_replicas_differ() -> None:
    drawn = [
        tuple(philox_integers(1, replica, purpose, stream, 0, 8, 2**31))
        for replica in (0, 1)
        for purpose in (1, 2)
        for stream in (0, 1)
    ]
    assert len(set(drawn)) == len(drawn)


def test_uniform_is_open_and_uniform() -> None:
    low = unit(np.uint64(0), np.uint64(0))
    high = unit(np.uint64(0xFFFFFFFF), np.uint64(0xFFFFFFFF))
    assert 0.0 < low < high < 1.0
    drawn = philox_uniform(3, 0, 6, 0, 20000)
    # Standard error of the mean of 40000: 0.0014; of the variance: 0.0004.
    assert abs(drawn.mean() - 0.5) < 0.006
    assert abs(drawn.var() - 1 / 12) < 0.002
    normal = philox_normal(3, 0, 6, 0, 20000)
    assert abs(normal.mean()) < 0.02
    assert abs(normal.std() - 1.0) < 0.015


def test_seed_out_of_range_is_refused() -> None:
    with pytest.raises(UserError, match="seed"):
        check_seed(-1)
    with pytest.raises(UserError, match="seed"):
        check_seed(2**32)
