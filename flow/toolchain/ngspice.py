"""The circuit simulator: ngspice with OSDI, as a program and as a shared library."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from flow.errors import UserError
from flow.toolchain import apt

MINIMUM = 44
"""First version whose OSDI loader runs our compact models."""

PACKAGES = ("ngspice", "libngspice0")
"""Debian's packages; the program does not pull the library."""

MEND = "run `make setup`, or `mtj-flow doctor` for more"

_SECONDS = 60


@dataclass(frozen=True)
class Ngspice:
    """A usable ngspice: major version, path of the program, path of the shared library."""

    version: int
    executable: Path
    library: Path


def find_ngspice() -> Ngspice:
    """The ngspice on `PATH` and the shared library beside it (or `NGSPICE_LIBRARY_PATH`).

    Raises `UserError` saying what is wrong and how to mend it: absent, older than 44, without OSDI, without
    the library.
    """
    return _find(os.environ.get("PATH", ""), os.environ.get("NGSPICE_LIBRARY_PATH"))


@lru_cache
def _find(search: str, chosen: str | None) -> Ngspice:
    """The ngspice on the path `search`; asked once a process, a run asks for the version more than once."""
    found = shutil.which("ngspice", path=search)
    if found is None:
        raise UserError(f"no ngspice on PATH (version {MINIMUM} or newer is needed); {MEND}")
    executable = Path(found)
    banner = _run([str(executable), "--version"], "ngspice --version")
    version = _version(banner)
    if version is None or version < MINIMUM:
        raise UserError(
            f"{executable} is version {version or 'unknown'}; {MINIMUM} or newer is needed, for OSDI; {MEND}"
        )
    return Ngspice(version, executable, _find_library(chosen))


def _find_library(chosen: str | None) -> Path:
    name = chosen or ("libngspice.dylib" if sys.platform == "darwin" else "libngspice.so.0")
    probe = Path(__file__).with_name("ngspice_probe.py")
    try:
        answer = json.loads(_run([sys.executable, "-I", str(probe), name], name))
    except (UserError, json.JSONDecodeError):
        raise UserError(f"ngspice's shared library {name} is missing or cannot be loaded; {MEND}") from None
    version = _version(answer["banner"])
    if version is None or version < MINIMUM:
        raise UserError(
            f"{answer['path']} is version {version or 'unknown'}; {MINIMUM} or newer is needed; {MEND}"
        )
    if not answer["osdi"]:
        raise UserError(f"{answer['path']} was built without OSDI; {MEND}")
    return Path(answer["path"])


def _version(banner: str) -> int | None:
    match = re.search(r"ngspice-(\d+)", banner)
    return int(match[1]) if match else None


def _run(command: list[str], name: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"{name} does not run: {error}; {MEND}") from None
    if done.returncode != 0:
        raise UserError(f"{name} ended with code {done.returncode}; {MEND}")
    return done.stdout


def install_ngspice(tell: Callable[[str], None]) -> None:
    """Install ngspice through the machine's own package manager, or say what a person has to do."""
    if not apt.available():
        raise UserError(hint())
    if not _offered():
        tell("reading the package lists")
        apt.update()
    if _offered():
        tell("installing " + " and ".join(PACKAGES))
        apt.install(*PACKAGES)
        return
    release = apt.os_release()
    if (release.get("ID"), release.get("VERSION_CODENAME")) != ("debian", "bookworm"):
        raise UserError(hint())
    # Debian 12's own ngspice 39 knows no OSDI; Debian's backports carry the newer one.
    if apt.add_backports("bookworm"):
        tell("added bookworm-backports from this machine's own package mirror")
        apt.update()
    tell("installing " + " and ".join(PACKAGES))
    apt.install(*PACKAGES, suite="bookworm-backports")


def _offered() -> bool:
    """Whether apt, left to itself, would install new enough versions of both packages."""
    return all((apt.candidate(package) or 0) >= MINIMUM for package in PACKAGES)


def hint() -> str:
    """What to do by hand, in one line."""
    return (
        f"install ngspice {MINIMUM} or newer with OSDI and its shared library libngspice "
        "(Debian 12: bookworm-backports; Debian 13: apt-get install ngspice libngspice0; "
        "elsewhere build it with --enable-osdi and again with --with-ngshared), then run `make setup`"
    )
