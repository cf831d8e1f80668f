"""Columns of one bitcell variant over a range of rows: what the table of columns holds of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from flow.errors import UserError
from flow.measure.bench import Bench
from flow.measure.column import line_charge, mux_resistance, read_current, settle, write
from flow.measure.column_deck import Column, PassGate, column_of, pass_gate, spread_rows
from flow.table import Array, BitcellTable, CellVariant

ROWS = (8, 16, 32, 64, 128, 256)
SHARES = (0.0, 0.25, 0.5, 1.0)
"""Shares of the rows that are active in a read; 0 stands for one row alone."""
DIRECTIONS = ("0to1", "1to0")
STRONG = 40.0
"""A strong write driver has r_on over this; the array model's has r_on/2."""
_USED = (
    "read_voltage",
    "r_on",
    "cell_height",
    "write_pulse",
    "write_voltage_0to1",
    "write_voltage_1to0",
)


def study_columns(
    bench: Bench,
    table: BitcellTable,
    rows: Sequence[int] = ROWS,
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> CellVariant:
    """Read and write columns of the variant at its characterised voltages, in its characterised technology.

    Half of the active cells store 1; the written cell is the farthest from the driver. The result's `samples`
    are arrays over `rows` and `share` or `direction`; its quantities are those of the variant in `table`, so
    that estimates from the table of columns are of the very cell that was simulated.

    Args:
        table: the bitcell table with the variant and its card.
        tell: hears of each column that is begun.

    Raises:
        UserError: the table lacks the variant or its card.
        SimulatorError: ngspice did not converge.
    """
    try:
        variant = table.cells[bench.name][bench.variant_name]
        card = {name: found.value for name, found in table.technologies[bench.spec.card].items()}
        value = {name: variant.quantities[name].value for name in _USED}
    except KeyError as error:
        raise UserError(
            f"the bitcell table lacks {error} of {bench.name} {bench.variant_name}; "
            "run `mtj-flow characterize`",
            key=bench.name,
        ) from None
    columns = [column_of(card, count, r_on=value["r_on"], cell_height=value["cell_height"]) for count in rows]
    strong = pass_gate(card, value["r_on"] / STRONG)
    found: dict[str, list[NDArray[np.float64]]] = {}
    for column in columns:
        tell(f"{bench.name} {bench.variant_name}: column of {column.rows} rows")
        for name, values in {
            **_reads(bench, column, value),
            **_writes(bench, column, value, strong),
        }.items():
            found.setdefault(name, []).append(values)
    return CellVariant(
        quantities=dict(variant.quantities),
        samples=_arrays(rows, columns, {name: np.stack(values) for name, values in found.items()}),
        attributes={
            "title": bench.spec.title,
            "card": bench.spec.card,
            "corner": bench.spec.corner,
            "read_line": bench.spec.read.line,
            "method": "ngspice, real bitcells, wire RC of every cell pitch, pass gates of the card's FinFETs",
        },
    )


def active_rows(rows: int, share: float) -> int:
    """Active rows of a share of `SHARES`."""
    return max(1, round(share * rows))


def _reads(bench: Bench, column: Column, value: Mapping[str, float]) -> dict[str, NDArray[np.float64]]:
    voltage = value["read_voltage"]
    memory = column.as_memory()
    results: dict[str, list[float]] = {}
    for share in SHARES:
        active = active_rows(column.rows, share)
        rows = spread_rows(column.rows, active, active // 2)
        settled = settle(bench, column, rows, voltage)
        for name, figure in (
            ("active", float(active)),
            ("ones", float(active // 2)),
            ("read_current", read_current(bench, column, rows, voltage, through_mux=False)),
            ("read_current_mux", read_current(bench, column, rows, voltage, through_mux=True)),
            ("read_current_memory", read_current(bench, memory, rows, voltage, through_mux=False)),
            ("mux_resistance", mux_resistance(bench, column, rows, voltage)),
            ("settling_time_10", settled.time[0.1]),
            ("settling_time_1", settled.time[0.01]),
        ):
            results.setdefault(name, []).append(figure)
    return {name: np.array(figures) for name, figures in results.items()}


def _writes(
    bench: Bench, column: Column, value: Mapping[str, float], strong: PassGate
) -> dict[str, NDArray[np.float64]]:
    results: dict[str, list[float]] = {}
    for stored, direction in enumerate(DIRECTIONS):
        voltage, width = value[f"write_voltage_{direction}"], value["write_pulse"]
        figures = {"line_energy": voltage * line_charge(bench, column, voltage, width)}
        for ending, driven in (("", column), ("_strong", column.driven_by(strong))):
            written = write(bench, driven, column.rows - 1, stored, voltage, width)
            figures |= {
                f"cell_energy{ending}": written.cell_energy,
                f"supply_energy{ending}": written.supply_energy,
                f"supply_voltage{ending}": written.supply_voltage,
                f"switched{ending}": float(written.switched),
            }
        for name, figure in figures.items():
            results.setdefault(name, []).append(figure)
    return {name: np.array(figures) for name, figures in results.items()}


_UNITS = {
    "active": ("1", "share", "active rows"),
    "ones": ("1", "share", "active rows whose cell stores 1"),
    "read_current": ("A", "share", "column current into a virtual ground at the end of the column"),
    "read_current_mux": ("A", "share", "column current into a virtual ground behind two pass gates"),
    "read_current_memory": ("A", "share", "column current where the bit line runs along the column as well"),
    "settling_time_10": ("s", "share", "settling to 10 % of the final current, through two pass gates"),
    "settling_time_1": ("s", "share", "settling to 1 % of the final current, through two pass gates"),
    "mux_resistance": ("ohm", "share", "resistance of one of the two pass gates at the read voltage"),
    "line_energy": ("J", "direction", "supply energy of raising the unselected column line once"),
    "cell_energy": ("J", "direction", "energy that the written cell takes at its line terminals"),
    "supply_energy": (
        "J",
        "direction",
        "supply energy of writing the farthest cell, line and driver included",
    ),
    "supply_voltage": ("V", "direction", "write supply that brings the cell its characterised current"),
    "switched": ("1", "direction", "whether the written cell switched"),
}
_WHOLE = ("active", "ones", "switched")


def _arrays(
    rows: Sequence[int], columns: Sequence[Column], found: Mapping[str, NDArray[np.float64]]
) -> dict[str, Array]:
    arrays = {
        "rows": Array(("rows",), np.array(rows), "1", "rows of the column"),
        "share": Array(("share",), np.array(SHARES), "1", "share of rows that are active; 0: one row"),
        "direction": Array(("direction",), np.array(DIRECTIONS), "1", "direction of the write"),
    }
    for name, values in found.items():
        unit, axis, text = _UNITS[name.removesuffix("_strong")]
        if name.endswith("_strong"):
            text += f", by a driver of r_on/{STRONG:g}"
        kept = values.astype(np.int64) if name.removesuffix("_strong") in _WHOLE else values
        arrays[name] = Array(("rows", axis), kept, unit, text)
    for name, gates, text in (
        ("mux_fins", [column.mux for column in columns], "pass gate of the multiplexer"),
        ("driver_fins", [column.driver for column in columns], "pass gate of the write driver"),
    ):
        for kind in ("n", "p"):
            fins = np.array([gate.fins_n if kind == "n" else gate.fins_p for gate in gates])
            arrays[f"{name}_{kind}"] = Array(("rows",), fins, "1", f"{kind}-fins of a {text}")
    return arrays
