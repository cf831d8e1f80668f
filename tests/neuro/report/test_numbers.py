"""The results document holds the numbers that the page shows, each under an address of its own."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from flow.table import quantity_json, write_table
from neuro.explain.address import addresses
from neuro.report.bitcells import open_bitcells
from neuro.report.fronts import cell_fronts
from neuro.report.paper import Paper
from neuro.report.results import Results
from neuro.report.sections import sections
from tests.conftest import ROOT
from tests.near import approx
from tests.neuro.report.material import CELLS, full_table, run, write_full


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    directory = tmp_path_factory.mktemp("numbers")
    table = full_table()
    for name in ("smtj", "dmtj"):
        file = f"spice/devices/{name}.toml"
        table.provenance[f"sha256:{file}"] = hashlib.sha256((ROOT / file).read_bytes()).hexdigest()
        (directory / file).parent.mkdir(parents=True, exist_ok=True)
        (directory / file).write_bytes((ROOT / file).read_bytes())
    write_full(directory, table)
    runs = [run(device, model) for device in ("smtj", "dmtj") for model in ("neurosim", "physical")]
    runs += [run(device, cell=device, source="published") for device in ("smtj", "dmtj")]
    cells = open_bitcells(directory / "bitcells.h5")
    return Results(cells, runs, Paper(), [], (), cell_fronts([], cells))


def test_an_address_is_of_one_number_only(results: Results) -> None:
    document = results.as_json()
    # Deviations repeat the comparisons that they are about.
    ids = [item["id"] for key, items in document.items() if key != "deviations" and isinstance(items, list)
           for item in items if isinstance(item, dict)]  # fmt: skip
    assert len(ids) == len(set(ids)) > 200


def test_quantities_are_those_of_the_table_in_display_units(results: Results) -> None:
    known = addresses(results.as_json())
    for name, quantity in results.bitcells.main("dmtj").quantities.items():
        shown = quantity_json(name, quantity, 28e-9)
        assert known[f"quantity/{CELLS['dmtj']}/0.85/{name}"].value == shown["value"]


def test_parameters_areas_and_costs_are_there(results: Results) -> None:
    known = addresses(results.as_json())
    assert known["table_1/ms/smtj"].value == known["table_1/ms/smtj/paper"].value == 1e6
    assert known["area_by_block/bitcells/dmtj/0.85/physical"].value == approx(5e4)
    costs = [known[f"costs_by_epoch/smtj/0.85/physical/read_energy_mJ/{epoch}"].value for epoch in (6, 14)]
    assert costs == approx([7 / 15, 1.0])
    for name, last in (("write_energy_mJ", 2.0), ("read_latency_ms", 50.0), ("write_latency_ms", 100.0)):
        assert known[f"costs_by_epoch/smtj/0.85/physical/{name}/14"].value == approx(last)
    assert known["advantage_of_published_cells/area"].value == 0.0


def test_every_number_of_a_table_leads_to_one_that_rounds_to_it(results: Results) -> None:
    known = addresses(results.as_json())
    checked = 0
    for part in sections(results):
        for table in (*part.tables, *part.appendix):
            for row in table.rows:
                for cell in row[1:]:
                    match = re.match(r"(×?)([+-]?\d+(?:\.(\d+))?)(?:e([+-]\d+))?", cell.text)
                    if match is None or cell.kind == "text" or part.anchor == "status":
                        continue
                    assert cell.address, (part.anchor, table.caption, cell.text)
                    value = known[cell.address].value
                    assert value is not None
                    if match[1]:
                        value = 1.0 + value / 100.0  # A factor instead of a long percentage.
                    step = 10.0 ** (int(match[4] or 0) - len(match[3] or ""))
                    number = float(match[2]) * 10.0 ** int(match[4] or 0)
                    # The page may show another multiple of the unit: nm of m, µm² of mm².
                    factors = [10.0**power for power in range(-3, 13)]
                    assert any(abs(value * factor - number) <= 0.501 * step for factor in factors), (
                        cell.address,
                        cell.text,
                        value,
                    )
                    checked += 1
    assert checked > 400


def test_a_changed_device_file_is_not_taken_for_the_table_s(results: Results, tmp_path: Path) -> None:
    table = full_table()
    table.provenance["sha256:spice/devices/smtj.toml"] = "0" * 64
    write_table(tmp_path / "bitcells.h5", table)
    other = Results(open_bitcells(tmp_path / "bitcells.h5"), [run()], Paper(), [])
    assert other.as_json()["device_parameters"] == []
