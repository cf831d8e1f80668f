"""Command lines: any values of any options, and files that are not what they should be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer
from hypothesis import strategies as st
from typer.testing import CliRunner

import flow.cli
import neuro.cli
from flow.errors import UserError
from tests.fuzz import material, tables

# Commands that read files and calculate; those that simulate or train meet the same readers.
COMMANDS: dict[tuple[str, str], list[str]] = {
    ("flow", "error-rate"): ["--tolerance"],
    ("flow", "device"): ["--write", "--read", "--longest-write", "--longest-read"],
    ("flow", "explain"): ["--cell", "--variant"],
    ("flow", "compare"): ["--all"],
    ("flow", "check"): [],
    ("neuro", "estimate"): ["--model", "--read-mode", "--samples", "--seed", "--tables"],
    ("neuro", "sweep"): ["--model", "--tables"],
    ("neuro", "truth"): ["--columns"],
}
FILES = ("cases.json", "designs.json", "sweep.json", "device.toml", "table.h5", "nowhere.json", "folder")
_VALUES = st.one_of(
    st.sampled_from(["0", "1", "-1", "0.5", "1e-9", "1e308", "nan", "inf", "", "physical", "row", "10" * 20]),
    st.sampled_from(
        [*FILES, "/dev/null", "../x", "smtj", "r_on", "smtj/0.85/r_on", "$(id)", "a\nb", "\x1b[2J"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
)


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """Package, command and arguments."""
    package, command = draw(st.sampled_from(sorted(COMMANDS)))
    line = draw(
        st.lists(
            st.one_of(st.sampled_from(FILES), _VALUES), min_size=command in ("check", "compare"), max_size=2
        )
    )
    for option in draw(st.lists(st.sampled_from([*COMMANDS[package, command], "--json"]), max_size=3)):
        line += [option] if option in ("--json", "--all") else [option, draw(_VALUES)]
    return [package, command, *line]


def prepare(folder: Path, cases: Any, designs: Any, sweep: Any) -> None:
    """The files that command lines name."""
    (folder / "cases.json").write_text(json.dumps(cases))
    (folder / "designs.json").write_text(json.dumps(designs))
    (folder / "sweep.json").write_text(json.dumps(sweep))
    (folder / "table.h5").write_bytes(tables.base())
    (folder / "device.toml").write_bytes((material.ROOT / "spice/devices/smtj.toml").read_bytes())
    (folder / "folder").mkdir(exist_ok=True)


def outcome(line: list[str]) -> str | None:
    """The error line, or None where the command did its work; anything else is raised.

    Raises whatever is neither a result, nor a `UserError`, nor a wrong use of the command line.
    """
    app: typer.Typer = flow.cli.app if line[0] == "flow" else neuro.cli.app
    done = CliRunner().invoke(app, line[1:])
    error = done.exception
    if isinstance(error, UserError):
        return str(error)
    if error is not None and not isinstance(error, SystemExit):
        raise error
    assert done.exit_code in (0, 1, 2), done.output
    if done.exit_code == 0 and "--json" in line:
        json.loads(done.stdout)
    return None if done.exit_code == 0 else done.output
