"""A full disk: one clear error, what is there stays whole, and with room again the run goes on."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.conftest import CELL, TABLE, Start, Undisturbed, one_error, remains
from tests.faults.disk import fill, small_disk
from tests.faults.training import Trained, train_options


def limited(folder: Path, bytes_a_file: int, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command that may write files of this size at most, as any user can be."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_a_file, bytes_a_file))

    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        preexec_fn=limit,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_no_room_for_the_table(small: Path, undisturbed: Undisturbed) -> None:
    undisturbed.give(small)
    table = small / TABLE
    table.parent.mkdir(parents=True)
    table.write_bytes(b"the old table")
    done = limited(small, 8192, "flow", "characterize")
    assert done.returncode == 1
    assert one_error(done.stderr).endswith(f"{TABLE}: cannot be written: file too large")
    assert table.read_bytes() == b"the old table"
    assert remains(small) == []


@pytest.mark.slow
def test_no_room_for_the_cache(small: Path, start: Start, undisturbed: Undisturbed) -> None:
    """Nothing is lost of what was kept before, and with room again the run ends as if undisturbed."""
    undisturbed.give(small, 0.8)
    cache = small / "build" / "cache"
    kept = {path: path.read_bytes() for path in cache.glob("*/*")}
    done = limited(small, 1024, "flow", "characterize")
    assert done.returncode == 1
    error = one_error(done.stderr)
    assert "build/cache/" in error
    assert error.endswith("cannot be written: file too large")
    assert {path: path.read_bytes() for path in cache.glob("*/*")} == kept
    assert remains(small) == []
    assert not (small / TABLE).exists()
    after = start(small, "flow", "characterize").end()
    assert after.code == 0, after.stderr
    assert (small / TABLE).read_bytes() == undisturbed.table
    after.assert_nothing_left(small)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["cache", "tables"])
def test_a_disk_that_fills_up_during_a_characterisation(
    small: Path, start: Start, undisturbed: Undisturbed, part: str
) -> None:
    with small_disk(small / "build" / part, "64k" if part == "cache" else "16k") as disk:
        done = start(small, "flow", "characterize").end()
        assert done.code == 1
        error = one_error(done.stderr)
        assert f"build/{part}/" in error
        assert "no space left on device" in error
        done.assert_nothing_left(small)
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        again = start(small, "flow", "characterize").end()
        assert again.code == 0, again.stderr
        assert (small / TABLE).read_bytes() == undisturbed.table


@pytest.mark.slow
def test_no_room_for_checkpoints(tmp_path: Path) -> None:
    done = limited(tmp_path, 4096, "neuro", *train_options())
    assert done.returncode == 1
    error = one_error(done.stderr)
    assert "kept/" in error
    assert error.endswith("cannot be written: file too large")
    assert remains(tmp_path) == []


@pytest.mark.slow
def test_no_room_for_traces_leaves_the_checkpoint(tmp_path: Path, start: Start, trained: Trained) -> None:
    """The work of the training is not lost with the disk: the next run has only to write."""
    with small_disk(tmp_path / "traces", "8k") as disk:
        fill(disk)
        words = [word if word != "t.h5" else "traces/t.h5" for word in train_options()]
        done = start(tmp_path, "neuro", *words).end()
        assert done.code == 1
        assert "no space left on device" in one_error(done.stderr)
        assert list((tmp_path / "kept").glob("*.npz"))
        done.assert_nothing_left(tmp_path)
    after = start(tmp_path, "neuro", *train_options()).end()
    assert "going on with 2 unfinished runs" in after.stderr
    trained.assert_same(tmp_path)


@pytest.mark.parametrize("arguments", [["--help"], ["check", CELL, "--json"]], ids=" ".join)
def test_no_room_for_what_is_printed(small: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "flow", *arguments]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=small, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "no space left on device" in one_error(done.stderr)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_no_room_for_the_log_harms_no_table(small: Path, start: Start, undisturbed: Undisturbed) -> None:
    """Progress that nobody can read is no reason to stop."""
    undisturbed.give(small)
    command = [sys.executable, "-m", "flow", "characterize"]
    with Path("/dev/full").open("w") as full:
        subprocess.run(command, cwd=small, stdout=subprocess.DEVNULL, stderr=full, timeout=120, check=False)
    assert not (small / TABLE).exists() or (small / TABLE).read_bytes() == undisturbed.table
    assert start(small, "flow", "characterize").end().code == 0
    assert (small / TABLE).read_bytes() == undisturbed.table
    assert remains(small) == []


def test_no_room_for_a_figure(tmp_path: Path) -> None:
    """A figure of the report is written whole or not at all; the one that was there stays."""
    old = tmp_path / "wave.svg"
    old.write_bytes(b"the old figure")
    program = tmp_path / "draw.py"
    program.write_text(
        "from pathlib import Path\n"
        "from flow.errors import UserError\n"
        "from neuro.report.figures.style import Figure, canvas, look, save\n"
        "with look():\n"
        "    drawn = canvas(2.0)\n"
        "    drawn.subplots().plot([0, 1], [0, 1])\n"
        "try:\n"
        "    save(Figure('wave', 'Wave', 'A line.', drawn), Path('.'))\n"
        "except UserError as error:\n"
        "    raise SystemExit(str(error)) from None\n"
    )
    done = limited(tmp_path, 2048, "draw")
    assert done.returncode == 1
    assert one_error(f"error: {done.stderr}").endswith("wave.png: cannot be written: file too large")
    assert old.read_bytes() == b"the old figure"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["draw.py", "wave.svg"]
