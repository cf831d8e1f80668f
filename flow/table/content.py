"""What a bitcell table holds, apart from how it lies in the file."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flow.table.quantity import KINDS, Quantity, described, quantity_json

SECTIONS = ("samples", "load_lines", "waveforms", "curves")

AttributeValue = str | int | float


@dataclass(frozen=True, eq=False)
class Array:
    """Numbers or words along named dimensions, in SI units.

    An array with one dimension of its own name is that dimension's coordinate. An integer array `status`, or
    `<name>_status` beside the array `<name>`, holds positions in `STATUS_FLAGS`; only where such a flag is
    not 0 may a number be NaN.
    """

    dims: tuple[str, ...]
    values: NDArray[Any]
    unit: str
    long_name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "dims", tuple(self.dims))
        object.__setattr__(self, "values", _canonical(np.asarray(self.values)))


@dataclass
class CellVariant:
    """One characterised variant of a cell, for example one oxide thickness.

    `curves` are error rates of the population against pulse or voltage; older tables have none.
    """

    quantities: dict[str, Quantity] = field(default_factory=dict)
    load_lines: dict[str, Array] = field(default_factory=dict)
    waveforms: dict[str, Array] = field(default_factory=dict)
    samples: dict[str, Array] = field(default_factory=dict)
    curves: dict[str, Array] = field(default_factory=dict)
    attributes: dict[str, AttributeValue] = field(default_factory=dict)


@dataclass
class BitcellTable:
    """The door between the flow and the networks.

    `technologies` maps card name -> quantity name -> Quantity; `cells` maps cell name -> variant (such as
    "0.85") -> CellVariant; `provenance` is text of `flow.provenance`.
    """

    technologies: dict[str, dict[str, Quantity]] = field(default_factory=dict)
    cells: dict[str, dict[str, CellVariant]] = field(default_factory=dict)
    provenance: dict[str, str] = field(default_factory=dict)
    title: str = "Characterised STT-MRAM bitcells"
    history: str = ""
    references: str = ""


def table_json(
    table: BitcellTable, *, cells: Mapping[str, object] | None = None
) -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    """The part `cells` of the JSON document of `characterize`: cell -> variant -> quantity name -> quantity.

    `cells` limits it to these cell names. Quantities come in the order of the registry.
    """
    order = {name: position for position, name in enumerate(KINDS)}
    document: dict[str, dict[str, dict[str, dict[str, object]]]] = {}
    for cell, variants in table.cells.items():
        if cells is not None and cell not in cells:
            continue
        document[cell] = {}
        for variant, content in variants.items():
            feature = content.quantities.get("feature_size")
            size = feature.value if feature is not None and feature.ok else None
            names = sorted(content.quantities, key=lambda name: (order.get(name, len(order)), name))
            document[cell][variant] = {
                name: quantity_json(name, content.quantities[name], size) for name in names
            }
    return document


def digest(table: BitcellTable) -> str:
    """SHA-256 of the content in canonical order: equal content, equal digest, whatever file it came from."""
    sha = hashlib.sha256()

    def add(*texts: str) -> None:
        for text in texts:
            data = text.encode()
            sha.update(struct.pack("<q", len(data)) + data)

    def add_quantities(path: str, quantities: dict[str, Quantity]) -> None:
        for name in sorted(quantities):
            quantity = quantities[name]
            add("quantity", path, name, quantity.unit, quantity.status, described(name, quantity))
            for number in (quantity.value, quantity.ci_low, quantity.ci_high):
                add("none" if number is None else float(number).hex())

    add("root", table.title, table.history, table.references)
    for key in sorted(table.provenance):
        add("provenance", key, table.provenance[key])
    for card in sorted(table.technologies):
        add("technology", card)
        add_quantities(card, table.technologies[card])
    for cell in sorted(table.cells):
        add("cell", cell)
        for variant in sorted(table.cells[cell]):
            content = table.cells[cell][variant]
            add("variant", variant)
            add_quantities(variant, content.quantities)
            for key in sorted(content.attributes):
                value = content.attributes[key]
                if isinstance(value, float):
                    add("attribute", key, "real", float(value).hex())
                else:
                    add("attribute", key, "text" if isinstance(value, str) else "integer", str(value))
            for section in SECTIONS:
                arrays: dict[str, Array] = getattr(content, section)
                for name in sorted(arrays):
                    array = arrays[name]
                    add("array", section, name, array.unit, array.long_name, *array.dims)
                    add(array.values.dtype.kind, str(array.values.shape))
                    if array.values.dtype.kind == "U":
                        add(*array.values.ravel().tolist())
                    else:
                        sha.update(np.ascontiguousarray(array.values).tobytes())
    return sha.hexdigest()


def _canonical(values: NDArray[Any]) -> NDArray[Any]:
    """Little-endian float64, int64, uint64 or str, so that the same content is the same bytes everywhere."""
    kind = values.dtype.kind
    if kind == "f":
        return values.astype("<f8")
    if kind in "ib":
        return values.astype("<i8")
    if kind == "u":
        return values.astype("<u8")
    if kind == "U":
        return values
    raise ValueError(f"an array holds real numbers or text, not {values.dtype}")
