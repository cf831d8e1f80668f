"""Load lines, drive and waveforms: where the bitcell figures come from."""

from __future__ import annotations

from neuro.report.comparison import DEVICES
from neuro.report.figures import load_line, waveform
from neuro.report.results import Results
from neuro.report.sections.section import Section


def section(results: Results) -> Section | None:
    """Figures of the cells, where the table holds the lines."""
    bitcells = results.bitcells
    variants = [bitcells.main(device) for device in DEVICES]
    figures = []
    if all(load_line.has_load_lines(variant) for variant in variants):
        figures += [load_line.load_lines(bitcells), load_line.drive(bitcells)]
    if all(waveform.has_waveforms(variant) for variant in variants):
        figures.append(waveform.waveforms(bitcells))
    if not figures:
        return None
    return Section("cells", "Load lines and waveforms of the cells", (), figures=figures)
