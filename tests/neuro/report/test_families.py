"""WER(t) and RDR(V) on the page: the table's numbers, with their bands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flow.table import write_table
from neuro.explain.address import addresses, find
from neuro.report.bitcells import open_bitcells
from neuro.report.comparison import Measured, shown, shown_measured
from neuro.report.families import families
from neuro.report.paper import Paper
from neuro.report.results import Results
from neuro.report.sections import families as part
from tests.near import approx
from tests.neuro.report.material import CELLS, bitcells, full_table, run


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    path = tmp_path_factory.mktemp("families") / "bitcells.h5"
    write_table(path, full_table())
    return Results(open_bitcells(path), [run()], Paper(), [])


def test_the_numbers_are_those_of_the_table(results: Results) -> None:
    section = part.section(results)
    assert [table.caption.split(" against")[0] for table in section.appendix] == [
        "Write error rate 0 → 1",
        "Write error rate 1 → 0",
        "Read disturb rate",
    ]
    stored = results.bitcells.main("dmtj").curves
    for table, rate, dim, factor in zip(
        section.appendix,
        ("wer_0to1", "wer_1to0", "rdr"),
        ("pulse_0to1", "pulse_1to0", "voltage_read"),
        (1e9, 1e9, 1.0),
        strict=True,
    ):
        assert [row[0].text for row in table.rows] == ["60 %", "80 %", "100 %", "120 %"]
        for place, row in enumerate(table.rows):
            assert row[5].text == shown(factor * stored[dim].values[place])
            assert row[6].text == shown(stored[f"{rate}_nominal"].values[place])
            assert row[7].text.startswith(shown(stored[f"{rate}_mean"].values[place]) + " ± ")
            rare = [stored[f"{rate}_quantile{end}"].values[3, place] for end in ("", "_ci_low", "_ci_high")]
            assert row[8].text == shown_measured(Measured(*rare))


def test_every_point_has_an_address_and_leads_to_the_table(results: Results) -> None:
    document = addresses(results.as_json())
    number = find(document, f"family/{CELLS['smtj']}/0.85/wer_0to1/0.8")
    curves = results.bitcells.main("smtj").curves
    assert number.value == curves["wer_0to1_mean"].values[1]
    rare = find(document, f"family/{CELLS['smtj']}/0.85/rdr/1.2/exceeded_by_0.1_percent")
    assert rare.value == curves["rdr_quantile"].values[3, 3]
    assert rare.holder["exceeded_by_0.1_percent_low"] == curves["rdr_quantile_ci_low"].values[3, 3]
    assert number.holder["sources"] == [f"table:{CELLS['smtj']}/0.85"]
    assert number.holder["pulse_ns"] == approx(0.8 * 3.39)


def test_the_figures_show_mean_interval_band_and_operating_point(results: Results) -> None:
    write, read = part.section(results).figures
    for axis in (*write.canvas.axes, *read.canvas.axes):
        # Two devices, each: a band over the population and one of the mean; mean, nominal cell, limit, point.
        assert len(axis.collections) == 4
        assert len(axis.lines) == 8
        assert axis.get_yscale() == "log"
    for figure, rate, unit in ((write, "wer_0to1", 1e9), (read, "rdr", 1.0)):
        curves = results.bitcells.main("smtj").curves
        x, y = figure.canvas.axes[0].lines[0].get_data()
        np.testing.assert_array_equal(y, curves[f"{rate}_mean"].values)
        point = figure.canvas.axes[0].lines[3]
        limit = results.bitcells.main("smtj").quantities[f"{rate.split('_')[0]}_limit"].value
        assert point.get_ydata()[0] == approx(limit)
        name = "write_pulse" if unit > 1 else "read_voltage"
        assert point.get_xdata()[0] == approx(unit * results.bitcells.main("smtj").quantities[name].value)
        assert x[0] < point.get_xdata()[0] < x[-1]


def test_a_table_without_curves_says_what_to_do(tmp_path: Path) -> None:
    found = Results(bitcells(tmp_path), [run()], Paper(), [])
    section = part.section(found)
    assert (section.figures, section.appendix, found.as_json()["families"]) == ([], (), [])
    assert "mtj-flow characterize" in section.text[0]


def test_each_direction_has_its_own_pulses(tmp_path: Path) -> None:
    table = full_table()
    for variants in table.cells.values():
        curves = variants["0.85"].curves
        curves["pulse_1to0"] = replace(curves["pulse_1to0"], values=2.0 * curves["pulse_1to0"].values)
    write_table(tmp_path / "t.h5", table)
    found = {family.kind.rate: family.x for family in families(open_bitcells(tmp_path / "t.h5"))}
    np.testing.assert_allclose(found["wer_1to0"], 2.0 * found["wer_0to1"])
