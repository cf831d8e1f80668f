"""Writing the report: every figure as PNG, SVG and PDF with its caption, and the page.

`files.json` lists what was written, with hashes, so that the next report can take away what it no longer has
and nothing else: a file of another name, or one that somebody changed, stays.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from flow.table import UserError, replace_file
from neuro.report.figures.style import Figure, save
from neuro.report.page import render
from neuro.report.results import Results
from neuro.report.sections import sections

LIST = "files.json"


def write_report(results: Results, directory: Path) -> list[Path]:
    """Write all files; returns their paths, the page last. Raises UserError where it cannot."""
    parts = sections(results)
    figures = [figure for part in parts for figure in part.figures]
    return write_files(figures, lambda: render(results, parts), directory)


def write_files(figures: Iterable[Figure], page: Callable[[], str], directory: Path) -> list[Path]:
    """Figures and the page (made after them); what the last report wrote here and this one does not goes."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        before = _listed(directory)
        paths = [path for figure in figures for path in save(figure, directory)]
        paths.append(directory / "index.html")
        replace_file(paths[-1], page().encode("utf-8"))
        _remove(directory, before, {path.name for path in paths})
        replace_file(directory / LIST, _list_of(paths))
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror or error}", file=directory) from None
    return paths


def _list_of(paths: Iterable[Path]) -> bytes:
    files = {path.name: _digest(path) for path in paths}
    return (json.dumps({"written_by": "mtj-neuro report", "sha256": files}, indent=1) + "\n").encode()


def _listed(directory: Path) -> dict[str, str]:
    """Name -> hash of what an earlier report wrote here; empty where no list says so."""
    try:
        found = json.loads((directory / LIST).read_text(encoding="utf-8"))["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    # The list may have been edited: only plain names in this very folder count.
    return {
        name: str(content)
        for name, content in (found.items() if isinstance(found, dict) else ())
        if name == Path(name).name and name not in ("", ".", "..", LIST)
    }


def _remove(directory: Path, before: dict[str, str], now: set[str]) -> None:
    for name in before.keys() - now:
        path = directory / name
        # A file that could not be read or removed is only left over.
        with contextlib.suppress(OSError):
            if path.is_file() and not path.is_symlink() and _digest(path) == before[name]:
                path.unlink()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
