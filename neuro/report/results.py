"""Everything that the report shows, gathered once: table, traces, comparisons, deviations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from neuro.report import bitcells as cells
from neuro.report import numbers
from neuro.report import runs as training
from neuro.report.bitcells import Bitcells
from neuro.report.comparison import DEVICES, Comparison, finite, number_id
from neuro.report.cores import CorePoint, core_fronts
from neuro.report.deviation import Deviation, Reason, deviations, packaged_reasons
from neuro.report.families import Family, families
from neuro.report.fronts import CellFront, cell_fronts
from neuro.report.oxide import OxideStudy, open_oxide
from neuro.report.paper import TABLE_3, Paper
from neuro.report.runs import Run, mean_interval
from neuro.report.specification import Limited, specification
from neuro.report.traces import outdated, read_traces


@dataclass(frozen=True)
class Advantage:
    """The DMTJ against the SMTJ in per cent (negative: less); `ours` is None where we have none."""

    quantity: str
    label: str
    model: str
    ours: float | None
    paper: float

    @property
    def id(self) -> str:
        """Address in the results document."""
        return number_id("advantage", self.quantity, self.model)

    def as_json(self) -> dict[str, Any]:
        """The row as a JSON object."""
        return {
            "id": self.id,
            "quantity": self.quantity,
            "label": self.label,
            "model": self.model or None,
            "percent": finite(self.ours),
            "paper_percent": finite(self.paper),
        }


class Results:
    """Results of one table and its traces; `reasons` account for deviations from the paper.

    `notes` are warnings that belong in front of everything, such as traces that may be outdated.
    """

    def __init__(
        self,
        bitcells: Bitcells,
        runs: Sequence[Run],
        paper: Paper,
        reasons: Sequence[Reason],
        notes: Sequence[str] = (),
        cell_fronts: Sequence[CellFront] = (),
        oxide: OxideStudy | None = None,
    ) -> None:
        self.oxide = oxide
        self.cell_fronts = list(cell_fronts)
        self.notes = list(notes)
        self.bitcells = bitcells
        self.runs = training.ordered(run for run in runs if run.source == "table")
        self.published_runs = training.ordered(run for run in runs if run.source == "published")
        self.paper = paper
        self.reasons = list(reasons)

    @property
    def models(self) -> list[str]:
        """Models with traces at 0.85 nm, in the order of the columns."""
        found = {run.model for run in self.runs if run.variant == cells.MAIN_VARIANT}
        return [model for model in training.MODELS if model in found]

    @cached_property
    def table_2(self) -> list[Comparison]:
        """Bitcells at 0.85 nm."""
        return cells.table_2(self.bitcells, self.paper)

    @cached_property
    def thin_oxide(self) -> list[Comparison]:
        """Conductance ratios at 0.80 nm."""
        return cells.on_off_at_thin_oxide(self.bitcells, self.paper)

    @property
    def bitcell_rows(self) -> list[Comparison]:
        """Table II with the ratios at 0.80 nm below those at 0.85 nm."""
        ratios = [place for place, row in enumerate(self.table_2) if row.quantity == "on_off"]
        place = ratios[-1] + 1 if ratios else len(self.table_2)
        return [*self.table_2[:place], *self.thin_oxide, *self.table_2[place:]]

    @cached_property
    def table_3(self) -> list[Comparison]:
        """Energies and latencies of training, every oxide and model."""
        return training.table_3(self.runs, self.paper)

    @cached_property
    def accuracy(self) -> list[Comparison]:
        """Accuracies after the last epoch, every oxide and model."""
        return training.accuracy(self.runs, self.paper)

    @cached_property
    def area(self) -> list[Comparison]:
        """Areas of the cores at 0.85 nm."""
        return training.area(self.runs, self.paper)

    @property
    def comparisons(self) -> list[Comparison]:
        """All of them, in the order of the paper."""
        return [*self.table_2, *self.thin_oxide, *self.table_3, *self.accuracy, *self.area]

    @cached_property
    def deviations(self) -> list[Deviation]:
        """Numbers beyond the limit, with their reasons."""
        return deviations(self.comparisons, self.reasons)

    @property
    def unexplained(self) -> list[Deviation]:
        """Numbers beyond the limit for which nobody has given a reason that fits."""
        return [deviation for deviation in self.deviations if not deviation.explained]

    @cached_property
    def advantages(self) -> list[Advantage]:
        """What the double barrier saves, at 0.85 nm: bitcell figures once, array figures for each model."""
        rows = []
        for quantity, label, published in self.paper.advantage():
            in_cell = quantity in {row.quantity for row in self.table_2}
            for model in [""] if in_cell else self.models:
                rows.append(Advantage(quantity, label, model, self._advantage(quantity, model), published))
        return rows

    @cached_property
    def specification(self) -> list[Limited]:
        """Limits of the cells' files, every variant of the table."""
        return specification(self.bitcells.table)

    @cached_property
    def families(self) -> list[Family]:
        """Error rates against pulse and voltage, every variant of both cells."""
        return families(self.bitcells)

    @cached_property
    def core_fronts(self) -> list[CorePoint]:
        """Shapes of cores that no other beats."""
        return core_fronts(self.bitcells)

    def _advantage(self, quantity: str, model: str) -> float | None:
        values = {
            row.device: row.measured.value
            for row in (*self.table_2, *self.table_3, *self.area)
            if (row.quantity, row.model, row.variant)
            == (quantity.removesuffix("_meant"), model, cells.MAIN_VARIANT)
        }
        return _relative(values)

    def as_json(self) -> dict[str, Any]:
        """The JSON document of `mtj-neuro report`, without what was written."""
        return {
            "table": str(self.bitcells.path),
            "paper": self.paper.doi,
            "cells": self.bitcells.name,
            "comparisons": [row.as_json() for row in self.comparisons],
            "advantages": [row.as_json() for row in self.advantages],
            "accuracy_by_epoch": [
                {
                    "id": number_id("accuracy_by_epoch", run.device, run.variant, run.model),
                    "device": run.device,
                    "variant": run.variant,
                    "model": run.model,
                    "mean": [mean_interval(row).value for row in run.accuracy],
                    "replicas": run.replicas,
                }
                for run in self.runs
            ],
            "deviations": [deviation.as_json() for deviation in self.deviations],
            "unexplained": len(self.unexplained),
            "specification": [row.as_json() for row in self.specification],
            "families": [point for family in self.families for point in family.as_json()],
            "cell_fronts": [point for front in self.cell_fronts for point in front.as_json()],
            "core_fronts": [point.as_json() for point in self.core_fronts],
            "quantities": list(numbers.quantities(self.bitcells)),
            "device_parameters": list(numbers.device_parameters(self.bitcells, self.paper)),
            "area_by_block": list(numbers.areas(self.runs)),
            "costs_by_epoch": list(numbers.costs(self.runs)),
            "advantages_of_published_cells": [
                {
                    "id": number_id("advantage_of_published_cells", quantity),
                    "quantity": quantity,
                    "percent": finite(training_advantage(self.published_runs, quantity, "neurosim")),
                    "sources": [
                        f"training:published/{device}/{cells.MAIN_VARIANT}/neurosim" for device in DEVICES
                    ],
                }
                for quantity in dict.fromkeys(row.quantity for row in self.advantages if row.model)
                if self.published_runs
            ],
            "notes": self.notes,
        }


