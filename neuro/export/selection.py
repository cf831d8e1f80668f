"""Which bitcells of a table are exported, and what a file says of where they come from."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flow.table import BitcellTable, CellVariant, Quantity, UserError, open_table


@dataclass(frozen=True)
class Selection:
    """Variants of a table: `names` are (cell, variant), in the order of the table."""

    path: Path
    table: BitcellTable
    names: tuple[tuple[str, str], ...]

    def content(self, cell: str, variant: str) -> CellVariant:
        """One of the variants."""
        return self.table.cells[cell][variant]

    @property
    def only(self) -> tuple[str, str, CellVariant]:
        """The single variant. Raises UserError where there are several: its format holds one."""
        if len(self.names) != 1:
            raise UserError(
                f"this format holds one cell: choose with --cell from {_listed(self.names)}", key="--cell"
            )
        cell, variant = self.names[0]
        return cell, variant, self.content(cell, variant)

    def origin(self) -> list[str]:
        """Where the numbers come from, a line each."""
        lines = [f"from the bitcell table {self.path.name}, sha256 {_sha256(self.path)}"]
        for key in ("command", "commit", "platform"):
            if key in self.table.provenance:
                lines.append(f"{key}: {self.table.provenance[key]}")
        return lines


def select(path: Path, wanted: Sequence[str] = ()) -> Selection:
    """The variants NAME or NAME/VARIANT of a table, all without any.

    Raises UserError for a table that cannot be read or holds no such cell or variant.
    """
    table = open_table(path)
    every = tuple((cell, variant) for cell, variants in table.cells.items() for variant in variants)
    if not every:
        raise UserError("the table holds no cells; run `mtj-flow characterize`", file=path)
    for name in wanted:
        if not any(name in (cell, f"{cell}/{variant}") for cell, variant in every):
            raise UserError(f"no cell {name!r}; there are {_listed(every)}", file=path, key="--cell")
    names = tuple(
        (cell, variant)
        for cell, variant in every
        if not wanted or cell in wanted or f"{cell}/{variant}" in wanted
    )
    return Selection(path, table, names)


def quantity(content: CellVariant, name: str, place: str) -> Quantity:
    """A quantity that a format cannot do without. Raises UserError where it has no value."""
    found = content.quantities.get(name)
    if found is None or not math.isfinite(found.value):
        raise UserError("has no value, and the format needs it", key=f"/cells/{place}/{name}")
    return found


def number(value: float) -> str:
    """Twelve significant digits, as in the text formats."""
    return f"{value:.12g}"


def interval(name: str, found: Quantity, factor: float, unit: str) -> str:
    """A sentence with the 95 % interval of a number in the unit of the file; "" where there is none."""
    state = "" if found.ok else f"; status {found.status}"
    if found.ci_low is None or found.ci_high is None:
        return f"{name}{state}: no interval" if state else ""
    low, high = number(factor * found.ci_low), number(factor * found.ci_high)
    return f"{name}: 95 % interval {low} to {high} {unit}{state}"


def _listed(names: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{cell}/{variant}" for cell, variant in names)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
