"""`mtj-flow compare`: what moved between two tables, by how much, and whether beyond its interval."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from flow.compare import Change, Comparison

MOVED = 2
"""Exit code where something moved beyond its interval."""


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("compare")(compare)


def compare(
    before: Annotated[
        Path | None, typer.Argument(help="Table to compare with; default: that of the run before the last.")
    ] = None,
    after: Annotated[
        Path | None, typer.Argument(help="Table to look at; default: build/tables/bitcells.h5.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also show what moved within its interval.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Compare two bitcell tables. Exit code 0: nothing moved beyond its interval; 2: something did."""
    from flow.characterize import previous
    from flow.compare import compare as run
    from flow.errors import UserError
    from flow.table import open_table
    from flow.toolchain import project_root

    new = after or project_root() / "build" / "tables" / "bitcells.h5"
    old = before or previous(new)
    if before is None and not old.exists():
        raise UserError("there is no earlier table to compare with; name one", file=old)
    found = run(open_table(old), open_table(new))
    if as_json:
        sys.stdout.write(json.dumps(_document(found)) + "\n")
    else:
        _show(found, everything)
    if found.beyond:
        raise typer.Exit(MOVED)


def _document(found: Comparison) -> dict[str, object]:
    from flow.table import quantity_json

    def quantity(change: Change, after: bool) -> object:
        value = change.after if after else change.before
        return None if value is None else quantity_json(change.name, value, None)

    return {
        "changes": [
            {
                "where": change.where,
                "quantity": change.name,
                "before": quantity(change, False),
                "after": quantity(change, True),
                "relative": change.relative,
                "beyond_interval": change.beyond,
            }
            for change in found.changes
        ],
        "inputs": found.inputs,
        "beyond_interval": len(found.beyond),
    }


def _show(found: Comparison, everything: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    shown = found.changes if everything else found.beyond
    if shown:
        table = Table()
        for heading in ("cell", "quantity", "before", "after", "change"):
            table.add_column(heading, overflow="fold")
        for change in shown:
            moved = "" if change.relative is None else f"{100 * change.relative:+.2f} %"
            table.add_row(
                change.where,
                change.name,
                _text(change, False),
                _text(change, True),
                moved + ("" if change.beyond else " (within)"),
            )
        console.print(table)
    within = len(found.changes) - len(found.beyond)
    console.print(f"{len(found.beyond)} moved beyond their intervals, {within} within", highlight=False)
    if found.inputs:
        console.print("changed inputs: " + ", ".join(found.inputs), highlight=False)


def _text(change: Change, after: bool) -> str:
    value = change.after if after else change.before
    if value is None:
        return "-"
    text = f"{value.value:.5g} {value.unit}"
    if value.ci_low is not None:
        text += f" [{value.ci_low:.4g}, {value.ci_high:.4g}]"
    return text if value.ok else f"{text} ({value.status})"
