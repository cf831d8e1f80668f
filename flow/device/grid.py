"""The grid on m_z for the Fokker-Planck equation: finite volumes, finer on the side where a cell starts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# Three quarters of the cells lie on the starting side (z > 0): there the drift is weak against
# the noise and the answer is made. On the far side cells grow 1 + COARSENING times as wide.
COARSENING = 4.0
TRANSITION_WIDTH = 0.3
NEAR_FRACTION = 0.75


@dataclass(frozen=True)
class Grid:
    """Cells on z in [-1, 1], numbered from the north pole (z = +1) to the south pole.

    faces: (N+1,) descending in z, one of them exactly 0; nodes: (N,) between them;
    volumes: (N,) widths in z; conductances: (N-1,) `(1 - z^2)/dz` on the inner faces.
    """

    faces: Array
    nodes: Array
    volumes: Array
    conductances: Array


def _node_number(theta: Array, centre: float) -> Array:
    """Integral of the node density 1/(1 + A s(theta)), s being a logistic step at `centre`."""
    y = 2.0 * (theta - centre) / TRANSITION_WIDTH
    smooth: Array = np.logaddexp(np.log1p(COARSENING) + y, 0.0)
    return theta - COARSENING / (1.0 + COARSENING) * TRANSITION_WIDTH / 2.0 * smooth


def _near_fraction(centre: float) -> float:
    at = _node_number(np.array([0.0, np.pi / 2.0, np.pi]), centre)
    return float((at[1] - at[0]) / (at[2] - at[0]))


@lru_cache(maxsize=1)
def _centre() -> float:
    """Place of the coarsening for which the equator is a face of every grid with 4k cells."""
    low, high = 1.2, 3.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        # The near fraction falls while the fine region grows beyond the equator.
        if _near_fraction(middle) > NEAR_FRACTION:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@lru_cache(maxsize=32)
def grid(cells: int) -> Grid:
    """The grid with `cells` cells (a multiple of 4). Grids of different size map onto the same smooth
    curve, so their errors differ by a power of the cell number and Richardson extrapolation holds.

    Raises ValueError if `cells` is not a positive multiple of 4.
    """
    if cells < 8 or cells % 4:
        raise ValueError(f"the number of cells must be a multiple of 4 and at least 8, not {cells}")
    centre = _centre()
    ends = _node_number(np.array([0.0, np.pi]), centre)
    position = np.arange(2 * cells + 1) / (2 * cells)
    target = ends[0] + position * (ends[1] - ends[0])
    theta = np.pi * position
    low, high = np.zeros_like(theta), np.full_like(theta, np.pi)
    for _ in range(60):
        below = _node_number(theta, centre) < target
        low, high = np.where(below, theta, low), np.where(below, high, theta)
        theta = 0.5 * (low + high)
    z = np.cos(theta)
    z[0], z[-1], z[2 * cells * 3 // 4] = 1.0, -1.0, 0.0
    faces, nodes = z[::2].copy(), z[1::2].copy()
    inner = faces[1:-1]
    return Grid(
        faces=faces,
        nodes=nodes,
        volumes=faces[:-1] - faces[1:],
        conductances=(1.0 - inner) * (1.0 + inner) / (nodes[:-1] - nodes[1:]),
    )
