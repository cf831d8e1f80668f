"""Where a number of a table comes from, and whether it comes out again.

`explain` names everything that one quantity depends on and whether it is still the same; `replay` makes the
quantity anew from the files of now and compares. Both work for any table that `mtj-flow characterize` wrote.
"""

from __future__ import annotations

import contextlib
import difflib
import math
import shlex
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flow.characterize import CACHE, benches_of, technology_plan
from flow.errors import UserError
from flow.parallel import Cache, Count, LocalPool, Plan, Progress, run_plans
from flow.provenance import Provenance, file_sha256, library_versions
from flow.spec import PopulationSpec, Study, load_device, load_study
from flow.statistics.cell_plan import expected_tasks, variant_plan
from flow.table import BitcellTable, CellVariant, Quantity, open_table
from flow.table.quantity import described
from flow.toolchain import tool_versions

TOLERANCE = 1e-9
"""Relative difference beyond which a number counts as moved."""

_TECHNOLOGY = "technology"
_NO_VALUE = ("--json",)
_STUDY_OPTIONS = ("samples", "estimator", "criterion")


@dataclass(frozen=True)
class Place:
    """One quantity of a table: of a cell's variant, or of a card (then `variant` is empty)."""

    group: str
    variant: str
    name: str

    @property
    def is_technology(self) -> bool:
        """Whether it belongs to a card."""
        return not self.variant

    def __str__(self) -> str:
        first = f"{_TECHNOLOGY}/{self.group}" if self.is_technology else f"{self.group}/{self.variant}"
        return f"{first}/{self.name}"


@dataclass(frozen=True)
class Input:
    """A file that the number depends on: its hash then, and `state` now: same, changed or missing."""

    file: str
    sha256: str
    state: str


@dataclass(frozen=True)
class Tool:
    """A program or library: its version then and now (empty if it is not there)."""

    name: str
    version: str
    now: str

    @property
    def same(self) -> bool:
        """Whether it is the same version."""
        return self.version == self.now


@dataclass(frozen=True)
class Explanation:
    """Everything about one number; value and interval in SI units."""

    quantity: str
    value: float | None
    unit: str
    ci_low: float | None
    ci_high: float | None
    status: str
    long_name: str
    facts: Mapping[str, str | int | float]
    inputs: tuple[Input, ...]
    tools: tuple[Tool, ...]
    seeds: Mapping[str, int]
    commit: str
    command: str
    replay: str

    @property
    def changed(self) -> list[str]:
        """Inputs and tools that are not what they were."""
        inputs = [f"{item.file} ({item.state})" for item in self.inputs if item.state != "same"]
        return inputs + [f"{tool.name} {tool.version} -> {tool.now}" for tool in self.tools if not tool.same]

    def as_json(self) -> dict[str, Any]:
        """The JSON document."""
        return {**asdict(self), "unchanged": not self.changed}


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


def find(
    table: BitcellTable, text: str, *, cell: str | None = None, variant: str | None = None
) -> tuple[Place, Quantity]:
    """The quantity that `text` means.

    `text` is CELL/VARIANT/QUANTITY, technology/CARD/QUANTITY, or a bare name with `cell` and `variant`, which
    may be left out where only one place has it. Raises UserError with what there is instead.
    """
    parts = [part for part in text.strip("/").split("/") if part]
    if parts and parts[0] == "cells":
        parts = parts[1:]
    places = dict(_places(table))
    if len(parts) == 3 and parts[0] == _TECHNOLOGY:
        wanted = [Place(parts[1], "", parts[2])]
    elif len(parts) == 3:
        wanted = [Place(*parts)]
    elif len(parts) == 1:
        wanted = [
            place
            for place in places
            if place.name == parts[0] and cell in (None, place.group) and variant in (None, place.variant)
        ]
        if len(wanted) > 1:
            shown = ", ".join(str(place) for place in wanted[:4]) + (", ..." if len(wanted) > 4 else "")
            raise UserError(
                f"several places have it: {shown}; name one, or give --cell and --variant", key=text
            )
    else:
        raise UserError("expected CELL/VARIANT/QUANTITY, technology/CARD/QUANTITY or a bare name", key=text)
    if len(wanted) == 1 and wanted[0] in places:
        return wanted[0], places[wanted[0]]
    known = [str(place) for place in places] + sorted({place.name for place in places})
    close = difflib.get_close_matches("/".join(parts), known, n=1, cutoff=0.5)
    raise UserError(
        "the table has no such quantity" + (f"; did you mean {close[0]!r}?" if close else ""), key=text
    )


