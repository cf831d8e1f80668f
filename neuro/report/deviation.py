"""Why a number is not the paper's: reasons written by people, applied only where they fit.

`neuro/data/deviations.toml` holds them. A reason states the range of deviations that it can account for, in
per cent and of one sign; a deviation outside that range stays unexplained, so that a reason which was right
for an older result does not cover up a new one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from flow.table import UserError
from neuro.report.comparison import DEVICES, Comparison

_KEYS = {"quantity", "device", "variant", "model", "statistics", "range", "reason", "source"}
_MODELS = ("", "physical", "neurosim")
_STATISTICS = ("nominal", "population")


@dataclass(frozen=True, slots=True)
class Reason:
    """Accounts for deviations of `quantity` between `low` and `high` per cent.

    Empty `devices`, `variants`, `models` or `statistics` stand for all of them. `source` is "paper" (the
    published number is inconsistent or misprinted), "model" (we compute something else on purpose), "input"
    (a setting that the paper does not state) or "limit" (something that we do not model).
    """

    quantity: str
    devices: tuple[str, ...]
    variants: tuple[str, ...]
    models: tuple[str, ...]
    statistics: tuple[str, ...]
    low: float
    high: float
    text: str
    source: str

    def fits(self, comparison: Comparison) -> bool:
        """Whether this reason is about that number and can account for its deviation."""
        deviation = comparison.deviation_percent
        return (
            deviation is not None
            and comparison.quantity == self.quantity
            and (not self.devices or comparison.device in self.devices)
            and (not self.variants or comparison.variant in self.variants)
            and (not self.models or comparison.model in self.models)
            and (not self.statistics or comparison.statistics in self.statistics)
            and self.low <= deviation <= self.high
        )


@dataclass(frozen=True, slots=True)
class Deviation:
    """A number that is more than the limit from the paper, with the reasons that account for it."""

    comparison: Comparison
    reasons: tuple[Reason, ...]

    @property
    def explained(self) -> bool:
        """Whether there is a reason."""
        return bool(self.reasons)

    def as_json(self) -> dict[str, Any]:
        """The comparison with its reasons."""
        return self.comparison.as_json() | {
            "explained": self.explained,
            "reasons": [{"source": reason.source, "text": reason.text} for reason in self.reasons],
        }


def deviations(comparisons: Iterable[Comparison], reasons: Iterable[Reason]) -> list[Deviation]:
    """Every comparison that needs a reason, in the same order, unexplained ones included."""
    known = list(reasons)
    return [
        Deviation(comparison, tuple(reason for reason in known if reason.fits(comparison)))
        for comparison in comparisons
        if comparison.needs_reason
    ]


def packaged_reasons() -> list[Reason]:
    """The reasons that come with the package."""
    with resources.as_file(resources.files("neuro") / "data" / "deviations.toml") as path:
        return reasons_from_file(path)


def reasons_from_file(path: Path) -> list[Reason]:
    """Reasons from a TOML file with tables `[[reason]]`. Raises UserError that names the file and the key."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError("no such file", file=path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot be read: {error}", file=path) from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"not valid TOML: {error}", file=path) from None
    items = document.get("reason", [])
    if not isinstance(items, list) or set(document) - {"reason"}:
        raise UserError("expected tables [[reason]] and nothing else", file=path, key="reason")
    return [_reason(item, f"reason[{place}]", path) for place, item in enumerate(items)]


def _reason(item: object, key: str, path: Path) -> Reason:
    def fail(message: str, name: str = "") -> UserError:
        return UserError(message, file=path, key=f"{key}.{name}" if name else key)

    if not isinstance(item, Mapping):
        raise fail("must be a table")
    if unknown := set(item) - _KEYS:
        raise fail(f"unknown key; known are {', '.join(sorted(_KEYS))}", sorted(unknown)[0])

    def texts(name: str, allowed: tuple[str, ...] | None = None) -> tuple[str, ...]:
        value = item.get(name, [])
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise fail("must be text or a list of texts", name)
        if allowed is not None and (wrong := set(value) - set(allowed)):
            raise fail(f"{sorted(wrong)[0]!r} is none of {', '.join(allowed)}", name)
        return tuple(value)

    def text(name: str) -> str:
        value = item.get(name)
        if not isinstance(value, str) or not value.strip():
            raise fail("is missing or is not text", name)
        return " ".join(value.split())

    bounds = item.get("range")
    if (
        not isinstance(bounds, list)
        or len(bounds) != 2
        or not all(isinstance(bound, int | float) and not isinstance(bound, bool) for bound in bounds)
    ):
        raise fail("must be [lowest, highest] deviation in per cent", "range")
    low, high = float(bounds[0]), float(bounds[1])
    if not low < high or low < 0.0 < high:
        raise fail("must rise and stay on one side of 0: a reason has a direction", "range")
    source = text("source")
    if source not in ("paper", "model", "input", "limit"):
        raise fail("is none of paper, model, input, limit", "source")
    return Reason(
        text("quantity"),
        texts("device", DEVICES),
        texts("variant"),
        texts("model", _MODELS),
        texts("statistics", _STATISTICS),
        low,
        high,
        text("reason"),
        source,
    )
