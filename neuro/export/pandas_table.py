"""A table for pandas without pickle: JSON with a Table Schema, `pandas.read_json(file, orient="table")`.

Numbers have all their digits; pandas reads them to the last one with `precise_float=True`. What stands beside
`schema` and `data` is passed over by pandas and holds the origin.
"""

from __future__ import annotations

import json

from flow.table import UserError
from neuro.export.rows import COLUMNS, LEFT_OUT, TEXT, Row, rows
from neuro.export.selection import Selection

_MEANING = {
    "value": "SI units, see unit; null: no value",
    "ci_low": "lower end of the 95 % interval",
    "ci_high": "upper end of the 95 % interval",
    "status": "ok, or what the number is",
}
# The version of the schema that pandas writes itself; without it, pandas takes the file for an older one.
_PANDAS = "1.4.0"


def write(selection: Selection) -> str:
    """The table of every selected variant."""
    fields = [
        {
            "name": name,
            "type": "string" if name in TEXT else "number",
            **({"description": _MEANING[name]} if name in _MEANING else {}),
        }
        for name in COLUMNS
    ]
    document = {
        "schema": {"fields": fields, "pandas_version": _PANDAS},
        "data": [vars(row) for row in rows(selection)],
        "origin": selection.origin(),
        "left_out": list(LEFT_OUT),
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def read(text: str) -> list[Row]:
    """The rows again. Raises UserError for a file that is none of ours."""
    try:
        return [Row(**row) for row in json.loads(text)["data"]]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"is no table of rows: {error}") from None
