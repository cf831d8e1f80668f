"""Fig. 3: area."""

from __future__ import annotations

from neuro.report.comparison import number_id
from neuro.report.figures import area
from neuro.report.figures.style import MODEL, NAME
from neuro.report.results import Results
from neuro.report.runs import Run
from neuro.report.sections.section import Cell, PageTable, Section, heading


def section(results: Results) -> Section | None:
    """Area of the cores beside the paper's, and by block."""
    runs = [run for run in results.runs if run.variant == "0.85"]
    if not runs:
        return None
    head = ["", *(f"{NAME[run.device]}, {MODEL[run.model]}" for run in runs)]
    ids = {(row.device, row.model): row.id for row in results.area}

    def whole(run: Run) -> str:
        return ids[run.device, run.model]

    groups = {id(run): area.grouped(run.area_parts_m2) for run in runs if run.area_parts_m2}
    names = list(dict.fromkeys(name for found in groups.values() for name in found))
    rows = [
        [heading(f"{name} (µm²)")] + [_block(run, name, groups.get(id(run))) for run in runs]
        for name in names
    ]
    rows.append(
        [heading("whole (µm²)"), *(Cell(f"{1e12 * run.area_m2:.0f}", address=whole(run)) for run in runs)]
    )
    published = {device: results.paper.area_mm2(device) for device in NAME}
    rows.append(
        [
            heading("paper (µm²)"),
            *(Cell(f"{1e6 * published[run.device]:.0f}", "faint", f"{whole(run)}/paper") for run in runs),
        ]
    )
    return Section(
        "area",
        "Fig. 3: area",
        (),
        [PageTable("Area of both synaptic cores at 0.85 nm by block", head, rows)],
        figures=[area.area(results.runs, results.paper)],
    )


def _block(run: Run, name: str, parts: dict[str, float] | None) -> Cell:
    if parts is None or name not in parts:
        return Cell("–" if parts is None else "0")
    address = number_id("area_by_block", name, run.device, run.variant, run.model)
    return Cell(f"{1e12 * parts[name]:.0f}", address=address)
