"""Checked batches of load lines i(z): what the switching solvers work on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flow.errors import UserError

Array = npt.NDArray[np.float64]

# Beyond these the solvers' numbers leave the range of a float or mean nothing; a real cell has a stability of
# 20 to 200 and a drive of 0 to 10.
_DELTA = (1e-6, 1e5)
_LARGEST_DRIVE = 1e6
_TAU = (1e-30, 1e30)


class CaseError(UserError, ValueError):
    """One case of a batch is no physical case; `index` is its place in the batch."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message, key=f"case {index}")
        self.index = index


@dataclass(frozen=True)
class Cases:
    """A batch, mirrored where needed so that every case starts in the well z > 0.

    delta (B,); z (B, K), K >= 2; drive (B, K), or waveform (B, S, K); tau (B, T);
    start (B,) the side before mirroring; shape of the results.
    """

    delta: Array
    z: Array
    drive: Array
    waveform: Array
    tau: Array
    start: Array
    shape: tuple[int, ...]

    def drive_at(self, z: float) -> Array:
        """Drive at one value of z, (B,); the end pieces go on in a straight line."""
        piece = np.clip((self.z <= z).sum(axis=1) - 1, 0, self.z.shape[1] - 2)
        rows = np.arange(self.z.shape[0])
        low, high = self.z[rows, piece], self.z[rows, piece + 1]
        at_low, at_high = self.drive[rows, piece], self.drive[rows, piece + 1]
        value: Array = at_low + (at_high - at_low) * (z - low) / (high - low)
        return value


def checked(
    delta: npt.ArrayLike,
    z: npt.ArrayLike,
    drive: npt.ArrayLike,
    tau: npt.ArrayLike,
    start: npt.ArrayLike,
    *,
    waveform: bool = False,
) -> Cases:
    """Broadcast, check and mirror a batch; arguments as in `fokker_planck.switching_probabilities`.

    Errors: CaseError with the index of the first bad case, ValueError for axes that do not agree.
    """
    stability, sides = np.asarray(delta, dtype=float), np.asarray(start, dtype=float)
    nodes, values, widths = (np.asarray(a, dtype=float) for a in (z, drive, tau))
    inner = 2 if waveform else 1
    if nodes.ndim not in (1, 2) or stability.ndim > 1 or sides.ndim > 1 or widths.ndim > 2:
        raise ValueError("delta and start have at most one axis, z one or two, tau at most two")
    if values.ndim not in (inner, inner + 1):
        raise ValueError("drive must have the axes " + ("(B, S, K)" if waveform else "(B, K)"))
    if nodes.shape[-1] == 0 or nodes.shape[-1] != values.shape[-1]:
        raise ValueError(f"z has {nodes.shape[-1]} nodes but drive has {values.shape[-1]} values")
    leading = [stability.shape, sides.shape, nodes.shape[:-1], values.shape[:-inner]]
    if widths.ndim == 2:
        leading.append(widths.shape[:1])
    elif not waveform:
        leading.append(widths.shape)
    try:
        batch = np.broadcast_shapes(*leading)
    except ValueError:
        raise ValueError(f"the numbers of cases do not agree: {leading}") from None
    count = int(np.prod(batch))
    size = nodes.shape[-1]
    one = np.broadcast_to(stability, batch).reshape(count)
    side = np.broadcast_to(sides, batch).reshape(count)
    node = np.broadcast_to(nodes, (*batch, size)).reshape(count, size)
    value = np.broadcast_to(values, (*batch, *values.shape[-inner:])).reshape(count, *values.shape[-inner:])
    if widths.ndim == 2 or (waveform and widths.ndim == 1):
        width = np.broadcast_to(widths, (count, widths.shape[-1]))
    else:
        width = np.broadcast_to(widths, batch).reshape(count, 1)
    _refuse(np.logical_not(one > 0) | np.isinf(one), "delta must be a positive number", one)
    _refuse(~np.isfinite(node).all(axis=1), "z holds a value that is not a finite number")
    _refuse((np.abs(node) > 1).any(axis=1), "z must lie between -1 and 1")
    _refuse((np.diff(node, axis=1) <= 0).any(axis=1), "z must be in strictly ascending order")
    bad_value = ~np.isfinite(value).all(axis=tuple(range(1, value.ndim)))
    _refuse(bad_value, "drive holds a value that is not a finite number")
    bad_width = np.logical_not((width >= 0) & (width < np.inf)).any(axis=1)
    _refuse(bad_width, "tau must be zero or a positive number")
    _refuse(
        (one < _DELTA[0]) | (one > _DELTA[1]), "delta must lie between {:g} and {:g}".format(*_DELTA), one
    )
    too_far = (np.abs(value) > _LARGEST_DRIVE).any(axis=tuple(range(1, value.ndim)))
    _refuse(too_far, f"drive must lie between -{_LARGEST_DRIVE:g} and {_LARGEST_DRIVE:g}")
    no_time = ((width > 0) & ((width < _TAU[0]) | (width > _TAU[1]))).any(axis=1)
    _refuse(no_time, "tau must be zero or lie between {:g} and {:g}".format(*_TAU))
    _refuse(np.abs(side) != 1, "start must be 1 or -1", side)
    if waveform:
        if width.shape[1] != value.shape[1]:
            raise ValueError(f"tau has {width.shape[1]} instants but drive is given at {value.shape[1]}")
        _refuse((np.diff(width, axis=1) < 0).any(axis=1), "the instants tau must be in ascending order")
    if size == 1:  # one node: the same drive everywhere
        node = np.broadcast_to(np.array([-1.0, 1.0]), (count, 2))
        value = np.concatenate([value, value], axis=-1)
    south = side < 0
    node = np.where(south[:, None], -node[:, ::-1], node)
    flip = south.reshape(-1, *([1] * inner))
    value = np.where(flip, -value[..., ::-1], value)
    return Cases(
        delta=one,
        z=node,
        drive=value.mean(axis=1) if waveform else value,
        waveform=value if waveform else value[:, None, :],
        tau=np.ascontiguousarray(width),
        start=side,
        shape=batch if waveform or widths.ndim < 2 else (count, widths.shape[1]),
    )


def _refuse(bad: npt.ArrayLike, message: str, value: Array | None = None) -> None:
    """Raise CaseError for the first bad case, if there is one."""
    at = np.flatnonzero(bad)
    if at.size:
        found = "" if value is None else f", not {value[at[0]]:g}"
        raise CaseError(int(at[0]), message + found)
