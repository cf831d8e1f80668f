"""The bitcell table: round trips, both readers, damaged and hostile files."""

from __future__ import annotations

import errno
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flow.table import (
    KINDS,
    STATUS_FLAGS,
    Array,
    BitcellTable,
    CellVariant,
    Quantity,
    UserError,
    digest,
    known,
    open_table,
    quantity_json,
    reader,
    table_json,
    write_table,
)
from flow.table.writer import SEAL_BYTES
from tests.near import approx

VARIANT = "/cells/2t1mtj_sc_dmtj/0.85"


def example() -> BitcellTable:
    """A table with one of everything."""
    variant = CellVariant(
        quantities={
            "cell_area": known("cell_area", 30 * (28e-9) ** 2),
            "feature_size": known("feature_size", 28e-9),
            "r_on": known("r_on", 9513.0, 9500.0, 9520.0),
            "write_energy": known("write_energy", 4.8e-14),
            "rdr": known("rdr", math.nan, status="not_converged"),
            "backhopping_rate": Quantity(1e-9, "1", long_name="rate of switching back"),
        },
        load_lines={
            "z": Array(("z",), np.linspace(-1, 1, 5), "1", "axial magnetisation"),
            "direction": Array(("direction",), np.array(["0to1", "1to0"]), "1", "write direction"),
            "current": Array(("direction", "z"), np.arange(10.0).reshape(2, 5), "A", "current"),
        },
        waveforms={
            "time": Array(("time",), np.array([0.0, 1e-12, 3e-12]), "s", "time"),
            "bl": Array(("time",), np.array([0.0, 0.4, 0.8]), "V", "bit line"),
        },
        samples={
            "wer_0to1": Array(("sample",), np.array([1e-7, math.nan]), "1", "write error rate"),
            "status": Array(("sample",), np.array([0, 2]), "1", "status of the sample"),
            "seed": Array(("sample",), np.array([1, 2**63], dtype=np.uint64), "1", "seed"),
        },
        attributes={"technology": "finfet28", "fins": 2, "temperature": 300.0},
    )
    return BitcellTable(
        technologies={"finfet28": {"vdd": known("vdd", 0.8), "ion_n": known("ion_n", 1000.0, 990.0, 1010.0)}},
        cells={
            "2t1mtj_sc_dmtj": {"0.85": variant, "0.80": CellVariant(attributes={"technology": "finfet28"})}
        },
        provenance={"sha256:spice/models/finfet28.lib": "0" * 64, "command": "mtj-flow characterize"},
        references="doi:10.1109/TCSII.2023.0000000",
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = tmp_path / "bitcells.h5"
    write_table(place, example())
    return place


# ---- quantities -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"value": math.nan}, "nan"),
        ({"value": math.inf, "status": "upper_bound"}, "inf"),
        ({"value": 1.0, "status": "fine"}, "fine"),
        ({"value": 1.0, "ci_low": 0.5}, "both ends"),
        ({"value": 1.0, "ci_low": 2.0, "ci_high": 0.5}, "turned round"),
        ({"value": 1.0, "ci_low": math.nan, "ci_high": 2.0}, "not finite"),
    ],
)
def test_impossible_quantities_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Quantity(unit="V", **arguments)


def test_json_shows_display_units() -> None:
    assert quantity_json("write_pulse", known("write_pulse", 3.39e-9)) == {
        "value": approx(3.39, rel=1e-15),
        "unit": "ns",
        "ci_low": None,
        "ci_high": None,
    }
    energy = quantity_json("read_energy", known("read_energy", 2.09e-14, 2.0e-14, 2.2e-14))
    assert energy["unit"] == "fJ"
    assert [energy["ci_low"], energy["value"], energy["ci_high"]] == approx([20.0, 20.9, 22.0], rel=1e-15)
    area = known("cell_area", 50 * (28e-9) ** 2)
    assert quantity_json("cell_area", area, 28e-9)["value"] == approx(50.0, rel=1e-12)
    assert quantity_json("cell_area", area, 28e-9)["unit"] == "F2"
    assert quantity_json("cell_area", area)["unit"] == "m2"


