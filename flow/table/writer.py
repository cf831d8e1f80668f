"""The HDF5 file of a bitcell table, written for `h5py` and `xarray.open_datatree` alike."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from flow.table.atomic import replace_file
from flow.table.content import SECTIONS, Array, BitcellTable, digest
from flow.table.quantity import STATUS_FLAGS, Quantity, described
from flow.table.schema import dimensions, is_status, problems

SCHEMA_NAME = "mtjflow.bitcells"
SCHEMA_VERSION = "1.0"
# Behind the HDF5 data stands this mark and the SHA-256 of all before it. The HDF5 library ignores it, and
# whoever changes the file with HDF5 tools drops it.
SEAL = b"\nmtjflow sha256 "
SEAL_BYTES = len(SEAL) + 64
# What netCDF writes into the NAME of a dimension that has no coordinate.
NO_COORDINATE = "This is a netCDF dimension but not a netCDF variable."

_TEXT = h5py.string_dtype("utf-8")


def write_table(path: str | Path, table: BitcellTable) -> None:
    """Write `table` to `path` in one step: a reader sees the old table or the new one.

    Equal content gives equal bytes. Raises ValueError for content that breaks the schema and UserError
    where the file cannot be written.
    """
    for key, message in problems(table):
        raise ValueError(f"{key}: {message}")
    replace_file(path, table_bytes(table))


def table_bytes(table: BitcellTable) -> bytes:
    """The HDF5 file as bytes.

    Made in memory: a full disk then meets one plain write, not the HDF5 library half-way through.
    """
    # Object headers of HDF5 1.8 carry checksums, so that damaged structure is found when it is read.
    creation = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    creation.set_obj_track_times(False)
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fapl_core(backing_store=False)
    access.set_libver_bounds(h5py.h5f.LIBVER_V18, h5py.h5f.LIBVER_V18)
    with h5py.File(h5py.h5f.create(b"bitcells.h5", h5py.h5f.ACC_TRUNC, creation, access)) as file:
        _attributes(
            file,
            schema_name=SCHEMA_NAME,
            schema_version=SCHEMA_VERSION,
            title=table.title,
            history=table.history,
            references=table.references,
            content_sha256=digest(table),
        )
        technology = _group(file, "technology")
        for card in sorted(table.technologies):
            _quantities(_group(technology, card), table.technologies[card])
        cells = _group(file, "cells")
        for cell in sorted(table.cells):
            group = _group(cells, cell)
            for variant in sorted(table.cells[cell]):
                content = table.cells[cell][variant]
                summary = _group(group, variant)
                _attributes(summary, **dict(sorted(content.attributes.items())))
                _quantities(summary, content.quantities)
                for section in SECTIONS:
                    _arrays(_group(summary, section), getattr(content, section))
        provenance = _group(file, "provenance")
        _attributes(provenance, **dict(sorted(table.provenance.items())))
        file.flush()
        image: bytes = file.id.get_file_image()
    return sealed(image)


def sealed(content: bytes) -> bytes:
    """The content of a file with its checksum behind, for `check_seal`; HDF5 and zip libraries ignore it."""
    return content + SEAL + hashlib.sha256(content).hexdigest().encode()


def _group(parent: Any, name: str) -> Any:
    creation = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
    creation.set_obj_track_times(False)
    return h5py.Group(h5py.h5g.create(parent.id, name.encode(), gcpl=creation))


def _attributes(owner: Any, /, **values: object) -> None:
    for name, value in values.items():
        owner.attrs[name] = value


def _variable(group: Any, name: str, data: object, unit: str, long_name: str, dtype: object = None) -> Any:
    dataset = group.create_dataset(name, data=data, dtype=dtype, track_times=False)
    _attributes(dataset, units=unit, long_name=long_name)
    if is_status(name):
        flags = np.arange(len(STATUS_FLAGS), dtype=dataset.dtype)
        _attributes(dataset, flag_values=flags, flag_meanings=" ".join(STATUS_FLAGS))
    return dataset


def _quantities(group: Any, quantities: dict[str, Quantity]) -> None:
    for name in sorted(quantities):
        quantity = quantities[name]
        long_name = described(name, quantity)
        beside = [f"{name}_status"]
        for part, end in (("ci_low", quantity.ci_low), ("ci_high", quantity.ci_high)):
            if end is not None:
                side = "lower" if part == "ci_low" else "upper"
                text = f"{side} end of the 95 % confidence interval: {long_name}"
                _variable(group, f"{name}_{part}", np.float64(end), quantity.unit, text)
                beside.insert(-1, f"{name}_{part}")
        value = _variable(group, name, np.float64(quantity.value), quantity.unit, long_name)
        _attributes(value, ancillary_variables=" ".join(beside))
        flag = np.int8(STATUS_FLAGS.index(quantity.status))
        _variable(group, f"{name}_status", flag, "1", f"status of {name}")


def _arrays(group: Any, arrays: dict[str, Array]) -> None:
    scales = {}
    for dim, length in dimensions(arrays).items():
        coordinate = arrays.get(dim)
        if coordinate is None:
            scales[dim] = group.create_dataset(dim, shape=(length,), dtype="<f4", track_times=False)
            scales[dim].make_scale(f"{NO_COORDINATE}{length:10d}")
        else:
            scales[dim] = _array(group, dim, coordinate)
            scales[dim].make_scale(dim)
    for name in sorted(arrays):
        if name not in scales:
            dataset = _array(group, name, arrays[name])
            for axis, dim in enumerate(arrays[name].dims):
                dataset.dims[axis].attach_scale(scales[dim])


def _array(group: Any, name: str, array: Array) -> Any:
    if array.values.dtype.kind == "U":
        words = array.values.astype(object)
        return _variable(group, name, words, array.unit, array.long_name, dtype=_TEXT)
    return _variable(group, name, array.values, array.unit, array.long_name)
