"""Hash of our own code, for keys of results that depend on it."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from flow.parallel import digest


@cache
def own_code(*names: str) -> str:
    """Hash of the Python files of this package with these names; a folder stands for all below it."""
    package = Path(__file__).parent
    files: list[Path] = []
    for name in names:
        path = package / name
        files += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return digest(
        [[str(path.relative_to(package)), hashlib.sha256(path.read_bytes()).hexdigest()] for path in files]
    )
