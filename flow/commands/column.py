"""`mtj-flow column`: simulate columns of bitcells, the truth that array estimates are checked against."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("column")(column)


def column(
    cells: Annotated[
        list[str] | None, typer.Argument(help="Bitcells; those of the table if none is named.")
    ] = None,
    rows: Annotated[
        list[int] | None, typer.Option(min=2, max=1024, help="Rows; may be repeated; default: 8 to 256.")
    ] = None,
    variant: Annotated[str, typer.Option(help="Variant of the cells.")] = "0.85",
    tables: Annotated[
        Path | None, typer.Option(help="Bitcell table; default: build/tables/bitcells.h5.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Table to write; default: build/tables/columns.h5.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Simulate columns: read current, settling and write energy of real bitcells with wires and drivers."""
    from rich.console import Console

    from flow.characterize import benches_of
    from flow.errors import UserError
    from flow.measure.column_study import ROWS, study_columns
    from flow.measure.inspection import explain
    from flow.provenance import collect
    from flow.spice.session import SimulatorError
    from flow.table import BitcellTable, open_table, write_table
    from flow.toolchain import project_root, tool_versions

    root = project_root()
    source = tables or root / "build" / "tables" / "bitcells.h5"
    target = output or root / "build" / "tables" / "columns.h5"
    console = Console(stderr=True)
    table = open_table(source)
    names = cells or sorted(table.cells)
    benches = [bench for bench in benches_of(root, names) if bench.variant_name == variant]
    if not benches:
        raise UserError(f"no cell has a variant {variant!r}", key="--variant")
    columns = BitcellTable(title="Columns of bitcells, simulated", technologies=table.technologies)
    for bench in benches:
        try:
            content = study_columns(
                bench,
                table,
                sorted(set(rows or ROWS)),
                tell=lambda message: console.print(message, highlight=False),
            )
        except SimulatorError as error:
            raise explain(error, bench) from None
        columns.cells.setdefault(bench.name, {})[bench.variant_name] = content
    provenance = collect(
        root=root,
        inputs=sorted({path for bench in benches for path in bench.input_files()} | {source}),
        tools=tool_versions(),
        seeds={},
        command=["mtj-flow", *sys.argv[1:]],
    )
    columns.provenance, columns.history = provenance.as_dict(), provenance.history
    target.parent.mkdir(parents=True, exist_ok=True)
    write_table(target, columns)
    if as_json:
        document = {
            name: {
                key: {item: array.values.tolist() for item, array in sorted(content.samples.items())}
                for key, content in variants.items()
            }
            for name, variants in columns.cells.items()
        }
        sys.stdout.write(json.dumps({"columns": document}) + "\n")
        return
    console.print(f"{target}: {len(benches)} cells", highlight=False)
