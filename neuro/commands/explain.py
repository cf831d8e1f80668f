"""`mtj-neuro explain`: from a number of the report back to everything it depends on."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from neuro.explain.explanation import Explanation
    from neuro.explain.inputs import Origin


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(explain)


def explain(
    number: Annotated[
        str | None, typer.Argument(help="ID of a number, or ID/FIELD; without it, all numbers are listed.")
    ] = None,
    tables: Annotated[Path, typer.Option(help="Characterised bitcells (HDF5).")] = Path(
        "build/tables/bitcells.h5"
    ),
    traces: Annotated[Path, typer.Option(help="Directory of the traces of `mtj-neuro train`.")] = Path(
        "build/traces"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Explain a number of the report: quantities, traces, files and tools behind it, and how to redo it.

    For example: mtj-neuro explain table_3/write_latency_training/dmtj/0.85/physical
    """
    from neuro.explain.address import numbers
    from neuro.explain.explanation import explain as look
    from neuro.explain.report import open_report

    report = open_report(tables, traces)
    if number is None:
        known = numbers(report.document)
        if as_json:
            document = {"numbers": {address: found.value for address, found in known.items()}}
            sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
        else:
            sys.stdout.write("".join(f"{address}  {found.value:.6g}\n" for address, found in known.items()))
        return
    found = look(report, number)
    if as_json:
        sys.stdout.write(json.dumps(found.as_json(), allow_nan=False) + "\n")
    else:
        sys.stdout.write("".join(line + "\n" for line in _lines(found)))


def _lines(found: Explanation) -> Iterator[str]:
    yield found.number
    value = "no value" if found.value is None else f"{found.value:.9g}"
    interval = ""
    # The interval is that of the main number; a published number beside it has none.
    if found.main and {"ci_low", "ci_high"} <= set(found.facts):
        interval = f"   95 % interval {found.facts['ci_low']:.6g} to {found.facts['ci_high']:.6g}"
    yield f"  {value} {found.unit}{interval}".rstrip()
    for name in ("label", "device", "cell", "variant", "model", "statistics"):
        if found.facts.get(name):
            yield f"  {name}: {found.facts[name]}"
    yield f"  how: {found.how}"
    for published in found.paper:
        yield f"published: {published.value:g}, {published.place} of {found.doi} ({published.key})"
        yield f"  {published.as_json()['paper']}; here in {published.as_json()['file']}"
    if found.file is not None:
        yield f"read from: {found.file.state:<8} {found.file.file}  {found.file.sha256[:12]}"
        if "command" in found.facts:
            yield f"  made by: {found.facts['command']}"
    if found.quantities:
        yield f"quantities of {found.table}"
    for one in found.quantities:
        shown = one.as_json()
        value = "no value" if shown["value"] is None else f"{shown['value']:.9g}"
        text = f"  {one.place} = {value} {shown['unit']}"
        yield text + ("" if shown["ci_low"] is None else f" [{shown['ci_low']:.6g}, {shown['ci_high']:.6g}]")
    for training in found.trainings:
        yield f"training {training.name}: {training.file}, {training.dataset}"
        yield f"  {training.epochs} epochs, {training.replicas} replicas; its table: {training.table}"
        yield f"  settings: {json.dumps(dict(training.settings), sort_keys=True)}"
        if training.quantities:
            yield f"  takes from the table: {', '.join(training.quantities)}"
        yield from _origin(training.origin)
        yield f"  again: {training.command}"
    for origin in found.origins:
        yield f"made by: {origin.file}"
        yield from _origin(origin)
    if found.changed:
        yield f"changed since: {', '.join(found.changed)}"
    elif found.origins or found.trainings:
        yield "changed since: nothing that was recorded"
    for command in found.deeper:
        yield f"deeper: {command}"
    yield f"again: {found.replay}"


def _origin(origin: Origin) -> Iterator[str]:
    if not origin.command:
        yield "  how it was made was not recorded"
    else:
        yield f"  command: {origin.command}"
        yield f"  commit: {origin.commit or 'not recorded'}"
    for name, seed in origin.seeds.items():
        yield f"  seed {name}: {seed}"
    for item in origin.inputs:
        yield f"  {item.state:<8} {item.file}  {item.sha256[:12]}"
    for tool in origin.tools:
        state = "as then" if tool.now is None else "same" if tool.now == tool.version else f"now {tool.now}"
        yield f"  tool {tool.name} {tool.version}" + ("" if tool.now is None else f" ({state})")
