"""How the error rates are spread over the population of cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from flow.table import CellVariant
from neuro.report.bitcells import Bitcells
from neuro.report.comparison import DEVICES
from neuro.report.figures.style import COLOUR, FAINT, NAME, Figure, canvas, look

Floats = npt.NDArray[np.float64]

_PANELS = (
    ("ln_wer_0to1", "weight_0to1", "wer_0to1", "write 0 → 1"),
    ("ln_wer_1to0", "weight_1to0", "wer_1to0", "write 1 → 0"),
    ("ln_rdr", "weight_read", "rdr", "read"),
)


def has_samples(variant: CellVariant) -> bool:
    """Whether the table holds the samples of all three operations."""
    return all(name in variant.samples for panel in _PANELS for name in panel[:2])


def normal_quantiles(values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """(normal quantile, value), sorted, of importance samples (samples,) with weights of mean 1.

    The probability of exceeding a sample is the mean of the weights above it and half its own. It is counted
    from the right, where the samples are many and their weights small: the sum of all weights would bring in
    the noise of the few large ones on the left, whose samples may fall out.
    """
    from scipy.special import ndtri

    order = np.argsort(values)
    share = weights[order] / weights.size
    above = np.cumsum(share[::-1])[::-1] - 0.5 * share
    inside = (above > 0.0) & (above < 1.0)
    return -ndtri(above[inside]), values[order][inside]


def quantiles(bitcells: Bitcells) -> Figure:
    """Normal quantile plot of ln(error rate), one panel an operation."""
    with look():
        figure = canvas(5.6)
        axes: Any = figure.subplots(3, 1, sharex=True)
        for axis, (name, weight, rate, title) in zip(axes, _PANELS, strict=True):
            for device in DEVICES:
                variant = bitcells.main(device)
                values, weights = (variant.samples[key].values for key in (name, weight))
                good = np.isfinite(values) & (weights > 0.0)
                x, y = normal_quantiles(values[good], weights[good])
                axis.plot(
                    x,
                    y / np.log(10.0),
                    ".",
                    color=COLOUR[device],
                    markersize=2.2,
                    label=NAME[device],
                )
                mean = variant.quantities.get(rate)
                if mean is not None and mean.ok and mean.value > 0.0:
                    axis.axhline(np.log10(mean.value), color=FAINT, linewidth=0.8, linestyle=(0, (4, 1.6)))
            axis.set_title(title)
            axis.set_ylabel("log$_{10}$ of the error rate")
        axes[-1].set_xlabel("quantile of the population (standard deviations)")
        axes[0].legend(loc="upper left", markerscale=3.0)
    caption = (
        "Error rate of single cells against the normal quantile of their place in the population, at 0.85 nm "
        "and the characterised voltages; a straight line is a log-normal distribution. Dashed: the mean over "
        "the population, the target. Importance sampling puts the samples where the errors come from, so the "
        "good cells on the left are sparse."
    )
    return Figure("population_quantiles", "Distribution of the error rates", caption, figure)
