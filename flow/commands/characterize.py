"""`mtj-flow characterize`: simulate what changed and write the bitcell table."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("characterize")(characterize)


def characterize(
    cells: Annotated[
        list[str] | None, typer.Argument(help="Bitcells; those of the study if none is named.")
    ] = None,
    study: Annotated[
        Path | None, typer.Option(help="What to run; default: study.toml of the project.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=1024, help="Processes that simulate at the same time.")] = 2,
    output: Annotated[
        Path | None, typer.Option(help="Table to write; default: build/tables/bitcells.h5.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Characterise bitcells: voltages, resistances, energies and error rates into an HDF5 table."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from flow.characterize import characterize as run
    from flow.table import table_json
    from flow.toolchain import project_root

    root = project_root()
    target = output or root / "build" / "tables" / "bitcells.h5"
    started = time.monotonic()
    console = Console(stderr=True)
    columns = (
        TextColumn("characterize"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=None)
        outcome = run(
            root,
            study or root / "study.toml",
            cells or (),
            target,
            jobs=jobs,
            command=["mtj-flow", *sys.argv[1:]],
            tell=lambda message: console.print(message, highlight=False),
            progress=lambda done, total, label: bar.update(
                task, completed=done, total=total, description=label
            ),
        )
    if as_json:
        document = {
            "cells": table_json(outcome.table),
            "samples": {
                "simulated": len(outcome.simulated),
                "reused": len(outcome.reused),
                "retried": 0,
                "failed": 0,
            },
            "seconds": time.monotonic() - started,
        }
        sys.stdout.write(json.dumps(document) + "\n")
        return
    from flow.summary import summary

    out = Console()
    out.print(summary(outcome.table))
    console.print(
        f"{target}: {len(outcome.simulated)} simulated, {len(outcome.reused)} reused, "
        f"{time.monotonic() - started:.1f} s",
        highlight=False,
    )
