"""Disks that are full or may not be written, for root and for others."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(place: Path, size: str, options: str = "rw") -> Iterator[Path]:
    """A file system of its own at `place`; skips the test where none may be mounted."""
    place.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},{options}", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk needs root; the limit on the size of a file is tested without")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True, capture_output=True)


def fill(place: Path) -> None:
    """Use up what is left of a disk."""
    with contextlib.suppress(OSError), (place / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def unwritable(folder: Path) -> Path:
    """A path below which nobody can write, root neither: its parent is a file."""
    file = folder / "a-file"
    file.write_text("in the way")
    return file
