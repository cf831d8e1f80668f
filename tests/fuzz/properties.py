"""For every kind of input: whatever the file, a result or one `UserError`; nothing else happens.

A property takes the bytes of a file and a folder to put it in. It returns what was made of them, None after
a refusal; any other exception, a process, a written file or a missing bound ends the test.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import re
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st

from flow.commands.error_rate import read, solve
from flow.compare import compare
from flow.device.mtj import device_from_mapping
from flow.errors import UserError
from flow.explain import find
from flow.spec import load_card, load_cell, load_device, load_study
from flow.spice import expression
from flow.spice.deck import Cell, render
from flow.spice.netlist import Module, check, parse, spice_number
from flow.spice.vacask import render as vacask_render
from flow.table import open_table, table_json
from neuro.array import SynapticCore, estimate_documents
from neuro.cells import cells_from_file, cells_from_table
from neuro.design import designs_in
from neuro.explain.trace_file import open_trace
from neuro.lookup import Lookup
from neuro.report.bitcells import open_bitcells
from neuro.report.traces import read_traces
from neuro.study import load_training
from neuro.sweep import load_sweep, run_sweep
from neuro.technology import Core
from tests.fuzz import command_line, material, tables
from tests.fuzz.guard import nothing_touched, snapshot
from tests.neuro.report.material import run, write_full, write_trace

Result = TypeVar("Result")

MODULES = {
    "bsimcmg_va": Module(
        "bsimcmg_va",
        ("d", "g", "s", "e", "t"),
        frozenset({"l", "nfin", "tfin", "delvtrand", "m", "u0mult"}),
        frozenset({"type", "phig", "eot", "bulkmod"}),
        optional_ports=1,
    ),
    "smtj_va": Module("smtj_va", ("t", "b"), frozenset({"state", "freeze"}), frozenset({"delta"})),
    "dmtj_va": Module("dmtj_va", ("t", "b"), frozenset({"state", "freeze"}), frozenset({"delta"})),
}
_CIRCUIT_LINE = re.compile(r"[A-Za-z+]|\.(subckt|ends|model|param|global|ic|lib|endl|options|save|end)\b")


def refused(do: Callable[[], Result]) -> Result | None:
    """The result, or None where the file is refused in one line that says where."""
    try:
        return do()
    except UserError as caught:
        error = caught
    line = str(error)
    assert error.message.strip(), "an empty message"
    assert line.isprintable(), f"not one line of text: {line!r}"
    assert len(line) < 8000
    assert error.file or error.key, f"says nothing of the place: {line}"
    json.dumps(error.as_json())
    return None


def _write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# ---- netlists ---------------------------------------------------------------------------------------


@functools.cache
def _project(folder: Path) -> None:
    for path in (*material.ROOT.glob("spice/*/*"), *(material.DATA / "good").iterdir()):
        _write(folder, path.name, path.read_bytes())


def netlist(content: bytes, folder: Path) -> None:
    """As a bitcell, as a testbench and as a card, all the way to a deck and to the second simulator."""
    _project(folder)
    path = _write(folder, "case.cir", content)

    def everything() -> None:
        found = parse(path, root=folder)
        for line in found.lines:
            assert _CIRCUIT_LINE.match(line), line
        # A name may hold the word (r.control1); a command block begins a line with it.
        assert not re.search(r"[`$\\;\0]|^\s*\.control|\*#", found.text, re.MULTILINE)
        check(found, modules=MODULES)
        names = list(found.subcircuits) or [material.CELL]
        cell = Cell(
            names[0], folder, path, folder / "finfet28.lib", "tt", "dmtj_va", "nmtj", {"d": 28e-9}, 300.0
        )
        bench = replace(cell, name=material.CELL, netlist=folder / f"{material.CELL}.cir")
        card = replace(bench, card=path, corner=next(iter(found.sections), "tt"))
        for one, testbench in ((cell, folder / "load_line.cir"), (bench, path), (card, folder / "write.cir")):
            refused(lambda one=one, testbench=testbench: _decks(one, testbench))  # type: ignore[misc]

    with nothing_touched(folder):
        refused(everything)


def _decks(cell: Cell, testbench: Path) -> None:
    # A sample's parameters on an element that may not be there, and two copies.
    copies = [{cell.mtj: {"freeze": 1.0}}, {cell.mtj: {"freeze": 0.0}}]
    deck = render(testbench, cell, {}, copies=copies, save=["@{mtj}[mz]"])
    for line in deck.splitlines()[1:]:
        assert _CIRCUIT_LINE.match(line), line
    assert not re.search(r"control|\*#", deck)
    vacask_render(testbench, cell, {}, osdi=[], analysis=[], copies=copies, save=["mz"])


def arithmetic(text: str, folder: Path) -> None:
    """Numbers and expressions on their own: a value, or a reason why not."""
    for check_text in (spice_number, expression.names, lambda text: expression.names(text, probes=True)):
        try:
            found = check_text(text)
        except ValueError as error:
            reason = str(error)
        else:
            numbers = [found] if isinstance(found, float) else []
            names = [] if isinstance(found, float) else found
            reason = "none"
            assert all(math.isfinite(number) for number in numbers)
            assert all(re.fullmatch(r"[a-z_][a-z0-9_.]*", name) for name in names)
        assert reason


# ---- TOML -------------------------------------------------------------------------------------------


def _toml(load: Callable[[Path], Result], content: bytes, folder: Path) -> Result | None:
    path = _write(folder, "case.toml", content)

    def loaded() -> Result:
        try:
            return load(path)
        except UserError as caught:
            error = caught
        assert error.file == str(path)
        if error.line is None:
            # Only what is not in the file has no line: a key that is missing, or no text at all.
            assert error.key is None or not _there(content, error.key), str(error)
        else:
            assert 1 <= error.line <= content.count(b"\n") + 1
        raise error

    with nothing_touched(folder):
        return refused(loaded)


def _there(content: bytes, key: str) -> bool:
    """Whether the file has this key, or the table that should hold it."""
    return any(f"{key}.".startswith(f"{root}.") for root in tomllib.loads(content.decode()))


def device(content: bytes, folder: Path) -> None:
    """An MTJ, up to the junction."""
    spec = _toml(load_device, content, folder)
    if spec is not None:
        refused(
            lambda: device_from_mapping(spec.kind, {**spec.values(), "temperature": spec.temperature.value})
        )


def cell_toml(content: bytes, folder: Path) -> None:
    """How a bitcell is driven."""
    spec = _toml(load_cell, content, folder)
    if spec is not None:
        for name in (spec.device, spec.card, spec.corner, spec.mtj, *spec.ports, *spec.variants):
            assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name)
        assert all(0 < one.write_pulse <= 1e-3 and one.read_pulse > 0 for one in spec.variants.values())


def card_toml(content: bytes, folder: Path) -> None:
    """A technology."""
    spec = _toml(load_card, content, folder)
    if spec is not None:
        assert math.isfinite(spec["vdd"])
        assert spec["vdd"] > 0


def study(content: bytes, folder: Path) -> None:
    """What to run, for both programs."""
    spec = _toml(load_study, content, folder)
    if spec is not None:
        assert spec.population.samples >= 32
    _toml(load_training, content, folder)


SWEEP = {
    "technology": "28nm",
    "cell": "smtj",
    "model": "physical",
    "core": {"rows": 64, "synapses": 100, "bits": 6, "column_mux": 16},
    "sweep": {"core.rows": [2, 64], "core.row_activity": {"from": 0.1, "to": 0.9, "steps": 3}},
    "pareto": {"minimise": ["area_per_bit", "read_latency"]},
}


def sweep(content: bytes, folder: Path) -> None:
    """A sweep as TOML or JSON; small ones are run."""
    path = _write(folder, "sweep.json" if content[:1] in b"{[" else "sweep.toml", content)
    with nothing_touched(folder):
        found = refused(lambda: load_sweep(path))
        if found is not None and np.prod(found.shape) <= 200:
            refused(lambda: run_sweep(found))


# ---- JSON -------------------------------------------------------------------------------------------


@functools.cache
def designs() -> Any:
    """Design points of the reference."""
    text = (material.ROOT / "tests/reference/array_reference.json").read_text()
    points = [point["design"] for point in json.loads(text)["points"][:2]]
    return [*points, {"technology": "28nm", "cell": "dmtj", "core": points[0]["core"]}]


def design(content: bytes, folder: Path) -> None:
    """`mtj-neuro estimate`: every point has its figures, all finite, or its own error."""
    path = _write(folder, "case.json", content)

    def estimate() -> None:
        from flow.table import load_json

        documents = Lookup(None).resolve(designs_in(load_json(path), file=path))
        for model, mode in (("physical", "parallel"), ("neurosim", "row")):
            results = estimate_documents(documents, model, mode)
            assert len(results) == len(documents)
            json.dumps(results, allow_nan=False)
            for result in results:
                assert "error" in result or result["area_m2"]["total"] > 0

    with nothing_touched(folder):
        refused(estimate)


def paper_cells() -> Any:
    """The published cells as a JSON document."""
    return json.loads((material.ROOT / "neuro/data/paper_cells.json").read_text())


def cells_json(content: bytes, folder: Path) -> None:
    """`--cells FILE.json`, up to the population and the circuit that networks learn in."""
    path = _write(folder, "case.json", content)

    def cells() -> None:
        for cell in cells_from_file(path):
            population = cell.population
            for rate in (population.wer_0to1, population.wer_1to0, population.rdr):
                assert np.all((rate >= 0) & (rate <= 1))
            assert np.all(population.r_on > 0)
            assert all(math.isfinite(energy) for energy in cell.write_energies)
            technology = Lookup(None).technology("28nm")
            SynapticCore(technology, cell.for_circuit("physical"), Core(rows=64, synapses=10)).evaluate()

    with nothing_touched(folder):
        refused(cells)


CASES = [
    {"delta": 60, "z": [-1, 1], "drive": [2.1, 2.4], "tau": 6, "start": 1},
    {"delta": 40.5, "z": [-1, -0.3, 0.2, 1], "drive": [0.3, 0.2, 0.1, 0.4], "tau": 2.0, "start": -1},
]


def error_rate(content: bytes, folder: Path) -> None:
    """`mtj-flow error-rate`: probabilities, of sum 1."""
    path = _write(folder, "case.json", content)

    def rates() -> None:
        for stay, leave, error in solve(read(str(path), path), str(path)):
            assert 0 <= stay <= 1
            assert 0 <= leave <= 1
            assert abs(stay + leave - 1) < 1e-9
            assert error >= 0

    with nothing_touched(folder):
        refused(rates)


# ---- tables -----------------------------------------------------------------------------------------


def table(changes: list[tuple[str, str]], folder: Path) -> None:
    """An HDF5 table, for both programs and for the commands that look into it."""
    path = _write(folder, "case.h5", tables.changed(tables.base(), changes))
    clean = _write(folder, "clean.h5", tables.base())

    def use() -> None:
        found = open_table(path)
        json.dumps(table_json(found))
        compare(open_table(clean), found)
        for name in ("smtj/0.85/write_energy", "technology/finfet28/vdd", "rdr"):
            refused(lambda name=name: find(found, name))  # type: ignore[misc]
        refused(lambda: _learn(path))

    with nothing_touched(folder):
        refused(use)


def _learn(path: Path) -> None:
    technology, cells = cells_from_table(path)
    for cell in cells:
        assert np.isfinite(cell.population.r_on).all()
        core = Core(rows=64, synapses=10)
        for model in ("physical", "neurosim"):
            SynapticCore(technology, cell.for_circuit(model), core, model).evaluate()
    lookup = Lookup(path)
    design = {"technology": "finfet28", "cell": "smtj", "core": {"rows": 64, "synapses": 10}}
    json.dumps(estimate_documents(lookup.resolve([design])), allow_nan=False)


@functools.cache
def trace_file() -> bytes:
    """The trace of a short training in the cell of the report's test table."""
    with tempfile.TemporaryDirectory() as folder:
        return write_trace(Path(folder) / "trace.h5", [run()]).read_bytes()


