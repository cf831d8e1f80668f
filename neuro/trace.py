"""Traces of learning: accuracy, latency and energy after each epoch, as JSON, HDF5 and CSV."""

from __future__ import annotations

import csv
import functools
import io
import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from flow.table import replace_file, sealed
from neuro.accounting import CostModel, Costs
from neuro.kernel import (
    CHANGED,
    DISTURBS,
    RESET_COUNTED,
    RESET_FLIPS,
    SET_COUNTED,
    SET_FLIPS,
    WRITE_ERRORS,
    WRITTEN_BATCHES,
    WRITTEN_ROWS,
)
from neuro.synapse import Floats
from neuro.training import Run

COUNTS = {
    "set_flips": (SET_FLIPS, "cells set to 1"),
    "reset_flips": (RESET_FLIPS, "cells reset to 0"),
    "set_counted": (SET_COUNTED, "cells charged with a remembered SET (reference model)"),
    "reset_counted": (RESET_COUNTED, "cells charged with a remembered RESET (reference model)"),
    "changed_synapses": (CHANGED, "synapses whose weight was touched"),
    "written_rows": (WRITTEN_ROWS, "rows with a flip (physical model)"),
    "written_batches": (WRITTEN_BATCHES, "write batches with a flip (physical model)"),
    "write_errors": (WRITE_ERRORS, "failed write pulses (physical model)"),
    "disturbs": (DISTURBS, "cells flipped by a read (physical model)"),
}
COSTS = {
    "read_latency": ("s", "read latency, cumulative"),
    "write_latency": ("s", "write latency, cumulative"),
    "read_energy": ("J", "read energy, cumulative"),
    "write_energy": ("J", "write energy, cumulative"),
}


@dataclass(frozen=True)
class TableSpread:
    """What the intervals of the bitcell table make of a trace.

    totals float64 (samples, epochs, 4): the costs in the order of `COSTS`, mean of the replicas, each sample
    of the table charged for the same events. `runs` (may be empty): networks trained in cells of the first
    samples, with the random numbers of the replicas of the same number.
    """

    totals: Floats
    runs: list[Run]


@dataclass(frozen=True)
class Trace:
    """All replicas of one cell and variant: `runs` trained to the same epoch, `costs[replica][epoch]`.

    `table` is None where the cells have no intervals.
    """

    cost_model: CostModel
    runs: list[Run]
    costs: list[list[Costs]]
    table: TableSpread | None = None

    @property
    def name(self) -> str:
        """Cell and variant."""
        return f"{self.runs[0].bitcell.name}/{self.runs[0].bitcell.variant}"


def trace(
    cost_model: CostModel,
    runs: Sequence[Run],
    sampled: CostModel | None = None,
    table_runs: Sequence[Run] = (),
) -> Trace:
    """The trace of the replicas `runs` of one cell; `sampled` charges for samples of its table."""
    costs = [[cost_model.costs(record.events) for record in run.records] for run in runs]
    table = None if sampled is None else TableSpread(_table_totals(sampled, runs), list(table_runs))
    return Trace(cost_model, list(runs), costs, table)


def _table_totals(sampled: CostModel, runs: Sequence[Run]) -> Floats:
    """Costs are linear in the events: those of all replicas together, by their number, are the mean."""
    rows = []
    for records in zip(*(run.records for run in runs), strict=True):
        together = [
            functools.reduce(operator.add, places)
            for places in zip(*(r.events for r in records), strict=True)
        ]
        rows.append(np.stack(np.broadcast_arrays(*sampled.costs(together).totals), axis=-1) / len(runs))
    return np.stack(rows, axis=1)


