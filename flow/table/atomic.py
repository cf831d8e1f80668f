"""Replacing a file as a whole: a reader sees the old content or the new, never a part."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
from pathlib import Path

from flow.errors import UserError
from flow.interrupt import raise_if_interrupted


def replace_file(path: str | Path, data: bytes) -> None:
    """Put `data` in the place of the file `path`, on disk before the name points at it.

    The content goes first into a file without a name (or, where the file system has none, into a hidden
    file beside `path`). A process that is killed between naming and renaming leaves a hidden file; whoever
    writes `path` next removes it. A failed write leaves the old file as it was. Raises UserError (disk full,
    no permission, no such directory, no regular file).
    """
    # Nothing that was made after Ctrl-C is a result.
    raise_if_interrupted()
    # A link is followed, so that a table on another disk stays there.
    target = Path(path).resolve()
    _refuse_devices(target)
    try:
        directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise UserError(f"cannot be written: {_reason(error)}", file=path) from error
    try:
        _remove_remains(target)
        _replace(target, data, directory)
    except OSError as error:
        raise UserError(f"cannot be written: {_reason(error)}", file=path) from error
    finally:
        os.close(directory)


def check_writable(path: str | Path) -> None:
    """Raise UserError unless `replace_file` could write `path` now; its directory is made if need be.

    For long commands: better told at once than after hours of work.
    """
    target = Path(path).resolve()
    _refuse_devices(target)
    try:
        with contextlib.suppress(FileExistsError):  # said better by the next line
            target.parent.mkdir(parents=True, exist_ok=True)
        directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise UserError(f"cannot be written: {_reason(error)}", file=path) from error
    try:
        descriptor, hidden = _temporary(target, directory)
        os.close(descriptor)
        if hidden:
            os.unlink(hidden, dir_fd=directory)
    except OSError as error:
        raise UserError(f"cannot be written: {_reason(error)}", file=path) from error
    finally:
        os.close(directory)


def _replace(target: Path, data: bytes, directory: int) -> None:
    descriptor, hidden = _temporary(target, directory)
    nameless = not hidden
    hidden = hidden or _hidden_name(target)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if nameless:
                os.link(f"/proc/self/fd/{file.fileno()}", hidden, dst_dir_fd=directory, follow_symlinks=True)
            # Before the file is closed, which would free the lock that tells others to leave it alone.
            os.replace(hidden, target.name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        # Whatever went wrong, Ctrl-C included: leave nothing behind.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(hidden, dir_fd=directory)
        raise
    os.fsync(directory)


def _temporary(target: Path, directory: int) -> tuple[int, str]:
    """A new file in the directory of `target`, open and locked, and its name: none if it has none yet."""
    hidden = ""
    try:
        descriptor = os.open(target.parent, os.O_TMPFILE | os.O_WRONLY, 0o666)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL):
            raise
        hidden = _hidden_name(target)
        descriptor = os.open(hidden, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666, dir_fd=directory)
    with contextlib.suppress(OSError):
        # The kernel frees the lock when its holder dies: so remains can be told from work in progress.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor, hidden


def _hidden_name(target: Path) -> str:
    return f".{target.name}.{secrets.token_hex(8)}.tmp"


def _remove_remains(target: Path) -> None:
    """Remove the hidden files of writers of `target` that were killed."""
    start = f".{target.name}."
    for place in target.parent.iterdir():
        if not (place.name.startswith(start) and place.name.endswith(".tmp")):
            continue
        # Another writer may be faster than we are; what is locked or gone is none of our business.
        with contextlib.suppress(OSError):
            descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # An empty one may have been made this moment, before its writer could lock it.
                if os.fstat(descriptor).st_size:
                    place.unlink()
            finally:
                os.close(descriptor)


def _refuse_devices(target: Path) -> None:
    """Replacing /dev/null by a table would harm the whole machine."""
    with contextlib.suppress(OSError):
        if not stat.S_ISREG(target.stat().st_mode):
            raise UserError("cannot be written: it is there and is not a file", file=target)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
