"""`mtj-flow replay FILE QUANTITY...`: make numbers of a table again and compare."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from flow.replay import Replay


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(replay)


def replay(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.h5", help="Table of `mtj-flow characterize`, `size` or `column`.")
    ],
    quantities: Annotated[
        list[str],
        typer.Argument(
            metavar="QUANTITY...",
            help="As for explain; CELL/VARIANT or technology/CARD stands for all its quantities.",
        ),
    ],
    cell: Annotated[str | None, typer.Option(help="Cell of a bare name.")] = None,
    variant: Annotated[str | None, typer.Option(help="Variant of a bare name.")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=1024, help="Processes that simulate at the same time.")] = 2,
    reuse: Annotated[
        bool, typer.Option("--reuse", help="Take results of earlier runs with the very same inputs.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="Write the table with what was made again in the place of the old.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Run again what numbers depend on, from the files of now; exit code 1 if one moved.

    Moved means by more than 1e-9 of its value; what changed since the table was made is then listed.
    """
    from rich.console import Console
    from rich.progress import Progress

    from flow.replay import replay as again
    from flow.toolchain import project_root

    console = Console(stderr=True, highlight=False)
    with Progress(console=console) as bar:
        task = bar.add_task("replay", total=None)
        found = again(
            project_root(),
            file,
            quantities,
            cell=cell,
            variant=variant,
            jobs=jobs,
            reuse=reuse,
            output=output,
            tell=lambda message: console.print(message, markup=False),
            progress=lambda done, total, label: bar.update(
                task, completed=done, total=total, description=label
            ),
        )
    same = all(one.same for one in found)
    if as_json:
        document = found[0].as_json()
        if len(found) > 1:
            document = {"numbers": [one.as_json() for one in found], "same": same}
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        for one in found:
            _show(one)
    if not same:
        raise typer.Exit(1)


def _show(found: Replay) -> None:
    moved = "the same" if found.same else "MOVED"
    difference = "" if found.difference is None else f", relative difference {found.difference:.3g}"
    lines = [
        f"{found.quantity}: {moved}",
        f"  table {_shown(found.table)}, again {_shown(found.replayed)} {found.unit}{difference}",
    ]
    if found.changed:
        lines.append("  changed since the table was made:")
        lines += [f"    {item}" for item in found.changed]
    elif not found.same:
        lines.append("  no recorded input changed, so the code of the flow has")
    sys.stdout.write("".join(line + "\n" for line in lines))


def _shown(value: float | None) -> str:
    return "no value" if value is None else f"{value:.12g}"
