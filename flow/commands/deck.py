"""`mtj-flow deck CELL`: one measurement as a file that plain ngspice runs."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from flow.errors import UserError


class MeasurementName(StrEnum):
    """What can be measured."""

    write = "write"
    read = "read"
    load_line = "load_line"
    leakage = "leakage"


class LineName(StrEnum):
    """The lines of a cell."""

    bl = "bl"
    sl = "sl"


class Operation(StrEnum):
    """Whose line, voltage and samples a load line takes."""

    write_0to1 = "0to1"
    write_1to0 = "1to0"
    read = "read"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(deck)


def deck(
    cell: Annotated[str, typer.Argument(help="Bitcell, as in spice/bitcells.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Deck to write; - writes it to stdout.")],
    measurement: Annotated[MeasurementName, typer.Option(help="What to measure.")] = MeasurementName.write,
    variant: Annotated[str | None, typer.Option(help="Variant of the cell; default: its first.")] = None,
    voltage: Annotated[
        float | None, typer.Option(min=-5, max=5, help="V on the driven line; default: the table's.")
    ] = None,
    line: Annotated[
        LineName | None, typer.Option(help="Driven line; default: that of the operation.")
    ] = None,
    stored: Annotated[
        int | None,
        typer.Option(
            min=0, max=1, help="State at the start, or held in DC; default: 0 for a write, both otherwise."
        ),
    ] = None,
    operation: Annotated[
        Operation, typer.Option(help="Whose line, voltage and samples a load line takes.")
    ] = Operation.read,
    sample: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Process sample of the table; default: the nominal device. Pulses count the typical ones, "
            "along sample_pulse, load lines and leakage those of the operation.",
        ),
    ] = None,
    tables: Annotated[
        Path | None, typer.Option(help="Table with voltages and samples; default: build/tables/bitcells.h5.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write one measurement as a stand-alone deck: `ngspice -b FILE.cir` prints the table's number.

    The deck loads the compiled models from where they lie on this machine, prints `name = value` lines in SI
    units and writes no file.
    """
    from flow.characterize import benches_of
    from flow.deck_source import Settings
    from flow.spec import load_study
    from flow.standalone import standalone_deck
    from flow.table import open_table, replace_file
    from flow.toolchain import project_root

    root = project_root()
    benches = {bench.variant_name: bench for bench in benches_of(root, [cell])}
    name = variant or next(iter(benches))
    if name not in benches:
        raise UserError(f"no variant {name!r}; known: {', '.join(benches)}", key=cell)
    place = tables or root / "build" / "tables" / "bitcells.h5"
    known = None
    if tables is not None or place.exists():
        known = open_table(place).cells.get(cell, {}).get(name)
    study = load_study(root / "study.toml")
    nodes = 2 * study.characterize.state_nodes - 1
    driven: Literal["bl", "sl"] | None = None if line is None else line.value
    settings = Settings(
        voltage=voltage,
        line=driven,
        stored=stored,
        operation=operation.value,
        sample=sample,
        nodes=nodes if sample is None else study.population.state_nodes,
    )
    made = standalone_deck(benches[name], measurement.value, settings, known)
    if str(output) == "-":
        if as_json:
            raise UserError("the deck and the JSON document cannot both go to stdout", key="--output")
        sys.stdout.write(made.text)
        return
    replace_file(output, made.text.encode())
    if as_json:
        document = {"file": str(output), "prints": list(made.prints), "table": dict(made.table)}
        sys.stdout.write(json.dumps(document) + "\n")
        return
    sys.stdout.write(f"{output}: run it with `ngspice -b {output}`; it prints {', '.join(made.prints)}\n")
    for printed, figure in made.table.items():
        sys.stdout.write(f"  the table has {printed} = {figure:.9g}\n")
