"""Global corners of the card: sections of the library, apart from the local mismatch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flow.measure.bench import Bench
from flow.measure.samples import SampleRates, operations_of
from flow.spice.deck import card_section
from flow.statistics.variation import variation_of
from tests.conftest import CELLS, MakeBench


def ln_rates(bench: Bench, corner: str) -> list[float]:
    """ln(WER) of both writes of the nominal cell at a corner."""
    moved = replace(bench, spec=bench.spec.model_copy(update={"corner": corner}))
    y = np.zeros((1, variation_of(moved).dimension))
    voltages = {"0to1": 0.80, "1to0": 0.84}
    return [
        float(
            SampleRates(
                moved, operation, y, np.array([voltages[operation.name]]), np.array([operation.pulse]), 5
            ).run()["ln_rate"][0, 0, 0]
        )
        for operation in operations_of(moved)[:2]
    ]


def test_a_fast_die_writes_better_and_a_slow_one_worse(make_bench: MakeBench) -> None:
    bench = make_bench(CELLS[0])
    rates = {corner: ln_rates(bench, corner) for corner in ("tt", "ff", "ss", "sf", "fs")}
    for direction in (0, 1):
        assert rates["ff"][direction] < rates["tt"][direction] < rates["ss"][direction]
    # 0 -> 1 pulls through the n-FinFET, 1 -> 0 through the p-FinFET: the crossed corners tell them apart.
    assert rates["fs"][0] < rates["tt"][0] < rates["sf"][0]
    assert rates["sf"][1] < rates["tt"][1] < rates["fs"][1]


@pytest.mark.parametrize("corner", ["tt", "ff", "ss", "sf", "fs"])
def test_a_corner_changes_no_mismatch(make_bench: MakeBench, corner: str) -> None:
    bench = make_bench(CELLS[1])
    assert set(card_section(bench.cell.card, corner, bench.root).models) == {"nfet", "pfet"}
    moved = replace(bench, spec=bench.spec.model_copy(update={"corner": corner}))
    assert [v.spread for v in variation_of(moved).variables] == [
        v.spread for v in variation_of(bench).variables
    ]
