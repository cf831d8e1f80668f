"""Where a number stands in a table: its address, as people write it."""

from __future__ import annotations

from dataclasses import dataclass

TECHNOLOGY = "technology"


@dataclass(frozen=True)
class Place:
    """One number of a table: a quantity of a cell's variant or of a card (then `variant` is empty).

    With `section` (samples, load_lines, waveforms) an element of the array `name`, `at` its coordinates.
    """

    group: str
    variant: str
    name: str
    section: str = ""
    at: tuple[str, ...] = ()

    @property
    def is_technology(self) -> bool:
        """Whether it belongs to a card."""
        return not self.variant

    @property
    def owner(self) -> str:
        """CELL/VARIANT or technology/CARD."""
        return f"{TECHNOLOGY}/{self.group}" if self.is_technology else f"{self.group}/{self.variant}"

    def __str__(self) -> str:
        return "/".join([self.owner, *([self.section] if self.section else []), self.name, *self.at])
