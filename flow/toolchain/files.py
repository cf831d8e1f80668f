"""Files that are whole or absent: hashes, atomic replacement, locks between processes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flow.errors import UserError


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_sha256(path: Path, expected: str, name: str | None = None) -> None:
    """Raise `UserError` unless the file has this hash. Callers check temporaries, before use."""
    found = sha256_of(path)
    if found != expected:
        raise UserError(
            f"{name or path.name} has sha256 {found}, but {expected} is pinned; nothing of it was used"
        )


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well, and vanishes when not.

    Readers see the old file or the new one, never a part; two writers do not share the temporary.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes the file private; what we publish is as readable as any other build product.
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove the temporaries that a killed process left. Only for the holder of the folder's lock."""
    for path in folder.glob(".*.part"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def exclusive(lock: Path) -> Iterator[None]:
    """Hold `lock` alone among processes. The kernel frees it when its holder dies, so none is ever stale.

    Under a lock files are written; where the system refuses (no permission, disk full), `UserError` says so.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("a") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise UserError(
            f"cannot be written: {error.strerror or error}", file=error.filename or lock
        ) from None
