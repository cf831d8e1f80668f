"""Importance sampling of a Gaussian population along one direction.

ln(error rate) is nearly linear in the standardised process variables over the region that makes the
population mean, so its gradient a = c u (|u| = 1) says where errors come from: their density is the
Gaussian shifted by c along u. Samples are drawn with y.u from a mixture of Gaussians of unit width at
several centres (c for the mean, 0 and further ones so that quantiles and the nominal cell are seen as well)
and everything across u from the population itself. A sample then counts with the weight

    w = phi(t) / sum_k share_k phi(t - centre_k) = 1 / sum_k share_k exp(centre_k t - centre_k^2/2),  t = y.u,

the balance heuristic of Veach and Guibas, https://doi.org/10.1145/218380.218498; with one centre c it is the
exp(-c t + c^2/2) of a shifted Gaussian. Because one share has its centre at 0 no weight exceeds 1/share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Array = NDArray[np.float64]

_REACH = 12.0


@dataclass(frozen=True)
class Proposal:
    """Where samples are drawn.

    Attributes:
        direction: (D,) unit vector u.
        centres: (K,) centres of the mixture along u, in standard deviations.
        shares: (K,) their shares, of sum 1.
    """

    direction: Array
    centres: Array
    shares: Array

    @classmethod
    def plain(cls, dimension: int) -> Self:
        """The population itself: every weight is 1."""
        return cls(np.eye(dimension)[0], np.zeros(1), np.ones(1))

    @classmethod
    def along(cls, gradient: Array, centres: Array, shares: Array) -> Self:
        """Along the gradient of ln(error rate); a zero gradient leaves the first axis."""
        length = float(np.linalg.norm(gradient))
        direction = gradient / length if length > 0 else np.eye(gradient.size)[0]
        return cls(direction, np.asarray(centres, dtype=float), np.asarray(shares, dtype=float))

    def draw(self, uniform: Array) -> tuple[Array, Array]:
        """Samples y (..., D) and weights (...) from points of the unit cube (..., D)."""
        normal = np.empty_like(uniform)
        along = self._along(uniform[..., 0])
        normal[..., 0] = along
        normal[..., 1:] = ndtri(uniform[..., 1:])
        # The reflection that turns the first axis into u: orthogonal, so the others stay standard normal.
        axis = np.eye(self.direction.size)[0]
        mirror = axis - self.direction
        square = float(mirror @ mirror)
        y = (
            normal
            if square < 1e-24
            else normal - np.outer(normal @ mirror, mirror).reshape(normal.shape) * (2.0 / square)
        )
        return y, self.weight(along)

    def weight(self, along: Array) -> Array:
        """Weight of a sample by t = y.u."""
        exponents = self.centres * along[..., None] - 0.5 * self.centres**2
        weight: Array = 1.0 / (np.exp(exponents) @ self.shares)
        return weight

    def _along(self, uniform: Array) -> Array:
        """Inverse distribution function of the mixture, by bisection."""
        if self.centres.size == 1:
            return np.asarray(ndtri(uniform) + self.centres[0], dtype=np.float64)
        low = np.full(uniform.shape, float(self.centres.min()) - _REACH)
        high = np.full(uniform.shape, float(self.centres.max()) + _REACH)
        for _ in range(60):
            middle = 0.5 * (low + high)
            below = ndtr(middle[..., None] - self.centres) @ self.shares < uniform
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray(0.5 * (low + high), dtype=np.float64)
