"""Every cell variant of the table against the limits of its cell file, as the table holds them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flow.table import BitcellTable, CellVariant
from neuro.report.comparison import Measured, finite, number_id

Verdict = Literal["pass", "fail", "not measured"]

# Quantity, its limit in the table, label, unit.
_RULES = (
    ("wer_0to1", "wer_limit", "write error rate 0 → 1", "1"),
    ("wer_1to0", "wer_limit", "write error rate 1 → 0", "1"),
    ("rdr", "rdr_limit", "read disturb rate", "1"),
    ("write_voltage_0to1", "write_voltage_limit", "write voltage 0 → 1", "V"),
    ("write_voltage_1to0", "write_voltage_limit", "write voltage 1 → 0", "V"),
    ("read_voltage", "read_voltage_limit", "read voltage", "V"),
)
# The voltages are solved for the error rates, which meet their limit to the solver's tolerance.
_SOLVED = 1e-3


@dataclass(frozen=True, slots=True)
class Limited:
    """One figure of one cell variant and the most that its cell file allows; `measured` is None without it.

    `names` are the quantities of the table: the figure and its limit.
    """

    cell: str
    variant: str
    quantity: str
    label: str
    unit: str
    measured: Measured | None
    limit: float
    names: tuple[str, str]

    @property
    def id(self) -> str:
        """Address of the number, as `mtj-neuro explain` takes it."""
        return number_id("specification", self.cell, self.variant, self.quantity)

    @property
    def margin_percent(self) -> float | None:
        """How far below the limit, in per cent of the limit; negative beyond it."""
        return None if self.measured is None else 100.0 * (1.0 - self.measured.value / self.limit)

    @property
    def verdict(self) -> Verdict:
        """Fails where the value is above the limit, and its whole interval where it has one."""
        if self.measured is None:
            return "not measured"
        low = self.measured.value if self.measured.low is None else self.measured.low
        return "fail" if low > self.limit * (1.0 + _SOLVED) else "pass"

    def as_json(self) -> dict[str, Any]:
        """The row as a JSON object."""
        found = self.measured
        return {
            "id": self.id,
            "cell": self.cell,
            "variant": self.variant,
            "quantity": self.quantity,
            "unit": self.unit,
            "value": None if found is None else finite(found.value),
            "ci_low": None if found is None else finite(found.low),
            "ci_high": None if found is None else finite(found.high),
            "limit": self.limit,
            "margin_percent": finite(self.margin_percent),
            "verdict": self.verdict,
            "sources": [f"table:{self.cell}/{self.variant}/{name}" for name in self.names],
        }


def specification(table: BitcellTable) -> list[Limited]:
    """Every limit of every variant; empty for a table from before limits were stored in it."""
    return [
        row
        for cell, variants in sorted(table.cells.items())
        for variant in sorted(variants, reverse=True)
        for row in _limited(cell, variant, variants[variant])
    ]


def _limited(cell: str, variant: str, content: CellVariant) -> list[Limited]:
    rows = []
    for quantity, limit, label, unit in _RULES:
        bound = content.quantities.get(limit)
        if bound is not None and bound.ok:
            found = _measured(content, quantity)
            rows.append(Limited(cell, variant, quantity, label, unit, found, bound.value, (quantity, limit)))
    return rows


def _measured(content: CellVariant, name: str) -> Measured | None:
    found = content.quantities.get(name)
    if found is None or not math.isfinite(found.value):
        return None
    return Measured(found.value, found.ci_low, found.ci_high)


def count(rows: list[Limited]) -> Mapping[Verdict, int]:
    """Rows by verdict."""
    verdicts: tuple[Verdict, ...] = ("pass", "fail", "not measured")
    return {verdict: sum(row.verdict == verdict for row in rows) for verdict in verdicts}