def _interval(values: Floats) -> list[float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return [float(low), float(high)]


def array_names(count: int) -> list[str]:
    """Names of the arrays from the input on; the usual two have their usual names."""
    if count == 2:
        return ["input_hidden", "hidden_output"]
    return [f"array_{place + 1}" for place in range(count)]


def document(traces: Sequence[Trace], seconds: float) -> dict[str, Any]:
    """The JSON document of `mtj-neuro train`."""
    cells: dict[str, dict[str, Any]] = {}
    for one in traces:
        bitcell = one.runs[0].bitcell
        epochs = [_epoch(one, row) for row in range(len(one.runs[0].records))]
        cells.setdefault(bitcell.name, {})[bitcell.variant] = {
            "area_m2": one.cost_model.area_m2,
            "area_parts_m2": one.cost_model.area_parts_m2,
            "leakage_W": one.cost_model.leakage_W,
            "epochs": epochs,
        }
    runs = [run for one in traces for run in one.runs]
    trained = sum(run.image / run.settings.images_per_epoch for run in runs)
    tested = sum(len(run.records) for run in runs)
    return {
        "cells": cells,
        "seconds": seconds,
        "train_seconds_per_epoch": sum(run.train_seconds for run in runs) / max(trained, 1.0),
        "test_seconds_per_epoch": sum(run.test_seconds for run in runs) / max(tested, 1),
    }


def _epoch(one: Trace, row: int) -> dict[str, Any]:
    records = [run.records[row] for run in one.runs]
    costs = [replica[row] for replica in one.costs]
    names = array_names(len(records[0].events))
    totals = list(zip(*(cost.totals for cost in costs), strict=True))
    flips = {}
    events = {}
    for place, name in enumerate(names):
        counters = [record.events[place].counters for record in records]
        flips[name] = sum(int(seen[SET_FLIPS] + seen[RESET_FLIPS]) for seen in counters)
        events[name] = {key: [int(seen[index]) for seen in counters] for key, (index, _) in COUNTS.items()}
        events[name]["active_rows"] = [record.events[place].active_rows for record in records]
    table: dict[str, Any] = {}
    if one.table is not None:
        table = {
            f"{name}_{unit}": _interval(one.table.totals[:, row, index])
            for index, (name, (unit, _)) in enumerate(COSTS.items())
        }
        table["accuracy"] = [run.records[row].accuracy for run in one.table.runs]
        table = {"table": table}
    return table | {
        "epoch": records[0].epoch,
        "accuracy": [record.accuracy for record in records],
        "accuracy_without_clamp": [
            None if math.isnan(record.unclamped) else record.unclamped for record in records
        ],
        "read_latency_s": list(totals[0]),
        "write_latency_s": list(totals[1]),
        "read_energy_J": list(totals[2]),
        "write_energy_J": list(totals[3]),
        "cell_flips": flips,
        "events": events,
        "read_energy_parts_J": [cost.read_energy for cost in costs],
        "write_energy_parts_J": [cost.write_energy for cost in costs],
    }


def write_csv(traces: Sequence[Trace], path: Path) -> None:
    """One line for each cell, variant, replica and epoch."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = array_names(len(traces[0].runs[0].network.arrays))
    heads = ["cell", "variant", "replica", "epoch", "accuracy_percent", "accuracy_without_clamp_percent"]
    heads += [f"{name}_{unit}" for name, (unit, _) in COSTS.items()]
    heads += [f"{name}_{key}" for name in names for key in COUNTS]
    intervals = any(one.table is not None for one in traces)
    if intervals:
        heads += [
            f"{name}_{unit}_table_{end}" for name, (unit, _) in COSTS.items() for end in ("low", "high")
        ]
    writer.writerow(heads)
    for one in traces:
        for run, costs in zip(one.runs, one.costs, strict=True):
            for row, (record, cost) in enumerate(zip(run.records, costs, strict=True)):
                line: list[Any] = [run.bitcell.name, run.bitcell.variant, run.replica, record.epoch]
                line += [record.accuracy, "" if math.isnan(record.unclamped) else record.unclamped]
                line += [repr(total) for total in cost.totals]
                line += [int(seen.counters[index]) for seen in record.events for index, _ in COUNTS.values()]
                if intervals and one.table is not None:
                    for index in range(len(COSTS)):
                        line += [repr(end) for end in _interval(one.table.totals[:, row, index])]
                writer.writerow(line)
    _replace(path, text.getvalue().encode())


def write_hdf5(traces: Sequence[Trace], path: Path, attributes: Mapping[str, str | int | float]) -> None:
    """Everything along (cell, replica, epoch, array), with dimension scales, units and long names.

    The same traces and attributes give the same bytes. A checksum stands at the end.
    """
    runs = traces[0].runs
    shape = (len(traces), len(runs), len(runs[0].records))
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", track_order=True) as file:
        for key, value in {"schema_name": "mtjflow.traces", "schema_version": 1, **attributes}.items():
            file.attrs[key] = value
        scales = {
            "cell": np.array([one.name for one in traces], dtype=h5py.string_dtype()),
            "replica": np.array([run.replica for run in runs]),
            "epoch": np.array([record.epoch for record in runs[0].records]),
            "array": np.array(array_names(len(runs[0].network.arrays)), dtype=h5py.string_dtype()),
        }
        for name, values in scales.items():
            file.create_dataset(name, data=values).make_scale(name)
            file[name].attrs["units"] = "1"
            file[name].attrs["long_name"] = name

        def put(name: str, values: Any, dims: Sequence[str], unit: str, long_name: str) -> None:
            data = file.create_dataset(name, data=values)
            data.attrs["units"] = unit
            data.attrs["long_name"] = long_name
            for axis, dim in enumerate(dims):
                data.dims[axis].attach_scale(file[dim])

        along = ("cell", "replica", "epoch")
        area = [one.cost_model.area_m2 for one in traces]
        put("area", np.array(area), ("cell",), "m2", "area of all cores and neurons")
        records = [[run.records for run in one.runs] for one in traces]
        for name, field, text in (
            ("accuracy", "accuracy", "images of the test set classified right"),
            (
                "accuracy_without_clamp",
                "unclamped",
                "the same without the converter's clamp, NaN: not examined",
            ),
        ):
            shown = [[[getattr(r, field) for r in replica] for replica in one] for one in records]
            put(name, np.array(shown).reshape(shape), along, "percent", text)
        totals = np.array([[[cost.totals for cost in run] for run in one.costs] for one in traces])
        for index, (name, (unit, text)) in enumerate(COSTS.items()):
            put(name, totals.reshape(*shape, 4)[..., index], along, unit, text)
        for key, (index, text) in COUNTS.items():
            counts = [
                [[[int(seen.counters[index]) for seen in r.events] for r in replica] for replica in one]
                for one in records
            ]
            put(key, np.array(counts, dtype=np.int64), (*along, "array"), "1", f"{text}, cumulative")
        spreads = [one.table for one in traces if one.table is not None]
        if len(spreads) == len(traces):
            _put_spreads(file, put, spreads)
    _replace(path, sealed(buffer.getvalue()))


def _put_spreads(file: Any, put: Any, spreads: Sequence[TableSpread]) -> None:
    """The datasets of the table's uncertainty, along (cell, table_sample or table_replica, epoch)."""

    def scale(name: str, size: int) -> None:
        file.create_dataset(name, data=np.arange(size)).make_scale(name)
        file[name].attrs["units"] = "1"
        file[name].attrs["long_name"] = name

    totals = np.stack([spread.totals for spread in spreads])
    scale("table_sample", totals.shape[1])
    for index, (name, (unit, text)) in enumerate(COSTS.items()):
        long_name = f"{text}, mean of the replicas, cells as the table's intervals allow"
        put(f"{name}_table", totals[..., index], ("cell", "table_sample", "epoch"), unit, long_name)
    if spreads[0].runs:
        scale("table_replica", len(spreads[0].runs))
        shown = [[[r.accuracy for r in run.records] for run in spread.runs] for spread in spreads]
        long_name = "images classified right, trained in cells as the table's intervals allow"
        put("accuracy_table", np.array(shown), ("cell", "table_replica", "epoch"), "percent", long_name)


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content)
