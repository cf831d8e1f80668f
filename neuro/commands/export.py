"""`mtj-neuro export`: bitcells in the formats of other programs."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """What can be written."""

    nvsim = "nvsim"
    neurosim = "neurosim"
    csv = "csv"
    table = "table"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(export)


def export(
    tables: Annotated[Path, typer.Argument(metavar="TABLE.h5", help="Characterised bitcells.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write; - writes it to stdout.")],
    to: Annotated[
        Format,
        typer.Option(
            "--format",
            help="nvsim: a .cell file; neurosim: parameters as text; csv; table: JSON that pandas reads.",
        ),
    ],
    cell: Annotated[
        list[str] | None,
        typer.Option(help="Only this cell: NAME or NAME/VARIANT; may be repeated. nvsim and neurosim: one."),
    ] = None,
    sense_voltage: Annotated[
        float, typer.Option(min=0.001, max=5000, help="nvsim: mV that the sense amplifier needs.")
    ] = 25.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Export bitcells; what the format cannot hold is said in the file. Formats: docs/formats.md."""
    from flow.table import UserError, replace_file
    from neuro.export import neurosim, nvsim, pandas_table, rows, tidy_csv
    from neuro.export.selection import select

    if as_json and str(output) == "-":
        raise UserError("the file and the JSON document cannot both go to stdout", key="--output")
    selection = select(tables, cell or [])
    left_out: tuple[str, ...] = rows.LEFT_OUT
    if to is Format.nvsim:
        text, left_out = nvsim.write(selection, 1e-3 * sense_voltage), nvsim.LEFT_OUT
    elif to is Format.neurosim:
        text, left_out = neurosim.write(selection), neurosim.LEFT_OUT
    else:
        text = (tidy_csv if to is Format.csv else pandas_table).write(selection)
    if str(output) == "-":
        sys.stdout.write(text)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    replace_file(output, text.encode("utf-8"))
    names = [f"{name}/{variant}" for name, variant in selection.names]
    if as_json:
        document = {"file": str(output), "format": to.value, "cells": names, "left_out": list(left_out)}
        sys.stdout.write(json.dumps(document) + "\n")
        return
    sys.stdout.write(f"{output}: {', '.join(names)}; left out:\n")
    sys.stdout.write("".join(f"  {text}\n" for text in left_out))
