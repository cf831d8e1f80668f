"""HDF5 tables from an enemy: attributes, types, shapes and links that a bitcell table never has."""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
from hypothesis import strategies as st

from flow.table import Array, BitcellTable, CellVariant, known
from flow.table.writer import SEAL_BYTES, table_bytes

Change = Callable[[h5py.File, str], None]

_VALUES = {
    "cell_area": 30 * (28e-9) ** 2, "feature_size": 28e-9, "r_on": 9513.0, "r_off": 16390.0,
    "r_access": 3829.0,
    "read_voltage": 0.338, "write_voltage_0to1": 0.788, "write_voltage_1to0": 0.898, "write_pulse": 3.39e-9,
    "read_pulse": 1e-9, "read_energy": 2.1e-14, "write_energy_0to1": 1.8e-13, "write_energy_1to0": 1.9e-13,
    "wer_0to1": 1e-7, "wer_1to0": 1e-7, "rdr": 1e-9, "access_width_n": 1.4e-7, "access_width_p": 1.4e-7,
}  # fmt: skip
_TECHNOLOGY = {
    "feature_size": 28e-9, "vdd": 0.8, "ion_n": 1000.0, "ion_p": 850.0, "ioff_n": 3e-3, "ioff_p": 3e-3,
    "gate_capacitance": 1.2e-9, "drain_capacitance": 6e-10, "effective_resistance_multiplier": 1.5,
    "pn_ratio": 1.2, "fin_height": 30e-9, "fin_width": 10e-9, "fin_pitch": 48e-9, "wire_resistance": 1.2e6,
    "wire_capacitance": 2e-10,
}  # fmt: skip


@functools.cache
def base() -> bytes:
    """A table that the networks can read, without its checksums: what an enemy would leave out."""
    variant = CellVariant(
        quantities={name: known(name, value) for name, value in _VALUES.items()}
        | {"write_energy": known("write_energy", 1.8e-13, 1.7e-13, 1.9e-13)},
        samples={
            "variable": Array(("variable",), np.array(["nmtj.t_ox_t", "nn.l"]), "1", "varied parameter"),
            "y_read": Array(("sample", "variable"), np.zeros((16, 2)), "1", "deviation"),
            "status": Array(("sample",), np.zeros(16, dtype=np.int64), "1", "status of the sample"),
        },
        attributes={"card": "finfet28", "seed": 1},
    )
    table = BitcellTable(
        technologies={"finfet28": {name: known(name, value) for name, value in _TECHNOLOGY.items()}},
        cells={"smtj": {"0.85": variant}},
        provenance={"command": "mtj-flow characterize"},
    )
    buffer = io.BytesIO(table_bytes(table)[:-SEAL_BYTES])
    with h5py.File(buffer, "r+") as file:
        del file.attrs["content_sha256"]
    return buffer.getvalue()


@functools.cache
def everything(make: Callable[[], bytes] = base) -> tuple[str, ...]:
    """Every group and dataset of a file."""
    found = ["/"]
    with h5py.File(io.BytesIO(make()), "r") as file:
        file.visit(lambda name: found.append(f"/{name}"))
    return tuple(found)


def _replaced(make: Callable[[h5py.Group, str], object]) -> Change:
    """The object at a place, put away and made anew."""

    def change(file: h5py.File, place: str) -> None:
        if place == "/" or place not in file:
            return
        attributes = dict(file[place].attrs)
        parent, name = place.rsplit("/", 1)
        del file[place]
        make(file[parent or "/"], name)
        if isinstance(file.get(place, getlink=True), h5py.HardLink):
            for key, value in attributes.items():
                if key in ("units", "long_name", "flag_meanings"):
                    file[place].attrs[key] = value

    return change


def _dataset(**arguments: Any) -> Change:
    return _replaced(lambda group, name: group.create_dataset(name, **arguments))


def _attribute(value: Any, *, only: str | None = None) -> Change:
    def change(file: h5py.File, place: str) -> None:
        if place in file:
            names = list(file[place].attrs)
            file[place].attrs[only or (names[0] if names else "units")] = value

    return change


def _without_attribute(which: int) -> Change:
    def change(file: h5py.File, place: str) -> None:
        names = list(file[place].attrs) if place in file else []
        if names:
            del file[place].attrs[names[which % len(names)]]

    return change


def _deleted(file: h5py.File, place: str) -> None:
    if place != "/" and place in file:
        del file[place]


def _group_in_itself(file: h5py.File, place: str) -> None:
    if place in file and isinstance(file[place], h5py.Group):
        file[place]["again"] = file[place]


def _many_children(file: h5py.File, place: str) -> None:
    if place in file and isinstance(file[place], h5py.Group):
        for index in range(300):
            file[place].create_group(f"g{index}")


def _deep(file: h5py.File, place: str) -> None:
    if place in file and isinstance(file[place], h5py.Group):
        file[place].create_group("/".join("d" * 200))


