"""Table III, Fig. 2 and Fig. 4: online learning."""

from __future__ import annotations

from collections.abc import Sequence

from neuro.report.bitcells import MAIN_VARIANT
from neuro.report.comparison import DEVICES, Comparison
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
    figures.append(training.epochs(results.runs, results.paper))
    figures.append(oxide.oxide(results.runs, results.paper, results.oxide))
    tables = [comparison_table(results, [*results.table_3, *results.accuracy])]
    parts = interval_table(results)
    if parts is not None:
        tables.append(parts)
    return Section(
        "table-3",
        "Table III, Fig. 2 and Fig. 4: online learning",
        TEXT,
        tables,
        figures=figures,
    )


def interval_table(results: Results) -> PageTable | None:
    """Half-widths of the intervals at 0.85 nm in per cent: seeds, table, both. None where no trace tells."""
    lines: list[list[Cell]] = []
    for model in results.models:
        rows = [
            row
            for row in (*results.table_3, *results.accuracy)
            if row.model == model and row.variant == MAIN_VARIANT and row.measured.seeds is not None
        ]
        if rows:
            lines.append([Cell(MODEL[model], "group")])
        for label in dict.fromkeys((row.label, row.quantity) for row in rows):
            line = [heading(label[0])]
            for device in DEVICES:
                found = next((r for r in rows if (r.device, r.quantity) == (device, label[1])), None)
                line += _halves(found)
            lines.append(line)
    if not lines:
        return None
    head = [""]
    for device in DEVICES:
        head += [f"{NAME[device]}: seeds", "table", "both"]
    note = (
        "Half of the 95 % interval in per cent of the value. Seeds: mean over the replicas (Student's t). "
        "Table: cells drawn from the intervals of the bitcell table, energies and latencies with the same "
        "events; accuracy by networks trained in such cells, as far as they scatter more than seeds do."
    )
    return PageTable("Where the intervals at 0.85 nm come from (%)", head, lines, note)


def _halves(row: Comparison | None) -> list[Cell]:
    """Seeds, table, both; the addresses are those of the ends that they follow from."""
    found = None if row is None else row.measured
    if row is None or found is None or found.seeds is None or found.low is None or found.high is None:
        return [Cell("")] * 3
    both = 0.5 * (found.high - found.low)
    seeds = 0.5 * (found.seeds[1] - found.seeds[0])
    table = max(both**2 - seeds**2, 0.0) ** 0.5
    ends = ((seeds, "seeds_ci_high"), (table, "ci_high"), (both, "ci_high"))
    return [Cell(f"{100.0 * half / abs(found.value):.2g}", address=f"{row.id}/{end}") for half, end in ends]


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
    note = f"Means of {', '.join(map(str, replicas))} replicas; ± is half of the 95 % interval of the mean, "
    note += "over the seeds and, where the traces have it, over the uncertainty of the bitcell table."
    return PageTable(
        "Table III and accuracy: the whole training, cumulative", head, lines, " ".join([note, *remarks])
    )
