"""The report as one HTML page that needs nothing else: no script, no request, figures inside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from neuro.report.figures.style import inline_svg
from neuro.report.results import Results
from neuro.report.sections.section import Section


def render(results: Results, parts: Sequence[Section]) -> str:
    """The page as text; every text from a table, a trace or a file is escaped."""
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Drawn by us, not written by a user: the only text that is not escaped.
    drawings = {figure.name: Markup(inline_svg(figure)) for part in parts for figure in part.figures}
    return environment.get_template("page.html.j2").render(
        title="MTJ synaptic cores beside the published ones",
        parts=parts,
        drawings=drawings,
        unexplained=len(results.unexplained),
        violated=sum(row.verdict == "fail" for row in results.specification),
    )
