"""The numbers of a table as rows: what the CSV file and the pandas table have in common."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from flow.table import Quantity
from neuro.export.selection import Selection

COLUMNS = ("cell", "variant", "quantity", "value", "unit", "ci_low", "ci_high", "status")
TEXT = ("cell", "variant", "quantity", "unit", "status")

LEFT_OUT = (
    "load lines, waveforms and the samples of the population",
    "the attributes of a variant (card, corner, device, statistics)",
    "long names of the quantities",
)


@dataclass(frozen=True)
class Row:
    """One quantity in SI units; a number is None where there is none.

    Quantities of a transistor card have the cell `technology` and the card as variant.
    """

    cell: str
    variant: str
    quantity: str
    value: float | None
    unit: str
    ci_low: float | None
    ci_high: float | None
    status: str


def rows(selection: Selection) -> Iterator[Row]:
    """Every quantity of the selected variants, then of their cards."""
    cards: dict[str, None] = {}
    for cell, variant in selection.names:
        content = selection.content(cell, variant)
        cards[str(content.attributes.get("card", ""))] = None
        for name, found in content.quantities.items():
            yield _row(cell, variant, name, found)
    for card in cards:
        for name, found in selection.table.technologies.get(card, {}).items():
            yield _row("technology", card, name, found)


def _row(cell: str, variant: str, name: str, found: Quantity) -> Row:
    value = found.value if math.isfinite(found.value) else None
    return Row(cell, variant, name, value, found.unit, found.ci_low, found.ci_high, found.status)
