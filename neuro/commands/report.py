"""`mtj-neuro report`: measured beside published, with figures and a page."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)


def report(
    tables: Annotated[Path, typer.Option(help="Characterised bitcells (HDF5).")] = Path(
        "build/tables/bitcells.h5"
    ),
    traces: Annotated[Path, typer.Option(help="Directory of the traces of `mtj-neuro train`.")] = Path(
        "build/traces"
    ),
    size: Annotated[
        list[Path] | None,
        typer.Option(help="Document of `mtj-flow size --json`; default: size*.json beside the table."),
    ] = None,
    oxide: Annotated[
        Path, typer.Option(help="Table and traces of studies/oxide.toml; shown if they are there.")
    ] = Path("build/oxide"),
    output: Annotated[Path, typer.Option(help="Where the page and the figures go.")] = Path("build/report"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print the tables beside the paper's; write the figures and a page that holds all of it."""
    from rich.console import Console

    from neuro.report.console import show
    from neuro.report.results import gather
    from neuro.report.writer import write_report

    results = gather(tables, traces, size or (), oxide)
    if not as_json:
        show(results, Console())
    written = write_report(results, output)
    if as_json:
        document = results.as_json() | {"written": [str(path) for path in written]}
        sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
    else:
        sys.stdout.write(f"\npage: {written[-1]}; figures beside it\n")
