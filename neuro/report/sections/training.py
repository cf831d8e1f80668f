"""Table III, Fig. 2 and Fig. 4: online learning."""

from __future__ import annotations

from collections.abc import Sequence

from neuro.report.comparison import Comparison
from neuro.report.figures import oxide, training
from neuro.report.figures.style import MODEL, NAME
from neuro.report.results import Results
from neuro.report.sections.section import Cell, PageTable, Section, comparison_cells, heading

TEXT = (
    "Two models of the same arrays. NeuroSim follows the arithmetic of the simulator that the paper used, "
    "defects included: this column is the one to hold against the paper. The physical model charges what "
    "happens: true flips with their own energies, rows that are written, one read-out in training and test.",
)


def section(results: Results) -> Section | None:
    """Energies, latencies and accuracy of the training, every oxide and model."""
    if not results.runs:
        return None
    figures = [
        training.traces(results.runs, results.paper, what, model)
        for model in results.models
        for what in ("latency", "energy")
    ]
    figures += [training.epochs(results.runs, results.paper), oxide.oxide(results.runs, results.paper)]
    return Section(
        "table-3",
        "Table III, Fig. 2 and Fig. 4: online learning",
        TEXT,
        [comparison_table(results, [*results.table_3, *results.accuracy])],
        figures=figures,
    )


def comparison_table(results: Results, rows: Sequence[Comparison]) -> PageTable:
    """Rows by cell and quantity; a column for the paper and two for each model."""
    models = list(dict.fromkeys(run.model for run in results.runs))
    lines: list[list[Cell]] = []
    remarks = dict.fromkeys(row.remark for row in rows if row.remark)
    keys = dict.fromkeys((r.device, r.variant, r.quantity) for r in rows)
    order = list(dict.fromkeys(key[:2] for key in keys))
    last = None
    for device, variant, quantity in sorted(keys, key=lambda key: order.index(key[:2])):
        if (device, variant) != last:
            last = (device, variant)
            lines.append([Cell(f"{NAME[device]}, {variant} nm", "group")])
        key = (device, variant, quantity)
        found = {row.model: row for row in rows if (row.device, row.variant, row.quantity) == key}
        first = next(iter(found.values()))
        published = next((row for row in found.values() if row.paper is not None), None)
        line = [
            heading(f"{first.label} ({first.unit})"),
            comparison_cells(published)[1],
        ]
        for model in models:
            line += comparison_cells(found.get(model), with_paper=False)
        lines.append(line)
    head = ["", "paper"]
    for model in models:
        head += [MODEL[model], "dev."]
    replicas = dict.fromkeys(run.replicas for run in results.runs)
    note = f"Means of {', '.join(map(str, replicas))} replicas; ± is half of the 95 % interval of the mean."
    return PageTable(
        "Table III and accuracy: the whole training, cumulative", head, lines, " ".join([note, *remarks])
    )
