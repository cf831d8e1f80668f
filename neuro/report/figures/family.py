"""WER(t) and RDR(V) of the population of cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullFormatter

from neuro.report.families import Family
from neuro.report.figures.style import COLOUR, FAINT, INK, MARKER, NAME, Figure, canvas, look

_DASHED = (0, (4, 1.6))
_LOWEST = 1e-14
"""Below it the solver's own error is no longer controlled."""


def write_error_rates(families: Sequence[Family]) -> Figure:
    """WER against the pulse at the stored write voltages, one panel a direction, at one oxide."""
    with look():
        figure = canvas(5.0)
        axes: Any = figure.subplots(2, 1, sharex=True)
        for axis, rate in zip(axes, ("wer_0to1", "wer_1to0"), strict=True):
            shown = [family for family in families if family.kind.rate == rate]
            _draw(axis, shown)
            axis.set_title(shown[0].kind.title)
            axis.set_ylabel("write error rate")
        axes[-1].set_xlabel("pulse (ns)")
        figure.legend(handles=_handles(families), loc="outside lower center", ncols=2)
    caption = (
        f"Write error rate against the width of the pulse at {families[0].variant} nm and the characterised "
        "write voltages, simulated for samples of the population under process variation. Line: mean over "
        f"the population with its 95 % interval, hardly wider than the line; shaded: {_band(families)}; "
        "dashed: the nominal cell. The symbol is the operating point, the dotted line the limit of the cell "
        "file. The mean follows the few bad cells, so it falls more slowly than the nominal cell."
    )
    return Figure("wer_pulse", "Write error rate against the pulse", caption, figure)


def read_disturb_rates(families: Sequence[Family]) -> Figure:
    """RDR against the read voltage with the stored read pulse, at one oxide."""
    shown = [family for family in families if family.kind.rate == "rdr"]
    with look():
        figure = canvas(3.3)
        axis = figure.subplots()
        _draw(axis, shown)
        axis.set_xlabel("read voltage (V)")
        axis.set_ylabel("read disturb rate")
        figure.legend(handles=_handles(shown), loc="outside lower center", ncols=2)
    caption = (
        f"Read disturb rate of the worse state against the read voltage at {shown[0].variant} nm, with the "
        "stored read pulse, over the population under process variation. Line: mean "
        f"with its 95 % interval; shaded: {_band(shown)}; dashed: the nominal cell. The symbol is the "
        "operating point, the dotted line the limit of the cell file."
    )
    return Figure("rdr_voltage", "Read disturb rate against the voltage", caption, figure)


def _draw(axis: Any, families: Sequence[Family]) -> None:
    for family in families:
        colour = COLOUR[family.device]
        rows = [family.quantile[share][:, 0] for share in sorted(family.quantile)]
        axis.fill_between(family.x, rows[0], rows[-1], color=colour, alpha=0.16, linewidth=0)
        axis.fill_between(
            family.x, family.mean[:, 1], family.mean[:, 2], color=colour, alpha=0.45, linewidth=0
        )
        axis.plot(family.x, family.mean[:, 0], color=colour, label=NAME[family.device])
        axis.plot(family.x, family.nominal, color=colour, linestyle=_DASHED, linewidth=0.9)
        if family.limit is not None:
            axis.axhline(family.limit, color=FAINT, linestyle=":", linewidth=0.9)
            if family.stored is not None:
                # The operating point is where the mean was made to meet the limit.
                axis.plot(
                    family.stored,
                    _at(family),
                    marker=MARKER[family.device],
                    color=colour,
                    markeredgecolor=INK,
                    markersize=4.5,
                    zorder=5,
                )
    axis.set_yscale("log")
    highest = max(float(family.quantile[min(family.quantile)][:, 0].max()) for family in families)
    axis.set_ylim(_LOWEST, min(2.0, 10.0 * highest))
    axis.yaxis.set_major_locator(LogLocator(base=100.0, numticks=10))
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.set_xlim(left=0.0)


def _at(family: Family) -> float:
    import numpy as np

    return float(np.exp(np.interp(family.stored or 0.0, family.x, np.log(family.mean[:, 0]))))


def _handles(families: Sequence[Family]) -> list[Any]:
    devices = dict.fromkeys(family.device for family in families)
    return [
        *(
            Line2D([], [], color=COLOUR[device], marker=MARKER[device], markersize=4.5, label=NAME[device])
            for device in devices
        ),
        Line2D([], [], color=INK, label="mean"),
        Line2D([], [], color=INK, linestyle=_DASHED, linewidth=0.9, label="nominal cell"),
        Patch(facecolor=INK, alpha=0.16, label="population"),
        Line2D([], [], color=FAINT, linestyle=":", linewidth=0.9, label="limit"),
    ]


def _band(families: Sequence[Family]) -> str:
    shares = sorted(families[0].quantile)
    low, high = 100 * (1 - shares[-1]), 100 * (1 - shares[0])
    return f"from the {low:g} % to the {high:g} % cell"
