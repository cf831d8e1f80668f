"""Table II beside the paper's."""

from __future__ import annotations

from neuro.report.comparison import DEVICES
from neuro.report.figures import bitcell
from neuro.report.results import Results
from neuro.report.sections.section import PageTable, Section, comparison_cells, heading


def section(results: Results) -> Section:
    """Table II with intervals and deviations, and the same as a figure."""
    rows = []
    main = results.bitcell_rows
    for quantity, variant in dict.fromkeys((row.quantity, row.variant) for row in main):
        found = {row.device: row for row in main if (row.quantity, row.variant) == (quantity, variant)}
        first = next(iter(found.values()))
        label = f"{first.label} ({first.unit})" if first.unit else first.label
        line = [heading(label if variant == "0.85" else f"– at {variant} nm")]
        for device in DEVICES:
            line += comparison_cells(found.get(device))
        rows.append(line)
    table = PageTable(
        "Table II: bitcells at 0.85 nm, write error rate 1e-7, read disturb rate 1e-9",
        ("", "SMTJ", "paper", "dev.", "DMTJ", "paper", "dev."),
        rows,
        "* set as in the paper: the voltages are those that meet the error rates at this pulse. Where a "
        "population was characterised, ± is half of the 95 % interval. LTD is the write with the bit line "
        "high in both cells: 0 → 1 in the SMTJ cell, 1 → 0 in the DMTJ cell.",
    )
    return Section(
        "table-2", "Table II: bitcells", (), [table], figures=[bitcell.deviations(results.table_2)]
    )
