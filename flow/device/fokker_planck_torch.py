"""The Fokker-Planck solver's march on a torch device: the algorithm of the compiled kernel on whole batches.

On a CPU the compiled kernel is faster (its work stays in the cache); on a GPU each of the
few hundred tensor operations per grid serves every case of the batch at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from flow.device import rational
from flow.device.fokker_planck_kernel import fill_start, tabulate
from flow.device.grid import Grid

Array = npt.NDArray[np.float64]

# Work arrays take 2 x 16 bytes x cells x poles a case: 2 GB for this many on the finest grid.
_CHUNK = 8192


def march_on(
    device: str,
    delta: Array,
    z: Array,
    drive: Array,
    durations: Array,
    steps: npt.NDArray[np.int64],
    side: Array,
    mesh: Grid,
) -> Array:
    """As `fokker_planck_kernel.march`, (B, M), computed on `device`."""
    parts = []
    for first in range(0, len(delta), _CHUNK):
        rows = slice(first, first + _CHUNK)
        parts.append(
            _march(device, delta[rows], z[rows], drive[rows], durations[rows], steps[rows], side[rows], mesh)
        )
    return np.concatenate(parts) if parts else np.empty(durations.shape)


def _march(
    device: str,
    delta: Array,
    z: Array,
    drive: Array,
    durations: Array,
    steps: npt.NDArray[np.int64],
    side: Array,
    mesh: Grid,
) -> Array:
    cases, cells = len(delta), mesh.nodes.size

    def sent(values: npt.ArrayLike) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(device)

    mass = np.empty((cases, cells))
    for case in range(cases):
        fill_start(delta[case], mesh.faces, mass[case])
    begin = sent(mass.T)
    h = sent(np.where(mesh.nodes[:, None] * side > 0.0, 1.0, 0.0))  # (N, B)
    poles, residues = sent(rational.POLES)[:, None], sent(rational.RESIDUES)[:, None]
    answer = torch.empty(durations.shape, dtype=torch.float64, device=device)
    up, down = torch.empty(0), torch.empty(0)
    for leg in range(durations.shape[1]):
        if leg == 0 or drive.shape[1] > 1:
            to_north, to_south = np.empty((cases, cells)), np.empty((cases, cells))
            line = np.ascontiguousarray(drive[:, leg])
            tabulate(
                np.ascontiguousarray(delta),
                np.ascontiguousarray(z),
                line,
                mesh.nodes,
                mesh.volumes,
                mesh.conductances,
                to_north,
                to_south,
            )
            down, up = sent(to_north.T), sent(to_south.T)
        count = np.where(durations[:, leg] > 0.0, steps[:, leg], 0)
        if count.max() > 0:
            length = np.where(count > 0, durations[:, leg] / np.maximum(count, 1), 1.0)
            inverse = sent(1.0 / length)
            pivots = _factorised(up, down, poles * inverse)
            for number in range(int(count.max())):
                new = _advanced(up, down, pivots, -residues * inverse, h)
                h = torch.where(sent(number < count), new, h)
        answer[:, leg] = (begin * h).sum(dim=0)
    return answer.cpu().numpy()


def _factorised(up: torch.Tensor, down: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Inverse pivots (N, P, B) of `shift - generator`, eliminated from the north pole without subtraction."""
    cells = len(up)
    pivots = torch.empty((cells, *shift.shape), dtype=torch.complex128, device=up.device)
    excess = shift
    for j in range(cells):
        torch.reciprocal(up[j] + excess, out=pivots[j])
        if j + 1 < cells:
            excess = shift + down[j + 1] * (excess * pivots[j])
    return pivots


def _advanced(
    up: torch.Tensor, down: torch.Tensor, pivots: torch.Tensor, weight: torch.Tensor, h: torch.Tensor
) -> torch.Tensor:
    """One step of h (N, B)."""
    parts = torch.empty_like(pivots)
    torch.mul(pivots[0], h[0], out=parts[0])
    for j in range(1, len(up)):
        torch.mul(h[j] + down[j] * parts[j - 1], pivots[j], out=parts[j])
    for j in range(len(up) - 2, -1, -1):
        parts[j] += up[j] * parts[j + 1] * pivots[j]
    return rational.LIMIT * h + (weight * parts).real.sum(dim=1)
