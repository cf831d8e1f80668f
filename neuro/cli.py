"""`mtj-neuro`: the command line of the synaptic cores. One file a command, in `neuro/commands/`."""

from __future__ import annotations

import json
import sys

import typer

from flow.table import UserError
from neuro.commands import register

app = typer.Typer(
    name="mtj-neuro",
    help="Digital eNVM synaptic cores: area, latency, energy, leakage, and online learning in them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
register(app)


def main() -> None:
    """Run the command line; a `UserError` becomes one line (or one JSON document) and exit code 1."""
    try:
        app()
    except UserError as error:
        if "--json" in sys.argv[1:]:
            sys.stdout.write(json.dumps(error.as_json()) + "\n")
        else:
            sys.stderr.write(f"error: {error}\n")
        raise SystemExit(1) from None
