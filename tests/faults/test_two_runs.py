"""Two runs on the same output at the same time: both end well, and with the bytes of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from flow.table import open_table
from tests.faults.conftest import TABLE, Start, Undisturbed
from tests.faults.training import Trained, train_options


@pytest.mark.slow
@pytest.mark.parametrize("share", [1.0, 0.0])
def test_two_characterisations(small: Path, start: Start, undisturbed: Undisturbed, share: float) -> None:
    undisturbed.give(small, share)
    both = [start(small, "flow", "characterize", "--json") for _ in range(2)]
    for one in both:
        assert one.end(300).code == 0, one.stderr
        one.assert_nothing_left(small)
    open_table(small / TABLE)
    alone = start(small, "flow", "characterize").end(300)
    assert alone.code == 0, alone.stderr
    assert (small / TABLE).read_bytes() == undisturbed.table


@pytest.mark.slow
def test_two_trainings_with_the_same_checkpoints(tmp_path: Path, start: Start, trained: Trained) -> None:
    both = [start(tmp_path, "neuro", *train_options()) for _ in range(2)]
    for one in both:
        assert one.end(300).code == 0, one.stderr
        one.assert_nothing_left(tmp_path)
    trained.assert_same(tmp_path)
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.mark.slow
def test_two_trainings_of_different_length(tmp_path: Path, start: Start, trained: Trained) -> None:
    """A checkpoint that is further than asked for is none of ours."""
    longer = start(tmp_path, "neuro", *[w.replace("t.h5", "long.h5") for w in train_options(epochs=6)])
    shorter = start(tmp_path, "neuro", *train_options())
    for one in (longer, shorter):
        assert one.end(300).code == 0, one.stderr
    trained.assert_same(tmp_path)
    lines = (tmp_path / "long.csv").read_text().splitlines()
    assert len(lines) == 1 + 2 * 6
    short = (tmp_path / "t.csv").read_text().splitlines()
    assert set(short) <= set(lines)
