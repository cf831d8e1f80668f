"""Which `mtj-flow deck` prints a number of a characterised table."""

from __future__ import annotations

import shlex
from pathlib import Path

from flow.place import Place
from flow.table import CellVariant

_LOAD_LINE = ("r_on", "r_off", "r_mtj_p", "r_mtj_ap", "r_access")
_MEASUREMENTS: dict[str, list[str]] = {
    "write_energy_0to1": ["write"],
    "write_switching_time_0to1": ["write"],
    "write_energy_1to0": ["write", "--stored", "1"],
    "write_switching_time_1to0": ["write", "--stored", "1"],
    "read_energy": ["read"],
    "leakage": ["leakage"],
    "leakage_half_selected": ["leakage"],
    **{name: ["load_line"] for name in _LOAD_LINE},
}
_SAMPLES: dict[str, list[str]] = {
    "write_energy_0to1": ["write"],
    "write_energy_1to0": ["write", "--stored", "1"],
    "read_energy_0": ["read", "--stored", "0"],
    "read_energy_1": ["read", "--stored", "1"],
}


def deck_command(file: Path, place: Place, content: CellVariant) -> str:
    """The command that writes the deck for a number of the table `file`; empty if none prints it.

    A mean over the population has no deck: its nominal figure and its samples have.
    """
    if place.section:
        known = place.section == "samples" and place.name in _SAMPLES
        measurement = [*_SAMPLES[place.name], "--sample", *place.at] if known else []
    else:
        nominal = f"{place.name}_nominal" not in content.quantities
        measurement = _MEASUREMENTS.get(place.name.removesuffix("_nominal"), []) if nominal else []
    if not measurement:
        return ""
    words = ["mtj-flow", "deck", place.group, "--variant", place.variant, "--measurement", *measurement]
    return shlex.join([*words, "--tables", str(file), "--output", "deck.cir"])
