"""`mtj-flow new-cell NAME`: two files that characterise at once."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import Annotated, Literal

import typer


class ConnectionName(StrEnum):
    """Which terminal of the MTJ is on the bit line."""

    rc = "rc"
    sc = "sc"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("new-cell")(new_cell)


def new_cell(
    name: Annotated[str, typer.Argument(help="Name of the cell: lower-case letters, digits and _.")],
    device: Annotated[
        str, typer.Option(help="MTJ of spice/devices by name: smtj (one barrier), dmtj (two), or your own.")
    ] = "smtj",
    connection: Annotated[
        ConnectionName, typer.Option(help="rc: top electrode on the bit line; sc: bottom electrode.")
    ] = ConnectionName.rc,
    transistors: Annotated[
        int, typer.Option(min=1, max=2, help="1: an n-FinFET; 2: a transmission gate.")
    ] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write a commented netlist and TOML file of a new bitcell; nothing is ever overwritten.

    `mtj-flow characterize NAME` runs them as they are; edit fins, bias, pulses and variants from there.
    """
    from flow.template import new_cell as write
    from flow.template import template_for
    from flow.toolchain import project_root

    one_or_two: Literal[1, 2] = 1 if transistors == 1 else 2
    root = project_root()
    files = write(root, name, template_for(root, device, connection.value, one_or_two))
    if as_json:
        document = {"cell": name, "files": [str(file.relative_to(root)) for file in files]}
        sys.stdout.write(json.dumps(document) + "\n")
        return
    for file in files:
        sys.stdout.write(f"{file.relative_to(root)}\n")
    sys.stdout.write(f"run it with `mtj-flow characterize {name}`\n")
