"""`mtj-neuro estimate`: area, latency, energy and leakage of synaptic cores given as JSON design points."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(estimate)


def estimate(
    designs: Annotated[
        Path, typer.Argument(help='JSON file: a list of design points, or {"points": [{"design": ...}]}.')
    ],
    tables: Annotated[
        Path | None,
        typer.Option(help="Bitcell table (HDF5) in which names of technologies and cells are looked up."),
    ] = None,
    model: Annotated[str, typer.Option(help="physical or neurosim.")] = "physical",
    read_mode: Annotated[
        str, typer.Option(help="parallel, or row: row by row into sense amplifiers (no reference).")
    ] = "parallel",
    samples: Annotated[
        int,
        typer.Option(
            min=0,
            max=100_000,
            help="Samples that propagate the inputs' intervals; adds `intervals` to a result.",
        ),
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Seed of the samples.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Estimate every design point of a file; an impossible one is answered with its error and field."""
    from flow.table import load_json
    from neuro.array import estimate_documents
    from neuro.design import designs_in
    from neuro.lookup import Lookup

    documents = Lookup(tables, model).resolve(designs_in(load_json(designs), file=designs))
    results = estimate_documents(documents, model, read_mode)
    if samples:
        from neuro.uncertainty import add_intervals

        add_intervals(results, documents, model, samples, seed)
    if as_json:
        sys.stdout.write(json.dumps(results, allow_nan=False) + "\n")
    else:
        _show(results, model)


def _show(results: list[dict[str, Any]], model: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Synaptic cores ({model} model)")
    for heading in (
        "point",
        "area (um2)",
        "read latency (ns)",
        "read energy (pJ)",
        "write latency (us)",
        "write energy a row (pJ)",
        "leakage (uW)",
    ):
        table.add_column(heading, justify="right")
    refused: list[str] = []
    for position, result in enumerate(results):
        if "error" in result:
            table.add_row(str(position), *["-"] * 6, style="red")
            refused.append(result["error"])
            continue
        batches = result["read_batches"]
        latency = result["read_latency_per_batch_s"]
        energy = result["read_energy_per_batch_J"]
        row = result["write_energy_per_row_J"]
        leakage = result["leakage_W"]
        per_batch = row["one_active_batch"] - row["no_active_batch"]
        figures = (
            result["area_m2"]["total"] * 1e12,
            batches * (latency["core"] + latency["neuron"]) * 1e9,
            batches * (energy["core"] + energy["neuron"]) * 1e12,
            result["write_latency_s"] * 1e6,
            (row["no_active_batch"] + result["write_batches"] * per_batch) * 1e12,
            (leakage["core"] + leakage["neuron"]) * 1e6,
        )
        table.add_row(str(position), *(f"{figure:.4g}" for figure in figures))
    Console().print(table)
    for error in refused:
        sys.stderr.write(f"error: {error}\n")
