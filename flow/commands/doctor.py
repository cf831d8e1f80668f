"""`mtj-flow doctor`: what is there, what is missing, and how to mend it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @app.command()
    def doctor(
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> None:
        """Check tools, models, data and packages; exit code 1 if something needed is missing."""
        from flow.toolchain.checkup import examine
        from flow.toolchain.project import project_root

        root = project_root()
        findings = examine(root)
        healthy = all(finding.status != "missing" for finding in findings)
        if as_json:
            document = {"ok": healthy, "root": str(root), "checks": [asdict(finding) for finding in findings]}
            sys.stdout.write(json.dumps(document) + "\n")
        else:
            from rich.console import Console
            from rich.table import Table
            from rich.text import Text

            colours = {"ok": "green", "missing": "red", "differs": "yellow"}
            table = Table(box=None, pad_edge=False)
            for heading in ("part", "status", "what"):
                table.add_column(heading, overflow="fold")
            for finding in findings:
                status = Text(finding.status, style=colours[finding.status])
                table.add_row(finding.name, status, Text(finding.detail))
            # In a log nothing is gained by folding paths at 80 columns.
            console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
            console.print(table)
            for finding in findings:
                if finding.mend is not None:
                    console.print(f"mend {finding.name}: {finding.mend}", markup=False, soft_wrap=True)
        if not healthy:
            raise typer.Exit(1)
