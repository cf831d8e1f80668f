"""`mtj-neuro sweep`: synaptic cores over ranges of any design field, with Pareto flags and a plot."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(sweep)


def sweep(
    spec: Annotated[Path, typer.Argument(help="TOML or JSON file: technology, cell, core and ranges.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="HDF5 table to write.")] = Path("sweep.h5"),
    csv: Annotated[Path | None, typer.Option(help="CSV table to write (default: beside the HDF5).")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Plot to write: .png, .svg, .pdf (default: .png).")
    ] = None,
    tables: Annotated[
        Path | None, typer.Option(help="Bitcell table (HDF5) in which names are looked up.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="physical or neurosim (default: as the file says).")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=1024, help="Processes.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Estimate every combination of the ranges; points that cannot be built are marked, not fatal."""
    import numpy as np
    from rich.console import Console
    from rich.table import Table

    from neuro.sweep import MERITS, load_sweep, run_sweep
    from neuro.sweep_output import plot as draw
    from neuro.sweep_output import write_csv, write_hdf5

    files = {
        "table": output,
        "csv": csv or output.with_suffix(".csv"),
        "plot": plot or output.with_suffix(".png"),
    }
    result = run_sweep(load_sweep(spec, tables, model), jobs)
    write_hdf5(result, output)
    write_csv(result, files["csv"])
    draw(result, files["plot"])
    good = result.status == 0
    optimal = np.argwhere(result.pareto)
    points = [
        {
            **{
                axis.path: (value if isinstance(value := axis.values[i], str) else float(value))
                for axis, i in zip(result.sweep.axes, index, strict=True)
            },
            **{
                f"{name}_{unit}": float(result.merits[name][tuple(index)])
                for name, (unit, _) in MERITS.items()
            },
        }
        for index in optimal
    ]
    if as_json:
        document = {
            "points": result.status.size,
            "refused": int((~good).sum()),
            "objectives": list(result.sweep.objectives),
            "pareto": points,
            "files": {key: str(path) for key, path in files.items()},
        }
        sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
        return
    shown = Table(title=f"Pareto-optimal in {', '.join(result.sweep.objectives)}")
    headings = [axis.path for axis in result.sweep.axes]
    headings += [f"{name}_{MERITS[name][0]}" for name in result.sweep.objectives]
    for heading in headings:
        shown.add_column(heading, justify="right", overflow="fold")
    for point in points[:30]:
        row = (point[heading] for heading in headings)
        shown.add_row(*(value if isinstance(value, str) else f"{value:.4g}" for value in row))
    Console().print(shown)
    Console(stderr=True).print(
        f"{result.status.size} points, {int((~good).sum())} cannot be built, {len(points)} optimal"
        + (" (30 shown)" if len(points) > 30 else "")
        + f"; written: {', '.join(map(str, files.values()))}"
    )
