"""How much of the double barrier's advantage is physics, and how much the old simulator's accounting."""

from __future__ import annotations

from neuro.report.comparison import number_id
from neuro.report.figures.accounting import accounting
from neuro.report.figures.style import MODEL
from neuro.report.results import Results, training_advantage
from neuro.report.sections.section import Cell, PageTable, Section, heading

TEXT = (
    "The DMTJ against the SMTJ at 0.85 nm in per cent (negative: the DMTJ needs less). Going from left to "
    "right changes one thing at a time: the published figures; the published cells in our implementation of "
    "the same arithmetic (where it was run); our characterised cells in that arithmetic; our cells with the "
    "physical model. What stays in the last column is physics; what the last step changes was accounting.",
    "The NeuroSim arithmetic charges every touched synapse the remembered write energy of all its cells, "
    "nearly a hundred times more cell writes than cells flip, clips the partial sums in test but not in "
    "training, and writes all rows for every image.",
)


def section(results: Results) -> Section | None:
    """Relative figures of the devices, from the paper to the physical model."""
    if not results.runs:
        return None
    head = ["", "paper"]
    if results.published_runs:
        head.append("published cells, NeuroSim")
    head += [f"our cells, {MODEL[model]}" for model in results.models]
    rows = []
    steps: dict[str, list[float | None]] = {}
    for quantity, label, published in results.paper.advantage():
        in_cell = {row.quantity for row in results.table_2}
        ids = {row.model: row.id for row in results.advantages if row.quantity == quantity}
        line = [
            heading(label),
            Cell(f"{published:+.1f} %", "faint", f"{next(iter(ids.values()))}/paper_percent"),
        ]
        if quantity in in_cell:
            found = next(row.ours for row in results.advantages if row.quantity == quantity)
            cells = [found] * len(results.models)
            before: list[float | None] = [None] if results.published_runs else []
        else:
            rows_ = {row.model: row.ours for row in results.advantages if row.quantity == quantity}
            cells = [rows_.get(model) for model in results.models]
            before = (
                [training_advantage(results.published_runs, quantity, "neurosim")]
                if results.published_runs
                else []
            )
        if quantity not in in_cell:
            steps[label.removesuffix(", training")] = [published, *before, *cells]
        mine = (
            [ids[""]] * len(cells) if quantity in in_cell else [ids.get(name, "") for name in results.models]
        )
        line += [_percent(value, number_id("advantage_of_published_cells", quantity)) for value in before]
        line += [_percent(value, address) for value, address in zip(cells, mine, strict=True)]
        rows.append(line)
    return Section(
        "accounting",
        "Physics and accounting",
        TEXT,
        [PageTable("DMTJ against SMTJ", head, rows)],
        figures=[accounting(head[1:], steps)],
    )


def _percent(value: float | None, address: str) -> Cell:
    return Cell("–", "faint") if value is None else Cell(f"{value:+.1f} %", address=address)