def explain(
    root: Path, file: Path, text: str, *, cell: str | None = None, variant: str | None = None
) -> Explanation:
    """Explain one number of the table `file`; the arguments are those of `find`.

    Raises UserError where the table cannot be read or has no such quantity.
    """
    table = open_table(file)
    with _named(file):
        place, quantity = find(table, text, cell=cell, variant=variant)
    provenance = Provenance.from_dict(table.provenance)
    content = _variant(table, place)
    now = {**library_versions(), **tool_versions()}
    return Explanation(
        quantity=str(place),
        value=_number(quantity.value),
        unit=quantity.unit,
        ci_low=quantity.ci_low,
        ci_high=quantity.ci_high,
        status=quantity.status,
        long_name=described(place.name, quantity),
        facts={} if content is None else dict(content.attributes),
        inputs=tuple(_inputs(root, table, place, provenance)),
        tools=tuple(Tool(name, text, now.get(name, "")) for name, text in provenance.tools.items()),
        seeds=provenance.seeds,
        commit=provenance.commit,
        command=provenance.command,
        replay=shlex.join(["mtj-flow", "replay", str(file), str(place)]),
    )


def replay(
    root: Path,
    file: Path,
    text: str,
    *,
    cell: str | None = None,
    variant: str | None = None,
    jobs: int = 2,
    reuse: bool = False,
    tell: Callable[[str], None] = lambda _: None,
    progress: Callable[[int, int, str], None] = lambda done, total, label: None,
) -> Replay:
    """Make one number of the table `file` again, from the files of now and the settings of its command.

    With `reuse` the results of earlier runs with the very same inputs are taken; without, everything that
    the number depends on is simulated. Raises UserError as `explain`, for a table that another command
    made, and for a mistake in a designer's file.
    """
    explanation = explain(root, file, text, cell=cell, variant=variant)
    table = open_table(file)
    place, old = find(table, explanation.quantity)
    with _named(file):
        study = recorded_study(root, explanation.command, _variant(table, place))
    owner = place.group if not place.is_technology else _cell_with_card(table, place.group, file)
    benches = benches_of(root, [owner], tell)
    if place.is_technology:
        plan: Plan = technology_plan(benches[0])
        expected = 1
    else:
        bench = next((bench for bench in benches if bench.variant_name == place.variant), None)
        if bench is None:
            raise UserError("its files have no such variant any more", file=file, key=str(place))
        plan, expected = variant_plan(bench, study), expected_tasks(bench, study)
    with contextlib.ExitStack() as stack:
        folder = root / CACHE
        if not reuse:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mtjflow-replay-")))
        workers = LocalPool(jobs)
        stack.callback(workers.close)
        results, count = run_plans(
            {"": plan}, Cache(folder), workers, progress=Progress(expected, tell=progress)
        )
    found = results[""]
    quantities = found.technologies[place.group] if place.is_technology else found.quantities
    if place.name not in quantities:
        raise UserError("it is not measured any more", file=file, key=str(place))
    return _compared(explanation, old, quantities[place.name], count)