def test_json_has_no_nan_and_shows_bounds_as_such() -> None:
    assert quantity_json("rdr", known("rdr", math.nan, status="not_converged"))["value"] is None
    assert quantity_json("rdr", known("rdr", 1e-12, status="upper_bound"))["status"] == "upper_bound"
    assert "status" not in quantity_json("rdr", known("rdr", 1e-12))


def test_every_kind_has_its_factor() -> None:
    """The factor is the ratio of the units: 1 V is 1000 mV, never a typo in the registry."""
    prefixes = {"f": 1e15, "n": 1e9, "u": 1e6, "m": 1e3}
    for name, kind in KINDS.items():
        if kind.display_unit == "F2":
            assert kind.unit == "m2"
        elif kind.display_unit == kind.unit:
            assert kind.factor == 1.0, name
        else:
            assert kind.display_unit[1:] == kind.unit, name
            assert kind.factor == prefixes[kind.display_unit[0]], name


def test_table_json_follows_the_registry(path: Path) -> None:
    document = table_json(open_table(path))
    shown = document["2t1mtj_sc_dmtj"]["0.85"]
    order = ["cell_area", "r_on", "write_energy", "rdr", "feature_size", "backhopping_rate"]
    assert list(shown) == order
    assert shown["cell_area"]["value"] == approx(30.0, rel=1e-12)
    assert document["2t1mtj_sc_dmtj"]["0.80"] == {}
    assert table_json(open_table(path), cells={"other": None}) == {}


# ---- round trips ------------------------------------------------------------------------------------

names = st.from_regex(r"\A[a-z][a-z0-9]{0,7}\Z")
groups = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.+-]{0,6}\Z")
characters = st.characters(codec="utf-8", exclude_categories=["Cc"], include_characters="\t\n")
texts = st.text(characters, min_size=1, max_size=12)
finite = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def quantities(draw: st.DrawFn) -> Quantity:
    status = draw(st.sampled_from(STATUS_FLAGS))
    value = draw(finite if status == "ok" else finite | st.just(math.nan))
    ends = sorted(draw(st.tuples(finite, finite))) if draw(st.booleans()) else [None, None]
    return Quantity(value, draw(texts), ends[0], ends[1], status, draw(texts))


@st.composite
def sections(draw: st.DrawFn) -> dict[str, Array]:
    lengths = draw(st.dictionaries(names, st.integers(0, 4), max_size=3))
    arrays: dict[str, Array] = {}
    for name in draw(st.lists(names, max_size=4, unique=True)):
        order = draw(st.permutations(sorted(lengths)))
        dims = tuple(order[: draw(st.integers(0, len(order)))])
        if name in lengths:
            dims = (name,)
        shape = tuple(lengths[dim] for dim in dims)
        kind = draw(st.sampled_from("fiuU"))
        size = math.prod(shape)
        element: st.SearchStrategy[Any] = {
            "f": finite,
            "i": st.integers(-(2**63), 2**63 - 1),
            "u": st.integers(0, 2**64 - 1),
            "U": texts,
        }[kind]
        dtype = {"f": "f8", "i": "i8", "u": "u8", "U": "U"}[kind]
        values = np.array(draw(st.lists(element, min_size=size, max_size=size)), dtype=dtype).reshape(shape)
        arrays[name] = Array(dims, values, draw(texts), draw(texts))
    return arrays


