"""`mtj-neuro`: the command line of the synaptic cores. One file a command, in `neuro/commands/`."""

from __future__ import annotations

try:
    import typer

    from flow.table import run_command_line
    from neuro.commands import register
except KeyboardInterrupt:
    # Ctrl-C while the libraries load; later ones are told by `run_command_line`.
    raise SystemExit(130) from None

app = typer.Typer(
    name="mtj-neuro",
    help="Digital eNVM synaptic cores: area, latency, energy, leakage, and online learning in them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
register(app)


def main() -> None:
    """Run the command line; see `flow.command_line` for how it ends."""
    # Calling `app` itself would put typer's exception hook in the place of ours, which is silent at Ctrl-C.
    run_command_line(typer.main.get_command(app))
