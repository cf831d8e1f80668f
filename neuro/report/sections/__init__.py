"""The parts of the page, one file each; a new part is a new file and one line here."""

from __future__ import annotations

from neuro.report.results import Results
from neuro.report.sections import (
    accounting,
    area,
    bitcells,
    deviations,
    devices,
    families,
    fronts,
    junction,
    population,
    specification,
    status,
    training,
)
from neuro.report.sections.section import Section

_BUILDERS = (
    status.section,
    specification.section,
    bitcells.section,
    training.section,
    area.section,
    accounting.section,
    deviations.section,
    population.section,
    families.section,
    fronts.section,
    junction.section,
    devices.section,
)


def sections(results: Results) -> list[Section]:
    """Every part that has something to show for these results, in the order of the page."""
    return [found for build in _BUILDERS if (found := build(results)) is not None]
