"""Design points as JSON documents: reading them, checking every field, and stacking them into arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from flow.table import UserError
from neuro.circuit.namespace import Array, floor
from neuro.technology import Cell, Core, Fin, Technology


@dataclass(frozen=True)
class Bound:
    """Allowed range of a field, ends included; `whole` for counts."""

    low: float
    high: float
    whole: bool = False


BOUNDS: dict[str, Bound] = {
    "technology.feature_size_m": Bound(1e-9, 1e-5),
    "technology.vdd_V": Bound(1e-3, 100),
    "technology.ion_n_A_per_m": Bound(1e-3, 1e7),
    "technology.ion_p_A_per_m": Bound(1e-3, 1e7),
    "technology.ioff_n_A_per_m": Bound(0, 1e6),
    "technology.ioff_p_A_per_m": Bound(0, 1e6),
    "technology.effective_resistance_multiplier": Bound(1e-3, 1e3),
    "technology.gate_capacitance_F_per_m": Bound(1e-15, 1e-3),
    "technology.pn_ratio": Bound(1e-2, 1e2),
    "technology.wire_resistance_ohm_per_m": Bound(0, 1e15),
    "technology.wire_capacitance_F_per_m": Bound(0, 1e-3),
    "technology.drain_capacitance_F_per_m": Bound(0, 1e-3),
    "technology.linear_resistance_n_ohm_m": Bound(0, 1e3),
    "technology.fin.height_m": Bound(1e-10, 1e-5),
    "technology.fin.width_m": Bound(1e-10, 1e-5),
    "technology.fin.pitch_m": Bound(1e-10, 1e-4),
    "cell.width_F": Bound(1e-2, 1e6),
    "cell.height_F": Bound(1e-2, 1e6),
    "cell.r_on_ohm": Bound(1e-3, 1e15),
    "cell.r_off_ohm": Bound(1e-3, 1e15),
    "cell.r_access_ohm": Bound(0, 1e15),
    "cell.read_voltage_V": Bound(1e-9, 100),
    "cell.ltp_voltage_V": Bound(1e-9, 100),
    "cell.ltd_voltage_V": Bound(1e-9, 100),
    "cell.write_pulse_s": Bound(1e-18, 1e3),
    "cell.read_energy_J": Bound(0, 1),
    "core.rows": Bound(2, 2**24, whole=True),
    "core.synapses": Bound(1, 2**24, whole=True),
    "core.bits": Bound(1, 64, whole=True),
    "core.column_mux": Bound(3, 64, whole=True),
    "core.write_column_mux": Bound(1, 2**24, whole=True),
    "core.partial_sum_bits": Bound(1, 32, whole=True),
    "core.row_activity": Bound(0, 1),
    "core.clock_Hz": Bound(1e-3, 1e15),
}
"""Every checked field. A column multiplexer below 3 or above 64 has no reference value."""


@dataclass(frozen=True)
class Check:
    """One condition on a design point: where `bad` holds the point is refused, with `message`, at `field`."""

    field: str
    message: str
    bad: Array


def field_checks(technology: Technology, cell: Cell, core: Core) -> Iterator[Check]:
    """Range and wholeness of every field, then the relations between fields; always in this order."""
    records: dict[str, Any] = {"technology": technology, "cell": cell, "core": core}
    for path, bound in BOUNDS.items():
        value: Any = records
        for name in path.split("."):
            value = value[name] if isinstance(value, dict) else getattr(value, name, None)
        if value is None:  # planar: no fin
            yield Check(path, "", np.False_)
            continue
        # A NaN fails both comparisons.
        bad = ~((value >= bound.low) & (value <= bound.high))
        unit = "a whole number" if bound.whole else "a finite number"
        if bound.whole:
            bad = bad | (value != floor(value))
        yield Check(path, f"must be {unit} from {bound.low:g} to {bound.high:g}", bad)
    columns = core.synapses * core.bits + 1
    yield Check("cell.r_off_ohm", "must not be below r_on_ohm", cell.r_off_ohm < cell.r_on_ohm)
    yield Check(
        "core.column_mux",
        "is larger than the number of columns (synapses*bits + 1)",
        core.column_mux > columns,
    )
    yield Check(
        "core.write_column_mux",
        "is larger than the number of columns (synapses*bits + 1)",
        core.write_column_mux > columns,
    )


QUANTITY = frozenset(("value", "unit", "ci_low", "ci_high"))
"""Keys of a field given as a quantity with its 95 % interval instead of a plain number."""


def uncertain_fields(document: object, path: str = "") -> dict[str, tuple[float, float, float]]:
    """Fields of a design document given as quantities with an interval: path to (value, low, high).

    Raises UserError that names the field.
    """
    if not isinstance(document, Mapping):
        return {}
    if "value" in document and set(document) <= QUANTITY:
        low, high = document.get("ci_low"), document.get("ci_high")
        if low is None and high is None:
            return {}
        value = _number(document["value"], path)
        ends = _number(low, f"{path}.ci_low"), _number(high, f"{path}.ci_high")
        if not ends[0] <= value <= ends[1]:
            raise UserError("must lie within its interval", key=path)
        return {path: (value, *ends)}
    found: dict[str, tuple[float, float, float]] = {}
    for key, item in document.items():
        found |= uncertain_fields(item, f"{path}.{key}" if path else str(key))
    return found


def _number(value: object, path: str) -> float:
    if isinstance(value, Mapping) and "value" in value and set(value) <= QUANTITY:
        value = value["value"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"must be a number, not {value!r}", key=path)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise UserError(f"must be a finite number, not {value!r}", key=path)
    return number


def _record(kind: type, document: object, path: str) -> Any:
    if not isinstance(document, Mapping):
        raise UserError(f"must be an object, not {document!r}", key=path)
    known = {f.name: f for f in fields(kind)}
    for name in document:
        if name not in known:
            raise UserError("is no field of a design point", key=f"{path}.{name}")
    values: dict[str, Any] = {}
    for name, f in known.items():
        where = f"{path}.{name}"
        if name not in document:
            if f.default is MISSING:
                raise UserError("is missing", key=where)
            continue
        value = document[name]
        if name == "fin":
            values[name] = None if value is None else _record(Fin, value, where)
        elif name == "name":
            if not isinstance(value, str):
                raise UserError(f"must be text, not {value!r}", key=where)
            values[name] = value
        elif name == "relaxed_cell_width":
            if not isinstance(value, bool):
                raise UserError(f"must be true or false, not {value!r}", key=where)
            values[name] = value
        elif value is None and isinstance(f.default, float) and math.isnan(f.default):
            continue  # not characterised
        else:
            values[name] = _number(value, where)
    return kind(**values)


def technology_from_json(document: object, path: str = "technology") -> Technology:
    """A technology from its JSON object. Raises UserError that names the field."""
    record: Technology = _record(Technology, document, path)
    return record


def cell_from_json(document: object, path: str = "cell") -> Cell:
    """A cell from its JSON object. Raises UserError that names the field."""
    record: Cell = _record(Cell, document, path)
    return record


def core_from_json(document: object, path: str = "core") -> Core:
    """A core from its JSON object. Raises UserError that names the field."""
    record: Core = _record(Core, document, path)
    return record


Design = tuple[Technology, Cell, Core]


def design_from_json(document: object) -> Design:
    """One design point, `{"technology": ..., "cell": ..., "core": ...}`. Raises UserError with the field."""
    if not isinstance(document, Mapping):
        raise UserError(f"a design point must be an object, not {document!r}", key="design")
    for name in document:
        if name not in ("technology", "cell", "core"):
            raise UserError("is no part of a design point (technology, cell, core)", key=str(name))
    for name in ("technology", "cell", "core"):
        if name not in document:
            raise UserError("is missing", key=name)
    return (
        technology_from_json(document["technology"]),
        cell_from_json(document["cell"]),
        core_from_json(document["core"]),
    )


def designs_in(document: object, file: str | Path | None = None) -> list[object]:
    """The design points of a document: a list, one point, or `{"points": [{"design": ...}]}`.

    Raises UserError naming `file` if it is none of these.
    """
    if isinstance(document, Mapping) and "points" in document:
        document = document["points"]
    if isinstance(document, Mapping):
        document = [document]
    if not isinstance(document, Sequence) or isinstance(document, str):
        raise UserError('expected a list of design points or {"points": [...]}', file=file)
    return [item["design"] if isinstance(item, Mapping) and "design" in item else item for item in document]


def _stack_records(records: Sequence[Any]) -> Any:
    first = records[0]
    values: dict[str, Any] = {}
    for f in fields(first):
        column = [getattr(record, f.name) for record in records]
        if f.name == "fin":
            values[f.name] = None if column[0] is None else _stack_records(column)
        elif f.name == "name":
            values[f.name] = column[0] if len(set(column)) == 1 else ""
        else:
            values[f.name] = np.asarray(column, dtype=np.float64)
    return replace(first, **values)


def stack(designs: Sequence[Design]) -> Design:
    """Design points as one design of arrays; all planar or all FinFET. Raises ValueError otherwise."""
    if len({design[0].fin is None for design in designs}) != 1:
        raise ValueError("planar and FinFET technologies cannot be stacked")
    technologies, cells, cores = zip(*designs, strict=True)
    return _stack_records(technologies), _stack_records(cells), _stack_records(cores)
