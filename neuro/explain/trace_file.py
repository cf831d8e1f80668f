"""A file of traces as the origin of numbers: which cells, which settings, what was recorded of its making."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from flow.table import UserError
from neuro.report.bitcells import Bitcells
from neuro.report.comparison import DEVICES

Key = tuple[str, str, str, str]
"""Source ("table" or "published"), device, variant, model: what the report knows a training by."""


@dataclass(frozen=True, eq=False)
class TraceFile:
    """`cells` are CELL/VARIANT; `provenance` is text by key as in a table, empty for older traces.

    `table_replicas`: further replicas, in cells drawn from the intervals of the table.
    """

    path: Path
    settings: Mapping[str, Any]
    cells: tuple[str, ...]
    replicas: int
    epochs: int
    table_replicas: int
    table_content_sha256: str
    provenance: Mapping[str, str]

    @property
    def model(self) -> str:
        """`physical` or `neurosim`."""
        return str(self.settings.get("model", ""))


def open_trace(path: Path) -> TraceFile:
    """What a trace says of itself. Raises UserError for a file that is none."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            recorded = json.loads(str(file.attrs.get("provenance", "{}")))
            return TraceFile(
                path,
                dict(json.loads(str(file.attrs["settings"]))),
                tuple(str(name) for name in file["cell"].asstr()[()]),
                int(file["replica"].shape[0]),
                int(file["epoch"].shape[0]),
                int(file["table_replica"].shape[0]) if "table_replica" in file else 0,
                str(file.attrs.get("table_content_sha256", "")),
                {str(key): str(value) for key, value in recorded.items()},
            )
    except Exception as error:
        # A damaged file makes the HDF5 library raise almost anything.
        reason = " ".join(str(error).split())
        raise UserError(f"damaged or not a trace of `mtj-neuro train`: {reason}", file=path) from error


@dataclass(frozen=True, eq=False)
class Training:
    """One cell of a trace file."""

    file: TraceFile
    cell: str
    variant: str

    @property
    def name(self) -> str:
        """CELL/VARIANT."""
        return f"{self.cell}/{self.variant}"


def trainings(directory: Path, bitcells: Bitcells) -> dict[Key, Training]:
    """The training behind each run of the report; of several files with the same the younger one counts."""
    found: dict[Key, Training] = {}
    for path in sorted(directory.glob("*.h5"), key=lambda path: (path.stat().st_mtime_ns, path.name)):
        file = open_trace(path)
        for name in file.cells:
            cell, _, variant = name.rpartition("/")
            device = bitcells.device_of(cell)
            source = "table"
            if device is None and cell in DEVICES:
                device, source = cell, "published"
            if device is not None:
                found[source, device, variant, file.model] = Training(file, cell, variant)
    return found
