"""CSV, one quantity a line, SI units: `pandas.read_csv(file, comment="#", dtype={"variant": str})`."""

from __future__ import annotations

import csv
import io

from flow.table import UserError
from neuro.export.rows import COLUMNS, LEFT_OUT, TEXT, Row, rows
from neuro.export.selection import Selection


def write(selection: Selection) -> str:
    """The lines of every selected variant; numbers with all their digits, an empty field for none."""
    text = io.StringIO()
    for line in [
        "bitcells, written by mtjflow; SI units; ci_low and ci_high are the ends of the 95 % interval",
        *selection.origin(),
        "What this format cannot hold, and is left out:",
        *(f"  {left_out}" for left_out in LEFT_OUT),
    ]:
        text.write(f"# {line}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows(selection):
        writer.writerow(
            "" if value is None else value if isinstance(value, str) else repr(float(value))
            for value in vars(row).values()
        )
    return text.getvalue()


def read(text: str) -> list[Row]:
    """The rows again. Raises UserError for other columns or a bad number."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    found = []
    for place, fields in enumerate(csv.DictReader(lines), start=2):
        if set(fields) != set(COLUMNS):
            raise UserError(f"expected the columns {', '.join(COLUMNS)}", line=place)
        try:
            numbers = {
                name: float(fields[name]) if fields[name] else None for name in COLUMNS if name not in TEXT
            }
        except ValueError:
            raise UserError("a number cannot be read", line=place) from None
        found.append(Row(**{name: fields[name] for name in TEXT}, **numbers))  # type: ignore[arg-type]
    return found
