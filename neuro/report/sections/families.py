"""WER(t) and RDR(V): how the error rates of the population move with pulse and voltage."""

from __future__ import annotations

from collections.abc import Sequence

from neuro.report.bitcells import MAIN_VARIANT
from neuro.report.comparison import DEVICES, Measured, shown, shown_measured
from neuro.report.families import Family, Floats, exceeded_by
from neuro.report.figures import family
from neuro.report.figures.style import NAME
from neuro.report.results import Results
from neuro.report.sections.section import Cell, PageTable, Section, heading

_NONE = (
    "The table holds no curves of the error rates: it was made by an older version. `mtj-flow characterize` "
    "makes it anew and simulates only what is missing.",
)
_SHARE = 1e-3


def section(results: Results) -> Section:
    """Two figures and the same in numbers at the main oxide; how to get them where the table has none."""
    found = [one for one in results.families if one.variant == MAIN_VARIANT]
    if {(one.device, one.kind.rate) for one in found} != {
        (device, rate) for device in DEVICES for rate in ("wer_0to1", "wer_1to0", "rdr")
    }:
        return Section("families", "Error rates against pulse and voltage", _NONE)
    figures = [family.write_error_rates(found), family.read_disturb_rates(found)]
    tables = [
        _table("Write error rate 0 → 1", "wer_0to1", found),
        _table("Write error rate 1 → 0", "wer_1to0", found),
        _table("Read disturb rate", "rdr", found),
    ]
    return Section("families", "Error rates against pulse and voltage", figures=figures, appendix=tables)


def _table(title: str, rate: str, families: Sequence[Family]) -> PageTable:
    mine = {one.device: one for one in families if one.kind.rate == rate}
    unit = next(iter(mine.values())).kind.unit
    against = "voltage" if unit == "V" else "pulse"
    head = ["of the stored"]
    for device in DEVICES:
        head += [f"{NAME[device]}, {unit}", "nominal", "mean", "99.9 % cell"]
    first = mine[DEVICES[0]]
    rows = []
    for place in range(first.x.size):
        multiple = first.x[place] / first.stored if first.stored else float("nan")
        line = [heading(f"{100 * multiple:.0f} %")]
        for device in DEVICES:
            one = mine[device]
            rare = Cell("–", "faint")
            if _SHARE in one.quantile:
                found = _measured(one.quantile[_SHARE][place])
                rare = Cell(shown_measured(found), address=f"{one.id(place)}/{exceeded_by(_SHARE)}")
            line += [
                Cell(shown(float(one.x[place])), "faint", f"{one.id(place)}/{one.axis}"),
                Cell(shown(float(one.nominal[place])), address=f"{one.id(place)}/nominal"),
                Cell(shown_measured(_measured(one.mean[place])), address=one.id(place)),
                rare,
            ]
        rows.append(line)
    note = f"At {MAIN_VARIANT} nm. ± is half of the 95 % interval. Per cent: of the {against} in Table II."
    return PageTable(f"{title} against the {against}", head, rows, note)


def _measured(numbers: Floats) -> Measured:
    value, low, high = (float(number) for number in numbers)
    return Measured(value, low, high)
