"""Where a number of a table comes from: everything it depends on, and whether that is still the same.

A number is a quantity of a variant or a card, or an element of one of a variant's arrays. Any table will do
that `mtj-flow characterize`, `size` or `column` wrote; `flow/replay.py` makes the number anew.
"""

from __future__ import annotations

import contextlib
import difflib
import math
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flow.deck_command import deck_command
from flow.errors import UserError
from flow.place import TECHNOLOGY, Place
from flow.provenance import Provenance, file_sha256, library_versions
from flow.spec import load_device
from flow.table import STATUS_FLAGS, Array, BitcellTable, CellVariant, Quantity, open_table
from flow.table.content import SECTIONS
from flow.table.quantity import described
from flow.toolchain import tool_versions
from flow.toolchain.project import file_within


@dataclass(frozen=True)
class Input:
    """A file that the number depends on: its hash then, and `state` now: same, changed or missing."""

    file: str
    sha256: str
    state: str


@dataclass(frozen=True)
class Tool:
    """A program or library: its version then and now (empty if it is not there)."""

    name: str
    version: str
    now: str

    @property
    def same(self) -> bool:
        """Whether it is the same version."""
        return self.version == self.now


@dataclass(frozen=True)
class Explanation:
    """Everything about one number; value and interval in SI units.

    `replay` makes it again; `deck`, where there is one, writes a deck with which plain ngspice prints it.
    """

    quantity: str
    value: float | None
    unit: str
    ci_low: float | None
    ci_high: float | None
    status: str
    long_name: str
    facts: Mapping[str, str | int | float]
    inputs: tuple[Input, ...]
    tools: tuple[Tool, ...]
    seeds: Mapping[str, int]
    commit: str
    command: str
    replay: str
    deck: str

    @property
    def changed(self) -> list[str]:
        """Inputs and tools that are not what they were."""
        return _changed(self.inputs, self.tools)

    def as_json(self) -> dict[str, Any]:
        """The JSON document."""
        return {**asdict(self), "unchanged": not self.changed}


def find(
    table: BitcellTable, text: str, *, cell: str | None = None, variant: str | None = None
) -> tuple[Place, Quantity]:
    """The number that `text` means.

    `text` is CELL/VARIANT/QUANTITY, technology/CARD/QUANTITY, CELL/VARIANT/SECTION/ARRAY/COORDINATE/..., or a
    bare name with `cell` and `variant`, which may be left out where only one place has it. Raises UserError
    with what there is instead.
    """
    parts = [part for part in text.strip("/").split("/") if part]
    if parts and parts[0] == "cells":
        parts = parts[1:]
    places = dict(_places(table))
    if len(parts) >= 4 and parts[2] in SECTIONS:
        return _element(table, parts, text)
    if len(parts) == 3 and parts[0] == TECHNOLOGY:
        wanted = [Place(parts[1], "", parts[2])]
    elif len(parts) == 3:
        wanted = [Place(parts[0], parts[1], parts[2])]
    elif len(parts) == 1:
        wanted = [
            place
            for place in places
            if place.name == parts[0] and cell in (None, place.group) and variant in (None, place.variant)
        ]
        if len(wanted) > 1:
            shown = ", ".join(str(place) for place in wanted[:4]) + (", ..." if len(wanted) > 4 else "")
            raise UserError(
                f"several places have it: {shown}; name one, or give --cell and --variant", key=text
            )
    else:
        raise UserError(
            "expected CELL/VARIANT/QUANTITY, technology/CARD/QUANTITY, "
            "CELL/VARIANT/samples/ARRAY/COORDINATE/... or a bare name",
            key=text,
        )
    if len(wanted) == 1 and wanted[0] in places:
        return wanted[0], places[wanted[0]]
    known = [str(place) for place in places] + sorted({place.name for place in places})
    close = difflib.get_close_matches("/".join(parts), known, n=1, cutoff=0.5)
    raise UserError(
        "the table has no such quantity" + (f"; did you mean {close[0]!r}?" if close else ""), key=text
    )


