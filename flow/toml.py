"""TOML files read into pydantic models; every mistake is told by file, line and key."""

from __future__ import annotations

import contextlib
import difflib
import json
import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from flow.document import read_text
from flow.errors import UserError

Model = TypeVar("Model", bound=BaseModel)

LARGEST_BYTES = 1 << 20

_HEADER = re.compile(r"\s*+\[\[?+(?P<name>[^\[\]]++)\]")
# Possessive, so that a long line without an equals sign costs no more than its length.
_PART = r"(?:\"(?:[^\"\\]|\\.)*+\"|'[^']*+'|[A-Za-z0-9_-]++)"
_KEY = re.compile(rf"[ \t]*+(?P<name>{_PART}(?:[ \t]*+\.[ \t]*+{_PART})*+)[ \t]*+=")


class KeyedError(ValueError):
    """For validators: what is wrong with the key `keys`, counted from the table that is validated."""

    def __init__(self, message: str, *keys: str) -> None:
        super().__init__(message)
        self.keys = keys


def load_toml(path: Path, model: type[Model]) -> Model:
    """Read a TOML file into `model`.

    Raises:
        UserError: the file is missing, is not TOML, or a value does not fit the model; the
            error names file, line and key, and suggests the nearest key for a misspelt one.
    """
    text = read_text(path, most_bytes=LARGEST_BYTES)
    content = parse_toml(text, path)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        # A misspelt key is also a missing one: tell the cause.
        first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
        keys = tuple(str(part) for part in first["loc"])
        message = str(first["msg"]).removeprefix("Value error, ")
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, KeyedError):
            keys += cause.keys
        if first["type"] == "extra_forbidden":
            message = "unknown key" + _suggestion(keys[-1], model)
        elif first["type"] == "missing":
            message = "this key is missing"
        raise UserError(message, file=path, line=line_of(text, keys), key=".".join(keys) or None) from None


def parse_toml(text: str, file: str | Path) -> dict[str, Any]:
    """The TOML document in a text that was read from `file`. Raises UserError naming file and line."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found.group(1)) if found else text.count("\n") + 1
        raise UserError(f"not valid TOML: {error}", file=file, line=line) from None
    except RecursionError:
        raise UserError("is nested too deeply", file=file) from None
    except ValueError:
        # Python reads no integer of more than 4300 digits, and no date that no calendar has.
        raise UserError("holds a number or a date that cannot be", file=file) from None


def line_of(text: str, keys: tuple[str, ...]) -> int | None:
    """Line (from 1) of the dotted key `keys` in a TOML text, or of the nearest table above it."""
    table: tuple[str, ...] = ()
    best: tuple[int, int | None] = (0, None)
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        if header:
            table = _split(header.group("name"))
            here = table
        else:
            key = _KEY.match(line)
            if not key:
                continue
            here = table + _split(key.group("name"))
        shared = 0
        for ours, theirs in zip(here, keys, strict=False):
            if ours != theirs:
                break
            shared += 1
        # A header a.b also makes the table a.
        if shared in (len(here), len(keys)) and shared > best[0]:
            best = (shared, number)
    return best[1]


def _split(name: str) -> tuple[str, ...]:
    return tuple(_unquoted(part) for part in re.findall(_PART, name))


def _unquoted(part: str) -> str:
    if part.startswith('"'):
        # The escapes of a TOML string are those of JSON and one more, for characters beyond 16 bits.
        with contextlib.suppress(ValueError):
            return str(json.loads(part))
    return part.strip("\"'")


def _suggestion(key: str, model: type[BaseModel]) -> str:
    names: set[str] = set()
    pending: list[type[BaseModel]] = [model]
    while pending:
        current = pending.pop()
        for name, field in current.model_fields.items():
            names.add(name)
            inner = field.annotation
            for part in (inner, *getattr(inner, "__args__", ())):
                if isinstance(part, type) and issubclass(part, BaseModel):
                    pending.append(part)
    # The comparison takes time with the square of the length.
    close = difflib.get_close_matches(key[:64], sorted(names), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