variants = st.builds(
    CellVariant,
    quantities=st.dictionaries(
        names.filter(lambda name: name not in KINDS and name != "samples"), quantities()
    ),
    load_lines=sections(),
    waveforms=sections(),
    samples=sections(),
    attributes=st.dictionaries(names, texts | finite | st.integers(-(2**63), 2**63 - 1)),
)
tables = st.builds(
    BitcellTable,
    technologies=st.dictionaries(groups, st.just({"vdd": known("vdd", 0.8)}), max_size=2),
    cells=st.dictionaries(groups, st.dictionaries(groups, variants, max_size=2), max_size=2),
    provenance=st.dictionaries(texts, st.text(characters, max_size=20), max_size=4),
    title=texts,
    history=texts,
    references=texts,
)
in_one_folder = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@in_one_folder
@given(table=tables)
def test_any_table_comes_back_as_it_was(tmp_path: Path, table: BitcellTable) -> None:
    place = tmp_path / "t.h5"
    write_table(place, table)
    back = open_table(place)
    assert digest(back) == digest(table)
    assert back.provenance == table.provenance
    assert {cell: set(found) for cell, found in back.cells.items()} == {
        cell: set(found) for cell, found in table.cells.items()
    }
    for cell, found in table.cells.items():
        for name, variant in found.items():
            assert back.cells[cell][name].attributes == variant.attributes
            for section in ("load_lines", "waveforms", "samples"):
                arrays, read = getattr(variant, section), getattr(back.cells[cell][name], section)
                assert set(arrays) == set(read)
                for key, array in arrays.items():
                    assert read[key].dims == array.dims
                    np.testing.assert_array_equal(read[key].values, array.values)


@in_one_folder
@given(table=tables)
def test_xarray_opens_any_table(tmp_path: Path, table: BitcellTable) -> None:
    place = tmp_path / "t.h5"
    write_table(place, table)
    with xarray.open_datatree(place, engine="h5netcdf") as tree:
        for cell, found in table.cells.items():
            for name, variant in found.items():
                for key, array in variant.samples.items():
                    assert tree[f"/cells/{cell}/{name}/samples/{key}"].dims == array.dims


def test_the_order_of_a_table_and_the_clock_do_not_change_the_bytes(path: Path, tmp_path: Path) -> None:
    table = example()
    table.cells = {
        cell: dict(reversed(list(found.items()))) for cell, found in reversed(list(table.cells.items()))
    }
    table.provenance = dict(reversed(list(table.provenance.items())))
    program = (
        "import sys, time; time.time = lambda: 0.0\n"
        "from flow.table import open_table, write_table\n"
        "write_table(sys.argv[2], open_table(sys.argv[1]))"
    )
    write_table(tmp_path / "again.h5", table)
    subprocess.run([sys.executable, "-c", program, path, tmp_path / "other.h5"], check=True, timeout=60)
    assert (tmp_path / "again.h5").read_bytes() == path.read_bytes()
    assert (tmp_path / "other.h5").read_bytes() == path.read_bytes()


def test_digest_sees_every_part() -> None:
    seen = {digest(example())}
    table = example()
    variant = table.cells["2t1mtj_sc_dmtj"]["0.85"]
    variant.samples["seed"].values[1] -= 1
    seen.add(digest(table))
    variant.attributes["fins"] = 3
    seen.add(digest(table))
    variant.quantities["r_on"] = known("r_on", 9513.0, 9500.0, 9521.0)
    seen.add(digest(table))
    table.provenance["command"] += " "
    seen.add(digest(table))
    table.technologies["other"] = {}
    seen.add(digest(table))
    assert len(seen) == 6


# ---- the file as others see it ----------------------------------------------------------------------


