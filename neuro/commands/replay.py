"""`mtj-neuro replay`: make numbers of the report again and compare."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)


def replay(
    numbers: Annotated[
        list[str] | None, typer.Argument(metavar="NUMBER...", help="IDs of numbers, as for explain.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Instead of named numbers, so many drawn at random.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draw.")] = 0,
    tables: Annotated[Path, typer.Option(help="Characterised bitcells (HDF5).")] = Path(
        "build/tables/bitcells.h5"
    ),
    traces: Annotated[Path, typer.Option(help="Directory of the traces of `mtj-neuro train`.")] = Path(
        "build/traces"
    ),
    jobs: Annotated[int, typer.Option(min=1, max=1024, help="Processes that simulate at the same time.")] = 2,
    reuse: Annotated[
        bool, typer.Option("--reuse", help="Take simulations of earlier runs with the very same inputs.")
    ] = False,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Also simulate the cells behind trainings and estimates.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Make numbers of the report again, from the files of now; exit code 1 if one moved.

    A quantity of the table is simulated again, a training trained again from the table, a core estimated
    again. Trainings must agree bit for bit, estimates to 1e-12, simulations to 1e-9.
    """
    import random

    from flow.table import UserError
    from neuro.explain.address import numbers as all_numbers
    from neuro.explain.replay import replay as again
    from neuro.explain.report import open_report

    report = open_report(tables, traces)
    chosen = list(numbers or [])
    if sample is not None:
        known = sorted(all_numbers(report.document))
        chosen += random.Random(seed).sample(known, min(sample, len(known)))
    if not chosen:
        raise UserError("name a number, or give --sample", key="NUMBER")
    found = again(
        report,
        chosen,
        jobs=jobs,
        reuse=reuse,
        simulate=simulate,
        tell=lambda command: typer.echo(f"running: {command}", err=True),
    )
    if as_json:
        document = {"numbers": [one.as_json() for one in found], "same": all(one.same for one in found)}
        sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
    else:
        for one in found:
            difference = "" if one.difference is None else f", relative difference {one.difference:.3g}"
            sys.stdout.write(
                f"{'same ' if one.same else 'MOVED'} {one.number} ({one.kind}): "
                f"{_shown(one.report)}, again {_shown(one.replayed)}{difference}\n"
            )
            if not one.same and one.changed:
                sys.stdout.write(f"      changed since: {', '.join(one.changed)}\n")
    if not all(one.same for one in found):
        raise typer.Exit(1)


def _shown(value: float | None) -> str:
    return "no value" if value is None else f"{value:.12g}"
