"""Points that depend on nothing but seed, stream and their own index."""

from __future__ import annotations

import numpy as np
import pytest

from flow.statistics.sampling import layout, uniforms
from tests.near import approx


@pytest.mark.parametrize(
    ("samples", "expected"), [(16, (16, 1)), (512, (16, 32)), (1000, (31, 32)), (20000, (19, 1024))]
)
def test_layout_never_exceeds_what_was_asked_for(samples: int, expected: tuple[int, int]) -> None:
    assert layout(samples) == expected
    assert expected[0] * expected[1] <= samples


def test_too_few_samples_for_an_interval_are_refused() -> None:
    with pytest.raises(ValueError, match="16"):
        layout(15)


@pytest.mark.parametrize("method", ["sobol", "random"])
def test_points_do_not_depend_on_how_many_others_there_are(method: str) -> None:
    few = uniforms(method, 5, 3, 16, seed=7, stream="a")  # type: ignore[arg-type]
    many = uniforms(method, 5, 9, 16, seed=7, stream="a")  # type: ignore[arg-type]
    assert np.array_equal(few, many[:3])
    assert ((few > 0) & (few < 1)).all()


@pytest.mark.parametrize("method", ["sobol", "random"])
def test_seeds_streams_and_replicates_share_no_points(method: str) -> None:
    base = uniforms(method, 4, 4, 32, seed=1, stream="a")  # type: ignore[arg-type]
    for other in (
        uniforms(method, 4, 4, 32, seed=2, stream="a"),  # type: ignore[arg-type]
        uniforms(method, 4, 4, 32, seed=1, stream="b"),  # type: ignore[arg-type]
    ):
        assert not np.isin(base, other).any()
    assert not np.isin(base[0], base[1]).any()


def test_sobol_replicates_are_balanced() -> None:
    points = uniforms("sobol", 6, 8, 64, seed=3, stream="balance")
    # One point in each of 64 strips of every axis: the property that makes it better than random.
    strips = np.sort(np.floor(points * 64).astype(int), axis=1)
    assert (strips == np.arange(64)[None, :, None]).all()


def test_points_are_uniform() -> None:
    points = uniforms("random", 3, 16, 256, seed=5, stream="moments")
    assert points.mean() == approx(0.5, abs=0.01)
    assert points.var() == approx(1 / 12, abs=0.003)
