"""The front that `mtj-flow size` found as a bitcell table: a variant for each verified design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from flow.errors import UserError
from flow.sizing import Sizing
from flow.table import BitcellTable, CellVariant


@dataclass(frozen=True)
class Design:
    """What a variant of the table stands for: `variant` of the cell's file with these fins and pulse (s).

    `max_voltage` (V) is the bound that its voltages were searched below.
    """

    variant: str
    fins: Mapping[str, int]
    pulse: float
    max_voltage: float


def sizing_table(found: Sizing, cell: str, max_voltage: float) -> BitcellTable:
    """The table of a front: variants VARIANT.p1, VARIANT.p2, ... in the order of the front.

    Its provenance is the caller's to fill in.
    """
    variants = {}
    for place, (candidate, content) in enumerate(found.front, start=1):
        design: dict[str, str | int | float] = {
            "sized_from": found.variant,
            "fins": " ".join(f"{name}={count}" for name, count in candidate.fins.items()),
            "pulse_s": candidate.pulse,
            "max_voltage_V": max_voltage,
        }
        variants[f"{found.variant}.p{place}"] = replace(content, attributes={**content.attributes, **design})
    return BitcellTable(title="Pareto front of a bitcell, verified", cells={cell: variants})


def design_of(content: CellVariant) -> Design | None:
    """The design that a variant stands for; None for one that is not from sizing. Raises UserError."""
    attributes = content.attributes
    if "sized_from" not in attributes:
        return None
    try:
        pairs = (word.split("=") for word in str(attributes["fins"]).split())
        return Design(
            str(attributes["sized_from"]),
            {name: int(count) for name, count in pairs},
            float(attributes["pulse_s"]),
            float(attributes["max_voltage_V"]),
        )
    except (KeyError, ValueError):
        raise UserError("the attributes of a sized design are incomplete", key="sized_from") from None
