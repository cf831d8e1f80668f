"""`mtj-flow size`: fins, voltages and pulse of a bitcell at the least write energy."""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

if TYPE_CHECKING:
    from flow.sizing import Sizing


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("size")(size)


def size(
    cell: Annotated[str, typer.Argument(help="Bitcell to size.")],
    variant: Annotated[str | None, typer.Option(help="Its variant; default: the first.")] = None,
    study: Annotated[Path | None, typer.Option(help="Study with the population settings.")] = None,
    fins: Annotated[int, typer.Option(min=1, max=16, help="Most fins of one transistor.")] = 4,
    shortest: Annotated[float, typer.Option(min=0.05, max=1000, help="Shortest write pulse, ns.")] = 0.5,
    longest: Annotated[float, typer.Option(min=0.05, max=1000, help="Longest write pulse, ns.")] = 10.0,
    voltage: Annotated[
        float | None, typer.Option(min=0.05, max=5, help="Highest line voltage, V; default: the cell's.")
    ] = None,
    area: Annotated[float | None, typer.Option(min=1, help="Largest cell area, F2.")] = None,
    points: Annotated[int, typer.Option(min=1, max=50, help="Points of the front to verify.")] = 6,
    output: Annotated[
        Path | None, typer.Option(help="Table of the verified designs to write (HDF5); default: none.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=1024, help="Processes that simulate at the same time.")] = 2,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Size a bitcell: the Pareto front of write energy, pulse and area that meets its error rates."""
    from rich.console import Console

    from flow.errors import UserError
    from flow.progress import progress_bar
    from flow.sizing import Bounds
    from flow.sizing import size as run
    from flow.spec import load_card, load_cell
    from flow.toolchain import project_root

    if shortest >= longest:
        raise UserError("must be below --longest", key="--shortest")
    root = project_root()
    started = time.monotonic()
    largest = None
    if area is not None:
        file = root / "spice" / "bitcells" / f"{cell}.toml"
        card = load_card(root / "spice" / "models" / f"{load_cell(file).card}.toml")
        largest = area * card["feature_size"] ** 2
    console = Console(stderr=True)
    with progress_bar("size", console) as progress:
        found = run(
            root,
            study or root / "study.toml",
            cell,
            variant,
            Bounds(
                most_fins=fins,
                shortest_pulse=shortest * 1e-9,
                longest_pulse=longest * 1e-9,
                highest_voltage=voltage,
                largest_area=largest,
            ),
            points=points,
            jobs=jobs,
            scheduler=scheduler,
            tell=lambda message: console.print(message, highlight=False),
            progress=progress,
        )
    if output is not None:
        _write(output, root, study or root / "study.toml", cell, found, voltage)
    if as_json:
        chosen = {"cell": cell, "variant": found.variant, "command": shlex.join(["mtj-flow", *sys.argv[1:]])}
        document = {**chosen, **_document(found), "seconds": time.monotonic() - started}
        sys.stdout.write(json.dumps(document) + "\n")
        return
    _show(found)
    console.print(
        f"{len(found.searched)} designs searched, {len(found.front)} verified, "
        f"{found.count.simulated} samples simulated, {time.monotonic() - started:.1f} s",
        highlight=False,
    )


def _write(output: Path, root: Path, study: Path, cell: str, found: Sizing, voltage: float | None) -> None:
    """Write the front as a table that `mtj-flow explain` and `replay` read."""
    from flow.characterize import benches_of, technology_plan
    from flow.parallel import run_inline
    from flow.provenance import collect
    from flow.sizing_table import sizing_table
    from flow.spec import load_study
    from flow.table import write_table
    from flow.toolchain import tool_versions

    bench = benches_of(root, [cell])[0]
    table = sizing_table(found, cell, voltage or bench.spec.write.max_voltage)
    # With its card the table is one that networks can be trained in.
    table.technologies = dict(run_inline(technology_plan(bench)).technologies)
    models = root / "veriloga"
    provenance = collect(
        root=root,
        inputs=sorted({*bench.input_files(), study, *models.glob("*.va"), *models.glob("include/*")}),
        tools=tool_versions(),
        seeds={"population": load_study(study).population.seed},
        command=["mtj-flow", *sys.argv[1:]],
    )
    table.provenance, table.history = provenance.as_dict(), provenance.history
    output.parent.mkdir(parents=True, exist_ok=True)
    write_table(output, table)


_SHOWN = (
    "cell_area", "write_pulse", "write_energy", "write_voltage_0to1", "write_voltage_1to0", "read_voltage",
    "wer_0to1", "wer_1to0", "rdr", "read_energy",
)  # fmt: skip


def _document(found: Sizing) -> dict[str, object]:
    from flow.table import quantity_json

    front = []
    for candidate, variant in found.front:
        feature = variant.quantities["feature_size"].value
        front.append(
            {
                "fins": candidate.fins,
                **{name: quantity_json(name, variant.quantities[name], feature) for name in _SHOWN},
            }
        )
    energies = [variant.quantities["write_energy"].value for _, variant in found.front]
    return {
        "front": front,
        "best": energies.index(min(energies)),
        "searched": len(found.searched),
        "candidates": [
            {
                "fins": one.fins,
                "write_pulse_ns": 1e9 * one.pulse,
                "write_energy_fJ": 1e15 * one.energy,
                "cell_area_F2": one.area / feature**2,
            }
            for one in found.searched
        ],
    }


def _show(found: Sizing) -> None:
    from rich.console import Console
    from rich.table import Table

    document = _document(found)
    front = cast(list[dict[str, Any]], document["front"])
    table = Table(title="Pareto front: write energy, pulse, area (verified); * least write energy")
    table.add_column("quantity", no_wrap=True)
    table.add_column("unit")
    for index, point in enumerate(front):
        fins = " ".join(f"{name}={count}" for name, count in point["fins"].items())
        table.add_column(fins + (" *" if index == document["best"] else ""), justify="right")
    for name in _SHOWN:
        table.add_row(name, front[0][name]["unit"], *[f"{point[name]['value']:.4g}" for point in front])
    Console().print(table)
