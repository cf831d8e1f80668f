"""The study of the oxide (studies/oxide.toml): cells and networks at more thicknesses than the paper has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from neuro.report.bitcells import Bitcells, measured, open_bitcells
from neuro.report.comparison import DEVICES, Measured
from neuro.report.runs import Run, ordered
from neuro.report.traces import outdated, read_traces


@dataclass(frozen=True)
class OxideStudy:
    """`ratios[device]`: OFF/ON ratio of resistances by oxide (nm); `runs`: trainings in these cells."""

    ratios: dict[str, dict[str, Measured]]
    runs: list[Run]
    notes: list[str]


def open_oxide(directory: Path | None) -> OxideStudy | None:
    """The study that lies in `directory` (`bitcells.h5`, `traces/`); None where it has not been run.

    Raises UserError for a table or traces that cannot be read.
    """
    if directory is None or not (directory / "bitcells.h5").is_file() or not (directory / "traces").is_dir():
        return None
    bitcells = open_bitcells(directory / "bitcells.h5")
    runs = read_traces(directory / "traces", bitcells)
    return OxideStudy(
        {device: _ratios(bitcells, device) for device in DEVICES},
        ordered(run for run in runs if run.source == "table"),
        outdated(directory / "traces", bitcells),
    )


def _ratios(bitcells: Bitcells, device: str) -> dict[str, Measured]:
    variants = bitcells.variants(device)
    found = {name: measured(variants[name], "on_off") for name in sorted(variants)}
    return {name: ratio for name, ratio in found.items() if ratio is not None}