def test_h5py_finds_units_names_and_intervals_on_every_variable(path: Path) -> None:
    with h5py.File(path) as file:
        assert file.attrs["schema_name"] == "mtjflow.bitcells"
        for name in ("schema_version", "title", "history", "references"):
            assert isinstance(file.attrs[name], str)
        variables = []

        def visit(name: str, item: object) -> None:
            if isinstance(item, h5py.Dataset) and b"netCDF dimension" not in item.attrs.get("NAME", b""):
                variables.append(name)
                assert item.attrs["units"], name
                assert item.attrs["long_name"], name
                for axis in range(item.ndim):
                    assert item.is_scale or len(item.dims[axis]) == 1, name

        file.visititems(visit)
        assert len(variables) > 20
        summary = file[VARIANT]
        assert summary["r_on"][()] == 9513.0
        assert [summary["r_on_ci_low"][()], summary["r_on_ci_high"][()]] == [9500.0, 9520.0]
        meanings = summary["rdr_status"].attrs["flag_meanings"].split()
        assert meanings[summary["rdr_status"][()]] == "not_converged"
        assert list(summary["rdr_status"].attrs["flag_values"]) == list(range(len(meanings)))


def test_xarray_sees_coordinates_and_group_names_with_dots(path: Path) -> None:
    with xarray.open_datatree(path, engine="h5netcdf") as tree:
        line = tree[f"{VARIANT}/load_lines"]
        np.testing.assert_array_equal(line["current"].sel(direction="1to0"), np.arange(5.0, 10.0))
        assert line["current"].attrs["units"] == "A"
        assert tree[f"{VARIANT}/samples"].dims == {"sample": 2}
        assert tree[VARIANT].attrs["technology"] == "finfet28"
        assert float(tree["/technology/finfet28/vdd"]) == 0.8
        assert tree["/provenance"].attrs["command"] == "mtj-flow characterize"


# ---- what the reader refuses ------------------------------------------------------------------------


def refused(place: Path, key: str | None = None) -> UserError:
    with pytest.raises(UserError) as caught:
        open_table(place)
    assert caught.value.file == str(place)
    assert "\n" not in str(caught.value)
    if key is not None:
        assert caught.value.key == key
    return caught.value


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    assert "no such" in refused(tmp_path / "none.h5").message
    assert "not a file" in refused(tmp_path).message
    (tmp_path / "text.h5").write_text("value,unit\n1,V\n")
    assert "not an HDF5" in refused(tmp_path / "text.h5").message
    (tmp_path / "empty.h5").write_bytes(b"")
    assert "not an HDF5" in refused(tmp_path / "empty.h5").message
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["data"] = np.arange(3)
    assert "schema_name" in refused(tmp_path / "foreign.h5", "/").message


def _new_schema(file: Any) -> str:
    file.attrs["schema_version"] = "2.0"
    return "/"


def _wrong_unit(file: Any) -> str:
    file[f"{VARIANT}/r_on"].attrs["units"] = "kohm"
    file[f"{VARIANT}/r_on_ci_low"].attrs["units"] = "kohm"
    file[f"{VARIANT}/r_on_ci_high"].attrs["units"] = "kohm"
    return f"{VARIANT}/r_on"


def _unit_of_interval(file: Any) -> str:
    file[f"{VARIANT}/r_on_ci_low"].attrs["units"] = "kohm"
    return f"{VARIANT}/r_on_ci_low"


def _no_unit(file: Any) -> str:
    del file[f"{VARIANT}/load_lines/current"].attrs["units"]
    return f"{VARIANT}/load_lines/current"


def _no_long_name(file: Any) -> str:
    del file["/technology/finfet28/vdd"].attrs["long_name"]
    return "/technology/finfet28/vdd"


def _silent_nan(file: Any) -> str:
    file[f"{VARIANT}/write_energy"][()] = math.nan
    return f"{VARIANT}/write_energy"


def _silent_nan_in_array(file: Any) -> str:
    file[f"{VARIANT}/samples/wer_0to1"][0] = math.nan
    return f"{VARIANT}/samples/wer_0to1"


def _unknown_flag(file: Any) -> str:
    file[f"{VARIANT}/rdr_status"][()] = 77
    return f"{VARIANT}/rdr_status"


def _turned_interval(file: Any) -> str:
    file[f"{VARIANT}/r_on_ci_low"][()] = 1e6
    return f"{VARIANT}/r_on"


