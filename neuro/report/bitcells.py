"""The characterised bitcells of a table, found by their junction, and Table II from them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from flow.table import BitcellTable, CellVariant, Quantity, UserError, open_table, quantity_json
from neuro.cells import Bitcell, cells_from_table
from neuro.report.comparison import DEVICES, Comparison, Measured
from neuro.report.paper import TABLE_2, Paper
from neuro.technology import Technology

# The two configurations that the paper calls energy-optimal; preferred where a table has several cells.
_PUBLISHED = {"smtj": "2t1mtj_rc_smtj", "dmtj": "2t1mtj_sc_dmtj"}
MAIN_VARIANT = "0.85"

# Inputs taken from the paper: the table holds them, but nothing was found out by simulation.
_GIVEN = ("read_pulse", "write_pulse")


@dataclass(frozen=True)
class Bitcells:
    """A table with the cell of each device: `name[device]`, and its variants by oxide thickness."""

    path: Path
    table: BitcellTable
    name: dict[str, str]

    def variants(self, device: str) -> dict[str, CellVariant]:
        """Oxide thickness -> content, thinnest first."""
        found = self.table.cells[self.name[device]]
        return {key: found[key] for key in sorted(found)}

    def main(self, device: str) -> CellVariant:
        """The variant of Table II."""
        return self.table.cells[self.name[device]][MAIN_VARIANT]

    @cached_property
    def circuit(self) -> tuple[Technology, list[Bitcell]]:
        """Technology and cells for estimates of arrays. Raises UserError where the table lacks something."""
        return cells_from_table(self.path)

    def device_of(self, cell: str) -> str | None:
        """The device of the cell called `cell`, None for a cell that the report does not show."""
        return next((device for device, name in self.name.items() if name == cell), None)


def open_bitcells(path: Path) -> Bitcells:
    """Open a table and find one cell with each junction.

    Raises UserError that says what is missing and how to make it.
    """
    table = open_table(path)
    names: dict[str, str] = {}
    for device in DEVICES:
        found = [name for name, variants in sorted(table.cells.items()) if _is(device, name, variants)]
        if not found:
            raise UserError(
                f"holds no cell with the junction {device}; run `mtj-flow characterize`",
                file=path,
                key="/cells",
            )
        names[device] = _PUBLISHED[device] if _PUBLISHED[device] in found else found[0]
        if MAIN_VARIANT not in table.cells[names[device]]:
            raise UserError(
                f"has no variant {MAIN_VARIANT} nm; run `mtj-flow characterize`",
                file=path,
                key=f"/cells/{names[device]}",
            )
    return Bitcells(path, table, names)


def _is(device: str, name: str, variants: dict[str, CellVariant]) -> bool:
    stated = {str(variant.attributes.get("device", "")) for variant in variants.values()}
    return device in stated or (stated == {""} and device in name)


def statistics_of(variant: CellVariant) -> str:
    """`population` where mean error rates over a population were characterised, else `nominal`."""
    means = (variant.quantities.get(name) for name in ("wer_0to1", "wer_1to0"))
    return "population" if all(found is not None and found.ok for found in means) else "nominal"


def measured(variant: CellVariant, name: str) -> Measured | None:
    """A quantity of the variant in its display unit; None where it is missing or not measured."""
    if name == "on_off":
        return _on_off(variant)
    if name == "write_pulse_published":
        # One pulse serves both directions: the slower one counts.
        found = [measured(variant, f"write_pulse_at_given_voltage_{way}") for way in ("0to1", "1to0")]
        both = [one for one in found if one is not None]
        return max(both, key=lambda one: one.value) if len(both) == 2 else None
    quantity = variant.quantities.get(name)
    if quantity is None or not math.isfinite(quantity.value):
        return None
    size = variant.quantities.get("feature_size")
    # Not every quantity is in the registry that knows display units.
    if name.startswith("write_pulse"):
        return _scaled(quantity, 1e9)
    document = quantity_json(name, quantity, None if size is None else size.value)
    value, low, high = (document[key] for key in ("value", "ci_low", "ci_high"))
    numbers = [number if isinstance(number, float) else None for number in (value, low, high)]
    return None if numbers[0] is None else Measured(numbers[0], numbers[1], numbers[2])


def _scaled(quantity: Quantity, factor: float) -> Measured:
    bounds = (quantity.ci_low, quantity.ci_high)
    low, high = (None if bound is None else factor * bound for bound in bounds)
    return Measured(factor * quantity.value, low, high)


def _on_off(variant: CellVariant) -> Measured | None:
    on, off = (variant.quantities.get(name) for name in ("r_on", "r_off"))
    if on is None or off is None or not (on.value > 0.0 and math.isfinite(off.value)):
        return None
    ratio = off.value / on.value
    bounds = (on.ci_low, on.ci_high, off.ci_low, off.ci_high)
    if any(bound is None for bound in bounds):
        return Measured(ratio)
    # Independent errors, to first order: the intervals of the two resistances add in quadrature.
    low_on, high_on, low_off, high_off = (float(bound or 0.0) for bound in bounds)
    half = 0.5 * ratio * math.hypot((high_on - low_on) / on.value, (high_off - low_off) / off.value)
    return Measured(ratio, ratio - half, ratio + half)


def table_2(bitcells: Bitcells, paper: Paper) -> list[Comparison]:
    """Table II: every figure of the paper for both cells, in the paper's order."""
    rows = []
    for name, quantity, label, unit in TABLE_2:
        for device in DEVICES:
            published = paper.table_2(device, name)
            meant = quantity == "write_energy_meant"
            if meant and published is None:
                continue
            variant = bitcells.main(device)
            found = measured(variant, "write_energy" if meant else quantity)
            if found is None:
                continue
            rows.append(
                Comparison(
                    table="Table II",
                    quantity=quantity,
                    label=label,
                    unit=unit,
                    device=device,
                    variant=MAIN_VARIANT,
                    measured=found,
                    paper=published,
                    statistics=statistics_of(variant),
                    given=quantity in _GIVEN,
                )
            )
    return rows


def on_off_at_thin_oxide(bitcells: Bitcells, paper: Paper) -> list[Comparison]:
    """The conductance ratio at 0.80 nm, of which the paper's text gives nothing else."""
    rows = []
    for device in DEVICES:
        variant = bitcells.variants(device).get("0.80")
        found = None if variant is None else measured(variant, "on_off")
        if variant is not None and found is not None:
            published = float(paper.data["on_off_at_0.80nm"][device])
            rows.append(
                Comparison(
                    "section III.B",
                    "on_off",
                    "conductance ON/OFF",
                    "",
                    device,
                    "0.80",
                    found,
                    published,
                    statistics=statistics_of(variant),
                )
            )
    return rows
