"""The outer edge of both command lines: however a command ends, people get one line and shells one code."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from flow.errors import BrokenProcessError, UserError
from flow.interrupt import listen, was_interrupted

INTERRUPTED = 130
"""Exit code after Ctrl-C, as a shell gives it."""


def run_command_line(app: Callable[[], object]) -> None:
    """Run `app` to its exit code.

    Code 1 and one line (with `--json` one JSON document) for a `UserError` and for what the system refuses,
    such as a full disk. Code 130 and one line for Ctrl-C. A defect of our own stays a traceback.
    """
    code: int | str | None = 0
    listen()
    try:
        app()
    except UserError as error:
        code = _fail(error)
    except BrokenProcessError as error:
        code = _fail(UserError(str(error)))
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough (`... | head`): no reason to complain.
        code = 1
    except OSError as error:
        code = _fail(UserError(_reason(error), file=error.filename))
    except SystemExit as end:
        code = end.code
    if was_interrupted():
        # Also where foreign code swallowed it and the command came to some end.
        code = INTERRUPTED
    # All is said and written: from here on Ctrl-C ends the process at once, without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if code == INTERRUPTED:
        # typer has made an exit code of Ctrl-C by itself where it came while a command ran.
        _write(sys.stderr, "interrupted; what is finished is kept, start again to go on\n")
    refused = _write(sys.stdout, "")
    if refused is not None and not code:
        code = 1
        if not isinstance(refused, BrokenPipeError):
            _write(sys.stderr, f"error: the output cannot be written: {_reason(refused)}\n")
    raise SystemExit(code)


def _fail(error: UserError) -> int:
    as_json = "--json" in sys.argv[1:]
    if not as_json or _write(sys.stdout, json.dumps(error.as_json()) + "\n") is not None:
        _write(sys.stderr, f"error: {_from_here(error)}\n")
    return 1


def _from_here(error: UserError) -> UserError:
    """The error with its file named as from the working directory, where it lies below it."""
    try:
        file = Path(error.file or "").relative_to(Path.cwd())
    except (ValueError, OSError):
        return error
    return UserError(error.message, file=file, line=error.line, key=error.key)


def _write(stream: TextIO, text: str) -> OSError | None:
    """Write and flush; what went wrong, if anything did."""
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        # The interpreter would try again at its end and complain: let it do so into the void.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return error
    return None


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
