"""`mtj-flow build`: compile the compact models."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @app.command()
    def build(
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ) -> None:
        """Compile veriloga/*.va and BSIM-CMG to build/osdi; does nothing where nothing changed."""
        from rich.console import Console

        from flow.toolchain.models import build_models, stale_models
        from flow.toolchain.project import project_root

        console = Console(stderr=True, highlight=False)
        root = project_root()
        compiled = stale_models(root)
        models = build_models(root, lambda message: console.print(message, markup=False, soft_wrap=True))
        if as_json:
            document = {
                name: {
                    "path": str(model.path),
                    "sha256": model.sha256,
                    "source_sha256": model.source_sha256,
                    "compiled": name in compiled,
                }
                for name, model in models.items()
            }
            sys.stdout.write(json.dumps({"models": document}) + "\n")
        elif not compiled:
            console.print(f"nothing to do: {', '.join(models)} are up to date")
