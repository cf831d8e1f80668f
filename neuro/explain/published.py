"""Numbers of the paper: where they stand in it, and in the file that the report takes them from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flow.table import UserError

FILE = "neuro/data/paper.json"
PAPER = "IEEE Transactions on Circuits and Systems II, vol. 70, no. 3, March 2023, pp. 1254-1258"

# Where a part of the file stands in the paper.
_PLACES = {
    "table_1": "Table I",
    "table_2": "Table II",
    "on_off_at_0.80nm": "section III.B",
    "table_3": "Table III",
    "fig_2_write_latency_per_epoch_ms": "Fig. 2",
    "fig_3_area_mm2": "Fig. 3",
    "fig_4_accuracy_percent": "Fig. 4 and section III.B",
    "training": "section II.C",
}
# Names that are not the paper's own figures, with what they are.
_OURS = {"write_energy_fJ_probably_meant": "Table II, where 4.80 is taken for a misprint of 48.0"}


@dataclass(frozen=True)
class Published:
    """A number of the paper: `key` is its path in the file, `place` its table or figure."""

    key: str
    value: float
    place: str

    def as_json(self) -> dict[str, Any]:
        """The JSON object."""
        return {"file": FILE, "key": self.key, "value": self.value, "place": self.place, "paper": PAPER}


def published(data: dict[str, Any], key: str) -> Published:
    """The number at `key` (table_2/dmtj/r_on_ohm) of the paper's figures. Raises UserError without one."""
    value: Any = data
    for step in key.split("/"):
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError("the paper has no such number", file=FILE, key=key)
    steps = key.split("/")
    place = next((_OURS[step] for step in steps if step in _OURS), _PLACES.get(steps[0], steps[0]))
    return Published(key, float(value), place)
