"""Numbers of a table made anew, from the files of now and the settings of the command that wrote it.

What `mtj-flow characterize` and `size` wrote is simulated again variant by variant, what `column` wrote
column by column; the quantities in a table of columns are copies of its bitcell table's, compared with those.
"""

from __future__ import annotations

import contextlib
import math
import shlex
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from flow.characterize import CACHE, benches_of, technology_plan
from flow.errors import UserError
from flow.explain import (
    changes,
    concerning,
    element,
    find,
    finite,
    places_of,
    variant_at,
)
from flow.measure.bench import Bench
from flow.measure.column_study import study_columns
from flow.parallel import Cache, Count, LocalPool, Plan, Progress, run_plans
from flow.place import TECHNOLOGY, Place
from flow.sizing import at_pulse
from flow.sizing_table import design_of
from flow.spec import PopulationSpec, Study, load_study
from flow.statistics.cell_plan import expected_tasks, variant_plan
from flow.table import BitcellTable, CellVariant, Quantity, open_table, write_table

TOLERANCE = 1e-9
"""Relative difference beyond which a number counts as moved."""

_NO_VALUE = ("--json",)
_STUDY_OPTIONS = ("samples", "estimator", "criterion")
_COMMANDS = ("characterize", "size", "column")

Tell = Callable[[str], None]
Watch = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Replay:
    """A number made anew. `difference` is relative to the table's value; None where one is no number."""

    quantity: str
    unit: str
    table: float | None
    replayed: float | None
    difference: float | None
    same: bool
    changed: tuple[str, ...]
    samples: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """The JSON document."""
        return asdict(self)


@dataclass(frozen=True)
class Recorded:
    """The command that wrote a table: its name and its options by name without dashes."""

    name: str
    options: Mapping[str, str]

    @classmethod
    def of(cls, command: str) -> Recorded:
        """From the command line. Raises UserError for a command that writes no tables."""
        words = shlex.split(command)
        if len(words) < 2 or words[1] not in _COMMANDS:
            made = " or ".join(f"`mtj-flow {name}`" for name in _COMMANDS)
            raise UserError(f"the table was not made by {made}", key="/provenance/command")
        options: dict[str, str] = {}
        rest = iter(words[2:])
        for word in rest:
            name, equals, value = word.partition("=")
            if name.startswith("-") and name not in _NO_VALUE:
                options[name.lstrip("-")] = value if equals else next(rest, "")
        return cls(words[1], options)


def replay(
    root: Path,
    file: Path,
    texts: Sequence[str],
    *,
    cell: str | None = None,
    variant: str | None = None,
    jobs: int = 2,
    reuse: bool = False,
    output: Path | None = None,
    tell: Tell = lambda _: None,
    progress: Watch = lambda done, total, label: None,
) -> list[Replay]:
    """Make numbers of the table `file` again; what belongs to one variant is simulated once.

    Args:
        texts: places as `flow.explain.find` takes them, or CELL/VARIANT or technology/CARD for all of it.
        reuse: results of earlier runs with the very same inputs are taken; without, everything that the
            numbers depend on is simulated.
        output: where the table goes with everything that was made anew in the place of the old.

    Raises UserError as `explain`, for a table that another command made, and for a mistake in a designer's
    file.
    """
    table = open_table(file)
    with concerning(file):
        places = _wanted(table, texts, cell, variant)
        command = Recorded.of(table.provenance.get("command", ""))
    job = _Job(root, file, table, command, jobs, reuse, tell, progress)
    again = job.columns(places) if command.name == "column" else job.variants(places)
    if output is not None:
        write_table(output, again)
    owners = {place.owner: place for place in places}
    changed = {owner: tuple(changes(root, table, place)) for owner, place in owners.items()}
    return [_compared(file, table, place, again, changed[place.owner], job.count) for place in places]


