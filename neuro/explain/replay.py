"""Numbers of the report made anew and compared.

What made a number last is done again: a simulation for a quantity of the bitcell table, a training (from
the table) for a trace, an estimate for a core. From the results the whole document is gathered anew and the
number read at its address, so that whatever lies between, a mean, a ratio, a unit, is gone through again too.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from flow.table import UserError
from neuro.explain.address import Number, addresses, find
from neuro.explain.command import training_command
from neuro.explain.explanation import explain
from neuro.explain.report import Report
from neuro.explain.sources import Sources, sources_of
from neuro.explain.trace_file import TraceFile
from neuro.report.results import gather

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Replayed:
    """A number made anew; `difference` is relative to the report's, None where one of them is no number.

    `same` means bit for bit for a training, and within `TOLERANCE` otherwise.
    """

    number: str
    kind: str
    report: float | None
    replayed: float | None
    difference: float | None
    same: bool
    changed: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The JSON object."""
        return asdict(self)


TOLERANCE = {"published": 0.0, "file": 0.0, "training": 0.0, "estimate": 1e-12, "simulation": 1e-9}
"""Relative difference that still counts as the same, by what made the number.

A simulation of the same inputs gives the same bits on the same machine; the room is for another one's.
"""


@dataclass
class _Work:
    """What has to be done anew: variants by simulation, cells by file of traces, sizings by their file."""

    places: dict[str, None] = field(default_factory=dict)
    cells: dict[TraceFile, dict[str, None]] = field(default_factory=dict)
    whole: set[TraceFile] = field(default_factory=set)
    sizes: dict[Path, str] = field(default_factory=dict)

    def add(self, report: Report, number: Number, sources: Sources, simulate: bool) -> None:
        """Take in one number."""
        if number.holder.get("file") and number.holder.get("command"):
            self.sizes[Path(str(number.holder["file"]))] = str(number.holder["command"])
        if simulate or kind_of(number, sources) == "simulation":
            self.places |= dict.fromkeys("/".join(place.split("/")[:2]) for place in sources.quantities)
        for key, dataset in sources.trainings.items():
            training = report.trainings.get(key)
            if training is None:
                continue
            self.cells.setdefault(training.file, {})[training.name] = None
            if dataset != "area":
                self.whole.add(training.file)
            if simulate and key[0] == "table":
                self.places[training.name] = None


def kind_of(number: Number, sources: Sources) -> str:
    """What made a number last: published, file (read from one), training, estimate or simulation."""
    if sources.trainings:
        return "estimate" if set(sources.trainings.values()) == {"area"} else "training"
    if sources.quantities:
        # A number of a model of the array is worked out of the table; any other stands in it.
        return "estimate" if number.holder.get("model") else "simulation"
    if number.holder.get("command"):
        return "simulation"
    return "file" if sources.file else "published"


def replay(
    report: Report,
    texts: Sequence[str],
    *,
    jobs: int = 2,
    reuse: bool = False,
    simulate: bool = False,
    tell: Tell = lambda _: None,
) -> list[Replayed]:
    """Make the numbers at these addresses anew, together what belongs together.

    Args:
        reuse: simulations take results of earlier runs with the very same inputs.
        simulate: also simulate the cells behind trainings and estimates, and train in those.
        tell: hears of every command that is run.

    Raises:
        UserError: no such number, or a command failed.
    """
    found = [find(report.known, text) for text in texts]
    origins = [
        sources_of(number, report.results.bitcells, report.document, report.trainings) for number in found
    ]
    work = _Work()
    for number, sources in zip(found, origins, strict=True):
        work.add(report, number, sources, simulate)
    with tempfile.TemporaryDirectory(prefix="mtjflow-replay-") as folder:
        again = _remade(report, work, Path(folder), jobs, reuse, simulate, tell)
        return [
            _compared(report, number, kind_of(number, sources), again)
            for number, sources in zip(found, origins, strict=True)
        ]


def _remade(
    report: Report, work: _Work, folder: Path, jobs: int, reuse: bool, simulate: bool, tell: Tell
) -> Mapping[str, Number]:
    """The numbers of the report with the work done anew."""
    tables = report.tables
    if work.places:
        tables = folder / "bitcells.h5"
        arguments = ["replay", str(report.tables.resolve()), *work.places, "--output", str(tables)]
        arguments += ["--jobs", str(jobs), "--json", *(["--reuse"] if reuse else [])]
        _run("flow", arguments, report.root, tell, tables)
    traces = report.traces
    if work.cells:
        traces = folder / "traces"
        traces.mkdir()
        for path in sorted(report.traces.glob("*.h5")):
            shutil.copy2(path, traces / path.name)
    for place, (file, cells) in enumerate(work.cells.items()):
        # The younger file counts where two have the same cell.
        output = traces / f"again_{place}_{file.path.name}"
        # From the table of the report, so that a table that moved does not move its trainings, too.
        source = tables if simulate else report.tables
        arguments = training_command(file, cells, output, source.resolve(), checkpoints=folder / "kept")
        if file not in work.whole:
            # An area asks for the cores to be built, not for a whole training in them.
            arguments += ["--epochs", "1", "--images", "1", "--replicas", "1"]
        _run("neuro", arguments, Path.cwd(), tell, output)
    sizes = []
    for place, path in enumerate(_size_files(report)):
        if path not in work.sizes:
            sizes.append(path)
            continue
        sizes.append(folder / f"size_{place}.json")
        words = _size_command(path, work.sizes[path])
        sizes[-1].write_text(_run("flow", [*words, "--json"], report.root, tell), encoding="utf-8")
    return addresses(gather(tables, traces, sizes).as_json())


def _size_files(report: Report) -> list[Path]:
    return [front.path for front in report.results.cell_fronts]


def _size_command(path: Path, command: str) -> list[str]:
    """Arguments of a recorded `mtj-flow size`, without where it wrote to. Raises UserError for another."""
    words = shlex.split(command)[1:]
    # The document may be anyone's: no other command is run on its word, and nothing written.
    if words[:1] != ["size"]:
        raise UserError("was not made by `mtj-flow size`", file=path, key="command")
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--output":
            next(rest, None)
        elif word != "--json" and not word.startswith("--output="):
            kept.append(word)
    return kept


def _run(package: str, arguments: Sequence[str], folder: Path, tell: Tell, output: Path | None = None) -> str:
    """Run a command of ours in its own process, return its stdout; `output` must be there afterwards."""
    tell(shlex.join([f"mtj-{package}", *arguments]))
    done = subprocess.run(
        [sys.executable, "-m", package, *arguments],
        cwd=folder,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    # A replay that moved ends with 1, too, but has written its result.
    if output is not None and output.exists():
        return done.stdout
    if output is None and done.returncode == 0:
        return done.stdout
    try:
        reason = str(json.loads(done.stdout)["error"])
    except (ValueError, KeyError, TypeError):
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        reason = lines[-1] if lines else f"exit code {done.returncode}"
    raise UserError(f"mtj-{package} {arguments[0]} failed: {reason}")


def _compared(report: Report, number: Number, kind: str, again: Mapping[str, Number]) -> Replayed:
    before = number.value
    after = again[number.address].value if number.address in again else None
    difference: float | None = None
    if before is not None and after is not None:
        scale = max(abs(before), abs(after))
        difference = abs(after - before) / scale if scale > 0 else 0.0
    same = before is after is None if difference is None else difference <= TOLERANCE[kind]
    return Replayed(
        number=number.address,
        kind=kind,
        report=before,
        replayed=after,
        difference=difference,
        same=same,
        changed=tuple(explain(report, number.address).changed),
    )
