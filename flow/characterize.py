"""Characterisation: from the designer's files to the bitcell table, re-running only what changed.

Every piece of work (a card, a variant of a cell) has a key, the hash of everything it depends on:
files, settings, compiled models, tool versions, our own code. Its result is kept in
`build/cache/<key>.h5`, written atomically; a killed run resumes with what it had.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import joblib

from flow.errors import UserError
from flow.measure.bench import Bench
from flow.measure.bitcell import characterize_nominal
from flow.measure.inspection import check_cell, explain
from flow.measure.technology import measure_technology
from flow.provenance import collect
from flow.spec import Study, load_card, load_cell, load_device, load_study, select_variant
from flow.spice.session import SimulatorError, session
from flow.table import BitcellTable, CellVariant, Quantity, open_table, write_table
from flow.toolchain import build_models, tool_versions

CACHE = Path("build/cache")
_OWN_CODE = ("device", "measure", "spice", "spec.py", "characterize.py", "table")


@dataclass(frozen=True)
class Job:
    """One piece of work: a card (`variant` None) or a variant of a cell."""

    name: str
    variant: str | None
    key: str
    bench: Bench
    study: Study

    @property
    def label(self) -> str:
        """What a progress bar shows."""
        return self.name if self.variant is None else f"{self.name} {self.variant} nm"


@dataclass
class Outcome:
    """What a run did: the table and how many pieces were simulated, reused and failed."""

    table: BitcellTable
    simulated: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)


def characterize(
    root: Path,
    study_file: Path,
    cells: Sequence[str],
    output: Path,
    *,
    jobs: int = 2,
    command: Sequence[str] = (),
    tell: Callable[[str], None] = lambda _: None,
    progress: Callable[[int, int, str], None] = lambda done, total, label: None,
) -> Outcome:
    """Characterise `cells` (empty: those of the study) and write the table to `output`.

    Args:
        jobs: processes that simulate at the same time.
        command: the command line, for the provenance.
        tell: hears of compilations; `progress`: of (done, total, label) after every piece of work.

    Raises:
        UserError: a mistake in a designer's file or a missing tool; the old table stays whole.
    """
    study = load_study(study_file)
    models = build_models(root, tell)
    versions = tool_versions()
    names = tuple(cells) or study.characterize.cells
    osdi = tuple(model.path for model in models.values())
    built = {name: model.sha256 for name, model in models.items()}
    fingerprint = _digest({"models": built, "tools": versions, "code": _own_code()})
    benches = [bench for name in names for bench in _benches(root, name, osdi)]
    for bench in {bench.name: bench for bench in benches}.values():
        check_cell(bench)
    work = _jobs(root, benches, study, fingerprint)
    outcome = Outcome(BitcellTable())
    pending = [job for job in work if not _cached(root, job)]
    outcome.reused = [job.label for job in work if job not in pending]
    done = len(outcome.reused)
    progress(done, len(work), "")
    pool = joblib.Parallel(n_jobs=min(jobs, max(1, len(pending))), return_as="generator_unordered")
    for label in pool(joblib.delayed(_run)(root, job) for job in pending):
        done += 1
        outcome.simulated.append(label)
        progress(done, len(work), label)
    outcome.table = _assemble(root, work)
    files = sorted(
        {path for bench in benches for path in bench.input_files()} | set(_sources(root)) | {study_file}
    )
    provenance = collect(root=root, inputs=files, tools=versions, seeds={}, command=command)
    outcome.table.provenance = provenance.as_dict()
    outcome.table.history = provenance.history
    output.parent.mkdir(parents=True, exist_ok=True)
    write_table(output, outcome.table)
    return outcome


def _benches(root: Path, name: str, osdi: tuple[Path, ...]) -> list[Bench]:
    spice = root / "spice"
    file = spice / "bitcells" / f"{name}.toml"
    if not file.exists():
        known = ", ".join(sorted(path.stem for path in (spice / "bitcells").glob("*.toml")))
        raise UserError(f"no bitcell {name!r}; known: {known}", file=file)
    spec = load_cell(file)
    device = load_device(spice / "devices" / f"{spec.device}.toml")
    card = load_card(spice / "models" / f"{spec.card}.toml")
    return [
        Bench(root, name, variant, spec, select_variant(spec, variant, file), device, card, osdi)
        for variant in spec.variants
    ]


def _jobs(root: Path, benches: Iterable[Bench], study: Study, fingerprint: str) -> list[Job]:
    cards: dict[str, Job] = {}
    cells = []
    for bench in benches:
        spec = bench.spec
        if spec.card not in cards:
            files = (bench.cell.card, bench.cell.card.with_suffix(".toml"), *_testbenches(root))
            key = _digest(
                {"card": spec.card, "corner": spec.corner, "files": _hashes(root, files), "on": fingerprint}
            )
            cards[spec.card] = Job(spec.card, None, key, bench, study)
        key = _digest(
            {
                "cell": bench.name,
                "variant": bench.variant_name,
                "settings": study.characterize.model_dump(exclude={"cells"}),
                "files": _hashes(root, bench.input_files()),
                "on": fingerprint,
            }
        )
        cells.append(Job(bench.name, bench.variant_name, key, bench, study))
    return [*cards.values(), *cells]


def _run(root: Path, job: Job) -> str:
    """In a worker: do one piece of work and keep its result."""
    bench = job.bench
    table = BitcellTable()
    try:
        if job.variant is None:
            table.technologies[job.name] = measure_technology(
                session(bench.osdi),
                root,
                bench.card,
                bench.cell.card,
                bench.spec.corner,
                bench.device_spec.temperature.value,
            )
        else:
            settings = job.study.characterize
            variant = characterize_nominal(bench, settings.state_nodes, settings.voltage_step)
            table.cells[job.name] = {job.variant: variant}
    except SimulatorError as error:
        raise explain(error, bench) from None
    path = root / CACHE / f"{job.key}.h5"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(path, table)
    return job.label


def _cached(root: Path, job: Job) -> bool:
    path = root / CACHE / f"{job.key}.h5"
    if not path.exists():
        return False
    try:
        open_table(path)
    except UserError:
        # A damaged entry is as good as none: simulate again.
        path.unlink(missing_ok=True)
        return False
    return True


def _assemble(root: Path, work: Iterable[Job]) -> BitcellTable:
    technologies: dict[str, dict[str, Quantity]] = {}
    cells: dict[str, dict[str, CellVariant]] = {}
    for job in work:
        part = open_table(root / CACHE / f"{job.key}.h5")
        technologies.update(part.technologies)
        for name, variants in part.cells.items():
            cells.setdefault(name, {}).update(variants)
    return BitcellTable(
        technologies=technologies,
        cells=cells,
        references="10.1109/TCSII.2023.3240474",
    )


def _testbenches(root: Path) -> list[Path]:
    return sorted((root / "spice" / "testbenches").glob("*.cir"))


def _sources(root: Path) -> list[Path]:
    folder = root / "veriloga"
    return sorted([*folder.glob("*.va"), *folder.glob("include/*")])


def _hashes(root: Path, files: Iterable[Path]) -> dict[str, str]:
    hashes = {}
    for path in files:
        try:
            hashes[path.relative_to(root).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
        except FileNotFoundError:
            raise UserError("no such file", file=path) from None
    return hashes


def _own_code() -> str:
    package = Path(__file__).parent
    files: list[Path] = []
    for name in _OWN_CODE:
        path = package / name
        files += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return _digest(_hashes(package, files))


def _digest(content: Mapping[str, object] | str) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