def _virtual(group: h5py.Group, name: str) -> None:
    layout = h5py.VirtualLayout(shape=(4,), dtype="f8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=(4,))
    group.create_virtual_dataset(name, layout)


def _external(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, shape=(4,), dtype="f8", external=[("/etc/passwd", 0, 32)])


def _reference(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, data=np.array([group.ref], dtype=object), dtype=h5py.ref_dtype)


_ENUM = h5py.enum_dtype({"a": 0, "b": 1})
_VLEN = h5py.vlen_dtype(np.float64)
_COMPOUND = np.dtype([("a", "f8"), ("b", "S4")])

CHANGES: dict[str, Change] = {
    "deleted": _deleted,
    "group": _replaced(lambda group, name: group.create_group(name)),
    "soft link": _replaced(lambda group, name: group.__setitem__(name, h5py.SoftLink("/cells"))),
    "link to nothing": _replaced(lambda group, name: group.__setitem__(name, h5py.SoftLink("/no/where"))),
    "link to itself": _replaced(lambda group, name: group.__setitem__(name, h5py.SoftLink(name))),
    "link to a file": _replaced(
        lambda group, name: group.__setitem__(name, h5py.ExternalLink("/etc/passwd", "/x"))
    ),
    "link to the file": _replaced(
        lambda group, name: group.__setitem__(name, h5py.ExternalLink("case.h5", "/cells"))
    ),
    "group in itself": _group_in_itself,
    "many children": _many_children,
    "deep groups": _deep,
    "virtual": _replaced(_virtual),
    "external": _replaced(_external),
    "reference": _replaced(_reference),
    "empty": _dataset(data=h5py.Empty("f8")),
    "no elements": _dataset(data=np.zeros(0)),
    "vector": _dataset(data=np.arange(3.0)),
    "cube": _dataset(data=np.zeros((2, 2, 2))),
    "huge": _dataset(shape=(1 << 40,), dtype="f8", chunks=(1 << 16,)),
    "huge compressed": _dataset(shape=(1 << 34,), dtype="f8", chunks=(1 << 20,), compression="gzip"),
    "endless": _dataset(shape=(4,), maxshape=(None,), dtype="f8", chunks=(1,)),
    "text": _dataset(data="text"),
    "words": _dataset(data=np.array(["a", "b"], dtype=object), dtype=h5py.string_dtype()),
    "long words": _dataset(
        data=np.array(["a" * 100_000] + ["b"] * 200, dtype=object), dtype=h5py.string_dtype()
    ),
    "not unicode": _dataset(data=np.array([b"\xff\xfe"], dtype="S2")),
    "fixed text": _dataset(data=np.array([b"abc"], dtype="S3")),
    "enum": _dataset(data=np.array([0, 1]), dtype=_ENUM),
    "ragged": _dataset(shape=(2,), dtype=_VLEN),
    "compound": _dataset(data=np.zeros(2, dtype=_COMPOUND)),
    "opaque": _dataset(data=np.zeros(2, dtype="V8")),
    "booleans": _dataset(data=np.array([True, False])),
    "complex": _dataset(data=np.array([1 + 2j])),
    "half": _dataset(data=np.float16(1.0)),
    "long double": _dataset(data=np.longdouble(1.0)),
    "big endian": _dataset(data=np.array(1.0, dtype=">f8")),
    "negative": _dataset(data=-1.0),
    "zero": _dataset(data=0.0),
    "tiny": _dataset(data=5e-324),
    "large": _dataset(data=1e308),
    "not a number": _dataset(data=np.nan),
    "infinite": _dataset(data=np.inf),
    "integer": _dataset(data=7),
    "large integer": _dataset(data=np.uint64(2**64 - 1)),
    "lzf": _dataset(data=np.zeros(8), compression="lzf"),
    "named type": _replaced(lambda group, name: group.__setitem__(name, np.dtype("f8"))),
    "attribute of another type": _attribute(7),
    "attribute as array": _attribute(np.arange(3)),
    "attribute as bytes": _attribute(np.bytes_(b"\xff")),
    "attribute empty": _attribute(h5py.Empty("f8")),
    "attribute reference": _attribute(h5py.Reference()),
    "attribute text": _attribute("<script>\n\x1b[31m"),
    "attribute huge": _attribute("x" * 60_000),
    "other unit": _attribute("nm", only="units"),
    "no unit": _attribute("", only="units"),
    "other scale": _attribute("This is a netCDF dimension but not a netCDF variable.", only="NAME"),
    "other class": _attribute("DIMENSION_SCALE", only="CLASS"),
    "scales of another": _attribute(np.arange(4.0), only="DIMENSION_LIST"),
    "other schema": _attribute("9.0", only="schema_version"),
    "wrong checksum": _attribute("0" * 64, only="content_sha256"),
    "status out of range": _attribute("ok", only="flag_meanings"),
    "settings as a list": _attribute("[1, 2]", only="settings"),
    "settings of other types": _attribute('{"model": [], "layers": "x", "adc": 1}', only="settings"),
    "settings too deep": _attribute("[" * 5000, only="settings"),
    "first attribute gone": _without_attribute(0),
    "last attribute gone": _without_attribute(-1),
}


def changes_of(make: Callable[[], bytes]) -> st.SearchStrategy[list[tuple[str, str]]]:
    """One to three changes of a file, each a name and a place."""
    places = st.deferred(lambda: st.sampled_from(everything(make)))
    return st.lists(st.tuples(st.sampled_from(sorted(CHANGES)), places), min_size=1, max_size=3)


def changed(content: bytes, changes: list[tuple[str, str]]) -> bytes:
    """A file after these changes."""
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        for name, place in changes:
            # What the library itself refuses to write, no enemy writes with it either.
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RuntimeError):
                CHANGES[name](file, place)
    return buffer.getvalue()
