"""The commands of `mtj-neuro`, one file each; a file that defines `add_to(app)` is a command."""

from __future__ import annotations

import importlib
import pkgutil

import typer


def register(app: typer.Typer) -> None:
    """Add every command module of this package to `app`, in alphabetical order."""
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{module}").add_to(app)
