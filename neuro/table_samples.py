"""Bitcells as the uncertainty of their table allows them to be.

Every quantity with a 95 % interval is drawn from the distribution of `neuro.uncertainty`, each on its own,
but for the two resistances: both are means over the same samples of area and oxide, so the ON resistance and
the OFF/ON ratio are drawn, the ratio with what the interval of the OFF resistance is wider. The spread from
cell to cell moves with the means: a population's resistances and rates are scaled.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from flow.table import Quantity, open_table
from neuro.cells import Bitcell
from neuro.lookup import CELL_QUANTITIES
from neuro.population import Population
from neuro.synapse import Floats
from neuro.uncertainty import Interval

LEARNING_QUANTITIES = CELL_QUANTITIES | {
    "write_energy_0to1_J": ("write_energy_0to1", "write_energy"),
    "write_energy_1to0_J": ("write_energy_1to0", "write_energy"),
    "wer_0to1": ("wer_0to1",),
    "wer_1to0": ("wer_1to0",),
    "rdr": ("rdr",),
    "leakage_W": ("leakage",),
}
"""Quantity of a characterised cell (the first there is) behind each field of `Cell` that learning uses."""


def relative_intervals(quantities: Mapping[str, Quantity]) -> dict[str, Interval]:
    """The intervals of the fields of a cell, each relative to its value (value 1)."""
    found = {}
    for field, names in LEARNING_QUANTITIES.items():
        source = next((quantities[name] for name in names if name in quantities), None)
        if source is None or source.ci_low is None or source.ci_high is None or not source.value > 0.0:
            continue
        low, high = source.ci_low / source.value, source.ci_high / source.value
        if math.isfinite(high - low):
            # The estimate of a mean may lie a rounding error outside its own interval.
            found[field] = Interval(1.0, min(low, 1.0), max(high, 1.0))
    return found


def table_intervals(path: Path) -> dict[tuple[str, str], dict[str, Interval]]:
    """`relative_intervals` of each cell and variant of a table."""
    table = open_table(path)
    return {
        (name, variant): relative_intervals(content.quantities)
        for name, variants in table.cells.items()
        for variant, content in variants.items()
    }


def _factors(name: str, intervals: Mapping[str, Interval], samples: int, seed: int) -> dict[str, Floats]:
    """What each field is multiplied by, (samples,) each."""

    def drawn(field: str, interval: Interval) -> Floats:
        # A stream of its own for every cell and field, so that adding one does not change the others.
        return interval.sample(np.random.default_rng([seed, *f"{name}.{field}".encode()]), samples)

    factors = {field: drawn(field, interval) for field, interval in intervals.items()}
    on, off = intervals.get("r_on_ohm"), intervals.get("r_off_ohm")
    if on is not None and off is not None:
        low = math.sqrt(max((1.0 - off.low) ** 2 - (1.0 - on.low) ** 2, 0.0))
        high = math.sqrt(max((off.high - 1.0) ** 2 - (on.high - 1.0) ** 2, 0.0))
        ratio = drawn("r_off_ohm", Interval(1.0, 1.0 - low, 1.0 + high))
        factors["r_off_ohm"] = factors["r_on_ohm"] * ratio
    return factors


def sampled_bitcells(
    bitcell: Bitcell, intervals: Mapping[str, Interval], samples: int, seed: int
) -> list[Bitcell]:
    """Cells that the table may have meant; the same seed gives the same, fewer samples the first of them."""
    factors = _factors(f"{bitcell.name}/{bitcell.variant}", intervals, samples, seed)
    picked = [{field: float(f[place]) for field, f in factors.items()} for place in range(samples)]
    return [_scaled(bitcell, one) for one in picked]


def _scaled(bitcell: Bitcell, factors: Mapping[str, float]) -> Bitcell:
    changes: dict[str, Any] = {
        field: float(getattr(bitcell.cell, field)) * factor for field, factor in factors.items()
    }
    if changes.get("r_off_ohm", math.inf) <= changes.get("r_on_ohm", 0.0):
        changes["r_off_ohm"] = changes["r_on_ohm"] * (1.0 + 1e-6)
    return dataclasses.replace(
        bitcell,
        cell=dataclasses.replace(bitcell.cell, **changes),
        included_access_ohm=bitcell.included_access_ohm * factors.get("r_access_ohm", 1.0),
        members=None if bitcell.members is None else _population(bitcell.members, factors),
    )


def _population(members: Population, factors: Mapping[str, float]) -> Population:
    def rate(name: str) -> Floats:
        return np.asarray(np.minimum(getattr(members, name) * factors.get(name, 1.0), 1.0))

    return Population(
        members.r_on * factors.get("r_on_ohm", 1.0),
        members.r_off * factors.get("r_off_ohm", 1.0),
        rate("wer_0to1"),
        rate("wer_1to0"),
        rate("rdr"),
        members.weight,
    )
