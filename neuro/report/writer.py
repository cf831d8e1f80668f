"""Writing the report: every figure as PNG and SVG with its caption, and the page."""

from __future__ import annotations

from pathlib import Path

from flow.table import UserError, replace_file
from neuro.report.figures.style import save
from neuro.report.page import render
from neuro.report.results import Results
from neuro.report.sections import sections


def write_report(results: Results, directory: Path) -> list[Path]:
    """Write all files; returns their paths, the page last. Raises UserError where it cannot."""
    parts = sections(results)
    page = directory / "index.html"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        paths = [path for part in parts for figure in part.figures for path in save(figure, directory)]
        replace_file(page, render(results, parts).encode("utf-8"))
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror or error}", file=directory) from None
    return [*paths, page]
