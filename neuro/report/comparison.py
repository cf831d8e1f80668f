"""One measured number beside the published one, and how far they are apart."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

DEVICES = ("smtj", "dmtj")
"""The two junctions of the paper; every table, figure and colour follows this order."""

_SECTION = {"Table II": "table_2", "Table III": "table_3", "section III.B": "section_3b"}

LIMIT_PERCENT = 15.0
"""A deviation beyond this needs a reason."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A value in its display unit; `low` and `high` are the ends of its 95 % interval, None without one.

    `seeds`: of a training, the part of the interval that the random numbers alone account for, where the
    whole holds the uncertainty of the bitcell table as well.
    """

    value: float
    low: float | None = None
    high: float | None = None
    seeds: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One row of a comparison, for one device.

    `table` names the published table or figure, `quantity` the number in it. `model` is "physical",
    "neurosim", or empty for a bitcell. `statistics` tells a nominal cell from the mean of a population.
    `given` marks an input that we took from the paper: its deviation is 0 by construction and proves nothing.
    `paper` is None where the paper has no such number or where it cannot be compared; `remark` says why.
    """

    table: str
    quantity: str
    label: str
    unit: str
    device: str
    variant: str
    measured: Measured
    paper: float | None
    model: str = ""
    statistics: str = ""
    given: bool = False
    remark: str = ""

    @property
    def id(self) -> str:
        """Address of the number: table_3/read_latency_training/smtj/0.85/physical."""
        return number_id(
            _SECTION.get(self.table, self.table), self.quantity, self.device, self.variant, self.model
        )

    @property
    def deviation_percent(self) -> float | None:
        """100 (measured - paper) / paper; None where there is nothing to compare."""
        if self.paper is None or self.given:
            return None
        return 100.0 * (self.measured.value - self.paper) / self.paper

    @property
    def needs_reason(self) -> bool:
        """Whether the measured value is more than `LIMIT_PERCENT` from the published one."""
        deviation = self.deviation_percent
        return deviation is not None and not abs(deviation) <= LIMIT_PERCENT

    def as_json(self) -> dict[str, Any]:
        """The comparison as a JSON object; numbers that are not finite become null."""
        seeds = self.measured.seeds
        alone = {} if seeds is None else {"seeds_ci_low": finite(seeds[0]), "seeds_ci_high": finite(seeds[1])}
        return alone | {
            "id": self.id,
            "table": self.table,
            "quantity": self.quantity,
            "label": self.label,
            "unit": self.unit,
            "device": self.device,
            "variant": self.variant,
            "model": self.model or None,
            "statistics": self.statistics or None,
            "value": finite(self.measured.value),
            "ci_low": finite(self.measured.low),
            "ci_high": finite(self.measured.high),
            "paper": finite(self.paper),
            "deviation_percent": finite(self.deviation_percent),
            "given": self.given,
            "remark": self.remark or None,
        }


def number_id(*parts: str) -> str:
    """The address of a number from its parts, empty ones left out: lower case, words joined by `_`.

    Every object of the results document that holds numbers carries one as `id`, so that a number of the page
    is found again; `mtj-neuro explain` takes `ID` (its main number) or `ID/FIELD` (any other).
    """
    # A point stays only inside a number.
    words = (re.sub(r"((?<!\d)\.|\.(?!\d)|[^a-z0-9.])+", "_", part.lower()).strip("_") for part in parts)
    return "/".join(word for word in words if word)


def finite(number: float | None) -> float | None:
    """The number, or None for what JSON cannot hold."""
    return None if number is None or not math.isfinite(number) else number


def shown(number: float, digits: int = 3) -> str:
    """The number with `digits` significant digits, without an exponent where people would not write one."""
    if not math.isfinite(number):
        return "-"
    if number != 0.0 and not 1e-3 <= abs(number) < 1e5:
        return f"{number:.{digits - 1}e}"
    places = digits if number == 0.0 else digits - 1 - math.floor(math.log10(abs(number)))
    return f"{number:.{max(places, 0)}f}"


def shown_measured(measured: Measured, digits: int = 3) -> str:
    """The value, with half the width of its interval where it has one: 188.7 ± 0.4."""
    if measured.low is None or measured.high is None:
        return shown(measured.value, digits)
    half = 0.5 * (measured.high - measured.low)
    # An interval that four digits cannot show is left out rather than made longer than the value.
    if not 5e-4 * abs(measured.value) < half < math.inf:
        return shown(measured.value, digits)
    # One digit of the half width, and the value to the same place.
    places = -math.floor(math.log10(half))
    if not -3 <= places <= 9 or abs(measured.value) < 1e-3:
        return f"{shown(measured.value, digits)} ± {half:.1e}"
    return f"{measured.value:.{max(places, 0)}f} ± {half:.{max(places, 0)}f}"


def shown_deviation(percent: float | None) -> str:
    """A signed deviation in per cent; a factor where per cent would be a long number."""
    if percent is None:
        return ""
    if percent > 400.0:
        return f"×{1.0 + percent / 100.0:.3g}"
    # No sign before a deviation that rounds to nothing.
    return "0.0 %" if abs(percent) < 0.05 else f"{percent:+.1f} %"