def _altered_value(file: Any) -> str:
    file[f"{VARIANT}/write_energy"][()] *= 0.1
    return "/content_sha256"


def _link_outside(file: Any) -> str:
    file[f"{VARIANT}/r_extra"] = h5py.ExternalLink("/etc/passwd", "/")
    return f"{VARIANT}/r_extra"


def _soft_link(file: Any) -> str:
    file["/cells/other"] = h5py.SoftLink("/cells/2t1mtj_sc_dmtj")
    return "/cells/other"


def _other_files_bytes(file: Any) -> str:
    section = file[f"{VARIANT}/samples"]
    made = section.create_dataset("leak", (16,), "u1", external=[("/etc/passwd", 0, 16)])
    made.attrs["units"], made.attrs["long_name"] = "1", "someone else's file"
    return f"{VARIANT}/samples/leak"


def _virtual(file: Any) -> str:
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", (3,))
    made = file[f"{VARIANT}/samples"].create_virtual_dataset("leak", layout)
    made.attrs["units"], made.attrs["long_name"] = "1", "someone else's file"
    return f"{VARIANT}/samples/leak"


def _bomb(file: Any) -> str:
    section = file[f"{VARIANT}/samples"]
    made = section.create_dataset("bomb", (1 << 40,), "f8", chunks=(1 << 16,), compression="gzip")
    made.attrs["units"], made.attrs["long_name"] = "1", "a file of kilobytes, an array of terabytes"
    return f"{VARIANT}/samples/bomb"


def _long_word(file: Any) -> str:
    words = np.array(["x" * 100_000, *[""] * 10_000], dtype=object)
    made = file[f"{VARIANT}/samples"].create_dataset("words", data=words, dtype=h5py.string_dtype())
    made.attrs["units"], made.attrs["long_name"] = "1", "4 GB as an array of text"
    return f"{VARIANT}/samples/words"


def _odd_filter(file: Any) -> str:
    made = file[f"{VARIANT}/samples"].create_dataset("odd", (8,), "f8", compression="lzf")
    made.attrs["units"], made.attrs["long_name"] = "1", "needs a plug-in"
    return f"{VARIANT}/samples/odd"


def _compound(file: Any) -> str:
    made = file[f"{VARIANT}/samples"].create_dataset("odd", (2,), [("a", "f8"), ("b", "i4")])
    made.attrs["units"], made.attrs["long_name"] = "1", "a record"
    return f"{VARIANT}/samples/odd"


def _pickle(file: Any) -> str:
    made = file[f"{VARIANT}/samples"].create_dataset("odd", data=np.void(b"cos\nsystem\n(S'true'\ntR."))
    made.attrs["units"], made.attrs["long_name"] = "1", "opaque bytes"
    return f"{VARIANT}/samples/odd"


def _without_dimension(file: Any) -> str:
    made = file[f"{VARIANT}/samples"].create_dataset("odd", data=np.arange(2.0))
    made.attrs["units"], made.attrs["long_name"] = "1", "no dimension scale"
    return f"{VARIANT}/samples/odd"


def _stray_group(file: Any) -> str:
    file.create_group("/notes")
    return "/notes"


def _stray_subgroup(file: Any) -> str:
    file.create_group(f"{VARIANT}/notes")
    return f"{VARIANT}/notes"


def _group_as_dataset(file: Any) -> str:
    del file["/cells"]
    file["/cells"] = 1.0
    return "/cells"


def _vector_quantity(file: Any) -> str:
    del file[f"{VARIANT}/write_energy"]
    made = file[VARIANT].create_dataset("write_energy", data=np.ones(3))
    made.attrs["units"], made.attrs["long_name"] = "J", "three at once"
    return f"{VARIANT}/write_energy"


