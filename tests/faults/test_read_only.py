"""An output that cannot be written is told before the work begins, in one line."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from flow.errors import UserError
from flow.table import check_writable, replace_file
from tests.faults.conftest import Start, Undisturbed, one_error
from tests.faults.disk import small_disk, unwritable
from tests.faults.training import train_options


def test_a_characterisation_does_not_begin(small: Path, start: Start) -> None:
    output = unwritable(small) / "below" / "bitcells.h5"
    done = start(small, "flow", "characterize", "--output", str(output)).end()
    assert done.code == 1
    assert one_error(done.stderr).endswith("a-file/below/bitcells.h5: cannot be written: not a directory")
    # Nothing was simulated in vain.
    assert not (small / "build" / "cache").exists()
    done.assert_nothing_left(small)


def test_a_training_does_not_begin(tmp_path: Path, start: Start) -> None:
    output = unwritable(tmp_path) / "t.h5"
    words = [str(output) if word == "t.h5" else word for word in train_options()]
    done = start(tmp_path, "neuro", *words).end()
    assert done.code == 1
    assert one_error(done.stderr).endswith("a-file/t.h5: cannot be written: not a directory")
    assert not (tmp_path / "kept").exists()


@pytest.mark.slow
@pytest.mark.parametrize("part", ["cache", "tables", "osdi"])
def test_parts_of_the_project_on_a_read_only_disk(
    small: Path, start: Start, undisturbed: Undisturbed, part: str
) -> None:
    folder = small / "build" / part
    if part == "osdi":
        for path in folder.iterdir():
            path.unlink()
    with small_disk(folder, "8m", "ro"):
        done = start(small, "flow", "characterize").end()
        assert done.code == 1
        error = one_error(done.stderr)
        assert f"build/{part}" in error
        assert "read-only file system" in error.lower()
        done.assert_nothing_left(small)


@pytest.mark.slow
def test_a_whole_table_is_made_from_a_read_only_cache(
    small: Path, start: Start, undisturbed: Undisturbed
) -> None:
    undisturbed.give(small)
    cache = small / "build" / "cache"
    kept = small / "build" / "kept"
    cache.rename(kept)
    with small_disk(cache, "8m"):
        for path in kept.rglob("*.*"):
            target = cache / path.relative_to(kept)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes())
        subprocess.run(["mount", "-o", "remount,ro", str(cache)], check=True)
        done = start(small, "flow", "characterize").end()
        assert done.code == 0, done.stderr
        assert (small / "build/tables/bitcells.h5").read_bytes() == undisturbed.table


def test_places_that_are_no_files(tmp_path: Path) -> None:
    """Whoever runs as root must not replace a device by a table."""
    for place in (Path("/dev/null"), tmp_path):
        for write in (lambda place: replace_file(place, b"table"), check_writable):
            with pytest.raises(UserError, match="not a file"):
                write(place)
    assert Path("/dev/null").is_char_device()


def test_looking_leaves_no_trace(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "t.h5")
    assert [path.name for path in tmp_path.rglob("*")] == ["new"]
    old = tmp_path / "old.h5"
    old.write_bytes(b"old")
    check_writable(old)
    assert old.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old.h5"]
