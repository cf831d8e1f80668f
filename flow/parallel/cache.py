"""Results kept by content."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flow.errors import UserError
from flow.parallel.task import Result
from flow.table import BitcellTable, open_table, replace_file
from flow.table.writer import table_bytes


@dataclass(frozen=True)
class Cache:
    """Results by key, below one folder; a damaged entry is as good as none."""

    folder: Path

    def load(self, key: str) -> Result | None:
        """The result kept under `key`, or None."""
        table = self._path(key, "h5")
        if table.exists():
            try:
                return open_table(table)
            except UserError:
                table.unlink(missing_ok=True)
        arrays = self._path(key, "npz")
        try:
            # Read first: the library leaves a damaged file open.
            with np.load(io.BytesIO(arrays.read_bytes()), allow_pickle=False) as content:
                return {name: content[name] for name in content.files}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
            arrays.unlink(missing_ok=True)
            return None

    def holds(self, key: str) -> bool:
        """Whether there is an entry, whole or damaged."""
        return any(self._path(key, suffix).exists() for suffix in ("npz", "h5"))

    def save(self, key: str, result: Result) -> None:
        """Keep a result; equal results are equal bytes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if isinstance(result, BitcellTable):
            replace_file(self._path(key, "h5", make=True), table_bytes(result))
            return
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **{name: result[name] for name in sorted(result)})
        replace_file(self._path(key, "npz", make=True), buffer.getvalue())

    def _path(self, key: str, suffix: str, *, make: bool = False) -> Path:
        # Two levels: a folder with a hundred thousand files is slow to list.
        folder = self.folder / key[:2]
        if make:
            folder.mkdir(exist_ok=True)
        return folder / f"{key}.{suffix}"
