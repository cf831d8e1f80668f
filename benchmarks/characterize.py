"""Samples per second of process samples against fresh ngspice processes: same netlists, same answers.

Ways to simulate the same samples of a bitcell, load lines (five states, four voltages) and write
transients: a fresh `ngspice -b` a run as it comes, the same with the two settings that matter, and our
batches in one process. `load_lines` counts load lines: one state, one run. `load_surfaces` counts samples,
all five states in one deck as five copies of the cell, which is already an idea of ours. Rates are per CPU
second (a core), as the default process burns several. `ours_with_error_rates` has Fokker-Planck on top.

    python benchmarks/characterize.py [CELL]
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from flow.characterize import benches_of
from flow.measure.bench import Bench
from flow.measure.load_line import state_nodes
from flow.measure.pulses import BATCH as PULSE_BATCH
from flow.measure.pulses import SamplePulses
from flow.measure.samples import BATCH, Operation, SampleRates, operations_of
from flow.measure.transient import COARSE, SOURCES, pulse_circuit
from flow.spice.deck import STATIC, mtj_paths, render
from flow.statistics.variation import variation_of
from flow.toolchain import find_ngspice, project_root

STATES = 5
_CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
"""The environment before our own session limits its threads."""
FRESH = 6
"""Fresh processes a way; each takes a good part of a second."""

DEFAULT: tuple[tuple[str, ...], dict[str, str]] = ((), {})
TUNED: tuple[tuple[str, ...], dict[str, str]] = (
    ("set num_threads=1", "set no_mem_check"),
    {"OMP_THREAD_LIMIT": "1"},
)


def main() -> None:
    """Print one JSON line."""
    root = project_root()
    name = sys.argv[1] if len(sys.argv) > 1 else "2t1mtj_rc_smtj"
    bench = benches_of(root, [name])[0]
    operation = operations_of(bench)[0]
    voltage = {"2t1mtj_rc_smtj": 0.807}.get(name, 0.64)
    y = np.random.default_rng(1).standard_normal((4 * BATCH, variation_of(bench).dimension))
    document: dict[str, Any] = {"benchmark": "characterize", "cell": name}
    for what, fresh, ours, runs in (
        ("load_lines", _fresh_load_line, _our_load_lines, STATES),
        ("load_surfaces", _fresh_surface, _our_load_lines, 1),
        ("transients", _fresh_transient, _our_transients, 1),
    ):
        ours(bench, operation, voltage, y[:8])  # compiled kernels and models are loaded once
        batched = _timed(lambda: ours(bench, operation, voltage, y))  # noqa: B023
        rates = {"ours": runs * len(y) / batched[1]}
        wall = {"ours": runs * len(y) / batched[2]}
        for way, (settings, environment) in (("default", DEFAULT), ("tuned", TUNED)):
            result, cpu, seconds = _timed(
                lambda: [
                    fresh(bench, operation, voltage, row, settings, environment)  # noqa: B023
                    for row in y[:FRESH]
                ]
            )
            rates[way], wall[way] = runs * FRESH / cpu, runs * FRESH / seconds
            apart = float(np.max(np.abs(np.array(result) / batched[0][:FRESH] - 1)))
            document.setdefault("largest_relative_difference", {})[f"{what}_{way}"] = apart
        document[what] = {
            "per_cpu_second": rates,
            "per_second": wall,
            "ratio_to_default": rates["ours"] / rates["default"],
            "ratio_to_tuned": rates["ours"] / rates["tuned"],
        }
    rated = _timed(lambda: _our_error_rates(bench, operation, voltage, y))
    document["load_surfaces"]["per_cpu_second"]["ours_with_error_rates"] = len(y) / rated[1]
    sys.stdout.write(json.dumps(document) + "\n")


def _grid(voltage: float) -> np.ndarray:
    return voltage * (1 + np.linspace(-0.05, 0.05, 4))


def _batches(
    bench: Bench, operation: Operation, voltage: float, y: np.ndarray
) -> Iterator[tuple[SampleRates, np.ndarray]]:
    for first in range(0, len(y), BATCH):
        part = y[first : first + BATCH]
        yield SampleRates(bench, operation, part, _grid(voltage), np.array([operation.pulse]), STATES), part


def _our_load_lines(bench: Bench, operation: Operation, voltage: float, y: np.ndarray) -> np.ndarray:
    """Junction currents in states 0 and 1 at every voltage."""
    variation = variation_of(bench)
    parts = [
        batch.load_lines(variation.overrides(part)) for batch, part in _batches(bench, operation, voltage, y)
    ]
    return np.concatenate(
        [((part["v_top"] + part["v_bottom"]) / part["resistance"])[:, :, [-1, 0]] for part in parts]
    )


def _our_error_rates(bench: Bench, operation: Operation, voltage: float, y: np.ndarray) -> None:
    for batch, _ in _batches(bench, operation, voltage, y):
        batch.run()


def _our_transients(bench: Bench, operation: Operation, voltage: float, y: np.ndarray) -> np.ndarray:
    parts = [
        SamplePulses(
            bench,
            "write",
            operation.line,
            voltage,
            operation.pulse,
            operation.stored,
            y[first : first + PULSE_BATCH],
        ).run()["energy"]
        for first in range(0, len(y), PULSE_BATCH)
    ]
    return np.concatenate(parts)


def _fresh_load_line(
    bench: Bench,
    operation: Operation,
    voltage: float,
    y: np.ndarray,
    settings: Sequence[str],
    environment: dict[str, str],
) -> np.ndarray:
    """The same five load lines, every state a process."""
    lines = [
        _fresh_surface(bench, operation, voltage, y, settings, environment, (float(z),))[:, 0]
        for z in state_nodes(STATES)
    ]
    return np.stack([lines[-1], lines[0]], axis=1)


def _fresh_surface(
    bench: Bench,
    operation: Operation,
    voltage: float,
    y: np.ndarray,
    settings: Sequence[str],
    environment: dict[str, str],
    states: Sequence[float] = tuple(state_nodes(STATES)),
) -> np.ndarray:
    """The same load lines, every state a copy of the cell in one deck; currents of the last and the first."""
    (sample,) = variation_of(bench).overrides(y)
    mtj, grid = bench.cell.mtj.lower(), _grid(voltage)
    copies = [{**sample, mtj: {**sample[mtj], "freeze": 1.0, "z_frozen": float(z)}} for z in states]
    deck = render(
        bench.testbench("load_line"),
        bench.cell,
        bench.static_bias(selected=True),
        copies=copies,
        save=["@{mtj}[v_top]", "@{mtj}[v_bottom]", "@{mtj}[resistance]"],
        accuracy=STATIC,
    )
    step = grid[1] - grid[0]
    names = [
        f"@{path}[{variable}]"
        for path in (mtj_paths(bench.cell, len(states))[-1], mtj_paths(bench.cell, len(states))[0])
        for variable in ("v_top", "v_bottom", "resistance")
    ]
    analysis = f"dc v{operation.line} {grid[0]:.12g} {grid[-1] + step / 2:.12g} {step:.12g}"
    columns = _ngspice(bench, deck, analysis, names, settings, environment)
    current = [(columns[3 * k] + columns[3 * k + 1]) / columns[3 * k + 2] for k in (0, 1)]
    return np.stack(current, axis=1)[: grid.size]


def _fresh_transient(
    bench: Bench,
    operation: Operation,
    voltage: float,
    y: np.ndarray,
    settings: Sequence[str],
    environment: dict[str, str],
) -> np.ndarray:
    """Energy of the same pulse."""
    (sample,) = variation_of(bench).overrides(y)
    circuit = pulse_circuit(
        bench,
        "write",
        operation.line,
        voltage,
        operation.pulse,
        stored=operation.stored,
        samples=[sample],
        resolution=COARSE,
    )
    names = ["time", *(source[1:] for source in SOURCES), *(f"{source}#branch" for source in SOURCES)]
    time_, *rest = _ngspice(bench, circuit.deck, circuit.analysis, names, settings, environment)
    nodes, currents = rest[: len(SOURCES)], rest[len(SOURCES) :]
    return np.array(sum(-np.trapezoid(v * i, time_) for v, i in zip(nodes, currents, strict=True)))


def _ngspice(
    bench: Bench,
    deck: str,
    analysis: str,
    names: Sequence[str],
    settings: Sequence[str],
    environment: dict[str, str],
) -> list[np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "out.txt"
        control = [
            ".control",
            *settings,
            *(f"pre_osdi {path}" for path in bench.osdi if path.stem in ("bsimcmg", bench.device_spec.kind)),
            "set wr_singlescale",
            "set numdgt=15",
            analysis,
            f"wrdata {output} {' '.join(names)}",
            "quit 0",
            ".endc",
        ]
        path = Path(folder) / "deck.cir"
        path.write_text(deck.replace("\n.end\n", "\n" + "\n".join([*control, ".end", ""])))
        done = subprocess.run(
            [str(find_ngspice().executable), "-b", str(path)],
            env={**_CLEAN, **environment},
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if not output.exists():
            raise RuntimeError(done.stdout + done.stderr)
        return list(np.loadtxt(output).T[1:])


def _timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Result, CPU seconds of this process and its children, wall seconds."""

    def cpu() -> float:
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)

    before, started = cpu(), time.monotonic()
    result = work()
    return result, cpu() - before, time.monotonic() - started


if __name__ == "__main__":
    main()
