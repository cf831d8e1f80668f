"""What is there and what is missing: the findings of `mtj-flow doctor`."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flow.errors import UserError
from flow.toolchain import packages
from flow.toolchain.parts import parts

Status = Literal["ok", "missing", "differs"]


@dataclass(frozen=True)
class Finding:
    """One line of the table. `mend` is the command to run, None where nothing is wrong.

    `missing` stops the flow; `differs` is worth knowing and does not.
    """

    name: str
    status: Status
    detail: str
    mend: str | None = None
    version: str | None = None
    path: str | None = None


def examine(root: Path) -> list[Finding]:
    """All findings, the foreign parts first."""
    found = []
    for part in parts(root):
        try:
            what = part.find()
            found.append(
                Finding(part.name, "ok", str(what), version=what.version, path=str(what.path)),
            )
        except UserError as error:
            found.append(Finding(part.name, "missing", str(error), part.mend))
    return [*found, _python(), _packages(root), _torch()]


def _python() -> Finding:
    version = platform.python_version()
    return Finding("Python", "ok", f"{version}, {sys.executable}", version=version, path=sys.executable)


def _packages(root: Path) -> Finding:
    absent = packages.missing()
    if absent:
        return Finding("packages", "missing", f"not installed: {', '.join(absent)}", "make setup")
    try:
        other = packages.unpinned(root)
    except UserError as error:
        return Finding("packages", "missing", str(error), "restore constraints.txt")
    if other:
        return Finding("packages", "differs", "; ".join(other), "rm -rf .venv && make setup")
    return Finding("packages", "ok", "all as pinned in constraints.txt")


def _torch() -> Finding:
    try:
        import torch
    except (ImportError, OSError) as error:
        return Finding("torch", "missing", str(error), "make setup")
    device = "cpu"
    if torch.cuda.is_available():
        device = f"cuda: {torch.cuda.get_device_name()}"
    detail = f"{torch.__version__}, {device}, {torch.get_num_threads()} CPU threads"
    return Finding("torch", "ok", detail, version=torch.__version__)