def trace(changes: list[tuple[str, str]], folder: Path) -> None:
    """A trace of `mtj-neuro train`, as the report and `mtj-neuro explain` read it."""
    place = folder / "traces"
    path = _write(place, "case.h5", tables.changed(trace_file(), changes))
    table = folder / "bitcells.h5"
    if not table.exists():
        write_full(folder)
    cells = open_bitcells(table)

    def use() -> None:
        opened = open_trace(path)
        assert opened.model in ("", "physical", "neurosim") or isinstance(opened.model, str)
        for found in read_traces(place, cells):
            assert np.isfinite(found.accuracy).all()

    with nothing_touched(folder):
        refused(use)


# ---- command lines ----------------------------------------------------------------------------------


def command(line: list[str], folder: Path) -> None:
    """A whole command. One that fails has written nothing."""
    command_line.prepare(folder, CASES, designs(), SWEEP)
    before = snapshot(folder)
    with contextlib.chdir(folder):
        error = command_line.outcome(line)
    if error is not None:
        assert snapshot(folder) == before, error
        assert error.strip(), line
        return
    for name in set(snapshot(folder)) - set(before):
        (folder / name).unlink()


# ---- all of them ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Property:
    """Cases, what must hold for each, and how many there are in the fast suite and in the long run."""

    cases: st.SearchStrategy[Any]
    holds: Callable[[Any, Path], None]
    seeded: int
    long: int


