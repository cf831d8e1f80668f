"""Which cells meet the limits of their files."""

from __future__ import annotations

from neuro.report.comparison import shown, shown_measured
from neuro.report.results import Results
from neuro.report.sections.section import Cell, PageTable, Section, heading
from neuro.report.specification import count

_NONE = (
    "The table holds no limits: it was made by an older version. `mtj-flow characterize` stores them beside "
    "the results and simulates nothing anew.",
)
_WORDS = {"pass": "✓ pass", "fail": "✗ FAIL", "not measured": "? not measured"}


def section(results: Results) -> Section:
    """Value, limit, margin and verdict of every limit of every cell variant in the table."""
    rows = results.specification
    if not rows:
        return Section("specification", "Limits: pass or fail", _NONE)
    number = count(rows)
    lines: list[list[Cell]] = []
    last = None
    for row in rows:
        if (row.cell, row.variant) != last:
            last = (row.cell, row.variant)
            lines.append([Cell(f"{row.cell}, {row.variant} nm", "group")])
        unit = "" if row.unit == "1" else f" ({row.unit})"
        margin = row.margin_percent
        lines.append(
            [
                heading(row.label + unit),
                Cell(_WORDS[row.verdict], "number" if row.verdict == "pass" else "failed"),
                Cell("–", "faint")
                if row.measured is None
                else Cell(shown_measured(row.measured), address=row.id),
                Cell(shown(row.limit), "faint", f"{row.id}/limit"),
                Cell("–", "faint")
                if margin is None
                else Cell(_percent(margin), address=f"{row.id}/margin_percent"),
            ]
        )
    text = [
        f"{len(rows)} limits of the cells' files, as they stood when the table was made: {number['pass']} "
        f"are met, {number['fail']} are violated"
        + (f", {number['not measured']} could not be checked." if number["not measured"] else ".")
    ]
    note = (
        "Margin: what is left, in per cent of the limit. Error rates are means over the population at the "
        "stored voltages, which are solved to meet the limit, so 0 % is what a good cell has there; what has "
        "a margin is the voltage. A limit is violated where the whole 95 % interval lies above it."
    )
    table = PageTable("Limits", ("", "verdict", "value", "limit", "margin"), lines, note)
    return Section("specification", "Limits: pass or fail", text, [table])


def _percent(number: float) -> str:
    return "0.0 %" if abs(number) < 0.05 else f"{number:+.1f} %"
