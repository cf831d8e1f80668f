"""Technologies and cells by name: from a characterised table, or those that come with the package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from flow.table import UserError
from neuro.cells import Bitcell, cells_from_table, paper_cells
from neuro.model import Model, model_named
from neuro.technology import Cell, Technology, bundled_technology, technology_from_table


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
                            record = self.technology(name) if part == "technology" else self.cell(name)
                            found[part, name] = _json(record)
                        changed[part] = found[part, name]
                document = changed
            resolved.append(document)
        return resolved


def _json(record: Technology | Cell) -> dict[str, object]:
    # A NaN says that nothing was characterised; JSON says it by leaving the key out.
    return {key: value for key, value in asdict(record).items() if value == value}
