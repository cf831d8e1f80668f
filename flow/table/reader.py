"""Reading a bitcell table that may come from anywhere: every field is checked, nothing is executed."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from flow.errors import UserError
from flow.table.content import SECTIONS, Array, AttributeValue, BitcellTable, CellVariant, digest
from flow.table.quantity import STATUS_FLAGS, Quantity
from flow.table.schema import PARTS, problems
from flow.table.writer import NO_COORDINATE, SCHEMA_NAME, SCHEMA_VERSION, SEAL, SEAL_BYTES, sealed

# Far above any table of ours; keeps a hostile file from filling the memory.
_LARGEST_TABLE_BYTES = 1 << 30
_ALLOWED_FILTERS = {"gzip", "shuffle", "fletcher32"}


def open_table(path: str | Path) -> BitcellTable:
    """Read and check the table at `path`.

    Raises one UserError that names the file and, as `key`, the HDF5 path: missing or unreadable file, not
    HDF5, truncated or altered, another schema, wrong or missing unit, a NaN whose status is ok.
    """
    place = Path(path)
    if not place.exists():
        raise UserError("no such table (made by `mtj-flow characterize`)", file=place)
    if not place.is_file():
        raise UserError("is not a file", file=place)
    if not os.access(place, os.R_OK):
        raise UserError("cannot be read: permission denied", file=place)
    if not h5py.is_hdf5(place):
        raise UserError("is not an HDF5 file", file=place)
    check_seal(place)
    reader = _Reader(place)
    try:
        # No lock: tables are replaced, never changed in place, and may lie on read-only disks.
        with h5py.File(place, "r", locking=False) as file:
            table = reader.table(file)
            stored = file.attrs.get("content_sha256")
    except UserError:
        raise
    except Exception as error:
        # A damaged file makes the HDF5 library raise almost anything: OSError, KeyError, RuntimeError, ...
        reason = " ".join(str(error).split())
        raise UserError(f"damaged or truncated: {reason}", file=place, key=reader.key) from error
    for key, message in problems(table):
        raise UserError(message, file=place, key=key)
    # Tables made elsewhere may come without a checksum.
    if stored is not None and stored != digest(table):
        raise UserError(
            "content does not match its checksum: damaged or altered after it was written; make it again "
            "(or, after a wanted change, delete the root attribute content_sha256)",
            file=place,
            key="/content_sha256",
        )
    return table


def check_seal(place: Path, *, needed: bool = False) -> None:
    """Compare a file with the checksum at its end; one without passes unless it is `needed`.

    Before anything else: a single flipped bit can send the HDF5 library into an endless loop. Raises
    UserError for a file that was cut off or altered, or cannot be read.
    """
    try:
        data = place.read_bytes()
    except OSError as error:
        raise UserError(f"cannot be read: {(error.strerror or str(error)).lower()}", file=place) from error
    content, seal = data[:-SEAL_BYTES], data[-SEAL_BYTES:]
    if not (needed or seal.startswith(SEAL)):
        return
    if data != sealed(content):
        raise UserError("damaged: the file does not match the checksum at its end", file=place, key="/")


class _Reader:
    """Walks through the file; `key` is the HDF5 path it is at, for error messages."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.key = "/"
        self.bytes_left = _LARGEST_TABLE_BYTES

    def fail(self, message: str) -> UserError:
        return UserError(message, file=self.place, key=self.key)

    def table(self, file: Any) -> BitcellTable:
        self._check_schema(file)
        table = BitcellTable(
            title=self._text(file, "title"),
            history=self._text(file, "history"),
            references=self._text(file, "references"),
        )
        groups = self._children(file, "/")
        for name in groups:
            if name not in ("technology", "cells", "provenance"):
                self.key = f"/{name}"
                raise self.fail("unknown part; a table has the groups technology, cells and provenance")
        if "technology" in groups:
            for card, group in self._groups(groups["technology"], "/technology").items():
                table.technologies[card] = self._quantities(self._children(group, f"/technology/{card}"))
        if "cells" in groups:
            for cell, group in self._groups(groups["cells"], "/cells").items():
                variants = self._groups(group, f"/cells/{cell}")
                table.cells[cell] = {
                    name: self._variant(variants[name], f"/cells/{cell}/{name}") for name in variants
                }
        if "provenance" in groups:
            self.key = "/provenance"
            table.provenance = {
                name: self._text(groups["provenance"], name) for name in sorted(groups["provenance"].attrs)
            }
        return table

    def _check_schema(self, file: Any) -> None:
        name = file.attrs.get("schema_name")
        if name != SCHEMA_NAME:
            raise self.fail(f"not a bitcell table: schema_name is {name!r}, expected {SCHEMA_NAME!r}")
        version = self._text(file, "schema_version")
        if version.split(".")[0] != SCHEMA_VERSION.split(".")[0]:
            raise self.fail(
                f"schema_version {version!r}; this mtjflow reads {SCHEMA_VERSION.split('.')[0]}.x"
            )

    def _children(self, group: Any, path: str) -> dict[str, Any]:
        self.key = path
        if not isinstance(group, h5py.Group):
            raise self.fail("should be a group")
        children = {}
        for name in sorted(group):
            self.key = f"{path.rstrip('/')}/{name}"
            # Links could lead into other files of the reader.
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise self.fail("is a link; a table holds its own data only")
            children[name] = group[name]
        return children

    def _groups(self, group: Any, path: str) -> dict[str, Any]:
        children = self._children(group, path)
        for name, child in children.items():
            self.key = f"{path}/{name}"
            if not isinstance(child, h5py.Group):
                raise self.fail("should be a group")
        return children

    def _text(self, owner: Any, name: str) -> str:
        value = owner.attrs.get(name)
        if not isinstance(value, str):
            raise self.fail(f"attribute {name} is missing or is not text")
        return value

    def _variant(self, group: Any, path: str) -> CellVariant:
        children = self._children(group, path)
        content = CellVariant()
        for section in SECTIONS:
            if section in children:
                setattr(content, section, self._arrays(children.pop(section), f"{path}/{section}"))
        self.key = path
        content.attributes = {name: self._attribute(group, name) for name in sorted(group.attrs)}
        content.quantities = self._quantities(children)
        return content

    def _attribute(self, group: Any, name: str) -> AttributeValue:
        value = group.attrs[name]
        if isinstance(value, str):
            return value
        if isinstance(value, np.integer):
            return int(value)
        if isinstance(value, np.floating):
            return float(value)
        raise self.fail(f"attribute {name} is neither text nor a number")

    def _quantities(self, children: dict[str, Any]) -> dict[str, Quantity]:
        quantities = {}
        for name, child in children.items():
            base = next((name.removesuffix(part) for part in PARTS if name.endswith(part)), None)
            if base in children:
                continue
            unit = self._unit(child)
            numbers = [self._number(children.get(name + part), unit) for part in ("_ci_low", "_ci_high")]
            status = self._status(children.get(f"{name}_status"))
            value = self._number(child, unit)
            self.key = child.name
            if value is None or (status == "ok" and not math.isfinite(value)):
                raise self.fail(f"value {value} though its status is ok")
            try:
                quantities[name] = Quantity(
                    value, unit, numbers[0], numbers[1], status, self._text(child, "long_name")
                )
            except ValueError as error:
                raise self.fail(str(error)) from None
        return quantities

    def _unit(self, dataset: Any) -> str:
        self.key = dataset.name
        if not isinstance(dataset, h5py.Dataset):
            raise self.fail("unknown group")
        return self._text(dataset, "units")

    def _number(self, dataset: Any, unit: str) -> float | None:
        if dataset is None:
            return None
        found = self._unit(dataset)
        if found != unit:
            raise self.fail(f"unit {found!r}, but the value it belongs to has {unit!r}")
        values = self._values(dataset)
        if values.shape != () or values.dtype.kind != "f":
            raise self.fail("should be one real number")
        return float(values[()])

    def _status(self, dataset: Any) -> str:
        if dataset is None:
            return "ok"
        self._unit(dataset)
        values = self._values(dataset)
        if values.shape != () or values.dtype.kind not in "iu":
            raise self.fail("should be one integer")
        meanings = self._text(dataset, "flag_meanings").split()
        flag = int(values[()])
        if not 0 <= flag < len(meanings) or meanings[flag] not in STATUS_FLAGS:
            raise self.fail(f"status {flag} is none of {', '.join(STATUS_FLAGS)}")
        return meanings[flag]

    def _arrays(self, group: Any, path: str) -> dict[str, Array]:
        arrays = {}
        for name, dataset in self._children(group, path).items():
            if isinstance(dataset, h5py.Dataset) and _without_coordinate(dataset):
                continue
            unit = self._unit(dataset)
            long_name = self._text(dataset, "long_name")
            values = self._values(dataset)
            arrays[name] = Array(self._dims(dataset, name), values, unit, long_name)
        return arrays

    def _dims(self, dataset: Any, name: str) -> tuple[str, ...]:
        if _is_scale(dataset):
            return (name,)
        if dataset.ndim == 0:
            return ()
        # Read as what it has to be: the library's own functions take its type for granted and crash.
        scales = self._references(dataset, "DIMENSION_LIST")
        if len(scales) != dataset.ndim:
            raise self.fail(f"has {dataset.ndim} axes, but dimension scales of {len(scales)}")
        names = []
        for axis, found in enumerate(scales):
            if len(found) != 1 or not found[0]:
                raise self.fail(f"axis {axis} has no dimension scale")
            scale = dataset.file[found[0]]
            if not isinstance(scale, h5py.Dataset) or scale.name is None or not _is_scale(scale):
                raise self.fail(f"axis {axis} has something else than a dimension scale")
            names.append(str(scale.name).rsplit("/", 1)[-1])
        return tuple(names)

    def _references(self, dataset: Any, name: str) -> list[Any]:
        """An attribute that lists object references, one row an axis; none if it is not there."""
        if name not in dataset.attrs:
            return []
        stored = dataset.attrs.get_id(name)
        base = h5py.check_vlen_dtype(stored.dtype)
        if base is None or h5py.check_ref_dtype(base) is not h5py.Reference or len(stored.shape) != 1:
            raise self.fail(f"attribute {name} is no list of references")
        return list(dataset.attrs[name])

    def _take(self, size: int) -> None:
        self.bytes_left -= size
        if self.bytes_left < 0:
            raise self.fail(f"more than the {_LARGEST_TABLE_BYTES >> 20} MiB that a table may hold")

    def _values(self, dataset: Any) -> NDArray[Any]:
        """The data, as long as they are plain numbers or text inside this file and of reasonable size."""
        if dataset.external is not None or dataset.is_virtual:
            raise self.fail("its data lie in another file")
        if dataset.shape is None:
            raise self.fail("holds nothing")
        self._take(dataset.size * max(dataset.dtype.itemsize, 1))
        filters = set(dataset._filters) - _ALLOWED_FILTERS
        if filters:
            raise self.fail(f"stored with the filter {sorted(filters)[0]}; use gzip or none")
        if h5py.check_string_dtype(dataset.dtype) is not None:
            words = np.asarray(dataset.asstr()[()], dtype=object)
            # As an array of text every word takes the room of the longest.
            self._take(4 * words.size * max((len(word) for word in words.flat), default=0))
            return words.astype(np.str_)
        if dataset.dtype.kind not in "fiu":
            raise self.fail(f"type {dataset.dtype} is neither a real number nor text")
        return np.asarray(dataset[()])


def _is_scale(dataset: Any) -> bool:
    return _attribute_text(dataset, "CLASS") == "DIMENSION_SCALE"


def _without_coordinate(dataset: Any) -> bool:
    return _is_scale(dataset) and _attribute_text(dataset, "NAME").startswith(NO_COORDINATE)


def _attribute_text(dataset: Any, name: str) -> str:
    value = dataset.attrs.get(name, b"")
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
