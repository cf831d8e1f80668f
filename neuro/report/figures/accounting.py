"""The advantage of the double barrier, step by step from the published figures to the physical model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from neuro.report.figures.style import BLOCKS, FAINT, INK, Figure, canvas, look

# Steps in order: marker, colour, filled. Side by side in height, so that none hides another.
_LOOK = (("o", INK, False), ("D", BLOCKS[4], False), ("s", BLOCKS[3], False), ("o", BLOCKS[0], True))


def accounting(steps: Sequence[str], rows: Mapping[str, Sequence[float | None]]) -> Figure:
    """DMTJ against SMTJ in per cent: a line for each quantity, a symbol for each step that has a number.

    `rows` maps a label to the numbers of the `steps`, None where a step has none.
    """
    with look():
        figure = canvas(1.3 + 0.36 * len(rows))
        axis = figure.subplots()
        axis.axvline(0.0, color=FAINT, linewidth=0.8)
        for place, values in enumerate(rows.values()):
            known = [value for value in values if value is not None]
            axis.hlines(-place, min(known), max(known), color=FAINT, linewidth=0.8, zorder=1)
        for number, step in enumerate(steps):
            marker, colour, filled = _LOOK[number % len(_LOOK)]
            points = [
                (value, 0.09 * (1.5 - number) - place)
                for place, values in enumerate(rows.values())
                if (value := values[number]) is not None
            ]
            axis.plot(
                [x for x, _ in points],
                [y for _, y in points],
                marker=marker,
                linestyle="none",
                color=colour,
                markerfacecolor=colour if filled else "none",
                markersize=5.0 if filled else 4.5,
                label=step,
            )
        axis.set_yticks([-place for place in range(len(rows))], list(rows))
        axis.tick_params(axis="y", length=0)
        axis.grid(visible=False, axis="y")
        axis.set_ylim(0.6 - len(rows), 0.6)
        axis.set_xlabel("DMTJ against SMTJ (%)")
        figure.legend(loc="outside lower center", ncols=2)
    caption = (
        "The DMTJ core against the SMTJ core at 0.85 nm, negative where the DMTJ needs less: the published "
        "figures, then one change at a time. Between the last two symbols lies what is accounting; what the "
        "filled one shows is physics. Symbols are moved up and down a little to tell them apart; the table "
        "holds the same numbers."
    )
    return Figure("accounting_steps", "Physics and accounting", caption, figure)
