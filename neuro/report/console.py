"""The comparison as tables for people, readable on 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from neuro.report.comparison import (
    DEVICES,
    LIMIT_PERCENT,
    Comparison,
    shown,
    shown_deviation,
    shown_measured,
)
from neuro.report.results import Results
from neuro.report.specification import count

_MODEL = {"neurosim": "NeuroSim", "physical": "physical", "": ""}


def show(results: Results, console: Console) -> None:
    """Print everything on `console`."""
    for note in results.notes:
        console.print(Text(f"NOTE: {note}", style="bold yellow"))
    console.print(_table_2(results.bitcell_rows))
    console.print(
        "* set as in the paper; the voltages are those that meet the error rates with it", style="dim"
    )
    if results.runs:
        console.print(_training(results))
    console.print(_advantages(results))
    _show_limits(results, console)
    _show_deviations(results, console)


def _table_2(rows: Sequence[Comparison]) -> Table:
    kinds = {"population": "population mean", "nominal": "nominal cell"}
    statistics = " and ".join(kinds[kind] for kind in dict.fromkeys(row.statistics for row in rows))
    view = _table(f"Table II, bitcells at 0.85 nm ({statistics}), and deviation from the paper's")
    view.add_column("", no_wrap=True)
    for device in DEVICES:
        view.add_column(device.upper(), justify="right", no_wrap=True)
        view.add_column("paper", justify="right", no_wrap=True, style="dim")
        view.add_column("Δ %", justify="right", no_wrap=True)
    lines = dict.fromkeys((row.quantity, row.variant) for row in rows)
    for quantity, variant in lines:
        cells = {row.device: row for row in rows if (row.quantity, row.variant) == (quantity, variant)}
        first = next(iter(cells.values()))
        label = f"{first.label} ({first.unit})" if first.unit else first.label
        line: list[str | Text] = [label if variant == "0.85" else f"  at {variant} nm"]
        for device in DEVICES:
            line += _cells(cells.get(device))
        view.add_row(*line)
    return view


def _training(results: Results) -> Table:
    rows = [*results.table_3, *results.accuracy, *results.area]
    replicas = sorted({run.replicas for run in results.runs})
    count = "-".join(str(number) for number in dict.fromkeys((replicas[0], replicas[-1])))
    view = _table(f"Table III, accuracy and area beside the paper's ({count} replicas)")
    view.add_column("", no_wrap=True)
    view.add_column("paper", justify="right", no_wrap=True, style="dim")
    for model in results.models:
        view.add_column(_MODEL[model], justify="right", no_wrap=True)
        view.add_column("Δ %", justify="right", no_wrap=True)
    groups = dict.fromkeys((row.device, row.variant) for row in rows)
    remarks: dict[str, None] = {}
    for device, variant in groups:
        view.add_row(Text(f"{device.upper()}, {variant} nm", style="bold"))
        mine = [row for row in rows if (row.device, row.variant) == (device, variant)]
        for quantity in dict.fromkeys(row.quantity for row in mine):
            found = {row.model: row for row in mine if row.quantity == quantity}
            first = next(iter(found.values()))
            published = next((row.paper for row in found.values() if row.paper is not None), None)
            line: list[str | Text] = [
                f"  {first.label} ({first.unit})",
                "" if published is None else shown(published),
            ]
            for model in results.models:
                one = _cells(found.get(model))
                line += [one[0], one[2]]
            view.add_row(*line)
            remarks.update(dict.fromkeys(row.remark for row in found.values() if row.remark))
    if remarks:
        view.caption = "; ".join(remarks)
    return view


def _advantages(results: Results) -> Table:
    view = _table("DMTJ against SMTJ at 0.85 nm")
    view.add_column("", no_wrap=True)
    view.add_column("ours", justify="right")
    view.add_column("paper", justify="right", style="dim")
    for row in results.advantages:
        label = f"{row.label}, {_MODEL[row.model]}" if row.model else row.label
        ours = "-" if row.ours is None else f"{row.ours:+.1f} %"
        view.add_row(label, ours, f"{row.paper:+.1f} %")
    return view


def _show_limits(results: Results, console: Console) -> None:
    if not results.specification:
        return
    number = count(results.specification)
    console.print(
        Text(
            f"\nLimits of the cell files: {number['pass']} met, {number['fail']} violated"
            + (f", {number['not measured']} not measured" if number["not measured"] else ""),
            style="bold red" if number["fail"] else "bold",
        )
    )
    for row in results.specification:
        if row.verdict == "fail" and row.measured is not None:
            text = f"VIOLATED: {row.cell} {row.variant} {row.label} {shown(row.measured.value)}"
            console.print(Text(f"{text} > {shown(row.limit)}", style="bold red"))


def _show_deviations(results: Results, console: Console) -> None:
    found = results.deviations
    if not found:
        console.print(f"No number is more than {LIMIT_PERCENT:.0f} % from the paper.")
        return
    console.print(
        Text(f"\n{len(found)} numbers are more than {LIMIT_PERCENT:.0f} % from the paper", style="bold")
    )
    groups: dict[tuple[str, ...], list[str]] = {}
    for deviation in found:
        row = deviation.comparison
        texts = tuple(reason.text for reason in deviation.reasons)
        groups.setdefault(texts, []).append(f"{name_of(row)} {shown_deviation(row.deviation_percent)}")
    for texts, names in groups.items():
        console.print()
        console.print(Text("; ".join(names), style="bold"), highlight=False)
        for text in texts:
            console.print(Text(text), highlight=False)
        if not texts:
            console.print(Text("UNEXPLAINED: no reason in deviations.toml fits", style="bold red"))
    if results.unexplained:
        every = ", ".join(name_of(deviation.comparison) for deviation in results.unexplained)
        console.print(Text(f"\n{len(results.unexplained)} UNEXPLAINED: {every}", style="bold red"))


def name_of(row: Comparison) -> str:
    """One comparison in words: DMTJ 0.80 nm write energy, NeuroSim."""
    parts = [row.device.upper()]
    if row.variant != "0.85":
        parts.append(f"{row.variant} nm")
    parts.append(row.label)
    if row.table == "Table III":
        parts.append("of training")
    return " ".join(parts) + (f" ({_MODEL[row.model]})" if row.model else "")


def _cells(row: Comparison | None) -> list[str | Text]:
    """[measured, paper, deviation] of one comparison."""
    if row is None:
        return ["-", "", ""]
    value = shown_measured(row.measured).replace(" ± ", "±") + ("*" if row.given else "")
    style = "bold yellow" if row.needs_reason else ""
    return [
        value,
        "" if row.paper is None else shown(row.paper),
        # The column says per cent.
        Text(shown_deviation(row.deviation_percent).removesuffix(" %"), style=style),
    ]


def _table(title: str) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 0, 0, 1),
    )