def recorded_study(root: Path, command: str, variant: CellVariant | None = None) -> Study:
    """The study that `command` ran: its file of now with what the command line replaced.

    Where the table says what a variant was made with, that counts. Raises UserError for another command.
    """
    recorded = Recorded.of(command)
    file = Path(recorded.options.get("study", "study.toml"))
    study = load_study(file if file.is_absolute() else root / file)
    changes: dict[str, Any] = {
        name: recorded.options[name] for name in _STUDY_OPTIONS if name in recorded.options
    }
    if variant is not None:
        names = {"samples": "samples_per_operation", "estimator": "estimator", "criterion": "criterion"}
        names |= {"sampling": "sampling", "seed": "seed"}
        changes |= {key: variant.attributes[a] for key, a in names.items() if a in variant.attributes}
    try:
        population = PopulationSpec.model_validate({**study.population.model_dump(), **changes})
    except ValueError:
        raise UserError(f"the recorded settings are none: {changes}", key="/provenance/command") from None
    return study.model_copy(update={"population": population})


@dataclass
class _Job:
    """One replay: the table, what made it, and how to simulate."""

    root: Path
    file: Path
    table: BitcellTable
    command: Recorded
    jobs: int
    reuse: bool
    tell: Tell
    progress: Watch
    count: Count = field(default_factory=Count)

    def variants(self, places: Sequence[Place]) -> BitcellTable:
        """The table with the variants and cards of these places simulated anew."""
        plans: dict[str, Plan] = {}
        expected = 0
        for place in {place.owner: place for place in places}.values():
            content = variant_at(self.table, place)
            with concerning(self.file):
                study = recorded_study(
                    self.root, shlex.join(["mtj-flow", self.command.name, *self._words()]), content
                )
            if content is None:
                bench = self._benches(_cell_with_card(self.table, place.group, self.file), study)[0]
                plans[place.owner] = technology_plan(bench)
                expected += 1
                continue
            bench = self._bench(place, content, study)
            plans[place.owner] = variant_plan(bench, study)
            expected += expected_tasks(bench, study)
        with self._cache() as cache:
            workers = LocalPool(self.jobs)
            try:
                found, self.count = run_plans(
                    plans, cache, workers, progress=Progress(expected, tell=self.progress)
                )
            finally:
                workers.close()
        return self._with(found)

    def columns(self, places: Sequence[Place]) -> BitcellTable:
        """The table with what these places need simulated anew, or copied anew from its bitcell table."""
        source = self.root / self.command.options.get("tables", "build/tables/bitcells.h5")
        bitcells = open_table(source)
        found: dict[str, Any] = {}
        for owner in {place.owner: None for place in places}:
            mine = [place for place in places if place.owner == owner]
            if mine[0].is_technology:
                found[owner] = BitcellTable(technologies=bitcells.technologies)
                continue
            group, name = mine[0].group, mine[0].variant
            old = self.table.cells[group][name]
            copied = bitcells.cells.get(group, {}).get(name)
            rows = _rows(old, mine)
            if rows:
                bench = next(
                    (one for one in benches_of(self.root, [group], self.tell) if one.variant_name == name),
                    None,
                )
                if bench is None:
                    raise UserError("its files have no such variant any more", file=self.file, key=owner)
                found[owner] = study_columns(bench, bitcells, rows, tell=self.tell)
                self.count = Count(self.count.simulated + len(rows))
            elif copied is not None:
                found[owner] = replace(old, quantities=copied.quantities)
        return self._with(found)

    def _words(self) -> list[str]:
        return [word for name, value in self.command.options.items() for word in (f"--{name}", value)]

    def _benches(self, cell: str, study: Study) -> list[Bench]:
        return benches_of(self.root, [cell], self.tell, study.variants)

    def _bench(self, place: Place, content: CellVariant, study: Study) -> Bench:
        """The bench of a variant; of a design that `mtj-flow size` found, with its fins and its pulse."""
        design = design_of(content)
        wanted = place.variant if design is None else design.variant
        bench = next((one for one in self._benches(place.group, study) if one.variant_name == wanted), None)
        if bench is None:
            raise UserError("its files have no such variant any more", file=self.file, key=place.owner)
        if design is None:
            return bench
        write = bench.spec.write.model_copy(update={"max_voltage": design.max_voltage})
        bench = replace(bench, spec=bench.spec.model_copy(update={"write": write}))
        return at_pulse(bench, design.fins, design.pulse)

    def _with(self, found: Mapping[str, Any]) -> BitcellTable:
        """The table with new variants and cards; what is new in a card's result for other cards is left."""
        cells = {cell: dict(variants) for cell, variants in self.table.cells.items()}
        technologies = dict(self.table.technologies)
        for owner, result in found.items():
            first, name = owner.split("/", 1)
            if first == TECHNOLOGY:
                technologies |= {name: result.technologies[name]} if name in result.technologies else {}
            else:
                old = cells[first][name]
                # A design keeps saying what it is; the simulation does not know.
                cells[first][name] = replace(result, attributes={**old.attributes, **result.attributes})
        return replace(self.table, cells=cells, technologies=technologies)

    @contextlib.contextmanager
    def _cache(self) -> Iterator[Cache]:
        if self.reuse:
            yield Cache(self.root / CACHE)
            return
        with tempfile.TemporaryDirectory(prefix="mtjflow-replay-") as folder:
            yield Cache(Path(folder))


