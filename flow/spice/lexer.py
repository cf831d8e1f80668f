"""Lines and tokens of a SPICE file, read as strictly as ngspice reads them loosely.

Wherever ngspice could take a line for more than circuit text (a comment that is a command, a line end that
joins lines, a character that only its command interpreter knows), the line is refused here.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flow.errors import UserError

LARGEST_FILE_BYTES = 4 << 20
LONGEST_LINE = 8192
LONGEST_STATEMENT = 262144

_TOKEN = re.compile(
    r"[\s,]*(?:(?P<string>\"[^\"]*\")"
    r"|(?P<expression>'[^']*'|\{[^{}]*\})"
    r"|(?P<sign>[=()])"
    r"|(?P<word>[A-Za-z0-9_.#!:<>\[\]+\-*/^]+))",
    re.ASCII,
)
_COMMENT = re.compile(r"[;]|(?<=[ \t,])\$|//")


@dataclass(frozen=True)
class Token:
    """A word, a sign ("=", "(", ")"), an expression or a quoted string, these without their brackets.

    `text` is in lower case, `raw` as written.
    """

    kind: str
    text: str
    line: int
    raw: str = ""


@dataclass(frozen=True)
class Statement:
    """One line of SPICE with its continuations joined and its comments gone."""

    text: str
    file: Path
    line: int
    # Offset into `text` and line number of each physical line.
    origins: tuple[tuple[int, int], ...]

    def fail(self, message: str, *, line: int | None = None, key: str | None = None) -> UserError:
        """The error that names this place."""
        return UserError(message, file=self.file, line=self.line if line is None else line, key=key)

    def line_at(self, offset: int) -> int:
        """The line of the file on which the character at `offset` of `text` stands."""
        return self.origins[bisect_right(self.origins, (offset, 1 << 62)) - 1][1]

    def tokens(self) -> list[Token]:
        """The tokens; raises UserError at a character that no circuit line needs."""
        tokens = []
        position, end = 0, len(self.text.rstrip(" \t,"))
        while position < end:
            match = _TOKEN.match(self.text, position)
            if match is None:
                rest = self.text[position:].lstrip(" \t,")
                line = self.line_at(end - len(rest.rstrip(" \t,")))
                if rest[0] in "\"'{":
                    raise self.fail(f"{rest[0]} is never closed, or holds another", line=line)
                raise self.fail(f"character {rest[0]!r} is not allowed in a circuit line", line=line)
            kind = str(match.lastgroup)
            raw = match[kind]
            if kind in ("string", "expression"):
                raw = raw[1:-1].strip()
            tokens.append(Token(kind, raw.lower(), self.line_at(match.start(kind)), raw))
            position = match.end()
        return tokens


def statements(path: Path) -> Iterator[Statement]:
    """The statements of the file in order. Raises UserError for anything that is not plain circuit text."""
    text, origins, length = [""], [(0, 0)], 0
    started = False
    for number, content in _lines(path):
        if content.startswith("+"):
            if not started:
                raise UserError("continuation of nothing", file=path, line=number)
            origins.append((length + 1, number))
            text.append(content[1:])
            length += len(content)
            if length > LONGEST_STATEMENT:
                raise UserError(
                    f"statement longer than {LONGEST_STATEMENT} characters", file=path, line=number
                )
            continue
        if started:
            yield Statement(" ".join(text), path, origins[0][1], tuple(origins))
        text, origins, length, started = [content], [(0, number)], len(content), True
    if started:
        yield Statement(" ".join(text), path, origins[0][1], tuple(origins))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Line number and circuit text of every line that has some."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise UserError(f"cannot be read: {(error.strerror or str(error)).lower()}", file=path) from error
    if len(data) > LARGEST_FILE_BYTES:
        raise UserError(f"larger than {LARGEST_FILE_BYTES >> 20} MiB", file=path)
    # Split as ngspice does, at newlines only: Python's splitlines knows more line ends.
    for number, raw in enumerate(data.split(b"\n"), start=1):
        content = _circuit_text(raw.removesuffix(b"\r"), path, number)
        if content:
            yield number, content


def _circuit_text(raw: bytes, path: Path, number: int) -> str:
    def fail(message: str) -> UserError:
        return UserError(message, file=path, line=number)

    if len(raw) > LONGEST_LINE:
        raise fail(f"line longer than {LONGEST_LINE} bytes")
    try:
        line = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise fail(f"not UTF-8 text (byte 0x{raw[error.start]:02x})") from None
    control = next((char for char in line if char != "\t" and (ord(char) < 32 or ord(char) == 127)), None)
    if control is not None:
        raise fail(f"control character 0x{ord(control):02x}")
    if line.rstrip().endswith("\\"):
        raise fail("a backslash at the end joins lines; use '+' at the start of the next line")
    content = line.strip(" \t")
    if content.startswith("*"):
        # ngspice runs "*#" lines as commands and takes a file that starts with "*ng_script" for a script.
        if content.startswith("*#") or content.lower().startswith("*ng_script"):
            raise fail(f"{content.split()[0]!r} is a command to the simulator, not a comment")
        return ""
    comment = _COMMENT.search(content)
    if comment is not None:
        content = content[: comment.start()].rstrip(" \t")
    strange = next((char for char in content if not char.isascii()), None)
    if strange is not None:
        raise fail(f"character {strange!r} outside a comment")
    return content
