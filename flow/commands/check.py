"""`mtj-flow check`: lint the designer's files."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(check)


def check(
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="TARGETS", help="Files or cells; everything if none is named."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Check netlists, cards and TOML files without running anything; exit code 1 on errors.

    Ports, unknown parameters, loose nodes, units and limits, each with file and line.
    """
    from rich.console import Console

    from flow.lint import lint
    from flow.toolchain import project_root

    console = Console(stderr=True, highlight=False)
    findings = lint(project_root(), targets or (), lambda message: console.print(message, markup=False))
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = len(findings) - errors
    if as_json:
        document = {
            "findings": [finding.as_json() for finding in findings],
            "errors": errors,
            "warnings": warnings,
        }
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        sys.stdout.write("".join(f"{finding}\n" for finding in findings))
        counts = (("error", errors), ("warning", warnings))
        sys.stdout.write(", ".join(f"{count} {word}{'s' * (count != 1)}" for word, count in counts) + "\n")
    if errors:
        raise typer.Exit(1)
