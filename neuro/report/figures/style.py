"""The look of every figure: sizes, colours, and how one is saved."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import matplotlib

from flow.table import replace_file

matplotlib.use("Agg")

from matplotlib import rc_context
from matplotlib.figure import Figure as Canvas

COLUMN = 3.46
"""Width of a printed column, inches."""

# Okabe and Ito's palette: told apart with every kind of colour blindness, and in grey.
COLOUR = {"smtj": "#0072B2", "dmtj": "#D55E00"}
LIGHT = {"smtj": "#8CC4E8", "dmtj": "#F2B287"}
NAME = {"smtj": "SMTJ", "dmtj": "DMTJ"}
MARKER = {"smtj": "o", "dmtj": "s"}
LINE = {"physical": "-", "neurosim": (0, (4, 1.6))}
MODEL = {"physical": "physical", "neurosim": "NeuroSim"}
INK = "#1b1e23"
FAINT = "#80868f"
GRID = "#c9ced6"
# Blocks of a core, from the cells outwards; none is a device's colour.
BLOCKS = ("#009E73", "#CC79A7", "#E6C229", "#56B4E9", "#8A6FB0", "#9AA0A6", "#A0795A")

_INKS: Any = {
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": GRID,
}


@dataclass(frozen=True)
class Figure:
    """A drawn figure: file stem, caption (plain text, one paragraph), and the canvas."""

    name: str
    title: str
    caption: str
    canvas: Canvas


@contextmanager
def look() -> Iterator[None]:
    """Draw and save inside this context."""
    with (
        resources.as_file(resources.files("neuro.report.figures") / "report.mplstyle") as path,
        rc_context(fname=path),
        rc_context(_INKS),
    ):
        yield


def canvas(height: float, width: float = COLUMN) -> Canvas:
    """An empty figure of this size in inches."""
    return Canvas(figsize=(width, height))


def save(figure: Figure, directory: Path) -> list[Path]:
    """Write NAME.png, .svg, .pdf and the caption NAME.txt, each whole or not at all; returns their paths.

    Raises UserError where one cannot be written.
    """
    formats: dict[str, dict[str, None]] = {
        # No date and no version inside: the same results give the same bytes.
        "png": {"Software": None},
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }
    contents: dict[str, bytes] = {}
    with look():
        for kind, metadata in formats.items():
            buffer = io.BytesIO()
            figure.canvas.savefig(buffer, format=kind, metadata=metadata)
            contents[kind] = buffer.getvalue()
            # Laid out once, for all formats alike.
            figure.canvas.set_layout_engine("none")
    contents["txt"] = (figure.caption + "\n").encode("utf-8")
    paths = {kind: directory / f"{figure.name}.{kind}" for kind in contents}
    for kind, content in contents.items():
        replace_file(paths[kind], content)
    return list(paths.values())


def inline_svg(figure: Figure) -> str:
    """The figure as an <svg> element for a page: transparent, in colours that the page may change.

    The ink is the page's text colour; grid, paper and devices are its `--line`, `--card`, `--smtj`, `--dmtj`.
    """
    buffer = io.StringIO()
    with look():
        figure.canvas.savefig(
            buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = text.replace(INK, "currentColor").replace(GRID, "var(--line)").replace("#ffffff", "var(--card)")
    for device, colour in COLOUR.items():
        text = text.replace(colour.lower(), f"var(--{device})")
    # Names must be unique on a page that holds several drawings.
    text = re.sub(r'\bid="', f'id="{figure.name}-', text)
    text = re.sub(r"url\(#", f"url(#{figure.name}-", text)
    return re.sub(r'xlink:href="#', f'xlink:href="#{figure.name}-', text)


def percent_axis(axis: Any) -> None:
    """Ticks of an accuracy axis: whole per cent."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=5, integer=True))
