"""Results of offline classification: accuracy, writing once, reading the test set; as JSON, HDF5 and CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from flow.table import replace_file, sealed
from neuro.accounting import CostModel, Costs
from neuro.kernel import DISTURBS, RESET_FLIPS, SET_FLIPS, WRITE_ERRORS
from neuro.offline import Classification


@dataclass(frozen=True)
class OfflineTrace:
    """One cell: its chips, and what writing and reading cost in each."""

    cost_model: CostModel
    found: list[Classification]
    programming: list[Costs]
    inference: list[Costs]

    @property
    def name(self) -> str:
        """Cell and variant."""
        return f"{self.found[0].bitcell.name}/{self.found[0].bitcell.variant}"


def offline_trace(cost_model: CostModel, found: Sequence[Classification]) -> OfflineTrace:
    """The chips of one cell, charged."""
    programming = [cost_model.costs(one.programming) for one in found]
    return OfflineTrace(
        cost_model, list(found), programming, [cost_model.costs(one.inference) for one in found]
    )


# Column: unit, what it is, how it is had of a trace's chip.
_COLUMNS: dict[str, tuple[str, str, Any]] = {
    "software_accuracy": (
        "percent",
        "test images classified right in software",
        lambda t, i: t.found[i].software,
    ),
    "accuracy": ("percent", "test images classified right in the array", lambda t, i: t.found[i].accuracy),
    "accuracy_without_clamp": (
        "percent",
        "the same without the converter's clamp, NaN: not examined",
        lambda t, i: t.found[i].unclamped,
    ),
    "write_latency": ("s", "programming all weights once", lambda t, i: t.programming[i].totals[1]),
    "write_energy": ("J", "programming all weights once", lambda t, i: t.programming[i].totals[3]),
    "read_latency": ("s", "reading the whole test set", lambda t, i: t.inference[i].totals[0]),
    "read_energy": ("J", "reading the whole test set", lambda t, i: t.inference[i].totals[2]),
    "set_pulses": ("1", "SET pulses", lambda t, i: _count(t.found[i].programming, SET_FLIPS)),
    "reset_pulses": ("1", "RESET pulses", lambda t, i: _count(t.found[i].programming, RESET_FLIPS)),
    "write_errors": ("1", "failed write pulses", lambda t, i: _count(t.found[i].programming, WRITE_ERRORS)),
    "disturbs": ("1", "cells flipped by a read", lambda t, i: _count(t.found[i].inference, DISTURBS)),
    "wrong_cells": ("1", "cells that held another bit after the test", lambda t, i: t.found[i].wrong),
}


def _count(events: Any, index: int) -> int:
    return sum(int(seen.counters[index]) for seen in events)


def _column(trace: OfflineTrace, name: str) -> list[Any]:
    return [_COLUMNS[name][2](trace, chip) for chip in range(len(trace.found))]


def document(traces: Sequence[OfflineTrace], seconds: float) -> dict[str, Any]:
    """The JSON document of `mtj-neuro classify`."""
    cells: dict[str, dict[str, Any]] = {}
    for one in traces:
        first = one.found[0]
        free = [None if math.isnan(value) else value for value in _column(one, "accuracy_without_clamp")]
        cells.setdefault(first.bitcell.name, {})[first.bitcell.variant] = {
            "area_m2": one.cost_model.area_m2,
            "leakage_W": one.cost_model.leakage_W,
            "cells": first.cells,
            "software_accuracy": _column(one, "software_accuracy"),
            "accuracy": _column(one, "accuracy"),
            "accuracy_without_clamp": free,
            "wrong_cells": _column(one, "wrong_cells"),
            "programming": {
                "write_latency_s": _column(one, "write_latency"),
                "write_energy_J": _column(one, "write_energy"),
                "write_energy_parts_J": [costs.write_energy for costs in one.programming],
                "set_pulses": _column(one, "set_pulses"),
                "reset_pulses": _column(one, "reset_pulses"),
                "write_errors": _column(one, "write_errors"),
            },
            "inference": {
                "images": first.inference[0].images,
                "read_latency_s": _column(one, "read_latency"),
                "read_energy_J": _column(one, "read_energy"),
                "read_energy_parts_J": [costs.read_energy for costs in one.inference],
                "disturbs": _column(one, "disturbs"),
            },
        }
    return {"cells": cells, "seconds": seconds}


def write_csv(traces: Sequence[OfflineTrace], path: Path) -> None:
    """One line for each cell, variant and replica."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    units = {name: "" if unit == "1" else f"_{unit}" for name, (unit, _, _) in _COLUMNS.items()}
    writer.writerow(["cell", "variant", "replica", *(f"{name}{unit}" for name, unit in units.items())])
    for one in traces:
        for chip, found in enumerate(one.found):
            values = [column(one, chip) for _, _, column in _COLUMNS.values()]
            shown = ["" if isinstance(v, float) and math.isnan(v) else repr(v) for v in values]
            writer.writerow([found.bitcell.name, found.bitcell.variant, found.replica, *shown])
    _replace(path, text.getvalue().encode())


def write_hdf5(
    traces: Sequence[OfflineTrace], path: Path, attributes: Mapping[str, str | int | float]
) -> None:
    """Everything along (cell, replica), with units and long names. The same results give the same bytes."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", track_order=True) as file:
        for key, value in {"schema_name": "mtjflow.offline", "schema_version": 1, **attributes}.items():
            file.attrs[key] = value
        scales = {
            "cell": np.array([one.name for one in traces], dtype=h5py.string_dtype()),
            "replica": np.array([found.replica for found in traces[0].found]),
        }
        for name, values in scales.items():
            file.create_dataset(name, data=values).make_scale(name)
            file[name].attrs["units"] = "1"
            file[name].attrs["long_name"] = name
        for name, (unit, text, _) in _COLUMNS.items():
            data = file.create_dataset(name, data=np.array([_column(one, name) for one in traces]))
            data.attrs["units"] = unit
            data.attrs["long_name"] = text
            for axis, dim in enumerate(("cell", "replica")):
                data.dims[axis].attach_scale(file[dim])
    _replace(path, sealed(buffer.getvalue()))


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content)
