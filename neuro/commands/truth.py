"""`mtj-neuro truth`: the array estimate against simulated columns."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(truth)


def truth(
    columns: Annotated[
        Path, typer.Option(help="Table of simulated columns, made by `mtj-flow column`.")
    ] = Path("build/tables/columns.h5"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Compare read current, settling and write energy of the array estimate with SPICE columns."""
    from neuro.truth import compare

    found = compare(columns)
    if as_json:
        document = [
            dataclasses.asdict(item)
            | {"deviation": item.deviation, "refined_deviation": item.refined_deviation}
            for item in found
        ]
        sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Array estimate against SPICE columns")
    for name in ("cell", "rows", "figure", "condition", "SPICE", "estimate", "off", "refined off"):
        table.add_column(name, justify="left" if name in ("cell", "figure", "condition") else "right")
    for item in found:
        table.add_row(
            f"{item.cell} {item.variant}",
            str(item.rows),
            item.figure,
            item.condition,
            f"{item.spice:.4g} {item.unit}",
            f"{item.estimate:.4g} {item.unit}",
            f"{100 * item.deviation:+.1f} %",
            f"{100 * item.refined_deviation:+.1f} %",
        )
    Console().print(table)
