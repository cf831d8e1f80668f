"""The figures of the report, one family a file; each function returns a `Figure` with its caption."""

from __future__ import annotations

from neuro.report.bitcells import Bitcells
from neuro.report.comparison import DEVICES
from neuro.report.figures import area, bitcell, load_line, oxide, training, waveform
from neuro.report.figures.style import Figure
from neuro.report.results import Results


def all_figures(results: Results) -> list[Figure]:
    """Every figure that these results allow, in the order of the page."""
    figures = [bitcell.deviations(results.table_2)]
    for model in reversed(results.models):
        figures += [
            training.traces(results.runs, results.paper, what, model) for what in ("latency", "energy")
        ]
    figures += [
        training.epochs(results.runs, results.paper),
        area.area(results.runs, results.paper),
        oxide.oxide(results.runs, results.paper),
    ]
    return figures + cell_figures(results.bitcells)


def cell_figures(bitcells: Bitcells) -> list[Figure]:
    """Figures of the bitcells for which the table holds the lines."""
    variants = [bitcells.main(device) for device in DEVICES]
    figures = []
    if all(load_line.has_load_lines(variant) for variant in variants):
        figures += [load_line.load_lines(bitcells), load_line.drive(bitcells)]
    if all(waveform.has_waveforms(variant) for variant in variants):
        figures.append(waveform.waveforms(bitcells))
    return figures
