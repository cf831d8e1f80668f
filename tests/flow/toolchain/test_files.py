"""Whole files or none; one holder of a lock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flow.errors import UserError
from flow.toolchain.files import check_sha256, exclusive, replacing, sha256_of, sweep
from flow.toolchain.workspace import workspace

# SHA-256 of "abc", FIPS 180-2 appendix B.1.
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_known_hash(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert sha256_of(path) == ABC
    check_sha256(path, ABC)


def test_replacing_publishes_on_success(tmp_path: Path) -> None:
    target = tmp_path / "deep/file"
    with replacing(target) as path:
        path.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o644
    assert list(target.parent.iterdir()) == [target]


def test_wrong_hash_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    forged = tmp_path / "forged"
    forged.write_text("forged")
    with pytest.raises(UserError, match="nothing of it was used"), replacing(target) as path:
        check_sha256(forged.replace(path), ABC)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_killed_writer_leaves_the_old_file_and_what_sweep_removes(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    program = (
        "import os, signal, pathlib, sys\n"
        "from flow.toolchain.files import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])) as path:\n"
        "    path.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", program, str(target)], check=False).returncode == -9
    assert target.read_text() == "old"
    (tmp_path / ".tree.part").mkdir()
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [target]


def test_a_lock_keeps_others_out_and_dies_with_its_holder(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    program = (
        "import pathlib, sys\n"
        "from flow.toolchain.files import exclusive\n"
        "with exclusive(pathlib.Path(sys.argv[1])):\n"
        "    print('mine', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "mine\n"
        # util-linux's flock asks the kernel from a third process: busy means exit code 1.
        assert subprocess.run(["flock", "--nonblock", str(lock), "true"], check=False).returncode == 1
        holder.kill()
        holder.wait()
    with exclusive(lock):
        pass


def test_a_place_that_cannot_be_written_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"), exclusive(tmp_path / "file" / "lock"):
        pass


def test_what_a_killed_setup_left_goes_with_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTJFLOW_CACHE", str(tmp_path))
    program = (
        "import os, signal\n"
        "from flow.toolchain.workspace import workspace\n"
        "with workspace() as work:\n"
        "    (work / 'half').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    assert len(list(tmp_path.glob(".work.*.part"))) == 1
    with workspace() as work:
        assert list(tmp_path.glob(".work.*.part")) == [work]
        assert list(work.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["setup.lock"]
