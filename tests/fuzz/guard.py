"""A canary: no process is started, no connection made, nothing written, while a file is being read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STARTED = frozenset(
    {"os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile"}
    | {"subprocess.Popen", "pty.spawn", "socket.connect", "socket.bind", "socket.sendto"}
)
_CHANGED = frozenset(
    {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"}
    | {"os.chmod", "os.chown", "os.utime", "shutil.copyfile", "shutil.move", "shutil.rmtree"}
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Python's and numba's own caches of compiled code, and matplotlib's of fonts.
_CACHES = (".pyc", ".nbi", ".nbc", ".lock", ".matplotlib-lock")

_seen: list[str] = []
_armed = False


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if not _armed:
        return
    if event in _STARTED or event in _CHANGED:
        if not _ours(arguments):
            _seen.append(f"{event} {arguments!r}"[:300])
    elif event == "open":
        path, _, flags = arguments
        if isinstance(flags, int) and flags & _WRITES and not _ours((path,)):
            _seen.append(f"open for writing: {path!r}")


def _ours(arguments: tuple[object, ...]) -> bool:
    first = str(arguments[0]) if arguments else ""
    return "__pycache__" in first or first.endswith(_CACHES) or ".nbc." in first or ".nbi." in first


sys.addaudithook(_hook)


def snapshot(folder: Path) -> dict[str, object]:
    """Everything below a folder: kind and content."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()))
        elif path.is_file():
            found[name] = path.read_bytes()
        else:
            found[name] = "folder"
    return found


@contextmanager
def nothing_started() -> Iterator[None]:
    """Fails if, inside the block, a process starts, a connection is made or a file opened for writing."""
    global _armed
    _seen.clear()
    _armed = True
    try:
        yield
    finally:
        _armed = False
    assert not _seen, _seen


@contextmanager
def nothing_touched(folder: Path) -> Iterator[None]:
    """The same, and nothing below `folder` changes by any other way."""
    before = snapshot(folder)
    with nothing_started():
        yield
    assert snapshot(folder) == before