def _wanted(table: BitcellTable, texts: Sequence[str], cell: str | None, variant: str | None) -> list[Place]:
    places: dict[Place, None] = {}
    for text in texts:
        whole = places_of(table, text)
        places |= dict.fromkeys(whole or [find(table, text, cell=cell, variant=variant)[0]])
    return list(places)


def _rows(content: CellVariant, places: Sequence[Place]) -> list[int]:
    """The columns (by rows) that the elements of arrays need; an array without rows needs none of them."""
    rows: dict[int, None] = {}
    known = content.samples["rows"].values.tolist() if "rows" in content.samples else []
    for place in places:
        if not place.section:
            continue
        dims = getattr(content, place.section)[place.name].dims
        wanted = float(place.at[dims.index("rows")]) if "rows" in dims else float(known[0])
        rows |= dict.fromkeys(count for count in known if math.isclose(count, wanted))
    return sorted(rows)


def _cell_with_card(table: BitcellTable, card: str, file: Path) -> str:
    """A cell of the table that uses the card: its device sets the temperature."""
    for cell, variants in table.cells.items():
        if any(content.attributes.get("card") == card for content in variants.values()):
            return cell
    raise UserError("no cell of the table uses this card", file=file, key=f"{TECHNOLOGY}/{card}")


def _compared(
    file: Path,
    table: BitcellTable,
    place: Place,
    again: BitcellTable,
    changed: tuple[str, ...],
    count: Count,
) -> Replay:
    old, new = _number_at(table, place), _number_at(again, place)
    if old is None or new is None:
        raise UserError("it is not measured any more", file=file, key=str(place))
    before, after = finite(old.value), finite(new.value)
    difference: float | None = None
    if before is not None and after is not None:
        scale = max(abs(before), abs(after))
        difference = abs(after - before) / scale if scale > 0 else 0.0
    agree = before is after is None if difference is None else difference <= TOLERANCE
    return Replay(
        quantity=str(place),
        unit=old.unit,
        table=before,
        replayed=after,
        difference=difference,
        same=agree and old.status == new.status,
        changed=changed,
        samples=asdict(count),
    )


def _number_at(table: BitcellTable, place: Place) -> Quantity | None:
    content = variant_at(table, place)
    if content is None:
        return table.technologies.get(place.group, {}).get(place.name)
    return element(content, place) if place.section else content.quantities.get(place.name)
