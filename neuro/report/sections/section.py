"""What a part of the page is made of; the template turns it into HTML and escapes every text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from neuro.report.comparison import Comparison, shown, shown_deviation, shown_measured
from neuro.report.figures.style import Figure


@dataclass(frozen=True)
class Cell:
    """One entry of a table: text, and its kind: "text", "number", "far" (beyond the limit), "failed",
    "faint"; or "group", the only entry of a row that heads those below it. `address` is that of the number in
    the results document, which `mtj-neuro explain` takes.
    """

    text: str
    kind: str = "number"
    address: str = ""


@dataclass(frozen=True)
class PageTable:
    """A table with a head; the first column of every row is its heading. `note` stands below it."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


@dataclass(frozen=True)
class Explanation:
    """Numbers that share their reasons; `reasons` is empty where nobody has explained them."""

    numbers: Sequence[str]
    reasons: Sequence[str]
    sources: Sequence[str] = ()


@dataclass(frozen=True)
class Section:
    """One part of the page: paragraphs, tables, explanations, figures and their numbers, in this order."""

    anchor: str
    title: str
    text: Sequence[str] = ()
    tables: Sequence[PageTable] = ()
    explanations: Sequence[Explanation] = ()
    figures: Sequence[Figure] = field(default_factory=list)
    appendix: Sequence[PageTable] = ()


def heading(text: str) -> Cell:
    """The heading of a row."""
    return Cell(text, "text")


def comparison_cells(row: Comparison | None, *, with_paper: bool = True) -> list[Cell]:
    """[measured, paper, deviation] of a comparison; without `paper` if it stands elsewhere in the row."""
    if row is None:
        return [Cell("–", "faint")] * (3 if with_paper else 2)
    measured = Cell(shown_measured(row.measured) + (" *" if row.given else ""), address=row.id)
    far = "far" if row.needs_reason else "number"
    away = "" if row.deviation_percent is None else f"{row.id}/deviation_percent"
    deviation = Cell(shown_deviation(row.deviation_percent), far, away)
    paper = Cell("", "faint") if row.paper is None else Cell(shown(row.paper), "faint", f"{row.id}/paper")
    return [measured, paper, deviation] if with_paper else [measured, deviation]
