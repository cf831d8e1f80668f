"""Ctrl-C, remembered: foreign code may swallow it, and what is made after that must not pass for a result.

An interrupt can come while compiled code of a library calls back into Python; some of it prints the exception
and goes on with its work half done (scipy's Sobol points, for one). So the key is noted when it comes, and
whoever writes a file or waits for workers asks.
"""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType, TracebackType

_asked = threading.Event()


def listen() -> None:
    """From now on note Ctrl-C before it is raised; call it once, in the main thread of a program."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _note)
    # What was swallowed is printed by those who swallow it; we tell it ourselves.
    sys.excepthook = _excepthook
    sys.unraisablehook = _unraisablehook


def was_interrupted() -> bool:
    """Whether Ctrl-C was pressed."""
    return _asked.is_set()


def raise_if_interrupted() -> None:
    """Raise KeyboardInterrupt (again) once Ctrl-C was pressed."""
    if was_interrupted():
        raise KeyboardInterrupt


def _note(number: int, frame: FrameType | None) -> None:
    _asked.set()
    signal.default_int_handler(number, frame)


def _excepthook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)


def _unraisablehook(found: sys.UnraisableHookArgs) -> None:
    if not issubclass(found.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(found)
