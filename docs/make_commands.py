"""Writes docs/commands.md: the reference of both command lines, made from the commands themselves.

python docs/make_commands.py            # write it
python docs/make_commands.py --check    # exit code 1 if it is not what the commands say
"""

from __future__ import annotations

import inspect
import sys
from enum import Enum
from pathlib import Path
from typing import Any, get_args

PAGE = Path(__file__).with_name("commands.md")

_HEAD = """\
# Commands

Made by `docs/make_commands.py` from the commands themselves; a test keeps it up to date.

Every command takes `--help`. With `--json` it prints one JSON document on stdout and nothing else;
progress and messages go to stderr. The exit code is 0 only on success. A mistake in a file or an option is
one line that names file, line and key (`{"error": ..., "file": ..., "line": ..., "key": ...}` with `--json`).
"""


def page() -> str:
    """The whole page as Markdown."""
    from typer.main import get_command

    from flow.cli import app as flow
    from neuro.cli import app as neuro

    parts = [_HEAD]
    for name, app in (("mtj-flow", flow), ("mtj-neuro", neuro)):
        group: Any = get_command(app)
        parts.append(f"## {name}\n\n{_text(group.help)}\n")
        for command_name in sorted(group.commands):
            parts.append(_command(f"{name} {command_name}", group.commands[command_name]))
    return "\n".join(parts)


def _command(title: str, command: Any) -> str:
    arguments = [item for item in command.params if item.param_type_name == "argument"]
    options = [item for item in command.params if item.param_type_name == "option" and not item.hidden]
    usage = [title, *(["[OPTIONS]"] if options else []), *(_argument(item) for item in arguments)]
    lines = [f"### {title}", "", _text(command.help), "", "```", " ".join(usage), "```", ""]
    rows = [(f"`{_argument(item)}`", item) for item in arguments]
    rows += [(", ".join(f"`{name}`" for name in item.opts), item) for item in options]
    if rows:
        lines += ["| argument or option | takes | default | meaning |", "| --- | --- | --- | --- |"]
        lines += [
            f"| {names} | {_takes(item)} | {_default(item)} | {_cell(item.help)} |" for names, item in rows
        ]
        lines.append("")
    return "\n".join(lines)


def _argument(item: Any) -> str:
    name = (item.metavar or item.name.upper()).strip("[]")
    name += "..." if item.nargs == -1 and not name.endswith("...") else ""
    return name if item.required else f"[{name}]"


def _takes(item: Any) -> str:
    if getattr(item, "is_flag", False):
        return "nothing"
    kind = item.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        # The values, not the Python names of the choices.
        return ", ".join(f"`{choice.value}`" for choice in kind)
    if not isinstance(kind, type):
        kind = next((part for part in get_args(kind) if part is not type(None)), str)
    name = {int: "integer", float: "number", str: "text", Path: "path"}.get(kind, "text")
    low, high = getattr(item, "min", None), getattr(item, "max", None)
    if low is not None and high is not None:
        return f"{name} from {low} to {high}"
    return name if low is None else f"{name} from {low}"


def _default(item: Any) -> str:
    value = item.default() if callable(item.default) else item.default
    value = getattr(value, "value", value)
    if item.required:
        return "required"
    if value is None or value is False or value in ((), []):
        return ""
    return "on" if value is True else f"`{value}`"


def _text(text: str | None) -> str:
    return inspect.cleandoc(text or "").replace("\f", "").strip()


def _cell(text: str | None) -> str:
    return " ".join(_text(text).split()).replace("|", "\\|")


def main() -> None:
    """Write or check the page."""
    wanted = page()
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != wanted:
            raise SystemExit(f"{PAGE} is out of date: run python docs/make_commands.py")
        return
    PAGE.write_text(wanted, encoding="utf-8")


if __name__ == "__main__":
    main()
