"""Versions of everything a number may depend on, for provenance."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable

from flow.errors import UserError
from flow.toolchain.ngspice import find_ngspice
from flow.toolchain.openvaf import find_openvaf
from flow.toolchain.pins import hashed_pin
from flow.toolchain.project import project_root

PACKAGES = ("mtjflow", "numpy", "scipy", "numba", "PySpice", "h5py", "xarray", "torch")
ABSENT = "absent"


def tool_versions() -> dict[str, str]:
    """Version by tool name, `"absent"` for what this machine lacks."""
    versions = {
        "python": platform.python_version(),
        "ngspice": _or_absent(lambda: str(find_ngspice().version)),
        "openvaf": _or_absent(lambda: find_openvaf().version),
        "bsimcmg": _or_absent(lambda: "vajax " + hashed_pin(project_root(), "vajax").version),
    }
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = ABSENT
    return versions


def _or_absent(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except UserError:
        return ABSENT
