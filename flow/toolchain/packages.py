"""The Python packages of this environment against `constraints.txt`."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

from flow.toolchain.pins import canonical, read_pins


def needed() -> list[str]:
    """Canonical names of the packages that mtjflow itself requires (its extras not counted)."""
    requirements = importlib.metadata.requires("mtjflow") or []
    names = [re.match(r"[A-Za-z0-9._-]+", line) for line in requirements if "extra ==" not in line]
    return sorted(canonical(name[0]) for name in names if name)


def missing() -> list[str]:
    """Needed packages that are not installed."""
    return [name for name in needed() if _installed(name) is None]


def unpinned(root: Path) -> list[str]:
    """Installed packages that differ from their pin, as `name installed (pinned)`.

    A local build label (`2.13.0+cpu`) fits the plain pin, as it does for pip.
    """
    found = []
    for name, pin in sorted(read_pins(root / "constraints.txt").items()):
        installed = _installed(name)
        # The environment's own setuptools comes with Python; the pinned one serves pip's isolated build.
        if installed is None or name == "setuptools":
            continue
        if installed.split("+")[0] != pin.version.split("+")[0]:
            found.append(f"{name} {installed} (pinned {pin.version})")
    return found


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
