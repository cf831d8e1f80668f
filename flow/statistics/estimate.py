"""Estimates from weighted samples, each with its 95 % confidence interval.

Values are logarithms (an error rate spans tens of decades), shape (R, M): R independent replicates of M
points. Intervals come from the spread of the replicates, by Student's t with R - 1 degrees of
freedom, so they hold for dependent points inside a replicate (Sobol) as for independent ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

Array = NDArray[np.float64]

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A number, its 95 % interval, the standard error of its logarithm and the effective sample size.

    The effective sample size is (sum w f)^2 / sum (w f)^2: how many samples make the number.
    """

    value: float
    low: float
    high: float
    log_error: float
    effective_samples: float


def mean(ln_values: Array, weights: Array) -> Estimate:
    """Population mean of exp(ln_values); both (R, M). Interval on the logarithm, so never below zero."""
    top = float(np.max(ln_values))
    if not np.isfinite(top):
        return Estimate(0.0, 0.0, _nothing_seen(weights), np.inf, 0.0)
    return _scaled(weights * np.exp(ln_values - top), float(np.exp(top)), weights)


def probability_above(ln_values: Array, threshold: float, weights: Array) -> Estimate:
    """Share of the population whose ln value exceeds `threshold`."""
    return _scaled(weights * (ln_values > threshold), 1.0, weights)


def exceeded_by(ln_values: Array, probability: float, weights: Array) -> Estimate:
    """The value exp(x) that a share `probability` of the population exceeds.

    The interval inverts that of the share (Woodruff, J. Am. Stat. Assoc. 47, 635 (1952)).
    """
    x = _level(ln_values, probability, weights)
    share = probability_above(ln_values, x, weights)
    if share.value <= 0 or not np.isfinite(share.log_error):
        return Estimate(float(np.exp(x)), 0.0, float(np.exp(np.max(ln_values))), np.inf, 0.0)
    factor = _quantile(ln_values.shape[0]) * share.log_error
    low = _level(ln_values, min(1.0, probability * np.exp(factor)), weights)
    high = _level(ln_values, probability * np.exp(-factor), weights)
    low, high = min(low, x), max(high, x)
    error = (high - low) / (2 * _quantile(ln_values.shape[0]))
    return Estimate(float(np.exp(x)), float(np.exp(low)), float(np.exp(high)), error, share.effective_samples)


def arithmetic_mean(values: Array, weights: Array) -> Estimate:
    """Population mean of plain values of any sign, self-normalised; `log_error` is the relative error."""
    parts = (weights * values).mean(axis=1) / weights.mean(axis=1)
    value = float((weights * values).mean() / weights.mean())
    error = float(parts.std(ddof=1) / np.sqrt(parts.size))
    reach = _quantile(parts.size) * error
    relative = error / abs(value) if value else np.inf
    return Estimate(value, value - reach, value + reach, relative, effective_samples(weights))


def effective_samples(parts: Array) -> float:
    """(sum f)^2 / sum f^2 of non-negative contributions."""
    square = float((parts**2).sum())
    return float(parts.sum()) ** 2 / square if square > 0 else 0.0


def _scaled(parts: Array, scale: float, weights: Array) -> Estimate:
    replicate = parts.mean(axis=1)
    value = float(replicate.mean())
    if value <= 0:
        return Estimate(0.0, 0.0, _nothing_seen(weights), np.inf, 0.0)
    error = float(replicate.std(ddof=1) / np.sqrt(replicate.size)) / value
    reach = float(np.exp(min(700.0, _quantile(replicate.size) * error)))
    return Estimate(
        value * scale, value * scale / reach, value * scale * reach, error, effective_samples(parts)
    )


def _nothing_seen(weights: Array) -> float:
    """Upper end where no sample counted: the rule of three, at the largest weight."""
    return 3.0 * float(weights.max()) / weights.size


def _level(ln_values: Array, probability: float, weights: Array) -> float:
    """The level that a weighted share `probability` exceeds, linear between samples in ln share."""
    order = np.argsort(-ln_values.ravel(), kind="stable")
    levels = ln_values.ravel()[order]
    # Midpoints, so that a single sample stands for the middle of its own share.
    heavy = weights.ravel()[order] / weights.size
    share = np.cumsum(heavy) - 0.5 * heavy
    return float(np.interp(np.log(probability), np.log(share), levels))


def _quantile(replicates: int) -> float:
    return float(student.ppf(0.5 + CONFIDENCE / 2, replicates - 1))
