"""Characterisation: from the designer's files to the bitcell table, re-running only what changed.

Every piece of work (a card, a batch of samples, the waveforms of a variant) is a task with a key, the hash of
everything it depends on: circuit lines, settings, compiled models, tool versions, our own code. Its result
is kept in `build/cache/`, written in one step; a killed run resumes with what it had. See flow/parallel.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from flow.compare import compare
from flow.errors import UserError
from flow.measure.bench import Bench
from flow.measure.inspection import check_cell
from flow.measure.pieces import Technology
from flow.own_code import own_code
from flow.parallel import Cache, Count, DaskPool, LocalPool, Plan, Pool, Progress, digest, run_plans
from flow.provenance import collect
from flow.spec import Study, Variant, load_card, load_cell, load_device, load_study, select_variant
from flow.spice.deck import card_section
from flow.statistics.cell_plan import expected_tasks, variant_plan
from flow.table import BitcellTable, check_writable, open_table, replace_file, write_table
from flow.toolchain import build_models, find_ngspice, tool_versions

CACHE = Path("build/cache")
_OWN_CODE = ("device", "measure", "spice", "statistics/variation.py")
"""Our own code that simulated numbers depend on; what is made of them is worked out anew in every run."""


@dataclass
class Outcome:
    """What a run did: the table and how many samples were simulated, reused, retried and failed."""

    table: BitcellTable
    count: Count = field(default_factory=Count)


def characterize(
    root: Path,
    study: Path | Study,
    cells: Sequence[str],
    output: Path | None,
    *,
    jobs: int = 2,
    scheduler: str | None = None,
    pool: Pool | None = None,
    command: Sequence[str] = (),
    tell: Callable[[str], None] = lambda _: None,
    progress: Callable[[int, int, str], None] = lambda done, total, label: None,
) -> Outcome:
    """Characterise `cells` (empty: those of the study) and write the table to `output`, if there is one.

    Args:
        study: the study file, or a study made from it.
        jobs: processes that simulate at the same time on this machine.
        scheduler: address of a Dask scheduler whose workers simulate instead; `pool`: any other workers.
        command: the command line, for the provenance.
        tell: hears of compilations; `progress`: of (done, expected, label) after every piece of work.

    Raises:
        UserError: a mistake in a designer's file or a missing tool; the old table stays whole.
    """
    settings = load_study(study) if isinstance(study, Path) else study
    benches = benches_of(root, tuple(cells) or settings.characterize.cells, tell, settings.variants)
    if output is not None:
        check_writable(output)
    plans: dict[tuple[str, str], Plan] = {}
    for bench in benches:
        plans.setdefault((bench.spec.card, ""), technology_plan(bench))
        plans[bench.name, bench.variant_name] = variant_plan(bench, settings)
    for card in settings.characterize.cards:
        if (card, "") not in plans:
            plans[card, ""] = technology_plan(on_card(benches[0], card))
    expected = len(plans) - len(benches) + sum(expected_tasks(bench, settings) for bench in benches)
    workers = pool or (DaskPool(scheduler) if scheduler else LocalPool(jobs))
    try:
        results, count = run_plans(
            plans, Cache(root / CACHE), workers, progress=Progress(expected, tell=progress), notice=tell
        )
    finally:
        workers.close()
    table = BitcellTable(references="10.1109/TCSII.2023.3240474")
    for (name, variant), result in results.items():
        if variant:
            table.cells.setdefault(name, {})[variant] = result
        else:
            table.technologies.update(result.technologies)
    inputs = {path for bench in benches for path in bench.input_files()} | set(_sources(root))
    for card in settings.characterize.cards:
        inputs |= {root / "spice" / "models" / f"{card}{ending}" for ending in (".lib", ".toml")}
    if isinstance(study, Path):
        inputs.add(study)
    provenance = collect(
        root=root,
        inputs=sorted(inputs),
        tools=tool_versions(),
        seeds={"population": settings.population.seed},
        command=command,
    )
    table.provenance = provenance.as_dict()
    table.history = provenance.history
    if output is not None:
        _keep_previous(output, table)
        write_table(output, table)
    return Outcome(table, count)


def previous(output: Path) -> Path:
    """Where the table lies that `output` held before its content last changed, for `mtj-flow compare`."""
    return output.with_name(f"{output.stem}.previous{output.suffix}")


def _keep_previous(output: Path, table: BitcellTable) -> None:
    try:
        before = open_table(output)
    except UserError:
        return
    if compare(before, table).changes:
        replace_file(previous(output), output.read_bytes())


def benches_of(
    root: Path,
    names: Iterable[str],
    tell: Callable[[str], None] = lambda _: None,
    further: Mapping[str, Mapping[str, Variant]] = MappingProxyType({}),
) -> list[Bench]:
    """Every variant of these bitcells, and the `further` ones, on the bench, files checked, models compiled.

    Raises UserError for the first mistake.
    """
    find_ngspice()
    models = build_models(root, tell)
    osdi = tuple(model.path for model in models.values())
    built = {name: model.sha256 for name, model in models.items()}
    stamp = digest({"models": built, "tools": tool_versions(), "code": own_code(*_OWN_CODE)})
    benches = [bench for name in names for bench in _benches(root, name, osdi, stamp, further)]
    for bench in {bench.name: bench for bench in benches}.values():
        check_cell(bench)
    return benches


def technology_plan(bench: Bench) -> Plan:
    """Plan that returns the table of the bench's card."""
    (table,) = yield [Technology(bench)]
    return table


def on_card(bench: Bench, card: str) -> Bench:
    """The bench with another transistor card, for what concerns the card alone.

    Raises UserError if there is no such card or it lacks the bench's corner.
    """
    models = bench.root / "spice" / "models"
    file = models / f"{card}.toml"
    if not file.exists():
        known = ", ".join(sorted(path.stem for path in models.glob("*.toml")))
        raise UserError(f"no card {card!r}; known: {known}", file=file, key="characterize.cards")
    spec = bench.spec.model_copy(update={"card": card})
    other = replace(bench, spec=spec, card=load_card(file))
    card_section(other.cell.card, other.cell.corner, other.root)
    return other


def _benches(
    root: Path, name: str, osdi: tuple[Path, ...], stamp: str, further: Mapping[str, Mapping[str, Variant]]
) -> list[Bench]:
    spice = root / "spice"
    file = spice / "bitcells" / f"{name}.toml"
    if not file.exists():
        known = ", ".join(sorted(path.stem for path in (spice / "bitcells").glob("*.toml")))
        raise UserError(f"no bitcell {name!r}; known: {known}", file=file)
    spec = load_cell(file)
    spec = spec.model_copy(update={"variants": {**spec.variants, **further.get(name, {})}})
    device = load_device(spice / "devices" / f"{spec.device}.toml")
    card = load_card(spice / "models" / f"{spec.card}.toml")
    return [
        Bench(root, name, variant, spec, select_variant(spec, variant, file), device, card, osdi, stamp)
        for variant in spec.variants
    ]


def _sources(root: Path) -> list[Path]:
    folder = root / "veriloga"
    return sorted([*folder.glob("*.va"), *folder.glob("include/*")])
