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
        bool, typer.Option("--all", help="Every quantity of the table, also what moved within its interval.")
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
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from flow.summary import SHOWN

    console = Console(highlight=False)
    main = [
        change for change in found.beyond if change.name in SHOWN or change.where.startswith("technology")
    ]
    shown = found.changes if everything else main or found.beyond
    for where in dict.fromkeys(change.where for change in shown):
        table = Table(title=where, title_justify="left", box=box.SIMPLE, pad_edge=False)
        table.add_column("quantity", overflow="fold")
        for heading in ("before", "after", "unit", "change"):
            table.add_column(heading, justify="left" if heading == "unit" else "right")
        for change in shown:
            if change.where == where:
                moved = "" if change.relative is None else f"{100 * change.relative:+.2f} %"
                unit, before, after = _texts(change)
                beside = "" if change.beyond else " (within)"
                table.add_row(change.name, before, after, unit, moved + beside)
        console.print(table)
    within = len(found.changes) - len(found.beyond)
    others = len(found.beyond) - len(shown)
    hint = f" ({others} of them, and those within, only with --all)" if others > 0 else ""
    console.print(f"{len(found.beyond)} moved beyond their intervals{hint}, {within} within")
    if found.inputs:
        console.print("changed inputs: " + ", ".join(found.inputs))


def _texts(change: Change) -> tuple[str, str, str]:
    """Unit shown to people, before and after; half the interval's width in brackets."""
    from flow.summary import uncertain
    from flow.table import quantity_json

    unit, texts = "", []
    for quantity in (change.before, change.after):
        if quantity is None:
            texts.append("-")
            continue
        shown = quantity_json(change.name, quantity)
        value, low, high = shown["value"], shown["ci_low"], shown["ci_high"]
        unit = str(shown["unit"])
        if not isinstance(value, float):
            texts.append(quantity.status)
        else:
            half = (high - low) / 2 if isinstance(low, float) and isinstance(high, float) else 0.0
            texts.append(uncertain(value, half) + ("" if quantity.ok else f" ({quantity.status})"))
    return unit, texts[0], texts[1]