def _texts(pattern: str) -> st.SearchStrategy[bytes]:
    return st.one_of(material.toml_documents(pattern), st.binary(max_size=60))


PROPERTIES: dict[str, Property] = {
    "netlist, cut": Property(
        st.sampled_from(material.netlists()).flatmap(lambda text: material.cut(text, material.PIECES)),
        netlist,
        60,
        2500,
    ),
    "netlist, by the grammar": Property(material.grammatical(), netlist, 60, 2000),
    "numbers and expressions": Property(
        st.one_of(material.EXPRESSIONS, st.text(max_size=30), st.from_regex(r"[-+0-9.eE]{1,12}[a-z]{0,5}")),
        arithmetic,
        150,
        3000,
    ),
    "device.toml": Property(_texts("spice/devices/*.toml"), device, 40, 1000),
    "cell.toml": Property(_texts("spice/bitcells/*.toml"), cell_toml, 40, 1000),
    "card.toml": Property(_texts("spice/models/*.toml"), card_toml, 40, 1000),
    "study.toml": Property(_texts("study.toml"), study, 40, 1000),
    "sweep": Property(
        st.one_of(
            material.json_documents(SWEEP),
            material.bent(SWEEP).map(lambda one: material.toml_text(one).encode("utf-8", "surrogatepass")),
        ),
        sweep,
        30,
        1000,
    ),
    "designs.json": Property(material.json_documents(designs()), design, 30, 1000),
    "cells.json": Property(material.json_documents(paper_cells()), cells_json, 30, 800),
    "cases.json": Property(material.json_documents(CASES), error_rate, 25, 1000),
    "command line": Property(command_line.command_lines(), command, 40, 600),
    "trace.h5": Property(tables.changes_of(trace_file), trace, 12, 300),
    "table.h5": Property(tables.changes_of(tables.base), table, 40, 1500),
}
