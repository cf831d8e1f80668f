"""The population of cells behind the mean error rates."""

from __future__ import annotations

from neuro.report.bitcells import MAIN_VARIANT
from neuro.report.comparison import DEVICES, number_id, shown
from neuro.report.figures import distribution
from neuro.report.figures.style import NAME
from neuro.report.results import Results
from neuro.report.sections.section import Cell, PageTable, Section, heading

_RATES = (("wer_0to1", "write 0 → 1"), ("wer_1to0", "write 1 → 0"), ("rdr", "read"))
_ROWS = (
    ("", "mean over the population"),
    ("_nominal", "nominal cell"),
    ("_rare_cell", "the 99.9 % cell"),
    ("_worst_cell", "worst cell of 1 Mb"),
    ("_above_target", "share of cells above the target"),
    ("_check", "mean, by another sampling"),
    ("_effective_samples", "effective samples"),
)
TEXT = (
    "The error rates of Table II are means over the population of cells under process variation: the error "
    "rate of a random operation on a random cell. The same voltages seen otherwise, with 95 % intervals:",
)


def section(results: Results) -> Section | None:
    """Other readings of the error rates, and their distribution; None for a nominal table."""
    variants = {device: results.bitcells.main(device) for device in DEVICES}
    rows: list[list[Cell]] = []
    for rate, title in _RATES:
        if not any(f"{rate}_rare_cell" in variant.quantities for variant in variants.values()):
            continue
        rows.append([Cell(title, "group")])
        for suffix, label in _ROWS:
            line = [heading(label)]
            for device in DEVICES:
                found = variants[device].quantities.get(rate + suffix)
                address = number_id("quantity", results.bitcells.name[device], MAIN_VARIANT, rate + suffix)
                if found is None:
                    line += [Cell("–", "faint")] * 2
                    continue
                span = ""
                if found.ci_low is not None and found.ci_high is not None:
                    span = f"{shown(found.ci_low)} … {shown(found.ci_high)}"
                line += [
                    Cell(shown(found.value), address=address),
                    Cell(span, "faint", f"{address}/ci_low" if span else ""),
                ]
            rows.append(line)
    if not rows:
        return None
    head = [""]
    for device in DEVICES:
        head += [NAME[device], "95 %"]
    drawable = all(distribution.has_samples(variant) for variant in variants.values())
    figures = [distribution.quantiles(results.bitcells)] if drawable else []
    table = PageTable("Error rates at 0.85 nm", head, rows)
    return Section("population", "The population of cells", TEXT, [table], figures=figures)
