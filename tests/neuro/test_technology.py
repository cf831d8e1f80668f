"""Technologies: the bundled one and those of a characterised table."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from flow.table import BitcellTable, UserError, known, open_table, write_table
from neuro.array import estimate_documents
from neuro.design import uncertain_fields
from neuro.lookup import Lookup
from neuro.technology import TABLE_NAMES, bundled_technology, technology_from_table
from tests.near import approx
from tests.neuro.designs import CELL, FINFET
from tests.neuro.report.material import CELLS
from tests.neuro.tables import write_cells


def test_every_number_of_the_bundled_technology_has_a_source() -> None:
    file = bundled_technology("28nm")
    fields = {f.name for f in dataclasses.fields(file.technology)} - {"fin"}
    fins = {f"fin.{f.name}" for f in dataclasses.fields(type(file.technology.fin))}  # type: ignore[arg-type]
    assert set(file.sources) == fields | fins | {"node_wire_resistance_ohm_per_m"}


def test_the_models_differ_in_the_wires_only() -> None:
    file = bundled_technology("28nm")
    physical, neurosim = file.for_model("physical"), file.for_model("neurosim")
    assert neurosim == file.technology
    assert physical.wire_resistance_ohm_per_m > neurosim.wire_resistance_ohm_per_m
    same = dataclasses.replace(physical, wire_resistance_ohm_per_m=neurosim.wire_resistance_ohm_per_m)
    assert same == neurosim


def test_wire_resistance_is_that_of_the_stated_wire() -> None:
    file = bundled_technology("28nm")
    assert file.technology.wire_resistance_ohm_per_m == approx(2.73e-8 / (100e-9**2 * 2.3))
    assert file.node_wire_resistance_ohm_per_m == approx(3.91e-8 / (50e-9**2 * 2.34))


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(UserError, match="28nm"):
        bundled_technology("3nm")
    with pytest.raises(UserError, match="smtj"):
        Lookup().cell("xmtj")


def _table(path: Path, leave_out: str = "") -> None:
    quantities = {}
    for field, name in TABLE_NAMES.items():
        value = float(getattr(FINFET, field))
        quantities[name] = known(name, value, 0.9 * value, 1.1 * value)
    fin = FINFET.fin
    assert fin is not None
    quantities |= {
        "fin_height": known("fin_height", fin.height_m),
        "fin_width": known("fin_width", fin.width_m),
        "fin_pitch": known("fin_pitch", fin.pitch_m),
    }
    quantities.pop(leave_out, None)
    write_table(path, BitcellTable(technologies={"finfet28": quantities}))


def test_a_characterised_card_is_a_technology(tmp_path: Path) -> None:
    path = tmp_path / "bitcells.h5"
    _table(path)
    assert technology_from_table(path, "finfet28") == FINFET
    with pytest.raises(UserError, match="finfet28"):
        technology_from_table(path, "asap7")


def test_a_card_that_lacks_a_quantity_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bitcells.h5"
    _table(path, leave_out="ion_p")
    with pytest.raises(UserError, match="ion_p"):
        technology_from_table(path, "finfet28")


def test_the_intervals_of_a_card_reach_the_design(tmp_path: Path) -> None:
    path = tmp_path / "bitcells.h5"
    _table(path)
    cell = {key: value for key, value in dataclasses.asdict(CELL).items() if value == value}
    design = {"technology": "finfet28", "cell": cell, "core": {"rows": 400, "synapses": 100}}
    (document,) = Lookup(path).resolve([design])
    found = uncertain_fields(document)
    assert found["technology.vdd_V"] == approx((0.8, 0.72, 0.88))
    assert not any(field.startswith("cell.") for field in found)
    assert "area_m2" in estimate_documents([document])[0]


def test_fields_of_a_cell_have_the_relative_intervals_of_the_table(tmp_path: Path) -> None:
    """The circuit gets resistances without the access switch: the interval moves with the value."""
    path = write_cells(tmp_path / "cells.h5")
    name = CELLS["smtj"]
    (document,) = Lookup(tables=path, model="physical").resolve([{"technology": "card", "cell": name}])
    assert isinstance(document, dict)
    whole = open_table(path).cells[name]["0.85"].quantities
    found = document["cell"]["r_on_ohm"]
    assert found["value"] == approx(whole["r_on"].value - whole["r_access"].value)
    for end in ("ci_low", "ci_high"):
        relative = getattr(whole["r_on"], end) / whole["r_on"].value
        assert found[end] == approx(relative * found["value"])
