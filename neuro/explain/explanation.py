"""Everything that one number of the report depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from flow.table import BitcellTable, CellVariant, UserError, quantity_json
from neuro.cells import table_cells
from neuro.explain.address import Number, find
from neuro.explain.command import shown, training_command
from neuro.explain.inputs import Input, Origin, file_sha256, of_cell, origin, state_of
from neuro.explain.published import Published, published
from neuro.explain.report import Report
from neuro.explain.sources import Sources, sources_of
from neuro.explain.trace_file import TraceFile, Training
from neuro.technology import OPTIONAL_NAMES, TABLE_NAMES

_FIELDS = ("label", "device", "cell", "variant", "model", "statistics", "ci_low", "ci_high", "command")


@dataclass(frozen=True)
class Ingredient:
    """A quantity of the table; `value` in the display unit, as `quantity_json` shows it."""

    place: str
    shown: Mapping[str, object]

    def as_json(self) -> dict[str, Any]:
        """The JSON object."""
        return {"quantity": self.place, **self.shown}


@dataclass(frozen=True)
class TrainingUsed:
    """A training behind the number: its trace, what it was made of, and the command that does it again.

    `table` says whether the table of now is the one that was trained on: same, changed or not recorded.
    """

    name: str
    file: str
    dataset: str
    epochs: int
    replicas: int
    settings: Mapping[str, Any]
    quantities: tuple[str, ...]
    table: str
    origin: Origin
    command: str

    def as_json(self) -> dict[str, Any]:
        """The JSON object."""
        return {**vars(self), "origin": self.origin.as_json()}


@dataclass(frozen=True)
class Explanation:
    """One number of the report with all it came from.

    `facts` are fields of its object in the results document; `main` says whether it is the object's own
    number and not one beside it, such as the published one.
    """

    number: str
    value: float | int | None
    unit: str
    main: bool
    facts: Mapping[str, Any]
    how: str
    table: str
    table_sha256: str
    file: Input | None
    quantities: tuple[Ingredient, ...]
    origins: tuple[Origin, ...]
    trainings: tuple[TrainingUsed, ...]
    paper: tuple[Published, ...]
    doi: str
    replay: str
    deeper: tuple[str, ...]

    @property
    def changed(self) -> list[str]:
        """What is not as it was when the number was made."""
        found = [text for one in self.origins for text in one.changed]
        if self.file is not None and self.file.state not in ("same", "now"):
            found.append(f"{self.file.file} ({self.file.state})")
        for one in self.trainings:
            found += one.origin.changed
            if one.table == "changed":
                found.append(f"{self.table} (another one than {one.file} was trained on)")
        return list(dict.fromkeys(found))

    def as_json(self) -> dict[str, Any]:
        """The JSON document of `mtj-neuro explain`."""
        return {
            "number": self.number,
            **self.facts,
            "value": self.value,
            "unit": self.unit,
            "how": self.how,
            "table": {"file": self.table, "sha256": self.table_sha256},
            "file": None if self.file is None else asdict(self.file),
            "quantities": [one.as_json() for one in self.quantities],
            "origins": [one.as_json() for one in self.origins],
            "trainings": [one.as_json() for one in self.trainings],
            "published": [one.as_json() | {"doi": self.doi} for one in self.paper],
            "changed": self.changed,
            "unchanged": not self.changed,
            "replay": self.replay,
            "deeper": list(self.deeper),
        }


def explain(report: Report, address: str) -> Explanation:
    """Explain the number at `address` of the results document.

    Raises UserError where the report has no such number.
    """
    number = find(report.known, address)
    bitcells = report.results.bitcells
    sources = sources_of(number, bitcells, report.document, report.trainings)
    trainings = [report.trainings[key] for key in sources.trainings if key in report.trainings]
    datasets = [sources.trainings[key] for key in sources.trainings if key in report.trainings]
    used = tuple(
        _training(report, training, dataset) for training, dataset in zip(trainings, datasets, strict=True)
    )
    of_table = [*sources.quantities, *(place for one in used for place in one.quantities)]
    return Explanation(
        number=number.address,
        value=number.value,
        unit="%" if "percent" in str(number.field[-1]) else str(number.holder.get("unit", "")),
        main=number.address == number.holder.get("id"),
        facts={key: number.holder[key] for key in _FIELDS if number.holder.get(key) is not None},
        how=sources.how,
        table=str(report.tables),
        table_sha256=report.table_sha256,
        file=_file(report, sources.file) if sources.file else None,
        quantities=tuple(_ingredients(bitcells.table, sources.quantities)),
        origins=tuple(_origins(report, of_table)),
        trainings=used,
        paper=tuple(published(report.results.paper.data, key) for key in sources.paper),
        doi=report.results.paper.doi,
        replay=_replay_command(report, number),
        deeper=tuple(_deeper(report, sources)),
    )


def _file(report: Report, name: str) -> Input:
    """The file that a number was read from; as it is now, where the table recorded no hash of it."""
    recorded = report.results.bitcells.table.provenance.get(f"sha256:{name}")
    if recorded is not None:
        return Input(name, recorded, state_of(report.root, name, recorded))
    sha256 = file_sha256(Path(name))
    return Input(name, sha256, "now" if sha256 else "missing")


def variant_of(table: BitcellTable, place: str) -> CellVariant | None:
    """The variant of CELL/VARIANT or CELL/VARIANT/QUANTITY; None for a card or what is not there."""
    cell, variant = ([*place.split("/"), "", ""])[:2]
    return table.cells.get(cell, {}).get(variant)


def _ingredients(table: BitcellTable, places: tuple[str, ...]) -> list[Ingredient]:
    found = []
    for place in places:
        content = variant_of(table, place)
        if content is None:
            continue
        size = content.quantities.get("feature_size")
        parts = place.split("/")
        names = parts[2:3] if len(parts) > 2 else list(content.quantities)
        for name in names:
            if name in content.quantities:
                shown_ = quantity_json(name, content.quantities[name], None if size is None else size.value)
                found.append(Ingredient("/".join([*parts[:2], name]), shown_))
    return found


def _origins(report: Report, places: list[str]) -> list[Origin]:
    """One origin for each cell: the inputs of other cells are left out."""
    cells = dict.fromkeys(place.split("/")[0] for place in places)
    found = (_origin_of_cell(report, cell) for cell in cells)
    return [one for one in found if one is not None]


@lru_cache(maxsize=64)
def _origin_of_cell(report: Report, cell: str) -> Origin | None:
    table = report.results.bitcells.table
    content = next(iter(table.cells.get(cell, {}).values()), None)
    if content is None:
        return None
    device, card = (str(content.attributes.get(key, "")) for key in ("device", "card"))
    return origin(report.tables, table.provenance, report.root, of_cell(device, cell, card))


class _Noted(dict[str, Any]):
    """A dictionary that notes which of its entries are asked for."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        super().__init__(content)
        self.noted: dict[str, None] = {}

    def get(self, key: str, default: Any = None) -> Any:
        """The entry, noted if it is there."""
        if key in self:
            self.noted[key] = None
        return super().get(key, default)


