"""Do the workers stay flat? 50 000 process samples through one set of workers, watched from outside.

Every sample is a load line of the whole bitcell (five states, four voltages) with its error rate, and every
sixteenth a write transient as well, in real ngspice, by the driver and the pool that `mtj-flow characterize`
uses. Watched over the run: resident memory of every process, its open file handles, and the throughput.
Prints one JSON line; `--rows` prints the course as a table on the error stream.

    python benchmarks/long_run.py [--samples 50000] [--jobs 2] [--cell 2t1mtj_rc_smtj] [--rows]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from flow.characterize import benches_of
from flow.measure.bench import Bench
from flow.measure.pulses import BATCH as PULSE_BATCH
from flow.measure.pulses import SamplePulses
from flow.measure.samples import BATCH, SampleRates, operations_of
from flow.parallel import Cache, LocalPool, Plan, Progress, Task, run_plans
from flow.statistics.variation import variation_of
from flow.toolchain import project_root

STATES = 5
VOLTAGES = {"2t1mtj_rc_smtj": 0.807, "2t1mtj_sc_dmtj": 0.64}
TOGETHER = 32
"""Tasks a step of the plan, so that the driver does not hold the results of the whole run."""
PARTS = 10
"""Parts of the run whose throughput is compared; the first one holds the start of the workers."""


def plan(bench: Bench, samples: int) -> Plan:
    """Plan that simulates `samples` samples and returns how many of them failed."""
    operation = operations_of(bench)[0]
    dimension = variation_of(bench).dimension
    voltage = VOLTAGES.get(bench.name, 0.64)
    grid = voltage * (1 + np.linspace(-0.05, 0.05, 4))
    generator = np.random.default_rng(1)
    failed = 0
    for first in range(0, samples, TOGETHER * BATCH):
        y = generator.standard_normal((min(TOGETHER * BATCH, samples - first), dimension))
        pulse = np.array([operation.pulse])
        tasks: list[Task | Plan] = [
            SampleRates(bench, operation, y[row : row + BATCH], grid, pulse, STATES)
            for row in range(0, len(y), BATCH)
        ]
        some = y[::16]
        tasks += [
            SamplePulses(
                bench,
                "write",
                operation.line,
                voltage,
                operation.pulse,
                operation.stored,
                some[row : row + PULSE_BATCH],
            )
            for row in range(0, len(some), PULSE_BATCH)
        ]
        results = yield tasks
        failed += sum(int((result["status"] == 2).sum()) for result in results)
    return failed


@dataclass
class Watch:
    """What the processes of the run hold, noted at every finished task, at most twice a second."""

    started: float = field(default_factory=time.monotonic)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, done: int, expected: int, label: str) -> None:
        now = time.monotonic() - self.started
        if self.rows and now - self.rows[-1]["seconds"] < 0.5 and done < expected:
            return
        workers = {}
        for child in psutil.Process().children(recursive=True):
            try:
                if "resource_tracker" not in " ".join(child.cmdline()):
                    workers[child.pid] = (child.memory_info().rss, child.num_fds())
            except psutil.NoSuchProcess:
                continue
        own = psutil.Process()
        self.rows.append(
            {
                "seconds": now,
                "tasks": done,
                "workers": workers,
                "driver": (own.memory_info().rss, own.num_fds()),
            }
        )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--cell", default="2t1mtj_rc_smtj")
    parser.add_argument("--rows", action="store_true")
    chosen = parser.parse_args()
    bench = benches_of(project_root(), [chosen.cell])[0]
    pool, watch = LocalPool(chosen.jobs), Watch()
    tasks = -(-chosen.samples // BATCH) + -(-chosen.samples // (16 * PULSE_BATCH))
    with tempfile.TemporaryDirectory(prefix="mtjflow-long-") as folder:
        try:
            returned, count = run_plans(
                {"run": plan(bench, chosen.samples)},
                Cache(Path(folder)),
                pool,
                progress=Progress(tasks, tell=watch),
            )
        finally:
            pool.close()
    document = summary(watch.rows, chosen.samples)
    document["failed"], document["retried"] = returned["run"], count.retried
    if chosen.rows:
        show(watch.rows)
    head = {"benchmark": "long_run", "cell": chosen.cell, "workers": chosen.jobs}
    sys.stdout.write(json.dumps(head | document) + "\n")


def summary(rows: list[dict[str, Any]], samples: int) -> dict[str, Any]:
    """Memory (MiB) at the end of the first tenth, in the middle and at the end; what was added a sample."""
    tasks = rows[-1]["tasks"]
    late = [row for row in rows if row["tasks"] >= tasks / PARTS]
    pids = {pid for row in rows for pid in row["workers"]}
    lasting = [pid for pid in pids if pid in late[0]["workers"] and pid in late[-1]["workers"]]

    def course(of: Callable[[dict[str, Any]], tuple[int, int] | None]) -> dict[str, Any]:
        pairs = [(row["tasks"] / tasks * samples, of(row)) for row in late]
        places = [place for place, value in pairs if value]
        held = np.array([value for _, value in pairs if value], dtype=float)
        memory = held[:, 0] / 2**20
        slope = np.polyfit(places, memory, 1)[0] if len(places) > 2 else 0.0
        return {
            "rss_MiB": [round(float(memory[k]), 1) for k in (0, len(memory) // 2, -1)],
            "rss_most_MiB": round(float(memory.max()), 1),
            "growth_bytes_per_sample": round(float(slope) * 2**20, 1),
            "file_handles": [int(held[:, 1].min()), int(held[:, 1].max())],
        }

    rates = []
    for part in range(PARTS):
        inside = [row for row in rows if part / PARTS * tasks <= row["tasks"] <= (part + 1) / PARTS * tasks]
        if len(inside) > 1:
            seconds = inside[-1]["seconds"] - inside[0]["seconds"]
            share = (inside[-1]["tasks"] - inside[0]["tasks"]) / tasks
            rates.append(round(samples * share / seconds, 1))
    return {
        "samples": samples,
        "seconds": round(rows[-1]["seconds"], 1),
        "worker_processes_seen": len(pids),
        "worker": [course(lambda row, pid=pid: row["workers"].get(pid)) for pid in lasting],  # type: ignore[misc]
        "driver": course(lambda row: row["driver"]),
        "samples_per_second_by_tenth": rates,
    }


def show(rows: list[dict[str, Any]]) -> None:
    """The course of the run."""
    for row in rows[:: max(1, len(rows) // 40)]:
        held = "  ".join(
            f"{rss / 2**20:7.1f} MiB {handles:3d}"
            for rss, handles in [row["driver"], *row["workers"].values()]
        )
        sys.stderr.write(f"{row['seconds']:7.1f} s {row['tasks']:6d} tasks  {held}\n")


if __name__ == "__main__":
    main()