@pytest.mark.parametrize(
    "change",
    [
        _new_schema,
        _wrong_unit,
        _unit_of_interval,
        _no_unit,
        _no_long_name,
        _silent_nan,
        _silent_nan_in_array,
        _unknown_flag,
        _turned_interval,
        _altered_value,
        _link_outside,
        _soft_link,
        _other_files_bytes,
        _virtual,
        _bomb,
        _long_word,
        _odd_filter,
        _compound,
        _pickle,
        _without_dimension,
        _stray_group,
        _stray_subgroup,
        _group_as_dataset,
        _vector_quantity,
    ],
)
def test_a_wrong_table_is_refused_at_its_place(path: Path, change: Any) -> None:
    with h5py.File(path, "r+") as file:
        key = change(file)
    refused(path, key)


def test_many_arrays_together_are_bounded_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_LARGEST_TABLE_BYTES", 1 << 20)
    open_table(path)
    with h5py.File(path, "r+") as file:
        section = file[f"{VARIANT}/load_lines"]
        for name in ("ka", "kb", "kc"):
            made = section.create_dataset(name, (1 << 16,), "f8", chunks=(1 << 10,), compression="gzip")
            made.attrs["units"], made.attrs["long_name"] = "1", "half a MiB of nothing"
            made.make_scale(name)
    refused(path, f"{VARIANT}/load_lines/kb")


def test_a_table_made_elsewhere_needs_no_checksum(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file.attrs["content_sha256"]
        file[f"{VARIANT}/write_energy"][()] = 5e-14
    assert open_table(path).cells["2t1mtj_sc_dmtj"]["0.85"].quantities["write_energy"].value == 5e-14


@pytest.mark.parametrize("part", [0.0, 0.0005, 0.01, 0.2, 0.5, 0.9, 0.99, 1.0])
def test_a_truncated_table_is_refused(path: Path, part: float) -> None:
    data = path.read_bytes()
    hdf5 = len(data) - SEAL_BYTES
    short = path.with_name("short.h5")
    short.write_bytes(data[: int(part * (hdf5 - 1))])
    refused(short)


@pytest.mark.parametrize("lost", [1, 30, 64, SEAL_BYTES - 1, SEAL_BYTES])
def test_a_table_that_lost_its_checksum_alone_is_refused_or_whole(path: Path, lost: int) -> None:
    """The HDF5 data are complete then, and their content still has its own checksum."""
    short = path.with_name("short.h5")
    short.write_bytes(path.read_bytes()[:-lost])
    assert digest(open_table(short)) == digest(example())


def test_bit_flips_never_pass_for_data(path: Path) -> None:
    """Whatever bit is turned over: an error, or (in the mark before the checksum) the same content.

    In a child process, as the HDF5 library reads the damaged structure in C.
    """
    program = """
import sys
from pathlib import Path
import numpy as np
from flow.table import UserError, digest, open_table
source = Path(sys.argv[1])
data = source.read_bytes()
right = digest(open_table(source))
place = source.with_name("flipped.h5")
chance = np.random.default_rng(1)
refused = 0
for byte, bit in zip(chance.integers(0, len(data), 400), chance.integers(0, 8, 400)):
    damaged = bytearray(data)
    damaged[byte] ^= 1 << bit
    place.write_bytes(damaged)
    try:
        table = open_table(place)
    except UserError:
        refused += 1
        continue
    assert digest(table) == right, (byte, bit)
sys.stdout.write(str(refused))
"""
    child = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, timeout=100, check=False
    )
    assert child.returncode == 0, child.stderr
    assert int(child.stdout) >= 395