def places_of(table: BitcellTable, owner: str) -> list[Place]:
    """Every quantity of CELL/VARIANT or technology/CARD; empty if there is no such."""
    return [place for place, _ in _places(table) if place.owner == owner.strip("/").removeprefix("cells/")]


def element(content: CellVariant, place: Place) -> Quantity:
    """The element of an array of this variant. Raises UserError where it has none there."""
    arrays: dict[str, Array] = getattr(content, place.section)
    array = arrays.get(place.name)
    if array is None:
        close = difflib.get_close_matches(place.name, arrays, n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UserError(f"there is no such array{hint}", key=str(place))
    if len(place.at) != len(array.dims):
        raise UserError(f"the array goes along {', '.join(array.dims)}: name one of each", key=str(place))
    index = tuple(
        _index(arrays, dim, size, text)
        for dim, size, text in zip(array.dims, array.values.shape, place.at, strict=True)
    )
    value = array.values[index]
    if not isinstance(value, np.number):
        raise UserError("the element is text, no number", key=str(place))
    flags = arrays.get(f"{place.name}_status", arrays.get("status"))
    status = "ok"
    if flags is not None and set(flags.dims) <= set(array.dims):
        at = tuple(index[array.dims.index(dim)] for dim in flags.dims)
        status = STATUS_FLAGS[int(flags.values[at])]
    return Quantity(float(value), array.unit, status=status, long_name=array.long_name)


def _index(arrays: Mapping[str, Array], dim: str, size: int, text: str) -> int:
    """Position along a dimension: by its coordinate where it has one, else by number."""
    coordinate = arrays.get(dim)
    if coordinate is None or coordinate.dims != (dim,):
        if text.isdigit() and int(text) < size:
            return int(text)
        raise UserError(f"along {dim} there are 0 to {size - 1}, not {text!r}", key=dim)
    labels = coordinate.values.tolist()
    for place, label in enumerate(labels):
        if text == str(label) or (not isinstance(label, str) and _close(text, float(label))):
            return place
    shown = ", ".join(str(label) for label in labels[:12]) + (", ..." if len(labels) > 12 else "")
    raise UserError(f"along {dim} there are {shown}, not {text!r}", key=dim)


def _close(text: str, value: float) -> bool:
    try:
        return math.isclose(float(text), value, rel_tol=1e-9, abs_tol=1e-30)
    except ValueError:
        return False


def _element(table: BitcellTable, parts: list[str], text: str) -> tuple[Place, Quantity]:
    cell, variant, section, name = parts[:4]
    content = table.cells.get(cell, {}).get(variant)
    if content is None:
        known = ", ".join(f"{name}/{one}" for name, variants in table.cells.items() for one in variants)
        raise UserError(f"the table has no such variant; it has {known}", key=text)
    place = Place(cell, variant, name, section, tuple(parts[4:]))
    return place, element(content, place)


def explain(
    root: Path, file: Path, text: str, *, cell: str | None = None, variant: str | None = None
) -> Explanation:
    """Explain one number of the table `file`; the other arguments are those of `find`.

    Raises UserError where the table cannot be read or has no such quantity.
    """
    table = open_table(file)
    with concerning(file):
        place, quantity = find(table, text, cell=cell, variant=variant)
        provenance = Provenance.from_dict(table.provenance)
    content = variant_at(table, place)
    return Explanation(
        quantity=str(place),
        value=finite(quantity.value),
        unit=quantity.unit,
        ci_low=quantity.ci_low,
        ci_high=quantity.ci_high,
        status=quantity.status,
        long_name=described(place.name, quantity),
        facts={} if content is None else dict(content.attributes),
        inputs=tuple(_inputs(root, table, place, provenance)),
        tools=_tools(provenance),
        seeds=provenance.seeds,
        commit=provenance.commit,
        command=provenance.command,
        replay=shlex.join(["mtj-flow", "replay", str(file), str(place)]),
        deck=_deck(file, provenance, place, content),
    )


def _deck(file: Path, provenance: Provenance, place: Place, content: CellVariant | None) -> str:
    """Variants of other tables, designs and columns, are none that the project's files describe."""
    if content is None or not provenance.command.startswith("mtj-flow characterize"):
        return ""
    return deck_command(file, place, content)


def changes(root: Path, table: BitcellTable, place: Place) -> list[str]:
    """Inputs and tools of a place that are not what they were."""
    provenance = Provenance.from_dict(table.provenance)
    return _changed(_inputs(root, table, place, provenance), _tools(provenance))


def _changed(inputs: Iterable[Input], tools: Iterable[Tool]) -> list[str]:
    files = [f"{item.file} ({item.state})" for item in inputs if item.state != "same"]
    return files + [f"{tool.name} {tool.version} -> {tool.now}" for tool in tools if not tool.same]


def _tools(provenance: Provenance) -> tuple[Tool, ...]:
    now = {**library_versions(), **tool_versions()}
    return tuple(Tool(name, text, now.get(name, "")) for name, text in provenance.tools.items())


def _places(table: BitcellTable) -> Iterator[tuple[Place, Quantity]]:
    for cell, variants in table.cells.items():
        for variant, content in variants.items():
            for name, quantity in content.quantities.items():
                yield Place(cell, variant, name), quantity
    for card, quantities in table.technologies.items():
        for name, quantity in quantities.items():
            yield Place(card, "", name), quantity


def variant_at(table: BitcellTable, place: Place) -> CellVariant | None:
    """The variant that a place belongs to; None for a card."""
    return None if place.is_technology else table.cells[place.group][place.variant]


def _inputs(root: Path, table: BitcellTable, place: Place, provenance: Provenance) -> Iterator[Input]:
    """The recorded inputs without those of other cells, devices and cards."""
    content = variant_at(table, place)
    own = {
        "spice/bitcells": place.group,
        "spice/devices": str(content.attributes.get("device", "")) if content else "",
        "spice/models": str(content.attributes.get("card", "")) if content else place.group,
    }
    other_models = _models_of_other_devices(root, own["spice/devices"])
    for name, sha256 in provenance.inputs.items():
        path = Path(name)
        if name in other_models:
            continue
        wanted = own.get(path.parent.as_posix())
        if place.is_technology and path.parts[:1] == ("veriloga",):
            continue
        if wanted is not None and path.stem != wanted and (wanted or place.is_technology):
            continue
        yield Input(name, sha256, _state(root, name, sha256))


def _state(root: Path, name: str, sha256: str) -> str:
    """Of an input now."""
    if Path(name).parts[:1] == ("external",):
        return "missing"
    try:
        place = file_within(root, name)
        if place is None:
            return "missing"
        return "same" if file_sha256(place) == sha256 else "changed"
    except (UserError, OSError):
        return "missing"


def _models_of_other_devices(root: Path, device: str) -> frozenset[str]:
    """Verilog-A modules that the device does not use; none where its file cannot tell any more."""
    if Path(device).name != device:
        return frozenset()
    try:
        kind = load_device(root / "spice" / "devices" / f"{device}.toml").kind
    except UserError:
        return frozenset()
    return frozenset(f"veriloga/{other}.va" for other in ("smtj", "dmtj") if other != kind)


def finite(value: float) -> float | None:
    """The number, or None for what JSON cannot hold."""
    return float(value) if math.isfinite(value) else None


@contextlib.contextmanager
def concerning(file: Path) -> Iterator[None]:
    """Errors inside concern the table `file`."""
    try:
        yield
    except UserError as error:
        raise UserError(error.message, file=error.file or file, line=error.line, key=error.key) from None
