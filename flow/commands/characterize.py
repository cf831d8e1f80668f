"""`mtj-flow characterize`: simulate what changed and write the bitcell table."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from flow.spec import Study


class Estimator(StrEnum):
    """Estimators of a population mean."""

    importance = "importance"
    plain = "plain"


class Criterion(StrEnum):
    """Which cell has to meet the targets."""

    population = "population"
    nominal = "nominal"


def add_to(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("characterize")(characterize)


def characterize(
    cells: Annotated[
        list[str] | None, typer.Argument(help="Bitcells; those of the study if none is named.")
    ] = None,
    study: Annotated[
        Path | None, typer.Option(help="What to run; default: study.toml of the project.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=1024, help="Processes that simulate at the same time.")] = 2,
    output: Annotated[
        Path | None, typer.Option(help="Table to write; default: build/tables/bitcells.h5.")
    ] = None,
    samples: Annotated[
        int | None, typer.Option(min=32, help="SPICE samples of each operation; default: the study's.")
    ] = None,
    estimator: Annotated[
        Estimator | None, typer.Option(help="How population means are estimated; plain to validate.")
    ] = None,
    criterion: Annotated[
        Criterion | None,
        typer.Option(help="Whether the population mean or the nominal cell meets the targets."),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, e.g. tcp://host:8786.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Characterise bitcells: voltages, resistances, energies and error rates into an HDF5 table."""
    from rich.console import Console

    from flow.characterize import characterize as run
    from flow.progress import progress_bar
    from flow.table import table_json
    from flow.toolchain import project_root

    root = project_root()
    target = output or root / "build" / "tables" / "bitcells.h5"
    started = time.monotonic()
    console = Console(stderr=True)
    with progress_bar("characterize", console) as progress:
        outcome = run(
            root,
            _study(study or root / "study.toml", samples, estimator, criterion),
            cells or (),
            target,
            jobs=jobs,
            scheduler=scheduler,
            command=["mtj-flow", *sys.argv[1:]],
            tell=lambda message: console.print(message, highlight=False, markup=False, soft_wrap=True),
            progress=progress,
        )
    if as_json:
        document = {
            "cells": table_json(outcome.table),
            "samples": dataclasses.asdict(outcome.count),
            "seconds": time.monotonic() - started,
        }
        sys.stdout.write(json.dumps(document) + "\n")
        return
    from flow.summary import summary

    out = Console()
    out.print(summary(outcome.table))
    count = outcome.count
    console.print(
        f"{target}: {count.simulated} samples simulated, {count.reused} reused, {count.retried} retried, "
        f"{count.failed} failed, {time.monotonic() - started:.1f} s",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _study(
    file: Path, samples: int | None, estimator: Estimator | None, criterion: Criterion | None
) -> Path | Study:
    """The study file, or the study with what the command line replaces."""
    from flow.spec import load_study

    given = {
        "samples": samples,
        "estimator": estimator and estimator.value,
        "criterion": criterion and criterion.value,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        return file
    loaded = load_study(file)
    return loaded.model_copy(update={"population": loaded.population.model_copy(update=changes)})
