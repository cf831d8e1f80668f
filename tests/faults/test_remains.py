"""What a killed run may leave is removed by the next one, and what a living run is writing is not."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flow.table import replace_file
from tests.faults.conftest import remains

KILLED_BEFORE_RENAMING = """
import os, signal, sys
from flow.table import replace_file
real = os.replace
os.replace = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "named":
    os.O_TMPFILE = 0  # as on a file system without nameless files
replace_file(sys.argv[1], b"new" * 1000)
"""


@pytest.mark.parametrize("how", ["nameless", "named"])
def test_the_next_writer_removes_what_a_kill_left(tmp_path: Path, how: str) -> None:
    target = tmp_path / "bitcells.h5"
    target.write_bytes(b"old")
    for _ in range(2):
        command = [sys.executable, "-c", KILLED_BEFORE_RENAMING, str(target), how]
        assert subprocess.run(command, check=False, capture_output=True).returncode == -signal.SIGKILL
        # The second of them has removed what the first one left.
        assert len(remains(tmp_path)) == 1
        assert target.read_bytes() == b"old"
    replace_file(target, b"newer")
    assert [path.name for path in tmp_path.iterdir()] == ["bitcells.h5"]
    assert target.read_bytes() == b"newer"


def test_work_in_progress_of_others_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "bitcells.h5"
    theirs = tmp_path / ".bitcells.h5.0123456789abcdef.tmp"
    theirs.write_bytes(b"half")
    others = [tmp_path / ".other.h5.0123456789abcdef.tmp", tmp_path / "bitcells.h5.tmp"]
    for other in others:
        other.write_bytes(b"not of this file")
    with theirs.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        replace_file(target, b"table")
        assert theirs.exists()
    replace_file(target, b"table")
    assert not theirs.exists()
    assert all(other.exists() for other in others)


@pytest.mark.slow
def test_many_writers_of_one_file_at_once(tmp_path: Path) -> None:
    """None fails, none sees the temporary of another, the last one stands, nothing is left."""
    target = tmp_path / "bitcells.h5"
    program = (
        "import sys\n"
        "from flow.table import replace_file\n"
        "for _ in range(200): replace_file(sys.argv[1], sys.argv[2].encode() * 10000)\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(target), letter]) for letter in "abc"]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    content = target.read_text()
    assert len(content) == 10000
    assert len(set(content)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["bitcells.h5"]
