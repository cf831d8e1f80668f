"""The foreign tools the flow stands on: where they are, which versions, how they get there.

`find_*` only looks and raises `UserError` with the mending command when something is missing;
`mtj-flow setup` is the only caller of the functions that fetch or install.
"""

from __future__ import annotations

from flow.toolchain.bsimcmg import find_bsimcmg
from flow.toolchain.mnist import find_mnist
from flow.toolchain.models import OsdiModel, build_models
from flow.toolchain.ngspice import Ngspice, find_ngspice
from flow.toolchain.openvaf import OpenVaf, find_openvaf
from flow.toolchain.project import cache_directory, project_root
from flow.toolchain.versions import tool_versions

__all__ = [
    "Ngspice",
    "OpenVaf",
    "OsdiModel",
    "build_models",
    "cache_directory",
    "find_bsimcmg",
    "find_mnist",
    "find_ngspice",
    "find_openvaf",
    "project_root",
    "tool_versions",
]
