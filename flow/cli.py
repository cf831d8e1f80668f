"""`mtj-flow`: the command line of the characterisation flow. One file a command, in `flow/commands/`."""

from __future__ import annotations

import json
import sys

import typer

from flow.commands import register
from flow.errors import UserError

app = typer.Typer(
    name="mtj-flow",
    help="Characterise STT-MRAM bitcells: Verilog-A and netlists in, tables with error rates out.",
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
