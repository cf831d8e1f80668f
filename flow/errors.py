"""The one error a user sees: what is wrong, and where to change it."""

from __future__ import annotations

from pathlib import Path

_LONGEST = 2000


class UserError(Exception):
    """A mistake in a user's input, told in one line that names file, line and key.

    Everything that a user can cause (a netlist, a TOML file, a table, a missing tool)
    is raised as this error; the command line prints it without a traceback and exits
    with code 1. A defect of our own stays an ordinary exception.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        key: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = None if file is None else str(file)
        self.line = line
        self.key = key

    def __str__(self) -> str:
        place = self.file or ""
        if self.line is not None:
            place += f":{self.line}"
        parts = [_shown(part) for part in (place, self.key) if part]
        return ": ".join([*parts, _shown(self.message)])

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders (joblib workers), keyword-only arguments included.
        return (_rebuild, (self.message, self.file, self.line, self.key))

    def as_json(self) -> dict[str, str | int | None]:
        """The error as the JSON document that `--json` prints."""
        return {"error": _shown(self.message), "file": self.file, "line": self.line, "key": self.key}


class BrokenProcessError(Exception):
    """A library of foreign code in this process is broken beyond repair: only a new process helps."""


def _shown(text: str) -> str:
    """On one line of bearable length: names and values out of a foreign file may hold anything."""
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 4] + " ..."
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _rebuild(message: str, file: str | None, line: int | None, key: str | None) -> UserError:
    return UserError(message, file=file, line=line, key=key)
