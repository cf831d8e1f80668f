"""`mtj-neuro truth`: the array estimate against simulated columns."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

_SHOWN = {"A": ("uA", 1e6), "s": ("ps", 1e12), "J": ("fJ", 1e15)}
"""Display unit and factor by SI unit."""


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
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for cell in dict.fromkeys((item.cell, item.variant) for item in found):
        table = Table(
            title=f"{cell[0]} {cell[1]}: array estimate against SPICE columns",
            box=box.SIMPLE_HEAD,
            pad_edge=False,
            collapse_padding=True,
        )
        for name in ("figure", "unit", "case"):
            table.add_column(name, no_wrap=True)
        for name in ("rows", "SPICE", "estimate", "off %", "refined"):
            table.add_column(name, justify="right", no_wrap=True)
        for item in found:
            if (item.cell, item.variant) != cell:
                continue
            unit, factor = _SHOWN[item.unit]
            table.add_row(
                item.figure,
                unit,
                item.condition,
                str(item.rows),
                f"{item.spice * factor:.4g}",
                f"{item.estimate * factor:.4g}",
                f"{100 * item.deviation:+.1f}",
                f"{100 * item.refined_deviation:+.1f}",
            )
        console.print(table)
