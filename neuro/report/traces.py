"""Reading the traces that `mtj-neuro train` wrote, as runs of the report."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from flow.table import UserError, check_seal, digest
from neuro.accounting import CoreOptions, CostModel
from neuro.cells import paper_cells
from neuro.report.bitcells import Bitcells, statistics_of
from neuro.report.comparison import DEVICES
from neuro.report.runs import MODELS, Run
from neuro.technology import bundled_technology

_SCHEMA = "mtjflow.traces"
_COSTS = ("read_latency", "write_latency", "read_energy", "write_energy")
_ALONG = ("cell", "replica", "epoch")
# Far above any training of ours; keeps a hostile file from filling the memory.
_LARGEST = 1 << 26


def read_traces(directory: Path, bitcells: Bitcells) -> list[Run]:
    """Runs of the cells of the table, and of the published ones, from every trace in `directory`.

    Where two files hold the same cell, oxide and model the younger one counts. Raises UserError if there are
    no traces, or none of these cells.
    """
    if not directory.is_dir():
        raise UserError("no such directory of traces (made by `mtj-neuro train`)", file=directory)
    files = sorted(directory.glob("*.h5"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    if not files:
        raise UserError("holds no traces (made by `mtj-neuro train`)", file=directory)
    found: dict[tuple[str, str, str, str], Run] = {}
    for file in files:
        for run in _read(file, bitcells):
            found[run.source, run.device, run.variant, run.model] = run
    if not any(run.source == "table" for run in found.values()):
        raise UserError(
            f"holds no trace of the cells of {bitcells.path}; run `mtj-neuro train`", file=directory
        )
    return list(found.values())


def outdated(directory: Path, bitcells: Bitcells) -> list[str]:
    """A note for every trace of this table's cells that was made from another one, as far as can be told.

    A trace may name the content of its table (attribute `table_content_sha256`); one that does not is
    doubted where it is older than the table.
    """
    made, content = bitcells.path.stat().st_mtime_ns, digest(bitcells.table)
    notes = []
    for path in sorted(directory.glob("*.h5")):
        with h5py.File(path, "r", locking=False) as file:
            stated = file.attrs.get("table_content_sha256")
            cells = [str(name).rpartition("/")[0] for name in file["cell"].asstr()[()]]
        if not any(bitcells.device_of(cell) for cell in cells):
            continue
        if stated is not None and str(stated) != content:
            notes.append(f"{path} was trained on another table than {bitcells.path}: run `mtj-neuro train`")
        elif stated is None and path.stat().st_mtime_ns < made:
            notes.append(
                f"{path} is older than {bitcells.path} and may come from other cells: run `mtj-neuro train`"
            )
    return notes


def _read(path: Path, bitcells: Bitcells) -> list[Run]:
    check_seal(path)
    try:
        with h5py.File(path, "r", locking=False) as file:
            return _runs(file, path, bitcells)
    except UserError:
        raise
    except Exception as error:
        # A damaged file makes the HDF5 library raise almost anything.
        reason = " ".join(str(error).split())
        raise UserError(f"damaged or not a trace of `mtj-neuro train`: {reason}", file=path) from error


def _runs(file: Any, path: Path, bitcells: Bitcells) -> list[Run]:
    if file.attrs.get("schema_name") != _SCHEMA:
        raise UserError(f"is not a trace: schema_name is not {_SCHEMA!r}", file=path)
    settings = json.loads(str(file.attrs["settings"]))
    model = settings.get("model")
    if model not in MODELS:
        raise UserError(f"unknown model {model!r}", file=path, key="settings")
    names = [str(name) for name in file["cell"].asstr()[()]]
    shape = (len(names), file["replica"].shape[0], file["epoch"].shape[0])
    units = {"accuracy": "percent", **{name: name_unit(name) for name in _COSTS}}
    data = {name: _values(file, name, unit, shape, path) for name, unit in units.items()}
    area = _values(file, "area", "m2", shape[:1], path)
    drawn = _table_values(file, path, shape)
    runs = []
    for place, name in enumerate(names):
        cell, _, variant = name.rpartition("/")
        device = bitcells.device_of(cell)
        source = "table"
        if device is None and cell in DEVICES:
            device, source = cell, "published"
        if device is None:
            continue
        # (replica, epoch) in the file; a report goes along the epochs.
        columns = {key: values[place].T for key, values in data.items()}
        runs.append(
            Run(
                device=device,
                cell=cell,
                variant=variant,
                model=model,
                images_per_epoch=int(settings["images_per_epoch"]),
                accuracy=columns["accuracy"],
                read_latency_s=columns["read_latency"],
                write_latency_s=columns["write_latency"],
                read_energy_J=columns["read_energy"],
                write_energy_J=columns["write_energy"],
                area_m2=float(area[place]),
                area_parts_m2=_parts(settings, source, cell, variant, float(area[place]), bitcells),
                source=source,
                statistics=_statistics(bitcells, cell, variant) if source == "table" else "",
                table_costs={
                    f"{key}_{name_unit(key)}": drawn[key][place].T for key in _COSTS if key in drawn
                },
                accuracy_table=drawn["accuracy"][place].T if "accuracy" in drawn else None,
            )
        )
    return runs


def _table_values(file: Any, path: Path, shape: tuple[int, ...]) -> dict[str, Any]:
    """(cell, sample, epoch) of what the intervals of the bitcell table do, where the trace has it."""
    values = {}
    along = {"accuracy": "table_replica", **dict.fromkeys(_COSTS, "table_sample")}
    for name, scale in along.items():
        if f"{name}_table" in file and scale in file:
            unit = "percent" if name == "accuracy" else name_unit(name)
            size = (shape[0], file[scale].shape[0], shape[2])
            values[name] = _values(file, f"{name}_table", unit, size, path)
    return values


def _statistics(bitcells: Bitcells, cell: str, variant: str) -> str:
    content = bitcells.table.cells[cell].get(variant)
    return "" if content is None else statistics_of(content)


def name_unit(name: str) -> str:
    """SI unit of a cost by its name."""
    return "s" if name.endswith("latency") else "J"


def _values(file: Any, name: str, unit: str, shape: tuple[int, ...], path: Path) -> Any:
    if name not in file:
        raise UserError("is missing", file=path, key=f"/{name}")
    data = file[name]
    if data.shape != shape or data.size > _LARGEST:
        raise UserError(f"has the shape {data.shape} instead of {shape}", file=path, key=f"/{name}")
    if data.attrs.get("units") != unit:
        raise UserError(f"has the unit {data.attrs.get('units')!r} instead of {unit!r}", file=path, key=name)
    values = np.asarray(data[()], dtype=np.float64)
    if not np.all(np.isfinite(values)):
        raise UserError("holds a number that is not finite", file=path, key=f"/{name}")
    return values


def _parts(
    settings: dict[str, Any], source: str, cell: str, variant: str, area: float, bitcells: Bitcells
) -> dict[str, float]:
    """Area by block (m2) of the cores that were trained; empty if they cannot be rebuilt to the same area.

    The trace stores the whole only, and the estimate is a function of table and settings.
    """
    try:
        if source == "table":
            technology, known = bitcells.circuit
        else:
            technology, known = bundled_technology().for_model(settings["model"]), paper_cells()
        bitcell = next(one for one in known if (one.name, one.variant) == (cell, variant))
        options = CoreOptions(partial_sum_bits=int(settings["adc"]["bits"]))
        layers = tuple(int(size) for size in settings["layers"])
        cost = CostModel(technology, bitcell, layers, int(settings["bits"]), settings["model"], options)
    except (UserError, StopIteration, KeyError, TypeError, ValueError):
        return {}
    parts = {name: value for name, value in cost.area_parts_m2.items() if name != "total"}
    return parts if math.isclose(cost.area_m2, area, rel_tol=1e-9) else {}
