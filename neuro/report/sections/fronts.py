"""Pareto fronts: which bitcells and which cores nothing else beats."""

from __future__ import annotations

from collections.abc import Sequence

from neuro.report.bitcells import MAIN_VARIANT
from neuro.report.comparison import DEVICES, shown, shown_measured
from neuro.report.cores import MERITS, CorePoint
from neuro.report.figures import front
from neuro.report.figures.style import NAME
from neuro.report.fronts import CellFront
from neuro.report.results import Results
from neuro.report.sections.section import Cell, PageTable, Section, heading


def section(results: Results) -> Section:
    """Fronts of sized bitcells, or how to make one; fronts of cores where the table has a technology."""
    text, tables, figures = [], [], []
    sized = {found.cell for found in results.cell_fronts}
    missing = [
        results.bitcells.name[device] for device in DEVICES if results.bitcells.name[device] not in sized
    ]
    folder = results.bitcells.path.parent
    text += [
        f"No Pareto front of the bitcell {cell} is at hand. To make one (minutes): "
        f"mtj-flow size {cell} --json > {folder / f'size_{cell}.json'}"
        for cell in missing
    ]
    for found in results.cell_fronts:
        tables.append(_bitcells(found))
        figures.append(front.bitcell(found))
    if results.core_fronts:
        tables.append(_cores(results.core_fronts))
        figures.append(front.cores(results.core_fronts))
    return Section("fronts", "Pareto fronts", text, figures=figures, appendix=tables)


def _bitcells(found: CellFront) -> PageTable:
    rows = [
        [
            heading(point.name + (" *" if place == found.best else "")),
            *(
                Cell(shown_measured(point.figures[name]), address=found.id(place, name))
                for name in ("write_pulse", "write_energy", "cell_area")
            ),
        ]
        for place, point in enumerate(found.front)
    ]
    return PageTable(
        f"Bitcell {found.cell} {found.variant}: fins, pulse, energy of a write, area of the cell",
        ("fins", "pulse (ns)", "energy (fJ)", "area (F²)"),
        rows,
        f"* least energy. From {found.path}" + (f", made by: {found.command}" if found.command else ""),
    )


def _cores(points: Sequence[CorePoint]) -> PageTable:
    rows: list[list[Cell]] = []
    for device in dict.fromkeys(point.device for point in points):
        rows.append([Cell(NAME[device], "group")])
        rows += [
            [
                heading(f"{point.rows} × {point.synapses}, {point.shared}"),
                *(
                    Cell(shown(point.merits[merit.name]), address=f"{point.id}/{merit.key}")
                    for merit in MERITS
                ),
            ]
            for point in points
            if point.device == device
        ]
    return PageTable(
        f"Cores at {MAIN_VARIANT} nm: rows × weights, columns that share a converter",
        ("", *(f"{merit.short} ({merit.unit})" for merit in MERITS)),
        rows,
        "Latency and energy of reading, area of one bit; weights of 6 bits, physical model. An operation is "
        "one multiplication and addition. Further ranges: mtj-neuro sweep.",
    )
