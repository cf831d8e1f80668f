"""Pareto fronts: documents of `mtj-flow size`, and the cores of the table's cells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flow.table import UserError, write_table
from neuro.explain.address import addresses, find
from neuro.report.bitcells import Bitcells, open_bitcells
from neuro.report.comparison import shown
from neuro.report.fronts import cell_fronts
from neuro.report.paper import Paper
from neuro.report.results import Results, gather
from neuro.report.sections import fronts as part
from tests.near import approx
from tests.neuro.report.material import CELLS, bitcells, full_table, run, sized, write_trace


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Bitcells:
    path = tmp_path_factory.mktemp("fronts") / "bitcells.h5"
    write_table(path, full_table())
    return open_bitcells(path)


def test_documents_beside_the_table_are_found_and_others_can_be_named(
    tmp_path: Path, cells: Bitcells
) -> None:
    assert cell_fronts([], cells) == []
    beside = cells.path.parent / "size_rc.json"
    beside.write_text(json.dumps(sized(CELLS["smtj"])))
    other = tmp_path / "mine.json"
    other.write_text(json.dumps(sized("1t1mtj_of_somebody")))
    (found,) = cell_fronts([], cells)
    beside.unlink()
    assert (found.cell, found.device, found.variant) == (CELLS["smtj"], "smtj", "0.85")
    (found,) = cell_fronts([other], cells)
    assert (found.cell, found.device) == ("1t1mtj_of_somebody", None)


def test_the_younger_of_two_documents_counts(tmp_path: Path, cells: Bitcells) -> None:
    old, new = tmp_path / "b.json", tmp_path / "a.json"
    old.write_text(json.dumps(sized(CELLS["smtj"])))
    new.write_text(json.dumps(sized(CELLS["smtj"]) | {"best": 0}))
    (found,) = cell_fronts([old, new], cells)
    assert found.path == new


def test_the_front_is_shown_with_its_numbers(tmp_path: Path, cells: Bitcells) -> None:
    (tmp_path / "size.json").write_text(json.dumps(sized(CELLS["smtj"])))
    write_trace(tmp_path / "traces" / "t.h5", [run()])
    results = gather(cells.path, tmp_path / "traces", [tmp_path / "size.json"])
    section = part.section(results)
    # The other cell has no front yet: the page says how to make one.
    assert [text for text in section.text if f"mtj-flow size {CELLS['dmtj']} --json > " in text]
    table = section.appendix[0]
    assert [cell.text for cell in table.rows[0]] == ["nn=1, np=1", "3.60", "290 ± 2", "77.1"]
    assert table.rows[1][0].text == "nn=2, np=2 *"
    assert "made by: mtj-flow size" in table.note
    figure = section.figures[0]
    axis = figure.canvas.axes[0]
    assert axis.get_xlabel().endswith("(ns)")
    assert len(axis.lines[0].get_xdata()) == 4
    number = find(addresses(results.as_json()), f"front/{CELLS['smtj']}/0.85/p2/write_energy")
    assert number.value == 213.0
    assert number.holder["ci_low"] == 211.5


def test_no_core_on_the_front_is_beaten_by_another(cells: Bitcells) -> None:
    results = Results(cells, [run()], Paper(), [])
    document = results.as_json()["core_fronts"]
    for cell in CELLS.values():
        mine = [
            tuple(point[key] for key in ("read_latency_ns", "energy_per_operation_fJ", "area_per_bit_um2"))
            for point in document
            if point["cell"] == cell
        ]
        assert len(mine) > 3
        for one in mine:
            assert not any(
                other != one and all(a <= b for a, b in zip(other, one, strict=True)) for other in mine
            )
    section = part.section(results)
    rows = {row[0].text: row for row in section.appendix[-1].rows if len(row) > 1}
    first = document[0]
    row = rows[f"{first['rows']} × {first['synapses']}, {first['column_mux']}"]
    assert row[1].text == shown(first["read_latency_ns"]) or len(rows) < len(document)
    # The estimate is that of `mtj-neuro estimate` for this very core.
    from neuro.batch import evaluate_many
    from neuro.technology import Core

    technology, known = cells.circuit
    cell = next(one for one in known if one.name == first["cell"])
    core = Core(first["rows"], first["synapses"], 6, first["column_mux"])
    estimate = evaluate_many(technology, cell.for_circuit("physical"), core, "physical")
    bits = first["rows"] * first["synapses"] * 6
    assert first["area_per_bit_um2"] == approx(1e12 * float(estimate.area_m2["total"]) / bits)
    latency, energy = (
        float(estimate.read_batches * (figure["core"] + figure["neuron"]))
        for figure in (estimate.read_latency_per_batch_s, estimate.read_energy_per_batch_J)
    )
    assert first["read_latency_ns"] == approx(1e9 * latency)
    assert first["energy_per_operation_fJ"] == approx(1e15 * energy / (bits / 6))


def test_a_table_without_a_technology_has_no_cores(tmp_path: Path) -> None:
    results = Results(bitcells(tmp_path), [run()], Paper(), [])
    assert results.as_json()["core_fronts"] == []
    section = part.section(results)
    assert len(section.text) == 2
    assert section.figures == []


def _without(key: str) -> Any:
    def change(document: dict[str, Any]) -> None:
        del document[key]

    return change


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (_without("front"), "front"),
        (_without("cell"), "cell"),
        (lambda d: d["front"].clear(), "front"),
        (lambda d: d.update(cell="../../evil"), "cell"),
        (lambda d: d.update(variant="0.85/x"), "variant"),
        (lambda d: d.update(best=7), "best"),
        (lambda d: d["front"][1]["write_energy"].update(unit="pJ"), "front[1].write_energy"),
        (lambda d: d["front"][0]["write_pulse"].update(value="fast"), "front[0].write_pulse.value"),
        (lambda d: d["front"][0]["fins"].update(nn=1.5), "front[0].fins"),
        (lambda d: d["candidates"][2].pop("write_pulse_ns"), "candidates[2].write_pulse_ns"),
        (lambda d: d.update(candidates=3), "candidates"),
    ],
)
def test_a_document_that_is_none_is_one_error(tmp_path: Path, cells: Bitcells, change: Any, key: str) -> None:
    document = sized(CELLS["smtj"])
    change(document)
    path = tmp_path / "size.json"
    path.write_text(json.dumps(document))
    with pytest.raises(UserError) as caught:
        cell_fronts([path], cells)
    assert (caught.value.file, caught.value.key) == (str(path), key)
    assert "\n" not in str(caught.value)
