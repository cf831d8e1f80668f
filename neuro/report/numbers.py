"""The numbers of the page that are no comparison with the paper, for the results document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flow.table import quantity_json
from neuro.report.bitcells import MAIN_VARIANT, Bitcells
from neuro.report.comparison import DEVICES, finite, number_id
from neuro.report.device_file import TABLE_1, device_file, parameters
from neuro.report.figures.area import grouped
from neuro.report.paper import Paper
from neuro.report.runs import Run, mean_interval

# Field of a run, key of the document, factor to its unit.
_COSTS = (
    ("read_latency_s", "read_latency_ms", 1e3),
    ("write_latency_s", "write_latency_ms", 1e3),
    ("read_energy_J", "read_energy_mJ", 1e3),
    ("write_energy_J", "write_energy_mJ", 1e3),
)


def quantities(bitcells: Bitcells) -> Iterator[dict[str, Any]]:
    """Every quantity of both cells in display units, all variants."""
    for device in DEVICES:
        cell = bitcells.name[device]
        for variant, content in bitcells.variants(device).items():
            size = content.quantities.get("feature_size")
            for name in sorted(content.quantities):
                yield {
                    "id": number_id("quantity", cell, variant, name),
                    "device": device,
                    "cell": cell,
                    "variant": variant,
                    "quantity": name,
                    **quantity_json(name, content.quantities[name], None if size is None else size.value),
                    "sources": [f"table:{cell}/{variant}/{name}"],
                }


def device_parameters(bitcells: Bitcells, paper: Paper) -> Iterator[dict[str, Any]]:
    """Parameters of both devices in the units of their files, beside Table I."""
    published = paper.data["table_1"]
    for device in DEVICES:
        for name, entry in parameters(bitcells, device).items():
            key, factor = TABLE_1.get(name, ("", 1.0))
            value = published.get(key)
            yield {
                "id": number_id("table_1", name, device),
                "device": device,
                "quantity": name,
                "value": finite(float(entry["value"])),
                "unit": str(entry.get("unit", "")),
                "paper": None if value is None else finite(float(value) / factor),
                "file": device_file(bitcells, device),
                "provenance": str(entry.get("provenance", "")),
                **({} if value is None else {"sources": [f"paper:table_1/{key}"]}),
            }


def areas(runs: Sequence[Run]) -> Iterator[dict[str, Any]]:
    """Area of the trained cores by block at the main oxide."""
    for run in runs:
        if run.variant != MAIN_VARIANT:
            continue
        for block, value in grouped(run.area_parts_m2).items() if run.area_parts_m2 else ():
            yield {
                "id": number_id("area_by_block", block, run.device, run.variant, run.model),
                "device": run.device,
                "variant": run.variant,
                "model": run.model,
                "quantity": "area_by_block",
                "block": block,
                "value": finite(1e12 * value),
                "unit": "um2",
                "sources": [_training(run)],
            }


def costs(runs: Sequence[Run]) -> Iterator[dict[str, Any]]:
    """Cumulative latencies and energies after each epoch, means of the replicas."""
    for run in runs:
        yield {
            "id": number_id("costs_by_epoch", run.device, run.variant, run.model),
            "device": run.device,
            "variant": run.variant,
            "model": run.model,
            **{
                key: [finite(factor * mean_interval(row).value) for row in getattr(run, field)]
                for field, key, factor in _COSTS
            },
            "sources": [_training(run)],
        }


def _training(run: Run) -> str:
    return f"training:{run.source}/{run.device}/{run.variant}/{run.model}"