@lru_cache(maxsize=256)
def quantities_used(report: Report, training: Training) -> tuple[str, ...]:
    """The quantities of cell and card that a training in this cell takes from the table.

    Found by watching the reader of the cells, so that the list cannot fall behind it.
    """
    table = report.results.bitcells.table
    content = table.cells.get(training.cell, {}).get(training.variant)
    if content is None or not training.file.table_content_sha256:
        return ()
    noted = _Noted(content.quantities)
    watched = CellVariant(noted, samples=content.samples, attributes=content.attributes)
    card = str(content.attributes.get("card", ""))
    try:
        table_cells(
            BitcellTable(table.technologies, {training.cell: {training.variant: watched}}), report.tables
        )
        names = _card_quantities(table, card)
    except UserError:
        names = []
    return (
        *(f"{training.name}/{name}" for name in sorted(noted.noted)),
        # The spread over the population is drawn from the samples as a whole.
        *([f"{training.name}/samples"] if content.samples else []),
        *(f"technology/{card}/{name}" for name in names),
    )


def _card_quantities(table: BitcellTable, card: str) -> list[str]:
    used = {*TABLE_NAMES.values(), *OPTIONAL_NAMES.values(), "fin_height", "fin_width", "fin_pitch"}
    return sorted(used & set(table.technologies.get(card, {})))


def _training(report: Report, training: Training, dataset: str) -> TrainingUsed:
    file = training.file
    stated = file.table_content_sha256
    table = "same" if stated == report.content_sha256 else "changed"
    return TrainingUsed(
        name=training.name,
        file=str(file.path),
        dataset=dataset or "all",
        epochs=file.epochs,
        replicas=file.replicas,
        settings=file.settings,
        quantities=quantities_used(report, training),
        table=table if stated else "not from a table",
        origin=_origin_of_trace(report, file),
        command=shown(training_command(file, [training.name], Path("again.h5"), report.tables)),
    )


@lru_cache(maxsize=64)
def _origin_of_trace(report: Report, file: TraceFile) -> Origin:
    # The table counts by its content: another layout of the same numbers is no change.
    return origin(file.path, file.provenance, report.root, lambda name: not name.endswith(".h5"))


def _replay_command(report: Report, number: Number) -> str:
    words = ["replay", number.address]
    if report.tables != Path("build/tables/bitcells.h5"):
        words += ["--tables", str(report.tables)]
    if report.traces != Path("build/traces"):
        words += ["--traces", str(report.traces)]
    return shown(words)


def _deeper(report: Report, sources: Sources) -> list[str]:
    """Commands that explain the quantities further: tools of now, and the simulation that makes them."""
    places = [place for place in sources.quantities if place.count("/") == 2]
    return [f"mtj-flow explain {report.tables} {place}" for place in places]
