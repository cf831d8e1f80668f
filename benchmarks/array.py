"""Synaptic cores a second, every field different from point to point, full breakdown: one JSON line.

The naive way of the ratio is the same estimator called once a point, as a simulator that holds one design
in global settings must be. Run `python benchmarks/array.py [--points N] [--jobs N]`.
"""

# ruff: noqa: E402 (the search path is set right before anything else is imported)
from __future__ import annotations

import sys
from pathlib import Path

# A script's folder comes first in the search path, where this file hides the standard module `array`, from
# itself and from every benchmark beside it; it steps aside.
_path = list(sys.path)
sys.path[:] = [entry for entry in _path if Path(entry).resolve() != Path(__file__).resolve().parent]
if __name__ == "array":
    del sys.modules["array"]
    import array  # noqa: F401

    sys.path[:] = _path

import argparse
import json
import os
import resource
import time
from collections.abc import Callable

import numpy as np

from neuro.array import SynapticCore
from neuro.batch import CHUNK, evaluate_many, figure_names
from neuro.technology import Cell, Core, Fin, Technology

Designs = tuple[Technology, Cell, Core]


def designs(points: int, seed: int = 1) -> Designs:
    """Random FinFET cores that differ in every field."""
    random = np.random.default_rng(seed)

    def u(low: float, high: float) -> np.ndarray:
        return random.uniform(low, high, points)

    def c(*values: float) -> np.ndarray:
        return random.choice(np.array(values, dtype=float), points)

    technology = Technology(
        feature_size_m=c(22e-9, 28e-9, 32e-9),
        vdd_V=u(0.7, 0.9),
        ion_n_A_per_m=u(900, 1600),
        ion_p_A_per_m=u(700, 1300),
        ioff_n_A_per_m=u(1e-3, 0.2),
        ioff_p_A_per_m=u(1e-3, 0.2),
        effective_resistance_multiplier=u(1.3, 1.6),
        gate_capacitance_F_per_m=u(6e-10, 1.3e-9),
        pn_ratio=u(1.0, 1.3),
        wire_resistance_ohm_per_m=u(1e6, 6e6),
        wire_capacitance_F_per_m=u(1.9e-10, 2.1e-10),
        fin=Fin(u(2e-8, 4e-8), u(5e-9, 1e-8), u(3e-8, 4.8e-8)),
    )
    cell = Cell(
        width_F=u(20, 40),
        height_F=u(5, 14),
        r_on_ohm=u(6e3, 2e4),
        r_off_ohm=u(2.1e4, 5e4),
        r_access_ohm=u(3e3, 6e3),
        read_voltage_V=u(0.1, 0.4),
        ltp_voltage_V=u(0.5, 1.0),
        ltd_voltage_V=u(0.5, 1.0),
        write_pulse_s=u(1e-9, 6e-9),
    )
    core = Core(
        rows=c(64, 100, 128, 256, 400, 1024),
        synapses=c(26, 64, 100, 128, 256),
        bits=c(1, 2, 4, 6, 8),
        column_mux=c(4, 8, 16, 32),
        write_column_mux=c(4, 8, 16),
        partial_sum_bits=c(6, 7, 8, 9),
        row_activity=u(0, 1),
        clock_Hz=c(1e9, 2e9),
        relaxed_cell_width=c(0, 1),
    )
    return technology, cell, core


def _best(run: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--model", default="neurosim")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()

    chunk = designs(CHUNK)
    core = SynapticCore(*chunk, options.model)
    start = resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(20):
        estimate = core.evaluate(on_error="status")
    end = resource.getrusage(resource.RUSAGE_SELF)
    cpu = end.ru_utime - start.ru_utime + end.ru_stime - start.ru_stime

    many = designs(options.points)
    start_compiling = time.perf_counter()
    evaluate_many(*chunk, options.model, compiled=True)
    compiling = time.perf_counter() - start_compiling
    wall = _best(
        lambda: evaluate_many(*many, options.model, jobs=options.jobs, compiled=True), options.repeats
    )
    cpu_start = time.process_time()
    evaluate_many(*many, options.model, jobs=options.jobs, compiled=True)
    cpu_compiled = time.process_time() - cpu_start
    arrays = _best(lambda: evaluate_many(*many, options.model, compiled=False), 1)

    one = SynapticCore(*designs(1), options.model)
    single = _best(lambda: [one.evaluate(on_error="status") for _ in range(50)], options.repeats) / 50
    rate = options.points / wall
    line = {
        "benchmark": "array",
        "model": options.model,
        "points": options.points,
        "figures_per_point": len(figure_names(estimate)),
        "threads": options.jobs,
        "points_per_second": round(rate),
        "points_per_cpu_second": round(options.points / cpu_compiled),
        "compiling_or_loading_seconds": round(compiling, 2),
        "arrays_points_per_second_one_thread": round(options.points / arrays),
        "arrays_points_per_cpu_second_one_chunk": round(20 * CHUNK / cpu),
        "one_by_one_points_per_second": round(1 / single),
        "ratio": round(rate * single, 1),
        "load_average": os.getloadavg()[0],
    }
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
