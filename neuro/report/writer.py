"""Writing the report: every figure as PNG and SVG with its caption, and the page."""

from __future__ import annotations

from pathlib import Path

from flow.table import UserError
from neuro.report.figures import all_figures
from neuro.report.figures.style import save
from neuro.report.results import Results


def write_report(results: Results, directory: Path) -> list[Path]:
    """Write all files; returns their paths. Raises UserError where it cannot."""
    figures = all_figures(results)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return [path for figure in figures for path in save(figure, directory)]
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror or error}", file=directory) from None
