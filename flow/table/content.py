"""What a bitcell table holds, apart from how it lies in the file."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flow.table.quantity import KINDS, STATUS_FLAGS, Quantity, quantity_json

SECTIONS = ("samples", "load_lines", "waveforms")
PARTS = ("_ci_low", "_ci_high", "_status")

_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*\Z")

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
    """One characterised variant of a cell, for example one oxide thickness."""

    quantities: dict[str, Quantity] = field(default_factory=dict)
    load_lines: dict[str, Array] = field(default_factory=dict)
    waveforms: dict[str, Array] = field(default_factory=dict)
    samples: dict[str, Array] = field(default_factory=dict)
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


def is_status(name: str) -> bool:
    """Whether an array of this name holds status flags."""
    return name == "status" or name.endswith("_status")


def dimensions(arrays: Mapping[str, Array]) -> dict[str, int]:
    """Length of every dimension of a group of arrays, in alphabetical order; ValueError where they disagree."""
    lengths: dict[str, int] = {}
    for name in sorted(arrays):
        array = arrays[name]
        for dim, length in zip(array.dims, array.values.shape, strict=False):
            if lengths.setdefault(dim, length) != length:
                raise ValueError(
                    f"dimension {dim} has length {length} in {name} but {lengths[dim]} elsewhere"
                )
    return dict(sorted(lengths.items()))


def problems(table: BitcellTable) -> Iterator[tuple[str, str]]:
    """Every breach of the schema as (HDF5 path, what is wrong)."""
    for name, text in (("title", table.title), ("history", table.history), ("references", table.references)):
        yield from _text_problems("/", name, text)
    for key, text in table.provenance.items():
        if not key:
            yield "/provenance", "empty key"
        yield from _text_problems("/provenance", key, text)
    for card, quantities in table.technologies.items():
        path = f"/technology/{card}"
        yield from _name_problems(path, card, _GROUP)
        yield from _quantity_problems(path, quantities)
    for cell, variants in table.cells.items():
        yield from _name_problems(f"/cells/{cell}", cell, _GROUP)
        for variant, content in variants.items():
            path = f"/cells/{cell}/{variant}"
            yield from _name_problems(path, variant, _GROUP)
            yield from _quantity_problems(path, content.quantities)
            for section in SECTIONS:
                yield from _array_problems(f"{path}/{section}", getattr(content, section))
            for key, value in content.attributes.items():
                yield from _name_problems(f"{path}@{key}", key, _VARIABLE)
                yield from _attribute_problems(path, key, value)


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
                add(
                    "attribute",
                    key,
                    type(value).__name__,
                    value.hex() if isinstance(value, float) else str(value),
                )
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


def described(name: str, quantity: Quantity) -> str:
    """The long name of a quantity: its own, else the registry's."""
    kind = KINDS.get(name)
    return quantity.long_name or ("" if kind is None else kind.long_name)


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


def _text_problems(path: str, name: str, text: object) -> Iterator[tuple[str, str]]:
    if not isinstance(text, str):
        yield path, f"attribute {name} is not text"
        return
    try:
        (name + text).encode()
    except UnicodeEncodeError:
        yield path, f"attribute {name!r} is not valid Unicode"
    if "\0" in name + text:
        yield path, f"attribute {name!r} holds a NUL character"


def _name_problems(path: str, name: str, pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    if not pattern.match(name) or len(name) > 128:
        yield (
            path,
            f"{name[:128]!r} is not a usable name: letters, digits, '_' (in group names also '.', '+', '-')",
        )


def _attribute_problems(path: str, key: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        yield path, f"attribute {key} is neither text nor a number"
    elif isinstance(value, str):
        yield from _text_problems(path, key, value)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        yield path, f"attribute {key} does not fit 64 bits"


def _quantity_problems(path: str, quantities: dict[str, Quantity]) -> Iterator[tuple[str, str]]:
    for name, quantity in quantities.items():
        key = f"{path}/{name}"
        yield from _name_problems(key, name, _VARIABLE)
        if name in SECTIONS or name.endswith(PARTS):
            yield key, f"the name {name!r} is reserved"
        kind = KINDS.get(name)
        if kind is not None and quantity.unit != kind.unit:
            yield key, f"unit {quantity.unit!r}, where {name} needs {kind.unit!r}"
        if not quantity.unit:
            yield key, "no unit (a plain number has the unit '1')"
        if not described(name, quantity):
            yield key, "no long_name"
        yield from _text_problems(key, "units", quantity.unit)
        yield from _text_problems(key, "long_name", quantity.long_name)


def _array_problems(path: str, arrays: dict[str, Array]) -> Iterator[tuple[str, str]]:
    for name, array in arrays.items():
        key = f"{path}/{name}"
        yield from _name_problems(key, name, _VARIABLE)
        for dim in array.dims:
            yield from _name_problems(f"{path}/{dim}", dim, _VARIABLE)
        if len(array.dims) != array.values.ndim or len(set(array.dims)) != len(array.dims):
            yield key, f"dimensions {array.dims} do not fit the shape {array.values.shape}"
            return
        if not array.unit:
            yield key, "no unit (a plain number has the unit '1')"
        if not array.long_name:
            yield key, "no long_name"
        yield from _text_problems(key, "units", array.unit)
        yield from _text_problems(key, "long_name", array.long_name)
        if array.values.dtype.kind == "U":
            for text in array.values.ravel().tolist():
                yield from _text_problems(key, "", text)
    try:
        lengths = dimensions(arrays)
    except ValueError as error:
        yield path, str(error)
        return
    for dim in lengths:
        if dim in arrays and arrays[dim].dims != (dim,):
            yield f"{path}/{dim}", "has the name of a dimension but is not its coordinate"
    for name, array in arrays.items():
        yield from _status_problems(f"{path}/{name}", name, array, arrays)


def _status_problems(
    key: str, name: str, array: Array, arrays: dict[str, Array]
) -> Iterator[tuple[str, str]]:
    if is_status(name):
        flags = array.values
        if flags.dtype.kind not in "iu":
            yield key, "status flags are integers"
        elif flags.size and not (flags.min() >= 0 and flags.max() < len(STATUS_FLAGS)):
            yield key, f"status flags lie between 0 and {len(STATUS_FLAGS) - 1}"
        return
    if array.values.dtype.kind != "f":
        return
    silent = ~np.isfinite(array.values)
    for flags_name in (f"{name}_status", "status"):
        flags_array = arrays.get(flags_name)
        if flags_array is not None and set(flags_array.dims) <= set(array.dims):
            silent &= _spread(flags_array, array) == 0
    if silent.any():
        place = ", ".join(str(int(i)) for i in np.argwhere(silent)[0])
        yield key, f"{int(silent.sum())} values are not finite though their status is ok, first at [{place}]"


def _spread(flags: Array, over: Array) -> NDArray[Any]:
    """The flags transposed and broadcast to the shape of the array they describe."""
    order = [flags.dims.index(dim) for dim in over.dims if dim in flags.dims]
    shape = [
        length if dim in flags.dims else 1 for dim, length in zip(over.dims, over.values.shape, strict=True)
    ]
    return np.broadcast_to(flags.values.transpose(order).reshape(shape), over.values.shape)
