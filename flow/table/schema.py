"""The rules that every bitcell table keeps, whoever made it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flow.table.content import SECTIONS, Array, BitcellTable
from flow.table.quantity import KINDS, STATUS_FLAGS, Quantity, described

# Endings of the variables beside a quantity.
PARTS = ("_ci_low", "_ci_high", "_status")

# Texts are shown in terminals, which take such characters for commands.
_CONTROL = frozenset(map(chr, (*range(32), *range(127, 160)))) - set("\t\n")

_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*\Z")


def is_status(name: str) -> bool:
    """Whether an array of this name holds status flags."""
    return name == "status" or name.endswith("_status")


def dimensions(arrays: Mapping[str, Array]) -> dict[str, int]:
    """Length of every dimension of a group, in alphabetical order; ValueError where arrays disagree."""
    lengths: dict[str, int] = {}
    for name in sorted(arrays):
        array = arrays[name]
        for dim, length in zip(array.dims, array.values.shape, strict=False):
            if lengths.setdefault(dim, length) != length:
                raise ValueError(f"{dim} has length {length} in {name} but {lengths[dim]} elsewhere")
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


def _text_problems(path: str, name: str, text: object) -> Iterator[tuple[str, str]]:
    if not isinstance(text, str):
        yield path, f"attribute {name} is not text"
        return
    try:
        (name + text).encode()
    except UnicodeEncodeError:
        yield path, f"attribute {name!r} is not valid Unicode"
    if any(char in _CONTROL for char in name + text):
        yield path, f"attribute {name!r} holds a control character"


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
        if name == "feature_size" and quantity.ok and not 1e-12 <= quantity.value <= 1e-3:
            # Areas are shown in its square.
            yield key, f"{quantity.value:g} m is no feature size"
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
