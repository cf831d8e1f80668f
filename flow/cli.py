"""`mtj-flow`: the command line of the characterisation flow. One file a command, in `flow/commands/`."""

from __future__ import annotations

try:
    import typer

    from flow.command_line import run_command_line
    from flow.commands import register
except KeyboardInterrupt:
    # Ctrl-C while the libraries load; later ones are told by `run_command_line`.
    raise SystemExit(130) from None

app = typer.Typer(
    name="mtj-flow",
    help="Characterise STT-MRAM bitcells: Verilog-A and netlists in, tables with error rates out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
register(app)


def main() -> None:
    """Run the command line; see `flow.command_line` for how it ends."""
    # Calling `app` itself would put typer's exception hook in the place of ours, which is silent at Ctrl-C.
    run_command_line(typer.main.get_command(app))
