"""The bitcell table as a table for people: 80 columns are enough for two cells in two variants."""

from __future__ import annotations

import math

from rich import box
from rich.table import Table

from flow.table import BitcellTable, table_json

SHOWN = (
    "cell_area", "r_on", "r_off", "r_access", "read_voltage", "read_energy", "read_pulse",
    "write_voltage_0to1", "write_voltage_1to0", "write_pulse", "write_energy_0to1", "write_energy_1to0",
    "write_energy", "wer_0to1", "wer_1to0", "rdr", "wer_0to1_nominal", "wer_1to0_nominal", "rdr_nominal",
    "leakage",
)  # fmt: skip
"""What a designer looks at first; the table holds more."""


def summary(table: BitcellTable) -> Table:
    """One column a cell variant, one row a quantity by its name in the table, in display units.

    Intervals (95 %) are shown as half their width, see `uncertain`.
    """
    document = table_json(table)
    columns = [(cell, variant) for cell, variants in document.items() for variant in variants]
    caption = "brackets: half width of the 95 % interval, in units of the last digit"
    view = Table(title=table.title, caption=caption, box=box.SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    view.add_column("quantity", no_wrap=True)
    view.add_column("unit", no_wrap=True)
    for cell, variant in columns:
        view.add_column(cell.replace("_", " ") + f"\n{variant} nm", justify="right")
    for name in SHOWN:
        found = [document[cell][variant].get(name) for cell, variant in columns]
        units = [entry["unit"] for entry in found if entry]
        if not units:
            continue
        view.add_row(name, str(units[0]), *[_cell(entry) for entry in found])
    return view


def _cell(entry: dict[str, object] | None) -> str:
    if entry is None or not isinstance(entry["value"], float):
        return "-"
    value, low, high = entry["value"], entry["ci_low"], entry["ci_high"]
    if isinstance(low, float) and isinstance(high, float):
        return uncertain(value, (high - low) / 2)
    return f"{value:.4g}"


def uncertain(value: float, half: float) -> str:
    """`value ± half` with at most four digits of the value: `9164±28`, `0.8071(4)`, `1.00(2)e-7`.

    Brackets hold the uncertainty in units of the last digit; one below that digit is left out.
    """
    power = math.floor(math.log10(float(f"{abs(value):.3e}"))) if value else 0
    place = power - 3
    if half > 0:
        place = min(power, max(place, math.floor(math.log10(half)) - (1 if half < 0.01 * abs(value) else 0)))
    plain = -3 <= power <= 5
    if not plain and half > 0 and round(half / 10.0**place) > 9:
        # One digit of uncertainty is enough beside an exponent.
        place = min(power, place + 1)
    unit = 10.0**place
    digits = round(half / unit)
    if digits == 0:
        return f"{value:.4g}"
    if plain:
        if place >= 0:
            return f"{round(value / unit) * unit:.0f}±{digits * unit:.0f}"
        return f"{value:.{-place}f}({digits})"
    return f"{value / 10.0**power:.{power - place}f}({digits})e{power:+d}"