def gather(tables: Path, traces: Path, sizes: Sequence[Path] = (), oxide: Path | None = None) -> Results:
    """The results of a bitcell table, a directory of traces and documents of `mtj-flow size --json`.

    Without `sizes` they are looked for beside the table; `oxide`: directory of a study of the
    oxide. Raises UserError where one cannot be read.
    """
    bitcells = cells.open_bitcells(tables)
    runs = read_traces(traces, bitcells)
    fronts = cell_fronts(sizes, bitcells)
    notes = outdated(traces, bitcells)
    return Results(bitcells, runs, Paper(), packaged_reasons(), notes, fronts, open_oxide(oxide))


def training_advantage(runs: Sequence[Run], quantity: str, model: str) -> float | None:
    """The DMTJ against the SMTJ in per cent at 0.85 nm in `runs`; None where one of them is missing."""
    fields = {name: field for _, name, _, _, field, _ in TABLE_3}
    values = {}
    for run in runs:
        if (run.variant, run.model) == (cells.MAIN_VARIANT, model):
            values[run.device] = (
                run.area_m2 if quantity == "area" else float(getattr(run, fields[quantity])[-1].mean())
            )
    return _relative(values)


def _relative(values: dict[str, float]) -> float | None:
    if set(values) != set(DEVICES):
        return None
    return 100.0 * (values["dmtj"] / values["smtj"] - 1.0)
