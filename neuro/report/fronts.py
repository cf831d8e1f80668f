"""Pareto fronts of bitcells, as `mtj-flow size --json` found them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flow.table import UserError, load_json
from neuro.report.bitcells import Bitcells
from neuro.report.comparison import Measured, finite, number_id

# Key in the document, the unit it must have.
_FIGURES = {"write_pulse": "ns", "write_energy": "fJ", "cell_area": "F2"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
_CANDIDATE = {"write_pulse": "write_pulse_ns", "write_energy": "write_energy_fJ", "cell_area": "cell_area_F2"}


@dataclass(frozen=True)
class Sized:
    """One design of a bitcell: pulse (ns), write energy (fJ), area (F2), fins by transistor.

    `verified` ones are on the front and characterised in full; the others are predictions of the search.
    """

    fins: dict[str, int]
    figures: dict[str, Measured]
    verified: bool

    @property
    def name(self) -> str:
        """Fins in words."""
        return ", ".join(f"{name}={count}" for name, count in self.fins.items())


@dataclass(frozen=True)
class CellFront:
    """What `mtj-flow size --json` wrote for one cell; `device` is None for a cell with another junction."""

    path: Path
    cell: str
    variant: str
    device: str | None
    front: tuple[Sized, ...]
    others: tuple[Sized, ...]
    best: int
    command: str

    def id(self, place: int, name: str) -> str:
        """Address of a figure of a verified point in the results document."""
        return number_id("front", self.cell, self.variant, f"p{place + 1}", name)

    def as_json(self) -> list[dict[str, Any]]:
        """A JSON object for every figure of every verified point."""
        return [
            {
                "id": self.id(place, name),
                "cell": self.cell,
                "variant": self.variant,
                "fins": point.fins,
                "quantity": name,
                "unit": _FIGURES[name],
                "value": finite(found.value),
                "ci_low": finite(found.low),
                "ci_high": finite(found.high),
                "file": str(self.path),
                "command": self.command,
            }
            for place, point in enumerate(self.front)
            for name, found in point.figures.items()
        ]


def cell_fronts(paths: Sequence[Path], bitcells: Bitcells) -> list[CellFront]:
    """Fronts from documents of `mtj-flow size --json`; without `paths`, of `size*.json` beside the table.

    Of two documents of the same cell and variant the younger one counts. Raises UserError that names file
    and key.
    """
    files = list(paths) or sorted(bitcells.path.parent.glob("size*.json"), key=_age)
    found = [_cell_front(path, bitcells) for path in files]
    return [*{(one.cell, one.variant): one for one in found}.values()]


def _age(path: Path) -> tuple[int, str]:
    return path.stat().st_mtime_ns, path.name


def _cell_front(path: Path, bitcells: Bitcells) -> CellFront:
    document = load_json(path)
    if not isinstance(document, dict) or not isinstance(document.get("front"), list) or not document["front"]:
        raise UserError("is no document of `mtj-flow size --json`", file=path, key="front")
    cell = _name(document.get("cell"), "cell", path)
    variant = _name(document["variant"], "variant", path) if document.get("variant") else ""
    best = document.get("best", 0)
    front = tuple(
        _point(item, f"front[{place}]", path, verified=True) for place, item in enumerate(document["front"])
    )
    if not isinstance(best, int) or not 0 <= best < len(front):
        raise UserError("is no point of the front", file=path, key="best")
    candidates = document.get("candidates", [])
    if not isinstance(candidates, list):
        raise UserError("must be a list", file=path, key="candidates")
    others = tuple(
        _point(item, f"candidates[{place}]", path, verified=False) for place, item in enumerate(candidates)
    )
    command = str(document.get("command", ""))
    return CellFront(path, cell, variant, bitcells.device_of(cell), front, others, best, command)


def _name(item: object, key: str, path: Path) -> str:
    """A name of a cell or variant; they become part of file names."""
    if not isinstance(item, str) or not _NAME.fullmatch(item):
        raise UserError("is missing or is no name", file=path, key=key)
    return item


def _point(item: object, key: str, path: Path, *, verified: bool) -> Sized:
    if not isinstance(item, dict) or not isinstance(item.get("fins"), dict):
        raise UserError("must be a table with `fins`", file=path, key=key)
    fins = item["fins"]
    if not all(isinstance(count, int) for count in fins.values()):
        raise UserError("must be whole numbers", file=path, key=f"{key}.fins")
    figures = {
        name: _quantity(item.get(name), unit, f"{key}.{name}", path)
        if verified
        else Measured(_number(item.get(_CANDIDATE[name]), f"{key}.{_CANDIDATE[name]}", path))
        for name, unit in _FIGURES.items()
    }
    return Sized({str(name): count for name, count in fins.items()}, figures, verified)


def _quantity(item: object, unit: str, key: str, path: Path) -> Measured:
    if not isinstance(item, dict) or item.get("unit") != unit:
        raise UserError(f"must be a quantity in {unit}", file=path, key=key)
    bounds = [
        None if item.get(end) is None else _number(item[end], f"{key}.{end}", path)
        for end in ("ci_low", "ci_high")
    ]
    return Measured(_number(item.get("value"), f"{key}.value", path), bounds[0], bounds[1])


def _number(item: object, key: str, path: Path) -> float:
    # load_json refuses NaN and infinity.
    if isinstance(item, bool) or not isinstance(item, int | float):
        raise UserError("must be a number", file=path, key=key)
    return float(item)
