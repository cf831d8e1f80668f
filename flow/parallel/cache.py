"""Results kept by content."""

from __future__ import annotations

import contextlib
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flow.errors import UserError
from flow.parallel.task import Result
from flow.table import BitcellTable, open_table, replace_file
from flow.table.writer import table_bytes

_SEAL = b"\nmtjflow entry "


@dataclass(frozen=True)
class Cache:
    """Results by key, below one folder.

    Every file ends with a hash of its key and its content: an entry that was cut off, altered or put under
    another name does not pass for a result.
    """

    folder: Path

    def load(self, key: str) -> Result | None:
        """The result kept under `key`, or None.

        Raises UserError for an entry that is not what was kept; it is gone then, as far as it can be removed.
        """
        for suffix in ("npz", "h5"):
            path = self._path(key, suffix)
            try:
                data = path.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise _distrusted(path, f"cannot be read: {(error.strerror or str(error)).lower()}") from None
            content = data[: -len(_seal(key, b""))]
            if data != content + _seal(key, content):
                raise _distrusted(path, "damaged or altered")
            if suffix == "h5":
                return open_table(path)
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
        return None

    def holds(self, key: str) -> bool:
        """Whether there is an entry, whole or damaged."""
        return any(self._path(key, suffix).exists() for suffix in ("npz", "h5"))

    def save(self, key: str, result: Result) -> None:
        """Keep a result; equal results are equal bytes. Raises UserError where it cannot be written."""
        if isinstance(result, BitcellTable):
            path, content = self._path(key, "h5"), table_bytes(result)
        else:
            buffer = io.BytesIO()
            np.savez(buffer, allow_pickle=False, **{name: result[name] for name in sorted(result)})
            path, content = self._path(key, "npz"), buffer.getvalue()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"cannot be written: {(error.strerror or str(error)).lower()}"
            raise UserError(message, file=path) from None
        replace_file(path, content + _seal(key, content))

    def _path(self, key: str, suffix: str) -> Path:
        # Two levels: a folder with a hundred thousand files is slow to list.
        return self.folder / key[:2] / f"{key}.{suffix}"


def _seal(key: str, content: bytes) -> bytes:
    return _SEAL + hashlib.sha256(key.encode() + b"\0" + content).hexdigest().encode()


def _distrusted(path: Path, reason: str) -> UserError:
    with contextlib.suppress(OSError):
        path.unlink()
    return UserError(f"this entry of the cache is {reason}", file=path)
