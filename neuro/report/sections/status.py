"""What was run, with what, and how much of it agrees with the paper."""

from __future__ import annotations

from neuro.report.bitcells import statistics_of
from neuro.report.comparison import DEVICES, LIMIT_PERCENT
from neuro.report.results import Results
from neuro.report.sections.section import Cell, PageTable, Section, heading


def section(results: Results) -> Section:
    """Status and versions."""
    compared = [row for row in results.comparisons if row.deviation_percent is not None]
    far = len(results.deviations)
    unexplained = len(results.unexplained)
    text = [f"Note: {note}." for note in results.notes] + [
        f"{len(compared)} numbers stand beside the paper's (DOI {results.paper.doi}): {len(compared) - far} "
        f"within {LIMIT_PERCENT:.0f} %, {far} beyond, of which "
        + (f"{unexplained} are UNEXPLAINED." if unexplained else "every one has its reason below."),
    ]
    rows = []
    for device in DEVICES:
        variant = results.bitcells.main(device)
        title = str(variant.attributes.get("title", ""))
        rows.append(
            [heading(f"{device.upper()} cell"), Cell(f"{results.bitcells.name[device]}: {title}", "text")]
        )
    kinds = dict.fromkeys(statistics_of(results.bitcells.main(device)) for device in DEVICES)
    rows.append([heading("statistics"), Cell(", ".join(kinds), "text")])
    runs = dict.fromkeys(
        f"{run.model}: {run.epochs} epochs of {run.images_per_epoch} images, {run.replicas} replicas"
        for run in results.runs
    )
    rows += [[heading("training"), Cell(text_, "text")] for text_ in runs]
    rows.append([heading("table"), Cell(str(results.bitcells.path), "text")])
    provenance = results.bitcells.table.provenance
    for key in ("command", "commit", "platform"):
        if key in provenance:
            rows.append([heading(key), Cell(provenance[key], "text")])
    tools = [f"{key[5:]} {value}" for key, value in provenance.items() if key.startswith("tool:")]
    if tools:
        rows.append([heading("versions"), Cell(", ".join(tools), "text")])
    note = "Every number in a table has an address: point at it, or run `mtj-neuro explain` for all of them."
    tables = [PageTable("What was run", ("", ""), rows, note)]
    return Section("status", "Status and versions", text, tables)