# ---- writing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v.quantities.update(r_on=Quantity(1.0, "kohm")), "needs 'ohm'"),
        (lambda v: v.quantities.update(odd=Quantity(1.0, "V")), "no long_name"),
        (lambda v: v.quantities.update(samples=Quantity(1.0, "V", long_name="x")), "reserved"),
        (lambda v: v.quantities.update({"a/b": Quantity(1.0, "V", long_name="x")}), "not a usable name"),
        (lambda v: v.attributes.update(flag=True), "neither text"),
        (lambda v: v.attributes.update(text="a\0b"), "control character"),
        (lambda v: v.attributes.update(text="\ud800"), "Unicode"),
        (lambda v: v.samples.update(x=Array(("sample",), np.arange(3), "1", "x")), "has length"),
        (lambda v: v.samples.update(x=Array(("sample", "k"), np.arange(3), "1", "x")), "do not fit"),
        (lambda v: v.samples.update(x=Array((), np.array(math.nan), "1", "x")), "not finite"),
        (lambda v: v.samples.update(x_status=Array((), np.array(99), "1", "x")), "between 0"),
    ],
)
def test_a_table_against_the_rules_is_not_written(path: Path, change: Any, message: str) -> None:
    before = path.read_bytes()
    table = example()
    change(table.cells["2t1mtj_sc_dmtj"]["0.85"])
    with pytest.raises(ValueError, match=message):
        write_table(path, table)
    assert path.read_bytes() == before


def test_objects_do_not_become_arrays() -> None:
    with pytest.raises(ValueError, match="real numbers or text"):
        Array(("x",), np.array([object()]), "1", "objects")


def test_a_full_disk_leaves_the_old_table(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="no space left") as caught:
        write_table(path, BitcellTable())
    assert caught.value.file == str(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_writing_where_files_have_to_have_names(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without nameless files gets a hidden one, which also goes when the write fails."""
    real = os.open

    def without_tmpfile(place: Any, flags: int, *rest: Any, **more: Any) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return real(place, flags, *rest, **more)

    monkeypatch.setattr(os, "open", without_tmpfile)
    write_table(path, BitcellTable(title="second"))
    assert open_table(path).title == "second"
    with monkeypatch.context() as inner:
        inner.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            write_table(path, BitcellTable(title="third"))
    assert open_table(path).title == "second"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_no_folder_and_no_permission_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file or directory"):
        write_table(tmp_path / "none" / "t.h5", BitcellTable())


def test_a_link_to_a_table_stays_a_link(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.h5"
    link.symlink_to(path)
    write_table(link, BitcellTable(title="new"))
    assert link.is_symlink()
    assert open_table(path).title == "new"


def test_a_reader_never_sees_half_a_table_and_a_killed_writer_leaves_nothing(path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from tests.flow.test_table import example, write_table\n"
        "sys.stdout.write('go'); sys.stdout.flush()\n"
        "while True: write_table(sys.argv[1], example())\n"
    )
    root = str(Path(__file__).parents[2])
    right = digest(example())
    with subprocess.Popen([sys.executable, "-c", program, path, root], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.read(2) == b"go"
        for _ in range(30):
            assert digest(open_table(path)) == right
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=30)
    assert digest(open_table(path)) == right
    # Between naming and renaming a kill may leave one hidden file: two system calls apart.
    leftovers = [entry.name for entry in path.parent.iterdir() if entry.name != path.name]
    assert all(name.startswith(f".{path.name}.") for name in leftovers)
    assert len(leftovers) <= 1


def test_digest_sees_the_meaning_of_numbers_as_well() -> None:
    """Status, unit and dimensions: the same numbers of another kind are another content."""

    def content(status: str = "ok", unit: str = "A", dims: tuple[str, ...] = ("a", "b")) -> BitcellTable:
        values = Array(dims, np.ones((2, 2)), unit, "current")
        quantities = {"r_on": Quantity(9e3, "ohm", status=status, long_name="resistance")}
        variant = CellVariant(quantities=quantities, samples={"current": values})
        return BitcellTable(cells={"cell": {"0.85": variant}})

    others = [content(status="upper_bound"), content(unit="mA"), content(dims=("b", "a"))]
    assert len({digest(one) for one in (content(), *others)}) == 4
