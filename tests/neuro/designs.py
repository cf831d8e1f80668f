"""Design points for the tests."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from neuro.technology import Cell, Core, Fin, Technology

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "reference" / "array_reference.json").read_text(encoding="utf-8")
)
POINTS: list[dict[str, Any]] = REFERENCE["points"]

FINFET = Technology(
    28e-9, 0.8, 1650.0, 1400.0, 0.1, 0.1, 1.5, 1.2e-9, 1.0, 1.2e6, 2e-10, Fin(30e-9, 10e-9, 48e-9)
)
PLANAR = replace(FINFET, pn_ratio=1.4, fin=None)
CELL = Cell(33.0, 7.0, 9513.0, 16390.0, 3829.0, 0.338, 0.898, 0.788, 3.39e-9)
CORE = Core(rows=400, synapses=100)


def random_design(points: int, fin: bool, seed: int = 1) -> tuple[Technology, Cell, Core]:
    """Designs that differ in every field; nearly all of them can be built."""
    random = np.random.default_rng(seed)

    def u(low: float, high: float) -> Any:
        return random.uniform(low, high, points)

    def c(*values: float) -> Any:
        return random.choice(np.array(values, dtype=float), points)

    technology = Technology(
        c(22e-9, 28e-9, 32e-9),
        u(0.7, 0.9),
        u(900, 1600),
        u(700, 1300),
        u(1e-3, 0.2),
        u(1e-3, 0.2),
        u(1.3, 1.6),
        u(6e-10, 1.3e-9),
        np.ones(points) if fin else u(1, 3),
        u(1e6, 6e6),
        u(1.9e-10, 2.1e-10),
        Fin(u(2e-8, 4e-8), u(5e-9, 1e-8), u(3e-8, 4.8e-8)) if fin else None,
    )
    cell = Cell(
        u(20, 40),
        u(5, 14),
        u(6e3, 2e4),
        u(2.1e4, 5e4),
        u(3000, 6000),
        u(0.1, 0.4),
        u(0.5, 1),
        u(0.5, 1),
        u(1e-9, 6e-9),
    )
    core = Core(
        c(33, 64, 100, 128, 256, 400, 1024),
        c(26, 64, 100, 128, 256),
        c(1, 2, 4, 6, 8),
        c(3, 4, 7, 8, 16, 20),
        c(4, 8, 16),
        c(6, 7, 8, 9),
        u(0, 1),
        c(1e9, 2e9),
        c(0, 1),
    )
    return technology, cell, core
