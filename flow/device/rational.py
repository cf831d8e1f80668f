"""The rational function that advances a probability by one time step: best uniform fit to exp(x), x <= 0.

A generator of a reversible Markov process has its spectrum on the negative half line, so the
natural implicit step is the rational function closest to the exponential there (Cody, Meinardus
and Varga, J. Approx. Theory 2, 50 (1969)). Degree 16 is within 1e-15 of exp on the whole half
line and L-stable. Poles and residues were computed for this project with the
Caratheodory-Fejer method (Trefethen, Weideman and Schmelzer, BIT 46, 653 (2006)) in 40-digit
arithmetic; the limit at infinity makes the value at zero exactly one, so that probability is
conserved. The tests compare them with the exponential.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# exp(x) ~ LIMIT + sum over k of Re[RESIDUES_k / (x - POLES_k)]; one pole of each conjugate pair,
# its residue doubled.
POLES: npt.NDArray[np.complex128] = np.array(
    [
        6.416177699099483 + 1.1941223933701346j,
        5.948152268951234 + 3.58745736201831j,
        4.993174737718069 + 5.996881713603921j,
        3.509103608415018 + 8.436198985884344j,
        1.4193758971858133 + 10.92536348449668j,
        -1.413928462488652 + 13.497725698892689j,
        -5.264971343442207 + 16.22022147316785j,
        -10.843917078695654 + 19.27744616718121j,
    ]
)
RESIDUES: npt.NDArray[np.complex128] = np.array(
    [
        -129.00175605108745 - 449.1888152530617j,
        226.7955035696935 + 203.89443408432416j,
        -125.03678492642463 - 22.38078218856464j,
        30.11917054004921 - 11.502810555286553j,
        -2.958601422711806 + 3.537317664757211j,
        0.0820462736708146 - 0.3148693234691811j,
        0.0004230348436504109 + 0.008778593929479436j,
        -1.0180304373230743e-06 - 4.844003530575475e-05j,
    ]
)
LIMIT: float = 5.550846190165029e-16


def evaluate(x: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The rational function at real `x` <= 0 (any shape), for comparison with exp(x)."""
    argument = np.asarray(x, dtype=float)[..., None]
    value: npt.NDArray[np.float64] = LIMIT + (RESIDUES / (argument - POLES)).real.sum(axis=-1)
    return value
