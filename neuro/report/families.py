"""Error rates of the population against pulse and voltage, as the table holds them (its group `curves`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flow.table import CellVariant
from neuro.report.bitcells import Bitcells
from neuro.report.comparison import DEVICES, finite, number_id

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Kind:
    """An error rate and what it is drawn against: name of the coordinate, unit shown, factor to it."""

    rate: str
    title: str
    axis: str
    unit: str
    factor: float
    stored: str
    limit: str


KINDS = (
    Kind("wer_0to1", "write 0 → 1", "pulse_0to1", "ns", 1e9, "write_pulse", "wer_limit"),
    Kind("wer_1to0", "write 1 → 0", "pulse_1to0", "ns", 1e9, "write_pulse", "wer_limit"),
    Kind("rdr", "read", "voltage_read", "V", 1.0, "read_voltage", "rdr_limit"),
)


@dataclass(frozen=True)
class Family:
    """One error rate of one cell variant along `x` (P,), in the unit of its kind.

    `nominal` is (P,), `mean` (P, 3): value and 95 % interval; `quantile` has the same for the error rate that
    each share of the cells exceeds. `stored` is the operating point, None if unknown.
    """

    kind: Kind
    device: str
    cell: str
    variant: str
    x: Floats
    nominal: Floats
    mean: Floats
    quantile: dict[float, Floats]
    stored: float | None
    limit: float | None

    def multiple(self, place: int) -> str:
        """Which point it is: multiple of the stored pulse or voltage, or its number where that is unknown."""
        return f"{self.x[place] / self.stored:.3g}" if self.stored else f"p{place + 1}"

    def id(self, place: int) -> str:
        """Address of a point in the results document."""
        return number_id("family", self.cell, self.variant, self.kind.rate, self.multiple(place))

    @property
    def axis(self) -> str:
        """Key of the pulse or voltage in the results document."""
        return f"{self.kind.axis.split('_')[0]}_{self.kind.unit}"

    def as_json(self) -> list[dict[str, Any]]:
        """A JSON object for every point; `value` is the mean."""
        return [
            {
                "id": self.id(place),
                "cell": self.cell,
                "variant": self.variant,
                "device": self.device,
                "quantity": self.kind.rate,
                "unit": "1",
                self.axis: float(self.x[place]),
                **_ends("value", "ci", self.mean[place]),
                "nominal": finite(float(self.nominal[place])),
                **self._quantiles(place),
                "sources": [f"table:{self.cell}/{self.variant}"],
            }
            for place in range(self.x.size)
        ]

    def _quantiles(self, place: int) -> dict[str, float | None]:
        found: dict[str, float | None] = {}
        for share, values in self.quantile.items():
            name = exceeded_by(share)
            found |= _ends(name, name, values[place])
        return found


def exceeded_by(share: float) -> str:
    """Key of the error rate that this share of the cells exceeds."""
    return f"exceeded_by_{100 * share:g}_percent"


def _ends(name: str, prefix: str, numbers: Floats) -> dict[str, float | None]:
    """A value and the ends of its interval, as they stand in the document."""
    names = (name, f"{prefix}_low", f"{prefix}_high")
    return {key: finite(float(number)) for key, number in zip(names, numbers, strict=True)}


def families(bitcells: Bitcells) -> list[Family]:
    """Every family of both cells and all their variants; empty for a table without curves."""
    found = []
    for device in DEVICES:
        for variant, content in sorted(bitcells.variants(device).items(), reverse=True):
            for kind in KINDS:
                family = _family(kind, device, bitcells.name[device], variant, content)
                if family is not None:
                    found.append(family)
    return found


def _family(kind: Kind, device: str, cell: str, variant: str, content: CellVariant) -> Family | None:
    curves = content.curves
    names = [
        f"{kind.rate}_{part}{end}" for part in ("mean", "quantile") for end in ("", "_ci_low", "_ci_high")
    ]
    if any(name not in curves for name in (*names, f"{kind.rate}_nominal", kind.axis, "share")):
        return None
    mean, quantile = (
        np.stack([curves[name].values for name in some], axis=-1) for some in (names[:3], names[3:])
    )
    point, limit = (content.quantities.get(name) for name in (kind.stored, kind.limit))
    return Family(
        kind=kind,
        device=device,
        cell=cell,
        variant=variant,
        x=kind.factor * curves[kind.axis].values,
        nominal=curves[f"{kind.rate}_nominal"].values,
        mean=mean,
        quantile={float(share): rows for share, rows in zip(curves["share"].values, quantile, strict=True)},
        stored=None if point is None else kind.factor * point.value,
        limit=None if limit is None else limit.value,
    )
