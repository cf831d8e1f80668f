"""`mtj-flow explain FILE QUANTITY`: where a number comes from."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(explain)


def explain(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.h5", help="Table of `mtj-flow characterize`, `size` or `column`.")
    ],
    quantity: Annotated[
        str, typer.Argument(help="CELL/VARIANT/QUANTITY, technology/CARD/QUANTITY, or a bare name.")
    ],
    cell: Annotated[str | None, typer.Option(help="Cell of a bare name.")] = None,
    variant: Annotated[str | None, typer.Option(help="Variant of a bare name.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Explain one number of a table: value, interval, inputs and tools then and now, the command to redo it.

    For example: mtj-flow explain build/tables/bitcells.h5 2t1mtj_sc_dmtj/0.85/write_energy
    """
    from flow.explain import explain as look
    from flow.toolchain import project_root

    found = look(project_root(), file, quantity, cell=cell, variant=variant)
    if as_json:
        sys.stdout.write(json.dumps(found.as_json()) + "\n")
        return
    interval = "" if found.ci_low is None else f"   95 % interval {found.ci_low:.6g} to {found.ci_high:.6g}"
    value = "no value" if found.value is None else f"{found.value:.9g}"
    lines = [
        found.quantity,
        f"  {found.long_name}" if found.long_name else "",
        f"  {value} {found.unit}{interval}   status {found.status}",
        *(f"  {name}: {fact}" for name, fact in found.facts.items()),
        "inputs",
        *(f"  {item.state:<8} {item.file}  {item.sha256[:12]}" for item in found.inputs),
        "tools",
        *(
            f"  {'same' if tool.same else 'differs':<8} {tool.name} {tool.version}"
            + ("" if tool.same else f", now {tool.now or 'absent'}")
            for tool in found.tools
        ),
        *(f"seed {name}: {seed}" for name, seed in found.seeds.items()),
        f"commit: {found.commit or 'not recorded'}",
        f"command: {found.command}",
        f"again: {found.replay}",
        f"in plain ngspice: {found.deck}" if found.deck else "",
    ]
    sys.stdout.write("".join(line + "\n" for line in lines if line))