def recorded_study(root: Path, command: str, variant: CellVariant | None = None) -> Study:
    """The study that `command` ran: its file of now with what the command line replaced.

    Where the table says what a variant was made with, that counts. Raises UserError for another command.
    """
    words = shlex.split(command)
    if len(words) < 2 or words[1] != "characterize":
        raise UserError("the table was not made by `mtj-flow characterize`", key="/provenance/command")
    options: dict[str, str] = {}
    rest = iter(words[2:])
    for word in rest:
        name, equals, value = word.partition("=")
        if name.startswith("-") and name not in _NO_VALUE:
            options[name.lstrip("-")] = value if equals else next(rest, "")
    file = Path(options["study"]) if "study" in options else root / "study.toml"
    study = load_study(file if file.is_absolute() else root / file)
    changes: dict[str, Any] = {name: options[name] for name in _STUDY_OPTIONS if name in options}
    if variant is not None:
        recorded = {"samples": "samples_per_operation", "estimator": "estimator", "criterion": "criterion"}
        recorded |= {"sampling": "sampling", "seed": "seed"}
        changes |= {key: variant.attributes[a] for key, a in recorded.items() if a in variant.attributes}
    try:
        population = PopulationSpec.model_validate({**study.population.model_dump(), **changes})
    except ValueError:
        raise UserError(f"the recorded settings are none: {changes}", key="/provenance/command") from None
    return study.model_copy(update={"population": population})


def _places(table: BitcellTable) -> Iterator[tuple[Place, Quantity]]:
    for cell, variants in table.cells.items():
        for variant, content in variants.items():
            for name, quantity in content.quantities.items():
                yield Place(cell, variant, name), quantity
    for card, quantities in table.technologies.items():
        for name, quantity in quantities.items():
            yield Place(card, "", name), quantity


def _variant(table: BitcellTable, place: Place) -> CellVariant | None:
    return None if place.is_technology else table.cells[place.group][place.variant]


def _cell_with_card(table: BitcellTable, card: str, file: Path) -> str:
    """A cell of the table that uses the card: its device sets the temperature."""
    for cell, variants in table.cells.items():
        if any(content.attributes.get("card") == card for content in variants.values()):
            return cell
    raise UserError("no cell of the table uses this card", file=file, key=f"{_TECHNOLOGY}/{card}")


def _inputs(root: Path, table: BitcellTable, place: Place, provenance: Provenance) -> Iterator[Input]:
    """The recorded inputs without those of other cells, devices and cards."""
    content = _variant(table, place)
    own = {
        "spice/bitcells": place.group,
        "spice/devices": str(content.attributes.get("device", "")) if content else "",
        "spice/models": str(content.attributes.get("card", "")) if content else place.group,
    }
    other_models = _models_of_other_devices(root, own["spice/devices"])
    for name, sha256 in provenance.inputs.items():
        path = Path(name)
        if name in other_models:
            continue
        wanted = own.get(path.parent.as_posix())
        if place.is_technology and path.parts[0] == "veriloga":
            continue
        if wanted is not None and path.stem != wanted and (wanted or place.is_technology):
            continue
        if path.parts[0] == "external":
            yield Input(name, sha256, "missing")
            continue
        try:
            state = "same" if file_sha256(root / name) == sha256 else "changed"
        except UserError:
            state = "missing"
        yield Input(name, sha256, state)


def _models_of_other_devices(root: Path, device: str) -> frozenset[str]:
    """Verilog-A modules that the device does not use; none where its file cannot tell any more."""
    try:
        kind = load_device(root / "spice" / "devices" / f"{device}.toml").kind
    except UserError:
        return frozenset()
    return frozenset(f"veriloga/{other}.va" for other in ("smtj", "dmtj") if other != kind)


def _compared(explanation: Explanation, old: Quantity, new: Quantity, count: Count) -> Replay:
    before, after = _number(old.value), _number(new.value)
    difference: float | None = None
    if before is not None and after is not None:
        scale = max(abs(before), abs(after))
        difference = abs(after - before) / scale if scale > 0 else 0.0
    agree = before is after is None if difference is None else difference <= TOLERANCE
    return Replay(
        quantity=explanation.quantity,
        unit=old.unit,
        table=before,
        replayed=after,
        difference=difference,
        same=agree and old.status == new.status,
        changed=tuple(explanation.changed),
        samples=asdict(count),
    )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


@contextlib.contextmanager
def _named(file: Path) -> Iterator[None]:
    """Errors inside concern the table `file`."""
    try:
        yield
    except UserError as error:
        raise UserError(error.message, file=error.file or file, line=error.line, key=error.key) from None
