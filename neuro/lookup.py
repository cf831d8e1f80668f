"""Technologies and cells by name: from a characterised table, or those that come with the package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from flow.table import Quantity, UserError, open_table
from neuro.cells import Bitcell, cells_from_table, paper_cells
from neuro.model import Model, model_named
from neuro.technology import (
    Cell,
    Technology,
    bundled_technology,
    technology_from_table,
    technology_quantities,
)


@dataclass(frozen=True)
class Lookup:
    """Where names are looked up: the table `tables`, or without one the package (28nm; the published cells).

    What a name stands for may depend on the model: its wires, and whether resistances include the access
    switch.
    """

    tables: str | Path | None = None
    model: str | Model = "physical"

    def technology(self, name: str) -> Technology:
        """The technology of that name. Raises UserError that lists the names there are."""
        if self.tables is not None:
            return technology_from_table(self.tables, name)
        return bundled_technology(name).for_model(model_named(self.model).name)

    def cell(self, name: str) -> Cell:
        """The cell `NAME` or `NAME/VARIANT`. Raises UserError that lists the names there are."""
        cells = self._cells()
        for key in (name, f"{name}/0.85"):
            if key in cells:
                return cells[key].for_circuit(model_named(self.model).name)
        raise UserError(f"no cell {name!r}; there are {', '.join(cells)}", file=self.tables, key="cell")

    def _document(self, part: str, name: str) -> dict[str, object]:
        """The JSON object of a technology or cell, with the intervals of the table's quantities."""
        document = _json(self.technology(name) if part == "technology" else self.cell(name))
        if self.tables is None:
            return document
        if part == "technology":
            fin = document.get("fin")
            for path, quantity in technology_quantities(self.tables, name).items():
                place = fin if path.startswith("fin.") and isinstance(fin, dict) else document
                field = path.removeprefix("fin.")
                place[field] = _with_interval(place[field], quantity)
            return document
        cell, _, variant = name.partition("/")
        quantities = open_table(self.tables).cells[cell][variant or "0.85"].quantities
        for field, names in CELL_QUANTITIES.items():
            source = next((quantities[item] for item in names if item in quantities), None)
            if source is not None:
                document[field] = _with_interval(document[field], source)
        return document

    def _cells(self) -> dict[str, Bitcell]:
        cells = paper_cells() if self.tables is None else cells_from_table(Path(self.tables))[1]
        return {f"{cell.name}/{cell.variant}": cell for cell in cells}

    def resolve(self, documents: Sequence[object]) -> list[object]:
        """Design documents with the names of technologies and cells replaced by their JSON objects."""
        found: dict[tuple[str, str], object] = {}
        resolved: list[object] = []
        for document in documents:
            if isinstance(document, Mapping):
                changed = dict(document)
                for part in ("technology", "cell"):
                    name = document.get(part)
                    if isinstance(name, str):
                        if (part, name) not in found:
                            found[part, name] = self._document(part, name)
                        changed[part] = found[part, name]
                document = changed
            resolved.append(document)
        return resolved


CELL_QUANTITIES = {
    "r_on_ohm": ("r_on",),
    "r_off_ohm": ("r_off",),
    "r_access_ohm": ("r_access",),
    "read_voltage_V": ("read_voltage",),
    "ltp_voltage_V": ("ltp_voltage", "write_voltage_1to0"),
    "ltd_voltage_V": ("ltd_voltage", "write_voltage_0to1"),
    "write_pulse_s": ("write_pulse",),
    "read_energy_J": ("read_energy",),
}
"""Quantity of a characterised cell (the first there is) whose interval a field of `Cell` has."""


def _with_interval(value: object, quantity: Quantity) -> object:
    """The field with the relative interval of the quantity it was made from."""
    if quantity.ci_low is None or quantity.ci_high is None or not isinstance(value, float):
        return value
    scale = value / quantity.value
    return {"value": value, "ci_low": quantity.ci_low * scale, "ci_high": quantity.ci_high * scale}


def _json(record: Technology | Cell) -> dict[str, object]:
    # A NaN says that nothing was characterised; JSON says it by leaving the key out.
    return {key: value for key, value in asdict(record).items() if value == value}
