"""What a command line asks for: settings from its words, cells from a file, a table or the package."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flow.table import UserError
from neuro.cells import Bitcell, cells_from_file, cells_from_table, paper_cells
from neuro.network import Settings
from neuro.table_samples import sampled_bitcells, table_intervals
from neuro.technology import Technology, bundled_technology

TABLE_SAMPLES = 256
"""Cells drawn from the intervals of the table for which the events are charged."""


def drawn_cells(
    tables: Path, cells: Sequence[Bitcell], samples: int, seed: int
) -> dict[Bitcell, list[Bitcell]]:
    """What the table may have meant by each cell."""
    intervals = table_intervals(tables)
    return {one: sampled_bitcells(one, intervals[one.name, one.variant], samples, seed) for one in cells}


def numbers(text: str, kind: type, key: str) -> list[Any]:
    """Numbers with commas between. Raises UserError that names the option `key`."""
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"expected numbers with commas between, not {text!r}", key=key) from None


def default_rates(layers: int) -> tuple[float, ...]:
    """0.4 for every array but the last, which has 0.2: the published pair."""
    return (0.4,) * (layers - 2) + (0.2,)


def window(settings: Settings) -> int:
    """Side of the square of pixels that the first layer sees. Raises UserError if there is none."""
    side = math.isqrt(settings.layers[0])
    if side * side != settings.layers[0]:
        raise UserError("the first layer has as many neurons as a square window has pixels", key="layers")
    return side


def wired(settings: Settings, technology: Technology, bitcell: Bitcell) -> Settings:
    """The settings with the wire resistance that a cell adds along its row and its column."""
    if settings.model == "neurosim":
        return settings
    metre = float(technology.feature_size_m) * float(technology.wire_resistance_ohm_per_m)
    cell = bitcell.cell
    return dataclasses.replace(settings, wire_ohm=(float(cell.width_F) * metre, float(cell.height_F) * metre))


def chosen_bitcells(
    tables: Path, cells: str | None, wanted: list[str] | None, model: str
) -> tuple[Technology, list[Bitcell]]:
    """The technology, and the cells named in `wanted` (all for None), of `cells` or else of the table."""
    if cells is None:
        technology, found = cells_from_table(tables)
    else:
        technology = bundled_technology().for_model(model)
        found = paper_cells() if cells == "paper" else cells_from_file(Path(cells))
    if not wanted:
        return technology, found
    names = {f"{one.name}/{one.variant}" for one in found} | {one.name for one in found}
    for name in wanted:
        if name not in names:
            raise UserError(f"no cell {name!r}; there are {', '.join(sorted(names))}", key="cell")
    return technology, [one for one in found if {one.name, f"{one.name}/{one.variant}"} & set(wanted)]
