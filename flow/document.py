"""Text and JSON from files that may come from anywhere: bounded, and every mistake told by file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flow.errors import UserError

LARGEST_JSON_BYTES = 128 << 20


def read_text(path: Path, *, most_bytes: int) -> str:
    """The UTF-8 text of a file. Raises UserError if there is none, it is too large or no such text."""
    try:
        with path.open("rb") as file:
            # A device file says nothing of its size, so that only reading bounds it.
            data = file.read(most_bytes + 1)
    except FileNotFoundError:
        raise UserError("no such file", file=path) from None
    except OSError as error:
        raise UserError(f"cannot be read: {(error.strerror or str(error)).lower()}", file=path) from None
    if len(data) > most_bytes:
        raise UserError(f"larger than {most_bytes >> 20} MiB", file=path)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"not UTF-8 text (byte 0x{data[error.start]:02x})", file=path, line=line) from None


def load_json(path: str | Path) -> Any:
    """The JSON document of a file. Raises UserError naming file and line."""
    return parse_json(read_text(Path(path), most_bytes=LARGEST_JSON_BYTES), path)


def parse_json(text: str, file: str | Path) -> Any:
    """The JSON document in a text that was read from `file`. Raises UserError naming file and line."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"is not JSON: {error.msg}", file=file, line=error.lineno) from None
    except RecursionError:
        raise UserError("is nested too deeply", file=file) from None
    except ValueError:
        # Python reads no integer of more than 4300 digits: the time grows with their square.
        raise UserError("holds an integer with too many digits", file=file) from None
