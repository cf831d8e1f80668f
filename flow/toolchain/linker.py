"""The system's linker, which OpenVAF calls to make an OSDI file of its objects."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from flow.errors import UserError
from flow.toolchain import apt

HINT = "install binutils, the package that carries the linker `ld`"


def find_linker() -> Path:
    """Path of `ld`. Raises `UserError` if there is none."""
    found = shutil.which("ld")
    if found is None:
        raise UserError(f"no linker `ld` on PATH, which OpenVAF needs; {HINT}, or run `make setup`")
    return Path(found)


def install_linker(tell: Callable[[str], None]) -> None:
    """Install it through apt, or say what a person has to do."""
    if not apt.available():
        raise UserError(HINT)
    if apt.candidate("binutils") is None:
        tell("reading the package lists")
        apt.update()
    tell("installing binutils")
    apt.install("binutils")
