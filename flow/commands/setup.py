"""`mtj-flow setup`: bring everything foreign that the flow needs."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @app.command()
    def setup(
        data_dir: Annotated[
            Path | None,
            typer.Option(help="Folder with your own four MNIST IDX files, instead of fetching them."),
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> None:
        """Install ngspice, OpenVAF, the BSIM-CMG sources and MNIST, and compile the models.

        What is there already is left alone; after an interruption, run it again.
        """
        from rich.console import Console

        from flow.errors import UserError
        from flow.toolchain.parts import parts
        from flow.toolchain.project import project_root

        console = Console(stderr=True, highlight=False)
        done = []
        for part in parts(project_root(), data_dir):
            start = time.monotonic()
            try:
                detail, provided = str(part.find()), False
            except UserError as reason:
                with console.status(f"{part.name}: {reason.message}") as status:

                    def tell(message: str, name: str = part.name, status: object = status) -> None:
                        status.update(f"{name}: {message}")  # type: ignore[attr-defined]
                        console.print(f"  {name}: {message}", markup=False, soft_wrap=True)

                    part.provide(tell)
                detail, provided = str(part.find()), True
            seconds = time.monotonic() - start
            mark = "provided" if provided else "is there"
            console.print(f"{part.name:<15} {mark} ({seconds:.1f} s): {detail}", markup=False, soft_wrap=True)
            done.append({"name": part.name, "provided": provided, "detail": detail, "seconds": seconds})
        if as_json:
            sys.stdout.write(json.dumps({"parts": done}) + "\n")
