"""Where the machine code of the kernels is kept: beside the sources, under the hash of all of them.

numba keeps compiled code until the file of the function changes. A kernel, though, also holds the code and
constants of other files: an edit of one of those alone would go unnoticed, and the old code would run on.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

HERE = Path(__file__).parent
_CONFIG: Any = numba.config


def digest(folder: Path) -> str:
    """Hash of the files in `folder` that hold compiled functions."""
    found = hashlib.sha256()
    for file in sorted(folder.glob("*.py")):
        content = file.read_bytes()
        if b"neuro.machine_code" in content:
            found.update(file.name.encode() + b"\0" + content + b"\0")
    return found.hexdigest()[:16]


@functools.cache
def _directory(given: str) -> str:
    return str((Path(given) if given else HERE / "__pycache__") / f"kernels-{digest(HERE)}")


def compiled(**options: Any) -> Callable[[Any], Any]:
    """`numba.njit` with its machine code kept; where the folder cannot be written, numba's own rule holds."""

    def decorate(function: Any) -> Any:
        given = _CONFIG.CACHE_DIR
        _CONFIG.CACHE_DIR = _directory(given)
        try:
            return numba.njit(cache=True, **options)(function)
        finally:
            _CONFIG.CACHE_DIR = given

    return decorate
