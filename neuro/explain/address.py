"""Addresses of the numbers in the results document of `mtj-neuro report --json`.

`table_2/write_energy/dmtj/0.85` is the main number of the object with this `id`, `.../paper` another of
its fields, `accuracy_by_epoch/smtj/0.85/physical/mean/14` an element of a list. A number that belongs to no
object with an `id` has its path from the top of the document.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flow.table import UserError

MAIN_FIELDS = ("value", "percent")
"""The field that an `id` alone means, the first of these that the object has."""

Step = str | int


@dataclass(frozen=True)
class Number:
    """One number of the document; the `value` of a main number is None where the document says null.

    `holder` is the innermost object with an `id` around it (else the innermost object), `field` the path from
    there on, `section` the top-level key of the document.
    """

    address: str
    value: float | int | None
    holder: Mapping[str, Any]
    field: tuple[Step, ...]
    section: str


def addresses(document: Mapping[str, Any]) -> dict[str, Number]:
    """Every number of the document by address; of objects that share an `id` the first counts."""
    found: dict[str, Number] = {}
    for section, content in document.items():
        for number in _walk(content, document, (section,), "", section):
            found.setdefault(number.address, number)
    return found


def numbers(document: Mapping[str, Any]) -> dict[str, Number]:
    """Those of `addresses` that have a value."""
    return {text: number for text, number in addresses(document).items() if number.value is not None}


def find(known: Mapping[str, Number], address: str) -> Number:
    """The number of `addresses` at an address. Raises UserError with the nearest that there is."""
    text = address.strip().strip("/")
    if text in known:
        return known[text]
    # The field may be spelt out, also where the id alone means it.
    start, _, field = text.rpartition("/")
    if start in known and known[start].field == (field,):
        return known[start]
    close = difflib.get_close_matches(text, known, n=1, cutoff=0.4)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise UserError(
        f"the report has no such number{hint} (`mtj-neuro explain` alone lists them)", key=address
    )


def _walk(
    content: Any, holder: Mapping[str, Any], path: tuple[Step, ...], name: str, section: str
) -> Iterator[Number]:
    """Numbers below `content`; `path` goes on from the object called `name` (from the top if it is empty)."""
    if isinstance(content, Mapping):
        if isinstance(content.get("id"), str):
            holder, path, name = content, (), content["id"]
        elif not name:
            holder = content
        for key, value in content.items():
            yield from _walk(value, holder, (*path, str(key)), name, section)
    elif isinstance(content, list | tuple):
        for place, value in enumerate(content):
            yield from _walk(value, holder, (*path, place), name, section)
    elif content is None or (isinstance(content, int | float) and not isinstance(content, bool)):
        steps = [name, *map(str, path)] if name else [str(step) for step in path]
        main = bool(name) and path == (_main_field(holder),)
        if main:
            steps = [name]
        elif content is None:
            return
        yield Number("/".join(steps), content, holder, path, section)


def _main_field(holder: Mapping[str, Any]) -> str:
    return next((field for field in MAIN_FIELDS if field in holder), "")
