"""Replacing a file as a whole: a reader sees the old content or the new, never a part."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path

from flow.errors import UserError


def replace_file(path: str | Path, data: bytes) -> None:
    """Put `data` in the place of the file `path`, on disk before the name points at it.

    The content goes first into a file without a name (or, where the file system has none, into a hidden
    file beside `path`), so that not even a killed process leaves rubbish behind. A failed write leaves the
    old file as it was. Raises UserError (disk full, no permission, no such directory).
    """
    # A link is followed, so that a table on another disk stays there.
    target = Path(path).resolve()
    try:
        directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise UserError(f"cannot be written: {_reason(error)}", file=path) from error
    try:
        _replace(target, data, directory)
    except OSError as error:
        raise UserError(f"cannot be written: {_reason(error)}", file=path) from error
    finally:
        os.close(directory)


def _replace(target: Path, data: bytes, directory: int) -> None:
    hidden = f".{target.name}.{secrets.token_hex(8)}.tmp"
    nameless = True
    try:
        descriptor = os.open(target.parent, os.O_TMPFILE | os.O_WRONLY, 0o666)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL):
            raise
        nameless = False
        descriptor = os.open(hidden, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666, dir_fd=directory)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if nameless:
                os.link(f"/proc/self/fd/{file.fileno()}", hidden, dst_dir_fd=directory, follow_symlinks=True)
        os.replace(hidden, target.name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        # Whatever went wrong, Ctrl-C included: leave nothing behind.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(hidden, dir_fd=directory)
        raise
    os.fsync(directory)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
