"""Two bitcell tables against each other: what moved, by how much, and whether beyond its interval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from flow.table import BitcellTable, Quantity

# Without an interval a number is deterministic: what is left is the rounding of another machine.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Change:
    """One quantity before and after; None where it was not there.

    `where` is "cell/variant" or "technology/card". `beyond` says whether the difference exceeds both
    intervals taken together (root of the sum of squares), or rounding where there is none.
    """

    where: str
    name: str
    before: Quantity | None
    after: Quantity | None
    beyond: bool

    @property
    def relative(self) -> float | None:
        """(after - before)/|before|, where both are there and numbers."""
        if self.before is None or self.after is None or self.before.value == 0:
            return None
        moved = (self.after.value - self.before.value) / abs(self.before.value)
        return moved if math.isfinite(moved) else None


@dataclass(frozen=True)
class Comparison:
    """Everything that differs between two tables.

    `inputs` lists input files and tools (as `sha256:PATH`, `tool:NAME`) that differ, the likely causes.
    """

    changes: list[Change] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)

    @property
    def beyond(self) -> list[Change]:
        """The changes that are more than statistical."""
        return [change for change in self.changes if change.beyond]


def compare(before: BitcellTable, after: BitcellTable) -> Comparison:
    """Compare every quantity of two tables; equal ones are left out."""
    comparison = Comparison()
    for where, old, new in _sections(before, after):
        for name in [*old, *(name for name in new if name not in old)]:
            change = _change(where, name, old.get(name), new.get(name))
            if change is not None:
                comparison.changes.append(change)
    keys = sorted(set(before.provenance) | set(after.provenance))
    comparison.inputs.extend(
        key
        for key in keys
        if key.startswith(("sha256:", "tool:")) and before.provenance.get(key) != after.provenance.get(key)
    )
    return comparison


def _sections(
    before: BitcellTable, after: BitcellTable
) -> Iterator[tuple[str, Mapping[str, Quantity], Mapping[str, Quantity]]]:
    for card in sorted({*before.technologies, *after.technologies}):
        yield f"technology/{card}", before.technologies.get(card, {}), after.technologies.get(card, {})
    for cell in sorted({*before.cells, *after.cells}):
        old, new = before.cells.get(cell, {}), after.cells.get(cell, {})
        for variant in sorted({*old, *new}):
            yield (
                f"{cell}/{variant}",
                old[variant].quantities if variant in old else {},
                new[variant].quantities if variant in new else {},
            )


def _change(where: str, name: str, before: Quantity | None, after: Quantity | None) -> Change | None:
    if before is None or after is None:
        return Change(where, name, before, after, beyond=True)
    same_value = before.value == after.value or (math.isnan(before.value) and math.isnan(after.value))
    if same_value and before.status == after.status:
        return None
    if before.status != after.status or not math.isfinite(before.value - after.value):
        return Change(where, name, before, after, beyond=True)
    moved = abs(after.value - before.value)
    reach = math.hypot(_reach(before, after.value), _reach(after, before.value))
    allowed = max(reach, _ROUNDING * max(abs(before.value), abs(after.value)))
    return Change(where, name, before, after, beyond=moved > allowed)


def _reach(quantity: Quantity, towards: float) -> float:
    """Length of the interval on the side of the other value."""
    if quantity.ci_low is None or quantity.ci_high is None:
        return 0.0
    if towards > quantity.value:
        return max(0.0, quantity.ci_high - quantity.value)
    return max(0.0, quantity.value - quantity.ci_low)
