"""Every number that is far from the paper's, with the reason."""

from __future__ import annotations

from neuro.report.comparison import LIMIT_PERCENT, shown_deviation
from neuro.report.console import name_of
from neuro.report.results import Results
from neuro.report.sections.section import Explanation, Section

_SOURCES = {
    "paper": "the published number",
    "model": "computed otherwise on purpose",
    "input": "a setting that the paper does not state",
    "limit": "not modelled",
}


def section(results: Results) -> Section:
    """Deviations beyond the limit; numbers that share their reasons stand together."""
    groups: dict[tuple[str, ...], tuple[list[str], list[str]]] = {}
    for deviation in results.deviations:
        row = deviation.comparison
        reasons = tuple(reason.text for reason in deviation.reasons)
        numbers, sources = groups.setdefault(reasons, ([], []))
        numbers.append(f"{name_of(row)} {shown_deviation(row.deviation_percent)}")
        sources += [_SOURCES[reason.source] for reason in deviation.reasons]
    explanations = [
        Explanation(numbers, reasons, tuple(dict.fromkeys(sources)))
        for reasons, (numbers, sources) in groups.items()
    ]
    # What nobody has explained comes first.
    explanations.sort(key=lambda explanation: bool(explanation.reasons))
    text = [
        f"Every number more than {LIMIT_PERCENT:.0f} % from the paper, with the reason."
        if explanations
        else f"No number is more than {LIMIT_PERCENT:.0f} % from the paper."
    ]
    return Section("deviations", "Deviations and their reasons", text, explanations=explanations)
